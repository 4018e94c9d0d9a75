/** What an address of a protocol means in the broker's model (`Protocol.resolve`). */
import type { Spelling } from '../message/message.ts';

export interface AddressMeaning {
  /** '' is the default one. */
  readonly exchange: string;
  /** As it is published with. */
  readonly key: Buffer;
  readonly spelling: Spelling;
  /** A queue that is declared first, if it is not there. Left out: none. */
  readonly declares?: string;
  /** Milliseconds that the message waits before it is routed. Left out: none. */
  readonly delayMs?: number;
}
