/**
 * What clients may make the broker keep for them in memory, all connections together: bytes that have come and belong to
 * nothing whole yet, or bytes that wait to leave. Each connection says what it holds whenever that has changed; past the sum
 * somebody has to go, at the end of the turn, so that nobody is ended from within a call of his own.
 *
 *     set ──sum within the bound──▶ kept
 *         ──past it──▶ who has not been let in goes first, then who holds most, until the sum is within the bound again
 *         ──one who has not been let in, past STRANGER_BYTES_MAX──▶ goes
 *
 * Refuses: to guess. Before anybody goes, everybody is asked again what it holds.
 */
import { PHASE_GATHER, type Turn, type TurnTask } from '../clock/turn.ts';

/** A client that is not known yet has nothing large to say. */
export const STRANGER_BYTES_MAX = 512 * 1024;

export class MemoryBudget implements TurnTask {
  inTurn = false;
  /** Held by all together. */
  bytes = 0;
  readonly bytesMax: number;
  /** Holders that had to go, so far. */
  refused = 0;
  /** Those that hold anything. */
  readonly accounts = new Set<MemoryAccount>();
  private strangers: MemoryAccount[] = [];
  private readonly turn: Turn;

  constructor(turn: Turn, bytesMax: number) {
    this.turn = turn;
    this.bytesMax = bytesMax;
  }

  /** Asks everybody, so that `bytes` is what is held now: what lets go of bytes does not always say so. */
  ask(): this {
    for (const account of [...this.accounts]) account.ask();
    return this;
  }

  /** @internal */
  crowded(stranger: MemoryAccount | null): void {
    if (stranger !== null) this.strangers.push(stranger);
    this.turn.add(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    const { strangers } = this;
    this.strangers = [];
    for (const account of strangers) {
      account.ask();
      if (account.tooMuch) this.refuse(account);
    }
    if (this.bytes <= this.bytesMax) return;
    if (this.ask().bytes <= this.bytesMax) return;
    const all = [...this.accounts];
    const rank = (account: MemoryAccount): number => (account.letIn ? 0 : Number.MAX_SAFE_INTEGER / 2);
    all.sort((a, b) => rank(b) + b.bytes - (rank(a) + a.bytes));
    for (const account of all) {
      if (this.bytes <= this.bytesMax) return;
      this.refuse(account);
    }
  }

  /** It has to go: counted and told once, whoever else finds that it holds too much. */
  refuse(account: MemoryAccount): void {
    if (account.bytes === 0) return;
    this.refused++;
    const asStranger = account.tooMuch;
    account.close();
    account.letGo(asStranger);
  }
}

/** What one connection holds; a connection has one for each budget, and there may be many connections. */
export abstract class MemoryAccount {
  bytes = 0;
  private closed = false;
  private readonly budget: MemoryBudget;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  /** What it holds now. */
  protected abstract weigh(): number;
  /** The client has been let in. */
  abstract readonly letIn: boolean;
  /** It is to let go of all of it. @param asStranger for its own size alone, as one who has not been let in */
  abstract letGo(asStranger: boolean): void;

  /** Tells what it holds now. */
  set(bytes: number): void {
    const { budget } = this;
    const before = this.bytes;
    if (bytes === before || this.closed) return;
    if (before === 0) budget.accounts.add(this);
    else if (bytes === 0) budget.accounts.delete(this);
    this.bytes = bytes;
    budget.bytes += bytes - before;
    if (bytes < before) return;
    if (this.tooMuch) budget.crowded(this);
    else if (budget.bytes > budget.bytesMax) budget.crowded(null);
  }

  /** It holds more than one who has not been let in may. */
  get tooMuch(): boolean {
    return this.bytes > STRANGER_BYTES_MAX && !this.letIn;
  }

  /** The same, of its own word. */
  ask(): void {
    this.set(this.weigh());
  }

  /** It holds nothing any more, whatever it says. */
  close(): void {
    this.set(0);
    this.closed = true;
  }
}
