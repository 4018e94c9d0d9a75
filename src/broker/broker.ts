/**
 * The broker: its vhosts, the clock and the turn they share, and the authentication of clients. One process may hold several;
 * nothing is global.
 */
import type { TopicQuestion } from '../api/address-meaning.ts';
import type { TopicUse } from '../api/administration.ts';
import type { BrokerServices, ClientPlace } from '../api/broker.ts';
import type { AuthExchange, Authenticator, ConnectRequest, Credentials, Identity, Refusal } from '../api/identity.ts';
import type { PresenceListener } from '../api/presence.ts';
import type { Protocol } from '../api/protocol.ts';
import type { Session, SessionClient } from '../api/session.ts';
import type { BackendChain } from '../auth/backends/chain.ts';
import { chainOf } from '../auth/backends/plan.ts';
import { type Clock, SystemClock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import { Dialects } from '../message/dialect.ts';
import { BrokerError } from '../message/errors.ts';
import type { Retainer } from '../message/message.ts';
import { NEUTRAL_DIALECT } from '../message/neutral-dialect.ts';
import { Traffic } from '../metrics/traffic.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { Resource } from '../vhost/flow/publish-flow-control.ts';
import { type VhostStatistics, vhostStatistics } from '../vhost/statistics.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Access } from './access.ts';
import { administrationOf } from './administration.ts';
import { Alarms } from './alarms.ts';
import type { Backup } from './backup.ts';
import { Backups } from './backups.ts';
import { type ClientLimits, ClientUsage, type VhostLimits } from './client-limits.ts';
import type { ClientLog } from './client-log.ts';
import { Clients } from './clients.ts';
import { type BrokerEvent, BrokerEvents } from './events.ts';
import { GlobalParameters } from './global-parameters.ts';
import { type Ground, openGround } from './ground.ts';
import { KeptLimits } from './kept-limits.ts';
import { LimitsReview } from './limits/limits-review.ts';
import { LimitsInForce } from './limits-in-force.ts';
import { type LoginRefusals, type LoginStatistics, Logins } from './logins.ts';
import { DEFAULT_VHOST, type StartOptions, type VhostSettings } from './options.ts';
import { AccessReview } from './session/access-review.ts';
import { NO_QUESTIONS } from './session/permissions.ts';
import type { ClientSession } from './session.ts';
import { BrokerUsers } from './users.ts';
import { openVhost } from './vhost-opening.ts';
import { VhostPolicies } from './vhost-policies.ts';
import { NO_DETAILS, type VhostDetails, VhostRegistry } from './vhost-registry.ts';

export class Broker implements BrokerServices {
  readonly clock: Clock;
  /** Writes what an operator reads about clients. */
  readonly clientLog: ClientLog;
  readonly turn: Turn;
  /** Bytes free on the disk that the data are on; undefined where nothing bounds them. */
  readonly freeBytes: (() => Promise<number>) | undefined;
  /** What users and vhosts have of what is limited. */
  readonly usage: ClientUsage;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
  /** What goes in and out, by protocol. */
  readonly traffic = new Traffic();
  /** The broker's own users; without meaning for who comes in where the program has brought an authenticator. */
  readonly users: BrokerUsers;
  /** What operators keep in it. */
  readonly globals: GlobalParameters;
  /** Limits that operators set, beside the configuration's. */
  readonly limits: KeptLimits;
  readonly policies: VhostPolicies;
  /** What identities may do. */
  readonly access: Access;
  /** What happens, for who watches. */
  readonly events = new BrokerEvents();
  /** What is wrong for now, told as it begins and ends. */
  readonly alarms = new Alarms(this.events);
  private readonly authenticator: Authenticator;
  /** Null: the broker's own users are all there is. */
  private readonly chain: BackendChain | null;
  private readonly logins: Logins;
  private readonly limitsInForce: LimitsInForce;
  private readonly ground: Ground;
  private readonly vhostRegistry: VhostRegistry;
  private readonly vhosts: ReadonlyMap<string, Vhost>;
  private readonly clients: Clients;
  private readonly review: AccessReview;
  /** Who is told when a vhost goes. */
  private protocols: readonly Pick<Protocol, 'vhostRemoved' | 'reserves' | 'explains'>[] = [];
  /** Of what the machine has too little. */
  private readonly scarce = new Set<Resource>();
  private closing: Promise<void> | null = null;
  private readonly backups: Backups;

  private constructor(options: StartOptions, ground: Ground) {
    const { clock, turn, clientLog, files, directory, state } = ground;
    const dialects = new Dialects(() => clock.epochMs());
    for (const dialect of [NEUTRAL_DIALECT, ...options.dialects]) dialects.register(dialect);
    const { alarms, events, scarce } = this;
    state.onAlarm = (alarm, on) => alarms.set(alarm, '', on);
    const uncongested = (vhost: string): void => this.clients.uncongested(vhost);
    const opening = {
      ...{ ground, options, dialects, events, alarms, scarce, uncongested },
      reserves: (exchange: string, key: string): boolean => this.reserves(exchange, key),
      mayPublish: (vhost: string, user: string, exchange: string, key: string): boolean => {
        const identity = this.recall(user);
        const found = this.vhosts.get(vhost)?.topology.exchanges.get(exchange);
        return identity !== undefined && this.access.mayPublish(identity, vhost, exchange, found, key);
      },
      mayRetain: (vhost: string, { user, clientId }: Retainer, exchange: string, key: string): boolean => {
        const identity = this.recall(user);
        const found = this.vhosts.get(vhost)?.topology.exchanges.get(exchange);
        return identity === undefined || this.access.mayStillPublish(identity, vhost, exchange, found, key, clientId);
      },
    };
    this.vhostRegistry = new VhostRegistry({
      ...{ state, files, directory },
      open: (settings, own) => openVhost(opening, settings, own),
      leave: (name) => this.leave(name),
      forget: (name) => {
        this.users.vhostRemoved(name);
        this.limits.vhosts.forget(name);
        alarms.forget(name);
      },
    });
    this.vhosts = this.vhostRegistry.all;
    this.policies = new VhostPolicies(this.vhostRegistry, events);
    this.globals = new GlobalParameters(state);
    this.limits = new KeptLimits(state, () => this.limitsInForce.apply());
    this.ground = ground;
    this.backups = new Backups(ground, this.vhosts);
    this.clock = clock;
    this.turn = turn;
    this.clientLog = clientLog;
    this.freeBytes = files.freeBytes === undefined ? undefined : () => files.freeBytes!(directory);
    this.usage = new ClientUsage(options.clientLimits ?? {}, clock);
    this.tracer = options.tracer?.(clock) ?? null;
    const onFault = (error: unknown): void => this.reportFault(error);
    this.users = new BrokerUsers({
      state,
      clock,
      login: options.login ?? { anonymous: 'auto', guest: 'auto' },
      userFrom: options.userFrom ?? 'commonName',
      hasVhost: (name) => this.vhosts.has(name),
      forget: (name) => this.limits.forgetUser(name),
      onFault,
    });
    this.chain = chainOf(options.backends ?? [], this.users.authenticator, clock, (backend, reason) =>
      clientLog.backendFailed(backend, reason),
    );
    this.authenticator = options.authenticator ?? this.chain ?? this.users.authenticator;
    const isOwn = (identity: Identity): boolean =>
      options.authenticator === undefined && (this.chain?.isInternal(identity) ?? true);
    this.access = new Access(
      this.authenticator,
      this.users,
      isOwn,
      (name) => this.vhosts.has(name),
      (exchange, key) => this.reserves(exchange, key),
      (use, topic) => this.explainTopic(use, topic),
    );
    const administration = administrationOf(
      this.users,
      options.authenticator === undefined ? isOwn : null,
      ground.logger,
    );
    this.logins = new Logins(this.authenticator, clientLog, clock, this.traffic);
    const { logins, tracer, traffic, usage, vhosts } = this;
    this.clients = new Clients({
      ...{ clock, clientLog, administration, events, logins, tracer, traffic, usage, vhosts },
      reserved: (exchange, key) => this.reserves(exchange, key),
      rightsChanged: (session, routesToo) => this.review.sessionChanged(session, session.vhost, routesToo),
    });
    this.limitsInForce = new LimitsInForce({
      ...{ kept: this.limits, usage, vhosts: this.vhostRegistry },
      review: new LimitsReview(this.clients.sessions, turn.work, onFault),
    });
    this.review = new AccessReview(this.clients.sessions, vhosts, turn.work, onFault);
    this.authenticator.onChanged?.(() => {
      this.review.rulesChanged();
      if (events.watched) events.tell({ kind: 'rights-changed' });
    });
  }

  /**
   * Opens the data directory and brings back what is in it.
   * @throws Error with one line for the operator: the directory is locked by another process, cannot be written, or holds
   * what this version cannot read
   */
  static async start(options: StartOptions): Promise<Broker> {
    const ground = await openGround(options);
    const broker = new Broker(options, ground);
    const release = broker.clock instanceof SystemClock ? broker.clock.hold() : () => {};
    try {
      await broker.vhostRegistry.openAll(options.vhosts ?? [{ name: DEFAULT_VHOST }]);
      await broker.users.configure(options.users ?? []);
      broker.setLimits(options.clientLimits ?? {}, limitsOf(options.vhosts ?? []));
    } catch (error) {
      await broker.close();
      throw error;
    } finally {
      release();
    }
    return broker;
  }

  /** Has protocols begin, and look at what they keep for clients whose rights may have changed while the broker was down. */
  begin(protocols: readonly Pick<Protocol, 'started' | 'review' | 'vhostRemoved' | 'reserves' | 'explains'>[]): void {
    this.protocols = protocols;
    for (const protocol of protocols) protocol.started?.(this);
    for (const protocol of protocols)
      if (protocol.review !== undefined) this.review.absent.push(() => protocol.review!(this));
    this.review.rulesChanged();
  }

  /** A topic that an adapter alone publishes to. @param key dotted */
  reserves(exchange: string, key: string): boolean {
    return this.protocols.some((protocol) => protocol.reserves?.(exchange, key) === true);
  }

  /** As the adapter that has topics says. @throws BrokerError not-implemented: none has */
  private explainTopic(use: TopicUse, topic: string): TopicQuestion {
    for (const { explains } of this.protocols) if (explains !== undefined) return explains(use, topic);
    throw new BrokerError('not-implemented', 'no protocol of this broker has topics');
  }

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    if (this.closing !== null) done({ refused: 'unavailable', reason: 'the broker is shutting down' });
    else this.logins.authenticate(credentials, done);
  }

  offers(mechanism: string, credentials: Credentials): boolean {
    return this.authenticator.begin?.(mechanism, credentials) !== undefined;
  }

  beginAuthentication(mechanism: string, credentials: Credentials): AuthExchange | undefined {
    return this.logins.begin(mechanism, credentials);
  }

  get loginStatistics(): LoginStatistics {
    const { succeeded, failed } = this.logins;
    return { succeeded, failed, delayed: this.users.authenticator.guesses.delayed };
  }

  /** Of the back ends that clients are looked up in, in their order; none: the broker's own users are all there is. */
  get backendStatistics(): BackendChain['statistics'] {
    return this.chain?.statistics ?? [];
  }

  /** What back ends have said is forgotten, and their files are read again. */
  forgetAnswers(): void {
    this.chain?.forget();
  }

  enter(identity: Identity, vhostName: string | undefined, client: SessionClient): Session | Refusal {
    return this.clients.enter(identity, this.authenticator, vhostName, client);
  }

  recall(user: string): Identity | undefined {
    return this.authenticator.recall?.(user);
  }

  enterAsAdapter(name: string, vhost: string, client: SessionClient): Session | Refusal {
    return this.clients.enter({ user: name }, NO_QUESTIONS, vhost, client);
  }

  open(request: ConnectRequest, client: SessionClient, done: (result: Session | Refusal) => void): void {
    this.authenticate({ ...request, vhost: request.vhost ?? DEFAULT_VHOST }, (result) => {
      if ('refused' in result) done(result);
      else this.clients.enterLater(result, this.authenticator, request.vhost, client, done);
    });
  }

  /**
   * Begins a copy of all that is on the disk now; close it. One at a time.
   * @throws BrokerError not-implemented (there is no data directory), resource-locked (another one is being made), unavailable
   */
  backup(): Promise<Backup> {
    return this.backups.begin();
  }

  watch(vhost: string, listener: PresenceListener): () => void {
    const heard = (event: BrokerEvent): void => {
      switch (event.kind) {
        case 'connection-opened':
        case 'connection-closed':
        case 'queue-made':
        case 'queue-deleted':
        case 'consumer-came':
        case 'consumer-left':
          if (event.vhost === vhost) listener(event);
      }
    };
    this.events.add(heard);
    return () => this.events.remove(heard);
  }

  reportMistake(place: ClientPlace | undefined, reason: string): void {
    this.clientLog.mistake(place, reason);
  }

  reportChannelMistake(place: ClientPlace | undefined, channel: number, reason: string): void {
    this.clientLog.channelMistake(place, channel, reason);
  }

  reportFault(error: unknown, place?: ClientPlace): void {
    this.clientLog.fault(place, error);
  }

  /**
   * Limits of users and connections, and of vhosts by name, that hold for what comes from now on; what is there stays. Rates, and what
   * consumers may hold, change for connections that are there too, in parts. @throws BrokerError not-found (vhost)
   */
  setLimits(limits: ClientLimits, vhosts: Readonly<Record<string, VhostLimits>>): void {
    this.limitsInForce.configure(limits, vhosts);
  }

  /** The machine has too little of this, or enough again: all publishers wait meanwhile. */
  setScarce(resource: Resource, scarce: boolean): void {
    this.alarms.set(resource, '', scarce);
    if (scarce) this.scarce.add(resource);
    else this.scarce.delete(resource);
    for (const vhost of this.vhosts.values()) vhost.publishFlow.setScarce(resource, scarce);
  }

  /**
   * Makes a vhost, or takes what is said of the one there is: safe when the promise is resolved. @returns whether it was made
   * @throws BrokerError invalid, not-allowed (too many), unavailable
   */
  async putVhost(name: string, details: VhostDetails = NO_DETAILS): Promise<boolean> {
    const made = await this.vhostRegistry.put(name, details);
    if (made && this.events.watched) this.events.tell({ kind: 'vhost-made', vhost: name });
    return made;
  }

  /**
   * Removes a vhost with all that is in it; its clients are told to go. False: there was none.
   * @throws BrokerError not-allowed (the configuration has it), unavailable
   */
  async deleteVhost(name: string): Promise<boolean> {
    const deleted = await this.vhostRegistry.remove(name);
    if (deleted && this.events.watched) this.events.tell({ kind: 'vhost-deleted', vhost: name });
    return deleted;
  }

  /** Queues since the start, over all vhosts that there were. */
  get queueChurn(): VhostRegistry['queueChurn'] {
    return this.vhostRegistry.queueChurn;
  }

  vhostDetails(name: string): VhostDetails {
    return this.vhostRegistry.details(name);
  }

  private async leave(name: string): Promise<void> {
    await this.clients.leave(name);
    for (const protocol of this.protocols) protocol.vhostRemoved?.(this, name);
    this.usage.forgetVhost(name);
  }

  get vhostNames(): readonly string[] {
    return [...this.vhosts.keys()];
  }

  /** For who looks at it from inside, as an operator does. */
  get vhostsByName(): ReadonlyMap<string, Vhost> {
    return this.vhosts;
  }

  /** Clients over a network that have come in, and that have left, with the bytes of these; since the start. */
  get churn(): Readonly<Clients['churn']> {
    return this.clients.churn;
  }

  get openSessions(): ReadonlySet<ClientSession> {
    return this.clients.sessions;
  }

  /** The adapter of this name. */
  protocolNamed(name: string): Partial<Protocol> | undefined {
    return this.knownProtocols.find((protocol) => protocol.name === name);
  }

  /** Those that it has begun with. */
  get knownProtocols(): readonly Partial<Protocol>[] {
    return this.protocols;
  }

  /** Clients that are connected. */
  get sessionCount(): number {
    return this.clients.sessions.size;
  }

  /**
   * The statistics of its vhosts, as of now. It walks all queues and blocks at one go: where there may be many,
   * `statisticsInParts`.
   */
  statistics(): VhostStatistics[] {
    const parts = this.statisticsInParts();
    for (;;) {
      const { done, value } = parts.next();
      if (done === true) return value;
    }
  }

  /** The same in parts of some microseconds each. */
  *statisticsInParts(): Generator<void, VhostStatistics[]> {
    const all: VhostStatistics[] = [];
    for (const vhost of this.vhosts.values()) all.push(yield* vhostStatistics(vhost));
    return all;
  }

  /** All vhosts. What is in them may change while somebody walks it in parts. */
  get allVhosts(): Iterable<Vhost> {
    return this.vhosts.values();
  }

  /** Consumers by the protocol of their clients. A part for each client. */
  consumersByProtocol(): Generator<void, Map<string, number>> {
    return this.clients.consumersByProtocol();
  }

  /** Why somebody was kept out, by protocol. */
  get loginRefusals(): LoginRefusals {
    return this.logins.refusals;
  }

  /** Logins that were refused, by protocol. */
  get loginsFailed(): ReadonlyMap<string, number> {
    return this.logins.failedBy;
  }

  /** Why a vhost cannot confirm anything any more; undefined while all is well. */
  get failure(): string | undefined {
    const { failed } = this.ground.state;
    if (failed !== undefined) return `the broker's own state: ${failed.message}`;
    for (const vhost of this.vhosts.values()) {
      if (vhost.failed !== undefined) return `vhost '${vhost.name}': ${vhost.failed.message}`;
    }
    return undefined;
  }

  /** Publishers of some vhost wait until there is room on the disk. */
  get diskFull(): boolean {
    for (const vhost of this.vhosts.values()) if (vhost.log.full) return true;
    return false;
  }

  /** Resolves when all that was written in a vhost until now is safe. @throws BrokerError not-found, unavailable */
  whenSafe(vhost: string): Promise<void> {
    return this.vhostRegistry.whenSafe(vhost);
  }

  /** Ends all sessions, flushes every log and gives the directory back. Safe to call again. */
  close(): Promise<void> {
    if (this.closing === null) {
      this.closing = this.closeAll();
      this.clients.stop();
    }
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    this.clients.close();
    this.users.authenticator.close();
    this.chain?.close();
    for (const vhost of this.vhosts.values()) vhost.quieten();
    this.turn.work.finish();
    this.turn.end();
    this.clientLog.close();
    for (const vhost of this.vhosts.values()) await vhost.close();
    await this.tracer?.close();
    await this.ground.release();
  }
}

function limitsOf(vhosts: readonly VhostSettings[]): Record<string, VhostLimits> {
  return Object.fromEntries(vhosts.map(({ name, limits }) => [name, limits ?? {}]));
}
