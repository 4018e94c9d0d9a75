/** The list of exchange types, and the kind that is made for each. */
import type { ExchangeType } from '../../api/topology.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Headers } from '../../message/properties.ts';
import { ConsistentHashKind } from './consistent-hash.ts';
import { DirectKind } from './direct.ts';
import { FanoutKind } from './fanout.ts';
import { HeadersKind } from './headers.ts';
import type { ExchangeKind, KeyedBinding } from './kind.ts';
import { ModulusHashKind } from './modulus-hash.ts';
import { RandomKind } from './random.ts';
import { TopicKind } from './topic.ts';

export const EXCHANGE_TYPES: ReadonlySet<string> = new Set<ExchangeType>([
  'direct',
  'fanout',
  'topic',
  'headers',
  'x-consistent-hash',
  'x-modulus-hash',
  'x-random',
  'x-delayed-message',
  'x-message-deduplication',
]);

/** @throws BrokerError invalid for an unknown type */
export function checkType(type: string): void {
  if (!EXCHANGE_TYPES.has(type)) throw new BrokerError('invalid', `unknown exchange type '${type}'`);
}

/** @throws BrokerError invalid for an unknown type, precondition-failed for arguments it cannot have */
export function makeKind<B extends KeyedBinding>(type: string, args: Headers): ExchangeKind<B> {
  checkType(type);
  switch (type as ExchangeType) {
    case 'direct':
      return new DirectKind();
    case 'fanout':
      return new FanoutKind();
    case 'topic':
      return new TopicKind();
    case 'headers':
      return new HeadersKind();
    case 'x-consistent-hash':
      return new ConsistentHashKind(args);
    case 'x-modulus-hash':
      return new ModulusHashKind();
    case 'x-random':
      return new RandomKind();
    case 'x-message-deduplication': // what it is for, its window does
      return new FanoutKind();
    case 'x-delayed-message':
      return makeKind(delayedType(args), args);
  }
}

/** How an exchange of type x-delayed-message routes what is due: its publishers' delays are kept by the vhost. */
function delayedType(args: Headers): string {
  const type = args.find((a) => a.name === 'x-delayed-type')?.value;
  if (type === 'x-delayed-message') {
    throw new BrokerError(
      'precondition-failed',
      "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'",
    );
  }
  if (typeof type === 'string') return type;
  throw new BrokerError('precondition-failed', "Invalid argument, 'x-delayed-type' must be an existing exchange type");
}
