/**
 * A route: an exchange and a routing key, resolved.
 */
import type { AddressBytes } from '../message/address-bytes.ts';
import type { Spelling } from '../message/message.ts';

/**
 * A resolved (exchange, routing key). Valid until bindings change; an adapter keeps those it has used lately (`AddressTable`)
 * and compares bytes before it asks again.
 */
export interface Route extends AddressBytes {
  /** The exchange's name and the key as views of their own, made when asked for: not for every message. */
  readonly exchangeBytes: Buffer;
  readonly keyBytes: Buffer;
  readonly spelling: Spelling;
  /** Some queue or direct subscription takes what is published here (unless it depends on the message itself). */
  readonly leadsSomewhere: boolean;
  /** False once what it led to has changed: ask again. */
  readonly valid: boolean;
  /** Its exchange is of the type x-delayed-message: publishers say in a property of their own how long a message is to wait. */
  readonly acceptsDelay: boolean;
}
