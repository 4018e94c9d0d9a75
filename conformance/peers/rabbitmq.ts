/** RabbitMQ as a peer, wholly inside a directory of the run's own. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Child, freePorts, startChild, temporaryDirectory } from '../support/processes.ts';
import { installed } from './installed.ts';
import type { RestartablePeer } from './peer.ts';

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

/** Starts it with MQTT, STOMP and both over WebSocket. Throws if it is not installed, or not ready in 90 s. */
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
