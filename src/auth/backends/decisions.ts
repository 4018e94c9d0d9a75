/**
 * What somebody else has said that users may do: kept for a while, asked for again before it is too old, so that a client that goes on
 * doing what it does never waits.
 *
 *     not known ──ask──▶ asked for ──answer──▶ known ──half its life, and asked for──▶ known, and asked for ──▶ …
 *                            │ failed                       └── its life is over ──▶ not known
 *                            ▼
 *                    not known, and not asked for a moment
 *
 * An answer that was yes and is no by now is told at once (`onLost`). One that cannot be found out any more is forgotten when its life
 * is over: new things are refused then, and what clients have they keep.
 */
import type { PendingAnswer } from '../../api/identity.ts';
import type { CacheSettings } from './backend.ts';

/** What failed is not tried again for so long, or as long as answers live if that is less. */
export const FAILURE_MS = 1_000;
const FAILED: PendingAnswer = { failed: true, whenKnown: () => {} };

/** What came of a question; undefined: it could not be found out. */
export type Answered = (allowed: boolean | undefined) => void;

class Decision implements PendingAnswer {
  readonly failed = false;
  /** Undefined: not known. */
  allowed: boolean | undefined = undefined;
  answeredAtMs = 0;
  failedAtMs = Number.NEGATIVE_INFINITY;
  asking = false;
  private waiting: (() => void)[] = [];

  whenKnown(done: () => void): void {
    this.waiting.push(done);
  }

  known(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const done of waiting) done();
  }
}

export class Decisions {
  private readonly settings: CacheSettings;
  private readonly nowMs: () => number;
  private readonly onLost: () => void;
  private decisions = new Map<string, Decision>();

  /** @param nowMs monotonic */
  constructor(settings: CacheSettings, nowMs: () => number, onLost: () => void) {
    this.settings = settings;
    this.nowMs = nowMs;
    this.onLost = onLost;
  }

  get size(): number {
    return this.decisions.size;
  }

  /**
   * The answer to a question, from what is known.
   * @param key what tells it from other questions
   * @param ask puts the question; calls back once, later
   */
  get(key: string, ask: (done: Answered) => void): boolean | PendingAnswer {
    const decision = this.find(key);
    const nowMs = this.nowMs();
    const { lifetimeMs } = this.settings;
    const ageMs = nowMs - decision.answeredAtMs;
    if (decision.allowed !== undefined && ageMs < lifetimeMs) {
      if (decision.allowed && ageMs * 2 >= lifetimeMs && this.mayAsk(decision, nowMs)) this.ask(decision, ask);
      return decision.allowed;
    }
    if (this.mayAsk(decision, nowMs)) this.ask(decision, ask);
    return decision.asking ? decision : FAILED;
  }

  /** Everything is asked for again. */
  forget(): void {
    // Those that are asked for now answer whoever waits for them, and are kept by nobody.
    this.decisions = new Map();
  }

  private find(key: string): Decision {
    const { decisions } = this;
    let decision = decisions.get(key);
    if (decision !== undefined) decisions.delete(key);
    else decision = new Decision();
    decisions.set(key, decision);
    if (decisions.size > this.settings.entriesMax) {
      const [oldest] = decisions.keys();
      decisions.delete(oldest!);
    }
    return decision;
  }

  private mayAsk(decision: Decision, nowMs: number): boolean {
    return !decision.asking && nowMs - decision.failedAtMs >= Math.min(FAILURE_MS, this.settings.lifetimeMs);
  }

  private ask(decision: Decision, ask: (done: Answered) => void): void {
    decision.asking = true;
    ask((allowed) => {
      const lost = decision.allowed === true && allowed === false;
      decision.asking = false;
      if (allowed === undefined) decision.failedAtMs = this.nowMs();
      else {
        decision.allowed = allowed;
        decision.answeredAtMs = this.nowMs();
      }
      decision.known();
      if (lost) this.onLost();
    });
  }
}
