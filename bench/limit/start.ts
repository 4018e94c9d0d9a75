/** Starts the bare relay as a process of its own. */
import { fileURLToPath } from 'node:url';
import { startChild } from '../../conformance/support/processes.ts';

export interface Relay {
  /** Where both sides connect, as MQTT clients. */
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startRelay(): Promise<Relay> {
  const child = await startChild({
    name: 'relay',
    command: process.execPath,
    arguments: [fileURLToPath(new URL('relay.ts', import.meta.url))],
    readyLine: /relay \d+\n/,
  });
  return {
    port: Number(/relay (\d+)/.exec(child.transcript())![1]),
    pid: child.pid,
    stop: () => child.stop(),
  };
}
