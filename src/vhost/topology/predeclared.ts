/** The exchanges that are always there: everybody expects them, and nobody may delete them. */
import type { ExchangeType } from '../../api/topology.ts';
import type { ExchangeRecord } from '../journal/records/topology.ts';

export const PREDECLARED: readonly ExchangeRecord[] = [
  predeclared('amq.direct', 'direct'),
  predeclared('amq.fanout', 'fanout'),
  predeclared('amq.topic', 'topic'),
  predeclared('amq.headers', 'headers'),
  predeclared('amq.match', 'headers'),
  predeclared('amq.rabbitmq.trace', 'topic', true),
];

function predeclared(name: string, type: ExchangeType, internal = false): ExchangeRecord {
  return { name, type, durable: true, autoDelete: false, internal, arguments: [] };
}
