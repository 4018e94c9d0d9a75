/** The session of a client: asks every permission, then passes on to the vhost. What each call means is said at `Session`. */
import type { AdapterState } from '../api/adapter-state.ts';
import type { BodyReader, BodyWriter } from '../api/bodies.ts';
import { type ConfirmRing, type ConfirmSink, MARK_NOW, type Mark } from '../api/confirms.ts';
import {
  type Backpressure,
  type ConsumeOptions,
  type Consumer,
  type DeliverySink,
  type DirectSink,
  type GetResult,
  MODIFIED,
  type Outcome,
  RELEASED,
  type SharedCredit,
} from '../api/consume.ts';
import type { Action, Authenticator, Identity } from '../api/identity.ts';
import type { Route } from '../api/route.ts';
import type { Session, SessionClient } from '../api/session.ts';
import type { BindingInfo, BindOptions, ExchangeOptions, QueueInfo, QueueOptions } from '../api/topology.ts';
import type { Transaction } from '../api/transaction.ts';

import type { Share } from '../clock/work.ts';
import { BrokerError } from '../message/errors.ts';
import type { Draft, LargeBody, MessageView, Spelling } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import { QueueConsumer } from '../queue/dispatch/consumer.ts';
import { SharedCredit as QueueSharedCredit } from '../queue/dispatch/shared-credit.ts';
import type { Queue } from '../queue/queue.ts';
import type { StoredBody } from '../queue/store/stored-body.ts';
import type { CompiledRoute } from '../routing/route.ts';
import type { WaitingPublisher } from '../vhost/flow/subscriber-flow-control.ts';
import type { Confirms } from '../vhost/publish/confirms.ts';
import type { PublishingClient, RestOfDeliveries } from '../vhost/publish/direct-deliveries.ts';
import { VhostTransaction } from '../vhost/publish/transaction.ts';
import type { Vhost } from '../vhost/vhost.ts';

export class ClientSession implements Session, WaitingPublisher, PublishingClient {
  readonly user: string;
  readonly vhost: string;
  readonly state: AdapterState;
  readonly client: SessionClient;
  readonly share: Share;
  private readonly services: Vhost;
  private readonly identity: Identity;
  private readonly authenticator: Authenticator;
  private readonly onClosed: (session: ClientSession, inOrder: boolean) => void;
  private readonly consumers = new Set<QueueConsumer>();
  private readonly exclusiveQueues = new Set<Queue>();
  private readonly bodies = new Set<StoredBody>();
  private readonly rings = new Set<ConfirmRing>();
  private closed = false;
  private pruneAt = 32;
  private ownPruneAt = 32;
  /** Publishing waits for a direct subscriber, or for the consumers of a queue. */
  private stalled = false;
  /** What it has published is still under way to direct subscribers. */
  private delivering = 0;

  /** @internal `Broker.open` makes sessions */
  constructor(
    home: Vhost,
    identity: Identity,
    authenticator: Authenticator,
    client: SessionClient,
    onClosed: (session: ClientSession, inOrder: boolean) => void,
  ) {
    this.services = home;
    this.identity = identity;
    this.authenticator = authenticator;
    this.client = client;
    this.share = client.share ?? home.turn.work.share();
    this.onClosed = onClosed;
    this.user = identity.user;
    this.vhost = home.name;
    this.state = home.state;
  }

  // ---------------------------------------------------------------------------------------------------- topology

  declareExchange(name: string, type: string, options: ExchangeOptions): Mark {
    this.demand('configure', name);
    const alternate = options.arguments.find((argument) => argument.name === 'alternate-exchange')?.value;
    if (typeof alternate === 'string' && !this.services.topology.exchanges.has(name)) {
      this.demand('read', name);
      this.demand('write', alternate);
    }
    return this.markIf(this.services.topology.declareExchange(name, type, options));
  }

  checkExchange(name: string): void {
    if (name !== '') this.services.topology.registry.exchange(name);
  }

  deleteExchange(name: string, ifUnused: boolean): Mark {
    this.demand('configure', name);
    return this.markIf(this.services.topology.deleteExchange(name, ifUnused, this.share));
  }

  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.demand('write', destination);
    this.demand('read', source);
    return this.markIf(this.services.topology.bind(source, null, destination, key, options));
  }

  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.demand('write', destination);
    this.demand('read', source);
    return this.markIf(this.services.topology.unbind(source, null, destination, key, options));
  }

  declareQueue(name: string, options: QueueOptions): QueueInfo {
    if (options.ownUse !== true) this.demand('configure', name);
    // An existing exclusive queue is asked for by its owner whatever the flag says now.
    const { queue, wrote } = this.services.topology.declareQueue(name, options, this);
    if (options.origin !== undefined) queue.origin = options.origin;
    queue.released = false;
    if (queue.exclusiveTo === this) this.own(queue);
    return this.info(queue, this.markIf(wrote));
  }

  /** Exclusive queues may come and go by themselves: those that have gone are forgotten once there are many. */
  private own(queue: Queue): void {
    const queues = this.exclusiveQueues;
    if (queues.size >= this.ownPruneAt) {
      for (const one of queues) if (one.deleted) queues.delete(one);
      this.ownPruneAt = Math.max(32, queues.size * 2);
    }
    queues.add(queue);
  }

  checkQueue(name: string): QueueInfo {
    const queue = this.queue(name);
    queue.touch();
    return this.info(queue, MARK_NOW);
  }

  queueExists(name: string): boolean {
    return this.services.topology.find(name) !== undefined;
  }

  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): { messages: number; mark: Mark } {
    this.demand('configure', name);
    if (!this.queueExists(name)) return { messages: 0, mark: MARK_NOW };
    const queue = this.queue(name);
    if (ifUnused && queue.consumers.length > 0) {
      throw new BrokerError('precondition-failed', `queue '${name}' in vhost '${this.vhost}' in use`);
    }
    queue.catchUp(true);
    if (ifEmpty && queue.messages > 0) {
      throw new BrokerError('precondition-failed', `queue '${name}' in vhost '${this.vhost}' not empty`);
    }
    this.exclusiveQueues.delete(queue);
    const { messages, wrote } = this.services.topology.deleteQueue(queue, this.share);
    return { messages, mark: this.markIf(wrote) };
  }

  releaseQueue(name: string): Mark {
    const queue = this.services.topology.find(name);
    if (queue === undefined) return MARK_NOW;
    if (queue.consumers.length > 0) {
      queue.released = true;
      return MARK_NOW;
    }
    return this.markIf(this.services.topology.deleteQueue(queue).wrote);
  }

  purgeQueue(name: string, done: (purged: { messages: number; mark: Mark }) => void = () => {}): void {
    this.demand('read', name);
    const queue = this.queue(name);
    queue.purge(this.share, (messages) => {
      done({ messages, mark: this.markIf(queue.durable && messages > 0) });
    });
  }

  bindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    this.demand('write', queue);
    this.demand('read', exchange);
    return this.markIf(this.services.topology.bind(exchange, this.queue(queue), null, key, options));
  }

  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    this.demand('write', queue);
    this.demand('read', exchange);
    return this.markIf(this.services.topology.unbind(exchange, this.queue(queue), null, key, options));
  }

  bindings(queue: string): BindingInfo[] {
    return this.services.topology.bindingsOf(this.queue(queue));
  }

  private queue(name: string): Queue {
    return this.services.topology.queue(name, this);
  }

  private info(queue: Queue, mark: Mark): QueueInfo {
    queue.catchUp(true);
    return { name: queue.name, messages: queue.count, consumers: queue.consumers.length, mark };
  }

  /** The end of everything that changes what there is: nobody knows how long that took. */
  private markIf(wrote: boolean): Mark {
    this.services.turn.work.checkTime();
    return wrote ? this.services.units.mark() : MARK_NOW;
  }

  private demand(action: Action, resource: string): void {
    if (this.authenticator.permits(this.identity, this.vhost, action, resource)) return;
    throw new BrokerError(
      'access-refused',
      `${action} access to '${resource}' in vhost '${this.vhost}' refused for user '${this.user}'`,
    );
  }

  // ---------------------------------------------------------------------------------------------------- publishing

  route(exchange: string, spelling: Spelling, key: Buffer, start: number, end: number): Route {
    return this.mayPublish(this.services.router.route(exchange, spelling, key, start, end, this.vhost), exchange);
  }

  routeAll(exchange: string, spelling: Spelling, keys: readonly string[]): Route {
    return this.mayPublish(this.services.router.routeAll(exchange, spelling, keys, this.vhost), exchange);
  }

  private mayPublish(route: CompiledRoute<Queue>, exchange: string): Route {
    if (route.exchange?.internal === true) {
      throw new BrokerError(
        'access-refused',
        `cannot publish to internal exchange '${exchange}' in vhost '${this.vhost}'`,
      );
    }
    this.demand('write', exchange);
    return route;
  }

  publish(route: Route, draft: Draft): Mark {
    if (draft.large !== null) this.bodies.delete(draft.large as StoredBody);
    const mark = this.services.publisher.publishFrom(this, route, draft);
    this.waitIfBehind();
    return mark;
  }

  private waitIfBehind(): void {
    const { subscriberFlow } = this.services;
    if (subscriberFlow.pending && subscriberFlow.wait(this)) this.stalled = true;
  }

  /** @internal what it has just published is delivered in parts, and it waits until that is done */
  deliverRest(rest: RestOfDeliveries): void {
    this.delivering++;
    this.stalled = true;
    this.share.run(
      () => rest.step(),
      () => {
        this.delivering--;
        this.stalled = false;
        this.waitIfBehind();
        if (!this.stalled) this.released();
      },
    );
  }

  get congested(): boolean {
    return this.stalled || this.services.publishFlow.on;
  }

  get shortage(): 'disk' | 'memory' {
    return this.services.log.full ? 'disk' : 'memory';
  }

  /** @internal one of its consumers holds deliveries */
  get owesSettlements(): boolean {
    for (const consumer of this.consumers) if (consumer.held > 0) return true;
    return false;
  }

  /** @internal the consumers that this publisher waited for have caught up, or were given up */
  released(): void {
    if (this.delivering > 0) return;
    this.stalled = false;
    if (!this.closed && !this.services.publishFlow.on) this.client.uncongested();
  }

  directDrained(name: string): void {
    const queue = this.services.topology.queues.get(name);
    if (queue !== undefined) this.services.subscriberFlow.drained(queue);
  }

  openBody(length: number, durable: boolean): BodyWriter {
    const body = this.services.publisher.openBody(length, durable);
    this.bodies.add(body);
    return body;
  }

  readBody(body: LargeBody): BodyReader {
    return (body as StoredBody).read();
  }

  properties(view: MessageView): Properties {
    return this.services.dialects.properties(view);
  }

  matchProperties(view: MessageView): Properties {
    return this.services.dialects.matchProperties(view);
  }

  timeLeftMs(view: MessageView): number | undefined {
    return this.services.dialects.timeLeftMs(view);
  }

  transaction(): Transaction {
    return new VhostTransaction(this.services);
  }

  beginUnit(): void {
    this.services.units.begin();
  }

  endUnit(): Mark {
    return this.services.units.end();
  }

  // -------------------------------------------------------------------------------------------------------- safety

  /** What `safe` means to this client. */
  private get promises(): Confirms {
    return this.client.transport?.confirmsAtWrite === true ? this.services.writeConfirms : this.services.confirms;
  }

  confirms(sink: ConfirmSink): ConfirmRing {
    // Channels come and go on one connection: their rings are not kept.
    for (const ring of this.rings) if (ring.closed) this.rings.delete(ring);
    const ring = this.promises.ring(sink);
    this.rings.add(ring);
    return ring;
  }

  mark(): Mark {
    return this.services.units.mark();
  }

  whenSafe(mark: Mark, done: (failed: boolean) => void): void {
    this.promises.whenSafe(mark, done);
  }

  // ----------------------------------------------------------------------------------------------------- consuming

  sharedCredit(limit: number): SharedCredit {
    return new QueueSharedCredit(limit);
  }

  consume(name: string, options: ConsumeOptions, sink: DeliverySink, output: Backpressure): Consumer {
    if (this.services.topology.queues.get(name)?.options.ownUse !== true) this.demand('read', name);
    const consumer = this.queue(name).addConsumer(options, sink, output);
    consumer.share = this.share;
    sink.attached?.(consumer);
    this.prune();
    this.consumers.add(consumer);
    return consumer;
  }

  get(
    name: string,
    settled: boolean,
    sink: DeliverySink,
    done: (result: GetResult | undefined, consumer: Consumer) => void,
  ): void {
    this.demand('read', name);
    const queue = this.queue(name);
    const holder = QueueConsumer.passive(queue, settled, sink);
    holder.share = this.share;
    sink.attached?.(holder);
    if (!settled) {
      this.prune();
      this.consumers.add(holder);
    }
    queue.get(holder, done);
  }

  /** Forgets consumers that are cancelled or passive and hold nothing, once there are many. */
  private prune(): void {
    if (this.consumers.size < this.pruneAt) return;
    for (const consumer of this.consumers) {
      if (consumer.held === 0 && (!consumer.active || consumer.passive)) this.consumers.delete(consumer);
    }
    this.pruneAt = Math.max(32, this.consumers.size * 2);
  }

  attachDirect(name: string, sink: DirectSink | null): void {
    this.demand('read', name);
    const queue = this.queue(name);
    queue.direct = sink;
    this.services.subscriberFlow.drained(queue);
  }

  get retainedCount(): number {
    return this.services.retained.index.size;
  }

  retainedFull(route: Route, bytes: number): boolean {
    const compiled = route as CompiledRoute<Queue>;
    return this.services.retained.isFull(compiled, compiled.end - compiled.keyStart + bytes);
  }

  replayRetained(name: string, filter: string, options: BindOptions, done: (count: number) => void = () => {}): void {
    this.services.retained.replay(this.queue(name), filter, options, this.share, done);
  }

  close(inOrder: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.services.subscriberFlow.forget(this);
    for (const ring of this.rings) ring.close();
    for (const body of this.bodies) body.abort();
    const leaving = [...this.consumers].filter((consumer) => !consumer.suspended);
    // Nothing more for them, and nobody finds a queue whose owner has gone; the rest takes as long as it takes.
    for (const consumer of leaving) consumer.suspend();
    for (const queue of this.exclusiveQueues) queue.abandoned = true;
    this.leave(leaving, inOrder ? RELEASED : MODIFIED);
    this.onClosed(this, inOrder);
  }

  private leave(consumers: readonly QueueConsumer[], outcome: Outcome): void {
    const { share, services } = this;
    const { work } = share;
    const queues = [...this.exclusiveQueues];
    let consumer = 0;
    let queue = 0;
    share.run(() => {
      while (consumer < consumers.length) {
        consumers[consumer++]!.cancel(outcome);
        work.spend(2);
        if (work.over) return false;
      }
      while (queue < queues.length) {
        const own = queues[queue++]!;
        if (!own.deleted) services.topology.deleteQueue(own, share);
        work.spend(4);
        if (work.over) return false;
      }
      return true;
    });
  }
}
