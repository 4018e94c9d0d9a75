/** One attached reader of a queue, and how many more deliveries it may hold. */
import {
  type Backpressure,
  type ConsumeOptions,
  type Consumer,
  type DeliverySink,
  NO_BACKPRESSURE,
  type Outcome,
} from '../../api/consume.ts';
import type { Share } from '../../clock/work.ts';
import type { Queue } from '../queue.ts';
import type { SharedCredit } from './shared-credit.ts';

export class QueueConsumer implements Consumer {
  readonly tag: string;
  readonly settled: boolean;
  readonly exclusive: boolean;
  /** Higher ones are served first. */
  readonly priority: number;
  readonly of: Queue;
  held = 0;
  active = true;
  /** Whose work its end is. */
  share: Share | null = null;
  /** Made for a `get`: it holds deliveries and receives none by itself. */
  passive = false;
  /** The connection is gone, its session stays. */
  suspended = false;
  sink: DeliverySink;
  output: Backpressure;
  /** Held slots to be delivered again before anything new; empty nearly always. */
  replay: number[] = [];
  private prefetch: number;
  private readonly shared: SharedCredit | null;

  constructor(queue: Queue, options: ConsumeOptions, sink: DeliverySink, output: Backpressure) {
    this.of = queue;
    this.tag = options.tag;
    this.settled = options.settled;
    this.exclusive = options.exclusive;
    this.priority = options.priority ?? 0;
    this.prefetch = options.prefetch;
    this.shared = (options.shared as SharedCredit | undefined) ?? null;
    this.sink = sink;
    this.output = output;
  }

  get tellsAttempts(): boolean {
    return this.of.settings.type === 'quorum';
  }

  get queue(): string {
    return this.of.name;
  }

  /** Whether one more delivery may go out now. */
  ready(): boolean {
    if (!this.active || this.suspended || this.output.congested) return false;
    if (this.replay.length > 0) return true;
    if (!this.settled && this.prefetch !== 0 && this.held >= this.prefetch) return false;
    if (this.shared === null || this.shared.allows(this)) return true;
    this.of.shares = true;
    return false;
  }

  /** @internal the limit that it shares may have room for it now */
  offer(): void {
    if (this.active) this.of.offer();
  }

  /** @internal */
  serveShared(): void {
    this.shared?.serve();
  }

  /** @internal the queue counts a delivery that this consumer now holds, or no longer holds */
  took(): void {
    this.held++;
    if (this.shared !== null) this.shared.took();
  }

  /** @internal */
  gave(): void {
    this.held--;
    if (this.shared !== null) this.shared.gave();
  }

  settle(slot: number, outcome: Outcome): void {
    this.of.settle(this, slot, outcome);
  }

  setPrefetch(limit: number): void {
    this.prefetch = limit;
    this.wake();
  }

  wake(): void {
    if (this.active) this.of.wake();
  }

  cancel(outcome?: Outcome): void {
    this.of.cancelConsumer(this, outcome);
  }

  suspend(): void {
    this.suspended = true;
    this.replay.length = 0;
  }

  resume(sink: DeliverySink, output: Backpressure): void {
    this.sink = sink;
    this.output = output;
    this.suspended = false;
    if (this.active) this.of.replay(this);
  }

  /** @internal for a `get` */
  static passive(queue: Queue, settled: boolean, sink: DeliverySink): QueueConsumer {
    const options = { tag: '', settled, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = new QueueConsumer(queue, options, sink, NO_BACKPRESSURE);
    consumer.passive = true;
    return consumer;
  }
}
