/** The part of a session that declares, binds and deletes: what each call means is said at `Session`. */
import { MARK_NOW, type Mark } from '../../api/confirms.ts';
import type { Action } from '../../api/identity.ts';
import type { BindingInfo, BindOptions, ExchangeOptions, QueueInfo, QueueOptions } from '../../api/topology.ts';
import type { Share } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import type { DeliveryGuard } from '../../queue/dispatch/consumer.ts';
import type { Queue } from '../../queue/queue.ts';
import { notDefault } from '../../vhost/topology/compare.ts';
import { generatedName, type Topology } from '../../vhost/topology/topology.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Membership } from '../limits/membership.ts';
import { OwnQueues } from './own-queues.ts';
import { bindingKey, type Permissions } from './permissions.ts';
import { ReadGuard } from './read-guard.ts';
import type { Receiving } from './receiving.ts';

/** Who hears of queues that the client makes and deletes. */
export interface QueueNotices {
  /** @param policy of its name, if there is one */
  queueMade(queue: string, policy: string | undefined): void;
  queueDeleted(queue: string, messages: number): void;
}

export class SessionTopology {
  private readonly vhost: Vhost;
  private readonly topology: Topology;
  private readonly permissions: Permissions;
  private readonly share: Share;
  /** The session: what exclusive queues belong to. */
  private readonly owner: { readonly notices: QueueNotices | null };
  private readonly membership: Membership;
  readonly own: OwnQueues;
  /** Null while there has been none. */
  private exclusive: Set<Queue> | null = null;
  private pruneAt = 32;
  /** Of queues that the client has come back to; null while there are none. */
  private guards: Map<string, ReadGuard> | null = null;
  private readonly receiving: Receiving;
  /** The name that was made last. */
  private generated = '';

  constructor(
    vhost: Vhost,
    permissions: Permissions,
    share: Share,
    owner: { readonly notices: QueueNotices | null },
    receiving: Receiving,
    membership: Membership,
  ) {
    this.receiving = receiving;
    this.vhost = vhost;
    this.topology = vhost.topology;
    this.permissions = permissions;
    this.share = share;
    this.owner = owner;
    this.membership = membership;
    this.own = new OwnQueues(this.topology, permissions);
  }

  // --------------------------------------------------------------------------------------------------- exchanges

  declareExchange(name: string, type: string, options: ExchangeOptions): Mark {
    this.permissions.demand('configure', 'exchange', notDefault(name));
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

  passiveExchange(name: string): void {
    // That those are there which every vhost has tells nobody anything; of others even that they are not.
    if (!name.startsWith('amq.')) this.permissions.demandAny('exchange', name);
    this.checkExchange(name);
  }

  deleteExchange(name: string, ifUnused: boolean): Mark {
    this.topology.checkDeletable(name);
    this.permissions.demand('configure', 'exchange', name);
    return this.markIf(this.topology.deleteExchange(name, ifUnused, this.share));
  }

  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.demandBinding('exchange', notDefault(destination), source, key, options);
    return this.markIf(this.topology.bind(source, null, destination, key, options));
  }

  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.demandBinding('exchange', notDefault(destination), source, key, options);
    return this.markIf(this.topology.unbind(source, null, destination, key, options));
  }

  private demandBinding(
    kind: 'exchange' | 'queue',
    destination: string,
    source: string,
    key: string,
    { spelling }: BindOptions,
  ): void {
    notDefault(source);
    if (kind === 'exchange' || !this.own.has(destination)) this.permissions.demand('write', kind, destination);
    this.permissions.demand('read', 'exchange', source);
    const exchange = this.topology.exchanges.get(source);
    if (exchange !== undefined) this.permissions.demandTopic('read', exchange, bindingKey(key, spelling));
  }

  // ------------------------------------------------------------------------------------------------------ queues

  declareQueue(name: string, options: QueueOptions): QueueInfo {
    const full = name === '' ? this.newName() : name;
    if (options.ownUse === undefined || options.ownUse === false) this.demandDeclare(full, options);
    if (options.exclusive && this.membership.limits.queues !== undefined && !this.queueExists(full)) {
      this.membership.checkOwnQueues(full, this.exclusiveCount);
    }
    // An existing exclusive queue is asked for by its owner whatever the flag says now.
    const { queue, wrote, made } = this.topology.declareQueue(name, options, this.owner, full);
    if (made && isShared(queue))
      this.owner.notices?.queueMade(queue.name, this.topology.policies.forQueue(queue.name, options.arguments).policy);
    if (options.ownUse !== undefined && options.ownUse !== false) this.own.add(full, options.ownUse === 'shared');
    if (options.origin !== undefined) queue.origin = options.origin;
    queue.released = false;
    if (queue.exclusiveTo === this.owner) this.keep(queue);
    return this.info(queue, this.markIf(wrote));
  }

  /** What is asked for once more, because nobody could tell whether it is permitted, is asked for by the same name. */
  private newName(): string {
    const { interrupted } = this.permissions;
    this.permissions.interrupted = false;
    if (!interrupted || this.generated === '' || this.queueExists(this.generated)) this.generated = generatedName();
    return this.generated;
  }

  private demandDeclare(name: string, { arguments: args }: QueueOptions): void {
    this.permissions.demand('configure', 'queue', name);
    const target = args.find((argument) => argument.name === 'x-dead-letter-exchange')?.value;
    if (typeof target !== 'string' || this.queueExists(name)) return;
    this.permissions.demand('read', 'queue', name);
    this.permissions.demand('write', 'exchange', target);
  }

  /** Asks, unless the queue is the client's own. @throws BrokerError access-refused */
  demandQueue(action: Action, name: string): void {
    if (!this.own.has(name)) this.permissions.demand(action, 'queue', name);
  }

  /** Asks as for a binding with this key, which is not made. @throws BrokerError not-found, access-refused; AccessPending */
  demandReading(exchange: string, key: string): void {
    this.permissions.demand('read', 'exchange', exchange);
    this.permissions.demandTopic('read', this.vhost.topology.registry.exchange(exchange), key);
  }

  /** Whether its user still may read it: true as long as nobody can tell. */
  permitsReading(name: string): boolean {
    return this.own.has(name) || this.permissions.permits('read', 'queue', name);
  }

  adoptQueue(name: string): readonly BindingInfo[] {
    this.own.add(name, false);
    const queue = this.topology.find(name);
    if (queue === undefined) return [];
    this.own.demandKnown(queue);
    const lost = [...this.own.withdraw(queue)].filter((binding) => binding !== undefined);
    const old = queue.messages + queue.unsettledCount > 0;
    this.guard(queue, old ? new ReadGuard(this.vhost, this.permissions, queue, this.receiving) : this.receiving);
    return lost;
  }

  /** What waits in the queue may have come when its client could read more than now. */
  private guard(queue: Queue, guard: DeliveryGuard): void {
    if (guard instanceof ReadGuard) {
      this.guards ??= new Map();
      this.guards.set(queue.name, guard);
    }
    for (const consumer of queue.consumers) if (consumer.suspended) consumer.guard = guard;
  }

  /** It is kept for this client itself, and nobody else uses it. */
  isAlone(name: string): boolean {
    return this.own.isAlone(name);
  }

  /** What a new consumer of a queue is to be guarded with. */
  guardOf(name: string): DeliveryGuard | null {
    return this.guards?.get(name) ?? (this.own.has(name) ? this.receiving : null);
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

  private get exclusiveCount(): number {
    if (this.exclusive !== null) for (const one of this.exclusive) if (one.deleted) this.exclusive.delete(one);
    return this.exclusive?.size ?? 0;
  }

  checkQueue(name: string): QueueInfo {
    const queue = this.queue(name);
    queue.touch();
    return this.info(queue, MARK_NOW);
  }

  passiveQueue(name: string): QueueInfo {
    const queue = this.topology.find(name);
    // Whoever it is exclusive to has made it. Of others even that they are not there is not for everybody.
    const isMine = this.own.has(name) || (queue !== undefined && this.exclusive?.has(queue) === true);
    if (!isMine) this.permissions.demandAny('queue', name);
    return this.checkQueue(name);
  }

  queueExists(name: string): boolean {
    return this.topology.find(name) !== undefined;
  }

  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): { messages: number; mark: Mark } {
    this.demandQueue('configure', name);
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
    if (isShared(queue)) this.owner.notices?.queueDeleted(name, messages);
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
    this.demandQueue('read', name);
    const queue = this.queue(name);
    queue.purge(this.share, (messages) => {
      done({ messages, mark: this.markIf(queue.durable && messages > 0) });
    });
  }

  bindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    this.demandBinding('queue', queue, exchange, key, options);
    const mark = this.markIf(this.topology.bind(exchange, this.queue(queue), null, key, options));
    this.own.bound(queue, { exchange, key, options });
    return mark;
  }

  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    // What a client has of its own it may always give up.
    if (!this.own.has(queue)) this.demandBinding('queue', queue, exchange, key, options);
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

  // ------------------------------------------------------------------------------------------------ rules that change

  /** The queues that are this client's alone: what they are bound to is what it reads. */
  get alone(): Queue[] {
    const queues = new Set(this.exclusive ?? []);
    for (const name of this.own.alone()) {
      const queue = this.topology.find(name);
      if (queue !== undefined) queues.add(queue);
    }
    return [...queues].filter((queue) => !queue.deleted);
  }

  /** Whether it may still consume from this queue. @param through what it reads the queue for, if not for itself */
  mayRead(name: string, through: BindingInfo | undefined): boolean {
    const own = this.own.mayRead(name);
    if (own !== undefined) return own;
    return (
      (through === undefined || this.own.permitsBinding(through)) && this.permissions.permits('read', 'queue', name)
    );
  }

  /** The session ends: its exclusive queues are found by nobody any more. Returns those that are to be deleted. */
  abandon(): Iterable<Queue> {
    const queues = this.exclusive ?? [];
    for (const queue of queues) queue.abandoned = true;
    return queues;
  }
}

/** It is for others too, and there when its client has gone: one that an operator knows of. */
function isShared({ options }: Queue): boolean {
  const { durable, exclusive, ownUse } = options;
  return durable && !exclusive && (ownUse === undefined || ownUse === false);
}
