/**
 * Clients as an operator sees them: the connections that are in a vhost, and their channels. A protocol without channels has one for
 * each of its connections.
 */
import type { Endpoint } from '../api/endpoint.ts';
import type { ClientCertificate } from '../api/identity.ts';
import type { ChannelReport, ConnectionReport } from '../api/reports.ts';
import type { Broker } from '../broker/broker.ts';
import type { ClientSession, SampledBytes } from '../broker/session.ts';
import type { QueueConsumer } from '../queue/dispatch/consumer.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';
import type { OldestHeld } from './rates/held-since.ts';
import { type Measured, MeasuredRows } from './rates/measured.ts';
import { CHANNEL_COLUMNS, type ChannelColumn, channelRow } from './rates/rows.ts';
import type { Sampler } from './rates/sampler.ts';

const NOWHERE: Endpoint = { address: '', port: 0 };
const NO_REPORT: ConnectionReport = {
  protocol: 'unknown',
  properties: [],
  state: 'running',
  channelMax: 1,
  frameSizeMax: 0,
  heartbeatS: 0,
  channels: 1,
};

/** One client that is connected, looked at when it is asked: keep none. */
export class ConnectionView {
  /** @internal */
  readonly session: ClientSession;

  constructor(session: ClientSession) {
    this.session = session;
  }

  get user(): string {
    return this.session.user;
  }

  get vhost(): string {
    return this.session.vhost;
  }

  get remote(): Endpoint {
    return this.session.client.transport?.remote ?? NOWHERE;
  }

  get local(): Endpoint {
    return this.session.client.transport?.local ?? NOWHERE;
  }

  get secure(): boolean {
    return this.session.client.transport?.secure === true;
  }

  get certificate(): ClientCertificate | undefined {
    return this.session.client.transport?.certificate;
  }

  /** What it calls itself; '' for nothing. */
  get label(): string {
    return this.session.client.transport?.label ?? '';
  }

  /** Since when it is in its vhost, epoch milliseconds. */
  get sinceMs(): number {
    return this.session.beganAtMs;
  }

  get bytesIn(): number {
    return this.session.client.transport?.bytesIn ?? 0;
  }

  get bytesOut(): number {
    return this.session.client.transport?.bytesOut ?? 0;
  }

  /** Bytes a second. Null: nobody has looked twice yet. */
  get rates(): Readonly<SampledBytes> | null {
    return this.session.sampled;
  }

  /** What only its adapter knows. */
  get report(): ConnectionReport {
    return this.session.client.connectionReport?.() ?? NO_REPORT;
  }

  get channelCount(): number {
    return channelCount(this.session);
  }

  *channels(): Generator<ChannelView> {
    const { client } = this.session;
    if (client.channelReports !== undefined) {
      for (const report of client.channelReports()) yield new ChannelView(this, report);
    } else yield new ChannelView(this, this.onlyChannel());
  }

  /** That of a protocol without channels: made up of its consumers. */
  private onlyChannel(): ChannelReport {
    const consumers = this.session.consumers();
    const { state } = this.report;
    return {
      ...{ number: 1, state, confirms: false, transactional: false, prefetch: 0, sharedPrefetch: 0 },
      consumers: consumers.length,
      unacknowledged: consumers.reduce((sum, { held }) => sum + held, 0),
      ...{ unconfirmed: 0, uncommittedPublishes: 0, uncommittedAcknowledgements: 0 },
    };
  }

  consumers(): ConsumerView[] {
    return this.session.consumers().map((consumer) => new ConsumerView(consumer, this));
  }

  /** Ends it, in its protocol's words. @param reason for people */
  close(reason: string): void {
    this.session.end(reason);
  }
}

export class ChannelView {
  readonly connection: ConnectionView;
  readonly report: ChannelReport;

  constructor(connection: ConnectionView, report: ChannelReport) {
    this.connection = connection;
    this.report = report;
  }

  consumers(): ConsumerView[] {
    return this.connection.consumers().filter(({ channel }) => channel === this.report.number);
  }
}

/** A consumer of a queue. */
export class ConsumerView {
  private readonly consumer: QueueConsumer;
  readonly connection: ConnectionView;

  constructor(consumer: QueueConsumer, connection: ConnectionView) {
    this.consumer = consumer;
    this.connection = connection;
  }

  get tag(): string {
    return this.consumer.tag;
  }

  get channel(): number {
    return this.consumer.channel;
  }

  get queue(): string {
    return this.consumer.queue;
  }

  get vhost(): string {
    return this.connection.vhost;
  }

  get exclusive(): boolean {
    return this.consumer.exclusive;
  }

  /** Its deliveries need no settling. */
  get settled(): boolean {
    return this.consumer.settled;
  }

  /** 0: no limit. */
  get prefetch(): number {
    return this.consumer.ownPrefetch;
  }

  get arguments() {
    return this.consumer.arguments;
  }

  /** `waiting`: another one is the queue's single active one. */
  get activity(): 'up' | 'single-active' | 'waiting' {
    const { of } = this.consumer;
    if (of.singleActive === null) return 'up';
    return of.singleActive === this.consumer ? 'single-active' : 'waiting';
  }

  /** For how long it may hold a delivery unsettled; 0: for ever. */
  get settleTimeoutMs(): number {
    return this.consumer.watch?.limitMs ?? 0;
  }

  /** Unsettled deliveries. */
  get held(): number {
    return this.consumer.held;
  }

  /** The oldest of them; undefined: it holds nothing. @param of its queue's, asked once for all of them */
  oldestHeld(of: ReadonlyMap<QueueConsumer, OldestHeld>): OldestHeld | undefined {
    return of.get(this.consumer);
  }
}

export class Connections {
  readonly list: Listing<ClientSession, ConnectionView>;
  readonly channels: Listing<ChannelView, ChannelView>;
  readonly consumers: Listing<QueueConsumer, ConsumerView>;
  private readonly broker: Broker;
  private readonly sampler: Sampler;

  constructor(broker: Broker, pace: Pace, sampler: Sampler) {
    this.broker = broker;
    this.sampler = sampler;
    this.list = new Listing(new ConnectionSource(broker), pace);
    this.channels = new Listing(new ChannelSource(broker), pace);
    this.consumers = new Listing(new ConsumerSource(broker), pace);
  }

  /** Connections and channels of all vhosts. */
  get counts(): { readonly connections: number; readonly channels: number } {
    let connections = 0;
    let channels = 0;
    for (const session of clients(this.broker)) {
      connections++;
      channels += channelCount(session);
    }
    return { connections, channels };
  }

  /**
   * What a channel has counted, and how fast it goes. Undefined: its adapter counts nothing.
   * @param ask as of a queue (`QueueView.measured`)
   */
  measured({ report }: ChannelView, ask: 'nothing' | 'rates' | 'history'): Measured<ChannelColumn> | undefined {
    const { counts } = report;
    if (counts === undefined) return undefined;
    const { sampler } = this;
    const series = ask === 'nothing' ? sampler.known(counts) : sampler.channel(counts, ask === 'history');
    const row = new Float64Array(CHANNEL_COLUMNS.length);
    channelRow(counts, row);
    return new MeasuredRows(CHANNEL_COLUMNS, row, series === undefined ? [] : [series]);
  }

  /** The oldest delivery that each consumer of a queue holds. */
  oldestHeld(vhost: string, name: string): ReadonlyMap<QueueConsumer, OldestHeld> {
    const queue = this.broker.vhostsByName.get(vhost)?.topology.queues.get(name);
    return queue === undefined ? new Map() : this.sampler.heldSince.oldest(queue, this.broker.clock.monotonicMs());
  }

  /** By both ends of its stream. */
  find(remote: Endpoint, local: Endpoint): ConnectionView | undefined {
    for (const session of clients(this.broker)) {
      const { transport } = session.client;
      if (transport?.remote?.port !== remote.port || transport.remote.address !== remote.address) continue;
      if (transport.local?.port === local.port && transport.local.address === local.address) {
        return new ConnectionView(session);
      }
    }
    return undefined;
  }

  /** Every connection of this user, over all vhosts. */
  *of(user: string): Generator<ConnectionView> {
    for (const session of clients(this.broker)) if (session.user === user) yield new ConnectionView(session);
  }
}

function* clients(broker: Broker, scope?: Scope): Generator<ClientSession> {
  const within = scope === undefined ? undefined : new Set(scope);
  for (const session of broker.openSessions) {
    if (session.client.transport?.remote === undefined) continue;
    if (within === undefined || within.has(session.vhost)) yield session;
  }
}

function channelCount(session: ClientSession): number {
  return session.client.channelReports === undefined ? 1 : session.channelCount;
}

/** By vhost, then by who is at the other end. */
function compareSessions(a: ClientSession, b: ClientSession): number {
  if (a === b) return 0;
  const [left, right] = [a.client.transport?.remote ?? NOWHERE, b.client.transport?.remote ?? NOWHERE];
  return compareText(a.vhost, b.vhost) || compareText(left.address, right.address) || left.port - right.port;
}

class ConnectionSource implements Source<ClientSession, ConnectionView> {
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  walk(scope: Scope): Iterator<ClientSession> {
    return clients(this.broker, scope);
  }

  view(session: ClientSession): ConnectionView {
    return new ConnectionView(session);
  }

  compare(a: ClientSession, b: ClientSession): number {
    return compareSessions(a, b);
  }
}

class ChannelSource implements Source<ChannelView, ChannelView> {
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  *walk(scope: Scope): Generator<ChannelView> {
    for (const session of clients(this.broker, scope)) yield* new ConnectionView(session).channels();
  }

  view(channel: ChannelView): ChannelView {
    return channel;
  }

  compare(a: ChannelView, b: ChannelView): number {
    return compareSessions(a.connection.session, b.connection.session) || a.report.number - b.report.number;
  }
}

class ConsumerSource implements Source<QueueConsumer, ConsumerView> {
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  *walk(scope: Scope): Generator<QueueConsumer> {
    for (const session of clients(this.broker, scope)) yield* session.consumers();
  }

  view(consumer: QueueConsumer): ConsumerView {
    return new ConsumerView(consumer, new ConnectionView(consumer.owner as ClientSession));
  }

  compare(a: QueueConsumer, b: QueueConsumer): number {
    return (
      compareSessions(a.owner as ClientSession, b.owner as ClientSession) ||
      a.channel - b.channel ||
      compareText(a.tag, b.tag) ||
      compareText(a.queue, b.queue)
    );
  }
}
