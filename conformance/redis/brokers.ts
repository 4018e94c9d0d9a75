/** The two servers of these scenarios: this broker, in the test's own process with its data on the disk; and Debian's Redis. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBroker } from '../../src/index.ts';
import { freePorts, startChild, temporaryDirectory } from '../support/processes.ts';

export type ServerKind = 'entrepot' | 'redis';

export interface TestServer {
  readonly kind: ServerKind;
  readonly port: number;
  stop(): Promise<void>;
}

export async function startHere(): Promise<TestServer> {
  const data = await temporaryDirectory('redis');
  const running = await createBroker({ data: data.path, listen: ['redis://127.0.0.1:0'] });
  return {
    kind: 'entrepot',
    port: running.port('redis'),
    async stop() {
      await running.close();
      await data.remove();
    },
  };
}

/** Where Redis' programs are, or undefined. */
export function program(name: 'redis-server' | 'redis-cli' | 'redis-benchmark'): string | undefined {
  const found = spawnSync('sh', ['-c', `command -v ${name}`]);
  return found.status === 0 ? found.stdout.toString('utf8').trim() : undefined;
}

/** Redis with the users that this broker has; every write is synced, as this broker's are. */
export async function startThere(): Promise<TestServer> {
  const command = program('redis-server');
  if (command === undefined) throw new Error('redis-server is not installed');
  const home = await temporaryDirectory('redis-server');
  const [port] = (await freePorts(1)) as [number];
  const file = join(home.path, 'redis.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${home.path}`,
    'save ""',
    'appendonly yes',
    'appendfsync always',
  ];
  await writeFile(file, [...lines, 'user guest on >guest ~* &* +@all', ''].join('\n'));
  const child = await startChild({ name: 'redis-server', command, arguments: [file], readyPorts: [port] });
  return {
    kind: 'redis',
    port,
    async stop() {
      await child.stop();
      await home.remove();
    },
  };
}
