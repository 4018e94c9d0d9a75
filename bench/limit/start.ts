/** Starts the bare relay, and the bare server, as processes of their own. */
import { fileURLToPath } from 'node:url';
import { startChild } from '../../conformance/support/processes.ts';
import type { Target } from '../../test/budget/harness.ts';

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
