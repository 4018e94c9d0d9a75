/**
 * What the scenarios and the benchmark run against: this broker, and the brokers people come from. A `Peer` is a running
 * process and the addresses where it speaks each protocol; everything else about it stays in here.
 *
 * A peer that is not installed is not an error: `installed` says so, and whoever asked skips it in words.
 */
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Child, freePorts, startChild, temporaryDirectory } from '../support/processes.ts';
import { activemqInstalled } from './activemq.ts';

export type PeerKind = 'entrepot' | 'rabbitmq' | 'mosquitto' | 'nats' | 'activemq';

export interface Peer {
  readonly kind: PeerKind;
  readonly version: string;
  /** -1 where it does not speak the protocol. */
  readonly amqpPort: number;
  readonly mqttPort: number;
  readonly stompPort: number;
  readonly httpPort: number;
  readonly wsPort: number;
  readonly wsMqttUrl: string;
  readonly wsStompUrl: string;
  readonly pid: number;
  transcript(): string;
  /** Ends it in order and removes what it wrote, unless the data directory was the caller's. */
  stop(): Promise<void>;
}

/** One that can also be killed and started again on the same data and the same ports. */
export interface RestartablePeer extends Peer {
  /** SIGKILL, at once, as a power switch would; then waits until the process is gone. */
  kill(): Promise<void>;
  /** Starts it again where it was. The object stays the same; `pid` changes. */
  restart(): Promise<void>;
}

export interface EntrepotPeer extends RestartablePeer {
  readonly data: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface EntrepotOptions {
  /** Default: a directory of its own, removed by `stop`. */
  readonly data?: string;
  /** A command that the broker is started under, as `strace -o FILE --`. */
  readonly under?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Options for Node itself, as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

export async function startEntrepot(options: EntrepotOptions = {}): Promise<EntrepotPeer> {
  const own = options.data === undefined ? await temporaryDirectory('data') : undefined;
  const data = options.data ?? own!.path;
  const [amqpPort, mqttPort, stompPort, wsPort, httpPort] = (await freePorts(5)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const broker = [
    process.execPath,
    ...(options.nodeOptions ?? []),
    join(ROOT, 'src', 'main.ts'),
    'start',
    '--data',
    data,
    ...['--listen', `amqp://127.0.0.1:${amqpPort}`],
    ...['--listen', `mqtt://127.0.0.1:${mqttPort}`],
    ...['--listen', `stomp://127.0.0.1:${stompPort}`],
    ...['--listen', `ws://127.0.0.1:${wsPort}`],
    ...['--listen', `http://127.0.0.1:${httpPort}`],
  ];
  const [command, ...rest] = [...(options.under ?? []), ...broker] as [string, ...string[]];
  const start = (): Promise<Child> =>
    startChild({
      name: 'entrepot',
      command,
      arguments: rest,
      directory: ROOT,
      readyLine: /\bReady in \d/,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    });
  let child: Child;
  try {
    child = await start();
  } catch (error) {
    await own?.remove();
    throw error;
  }
  return {
    kind: 'entrepot',
    version: (JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version,
    amqpPort,
    mqttPort,
    stompPort,
    httpPort,
    wsPort,
    wsMqttUrl: `ws://127.0.0.1:${wsPort}/mqtt`,
    wsStompUrl: `ws://127.0.0.1:${wsPort}/stomp`,
    data,
    get pid() {
      return child.pid;
    },
    transcript: () => child.transcript(),
    kill: () => child.kill(),
    async restart() {
      await child.kill();
      child = await start();
    },
    async stop() {
      await child.stop();
      await own?.remove();
    },
  };
}

const RABBITMQ_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Where each peer's program is, or undefined. Debian's packages put `rabbitmq-server` behind a wrapper that wants root. */
export function installed(kind: PeerKind): string | undefined {
  if (kind === 'entrepot') return process.execPath;
  if (kind === 'activemq') return activemqInstalled();
  const candidates =
    kind === 'rabbitmq'
      ? [RABBITMQ_SERVER]
      : kind === 'mosquitto'
        ? ['/usr/sbin/mosquitto', 'mosquitto']
        : ['/usr/sbin/nats-server', 'nats-server'];
  for (const candidate of candidates) {
    const found = spawnSync('sh', ['-c', `command -v ${candidate}`]);
    if (found.status === 0) return found.stdout.toString('utf8').trim();
  }
  return undefined;
}

export interface RabbitmqOptions {
  /** Besides MQTT, STOMP and both over WebSocket. */
  readonly plugins?: readonly string[];
  /** Lines of rabbitmq.conf. */
  readonly settings?: readonly string[];
}

export interface RabbitmqPeer extends RestartablePeer {
  /** Runs `rabbitmqctl` with these words. Rejects with what it printed if it fails. */
  control(words: readonly string[]): Promise<void>;
}

/** RabbitMQ with MQTT, STOMP and both over WebSocket, wholly inside a directory of its own. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqPeer> {
  const server = installed('rabbitmq');
  if (server === undefined) throw new Error('rabbitmq-server is not installed');
  const home = await temporaryDirectory('rabbitmq');
  const ports = await freePorts(8);
  const [amqpPort, mqttPort, stompPort, wsMqttPort, wsStompPort, epmdPort, distributionPort, httpPort] = ports as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at = (name: string): string => join(home.path, name);
  const manages = options.plugins?.includes('rabbitmq_management') === true;
  for (const directory of ['mnesia', 'log', 'home']) await mkdir(at(directory));
  const plugins = ['rabbitmq_mqtt', 'rabbitmq_stomp', 'rabbitmq_web_mqtt', 'rabbitmq_web_stomp'];
  await writeFile(at('plugins'), `[${[...plugins, ...(options.plugins ?? [])].join(',')}].\n`);
  await writeFile(at('home/.erlang.cookie'), 'CONFORMANCE');
  await chmod(at('home/.erlang.cookie'), 0o400);
  await writeFile(
    at('rabbitmq.conf'),
    [
      `listeners.tcp.local = 127.0.0.1:${amqpPort}`,
      `mqtt.listeners.tcp.1 = 127.0.0.1:${mqttPort}`,
      `stomp.listeners.tcp.1 = 127.0.0.1:${stompPort}`,
      `web_mqtt.tcp.port = ${wsMqttPort}`,
      'web_mqtt.tcp.ip = 127.0.0.1',
      `web_stomp.tcp.port = ${wsStompPort}`,
      'web_stomp.tcp.ip = 127.0.0.1',
      // Its default is text frames, which a body that is not UTF-8 makes invalid.
      'web_stomp.ws_frame = binary',
      'stomp.default_user = guest',
      'stomp.default_pass = guest',
      ...(manages ? ['management.tcp.ip = 127.0.0.1', `management.tcp.port = ${httpPort}`] : []),
      ...(options.settings ?? []),
      '',
    ].join('\n'),
  );
  const environment: Record<string, string> = {
    HOME: at('home'),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Its launcher is a shell that waits for its child; told that something else supervises it, it becomes the server.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: `peer${amqpPort}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: at('mnesia'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: at('plugins'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: at('none'),
    RABBITMQ_PID_FILE: at('pid'),
  };
  // The port mapper would otherwise be started as a daemon that outlives the server.
  const mapper = await startChild({
    name: 'epmd',
    command: 'epmd',
    arguments: [],
    environment,
    readyPorts: [epmdPort],
  });
  const start = (): Promise<Child> =>
    startChild({
      name: 'rabbitmq',
      command: server,
      arguments: [],
      environment,
      directory: home.path,
      readyPorts: [amqpPort, mqttPort, stompPort, wsMqttPort, wsStompPort, ...(manages ? [httpPort] : [])],
      readyTimeoutMs: 90_000,
    });
  let child: Child;
  try {
    child = await start();
  } catch (error) {
    await mapper.stop();
    await home.remove();
    throw error;
  }
  return {
    kind: 'rabbitmq',
    version: /RabbitMQ (\d[\d.]*)/.exec(child.transcript())?.[1] ?? 'unknown',
    amqpPort,
    mqttPort,
    stompPort,
    httpPort: manages ? httpPort : -1,
    wsPort: wsStompPort,
    wsMqttUrl: `ws://127.0.0.1:${wsMqttPort}/ws`,
    wsStompUrl: `ws://127.0.0.1:${wsStompPort}/ws`,
    get pid() {
      return child.pid;
    },
    transcript: () => child.transcript(),
    kill: () => child.kill(),
    async restart() {
      await child.kill();
      child = await start();
    },
    async control(words) {
      const control = join(dirname(server), 'rabbitmqctl');
      const env = { ...process.env, ...environment };
      await promisify(execFile)(control, ['-n', environment['RABBITMQ_NODENAME']!, ...words], { env });
    },
    async stop() {
      await child.stop(20_000);
      await mapper.stop();
      await home.remove();
    },
  };
}

export interface MosquittoOptions {
  /** Passwords by user name; whoever gives no name is let in all the same. Default: anybody is let in. */
  readonly users?: Readonly<Record<string, string>>;
  /**
   * Its default limits (1000 queued, 20 in flight) would drop part of a benchmark's load instead of measuring it, so they are
   * off unless asked for.
   */
  readonly limits?: 'default' | 'none';
}

/** Mosquitto as it comes, MQTT over TCP and WebSocket, nothing persisted. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Peer> {
  const server = installed('mosquitto');
  if (server === undefined) throw new Error('mosquitto is not installed');
  const home = await temporaryDirectory('mosquitto');
  const [mqttPort, wsPort] = (await freePorts(2)) as [number, number];
  const file = join(home.path, 'mosquitto.conf');
  const passwords = join(home.path, 'passwords');
  if (options.users !== undefined) {
    // Readable by the user that it runs as, who need not be ours.
    await chmod(home.path, 0o755);
    await writeFile(
      passwords,
      Object.entries(options.users)
        .map(([user, password]) => `${user}:${password}\n`)
        .join(''),
    );
    spawnSync('mosquitto_passwd', ['-U', passwords]);
    await chmod(passwords, 0o644);
  }
  await writeFile(
    file,
    [
      'per_listener_settings false',
      'allow_anonymous true',
      ...(options.users === undefined ? [] : [`password_file ${passwords}`]),
      ...(options.limits === 'default' ? [] : ['max_queued_messages 0', 'max_inflight_messages 0']),
      `listener ${mqttPort} 127.0.0.1`,
      `listener ${wsPort} 127.0.0.1`,
      'protocol websockets',
      '',
    ].join('\n'),
  );
  const child = await startChild({
    name: 'mosquitto',
    command: server,
    arguments: ['-c', file],
    directory: home.path,
    readyPorts: [mqttPort, wsPort],
  });
  return {
    kind: 'mosquitto',
    version: /mosquitto version (\S+)/.exec(child.transcript())?.[1] ?? 'unknown',
    amqpPort: -1,
    mqttPort,
    stompPort: -1,
    httpPort: -1,
    wsPort,
    wsMqttUrl: `ws://127.0.0.1:${wsPort}/mqtt`,
    wsStompUrl: '',
    pid: child.pid,
    transcript: () => child.transcript(),
    async stop() {
      await child.stop();
      await home.remove();
    },
  };
}
