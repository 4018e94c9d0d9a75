/** This broker as a process of its own, from source, on free loopback ports. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, freePorts, startChild, temporaryDirectory } from '../support/processes.ts';
import type { RestartablePeer } from './peer.ts';

export interface EntrepotPeer extends RestartablePeer {
  readonly data: string;
  readonly redisPort: number;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface EntrepotOptions {
  /** Default: a directory of its own, removed by `stop`. */
  readonly data?: string;
  /** Another checkout of it, with what it needs installed. Default: this one. */
  readonly checkout?: string;
  /** A command that the broker is started under, as `strace -o FILE --`. */
  readonly under?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Addresses besides the usual ones, as `mqtts://127.0.0.1:8883`. */
  readonly listen?: readonly string[];
  /** Options for Node itself, as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
  readonly readyTimeoutMs?: number;
}

export async function startEntrepot(options: EntrepotOptions = {}): Promise<EntrepotPeer> {
  const root = options.checkout ?? ROOT;
  const own = options.data === undefined ? await temporaryDirectory('data') : undefined;
  const data = options.data ?? own!.path;
  const [amqpPort, mqttPort, stompPort, redisPort, wsPort, httpPort] = (await freePorts(6)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const broker = [
    process.execPath,
    ...(options.nodeOptions ?? []),
    join(root, 'src', 'main.ts'),
    'start',
    '--data',
    data,
    ...['--listen', `amqp://127.0.0.1:${amqpPort}`],
    ...['--listen', `mqtt://127.0.0.1:${mqttPort}`],
    ...['--listen', `stomp://127.0.0.1:${stompPort}`],
    ...['--listen', `redis://127.0.0.1:${redisPort}`],
    ...['--listen', `ws://127.0.0.1:${wsPort}`],
    ...['--listen', `http://127.0.0.1:${httpPort}`],
    ...(options.listen ?? []).flatMap((address) => ['--listen', address]),
  ];
  const [command, ...rest] = [...(options.under ?? []), ...broker] as [string, ...string[]];
  const start = (): Promise<Child> =>
    startChild({
      name: 'entrepot',
      command,
      arguments: rest,
      directory: root,
      readyLine: /\bReady in \d/,
      ...(options.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: options.readyTimeoutMs }),
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
    version: (JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    amqpPort,
    mqttPort,
    stompPort,
    redisPort,
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
