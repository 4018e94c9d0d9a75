/**
 * AMQP 0-9-1, with the extensions that RabbitMQ's clients use. https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
 *
 *     import { amqp } from './protocols/amqp/index.ts';
 *     const protocol = amqp({ heartbeatS: 30 });
 *
 * Rooms: `codec/` (bytes to values and back), `connection.ts` and `channel.ts` (the state machines), `handlers/` (one
 * file a class of methods), `mapping.ts` (properties to and from the neutral form).
 */
import type { Protocol } from '../../src/api/index.ts';
import { Connection } from './connection/connection.ts';
import { amqpDialect, WireProperties } from './mapping/properties.ts';
import { type AmqpOptions, AmqpStats, limitsOf } from './options.ts';

export type { AmqpOptions } from './options.ts';
export { AmqpStats } from './options.ts';

export interface AmqpProtocol extends Protocol {
  /** Counted since the protocol was made, over all its connections. */
  readonly stats: AmqpStats;
}

const NAME = Buffer.from('AMQP', 'latin1');

export function amqp(options: AmqpOptions = {}): AmqpProtocol {
  const limits = limitsOf(options);
  const stats = new AmqpStats();
  const wire = new WireProperties(stats);
  return {
    name: 'amqp',
    dialect: amqpDialect,
    stats,
    detect(first) {
      const n = Math.min(first.length, NAME.length);
      if (first.compare(NAME, 0, n, 0, n) !== 0) return false;
      return n === NAME.length ? true : undefined;
    },
    accept(transport, broker) {
      return new Connection(transport, broker, limits, stats, wire);
    },
  };
}
