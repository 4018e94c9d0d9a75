/**
 * STOMP 1.0, 1.1 and 1.2.
 *
 *     codec/        bytes to frames and back; pure
 *     connection/   the state machine, CONNECT, frames in and out, heart-beats, what an admitted client has
 *     publish/      SEND, transactions, receipts
 *     deliver/      SUBSCRIBE and UNSUBSCRIBE, MESSAGE, ACK and NACK
 *     topology/     the queues and bindings that destinations ask for
 *     mapping/      destinations, headers and the neutral properties
 *
 * Not built, and refused rather than ignored: messages that are scheduled again and again.
 */
import { type AddressMeaning, type BrokerServices, DOT, type Protocol, type Transport } from '../../src/api/index.ts';
import { Adapter } from './adapter.ts';
import { frameExtent } from './codec/extent.ts';
import { Connection } from './connection/connection.ts';
import { inWords, subscriptionTo } from './mapping/explain-subscription.ts';
import { STOMP_DIALECT } from './mapping/properties.ts';
import { resolveOptions, type StompOptions } from './options.ts';
import { parseSendDestination, sendAddressOf } from './publish/target-memo.ts';
import { StompStats } from './stats.ts';
import { reviewDurables } from './topology/durable-review.ts';

export type { StompOptions } from './options.ts';
export { StompStats } from './stats.ts';

export interface StompProtocol extends Protocol {
  /** Counts over all connections, of all brokers that were given this adapter. */
  readonly stats: StompStats;
}

/**
 * The STOMP adapter, for `createBroker({ protocols })`.
 *
 * @throws RangeError for options that cannot be kept
 */
export function stomp(options: StompOptions = {}): StompProtocol {
  const resolved = resolveOptions(options);
  const stats = new StompStats();
  const adapters = new WeakMap<BrokerServices, Adapter>();
  return {
    name: 'stomp',
    dialect: STOMP_DIALECT,
    stats,
    // One frame a message: clients read no more from one.
    framing: { extent: frameExtent, bytesOnly: false },
    resolve,
    subscription: (text, subscriber) => subscriptionTo(text, subscriber, resolved.wildcards),
    detect,
    review: reviewDurables,
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

function resolve(text: string): AddressMeaning {
  return inWords(text, () => {
    const destination = parseSendDestination(text);
    return {
      ...sendAddressOf(destination),
      spelling: DOT,
      ...(destination.kind === 'queue' && { declares: destination.name }),
    };
  });
}

const DETECT_BYTES = 16;
const GREETINGS = ['CONNECT', 'STOMP'];

/** EOLs, then CONNECT or STOMP and the end of the line. */
function detect(first: Buffer): boolean | undefined {
  let start = 0;
  while (start < first.length && (first[start] === 0x0a || first[start] === 0x0d)) start++;
  const text = first.toString('latin1', start, DETECT_BYTES);
  for (const greeting of GREETINGS) {
    if (text.startsWith(`${greeting}\n`) || text.startsWith(`${greeting}\r`)) return true;
    if (`${greeting}\n`.startsWith(text) && first.length < DETECT_BYTES) return undefined;
  }
  return false;
}
