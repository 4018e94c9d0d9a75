/**
 * The broker: its vhosts, the clock and the turn they share, and the authentication of clients. One process may hold several;
 * nothing is global.
 */
import { join } from 'node:path';
import type { BrokerServices, ClientPlace } from '../api/broker.ts';
import type { Mark } from '../api/confirms.ts';
import type { AuthExchange, Authenticator, ConnectRequest, Credentials, Identity, Refusal } from '../api/identity.ts';
import type { Policy, PolicyInfo, PolicyKind } from '../api/policies.ts';
import type { Protocol } from '../api/protocol.ts';
import type { Session, SessionClient } from '../api/session.ts';
import { type Clock, SystemClock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import { Dialects } from '../message/dialect.ts';
import { BrokerError } from '../message/errors.ts';
import type { Resource } from '../vhost/flow/publish-flow-control.ts';
import { type QueueStatistics, queueStatistics, type VhostStatistics, vhostStatistics } from '../vhost/statistics.ts';
import { Vhost } from '../vhost/vhost.ts';
import { type ClientLimits, ClientUsage, type VhostLimits } from './client-limits.ts';
import { type ClientLog, nameOf } from './client-log.ts';
import { type Ground, openGround } from './ground.ts';
import { LimitsReview } from './limits/limits-review.ts';
import { Membership } from './limits/membership.ts';
import { Scope } from './limits/scope.ts';
import { type LoginStatistics, Logins } from './logins.ts';
import { DEFAULT_VHOST, type StartOptions } from './options.ts';
import { AccessReview } from './session/access-review.ts';
import { type Judge, NO_QUESTIONS } from './session/permissions.ts';
import { ClientSession } from './session.ts';
import { BrokerUsers } from './users.ts';

export class Broker implements BrokerServices {
  readonly clock: Clock;
  /** Writes what an operator reads about clients. */
  readonly clientLog: ClientLog;
  readonly turn: Turn;
  /** Bytes free on the disk that the data are on; undefined where nothing bounds them. */
  readonly freeBytes: (() => Promise<number>) | undefined;
  /** What users and vhosts have of what is limited. */
  readonly usage: ClientUsage;
  /** The broker's own users; without meaning for who comes in where the program has brought an authenticator. */
  readonly users: BrokerUsers;
  private readonly authenticator: Authenticator;
  private readonly logins: Logins;
  private readonly limitsReview: LimitsReview;
  private readonly ground: Ground;
  private readonly vhosts = new Map<string, Vhost>();
  private readonly sessions = new Set<ClientSession>();
  private readonly review: AccessReview;
  private closing: Promise<void> | null = null;

  private constructor(options: StartOptions, ground: Ground) {
    const { clock, turn, clientLog, files, directory, state } = ground;
    this.ground = ground;
    this.clock = clock;
    this.turn = turn;
    this.clientLog = clientLog;
    this.freeBytes = files.freeBytes === undefined ? undefined : () => files.freeBytes!(directory);
    this.usage = new ClientUsage(options.clientLimits ?? {}, clock);
    this.limitsReview = new LimitsReview(this.sessions, turn.work, (error) => this.reportFault(error));
    const onFault = (error: unknown): void => this.reportFault(error);
    this.users = new BrokerUsers({
      state,
      clock,
      login: options.login ?? { anonymous: 'auto', guest: 'auto' },
      userFrom: options.userFrom ?? 'commonName',
      hasVhost: (name) => this.vhosts.has(name),
      onFault,
    });
    this.authenticator = options.authenticator ?? this.users.authenticator;
    this.review = new AccessReview(this.sessions, this.vhosts, turn.work, onFault);
    this.authenticator.onChanged?.(() => this.review.rulesChanged());
    this.logins = new Logins(this.authenticator, clientLog);
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
      await broker.openVhosts(options);
      await broker.users.configure(options.users ?? []);
    } catch (error) {
      await broker.close();
      throw error;
    } finally {
      release();
    }
    return broker;
  }

  private async openVhosts(options: StartOptions): Promise<void> {
    const { clock, turn, logger, files, directory } = this.ground;
    const dialects = new Dialects(() => clock.epochMs());
    for (const dialect of options.dialects) dialects.register(dialect);
    for (const settings of options.vhosts ?? [{ name: DEFAULT_VHOST }]) {
      const { name, durability = options.durability } = settings;
      const vhost = await Vhost.open({
        ...{ name, files, clock, turn, dialects, logger },
        directory: join(directory, 'vhosts', encodeURIComponent(name)),
        ...(durability !== undefined && { durability }),
        ...(settings.policies !== undefined && { policies: settings.policies }),
        ...(settings.limits !== undefined && { limits: settings.limits }),
        ...(options.log !== undefined && { log: options.log }),
        ...(options.transient !== undefined && { transient: options.transient }),
        onUncongested: () => this.uncongested(name),
      });
      this.vhosts.set(name, vhost);
      this.usage.setVhostLimits(name, settings.limits ?? {});
    }
  }

  /** Has protocols begin, and look at what they keep for clients whose rights may have changed while the broker was down. */
  begin(protocols: readonly Pick<Protocol, 'started' | 'review'>[]): void {
    for (const protocol of protocols) protocol.started?.(this);
    for (const protocol of protocols)
      if (protocol.review !== undefined) this.review.absent.push(() => protocol.review!(this));
    this.review.rulesChanged();
  }

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    if (this.closing !== null) done({ refused: 'unavailable', reason: 'the broker is shutting down' });
    else this.logins.authenticate(credentials, done);
  }

  beginAuthentication(mechanism: string, credentials: Credentials): AuthExchange | undefined {
    return this.logins.begin(mechanism, credentials);
  }

  get loginStatistics(): LoginStatistics {
    const { succeeded, failed } = this.logins;
    return { succeeded, failed, delayed: this.users.authenticator.guesses.delayed };
  }

  enter(identity: Identity, vhostName: string | undefined, client: SessionClient): Session | Refusal {
    return this.enterAs(identity, this.authenticator, vhostName, client);
  }

  recall(user: string): Identity | undefined {
    return this.authenticator.recall?.(user);
  }

  enterAsAdapter(name: string, vhost: string, client: SessionClient): Session | Refusal {
    return this.enterAs({ user: name }, NO_QUESTIONS, vhost, client);
  }

  private enterAs(
    identity: Identity,
    judge: Judge,
    vhostName: string | undefined,
    client: SessionClient,
  ): Session | Refusal {
    if (this.closing !== null) return { refused: 'unavailable', reason: 'the broker is shutting down' };
    const name = vhostName ?? DEFAULT_VHOST;
    const vhost = this.vhosts.get(name);
    const { transport } = client;
    if (vhost === undefined) {
      const reason = `vhost '${name}' not found`;
      this.clientLog.refused(nameOf(transport), `${reason}, for user '${identity.user}'`);
      return { refused: 'vhost-not-found', reason };
    }
    if (judge.mayEnter?.(identity, name) === false) {
      const reason = `access to vhost '${name}' refused for user '${identity.user}'`;
      this.clientLog.refused(nameOf(transport), reason);
      return { refused: 'forbidden', reason };
    }
    // Without an address it is the broker itself, or a program that holds one: neither counts.
    const counts = transport?.remote !== undefined;
    const listener = transport?.listener;
    const membership = counts
      ? this.usage.enter({
          user: identity.user,
          vhost: name,
          listener: listener instanceof Scope ? listener : undefined,
          protocol: () => transport.protocol ?? '',
          replaces: () => client.replaces?.(identity.user, name) === true,
        })
      : this.usage.unbounded();
    if (!(membership instanceof Membership)) {
      this.clientLog.refused(nameOf(transport), membership.reason);
      return membership;
    }
    const session = new ClientSession(vhost, identity, judge, membership, client, (closed, inOrder) => {
      this.sessions.delete(closed);
      if (transport?.remote !== undefined) this.clientLog.disconnected(transport, identity.user, name, inOrder);
    });
    this.sessions.add(session);
    if (transport?.remote !== undefined) this.clientLog.connected(transport, identity.user, name);
    return session;
  }

  open(request: ConnectRequest, client: SessionClient, done: (result: Session | Refusal) => void): void {
    this.authenticate(request, (result) => {
      done('refused' in result ? result : this.enter(result, request.vhost, client));
    });
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
    this.usage.limits = limits;
    for (const [name, ofVhost] of Object.entries(vhosts)) {
      this.vhostNamed(name).limits.now = ofVhost;
      this.usage.setVhostLimits(name, ofVhost);
    }
    this.limitsReview.limitsChanged();
  }

  /** The machine has too little of this, or enough again: all publishers wait meanwhile. */
  setScarce(resource: Resource, scarce: boolean): void {
    for (const vhost of this.vhosts.values()) vhost.publishFlow.setScarce(resource, scarce);
  }

  get vhostNames(): readonly string[] {
    return [...this.vhosts.keys()];
  }

  /** For who looks at it from inside, as an operator does. */
  get vhostsByName(): ReadonlyMap<string, Vhost> {
    return this.vhosts;
  }

  /** Whether this identity has anything to do in the vhost, which exists. */
  mayEnter(identity: Identity, vhost: string): boolean {
    return this.authenticator.mayEnter?.(identity, vhost) ?? true;
  }

  /** Clients that are connected. */
  get sessionCount(): number {
    return this.sessions.size;
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

  /** The same of every queue, one after the other. */
  *queueStatistics(): Generator<QueueStatistics> {
    for (const vhost of this.vhosts.values()) yield* queueStatistics(vhost);
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

  /**
   * Sets a policy of a vhost, or replaces the one of its name and kind: in force for everything at once, safe when the
   * promise is resolved. @throws BrokerError not-found, invalid, not-allowed (the configuration sets it)
   */
  async setPolicy(vhost: string, policy: Policy): Promise<void> {
    const found = this.vhostNamed(vhost);
    await new Promise<void>((done) => found.topology.appliedPolicies.set(policy, done));
    await whenSafe(found, found.units.mark());
  }

  /** False if there was none. @throws BrokerError not-found (vhost), not-allowed */
  async clearPolicy(vhost: string, name: string, kind: PolicyKind = 'policy'): Promise<boolean> {
    const within = this.vhostNamed(vhost);
    let existed = false;
    await new Promise<void>((done) => {
      existed = within.topology.appliedPolicies.clear(kind, name, done);
    });
    if (existed) await whenSafe(within, within.units.mark());
    return existed;
  }

  /** Highest priority first. @throws BrokerError not-found */
  policies(vhost: string): PolicyInfo[] {
    return this.vhostNamed(vhost).topology.policies.list();
  }

  private vhostNamed(name: string): Vhost {
    const vhost = this.vhosts.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    return vhost;
  }

  private uncongested(vhost: string): void {
    for (const session of this.sessions)
      if (session.vhost === vhost && !session.congested) session.client.uncongested();
  }

  /** Ends all sessions, flushes every log and gives the directory back. Safe to call again. */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    for (const session of [...this.sessions]) session.close(true);
    for (const vhost of this.vhosts.values()) vhost.quieten();
    this.turn.work.finish();
    this.turn.end();
    this.clientLog.close();
    for (const vhost of this.vhosts.values()) await vhost.close();
    await this.ground.release();
  }
}

function whenSafe(vhost: Vhost, mark: Mark): Promise<void> {
  return new Promise((resolve, reject) => {
    vhost.confirms.whenSafe(mark, (failed) => {
      if (failed) reject(new BrokerError('unavailable', `vhost '${vhost.name}': the log has failed`));
      else resolve();
    });
  });
}
