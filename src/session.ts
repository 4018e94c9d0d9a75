/**
 * One authenticated client in one vhost: the door adapters go through. Every permission is asked here.
 *
 * All calls are synchronous; those that change something durable say with a `Mark` when it is safe. Errors are
 * `BrokerError`s, thrown before anything was changed.
 */
import {
  type AdapterState,
  type Backpressure,
  type BindingInfo,
  type BindOptions,
  type BodyReader,
  type BodyWriter,
  type ConfirmRing,
  type ConfirmSink,
  type ConsumeOptions,
  type Consumer,
  type DeliverySink,
  type DirectSink,
  type ExchangeOptions,
  type GetResult,
  type Identity,
  MARK_NOW,
  type Mark,
  MODIFIED,
  type Outcome,
  type QueueInfo,
  type QueueOptions,
  RELEASED,
  type Route,
  type SessionClient,
  type SharedCredit,
  type Transaction,
} from './api.ts';
import type { Action, Authenticator } from './auth/authenticator.ts';
import type { Share } from './clock/work.ts';
import { BrokerError } from './message/errors.ts';
import type { Draft, LargeBody, MessageView, Spelling } from './message/message.ts';
import type { Properties } from './message/properties.ts';
import { QueueConsumer } from './queue/consumer.ts';
import type { Queue } from './queue/queue.ts';
import { SharedCredit as QueueSharedCredit } from './queue/shared-credit.ts';
import type { StoredBody } from './queue/stored-body.ts';
import type { CompiledRoute } from './routing/route.ts';
import type { Confirms } from './vhost/confirms.ts';
import type { DirectDeliveries, Publisher } from './vhost/direct-deliveries.ts';
import type { Stallable } from './vhost/stalls.ts';
import { VhostTransaction } from './vhost/transaction.ts';
import type { Vhost } from './vhost/vhost.ts';

export class Session implements Stallable, Publisher {
  /** The authenticated user name; 'anonymous' for one who gave none. */
  readonly user: string;
  readonly vhost: string;
  readonly state: AdapterState;
  readonly client: SessionClient;
  /** Its part of the budget of work: its long operations run in it (`SessionClient.share`). */
  readonly share: Share;
  private readonly home: Vhost;
  private readonly identity: Identity;
  private readonly authenticator: Authenticator;
  private readonly onClosed: (session: Session, inOrder: boolean) => void;
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
    onClosed: (session: Session, inOrder: boolean) => void,
  ) {
    this.home = home;
    this.identity = identity;
    this.authenticator = authenticator;
    this.client = client;
    this.share = client.share ?? home.turn.work.share();
    this.onClosed = onClosed;
    this.user = identity.user;
    this.vhost = home.vhost;
    this.state = home.state;
  }

  // ---------------------------------------------------------------------------------------------------- topology

  /** @param type one of ExchangeType; anything else is refused as `invalid` */
  declareExchange(name: string, type: string, options: ExchangeOptions): Mark {
    this.demand('configure', name);
    const alternate = options.arguments.find((argument) => argument.name === 'alternate-exchange')?.value;
    if (typeof alternate === 'string' && !this.home.topology.exchanges.has(name)) {
      this.demand('read', name);
      this.demand('write', alternate);
    }
    return this.markIf(this.home.topology.declareExchange(name, type, options));
  }

  /** Passive declare: throws not-found. */
  checkExchange(name: string): void {
    if (name !== '') this.home.topology.exchange(name);
  }

  deleteExchange(name: string, ifUnused: boolean): Mark {
    this.demand('configure', name);
    return this.markIf(this.home.topology.deleteExchange(name, ifUnused, this.share));
  }

  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.demand('write', destination);
    this.demand('read', source);
    return this.markIf(this.home.topology.bind(source, null, destination, key, options));
  }

  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    this.demand('write', destination);
    this.demand('read', source);
    return this.markIf(this.home.topology.unbind(source, null, destination, key, options));
  }

  /** '' asks for a server-made name (amq.gen-…). */
  declareQueue(name: string, options: QueueOptions): QueueInfo {
    if (options.ownUse !== true) this.demand('configure', name);
    // An existing exclusive queue is asked for by its owner whatever the flag says now.
    const { queue, wrote } = this.home.topology.declareQueue(name, options, this);
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

  /** Passive declare. Throws not-found, resource-locked. */
  checkQueue(name: string): QueueInfo {
    const queue = this.queue(name);
    queue.touch();
    return this.info(queue, MARK_NOW);
  }

  queueExists(name: string): boolean {
    return this.home.topology.find(name) !== undefined;
  }

  /** Returns how many ready messages went with it. A queue that does not exist has none (as RabbitMQ has it). */
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
    const { messages, wrote } = this.home.topology.deleteQueue(queue, this.share);
    return { messages, mark: this.markIf(wrote) };
  }

  /**
   * Whoever made the queue has done with it: it goes now, or, if others consume from it, with the last of them, unless it is
   * declared again. No permission is asked: it is the end of something, not a wish. After a restart nobody knows of it.
   */
  releaseQueue(name: string): Mark {
    const queue = this.home.topology.find(name);
    if (queue === undefined) return MARK_NOW;
    if (queue.consumers.length > 0) {
      queue.released = true;
      return MARK_NOW;
    }
    return this.markIf(this.home.topology.deleteQueue(queue).wrote);
  }

  /**
   * Removes the messages that are ready now: in parts, if they are many.
   * @param done is told how many there were, once they are gone
   */
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
    return this.markIf(this.home.topology.bind(exchange, this.queue(queue), null, key, options));
  }

  /** Nothing happens if there is no such binding (as RabbitMQ has it). */
  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    this.demand('write', queue);
    this.demand('read', exchange);
    return this.markIf(this.home.topology.unbind(exchange, this.queue(queue), null, key, options));
  }

  /** The bindings of a queue, the default exchange's left out. */
  bindings(queue: string): BindingInfo[] {
    return this.home.topology.bindingsOf(this.queue(queue));
  }

  private queue(name: string): Queue {
    return this.home.topology.queue(name, this);
  }

  private info(queue: Queue, mark: Mark): QueueInfo {
    queue.catchUp(true);
    return { name: queue.name, messages: queue.count, consumers: queue.consumers.length, mark };
  }

  /** The end of everything that changes what there is: nobody knows how long that took. */
  private markIf(wrote: boolean): Mark {
    this.home.turn.work.look();
    return wrote ? this.home.mark() : MARK_NOW;
  }

  private demand(action: Action, resource: string): void {
    if (this.authenticator.permits(this.identity, this.vhost, action, resource)) return;
    throw new BrokerError(
      'access-refused',
      `${action} access to '${resource}' in vhost '${this.vhost}' refused for user '${this.user}'`,
    );
  }

  // ---------------------------------------------------------------------------------------------------- publishing

  /** Throws not-found for an unknown exchange, access-refused for an internal one or one that may not be written to. */
  route(exchange: string, spelling: Spelling, key: Buffer, start: number, end: number): Route {
    return this.mayPublish(this.home.router.route(exchange, spelling, key, start, end, this.vhost), exchange);
  }

  /**
   * One route over several keys of an exchange: each queue gets the message once, which is stored under the first key.
   * At least one key. Throws as `route` does.
   */
  routeAll(exchange: string, spelling: Spelling, keys: readonly string[]): Route {
    return this.mayPublish(this.home.router.routeAll(exchange, spelling, keys, this.vhost), exchange);
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

  /**
   * Takes a message. `draft.routed` says how many took it. The returned mark goes to a `ConfirmRing` if the publisher
   * waits for it; MARK_REFUSED if the broker cannot store it. EXACTLY_ONCE messages are delivered only once they are safe.
   */
  publish(route: Route, draft: Draft): Mark {
    if (draft.large !== null) this.bodies.delete(draft.large as StoredBody);
    const { home } = this;
    home.publisher = this;
    let mark: Mark;
    try {
      mark = home.publish(route, draft);
    } finally {
      home.publisher = null;
    }
    this.waitIfBehind();
    return mark;
  }

  private waitIfBehind(): void {
    const { stalls } = this.home;
    if (stalls.pending && stalls.wait(this)) this.stalled = true;
  }

  /** @internal what it has just published is delivered in parts, and it waits until that is done */
  deliverRest(rest: DirectDeliveries): void {
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

  /** While true, stop parsing the client's publishes and pause its transport; `SessionClient.uncongested` follows. */
  get congested(): boolean {
    return this.stalled || this.home.brake.on;
  }

  /** What the broker is short of while `congested`, in a word for people. */
  get shortage(): 'disk' | 'memory' {
    return this.home.log.full ? 'disk' : 'memory';
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
    if (!this.closed && !this.home.brake.on) this.client.uncongested();
  }

  /** The connection behind a direct sink has room again: whoever waits for it may go on. */
  directDrained(name: string): void {
    const queue = this.home.topology.queues.get(name);
    if (queue !== undefined) this.home.stalls.drained(queue);
  }

  /** For bodies over INLINE_BODY_BYTES. `durable`: the message asks for more than AT_MOST_ONCE, or is to be retained. */
  openBody(length: number, durable: boolean): BodyWriter {
    const body = this.home.openBody(length, durable);
    this.bodies.add(body);
    return body;
  }

  readBody(body: LargeBody): BodyReader {
    return (body as StoredBody).read();
  }

  /** The message's properties in the neutral form; not for the hot path. */
  properties(view: MessageView): Properties {
    return this.home.dialects.properties(view);
  }

  /** As selectors look at them (`Dialects.lookedAt`); not for the hot path. */
  lookedAt(view: MessageView): Properties {
    return this.home.dialects.lookedAt(view);
  }

  /** Milliseconds until the message expires, 0 if it is over; undefined if it never does. */
  timeLeftMs(view: MessageView): number | undefined {
    return this.home.dialects.timeLeftMs(view);
  }

  transaction(): Transaction {
    return new VhostTransaction(this.home);
  }

  /** What follows, until `endUnit`, is one commit unit: all or nothing after a crash. It does not outlive the turn. */
  beginUnit(): void {
    this.home.beginUnit();
  }

  endUnit(): Mark {
    return this.home.endUnit();
  }

  // -------------------------------------------------------------------------------------------------------- safety

  /** What `safe` means to this client. */
  private get promises(): Confirms {
    return this.client.transport?.confirmsAtWrite === true ? this.home.written : this.home.confirms;
  }

  confirms(sink: ConfirmSink): ConfirmRing {
    // Channels come and go on one connection: their rings are not kept.
    for (const ring of this.rings) if (ring.closed) this.rings.delete(ring);
    const ring = this.promises.ring(sink);
    this.rings.add(ring);
    return ring;
  }

  /** The mark that covers everything this vhost has been asked until now, settlements included. */
  mark(): Mark {
    return this.home.mark();
  }

  /** Calls back once, never synchronously unless nothing is to be waited for. `failed`: the log could not make it safe. */
  whenSafe(mark: Mark, done: (failed: boolean) => void): void {
    this.promises.whenSafe(mark, done);
  }

  // ----------------------------------------------------------------------------------------------------- consuming

  /** A limit that several consumers of this client are to share. */
  sharedCredit(limit: number): SharedCredit {
    return new QueueSharedCredit(limit);
  }

  /** Throws not-found, resource-locked, access-refused. The first delivery comes at the end of this turn or later. */
  consume(name: string, options: ConsumeOptions, sink: DeliverySink, output: Backpressure): Consumer {
    if (this.home.topology.queues.get(name)?.options.ownUse !== true) this.demand('read', name);
    const consumer = this.queue(name).addConsumer(options, sink, output);
    consumer.share = this.share;
    sink.attached?.(consumer);
    this.prune();
    this.consumers.add(consumer);
    return consumer;
  }

  /**
   * Takes one message on demand, of those that are left when consumers have got what they can take. `done(undefined)` if
   * there is none, or the consumer that `sink` was attached to is cancelled meanwhile. Otherwise `sink.deliver` is called,
   * with the slot to be settled on that consumer, just before `done`. Usually both happen synchronously.
   */
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

  /** Who takes at-most-once messages of this queue now; null for nobody. */
  attachDirect(name: string, sink: DirectSink | null): void {
    this.demand('read', name);
    const queue = this.queue(name);
    queue.direct = sink;
    this.home.stalls.drained(queue);
  }

  /** Retained messages of the vhost. */
  get retainedCount(): number {
    return this.home.retained.index.size;
  }

  /** Whether a message with so many bytes of properties and body could not be kept as the address's retained message. */
  retainedFull(route: Route, bytes: number): boolean {
    const compiled = route as CompiledRoute<Queue>;
    return this.home.retained.isFull(compiled, compiled.end - compiled.keyStart + bytes);
  }

  /**
   * Sends every retained message that the filter matches into the queue, marked `retained`: in parts, if they are many.
   * @param done is told how many there were
   */
  replayRetained(name: string, filter: string, options: BindOptions, done: (count: number) => void = () => {}): void {
    this.home.retained.replay(this.queue(name), filter, options, this.share, done);
  }

  /**
   * The client is gone. Exclusive queues go. Consumers that were not suspended are cancelled: what they hold ends as
   * RELEASED when the client left in order, as MODIFIED when it was lost.
   */
  close(inOrder: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.home.stalls.forget(this);
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
    const { share, home } = this;
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
        if (!own.deleted) home.topology.deleteQueue(own, share);
        work.spend(4);
        if (work.over) return false;
      }
      return true;
    });
  }
}
