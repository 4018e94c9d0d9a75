/** The part of a session that declares, binds and deletes: what each call means is said at `Session`. */
import { MARK_NOW, type Mark } from '../../api/confirms.ts';
import type { BindingInfo, BindOptions, ExchangeOptions, QueueInfo, QueueOptions } from '../../api/topology.ts';
import type { Share } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Topology } from '../../vhost/topology/topology.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Permissions } from './permissions.ts';

export class SessionTopology {
  private readonly vhost: Vhost;
  private readonly topology: Topology;
  private readonly permissions: Permissions;
  private readonly share: Share;
  /** The session: what exclusive queues belong to. */
  private readonly owner: object;
  /** Null while there has been none. */
  private exclusive: Set<Queue> | null = null;
  private pruneAt = 32;

  constructor(vhost: Vhost, permissions: Permissions, share: Share, owner: object) {
    this.vhost = vhost;
    this.topology = vhost.topology;
    this.permissions = permissions;
    this.share = share;
    this.owner = owner;
  }

  // --------------------------------------------------------------------------------------------------- exchanges

  declareExchange(name: string, type: string, options: ExchangeOptions): Mark {
    this.permissions.demand('configure', 'exchange', name);
    const alternate = options.arguments.find((argument) => argument.name === 'alternate-exchange')?.value;
    if (typeof alternate === 'string' && !this.topology.exchanges.has(name)) {
      this.permissions.demand('read', 'exchange', name);
      this.permissions.demand('write', 'exchange', alternate);
    }
    return this.markIf(this.topology.declareExchange(name, type, options));
  }

  checkExchange(name: string): void {
    if (name !== '') this.topology.registry.exchange(name);
  }

  deleteExchange(name: string, ifUnused: boolean): Mark {
    this.permissions.demand('configure', 'exchange', name);
    return this.markIf(this.topology.deleteExchange(name, ifUnused, this.share));
  }

  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.permissions.demand('write', 'exchange', destination);
    this.permissions.demand('read', 'exchange', source);
    return this.markIf(this.topology.bind(source, null, destination, key, options));
  }

  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.permissions.demand('write', 'exchange', destination);
    this.permissions.demand('read', 'exchange', source);
    return this.markIf(this.topology.unbind(source, null, destination, key, options));
  }

  // ------------------------------------------------------------------------------------------------------ queues

  declareQueue(name: string, options: QueueOptions): QueueInfo {
    if (options.ownUse !== true) this.permissions.demand('configure', 'queue', name);
    // An existing exclusive queue is asked for by its owner whatever the flag says now.
    const { queue, wrote } = this.topology.declareQueue(name, options, this.owner);
    if (options.origin !== undefined) queue.origin = options.origin;
    queue.released = false;
    if (queue.exclusiveTo === this.owner) this.keep(queue);
    return this.info(queue, this.markIf(wrote));
  }

  /** Exclusive queues may come and go by themselves: those that have gone are forgotten once there are many. */
  private keep(queue: Queue): void {
    this.exclusive ??= new Set();
    const queues = this.exclusive;
    if (queues.size >= this.pruneAt) {
      for (const one of queues) if (one.deleted) queues.delete(one);
      this.pruneAt = Math.max(32, queues.size * 2);
    }
    queues.add(queue);
  }

  checkQueue(name: string): QueueInfo {
    const queue = this.queue(name);
    queue.touch();
    return this.info(queue, MARK_NOW);
  }

  queueExists(name: string): boolean {
    return this.topology.find(name) !== undefined;
  }

  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): { messages: number; mark: Mark } {
    this.permissions.demand('configure', 'queue', name);
    if (!this.queueExists(name)) return { messages: 0, mark: MARK_NOW };
    const queue = this.queue(name);
    if (ifUnused && queue.consumers.length > 0) {
      throw new BrokerError('precondition-failed', `queue '${name}' in vhost '${this.vhost.name}' in use`);
    }
    queue.catchUp(true);
    if (ifEmpty && queue.messages > 0) {
      throw new BrokerError('precondition-failed', `queue '${name}' in vhost '${this.vhost.name}' not empty`);
    }
    this.exclusive?.delete(queue);
    const { messages, wrote } = this.topology.deleteQueue(queue, this.share);
    return { messages, mark: this.markIf(wrote) };
  }

  releaseQueue(name: string): Mark {
    const queue = this.topology.find(name);
    if (queue === undefined) return MARK_NOW;
    if (queue.consumers.length > 0) {
      queue.released = true;
      return MARK_NOW;
    }
    return this.markIf(this.topology.deleteQueue(queue).wrote);
  }

  purgeQueue(name: string, done: (purged: { messages: number; mark: Mark }) => void): void {
    this.permissions.demand('read', 'queue', name);
    const queue = this.queue(name);
    queue.purge(this.share, (messages) => {
      done({ messages, mark: this.markIf(queue.durable && messages > 0) });
    });
  }

  bindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    this.permissions.demand('write', 'queue', queue);
    this.permissions.demand('read', 'exchange', exchange);
    return this.markIf(this.topology.bind(exchange, this.queue(queue), null, key, options));
  }

  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    this.permissions.demand('write', 'queue', queue);
    this.permissions.demand('read', 'exchange', exchange);
    return this.markIf(this.topology.unbind(exchange, this.queue(queue), null, key, options));
  }

  bindings(queue: string): BindingInfo[] {
    return this.topology.bindingsOf(this.queue(queue));
  }

  /** @throws BrokerError not-found, resource-locked */
  queue(name: string): Queue {
    return this.topology.queue(name, this.owner);
  }

  private info(queue: Queue, mark: Mark): QueueInfo {
    queue.catchUp(true);
    return { name: queue.name, messages: queue.count, consumers: queue.consumers.length, mark };
  }

  /** The end of everything that changes what there is: nobody knows how long that took. */
  private markIf(wrote: boolean): Mark {
    this.vhost.turn.work.checkTime();
    return wrote ? this.vhost.units.mark() : MARK_NOW;
  }

  /** The session ends: its exclusive queues are found by nobody any more. Returns those that are to be deleted. */
  abandon(): Iterable<Queue> {
    const queues = this.exclusive ?? [];
    for (const queue of queues) queue.abandoned = true;
    return queues;
  }
}
