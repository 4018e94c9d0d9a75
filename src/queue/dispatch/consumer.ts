/** A consumer of a queue: one attached reader, and how many more deliveries it may hold. */
import {
  type Backpressure,
  type ConsumeOptions,
  type Consumer,
  type DeferralTime,
  type DeliverySink,
  type EndReason,
  NO_BACKPRESSURE,
  type Outcome,
} from '../../api/consume.ts';
import type { BindingInfo, QueueOptions } from '../../api/topology.ts';
import type { Share } from '../../clock/work.ts';
import type { MessageView } from '../../message/message.ts';
import type { Headers } from '../../message/properties.ts';
import { type DeliveryCounts, UNCOUNTED } from '../../metrics/traffic.ts';
import type { QueueSettings } from '../limits/settings.ts';
import type { LaneHolder, OrderedConsumer } from '../order/lane.ts';
import type { HoldWatch } from '../unsettled/hold-watch.ts';
import type { HeldSum } from './held-sum.ts';
import type { CreditTaker, SharedCredit } from './shared-credit.ts';

/** The queue, as its consumers see it. */
export interface ConsumedQueue {
  readonly name: string;
  readonly options: QueueOptions;
  readonly settings: Pick<QueueSettings, 'type'>;
  readonly consumers: { readonly length: number };
  /** The consumer that gets everything; null where each gets its part. */
  readonly singleActive: QueueConsumer | null;
  settle(consumer: QueueConsumer, slot: number, outcome: Outcome): void;
  endFor(consumer: QueueConsumer, slot: number, outcome: Outcome, why: EndReason): void;
  /** False: it is not held by this consumer any more. */
  renew(consumer: QueueConsumer, slot: number): boolean;
  renewAll(consumer: QueueConsumer): void;
  defer(consumer: QueueConsumer, slot: number, token: string, at: DeferralTime): boolean;
  claim(consumer: QueueConsumer, tokens: readonly string[]): number;
  /** Counts settlements of what was taken back before. */
  settledLate(count: number): void;
  cancelConsumer(consumer: QueueConsumer, outcome?: Outcome): void;
  /** Tells once what can be handed out has been. */
  whenServed(consumer: QueueConsumer, done: () => void): void;
  /** Delivers again what the consumer holds, before anything new. */
  replay(consumer: QueueConsumer): void;
  /** Something may be deliverable: look at the turn's end. */
  wake(): void;
  /** A limit that its consumers share may have room: hand out what can go now. */
  offer(): void;
  /** One of its consumers could take more, but for a limit that it shares with others. */
  awaitSharedCredit(): void;
}

/** Says of each message whether a consumer may have it. One that it may not have is removed as if it had been delivered. */
export interface DeliveryGuard {
  /** Something may be refused by its address: where messages came from is worth keeping (`permitsAlong`). */
  readonly byAddress: boolean;
  permits(view: MessageView): boolean;
  /** @param route stands for the address: messages that come along the same one have the same */
  permitsAlong(route: object, view: MessageView): boolean;
}

/** Shared by all that have nothing to get again, and never written to. */
const NO_REPLAY: number[] = [];

export class QueueConsumer implements Consumer, CreditTaker, OrderedConsumer {
  readonly tag: string;
  readonly settled: boolean;
  readonly exclusive: boolean;
  /** Higher ones are served first. */
  readonly priority: number;
  /** As the client gave them, and where: for operators. */
  readonly arguments: Headers;
  readonly channel: number;
  /** The session that it belongs to. */
  owner: object | null = null;
  readonly of: ConsumedQueue;
  held = 0;
  active = true;
  /** Counts what it gets. */
  counts: DeliveryCounts = UNCOUNTED.deliveries.classic;
  /** What it has got that has not been added to any count yet; and how much of that had been delivered before. */
  fresh = 0;
  freshRedelivered = 0;
  /** Told once, when it is not active any more. */
  onEnded: (() => void) | null = null;
  /** What it shares with all consumers of its connection. */
  sum: HeldSum | null = null;
  /** Whose work its end is. */
  share: Share | null = null;
  /** How long it may hold a delivery; null: as long as it likes. */
  watch: HoldWatch | null = null;
  /** Parked messages that it has asked for, the first one last; empty nearly always. */
  claims = NO_REPLAY;
  /** What it has been given up to this place in the order of deliveries counts as given then; 0: nothing was renewed. */
  renewed = 0;
  /** Deliveries that were taken back from it and that its client has not answered yet: it gets no others. */
  unanswered = 0;
  /** What it was made with. */
  readonly options: ConsumeOptions;
  /** Made for a `get`: it holds deliveries and receives none by itself. */
  passive = false;
  /** Where what it got for a `get` is held: it is that one delivery alone, and nobody has to look for it. */
  gotSlot = -1;
  /** The connection is gone, its session stays. */
  suspended = false;
  sink: DeliverySink;
  output: Backpressure;
  /** What its client reads the queue for; undefined: the queue itself. */
  readonly through: BindingInfo | undefined;
  /** Null: it may have all of them, as nearly always. */
  guard: DeliveryGuard | null = null;
  /** Held slots to be delivered again before anything new; empty nearly always. */
  replay = NO_REPLAY;
  laneHolder: LaneHolder | null = null;
  private prefetch: number;
  /** What it may hold where it has set no limit itself; 0 for any number. */
  private ownMax = 0;
  /** Deliveries that it may hold, after both. */
  private allowed: number;
  private readonly shared: SharedCredit | null;

  constructor(queue: ConsumedQueue, options: ConsumeOptions, sink: DeliverySink, output: Backpressure) {
    this.of = queue;
    this.options = options;
    this.tag = options.tag;
    this.settled = options.settled;
    this.exclusive = options.exclusive;
    this.priority = options.priority ?? 0;
    this.through = options.through;
    this.arguments = options.arguments;
    this.channel = options.channel ?? 1;
    this.prefetch = options.prefetch;
    this.allowed = this.prefetch || Number.POSITIVE_INFINITY;
    this.shared = (options.shared as SharedCredit | undefined) ?? null;
    this.sink = sink;
    this.output = output;
  }

  get tellsAttempts(): boolean {
    return this.of.settings.type === 'quorum';
  }

  get passing(): boolean {
    return this.options.passing === true;
  }

  /** The limit that it has set itself; 0: none. */
  get ownPrefetch(): number {
    return this.prefetch;
  }

  get queue(): string {
    return this.of.name;
  }

  /** Whether one more delivery may go out now. */
  ready(): boolean {
    if (!this.active || this.suspended || this.output.congested || this.unanswered > 0) return false;
    if (this.replay.length > 0) return true;
    if (!this.settled && (this.held >= this.allowed || this.sum?.isFull(this) === true)) return false;
    if (this.shared === null || this.shared.allows(this)) return true;
    this.of.awaitSharedCredit();
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
    if (this.sum !== null) this.sum.held++;
    if (this.shared !== null) this.shared.took();
  }

  /** @internal */
  gave(): void {
    this.held--;
    if (this.sum !== null) this.sum.gave();
    if (this.shared !== null) this.shared.gave();
  }

  settle(slot: number, outcome: Outcome): void {
    this.of.settle(this, slot, outcome);
  }

  endFor(slot: number, outcome: Outcome, why: EndReason): void {
    this.of.endFor(this, slot, outcome, why);
  }

  renew(slot: number): boolean {
    return this.of.renew(this, slot);
  }

  renewAll(): boolean {
    if (this.held > 0) this.of.renewAll(this);
    return this.unanswered === 0;
  }

  defer(slot: number, token: string, at: DeferralTime): boolean {
    return this.of.defer(this, slot, token, at);
  }

  claim(tokens: readonly string[]): number {
    return this.active ? this.of.claim(this, tokens) : 0;
  }

  answered(count: number): void {
    this.unanswered = Math.max(0, this.unanswered - count);
    this.of.settledLate(count);
    if (this.unanswered === 0) this.wake();
  }

  /** Bounds what it holds while it has set no limit itself; 0: nothing does. */
  set heldMax(max: number) {
    this.ownMax = max;
    this.allowed = this.prefetch || max || Number.POSITIVE_INFINITY;
  }

  setPrefetch(limit: number): void {
    this.prefetch = limit;
    this.allowed = limit || this.ownMax || Number.POSITIVE_INFINITY;
    this.wake();
  }

  wake(): void {
    if (this.active) this.of.wake();
  }

  /** @internal its queue has let go of it */
  ended(): void {
    if (!this.active) return;
    this.active = false;
    this.onEnded?.();
  }

  whenServed(done: () => void): void {
    if (this.active) this.of.whenServed(this, done);
  }

  cancel(outcome?: Outcome): void {
    this.of.cancelConsumer(this, outcome);
  }

  suspend(): void {
    this.suspended = true;
    this.unanswered = 0; // its client has gone, and will not answer
    this.replay = NO_REPLAY;
  }

  resume(sink: DeliverySink, output: Backpressure): void {
    this.sink = sink;
    this.output = output;
    this.suspended = false;
    if (this.active) this.of.replay(this);
  }

  /** @internal for a `get` */
  static passive(queue: ConsumedQueue, settled: boolean, sink: DeliverySink): QueueConsumer {
    const options = { tag: '', settled, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = new QueueConsumer(queue, options, sink, NO_BACKPRESSURE);
    consumer.passive = true;
    return consumer;
  }
}
