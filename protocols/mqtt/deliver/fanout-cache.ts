import type { Pinnable } from '../../../src/api/index.ts';

/**
 * The cache of the last at-most-once message as it was encoded, so that its next subscriber gets a copy of the bytes. There is
 * one for each encoder that several connections share.
 */
export class FanoutCache {
  /** `MessageView.serial` of the message; -1 before the first. */
  serial = -1;
  retained = false;
  /** The packet, but for a body that is written from where it lies: `buffer[at, at + length)`, in the output of whoever got it first. */
  buffer: Buffer = Buffer.alloc(0);
  at = 0;
  length = 0;
  /** All of it. */
  packetBytes = 0;
  /** Set where it is long: then it lies in memory of its own, and is written from there. */
  memory: Pinnable | null = null;
}
