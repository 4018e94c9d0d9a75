/**
 * Backoff: how long a message that failed waits before it is tried again. A pure function: what looks like chance is made from the
 * message's number, so that the same failure waits the same time in a simulation.
 *
 *     constant      d     d     d     d
 *     linear        d    2d    3d    4d
 *     exponential   d    2d    4d    8d
 *     list          as written, the last one again and again
 */
export interface Backoff {
  readonly kind: 'constant' | 'linear' | 'exponential';
  /** Milliseconds: the first, or all, of the delays. */
  readonly delayMs: number;
  /** No delay is longer. */
  readonly delayMaxMs: number;
  /** A part of the delay, 0 to 1, that is taken off at most, so that what failed together does not come back together. */
  readonly jitter: number;
  /** Milliseconds; if it is not empty, `kind` and `delayMs` mean nothing. */
  readonly list: readonly number[];
}

/**
 * @param attempts failed attempts so far, 1 at least
 * @param seed any number of the message's own
 * @returns milliseconds, whole
 */
export function backoffMs(backoff: Backoff, attempts: number, seed: number): number {
  const { kind, delayMs, delayMaxMs, jitter, list } = backoff;
  let delay = delayMs;
  if (list.length > 0) delay = list[Math.min(attempts, list.length) - 1]!;
  else if (kind === 'linear') delay = delayMs * attempts;
  else if (kind === 'exponential') delay = delayMs * 2 ** (attempts - 1);
  delay = Math.min(delay, delayMaxMs);
  return jitter === 0 ? delay : Math.ceil(delay * (1 - jitter * chance(seed, attempts)));
}

/** 0 ≤ x < 1, the same for the same two numbers. */
function chance(seed: number, attempts: number): number {
  let h = Math.imul((seed % 0x1_0000_0000) ^ Math.imul(attempts, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000;
}
