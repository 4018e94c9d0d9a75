/**
 * Appends to a shared log, one in flight, each expecting the one before. An append ends when it is *known* what became of it: see `cluster.md`,
 * «One in flight, and what is done after every doubt».
 */
import type { Clock } from '../../clock/clock.ts';
import type { Appended, SharedLog } from '../engine.ts';
import type { Report } from '../events.ts';
import { Waits } from '../waiting.ts';

/** Somebody else has appended: this node does not lead any more. */
export class Deposed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Deposed';
  }
}

/** The engine no longer has what it had acknowledged. */
export class SharedLogLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SharedLogLost';
  }
}

/** It was told to end, and what became of the append is not known. */
export class AppenderEnded extends Error {
  constructor() {
    super('the appender has ended');
    this.name = 'AppenderEnded';
  }
}

const AGAIN_MS = 20;
const AGAIN_MS_MAX = 500;
/** An append that takes longer is told of. */
const SLOW_MS = 1_000;

export class FencedAppender {
  /** The last append that is known: the next one is to follow it. */
  last: number;
  private readonly log: SharedLog;
  private readonly clock: Clock;
  private readonly report: Report;
  private readonly waits: Waits;
  private over: Error | undefined = undefined;
  private ended = false;
  private appending = false;

  /** @param last the append that the first one is to follow */
  constructor(log: SharedLog, last: number, clock: Clock, report: Report) {
    this.log = log;
    this.last = last;
    this.clock = clock;
    this.report = report;
    this.waits = new Waits(clock);
  }

  /**
   * Returns the number that `bytes` got. The bytes stay as they are for good.
   * @throws Deposed, SharedLogLost, AppenderEnded: and nothing can be appended from then on
   */
  async append(bytes: Buffer): Promise<number> {
    if (this.appending) throw new Error('one append at a time');
    if (this.over !== undefined) throw this.over;
    this.appending = true;
    try {
      await this.store(bytes);
      return ++this.last;
    } catch (error) {
      this.over = error as Error;
      throw error;
    } finally {
      this.appending = false;
    }
  }

  /** What is under way is given up. It may be stored all the same. */
  end(): void {
    this.ended = true;
    this.waits.end();
  }

  private async store(bytes: Buffer): Promise<void> {
    const beganMs = this.clock.monotonicMs();
    let told = false;
    for (let againMs = AGAIN_MS; ; againMs = Math.min(AGAIN_MS_MAX, 2 * againMs)) {
      if (this.ended) throw new AppenderEnded();
      const appended = await this.log.append(this.last, bytes);
      if (await this.isStored(appended, bytes)) break;
      if (!told && this.clock.monotonicMs() - beganMs >= SLOW_MS) {
        told = true;
        const reason =
          appended.kind === 'unknown' || appended.kind === 'full' ? appended.reason : 'it cannot be read back';
        this.report({ kind: 'engine-slow', full: appended.kind === 'full', reason });
      }
      await this.waits.after(againMs);
    }
    if (told) this.report({ kind: 'engine-back', ms: Math.round(this.clock.monotonicMs() - beganMs) });
  }

  /** False: nobody knows. @throws Deposed, SharedLogLost */
  private async isStored(appended: Appended, bytes: Buffer): Promise<boolean> {
    const wanted = this.last + 1;
    switch (appended.kind) {
      case 'stored':
        if (appended.sequence === wanted) return true;
        throw new SharedLogLost(`an append that was to be number ${wanted} is number ${appended.sequence}`);
      case 'refused':
        if (appended.last < this.last) {
          throw new SharedLogLost(`append ${this.last} was acknowledged, and the last one is ${appended.last} now`);
        }
        // As large as was expected and refused all the same: it has changed since, or the engine is beside itself.
        return appended.last > this.last && this.isOwn(wanted, appended.last, bytes);
      default:
        return false;
    }
  }

  /** An append that was refused may be there already: stored by a call that seemed to fail. */
  private async isOwn(wanted: number, last: number, bytes: Buffer): Promise<boolean> {
    if (last > wanted) throw new Deposed(`${last - this.last} appends are there that are not this node's`);
    let there: Buffer | null;
    try {
      there = await this.log.read(wanted);
      if (there === null) await this.log.distrust();
    } catch {
      return false; // it is asked again with the next try
    }
    if (there === null) return false;
    if (there.equals(bytes)) return true;
    throw new Deposed(`append ${wanted} is another node's`);
  }
}
