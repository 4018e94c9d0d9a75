/**
 * A random history of delayed messages alone: published through lives that end in order, by a kill or without power, on a
 * disk that tears, forgets, fails and fills up. At the end enough time passes, and then: every confirmed one has been routed
 * exactly once, every other at most once, none before its time, all in the order of their times.
 *
 * What becomes of them in their queue is `history/history.ts`'s matter: here nothing is ever taken out of it before the end.
 */
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Draft } from '../../../src/message/message.ts';
import type { LogLayout } from '../../../src/vhost/options.ts';
import { type Call, FaultCounts, SimulatedDisk } from '../world/disk.ts';
import { Life, type Reader } from '../world/life.ts';
import { ModelQueue } from '../world/model.ts';
import { Random } from '../world/random.ts';
import { DURABLE, immediately, TICKS_MAX } from '../world/world.ts';

export interface DelayReport {
  readonly failures: readonly string[];
  readonly faults: FaultCounts;
  /** Confirmed, and routed in the end. */
  readonly certain: number;
  readonly routed: number;
}

export interface Delayed {
  readonly id: number;
  readonly dueMs: number;
  /** The broker has said that it is safe. */
  certain: boolean;
}

export async function runDelays(seed: number): Promise<DelayReport> {
  const history = new DelayHistory(seed);
  try {
    await history.run();
  } catch (error) {
    history.failures.push(String((error as Error).stack ?? error));
  }
  return history.report();
}

export class DelayHistory {
  readonly failures: string[] = [];
  private readonly faults = new FaultCounts();
  protected readonly random: Random;
  protected readonly clock = new ManualClock();
  private readonly layout: LogLayout;
  private disk: SimulatedDisk;
  protected life: Life | undefined;
  protected readonly messages: Delayed[] = [];
  private declared = false;
  /** What could not be read in one life is routed in the next, late. */
  protected outOfReach = false;
  protected readonly arrived: { id: number; atMs: number }[] = [];

  constructor(seed: number) {
    const random = new Random(seed);
    this.random = random;
    const blockBytes = random.pick([2048, 4096]);
    const segmentBytes = blockBytes * random.pick([4, 8]);
    this.layout = {
      blockBytes,
      segmentBytes,
      checkpointBytes: segmentBytes * random.pick([1, 2]),
      checkpointSliceBytes: random.pick([16, 200, 4096]),
      residentBytesMax: blockBytes * random.pick([1, 2, 32]),
    };
    this.disk = new SimulatedDisk(random, this.faults);
  }

  async run(): Promise<void> {
    await this.begin();
    const steps = this.random.between(20, 150);
    const faultAt = this.random.below(steps);
    for (let i = 0; i < steps && this.failures.length === 0; i++) {
      if (i === faultAt) this.arm();
      await this.random.weighted<() => void | Promise<void>>([
        [12, () => this.publish()],
        [5, () => this.clock.advance(this.random.between(20, 400))],
        [6, () => this.turns(this.random.below(12))],
        [2, () => this.end()],
      ])();
      this.nothingEarly();
      await this.turns(this.random.below(4));
    }
    this.disarm();
    await this.end();
    await this.judge();
  }

  report(): DelayReport {
    if (this.life !== undefined) this.life.alive = false;
    this.disk.crash(false);
    const certain = this.messages.filter((message) => message.certain).length;
    return { failures: this.failures, faults: this.faults, certain, routed: this.arrived.length };
  }

  private async begin(): Promise<void> {
    let broker: Broker | undefined;
    let refused: Error | undefined;
    Life.start(this.disk, this.clock, this.layout, () => {}).then(
      (started) => {
        broker = started;
      },
      (error: Error) => {
        refused = error;
      },
    );
    await this.until(() => broker !== undefined || refused !== undefined, 'the start');
    if (broker === undefined) throw refused;
    this.life = new Life(broker, {
      delivered: (_reader: Reader, view) => {
        const id = Number(view.props.latin1Slice(view.propsStart, view.propsEnd));
        this.arrived.push({ id, atMs: this.clock.epochMs() });
      },
      confirmed: () => {},
      wrong: (text) => this.failures.push(text),
    });
    if (this.declared) return;
    this.declared = true;
    this.life.session.declareQueue('q', { ...DURABLE, arguments: [] });
    await this.safe();
  }

  private async safe(): Promise<void> {
    const { session } = this.life!;
    let done = false;
    session.whenSafe(session.mark(), () => {
      done = true;
    });
    await this.until(() => done, 'what is to be safe');
  }

  protected publish(): void {
    const life = this.life!;
    const { session } = life;
    if (session.congested) return;
    for (let n = this.random.between(1, 12); n > 0; n--) {
      const id = this.messages.length;
      const draft = new Draft();
      draft.dialect = 9;
      draft.assurance = this.random.chance(0.2) ? 2 : 1;
      draft.props = Buffer.from(String(id), 'latin1');
      draft.propsEnd = draft.props.length;
      draft.body = Buffer.alloc(this.random.between(0, 600), 1);
      draft.bodyEnd = draft.body.length;
      draft.delayMs = this.random.weighted([
        [4, this.random.between(1, 300)],
        [2, this.random.pick([100, 200])],
        [1, this.random.between(300, 20_000)],
      ]);
      const mark = session.publish(session.route('', 0, Buffer.from('q'), 0, 1), draft);
      if (mark < 0) return;
      const message: Delayed = { id, dueMs: this.clock.epochMs() + draft.delayMs, certain: false };
      this.messages.push(message);
      session.whenSafe(mark, (failed) => {
        if (life.alive && !failed) message.certain = true;
      });
    }
  }

  protected nothingEarly(): void {
    if (this.life === undefined) return;
    const waits = this.life.session.checkQueue('q').messages;
    const due = this.messages.filter((message) => message.dueMs <= this.clock.epochMs()).length;
    if (waits > due) this.failures.push(`${waits} messages are in the queue when only ${due} are due`);
  }

  private arm(): void {
    const fault = this.random.pick<Call | 'full' | 'none'>(['none', 'write', 'sync', 'read', 'full']);
    if (fault === 'full') {
      this.disk.capacityBytes = this.disk.bytesUsed + this.random.below(4 * this.layout.segmentBytes!);
    } else if (fault !== 'none') {
      const likelihood = this.random.pick([1, 0.3, 0.05]);
      this.disk.fails = (call) => {
        if (call !== fault || !this.random.chance(likelihood)) return false;
        if (call === 'read') this.outOfReach = true;
        return true;
      };
    }
  }

  private disarm(): void {
    this.disk.fails = () => false;
    this.disk.capacityBytes = Number.POSITIVE_INFINITY;
  }

  /** The broker stops in order or dies, and another one starts. */
  private async end(): Promise<void> {
    const life = this.life!;
    if (this.random.chance(0.3)) {
      let stopped = false;
      const cutShort = this.random.chance(0.3) ? this.random.below(40) : TICKS_MAX;
      void life.broker.close().then(() => {
        stopped = true;
      });
      for (let i = 0; !stopped && i < cutShort; i++) await this.turns(1);
    }
    life.alive = false;
    this.life = undefined;
    this.disk = this.disk.crash(this.disk.broken || this.random.chance(0.7));
    if (this.random.chance(0.3)) this.clock.advance(this.random.between(100, 5_000));
    this.disarm();
    await this.begin();
  }

  private async judge(): Promise<void> {
    const life = this.life!;
    for (let i = 0; i < 25 || (this.waits() && i < TICKS_MAX); i++) {
      this.clock.advance(1_000);
      await this.turns(20);
    }
    // What a start finds due must be read back first.
    for (let i = 0; i < 200; i++) await this.turns(1);
    await this.safe();
    life.consume(new ModelQueue('q', true, true), true, 0);
    await this.until(() => life.session.checkQueue('q').messages === 0, 'the last delivery');
    await this.turns(5);
    this.check();
  }

  /** Something may come that is not due at a time that is known. */
  protected waits(): boolean {
    return false;
  }

  /** Everything has arrived that ever will. */
  protected check(): void {
    let before: Delayed | undefined;
    const seen = new Set<number>();
    for (const { id } of this.arrived) {
      const message = this.messages[id];
      if (message === undefined) this.failures.push(`${id} is nothing that was ever published`);
      else if (seen.has(id)) this.failures.push(`${id} came twice`);
      else if (before !== undefined && !this.outOfReach && after(before, message)) {
        this.failures.push(`${id}, due at ${message.dueMs}, came after ${before.id}, due at ${before.dueMs}`);
      }
      seen.add(id);
      before = message;
    }
    for (const { id, certain } of this.messages) if (certain && !seen.has(id)) this.failures.push(`${id} is lost`);
  }

  private async turns(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      for (let k = this.random.below(4); k > 0; k--) this.disk.step();
      await immediately();
    }
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    for (let i = 0; !done(); i++) {
      if (i > TICKS_MAX) throw new Error(`it never came: ${what}`);
      this.disk.step();
      if (i % 20 === 0) this.clock.advance(20);
      await immediately();
    }
  }
}

function after(a: Delayed, b: Delayed): boolean {
  return a.dueMs > b.dueMs || (a.dueMs === b.dueMs && a.id > b.id);
}
