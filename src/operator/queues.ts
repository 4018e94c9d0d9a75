/** Queues as an operator sees them. */
import type { QueueOptions } from '../api/topology.ts';
import type { Broker } from '../broker/broker.ts';
import { ClientSession } from '../broker/session.ts';
import { BrokerError } from '../message/errors.ts';
import { MessageView } from '../message/message.ts';
import type { Headers } from '../message/properties.ts';
import type { Queue } from '../queue/queue.ts';
import { checkedQueue } from '../vhost/topology/compare.ts';
import type { InForce } from '../vhost/topology/policies.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { ConnectionView, ConsumerView } from './connections.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';
import type { QueueIndex } from './queue-index.ts';
import { type Measured, MeasuredRows } from './rates/measured.ts';
import { QUEUE_COLUMNS, type QueueColumn, queueNumber, queueRow } from './rates/rows.ts';
import type { Sampler } from './rates/sampler.ts';
import type { History, Sample } from './rates/series.ts';

/** Shows heads of queues, one at a time. */
const headView = new MessageView();

/** One queue, looked at when it is asked: keep none. */
export class QueueView implements Measured<QueueColumn> {
  private queue: Queue;
  private within: Vhost;
  private readonly sampler: Sampler;

  constructor(queue: Queue, vhost: Vhost, sampler: Sampler) {
    this.queue = queue;
    this.within = vhost;
    this.sampler = sampler;
  }

  /** @internal shows another one from now on */
  pointAt(queue: Queue, vhost: Vhost): this {
    this.queue = queue;
    this.within = vhost;
    return this;
  }

  get name(): string {
    return this.queue.name;
  }

  get vhost(): string {
    return this.within.name;
  }

  get options(): QueueOptions {
    return this.queue.options;
  }

  get arguments(): Headers {
    return this.queue.options.arguments;
  }

  get type(): 'classic' | 'quorum' {
    return this.queue.settings.type;
  }

  /** It hands nothing out until it is resumed. */
  get paused(): boolean {
    return this.queue.paused;
  }

  /** Messages that wait. */
  get ready(): number {
    return this.queue.count;
  }

  /** Messages that consumers hold. */
  get unsettled(): number {
    return this.queue.unsettledCount;
  }

  get consumerCount(): number {
    return this.queue.consumers.length;
  }

  /** The share of time in which they could take a message at once, 0 to 1, as of the last sample, as rates are; 0 without any. */
  get consumerCapacity(): number {
    return this.queue.consumerCapacity(this.sampler.lookedAtMs);
  }

  consumers(): ConsumerView[] {
    return this.queue.consumers.flatMap((consumer) => {
      const { owner } = consumer;
      return owner instanceof ClientSession ? [new ConsumerView(consumer, new ConnectionView(owner))] : [];
    });
  }

  /** The tag of the one that has it for itself, or gets everything. */
  get exclusiveConsumer(): string | undefined {
    return this.queue.consumers.find(({ exclusive }) => exclusive)?.tag;
  }

  get singleActiveConsumer(): string | undefined {
    return this.queue.singleActive?.tag;
  }

  /** The connection that it is exclusive to. */
  get owner(): ConnectionView | undefined {
    const { exclusiveTo } = this.queue;
    return exclusiveTo instanceof ClientSession ? new ConnectionView(exclusiveTo) : undefined;
  }

  /** Something came or went, ever. */
  get used(): boolean {
    return this.queue.traffic !== null;
  }

  /** The policies that apply to it, and what they come to. */
  get policies(): InForce {
    return this.within.topology.policies.forQueue(this.queue.name, this.queue.options.arguments);
  }

  /** One of its numbers, and how fast it goes where that is known: for lists, which look at very many. */
  value(column: QueueColumn): number {
    return queueNumber(this.queue, column);
  }

  rate(column: QueueColumn): number {
    return this.sampler.known(this.queue)?.rate(QUEUE_COLUMNS.indexOf(column)) ?? 0;
  }

  samples(column: QueueColumn, history: History): readonly Sample[] {
    return this.sampler.known(this.queue)?.samples(QUEUE_COLUMNS.indexOf(column), history) ?? [];
  }

  /**
   * Its numbers and rates. @param ask gives it a series of samples if it has none; `history`: one that goes back. Lists do not ask,
   * or they would ask for all there are
   */
  measured(ask: 'nothing' | 'rates' | 'history'): Measured<QueueColumn> {
    const { queue, sampler } = this;
    // A list has very many: nothing is made for each.
    if (ask === 'nothing') return this;
    const series = sampler.queue(queue, ask === 'history');
    const row = new Float64Array(QUEUE_COLUMNS.length);
    queueRow(queue, row);
    return new MeasuredRows(QUEUE_COLUMNS, row, series === undefined ? [] : [series]);
  }

  /** Bytes of the bodies that wait; undefined: nobody counts them, for the queue has no limit on them. */
  get readyBytes(): number | undefined {
    return this.queue.limits?.readyBytes;
  }

  /** What the publisher of its head has said of the time, seconds since the epoch. Null: nothing, none waits, or it is not in memory. */
  get headTimestampS(): number | null {
    const { ready, services } = this.queue;
    if (ready.length === 0) return null;
    if (!services.store.view(ready.headSeq(), ready.headFlags(), headView)) return null;
    const { timestampS } = services.properties(headView);
    return timestampS === undefined ? null : Number(timestampS);
  }
}

export interface Growing {
  readonly vhost: string;
  readonly name: string;
  readonly messages: number;
  /** Messages a second. */
  readonly rate: number;
}

const READY = QUEUE_COLUMNS.indexOf('ready');
const UNSETTLED = QUEUE_COLUMNS.indexOf('unsettled');

export class Queues {
  readonly list: Listing<Queue, QueueView>;
  private readonly broker: Broker;
  private readonly sampler: Sampler;
  private readonly pace: Pace;

  constructor(broker: Broker, pace: Pace, sampler: Sampler, index: QueueIndex) {
    this.pace = pace;
    this.broker = broker;
    this.sampler = sampler;
    this.list = new Listing(new QueueSource(broker, index, sampler), pace);
  }

  find(vhost: string, name: string): QueueView | undefined {
    const within = this.broker.vhostsByName.get(vhost);
    const queue = within?.topology.queues.get(name);
    return queue === undefined || queue.abandoned ? undefined : new QueueView(queue, within!, this.sampler);
  }

  /**
   * Those whose messages become more the fastest, the fastest first. Only queues in which something moves are looked at, which the sampler
   * knows: never more than it measures, however many there are.
   */
  async growing(scope: Scope, take: number): Promise<readonly Growing[]> {
    const within = new Set(scope);
    const found: Growing[] = [];
    await this.pace.next();
    for (const [queue, series] of this.sampler.measuredQueues()) {
      const rate = series.rate(READY) + series.rate(UNSETTLED);
      if (rate > 0 && within.has(queue.services.vhost)) {
        if (found.length < take || rate > found.at(-1)!.rate) {
          found.push({
            vhost: queue.services.vhost,
            name: queue.name,
            messages: queue.count + queue.unsettledCount,
            rate,
          });
          found.sort((a, b) => b.rate - a.rate);
          if (found.length > take) found.pop();
        }
      }
      if (this.pace.over()) await this.pace.next();
    }
    return found;
  }

  /** Whether one that is not there could be declared, as far as what it says goes. @throws BrokerError as its declaration does */
  check(vhost: string, name: string, options: QueueOptions): void {
    checkedQueue(name, options, vhost);
  }

  /**
   * Has a queue hand out nothing, or again; safe when it is resolved. False: it was so already.
   * @throws BrokerError not-found; precondition-failed: a subscription whose messages go past its queue
   */
  async setPaused(vhost: string, name: string, paused: boolean): Promise<boolean> {
    const within = this.broker.vhostsByName.get(vhost);
    const queue = within?.topology.queues.get(name);
    if (within === undefined || queue === undefined) {
      throw new BrokerError('not-found', `no queue '${name}' in vhost '${vhost}'`);
    }
    const { pausedQueues } = within;
    const changed = paused ? pausedQueues.pause(queue) : pausedQueues.resume(queue);
    if (changed) await this.broker.whenSafe(vhost);
    return changed;
  }
}

class QueueSource implements Source<Queue, QueueView> {
  readonly index: QueueIndex;
  private readonly broker: Broker;
  private readonly sampler: Sampler;
  private looking: QueueView | undefined = undefined;

  constructor(broker: Broker, index: QueueIndex, sampler: Sampler) {
    this.broker = broker;
    this.sampler = sampler;
    this.index = index;
  }

  walk(scope: Scope): Iterator<Queue> {
    return new QueueWalk(this.broker, scope);
  }

  view(queue: Queue): QueueView {
    return new QueueView(queue, this.vhostOf(queue), this.sampler);
  }

  look(queue: Queue): QueueView {
    this.looking ??= this.view(queue);
    return this.looking.pointAt(queue, this.vhostOf(queue));
  }

  private vhostOf(queue: Queue): Vhost {
    return this.broker.vhostsByName.get(queue.services.vhost)!;
  }

  compare(a: Queue, b: Queue): number {
    return compareText(a.services.vhost, b.services.vhost) || compareText(a.name, b.name);
  }
}

/** The queues of one vhost after the other, without an object of its own for each. */
class QueueWalk implements Iterator<Queue> {
  private readonly broker: Broker;
  private readonly left: string[];
  private queues: Iterator<Queue> | undefined = undefined;

  constructor(broker: Broker, scope: Scope) {
    this.broker = broker;
    this.left = [...scope].reverse();
  }

  next(): IteratorResult<Queue> {
    for (;;) {
      const found = this.queues?.next();
      if (found !== undefined && found.done !== true) return found;
      const name = this.left.pop();
      if (name === undefined) return { done: true, value: undefined };
      this.queues = this.broker.vhostsByName.get(name)?.topology.queues.values();
    }
  }
}
