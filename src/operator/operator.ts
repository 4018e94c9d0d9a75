/**
 * The operator's door: what there is in a broker and what may be done about it, in no protocol's and no tool's words. Three faces use
 * it: RabbitMQ's HTTP API (`management/rabbitmq/`), this broker's own, and a program that holds the broker (`RunningBroker.operator`).
 *
 * Who may see or do what is the faces' to ask: they know who asks. What a *user* does to queues, exchanges and messages goes through
 * a session of his (`enter`), where his permissions decide as over any protocol; what is done here is done with an operator's rights.
 *
 * Lists are `Listing`s: in pages and pieces, made in slices. Single things are `find`: a view that is looked at and not kept.
 * Changes return promises that resolve when they are safe, and are rejected with a BrokerError.
 */
import type { AccessRequest, Action, Identity, Refusal } from '../api/identity.ts';
import { AccessPending } from '../api/pending.ts';
import type { Protocol } from '../api/protocol.ts';
import type { Session, SessionClient } from '../api/session.ts';
import type { Users } from '../api/users.ts';
import type { Broker } from '../broker/broker.ts';
import type { BrokerEvent } from '../broker/events.ts';
import type { GlobalParameters } from '../broker/global-parameters.ts';
import type { KeptLimits } from '../broker/kept-limits.ts';
import { BrokerError } from '../message/errors.ts';
import type { Headers } from '../message/properties.ts';
import { type AccessQuestion, type AccessVerdict, explainAccess } from './access/explain-access.ts';
import { AuditLog } from './audit.ts';
import { Bindings } from './bindings.ts';
import { Connections } from './connections.ts';
import { Delayed } from './delayed.ts';
import { EventStream } from './event-stream.ts';
import { Exchanges } from './exchanges.ts';
import { HalfMessageList } from './half-messages.ts';
import { Pace } from './listing/pace.ts';
import { LOCAL_OPERATOR } from './local-operator.ts';
import { Messages } from './messages/messages.ts';
import { Retained } from './messages/retained.ts';
import { Overall } from './overall.ts';
import { LiveOverview } from './overview/live.ts';
import { Overview } from './overview/overview.ts';
import { PacedBackup } from './paced-backup.ts';
import { PassportDesk } from './passports.ts';
import { Policies } from './policies.ts';
import { PULL_DEFAULTS, type PullQuery } from './pulls/pull.ts';
import { type Pulled, Pulls } from './pulls/pulls.ts';
import { QueueIndex } from './queue-index.ts';
import { Queues } from './queues.ts';
import { Sampler } from './rates/sampler.ts';
import { Redrives } from './redrives/redrives.ts';
import { type Explained, explain } from './routes/explain.ts';
import { type ExplainedSubscription, explainSubscription } from './routes/explain-subscription.ts';
import { ScheduleList } from './schedules.ts';
import { KeptSessions } from './sessions.ts';
import { Subscriptions } from './subscriptions/subscriptions.ts';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts';
import { UserLists } from './users.ts';
import { Vhosts } from './vhosts.ts';
import { whenKnown } from './when-known.ts';

/** Readers of events at a time. */
const STREAMS_MAX = 32;

export class Operator {
  readonly vhosts: Vhosts;
  readonly queues: Queues;
  readonly exchanges: Exchanges;
  readonly bindings: Bindings;
  readonly connections: Connections;
  readonly messages: Messages;
  /** Messages that wait for a word of their publishers'. */
  readonly halfMessages: HalfMessageList;
  readonly schedules: ScheduleList;
  /** Messages that wait for their time. */
  readonly delayed: Delayed;
  /** Messages that somebody holds by tokens. */
  readonly pulls: Pulls;
  /** Dead letters on their way back, and what is moved otherwise without anybody waiting for it. */
  readonly redrives: Redrives;
  /** What happened to messages. */
  readonly passports: PassportDesk;
  readonly policies: Policies;
  readonly retained: Retained;
  readonly sessions: KeptSessions;
  /** Readers of messages over a one-way stream. */
  readonly subscriptions: Subscriptions;
  readonly userLists: UserLists;
  readonly overall: Overall;
  /** The broker at a glance, now and before. */
  readonly overview: Overview;
  /** Who looks at that all the time. */
  readonly liveOverview: LiveOverview;
  readonly surroundings: Surroundings;
  /** Who has changed what. */
  readonly audit: AuditLog;
  /** Of what takes long: slices of a turn. */
  readonly pace: Pace;
  private readonly streams = new Set<EventStream>();
  private readonly loginsForgotten = new Map<string, { readonly succeeded: number; readonly failed: number }>();
  private readonly broker: Broker;
  private readonly sampler: Sampler;
  private readonly startedMs: number;

  constructor(broker: Broker, surroundings: Surroundings = NO_SURROUNDINGS) {
    const pace = new Pace(broker.clock, broker.turn);
    const sampler = new Sampler(broker, pace);
    this.broker = broker;
    this.pace = pace;
    this.surroundings = surroundings;
    this.sampler = sampler;
    this.startedMs = broker.clock.monotonicMs();
    this.audit = new AuditLog(broker.clock, broker.clientLog);
    this.vhosts = new Vhosts(broker, pace, sampler);
    const queueIndex = new QueueIndex(broker, pace);
    this.queues = new Queues(broker, pace, sampler, queueIndex);
    this.exchanges = new Exchanges(broker, pace, sampler);
    this.bindings = new Bindings(broker, pace, queueIndex);
    this.connections = new Connections(broker, pace, sampler);
    this.messages = new Messages(broker, pace);
    this.halfMessages = new HalfMessageList(broker);
    this.schedules = new ScheduleList(broker);
    this.delayed = new Delayed(broker, pace);
    this.pulls = new Pulls(broker);
    this.passports = new PassportDesk(broker, pace);
    this.redrives = new Redrives(broker, pace, this, this.audit);
    this.retained = new Retained(broker, pace);
    this.sessions = new KeptSessions(broker, pace);
    this.subscriptions = new Subscriptions(broker);
    this.policies = new Policies(broker, pace);
    this.userLists = new UserLists(broker.users, pace);
    this.overall = new Overall(broker, sampler, surroundings);
    this.overview = new Overview(broker, sampler, this.overall, surroundings);
    this.liveOverview = new LiveOverview(broker.clock);
    sampler.start();
    queueIndex.begin();
    this.redrives.begin();
  }

  /** The broker stops: nothing is sampled any more. */
  close(): void {
    this.redrives.close();
    this.pulls.close();
    this.sampler.stop();
    for (const stream of [...this.streams]) stream.end();
    this.liveOverview.close();
    this.audit.close();
    this.subscriptions.close();
  }

  get uptimeMs(): number {
    return this.broker.clock.monotonicMs() - this.startedMs;
  }

  /** Epoch milliseconds. */
  get nowMs(): number {
    return this.broker.clock.epochMs();
  }

  /** Logins since the start or since they were forgotten, by protocol. */
  get logins(): { readonly protocol: string; readonly succeeded: number; readonly failed: number }[] {
    return this.allLogins
      .map(({ protocol, succeeded, failed }) => {
        const before = this.loginsForgotten.get(protocol);
        return {
          protocol,
          succeeded: succeeded - (before?.succeeded ?? 0),
          failed: failed - (before?.failed ?? 0),
        };
      })
      .filter(({ succeeded, failed }) => succeeded + failed > 0);
  }

  /** They are counted from now on; metrics go on. */
  forgetLogins(): void {
    for (const one of this.allLogins) this.loginsForgotten.set(one.protocol, one);
  }

  private get allLogins(): { readonly protocol: string; readonly succeeded: number; readonly failed: number }[] {
    const { traffic, loginsFailed } = this.broker;
    return traffic.all
      .filter(({ protocol, loginTimes }) => protocol !== '' && loginTimes.count > 0)
      .map(({ protocol, loginTimes }) => {
        const failed = loginsFailed.get(protocol) ?? 0;
        return { protocol, succeeded: loginTimes.count - failed, failed };
      });
  }

  /** Rates and histories begin anew. */
  forgetSamples(): void {
    this.sampler.forget();
  }

  /** Why a vhost cannot confirm anything any more; undefined while all is well. */
  get failure(): string | undefined {
    return this.broker.failure;
  }

  /** Who may log in, and what each may do. */
  get users(): Users {
    return this.broker.users;
  }

  /** Limits that operators set. */
  get limits(): KeptLimits {
    return this.broker.limits;
  }

  /** Something of what he has imported cannot be had here: a line in the log. */
  reportLeftOut(
    entry: { readonly kind: string; readonly name: string; readonly vhost: string | undefined },
    reason: string,
  ): void {
    this.broker.clientLog.leftOut(entry, reason);
  }

  /** Facts of the whole broker that operators keep in it, each a value of JSON by its name. */
  get globals(): GlobalParameters {
    return this.broker.globals;
  }

  /**
   * A session with an operator's rights, for what is declared or published on nobody's behalf: no permission is asked. Close it.
   * @throws BrokerError not-found, unavailable
   */
  enterAsOperator(vhost: string): Session {
    const session = this.broker.enterAsAdapter('operator', vhost, { uncongested() {}, kicked() {} });
    if (!('refused' in session)) return session;
    throw new BrokerError(session.refused === 'vhost-not-found' ? 'not-found' : 'unavailable', session.reason);
  }

  /** Whether the user has permissions in a vhost, which exists. @throws AccessPending: a back end has to be asked first */
  mayEnter(identity: Identity, vhost: string): boolean {
    if (identity === LOCAL_OPERATOR) return true;
    const answer = this.broker.access.entrance(identity, vhost);
    if (typeof answer === 'boolean') return answer;
    if (answer.failed) return false;
    throw new AccessPending(answer);
  }

  /** Asks a permission of this user. @throws BrokerError access-refused */
  demand(
    identity: Identity,
    vhost: string,
    action: Action,
    resource: 'exchange' | 'queue',
    name: string,
  ): Promise<void> {
    if (identity === LOCAL_OPERATOR) return Promise.resolve();
    return whenKnown(() => this.broker.access.demand(identity, vhost, action, resource, name));
  }

  /**
   * Where a protocol's address leads, and which of a user's permissions would let it (null: its own operator's, who may all); nothing is done.
   * @throws BrokerError invalid (the address), not-found (protocol, vhost), not-implemented
   */
  explain(
    vhost: string,
    user: string | null,
    protocol: string,
    address: string,
    key?: string,
    headers?: Headers,
  ): Explained {
    const found = this.telling(protocol);
    if (found.resolve === undefined) throw tellsNothing(protocol);
    return explain(this.broker, vhost, user, found.resolve(address, key), headers);
  }

  /**
   * What a subscription to a protocol's address would read, and which of a user's permissions would let it; nothing is done.
   * @param key to bind with, where the protocol says it apart from the address
   * @throws BrokerError invalid (the address), not-found (protocol, vhost), not-implemented
   */
  explainSubscription(
    vhost: string,
    user: string | null,
    protocol: string,
    address: string,
    { key, clientId }: { readonly key?: string | undefined; readonly clientId?: string | undefined } = {},
  ): Promise<ExplainedSubscription> {
    const found = this.telling(protocol);
    if (found.subscription === undefined) throw tellsNothing(protocol);
    const compat = this.broker.vhostsByName.get(vhost)?.compat ?? 'rabbitmq-3';
    const meaning = found.subscription(address, {
      compat,
      ...(key !== undefined && { key }),
      ...(clientId !== undefined && { clientId }),
    });
    return explainSubscription(this.broker, this.pace, vhost, user, meaning, clientId);
  }

  private telling(protocol: string): Partial<Protocol> {
    const found = this.broker.protocolNamed(protocol);
    if (found === undefined) throw new BrokerError('not-found', `there is no protocol '${protocol}'`);
    return found;
  }

  /** Whether a user may do something, rule by rule. @throws BrokerError invalid, not-found (user, vhost) */
  explainAccess(question: AccessQuestion): AccessVerdict[] {
    return explainAccess(question, this.broker.access.source);
  }

  /**
   * A copy of all that is on the disk now, with what it takes to read it; close it. One at a time.
   * @param rate bytes a second, RATE_MIN at the least; 0: as fast as clients do not notice
   * @throws BrokerError not-implemented, resource-locked, unavailable
   */
  async backup(rate = 0): Promise<PacedBackup> {
    const { broker, pace } = this;
    return new PacedBackup(await broker.backup(), pace, broker.clock, rate);
  }

  /** Tells what happens from now on; end it. @throws BrokerError unavailable: there are too many readers */
  events(wants: (event: BrokerEvent) => boolean): EventStream {
    if (this.streams.size >= STREAMS_MAX) {
      throw new BrokerError('unavailable', `there are ${STREAMS_MAX} readers of events already`);
    }
    const { broker, streams } = this;
    const stream = new EventStream(broker.events, broker.clock, wants, () => streams.delete(stream));
    streams.add(stream);
    return stream;
  }

  /**
   * Takes some messages of a queue, each held by a token until it is ended (`pulls.end`), renewed, or its lease runs out.
   * @param query what is left out is as `PULL_DEFAULTS` has it
   * @param by who pulls (default: a program that holds the broker, which nobody asks what it may), and whether somebody still waits
   * @throws BrokerError not-found, access-refused, resource-locked, invalid (the selector), unavailable
   */
  pull(
    vhost: string,
    queue: string,
    query: Partial<PullQuery> = {},
    by: { readonly identity?: Identity; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Pulled[]> {
    const { identity = LOCAL_OPERATOR, signal } = by;
    const entering = async (client: SessionClient): Promise<Session> => {
      const session = await whenKnown(() => this.enter(identity, vhost, client));
      if (!('refused' in session)) return session;
      throw new BrokerError(session.refused === 'vhost-not-found' ? 'not-found' : 'unavailable', session.reason);
    };
    return this.pulls.pull(entering, queue, { ...PULL_DEFAULTS, ...query }, signal);
  }

  /** The tags that this user has now; undefined: he would not be let in any more. */
  tagsOf(identity: Identity): readonly string[] | undefined {
    if (identity === LOCAL_OPERATOR) return LOCAL_OPERATOR.tags;
    return this.broker.access.tagsOf(identity, this.nowMs);
  }

  /** Whether this user may see what is retained under a key; no, as long as a back end has not said so. @param key dotted */
  mayReadRetained(identity: Identity, vhost: string, exchange: string, key: string): boolean {
    return identity === LOCAL_OPERATOR || this.broker.access.mayReadRetained(identity, vhost, exchange, key);
  }

  /** Whether this user may do that; no, as long as a back end has not said so. */
  permits(identity: Identity, request: AccessRequest): boolean {
    if (identity === LOCAL_OPERATOR) return true;
    return this.broker.access.permits(identity, request);
  }

  /** A session of this user, for what he asks to be done: see `BrokerServices.enter`. The local operator is asked for nothing. Close it. */
  enter(identity: Identity, vhost: string, client: SessionClient): Session | Refusal {
    if (identity === LOCAL_OPERATOR) return this.broker.enterAsAdapter(identity.user, vhost, client);
    return this.broker.enter(identity, vhost, client);
  }
}

function tellsNothing(protocol: string): BrokerError {
  return new BrokerError('not-implemented', `${protocol} does not tell what its addresses mean`);
}
