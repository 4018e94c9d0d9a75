/**
 * The one word of flags that a queue keeps beside each sequence number.
 *
 * ```
 * bits 0-1   effective assurance      the lower of the publisher's and the subscription's
 * bit  2     shown as retained
 * bit  3     durable                  the message lies in the durable log, and its settlement is logged
 * bit  4     may have been delivered
 * bits 5-18  subscription data        the subscriber's own number
 * bit  19    large                    the body lies in extents
 * bits 20-31 failed attempts          saturates at 4095
 * ```
 */
export const WORD_ASSURANCE = 0b11;
export const WORD_RETAINED = 1 << 2;
export const WORD_DURABLE = 1 << 3;
export const WORD_DELIVERED = 1 << 4;
export const WORD_DATA_SHIFT = 5;
export const WORD_DATA_MASK = 0x3fff;
export const WORD_LARGE = 1 << 19;
const ATTEMPTS_SHIFT = 20;
export const ATTEMPTS_MAX = 0xfff;

export function attemptsOf(word: number): number {
  return word >>> ATTEMPTS_SHIFT;
}

export function withAttempts(word: number, attempts: number): number {
  return ((word & ((1 << ATTEMPTS_SHIFT) - 1)) | (Math.min(attempts, ATTEMPTS_MAX) << ATTEMPTS_SHIFT)) >>> 0;
}
