/**
 * A random history of delayed messages alone: published through lives that end in order, by a kill or without power, on a
 * disk that tears, forgets, fails and fills up. At the end enough time passes, and then: every confirmed one has been routed
 * exactly once, every other at most once, none before its time, all in the order of their times; of a transaction, whose messages
 * are stored before its commit, all or none; and none that an operator has dropped.
 *
 * What becomes of them in their queue is `history/history.ts`'s matter: here nothing is ever taken out of it before the end.
 */
import type { Transaction } from '../../../src/api/transaction.ts';
import { MessageView } from '../../../src/message/message.ts';
import { vhostOf } from '../../vhost/harness.ts';
import type { Call } from '../world/disk.ts';
import { Life, type Reader } from '../world/life.ts';
import { ModelQueue } from '../world/model.ts';
import { Random } from '../world/random.ts';
import { TICKS_MAX } from '../world/world.ts';
import { DURABLE, FocusedHistory, type FocusedReport } from './focused.ts';

export interface DelayReport extends FocusedReport {
  /** Confirmed, and routed in the end. */
  readonly certain: number;
  readonly routed: number;
}

export interface Delayed {
  readonly id: number;
  dueMs: number;
  /** The broker has said that it is safe. */
  certain: boolean;
  /** The transaction that it belongs to. */
  readonly unit?: number;
  /** An operator has dropped it; `certain`: the broker has said that this is safe. */
  dropped?: 'asked' | 'certain';
}

/** Stored before its commit, and not committed yet. */
interface Prepared {
  readonly transaction: Transaction;
  readonly messages: { readonly message: Delayed; readonly delayMs: number }[];
}

/** So many messages are stored ahead of their commit. */
const AHEAD_MIN = 256;
/** None: it is not committed. */
const NEVER_MS = Number.POSITIVE_INFINITY;

export async function runDelays(seed: number): Promise<DelayReport> {
  return (await new DelayHistory(seed).run()).report();
}

export class DelayHistory extends FocusedHistory<Life> {
  protected readonly messages: Delayed[] = [];
  private declared = false;
  private prepared: Prepared | undefined;
  private units = 0;
  /** What could not be read in one life is routed in the next, late. */
  protected outOfReach = false;
  protected readonly arrived: { id: number; atMs: number }[] = [];

  constructor(seed: number) {
    super(new Random(seed));
  }

  protected async history(): Promise<void> {
    await this.begin();
    const steps = this.random.between(20, 150);
    const faultAt = this.random.below(steps);
    await this.steps(
      steps,
      [
        [12, () => this.publishSome()],
        [2, () => this.transact()],
        [3, () => this.dropOne()],
        [5, () => this.clock.advance(this.random.between(20, 400))],
        [6, () => this.turns(this.random.below(12))],
        [2, () => this.end()],
      ],
      {
        before: (step) => {
          if (step === faultAt) this.arm();
        },
        after: () => this.nothingEarly(),
        rest: 4,
      },
    );
    this.disarm();
    await this.end();
    await this.judge();
  }

  report(): DelayReport {
    const certain = this.messages.filter((message) => message.certain).length;
    return { failures: this.failures, faults: this.faults, certain, routed: this.arrived.length };
  }

  protected async begin(): Promise<void> {
    const broker = await this.startOf(() => Life.start(this.disk, this.clock, this.layout, () => {}));
    this.life = new Life(broker, {
      delivered: (_reader: Reader, view) => {
        this.arrived.push({ id: this.numberOf(view), atMs: this.clock.epochMs() });
      },
      confirmed: () => {},
      wrong: (text) => this.failures.push(text),
    });
    if (this.declared) return;
    this.declared = true;
    this.life.session.declareQueue('q', { ...DURABLE, arguments: [] });
    await this.safe('the declaration');
  }

  protected publishSome(): void {
    const { session } = this.life;
    if (session.congested) return;
    for (let n = this.random.between(1, 12); n > 0; n--) {
      const id = this.messages.length;
      const assurance = this.random.chance(0.2) ? 2 : 1;
      const draft = this.draft(id, 600);
      draft.assurance = assurance;
      draft.delayMs = this.random.weighted([
        [4, this.random.between(1, 300)],
        [2, this.random.pick([100, 200])],
        [1, this.random.between(300, 20_000)],
      ]);
      const mark = this.publish('q', draft);
      if (mark < 0) return;
      const message: Delayed = { id, dueMs: this.clock.epochMs() + draft.delayMs, certain: false };
      this.messages.push(message);
      this.whenSafe(() => {
        message.certain = true;
      }, mark);
    }
  }

  /** Drops one of those that are due next, as far as it can be looked at. */
  protected dropOne(): void {
    const { waiting } = vhostOf(this.life.session).delays;
    const entry = this.random.pick([undefined, ...waiting.first(20)]);
    const view = new MessageView();
    if (entry === undefined || !waiting.show(entry, view)) return;
    const message = this.messages[this.numberOf(view)];
    if (message === undefined || !waiting.cancel(entry.seq, view)) {
      this.failures.push(`${entry.seq} waits, and cannot be dropped`);
      return;
    }
    message.dropped = 'asked';
    this.whenSafe(() => {
      message.dropped = 'certain';
    }, this.life.session.mark());
  }

  /** Fills a transaction and has it stored; the next time it is committed, or given up. */
  protected transact(): void {
    const { prepared } = this;
    if (prepared === undefined) {
      if (!this.life.session.congested) this.prepare();
      return;
    }
    this.prepared = undefined;
    const { transaction, messages } = prepared;
    if (this.random.chance(0.2)) {
      transaction.rollback();
      return;
    }
    const nowMs = this.clock.epochMs();
    for (const { message, delayMs } of messages) message.dueMs = nowMs + delayMs;
    const mark = transaction.commit();
    if (mark < 0) return;
    this.whenSafe(() => {
      for (const { message } of messages) message.certain = true;
    }, mark);
  }

  private prepare(): void {
    const { session } = this.life;
    const transaction = session.transaction();
    const messages: Prepared['messages'] = [];
    const unit = ++this.units;
    const route = session.route('', 0, Buffer.from('q'), 0, 1);
    for (let n = AHEAD_MIN + this.random.below(50); n > 0; n--) {
      const message: Delayed = { id: this.messages.length, dueMs: NEVER_MS, certain: false, unit };
      const draft = this.draft(message.id, 20);
      const delayMs = this.random.between(1, 300);
      draft.delayMs = delayMs;
      transaction.publish(route, draft);
      this.messages.push(message);
      messages.push({ message, delayMs });
    }
    transaction.prepare(() => {
      this.prepared = { transaction, messages };
    });
  }

  protected nothingEarly(): void {
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

  protected override died(): void {
    this.prepared = undefined;
    if (this.random.chance(0.3)) this.clock.advance(this.random.between(100, 5_000));
    this.disarm();
  }

  /** Time goes on while a start waits. */
  protected override waited(looks: number): void {
    if (looks % 20 === 0) this.clock.advance(20);
  }

  private async judge(): Promise<void> {
    const life = this.life;
    for (let i = 0; i < 25 || (this.waits() && i < TICKS_MAX); i++) {
      this.clock.advance(1_000);
      await this.turns(20);
    }
    // What a start finds due must be read back first.
    for (let i = 0; i < 200; i++) await this.turns(1);
    await this.safe('what waits');
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
      else if (message.dueMs === NEVER_MS) this.failures.push(`${id} came, and its transaction was never committed`);
      else if (message.dropped === 'certain') this.failures.push(`${id} came, and it had been dropped`);
      else if (seen.has(id)) this.failures.push(`${id} came twice`);
      else if (before !== undefined && !this.outOfReach && after(before, message)) {
        this.failures.push(`${id}, due at ${message.dueMs}, came after ${before.id}, due at ${before.dueMs}`);
      }
      seen.add(id);
      before = message;
    }
    for (const { id, certain, dropped } of this.messages) {
      if (certain && dropped === undefined && !seen.has(id)) this.failures.push(`${id} is lost`);
    }
    const came = new Map<number, boolean>();
    for (const { id, unit, dropped } of this.messages) {
      if (unit === undefined || dropped !== undefined) continue;
      if (came.has(unit) && came.get(unit) !== seen.has(id)) this.failures.push(`transaction ${unit} came in part`);
      came.set(unit, seen.has(id));
    }
  }
}

function after(a: Delayed, b: Delayed): boolean {
  return a.dueMs > b.dueMs || (a.dueMs === b.dueMs && a.id > b.id);
}
