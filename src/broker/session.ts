/**
 * The session of a client: asks every permission, then passes on to the vhost. What each call means is said at `Session`; its
 * parts are in `session/`.
 */
import type { AdapterState } from '../api/adapter-state.ts';
import type { Administration } from '../api/administration.ts';
import type { BodyReader, BodyWriter } from '../api/bodies.ts';
import type { ConfirmRing, ConfirmSink, Mark } from '../api/confirms.ts';
import type {
  Backpressure,
  Browse,
  BrowseSink,
  ConsumeOptions,
  Consumer,
  DeliverySink,
  DirectSink,
  GetResult,
  SharedCredit,
} from '../api/consume.ts';
import type { Identity, Refusal } from '../api/identity.ts';
import type { Route } from '../api/route.ts';
import type { OwnSchedules } from '../api/schedules.ts';
import type { Compatibility, Session, SessionClient } from '../api/session.ts';
import type { BindingInfo, BindOptions, ExchangeOptions, QueueInfo, QueueOptions } from '../api/topology.ts';
import type { Transaction } from '../api/transaction.ts';
import type { Share } from '../clock/work.ts';
import type { Draft, LargeBody, MessageView, Spelling } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { ProtocolTraffic } from '../metrics/traffic.ts';
import type { QueueConsumer } from '../queue/dispatch/consumer.ts';
import { SharedCredit as QueueSharedCredit } from '../queue/dispatch/shared-credit.ts';
import type { Party } from '../queue/passport-notes.ts';
import type { StoredBody } from '../queue/store/stored-body.ts';
import { VhostTransaction } from '../vhost/publish/transaction.ts';
import type { Vhost } from '../vhost/vhost.ts';
import type { AdministrationFor } from './administration.ts';
import type { Membership } from './limits/membership.ts';
import { type ConsumerEvents, SessionConsuming } from './session/consuming.ts';
import { bindingKey, type Judge, Permissions, type ReservedTopics } from './session/permissions.ts';
import { SessionPromises } from './session/promises.ts';
import { SessionPublishing } from './session/publishing.ts';
import { Receiving } from './session/receiving.ts';
import { type Prover, SessionRenewals } from './session/renewals.ts';
import { SessionRetained } from './session/retained.ts';
import { reviewSession } from './session/review.ts';
import { type QueueNotices, SessionTopology } from './session/topology.ts';
import type { SessionTraces } from './session/traced.ts';

/** What a session has of the broker, beside its vhost. */
export interface SessionEnvironment {
  /** Of its protocol. */
  readonly traffic: ProtocolTraffic;
  readonly administration: AdministrationFor;
  readonly prover: Prover;
  readonly consumers: ConsumerEvents;
  /** @param routesToo what it may publish to is to be asked again as well */
  rightsChanged(session: ClientSession, routesToo: boolean): void;
  /** Topics that it may not publish to. */
  readonly reserved: ReservedTopics;
  onClosed(session: ClientSession, inOrder: boolean): void;
}

/** Bytes at a moment, and how many came and went a second until then. */
export interface SampledBytes {
  bytesIn: number;
  bytesOut: number;
  inPerSecond: number;
  outPerSecond: number;
}

export class ClientSession implements Session {
  private readonly administrationFor: AdministrationFor;
  readonly user: string;
  readonly vhost: string;
  readonly compat: Compatibility;
  readonly state: AdapterState;
  readonly client: SessionClient;
  readonly share: Share;
  private readonly services: Vhost;
  private readonly topology: SessionTopology;
  private readonly publishing: SessionPublishing;
  private readonly consuming: SessionConsuming;
  private readonly promises: SessionPromises;
  private readonly retained: SessionRetained;
  private readonly membership: Membership;
  /** Of its protocol. */
  readonly traffic: ProtocolTraffic;
  private readonly onClosed: SessionEnvironment['onClosed'];
  private readonly permissions: Permissions;
  private readonly renewals: SessionRenewals;
  private closed = false;
  /** Epoch milliseconds. */
  readonly beganAtMs: number;
  /** What a sampler has seen of it last, and made of that; the operator's. */
  sampled: SampledBytes | null = null;
  /** Why the broker or an operator has ended it; undefined: neither has. */
  endReason: string | undefined = undefined;
  /** Null: nobody hears of its queues. */
  notices: QueueNotices | null = null;
  /** Null: nothing is traced. */
  traces: SessionTraces | null = null;

  /** @internal `Broker.enter` makes sessions */
  constructor(
    vhost: Vhost,
    identity: Identity,
    judge: Judge,
    membership: Membership,
    client: SessionClient,
    environment: SessionEnvironment,
  ) {
    const share = client.share ?? vhost.turn.work.share();
    const { prover, rightsChanged, onClosed, traffic, administration } = environment;
    this.administrationFor = administration;
    const looked = (): void => rightsChanged(this, false);
    const permissions = new Permissions(judge, identity, vhost.name, client.clientId, looked, environment.reserved);
    this.services = vhost;
    this.permissions = permissions;
    this.client = client;
    this.share = share;
    this.membership = membership;
    this.traffic = traffic;
    this.onClosed = onClosed;
    this.beganAtMs = vhost.clock.epochMs();
    this.user = identity.user;
    this.vhost = vhost.name;
    this.compat = vhost.compat;
    this.state = vhost.state;
    const receiving = new Receiving(permissions, vhost.router);
    this.topology = new SessionTopology(vhost, permissions, share, this, receiving, membership);
    this.consuming = new SessionConsuming(
      vhost,
      this.topology,
      share,
      membership,
      traffic,
      receiving,
      this,
      environment.consumers,
    );
    this.publishing = new SessionPublishing(vhost, permissions, client, share, this.consuming, membership, traffic);
    this.promises = new SessionPromises(vhost, client, traffic);
    this.retained = new SessionRetained(vhost, this.topology, permissions, share);
    const { clock } = vhost;
    const changed = (): void => rightsChanged(this, true);
    this.renewals = new SessionRenewals({
      client,
      permissions,
      prover,
      clock,
      changed,
      ending: (reason) => this.ending(reason),
    });
  }

  get identity(): Identity {
    return this.permissions.identity;
  }

  renewIdentity(identity: Identity): Refusal | undefined {
    return this.renewals.renewed(identity);
  }

  get expires(): boolean {
    return this.identity.expiresAtMs !== undefined;
  }

  renewSecret(secret: Buffer, done: (refusal: Refusal | undefined) => void): void {
    this.renewals.secret(secret, done);
  }

  ofBegun<T>(act: () => T): T {
    return this.permissions.ofBegun(act);
  }

  administration(topic: string): Administration {
    return this.administrationFor(this.identity, topic, this.client.clientId);
  }

  /** Who it is, where it is noted what happens to messages. */
  get party(): Party {
    return this.publishing.party;
  }

  /** Channels that are open, in protocols that have such. */
  get channelCount(): number {
    return this.membership.channelCount;
  }

  /** Consumers that deliver by themselves. */
  consumers(): QueueConsumer[] {
    return this.consuming.delivering();
  }

  channelOpened(): void {
    this.membership.channelOpened();
  }

  channelClosed(): void {
    this.membership.channelClosed();
  }

  get boundsSessions(): boolean {
    return this.membership.boundsSessions;
  }

  checkSessions(count: { readonly vhost: number; readonly user: number }): void {
    this.membership.checkSessions(count);
  }

  // ---------------------------------------------------------------------------------------------------- topology

  declareExchange(name: string, type: string, options: ExchangeOptions): Mark {
    return this.membership.counting(() => this.topology.declareExchange(name, type, options));
  }

  checkExchange(name: string): void {
    this.topology.checkExchange(name);
  }

  passiveExchange(name: string): void {
    this.topology.passiveExchange(name);
  }

  deleteExchange(name: string, ifUnused: boolean): Mark {
    return this.topology.deleteExchange(name, ifUnused);
  }

  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    return this.topology.bindExchange(destination, source, key, options);
  }

  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark {
    return this.topology.unbindExchange(destination, source, key, options);
  }

  declareQueue(name: string, options: QueueOptions): QueueInfo {
    return this.membership.counting(() => this.topology.declareQueue(name, options));
  }

  checkQueue(name: string): QueueInfo {
    return this.topology.checkQueue(name);
  }

  passiveQueue(name: string): QueueInfo {
    return this.topology.passiveQueue(name);
  }

  queueExists(name: string): boolean {
    return this.topology.queueExists(name);
  }

  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): { messages: number; mark: Mark } {
    return this.topology.deleteQueue(name, ifUnused, ifEmpty);
  }

  adoptQueue(name: string): readonly BindingInfo[] {
    return this.topology.adoptQueue(name);
  }

  releaseQueue(name: string): Mark {
    return this.topology.releaseQueue(name);
  }

  purgeQueue(name: string, done: (purged: { messages: number; mark: Mark }) => void = () => {}): void {
    this.topology.purgeQueue(name, done);
  }

  bindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    return this.membership.counting(() => this.topology.bindQueue(queue, exchange, key, options));
  }

  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark {
    return this.topology.unbindQueue(queue, exchange, key, options);
  }

  mayUnsubscribe(exchange: string, filter: string, spelling: Spelling): boolean {
    return this.permissions.mayUnsubscribe(exchange, bindingKey(filter, spelling));
  }

  mayRead(queue: string): boolean {
    return this.topology.permitsReading(queue);
  }

  mayKnowOf(user: string): boolean {
    return this.permissions.mayKnowOf(user);
  }

  demandReading(exchange: string, topic: string): void {
    this.topology.demandReading(exchange, topic);
  }

  mayReceive(exchange: string, topic: string): boolean {
    return this.permissions.topicRules?.receives(exchange, topic) ?? true;
  }

  bindings(queue: string): BindingInfo[] {
    return this.topology.bindings(queue);
  }

  // -------------------------------------------------------------------------------------------------- publishing

  route(exchange: string, spelling: Spelling, key: Buffer, start: number, end: number): Route {
    return this.publishing.route(exchange, spelling, key, start, end);
  }

  routeAll(exchange: string, spelling: Spelling, keys: readonly string[]): Route {
    return this.publishing.routeAll(exchange, spelling, keys);
  }

  publish(route: Route, draft: Draft): Mark {
    if (this.traces !== null) return this.traces.publish(route, draft, this.publishing);
    return this.publishing.publish(route, draft);
  }

  get congested(): boolean {
    return this.publishing.congested;
  }

  get shortage(): 'disk' | 'memory' | 'rate' {
    const { log, publishFlow } = this.services;
    if (this.publishing.paced && !publishFlow.on) return 'rate';
    return log.full || publishFlow.isScarce('disk') ? 'disk' : 'memory';
  }

  get outOfMemory(): boolean {
    return this.services.publishFlow.isScarce('memory');
  }

  get outOfRoom(): boolean {
    return this.services.publishFlow.outOfRoom;
  }

  openBody(length: number, durable: boolean): BodyWriter {
    return this.publishing.openBody(length, durable);
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

  get schedules(): OwnSchedules {
    const { user } = this;
    const { schedules } = this.services;
    return {
      list: () => [...schedules.all(user)],
      remove: (id) => schedules.remove(id, user),
      show: (id, sink) => schedules.show(id, user, sink),
    };
  }

  transaction(): Transaction {
    const { publishing, services, traces, traffic } = this;
    const through = traces === null ? null : traces.through(services.publisher);
    return new VhostTransaction(services, publishing, traffic, through);
  }

  beginUnit(): void {
    this.services.units.begin();
  }

  endUnit(): Mark {
    return this.services.units.end();
  }

  // ------------------------------------------------------------------------------------------------------ safety

  confirms(sink: ConfirmSink): ConfirmRing {
    return this.promises.ring(sink);
  }

  mark(): Mark {
    return this.services.units.mark();
  }

  whenSafe(mark: Mark, done: (failed: boolean) => void): void {
    this.promises.whenSafe(mark, done);
  }

  // --------------------------------------------------------------------------------------------------- consuming

  sharedCredit(limit: number): SharedCredit {
    return new QueueSharedCredit(limit);
  }

  consume(name: string, options: ConsumeOptions, sink: DeliverySink, output: Backpressure): Consumer {
    const seen = this.traces === null ? sink : this.traces.sink(name, sink);
    return this.consuming.consume(name, options, seen, output);
  }

  adoptConsumer(consumer: Consumer): void {
    this.consuming.adopt(consumer as QueueConsumer);
  }

  get(
    name: string,
    settled: boolean,
    sink: DeliverySink,
    done: (result: GetResult | undefined, consumer: Consumer) => void,
  ): void {
    this.consuming.get(name, settled, this.traces === null ? sink : this.traces.sink(name, sink), done);
  }

  browse(name: string, selector: string | undefined, sink: BrowseSink, output: Backpressure): Browse {
    return this.consuming.browse(name, selector, sink, output);
  }

  attachDirect(name: string, sink: DirectSink | null): void {
    const seen = this.traces === null || sink === null ? sink : this.traces.direct(name, sink);
    this.consuming.attachDirect(name, seen);
  }

  directDrained(name: string): void {
    this.consuming.directDrained(name);
  }

  get retainedCount(): number {
    return this.retained.count;
  }

  retainedFull(route: Route, bytes: number): boolean {
    return this.retained.isFull(route, bytes);
  }

  replayRetained(
    name: string,
    exchange: string,
    filter: string,
    options: BindOptions,
    done: (count: number) => void = () => {},
  ): void {
    this.retained.replay(name, exchange, filter, options, done);
  }

  replayHistory(name: string, history: string): number {
    return this.retained.replayHistory(name, history);
  }

  /** What its user may do has changed: it loses what it may not have any more. In steps, for who has a budget. */
  *review(): Generator<void> {
    if (this.closed) return;
    const { client, consuming, permissions, topology } = this;
    const ending = (reason: string): void => this.ending(reason);
    yield* reviewSession({ client, consuming, permissions, topology, user: this.user, vhost: this.vhost, ending });
  }

  /** Limits have changed: in steps, for who has a budget. */
  *limitsChanged(): Generator<void> {
    if (this.closed) return;
    this.publishing.takeLimits();
    yield* this.consuming.limitsChanged();
  }

  /** The broker or an operator ends it, in its protocol's words. @param reason for people */
  end(reason: string): void {
    this.ending(reason);
    this.client.kicked(reason);
  }

  private ending(reason: string): void {
    this.endReason ??= reason;
  }

  close(inOrder: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.promises.close();
    this.renewals.close();
    this.publishing.close();
    this.consuming.close(inOrder);
    this.membership.end();
    this.onClosed(this, inOrder);
  }
}
