/** The protocols that the load generator speaks. */
import { amqp } from './amqp.ts';
import { mqtt } from './mqtt.ts';
import { stomp } from './stomp.ts';
import type { Talk, TalkOptions } from './talk.ts';

export const BENCH_PROTOCOLS = ['amqp', 'mqtt', 'stomp'] as const;
export type BenchProtocol = (typeof BENCH_PROTOCOLS)[number];

export function talkOf(protocol: BenchProtocol, role: 'producer' | 'consumer', options: TalkOptions): Talk {
  return { amqp, mqtt, stomp }[protocol](role, options);
}
