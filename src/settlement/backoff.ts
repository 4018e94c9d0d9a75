/**
 * Backoff: how long a message that failed waits before it is tried again. A pure function: what looks like chance is made from the
 * message's number, so that the same failure waits the same time in a simulation.
 *
 *     constant      d     d     d     d
 *     linear        d    2d    3d    4d
 *     exponential   d    fd   f²d   f³d       f, the factor, is 2 unless another is said
 *     list          as written, the last one again and again
 */
export interface Backoff {
  readonly kind: 'constant' | 'linear' | 'exponential';
  /** Milliseconds: the first, or all, of the delays. */
  readonly delayMs: number;
  /** No delay is longer. */
  readonly delayMaxMs: number;
  /** What each delay of an exponential one is of that before it, 1 or more. */
  readonly factor: number;
  /** A part of the delay, 0 to 1, that is taken off at most, so that what failed together does not come back together. */
  readonly jitter: number;
  /** Milliseconds; if it is not empty, `kind` and `delayMs` mean nothing. */
  readonly list: readonly number[];
  /** Which deliveries are followed by it: those that failed, those that were given back without an attempt, or both. */
  readonly on: 'failed' | 'returned' | 'all';
}

/**
 * @param attempts failed attempts so far; none (it was only given back) waits as long as one
 * @param seed any number of the message's own
 * @returns milliseconds, whole
 */
export function backoffMs(backoff: Backoff, attempts: number, seed: number): number {
  const { kind, delayMs, delayMaxMs, factor, jitter, list } = backoff;
  const nth = Math.max(1, attempts);
  let delay = delayMs;
  if (list.length > 0) delay = list[Math.min(nth, list.length) - 1]!;
  else if (kind === 'linear') delay = delayMs * nth;
  else if (kind === 'exponential') delay = delayMs * factor ** (nth - 1);
  delay = Math.min(delay, delayMaxMs);
  return jitter === 0 ? delay : Math.ceil(delay * (1 - jitter * chance(seed, attempts)));
}

/** 0 ≤ x < 1, the same for the same two numbers. */
function chance(seed: number, attempts: number): number {
  let h = Math.imul((seed % 0x1_0000_0000) ^ Math.imul(attempts, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000;
}
