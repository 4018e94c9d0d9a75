/** The AMQP adapter: recognises its streams by their first bytes, and makes a `Connection` for each. */
import { bytesOf, DOT, type Protocol } from '../../src/api/index.ts';
import { Connection } from './connection/connection.ts';
import { amqpDialect } from './mapping/dialect.ts';
import { subscriptionTo } from './mapping/explain-subscription.ts';
import { WireProperties } from './mapping/wire-properties.ts';
import { type AmqpOptions, limitsOf } from './options.ts';
import { AmqpStats } from './stats.ts';

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
    /** Two words: the exchange, '' for the default one, and the routing key. */
    resolve: (exchange, key = '') => ({ exchange, key: bytesOf(key), spelling: DOT }),
    subscription: subscriptionTo,
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
