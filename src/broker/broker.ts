/**
 * The broker: its vhosts, the clock and the turn they share, and the authentication of clients. One process may hold several;
 * nothing is global.
 */
import { join } from 'node:path';
import type { BrokerServices, ClientPlace } from '../api/broker.ts';
import type { Mark } from '../api/confirms.ts';
import type { AuthExchange, Authenticator, ConnectRequest, Credentials, Identity, Refusal } from '../api/identity.ts';
import type { Policy, PolicyInfo, PolicyKind } from '../api/policies.ts';
import type { Session, SessionClient } from '../api/session.ts';
import type { CertificateUserFrom } from '../auth/certificate-user.ts';
import type { LoginSettings } from '../auth/internal-authenticator.ts';
import { type Clock, SystemClock } from '../clock/clock.ts';
import { Turn } from '../clock/turn.ts';
import { type FileSystem, nodeFiles } from '../log/files/files.ts';
import { MemoryFiles } from '../log/files/memory-files.ts';
import { type Logger, NO_LOGGER } from '../logger.ts';
import { type Dialect, Dialects } from '../message/dialect.ts';
import { BrokerError } from '../message/errors.ts';
import type { Resource } from '../vhost/flow/publish-flow-control.ts';
import type { Durability, LogLayout, TransientLayout } from '../vhost/options.ts';
import { type QueueStatistics, queueStatistics, type VhostStatistics, vhostStatistics } from '../vhost/statistics.ts';
import type { TopologyLimits } from '../vhost/topology/limits.ts';
import { Vhost } from '../vhost/vhost.ts';
import { type ClientLimits, ClientUsage } from './client-limits.ts';
import { ClientLog, nameOf } from './client-log.ts';
import { claimDirectory } from './data-directory.ts';
import { type LoginStatistics, Logins } from './logins.ts';
import { AccessReview } from './session/access-review.ts';
import { type Judge, NO_QUESTIONS } from './session/permissions.ts';
import { ClientSession } from './session.ts';
import { BrokerState } from './state.ts';
import { BrokerUsers, type ConfiguredUser } from './users.ts';

export const DEFAULT_VHOST = '/';

export interface VhostSettings {
  readonly name: string;
  /** Default: the broker's. */
  readonly durability?: Durability;
  /** Default: none. */
  readonly limits?: TopologyLimits;
  /** They are there as long as they are given here. */
  readonly policies?: readonly Policy[];
}

export interface StartOptions {
  /** Made if it is not there, and locked while the broker runs. Null: memory only. */
  readonly dataDirectory: string | null;
  /** The property dialects of the adapters in use. */
  readonly dialects: readonly Dialect[];
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Default: the broker's own users. */
  readonly authenticator?: Authenticator;
  /** They are there as long as they are given here, beside those that the data directory holds. */
  readonly users?: readonly ConfiguredUser[];
  /** Who may come in beside them. */
  readonly login?: LoginSettings;
  /** What of a client's certificate is its user's name. Default: the common name. */
  readonly userFrom?: CertificateUserFrom;
  /** Default: `/` alone. */
  readonly vhosts?: readonly VhostSettings[];
  /** The file system to use; default: the operating system's, or one in memory where there is no data directory. */
  readonly files?: FileSystem;
  /** When a confirm is given. Default: after the sync. */
  readonly durability?: Durability;
  /** How the logs are laid out; the defaults need no tuning. */
  readonly log?: LogLayout;
  /** Of users and connections. Default: none. */
  readonly clientLimits?: ClientLimits;
  /** What transient messages may take up, in memory and on the disk, in each vhost. */
  readonly transient?: TransientLayout;
}

export class Broker implements BrokerServices {
  readonly clock: Clock;
  /** Writes what an operator reads about clients. */
  readonly clientLog: ClientLog;
  readonly turn: Turn;
  /** Bytes free on the disk that the data are on; undefined where nothing bounds them. */
  readonly freeBytes: (() => Promise<number>) | undefined;
  /** What users and vhosts have of what is limited. */
  readonly usage: ClientUsage;
  private readonly ownClock: boolean;
  /** It and the users are set by `start`, before anybody can ask. */
  private authenticator!: Authenticator;
  private ownUsers!: BrokerUsers;
  private logins!: Logins;
  private state: BrokerState | null = null;
  private readonly vhosts = new Map<string, Vhost>();
  private readonly sessions = new Set<ClientSession>();
  private readonly unlock: () => Promise<void>;
  private closing: Promise<void> | null = null;

  private constructor(options: StartOptions, files: FileSystem, directory: string, unlock: () => Promise<void>) {
    this.freeBytes = files.freeBytes === undefined ? undefined : () => files.freeBytes!(directory);
    this.usage = new ClientUsage(options.clientLimits);
    this.ownClock = options.clock === undefined;
    // What a timer or a task throws costs no more than it must: never the process, and with it everybody.
    const fault = (error: unknown): void => this.clientLog.fault(undefined, error);
    this.clock = options.clock ?? new SystemClock(fault);
    this.clientLog = new ClientLog(this.clock, options.logger ?? NO_LOGGER);
    this.turn = new Turn(this.clock);
    if (this.ownClock) this.turn.onError = fault;
    this.unlock = unlock;
  }

  /**
   * Opens the data directory and brings back what is in it.
   * @throws Error with one line for the operator: the directory is locked by another process, cannot be written, or holds
   * what this version cannot read
   */
  static async start(options: StartOptions): Promise<Broker> {
    const files = options.files ?? (options.dataDirectory === null ? new MemoryFiles() : nodeFiles);
    const directory = options.dataDirectory ?? 'memory';
    const unlock = options.dataDirectory === null ? async () => {} : await claimDirectory(files, directory);
    const broker = new Broker(options, files, directory, unlock);
    const dialects = new Dialects(() => broker.clock.epochMs());
    for (const dialect of options.dialects) dialects.register(dialect);
    const release = broker.clock instanceof SystemClock ? broker.clock.hold() : () => {};
    try {
      await broker.openUsers(options, files, directory);
      for (const settings of options.vhosts ?? [{ name: DEFAULT_VHOST }]) {
        const { name, durability = options.durability } = settings;
        const vhost = await Vhost.open({
          name,
          files,
          directory: join(directory, 'vhosts', encodeURIComponent(name)),
          clock: broker.clock,
          turn: broker.turn,
          dialects,
          logger: options.logger ?? NO_LOGGER,
          ...(durability !== undefined && { durability }),
          ...(settings.policies !== undefined && { policies: settings.policies }),
          ...(settings.limits !== undefined && { limits: settings.limits }),
          ...(options.log !== undefined && { log: options.log }),
          ...(options.transient !== undefined && { transient: options.transient }),
          onUncongested: () => broker.uncongested(name),
        });
        broker.vhosts.set(name, vhost);
      }
      await broker.users.configure(options.users ?? []);
    } catch (error) {
      await broker.close();
      throw error;
    } finally {
      release();
    }
    return broker;
  }

  private async openUsers(options: StartOptions, files: FileSystem, directory: string): Promise<void> {
    const { clock, turn } = this;
    this.state = await BrokerState.open({ files, directory, clock, turn, logger: options.logger ?? NO_LOGGER });
    this.ownUsers = new BrokerUsers({
      state: this.state,
      clock,
      login: options.login ?? { anonymous: 'auto', guest: 'auto' },
      userFrom: options.userFrom ?? 'commonName',
      hasVhost: (name) => this.vhosts.has(name),
      onFault: (error) => this.reportFault(error),
    });
    this.authenticator = options.authenticator ?? this.ownUsers.authenticator;
    const review = new AccessReview(this.sessions, this.vhosts, turn.work, (error) => this.reportFault(error));
    this.authenticator.onChanged?.(() => review.rulesChanged());
    this.logins = new Logins(this.authenticator, this.clientLog);
  }

  /** The broker's own users; without meaning for who comes in where the program has brought an authenticator. */
  get users(): BrokerUsers {
    return this.ownUsers;
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
    return { succeeded, failed, delayed: this.ownUsers.authenticator.guesses.delayed };
  }

  enter(identity: Identity, vhostName: string | undefined, client: SessionClient): Session | Refusal {
    return this.enterAs(identity, this.authenticator, vhostName, client);
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
    const refusal = counts ? this.usage.connected(identity.user, name, vhost.limits.now.connections) : undefined;
    if (refusal !== undefined) {
      this.clientLog.refused(nameOf(transport), refusal.reason);
      return refusal;
    }
    const session = new ClientSession(vhost, identity, judge, this.usage, client, (closed, inOrder) => {
      this.sessions.delete(closed);
      if (counts) this.usage.disconnected(identity.user, name);
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

  /** Limits of users and connections that hold for what comes from now on; what is there stays. */
  setClientLimits(limits: ClientLimits): void {
    this.usage.limits = limits;
  }

  /** The same of a vhost. @throws BrokerError not-found */
  setVhostLimits(vhost: string, limits: TopologyLimits): void {
    this.vhostNamed(vhost).limits.now = limits;
  }

  /** The machine has too little of this, or enough again: all publishers wait meanwhile. */
  setScarce(resource: Resource, scarce: boolean): void {
    for (const vhost of this.vhosts.values()) vhost.publishFlow.setScarce(resource, scarce);
  }

  get vhostNames(): readonly string[] {
    return [...this.vhosts.keys()];
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
    if (this.state?.failed !== undefined) return `the broker's own state: ${this.state.failed.message}`;
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
    await this.state?.close();
    if (this.ownClock) this.clock.stop();
    await this.unlock();
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
