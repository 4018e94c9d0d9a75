/**
 * Reads a shared log and gives it to a follower, whatever the engine does meanwhile: a reader that ends is made anew, a gap is asked of another
 * replica before it is believed.
 */
import type { Clock } from '../../clock/clock.ts';
import { EngineAway, type SharedAppend, type SharedLog, type SharedReader } from '../engine.ts';
import { Broken } from '../envelope.ts';
import type { Report } from '../events.ts';
import { Waits } from '../waiting.ts';
import { type Follower, Gap, TooFarBehind } from './follower.ts';

const AGAIN_MS = 200;
/** So many replicas are asked, each more than once. */
const TRIES = 8;

export class Following {
  private readonly log: SharedLog;
  private readonly follower: Follower;
  private readonly report: Report;
  private readonly waits: Waits;
  private reader: SharedReader | undefined = undefined;
  private stopped = false;
  /** Of the gap that it stands before. */
  private tries = 0;
  private waiting: { readonly sequence: number; resolve(): void }[] = [];
  /** What it cannot go on from. */
  failure: Error | undefined = undefined;
  /** Settles when it has stopped. */
  readonly ended: Promise<void>;

  constructor(log: SharedLog, follower: Follower, clock: Clock, report: Report) {
    this.log = log;
    this.follower = follower;
    this.report = report;
    this.waits = new Waits(clock);
    this.ended = this.run().catch((error: Error) => {
      this.failure = error;
    });
  }

  /** Resolves when the follower has taken this append, or it has ended. */
  reached(sequence: number): Promise<void> {
    if (this.stopped || this.follower.sequence >= sequence) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ sequence, resolve }));
  }

  /** There is more than what comes: the replica that answers may have lost its end, which shows no gap. */
  async askAnother(): Promise<void> {
    this.report({ kind: 'gap', expected: this.follower.sequence + 1, found: 0 });
    await this.log.distrust().catch(() => {}); // it is asked again
    this.dropReader();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.waits.end();
    this.reader?.stop();
    await this.ended;
  }

  private async run(): Promise<void> {
    try {
      while (!this.stopped) {
        this.reader ??= this.log.follow(this.follower.sequence + 1);
        const append = await this.next(this.reader);
        if (append !== null) await this.take(append);
        else if (!this.stopped) await this.waits.after(AGAIN_MS);
      }
    } finally {
      this.stopped = true;
      this.dropReader();
      for (const { resolve } of this.waiting.splice(0)) resolve();
    }
  }

  private async next(reader: SharedReader): Promise<SharedAppend | null> {
    try {
      return await reader.next();
    } catch (error) {
      if (!(error instanceof EngineAway)) throw error;
      this.dropReader();
      return null;
    }
  }

  private async take(append: SharedAppend): Promise<void> {
    try {
      await this.follower.take(append);
    } catch (error) {
      if (!(error instanceof Gap) && !(error instanceof TooFarBehind)) throw error;
      await this.doubt(error, append.sequence);
      return;
    }
    this.tries = 0;
    const { sequence } = this.follower;
    const reached = this.waiting.filter((waiter) => waiter.sequence <= sequence);
    if (reached.length === 0) return;
    this.waiting = this.waiting.filter((waiter) => waiter.sequence > sequence);
    for (const { resolve } of reached) resolve();
  }

  /** Something is missing: in this replica, or in all of them, or because it was not kept for so long. */
  private async doubt(error: Gap | TooFarBehind, found: number): Promise<void> {
    this.dropReader();
    if (this.tries >= TRIES) {
      if (error instanceof TooFarBehind) throw error;
      const bounds = await this.log.bounds().catch(() => null);
      if (bounds === null) {
        await this.waits.after(AGAIN_MS);
        return;
      }
      if (bounds.first > error.expected) {
        throw new TooFarBehind(
          `append ${error.expected} is wanted, and the engine keeps what comes from ${bounds.first} on`,
        );
      }
      throw new Broken(`append ${error.expected} of the shared log is lost: no replica has it`);
    }
    this.report({ kind: 'gap', expected: this.follower.sequence + 1, found });
    await this.log.distrust().then(
      () => this.tries++,
      () => {}, // it is asked again
    );
    await this.waits.after(AGAIN_MS);
  }

  private dropReader(): void {
    this.reader?.stop();
    this.reader = undefined;
  }
}
