/** The AMQP 1.0 adapter: recognises its streams by their header, and makes a `Connection` for each. */
import { type AddressMeaning, type BrokerServices, bytesOf, DOT, type Protocol } from '../../src/api/index.ts';
import { Connection, type Containers } from './connection/connection.ts';
import { isAmqp10 } from './connection/protocol-header.ts';
import { nodeOf } from './mapping/addresses.ts';
import { amqp10Dialect } from './mapping/dialect.ts';
import { subscriptionTo } from './mapping/explain-subscription.ts';
import { type Amqp10Options, limitsOf } from './options.ts';
import { Amqp10Stats } from './stats.ts';

export interface Amqp10Protocol extends Protocol {
  /** Counted since the protocol was made, over all its connections. */
  readonly stats: Amqp10Stats;
}

export function amqp10(options: Amqp10Options = {}): Amqp10Protocol {
  const limits = limitsOf(options);
  const stats = new Amqp10Stats();
  const containers = new WeakMap<BrokerServices, Containers>();
  return {
    name: 'amqp10',
    dialect: amqp10Dialect,
    stats,
    resolve,
    subscription: subscriptionTo,
    detect: isAmqp10,
    accept(transport, broker) {
      let known = containers.get(broker);
      if (known === undefined) {
        known = new Set();
        containers.set(broker, known);
      }
      return new Connection(transport, broker, limits, stats, known);
    },
  };
}

/** What an address means to who sends there. @param key where the subject says it */
function resolve(address: string, key = ''): AddressMeaning {
  const node = nodeOf(address);
  if (node.kind === 'exchange') return { exchange: node.exchange, key: bytesOf(node.key ?? key), spelling: DOT };
  return {
    exchange: '',
    key: bytesOf(node.queue),
    spelling: DOT,
    ...(node.declares && { declares: node.queue }),
  };
}
