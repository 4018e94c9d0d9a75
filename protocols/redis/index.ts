/**
 * Redis' publish and subscribe and its lists, in RESP2 and RESP3: the smallest adapter here, and the example of one.
 *
 *     connection/ ── commands ──┬── publish/   PUBLISH, LPUSH, RPUSH
 *         │                     ├── deliver/   SUBSCRIBE and the like, pops
 *         │                     └── topology/  lists as queues: LLEN, EXISTS, DEL
 *       codec/  bytes to commands and back; pure              mapping/  names
 *
 * Anything else of Redis is an unknown command. Not built: databases beside 0, LPOP and RPOP with a count, MULTI, scripts, streams.
 */
import { type BrokerServices, bytesOf, DOT, type Protocol, type Transport } from '../../src/api/index.ts';
import { Adapter } from './adapter.ts';
import { Connection } from './connection/connection.ts';
import { subscriptionTo } from './mapping/explain-subscription.ts';
import { CHANNELS, REDIS_DIALECT } from './mapping/names.ts';
import { type RedisOptions, resolveOptions } from './options.ts';
import { RedisStats } from './stats.ts';

export type { RedisOptions } from './options.ts';
export { RedisStats } from './stats.ts';

export interface RedisProtocol extends Protocol {
  readonly stats: RedisStats;
}

export function redis(options: RedisOptions = {}): RedisProtocol {
  const resolved = resolveOptions(options);
  const stats = new RedisStats();
  const adapters = new WeakMap<BrokerServices, Adapter>();
  return {
    name: 'redis',
    dialect: REDIS_DIALECT,
    stats,
    resolve: (channel) => ({ exchange: CHANNELS, key: bytesOf(channel), spelling: DOT }),
    subscription: subscriptionTo,
    detect,
    accept(transport: Transport, broker: BrokerServices): Connection {
      let adapter = adapters.get(broker);
      if (adapter === undefined) {
        adapter = new Adapter(broker, resolved, stats);
        adapters.set(broker, adapter);
      }
      return new Connection(adapter, transport);
    },
  };
}

/** An array of arguments; inline commands could be another protocol's words, and are understood on a port of their own. */
function detect(first: Buffer): boolean | undefined {
  if (first.length === 0) return undefined;
  if (first[0] !== 0x2a) return false;
  if (first.length === 1) return undefined;
  return first[1]! >= 0x30 && first[1]! <= 0x39;
}
