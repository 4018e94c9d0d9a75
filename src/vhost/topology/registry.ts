/** The registry of exchanges and queues, by name and by number: what routing, checkpoints and statistics look at. */
import { BrokerError } from '../../message/errors.ts';
import type { Queue } from '../../queue/queue.ts';
import { Exchange } from '../../routing/exchange.ts';
import type { RouterTables } from '../../routing/walk.ts';
import { PREDECLARED } from './predeclared.ts';

/** Hears which queues come and go. */
export interface RegistryWatcher {
  queueAdded(queue: Queue): void;
  queueRemoved(queue: Queue): void;
}

export class Registry implements RouterTables<Queue> {
  readonly vhost: string;
  readonly exchanges = new Map<string, Exchange<Queue>>();
  readonly queues = new Map<string, Queue>();
  readonly queuesById = new Map<number, Queue>();
  /** Queues that are deleted and still hold something. */
  readonly leaving = new Set<Queue>();
  /** The number that the next queue gets: none is used twice. */
  nextQueue = 1;
  /** Queues that were declared, made and deleted, since the start. */
  readonly churn = { declared: 0, created: 0, deleted: 0 };
  /** Null: nobody watches. */
  watcher: RegistryWatcher | null = null;
  /** Told of each queue that is made or deleted from now on. Null: nobody is. */
  onQueue: ((queue: Queue, made: boolean) => void) | null = null;

  readonly reserves: (exchange: string, key: string) => boolean;

  /** @param reserves as `RouterTables.reserves` */
  constructor(vhost: string, reserves: (exchange: string, key: string) => boolean = () => false) {
    this.vhost = vhost;
    this.reserves = reserves;
    for (const { name, type, ...options } of PREDECLARED) this.exchanges.set(name, new Exchange(name, type, options));
  }

  /** Exchanges that were declared, those that are always there left out. */
  get declaredExchanges(): number {
    return this.exchanges.size - PREDECLARED.length;
  }

  /** @throws BrokerError not-found */
  exchange(name: string): Exchange<Queue> {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) throw new BrokerError('not-found', `no exchange '${name}' in vhost '${this.vhost}'`);
    return exchange;
  }

  addQueue(queue: Queue): void {
    this.queues.set(queue.name, queue);
    this.queuesById.set(queue.id, queue);
    this.watcher?.queueAdded(queue);
    this.onQueue?.(queue, true);
  }

  /** It is found no more, and leaves until `left`. */
  removeQueue(queue: Queue): void {
    this.queues.delete(queue.name);
    this.queuesById.delete(queue.id);
    this.leaving.add(queue);
    this.churn.deleted++;
    this.watcher?.queueRemoved(queue);
    this.onQueue?.(queue, false);
  }

  /** Recovery: queues up to this number have been there. */
  expectQueue(next: number): void {
    this.nextQueue = Math.max(this.nextQueue, next);
  }

  // -------------------------------------------------------------------------------------------------- checkpoints

  durableExchanges(): Exchange<Queue>[] {
    return [...this.exchanges.values()].filter((exchange) => exchange.durable && !exchange.name.startsWith('amq.'));
  }

  durableQueues(): Queue[] {
    return [...this.queues.values()].filter((queue) => queue.durable && !queue.options.exclusive);
  }
}
