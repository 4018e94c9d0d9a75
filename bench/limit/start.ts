/** Starts a bare relay, in Node or (where a compiler is installed) in C, or the bare server, as a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startChild, temporaryDirectory } from '../../conformance/support/processes.ts';
import type { Target } from '../../test/budget/harness.ts';

export interface Relay {
  /** Where both sides connect, as MQTT clients. */
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startRelay(): Promise<Relay> {
  return start(process.execPath, [fileURLToPath(new URL('relay.ts', import.meta.url))], async () => {});
}

/** Undefined without `cc`. */
export async function startBareRelay(): Promise<Relay | undefined> {
  const directory = await temporaryDirectory('relay');
  const program = join(directory.path, 'relay');
  try {
    await promisify(execFile)('cc', ['-O2', '-o', program, fileURLToPath(new URL('relay.c', import.meta.url))]);
  } catch (error) {
    await directory.remove();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return start(program, [], () => directory.remove());
}

async function start(command: string, words: string[], after: () => Promise<void>): Promise<Relay> {
  const child = await startChild({ name: 'relay', command, arguments: words, readyLine: /relay \d+\n/ });
  return {
    port: Number(/relay (\d+)/.exec(child.transcript())![1]),
    pid: child.pid,
    async stop() {
      await child.stop();
      await after();
    },
  };
}

export async function startFloor(): Promise<Target> {
  const child = await startChild({
    name: 'floor',
    command: process.execPath,
    arguments: [fileURLToPath(new URL('floor.ts', import.meta.url))],
    readyLine: /floor \d+ \d+\n/,
  });
  const [flood, echo] = /floor (\d+) (\d+)/.exec(child.transcript())!.slice(1).map(Number) as [number, number];
  return {
    ports: { amqp: flood, mqtt: flood, stomp: flood, redis: flood, http: flood },
    bystanderPort: echo,
    pid: child.pid,
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}
