/**
 * A route: an exchange and a routing key, resolved to the queues and direct subscriptions that they lead to.
 */
import type { AddressBytes } from '../message/address-bytes.ts';
import type { Spelling } from '../message/message.ts';

/**
 * A resolved address. Made with `Session.route`, immutable but for `valid`; an adapter keeps those its client has used lately, by
 * the bytes of their addresses (`RouteMemo`), so that a publish to a known address makes no string.
 */
export interface Route extends AddressBytes {
  /** The exchange's name, a view made at each call: not for every message. */
  readonly exchangeBytes: Buffer;
  /** The key as it was sent, a view made at each call: not for every message. */
  readonly keyBytes: Buffer;
  /** How the key separates its levels; DOT for the default exchange, whose keys are queues' names. */
  readonly spelling: Spelling;
  /** Some queue or direct subscription takes what is published here (unless it depends on the message itself). */
  readonly leadsSomewhere: boolean;
  /** False once what it led to has changed: ask again. */
  readonly valid: boolean;
  /** Its exchange is of the type x-delayed-message: set `Draft.delayMs` from the property in which publishers say how long to wait. */
  readonly acceptsDelay: boolean;
}
