/** Queues as an operator sees them. */
import type { QueueOptions } from '../api/topology.ts';
import type { Broker } from '../broker/broker.ts';
import type { Headers } from '../message/properties.ts';
import type { Queue } from '../queue/queue.ts';
import type { InForce } from '../vhost/topology/policies.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';
import { QueueIndex } from './queue-index.ts';

/** One queue, looked at when it is asked: keep none. */
export class QueueView {
  private readonly queue: Queue;
  private readonly topology: Vhost['topology'];

  constructor(queue: Queue, topology: Vhost['topology']) {
    this.queue = queue;
    this.topology = topology;
  }

  get name(): string {
    return this.queue.name;
  }

  get vhost(): string {
    return this.queue.services.vhost;
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

  /** Messages that wait. */
  get ready(): number {
    return this.queue.count;
  }

  /** Messages that consumers hold. */
  get unsettled(): number {
    return this.queue.unsettledCount;
  }

  get consumers(): number {
    return this.queue.consumers.length;
  }

  /** The policies that apply to it, and what they come to. */
  get policies(): InForce {
    return this.topology.policies.forQueue(this.queue.name, this.queue.options.arguments);
  }
}

export class Queues {
  readonly list: Listing<Queue, QueueView>;
  private readonly broker: Broker;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.list = new Listing(new QueueSource(broker, pace), pace);
  }

  find(vhost: string, name: string): QueueView | undefined {
    const topology = this.broker.vhostsByName.get(vhost)?.topology;
    const queue = topology?.queues.get(name);
    return queue === undefined || queue.abandoned ? undefined : new QueueView(queue, topology!);
  }
}

class QueueSource implements Source<Queue, QueueView> {
  readonly index: QueueIndex;
  private readonly broker: Broker;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.index = new QueueIndex(broker, pace);
  }

  count(scope: Scope): number {
    let count = 0;
    for (const name of scope) count += this.broker.vhostsByName.get(name)?.topology.queues.size ?? 0;
    return count;
  }

  *walk(scope: Scope): Generator<Queue> {
    for (const name of scope) {
      const queues = this.broker.vhostsByName.get(name)?.topology.queues;
      if (queues !== undefined) yield* queues.values();
    }
  }

  view(queue: Queue): QueueView {
    return new QueueView(queue, this.broker.vhostsByName.get(queue.services.vhost)!.topology);
  }

  compare(a: Queue, b: Queue): number {
    return compareText(a.services.vhost, b.services.vhost) || compareText(a.name, b.name);
  }
}
