/**
 * How guessing is slowed down: after some failed logins of a pair of address and user, each next one of that pair waits, longer from
 * failure to failure, and one after the other. The right password waits as well, or the wait would tell; from another address it
 * does not wait, so nobody can lock a user out.
 *
 * The table has a bound; whoever failed longest ago is forgotten first, and everybody after ten minutes without a failure.
 */
import { type Clock, Timer } from '../clock/clock.ts';

/** People mistype. */
const FREE_FAILURES = 3;
const FIRST_DELAY_MS = 250;
/** Below what a client has for its whole handshake. */
const DELAY_MAX_MS = 4_000;
const FORGOTTEN_AFTER_MS = 600_000;
const PAIRS_MAX = 10_000;
/** Logins of one pair that wait at a time. */
const WAITING_MAX = 8;

interface Pair {
  failures: number;
  failedAtMs: number;
  /** When the next login may go on. */
  freeAtMs: number;
  waiting: number;
}

export class Guesses {
  /** Logins that were made to wait. */
  delayed = 0;
  private readonly clock: Clock;
  /** The one that failed longest ago first. */
  private readonly pairs = new Map<string, Pair>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get size(): number {
    return this.pairs.size;
  }

  /**
   * Calls `go` when a login of this pair may go on: at once, or later.
   * @returns false: too many of this pair wait already, and `go` is not called
   */
  admit(address: string, user: string, go: () => void): boolean {
    const pair = this.known(keyOf(address, user));
    const nowMs = this.clock.monotonicMs();
    if (pair === undefined || pair.failures < FREE_FAILURES) {
      go();
      return true;
    }
    if (pair.waiting >= WAITING_MAX) return false;
    const atMs = Math.max(nowMs, pair.freeAtMs) + delayAfter(pair.failures);
    pair.freeAtMs = atMs;
    pair.waiting++;
    this.delayed++;
    const timer = new Timer(() => {
      pair.waiting--;
      go();
    });
    this.clock.schedule(timer, atMs - nowMs);
    return true;
  }

  failed(address: string, user: string): void {
    const key = keyOf(address, user);
    const pair = this.known(key) ?? { failures: 0, failedAtMs: 0, freeAtMs: 0, waiting: 0 };
    pair.failures++;
    pair.failedAtMs = this.clock.monotonicMs();
    this.pairs.delete(key);
    this.pairs.set(key, pair);
    if (this.pairs.size <= PAIRS_MAX) return;
    const [oldest] = this.pairs.keys();
    this.pairs.delete(oldest!);
  }

  succeeded(address: string, user: string): void {
    this.pairs.delete(keyOf(address, user));
  }

  private known(key: string): Pair | undefined {
    const pair = this.pairs.get(key);
    if (pair === undefined || this.clock.monotonicMs() - pair.failedAtMs < FORGOTTEN_AFTER_MS) return pair;
    this.pairs.delete(key);
    return undefined;
  }
}

function delayAfter(failures: number): number {
  return Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - FREE_FAILURES, 10));
}

/** Names from outside are long, the table is not to be. */
function keyOf(address: string, user: string): string {
  return `${address}\n${user.slice(0, 255)}`;
}
