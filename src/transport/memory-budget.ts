/**
 * A bound on the memory that all connections together may make the broker use: for bytes that have come and belong to nothing
 * whole yet, or for bytes that wait to leave (one budget each). A connection's account is set whenever what it holds has
 * changed; past the bound connections are evicted, at the end of the turn, so that none is ended from within a call of its own.
 *
 *     set ──sum within the bound──▶ kept
 *         ──past it──▶ unauthenticated clients are evicted first, then who holds most, until the sum is within the bound again
 *         ──an unauthenticated client past UNAUTHENTICATED_BYTES_MAX──▶ evicted
 *
 * Refuses: to guess. Before anybody is evicted, every account is measured again.
 */
import { PHASE_GATHER, type Turn, type TurnTask } from '../clock/turn.ts';

/** A client that has not logged in has nothing large to send. */
export const UNAUTHENTICATED_BYTES_MAX = 512 * 1024;

export class MemoryBudget implements TurnTask {
  inTurn = false;
  /** Held by all accounts together, as last set. */
  bytes = 0;
  readonly bytesMax: number;
  /** Connections evicted since the start. */
  evicted = 0;
  /** Those that hold anything. */
  readonly accounts = new Set<MemoryAccount>();
  private unauthenticated: MemoryAccount[] = [];
  private readonly turn: Turn;

  constructor(turn: Turn, bytesMax: number) {
    this.turn = turn;
    this.bytesMax = bytesMax;
  }

  /** Measures every account, so that `bytes` is what is held now: what lets go of bytes does not always say so. */
  refresh(): this {
    for (const account of [...this.accounts]) account.refresh();
    return this;
  }

  /** @internal */
  exceeded(overMax: MemoryAccount | null): void {
    if (overMax !== null) this.unauthenticated.push(overMax);
    this.turn.add(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    const { unauthenticated } = this;
    this.unauthenticated = [];
    for (const account of unauthenticated) {
      account.refresh();
      if (account.overUnauthenticatedMax) this.evict(account);
    }
    if (this.bytes <= this.bytesMax) return;
    if (this.refresh().bytes <= this.bytesMax) return;
    const all = [...this.accounts];
    const rank = (account: MemoryAccount): number => (account.authenticated ? 0 : Number.MAX_SAFE_INTEGER / 2);
    all.sort((a, b) => rank(b) + b.bytes - (rank(a) + a.bytes));
    for (const account of all) {
      if (this.bytes <= this.bytesMax) return;
      this.evict(account);
    }
  }

  /** Evicts one: counted and reported once, whoever else finds that it holds too much. */
  evict(account: MemoryAccount): void {
    if (account.bytes === 0) return;
    this.evicted++;
    const unauthenticated = account.overUnauthenticatedMax;
    account.close();
    account.evict(unauthenticated);
  }
}

/** What one connection holds of one budget; a connection has an account in each. */
export abstract class MemoryAccount {
  bytes = 0;
  private closed = false;
  private readonly budget: MemoryBudget;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  /** Bytes it holds now. */
  protected abstract measure(): number;
  /** The client has logged in. */
  abstract readonly authenticated: boolean;
  /**
   * Ends the connection, and with it all that it holds.
   * @param unauthenticated for its own size alone, which is more than a client may hold that has not logged in
   */
  abstract evict(unauthenticated: boolean): void;

  /** Says how many bytes it holds now. */
  set(bytes: number): void {
    const { budget } = this;
    const before = this.bytes;
    if (bytes === before || this.closed) return;
    if (before === 0) budget.accounts.add(this);
    else if (bytes === 0) budget.accounts.delete(this);
    this.bytes = bytes;
    budget.bytes += bytes - before;
    if (bytes < before) return;
    if (this.overUnauthenticatedMax) budget.exceeded(this);
    else if (budget.bytes > budget.bytesMax) budget.exceeded(null);
  }

  /** It holds more than a client may that has not logged in. */
  get overUnauthenticatedMax(): boolean {
    return this.bytes > UNAUTHENTICATED_BYTES_MAX && !this.authenticated;
  }

  /** Sets what it measures now. */
  refresh(): void {
    this.set(this.measure());
  }

  /** It holds nothing any more, whatever it measures. */
  close(): void {
    this.set(0);
    this.closed = true;
  }
}
