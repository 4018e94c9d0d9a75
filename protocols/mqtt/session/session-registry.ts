/**
 * The client sessions of each vhost of a broker: who is connected under which client identifier, which sessions are
 * kept and until when, who is in which shared subscription, and which wills wait.
 *
 * Adapter instances that serve the same broker (TCP, WebSocket) share one registry, since a client identifier is unique
 * in its vhost whichever way its client came [MQTT-3.1.4-2].
 */
import {
  AccessPending,
  type AdapterState,
  BrokerError,
  type BrokerServices,
  type DirectSink,
  NO_BACKPRESSURE,
  type Refusal,
  type Session,
  type SessionClient,
} from '../../../src/api/index.ts';
import { EXPIRY_NEVER_S } from '../codec/connect.ts';
import { ADMINISTRATIVE_ACTION } from '../codec/reasons.ts';
import type { AdapterContext } from '../context.ts';
import { queueOf } from '../mapping/names.ts';
import { publishWill } from '../publish/publish-will.ts';
import { Deadlines } from './deadlines.ts';
import { KeptSessions } from './kept-sessions.ts';
import { MqttSession } from './mqtt-session.ts';
import type { IdentifiedSession, SessionConnection, SessionServices } from './ports.ts';
import {
  countSessions,
  getSession,
  keptSessions,
  type Leftovers,
  readAll,
  type SessionRecord,
} from './session-records.ts';
import { ShareMembers } from './share-members.ts';
import { mayReadShare } from './shared-subscriptions.ts';
import { SysTopics } from './sys-topics.ts';
import { type DueWill, Wills } from './wills.ts';

/** For what is done on behalf of a client that is not there. */
const NOBODY: SessionClient = { uncongested() {}, kicked() {} };

/** Of a session's queue: the client identifier follows. */
const QUEUE_PREFIX_LENGTH = queueOf('').length;

/** A session that a client connects to. */
export interface OpenedSession {
  readonly mqttSession: MqttSession;
  /** It was there before. */
  readonly present: boolean;
  /** What was written down of the one that was there, though the client may not have wanted it. */
  readonly before: SessionRecord | undefined;
}

export class SessionRegistry implements SessionServices {
  /** In memory, by client identifier: connected ones, and kept ones with something under way. */
  readonly sessions = new Map<string, MqttSession>();
  readonly state: AdapterState;
  readonly wills: Wills;
  readonly sys: SysTopics;
  readonly shares: ShareMembers;
  readonly kept: KeptSessions;
  /** Hears for sessions whose clients are away that their queue was deleted, which is the end of them. */
  readonly absent: DirectSink = {
    output: NO_BACKPRESSURE,
    deliverDirect: () => false,
    queueDeleted: (name) => {
      if (!this.deleting) this.endAbsent(name.slice(QUEUE_PREFIX_LENGTH));
    },
  };
  private deleting = false;
  private closed = false;
  /** What a former run left under way, for clients that have not connected since. */
  private readonly leftovers: Map<string, Leftovers>;
  /** When sessions whose clients are away end. */
  private readonly ends: Deadlines;
  private readonly context: AdapterContext;
  private readonly broker: BrokerServices;
  private readonly vhost: string;

  constructor(context: AdapterContext, broker: BrokerServices, session: Session) {
    this.context = context;
    this.broker = broker;
    this.vhost = session.vhost;
    this.state = session.state;
    this.shares = new ShareMembers(session.state, context.limits.exchange, (act) => this.asAdapter(act));
    this.ends = new Deadlines(broker.clock, broker.turn.work.share(), (clientId) => {
      if (this.endAbsent(clientId)) context.stats.sessionsExpired++;
    });
    this.wills = new Wills(session.state, broker.clock, broker.turn.work.share(), (clientId) =>
      this.publishWillOf(clientId),
    );
    this.sys = new SysTopics(broker.clock, {
      stats: context.stats,
      intervalMs: context.limits.sysIntervalMs,
      exchange: context.limits.exchange,
      connected: () => this.countConnected(),
      total: () => countSessions(this.state),
      withSession: (act) => this.asAdapter(act),
    });
    const stored = readAll(session.state);
    this.kept = new KeptSessions(session.state, stored.sessions.values());
    this.leftovers = stored.leftovers;
    for (const [clientId, { shares, expiryS, endsAtMs }] of stored.sessions) {
      for (const queue of Object.keys(shares)) this.shares.join(queue, clientId);
      // One that was connected when the broker went down has lost its connection just now.
      if (endsAtMs > 0) this.ends.set(clientId, endsAtMs);
      else if (expiryS !== EXPIRY_NEVER_S) this.endLater(clientId, expiryS);
    }
    this.wills.restore();
    this.asAdapter((own) => this.sweep(own, stored.sessions));
  }

  /** After a start: what belonged to clients of which nothing is kept. All others are away. */
  private sweep(session: Session, sessions: ReadonlyMap<string, SessionRecord>): void {
    for (const [clientId, { hasQueue }] of sessions) {
      if (!hasQueue) continue;
      const queue = queueOf(clientId);
      try {
        if (session.queueExists(queue)) session.attachDirect(queue, this.absent);
        else this.find(session, clientId); // which finds that it is over
      } catch (error) {
        // Nobody is there to be told: it is looked at again when its client is back.
        if (!(error instanceof BrokerError)) throw error;
      }
    }
    this.shares.sweep();
  }

  takeLeftovers(clientId: string): Leftovers | undefined {
    const found = this.leftovers.get(clientId);
    this.leftovers.delete(clientId);
    return found;
  }

  /** The session of a client identifier, if there is one: from memory, or as it is stored. */
  find(session: Session, clientId: string): MqttSession | undefined {
    const known = this.sessions.get(clientId);
    if (known !== undefined) return known;
    const stored = getSession(this.state, clientId);
    if (stored === undefined) return undefined;
    // It was kept, so it is kept as long as it is there; how long it outlives its connection is said anew.
    const restored = new MqttSession(this.context, this, clientId, Math.max(1, stored.expiryS));
    restored.restore(session);
    if (!stored.hasQueue || session.queueExists(restored.queue)) return restored;
    restored.end(session, true);
    return undefined;
  }

  /**
   * A client connects: takes the session of its identifier from the connection that has it, or makes one where there is none,
   * or the client wants none of what was [MQTT-3.1.2-6]. `connected` is to follow.
   * @param expiryS seconds that it outlives its connection from now on
   * @throws LimitError there are as many kept ones as there may be
   */
  open(session: Session, clientId: string, clean: boolean, expiryS: number): OpenedSession {
    this.sessions.get(clientId)?.connection?.takenOver();
    // One that was not kept has just ended.
    let mqttSession = this.find(session, clientId);
    const before = mqttSession === undefined ? undefined : getSession(this.state, clientId);
    const due = this.wills.take(clientId);
    // What was kept for one user is not another's.
    if (mqttSession === undefined || clean || (before !== undefined && before.user !== session.user)) {
      session.beginUnit();
      try {
        // The former session ends, or has ended, and with it the time its will could wait [MQTT5-3.1.3-9].
        if (due !== undefined) this.publishFor(clientId, due);
        mqttSession?.end(session, true);
      } finally {
        session.endUnit();
      }
      mqttSession = undefined;
    }
    const present = mqttSession !== undefined; // [MQTT-3.2.2-1] [MQTT-3.2.2-2]
    if (mqttSession === undefined && expiryS > 0) this.kept.checkRoom(session);
    mqttSession ??= new MqttSession(this.context, this, clientId, expiryS);
    mqttSession.expiryS = expiryS;
    return { mqttSession, present, before };
  }

  /** Whether a client of this user is connected by that identifier. */
  isConnected(clientId: string, user: string): boolean {
    const known = this.sessions.get(clientId);
    return known !== undefined && known.connection !== null && known.user === user;
  }

  /** The client of a session that was opened is there. */
  connected(mqttSession: MqttSession, connection: SessionConnection): void {
    mqttSession.connection = connection;
    this.sessions.set(mqttSession.id, mqttSession);
    this.ends.clear(mqttSession.id);
  }

  forget(mqttSession: IdentifiedSession): void {
    if (this.sessions.get(mqttSession.id) === mqttSession) this.sessions.delete(mqttSession.id);
    this.ends.clear(mqttSession.id);
  }

  parked(mqttSession: IdentifiedSession): void {
    if (this.sessions.get(mqttSession.id) === mqttSession) this.sessions.delete(mqttSession.id);
  }

  endLater(clientId: string, expiryS: number): number {
    const atMs = this.broker.clock.epochMs() + expiryS * 1000;
    this.ends.set(clientId, atMs);
    return atMs;
  }

  withoutNews(deletion: () => void): void {
    this.deleting = true;
    try {
      deletion();
    } finally {
      this.deleting = false;
    }
  }

  /** Ends a session whose client is away. Returns whether there was one. */
  private endAbsent(clientId: string): boolean {
    const stored = getSession(this.state, clientId);
    if (stored === undefined || this.sessions.get(clientId)?.connection) return false;
    this.endStored(clientId);
    return true;
  }

  /** An operator ends a session, whether its client is there or not. Returns whether there was one. */
  endByOperator(clientId: string): boolean {
    if (getSession(this.state, clientId) === undefined) return false;
    this.sessions.get(clientId)?.connection?.disconnect('an operator has ended its session', ADMINISTRATIVE_ACTION);
    this.endStored(clientId);
    return true;
  }

  private endStored(clientId: string): void {
    this.asAdapter((session) => {
      const due = this.wills.take(clientId); // at the end of the session at the latest [MQTT5-3.1.3-9]
      if (due !== undefined) this.publishFor(clientId, due);
      this.find(session, clientId)?.end(session, true);
    });
  }

  private publishWillOf(clientId: string): void {
    this.asAdapter(() => {
      const due = this.wills.take(clientId);
      if (due !== undefined) this.publishFor(clientId, due);
    });
  }

  /** Publishes the will of a client that is not there, if its user still may; as soon as it is known whether it does. */
  private publishFor(clientId: string, due: DueWill): void {
    const { identity, proved, will } = due;
    const owner = proved ? identity : (this.broker.recall(identity.user) ?? identity);
    let session: Session | Refusal | null = null;
    try {
      session = this.broker.enter(owner, this.vhost, { ...NOBODY, clientId });
      if ('refused' in session) {
        this.context.stats.willsDropped++;
        return;
      }
      publishWill(this.context, session, will, queueOf(clientId));
      session.close(true);
    } catch (error) {
      if (session !== null && !('refused' in session)) session.close(true);
      if (!(error instanceof AccessPending)) throw error;
      error.whenKnown(() => this.asAdapter(() => this.publishFor(clientId, due)));
    }
  }

  /** What users may do may have changed: sessions whose clients are away lose what their users may not read. A step each. */
  *review(): Generator<void> {
    for (const clientId of keptSessions(this.state)) {
      this.lookAt(clientId);
      yield;
    }
  }

  /** Once it is known what its user may. */
  private lookAt(clientId: string): void {
    if (this.sessions.get(clientId)?.connection) return;
    try {
      this.reviewAbsent(clientId);
    } catch (error) {
      if (!(error instanceof AccessPending)) throw error;
      error.whenKnown(() => this.asAdapter(() => this.lookAt(clientId)));
    }
  }

  private reviewAbsent(clientId: string): void {
    const record = getSession(this.state, clientId);
    if (record === undefined || record.user === '') return;
    const shares = Object.keys(record.shares);
    if (!record.hasQueue && shares.length === 0) return;
    const owner = this.broker.recall(record.user);
    if (owner === undefined) return;
    const queue = queueOf(clientId);
    const session = this.broker.enter(owner, this.vhost, { ...NOBODY, clientId });
    if (!('refused' in session)) {
      try {
        if (record.hasQueue) {
          // By itself: behind `?.` it would not be called where nothing of the session is in memory.
          const lost = session.adoptQueue(queue);
          this.sessions.get(clientId)?.subscriptions.forget(lost);
        }
        this.leaveShares(
          clientId,
          record,
          shares.filter((share) => !mayReadShare(session, share, this.context.limits.exchange)),
        );
      } finally {
        session.close(true);
      }
    } else if (session.refused === 'forbidden') {
      // It may not even come in: there is nothing that it may read.
      this.asAdapter((own) => {
        if (!own.queueExists(queue)) return;
        const lost = own.bindings(queue);
        for (const { exchange, key, options } of lost) own.unbindQueue(queue, exchange, key, options);
        this.sessions.get(clientId)?.subscriptions.forget(lost);
      });
      this.leaveShares(clientId, record, shares);
    }
  }

  /** A client that is away is no member of these shares any more; the last member takes the queue with it. */
  private leaveShares(clientId: string, record: SessionRecord, lost: readonly string[]): void {
    if (lost.length === 0) return;
    this.asAdapter(() => {
      const shares = Object.entries(record.shares).filter(([queue]) => !lost.includes(queue));
      this.kept.put(clientId, { ...record, shares: Object.fromEntries(shares) });
      for (const queue of lost) {
        this.sessions.get(clientId)?.shares.drop(queue);
        this.shares.leave(queue, clientId);
      }
    });
  }

  /** Its vhost is gone: there may be another of the same name. */
  close(): void {
    this.closed = true;
    this.ends.close();
    this.wills.close();
  }

  private countConnected(): number {
    let count = 0;
    for (const session of this.sessions.values()) if (session.connection !== null) count++;
    return count;
  }

  /** Carries something out in one commit unit, so that a crash leaves all of it or none. */
  asAdapter(act: (session: Session) => void): void {
    if (this.closed) return;
    const session = this.broker.enterAsAdapter('mqtt', this.vhost, NOBODY);
    if ('refused' in session) return; // the broker is stopping: what is stored is due again after the start
    session.beginUnit();
    try {
      act(session);
    } catch (error) {
      this.context.stats.internalErrors++;
      this.broker.reportFault(error);
    }
    session.endUnit();
    session.close(true);
  }
}

const brokers = new WeakMap<BrokerServices, Map<string, SessionRegistry>>();

export function registryOf(context: AdapterContext, broker: BrokerServices, session: Session): SessionRegistry {
  let vhosts = brokers.get(broker);
  if (vhosts === undefined) {
    vhosts = new Map();
    brokers.set(broker, vhosts);
  }
  let clients = vhosts.get(session.vhost);
  if (clients === undefined) {
    clients = new SessionRegistry(context, broker, session);
    vhosts.set(session.vhost, clients);
  }
  return clients;
}

/** Those of a vhost that some client has come into; undefined: none has. */
export function knownRegistry(broker: BrokerServices, vhost: string): SessionRegistry | undefined {
  return brokers.get(broker)?.get(vhost);
}

/** The broker has started: sessions end and wills are published from now on, whether a client comes or not. */
export function startRegistries(context: AdapterContext, broker: BrokerServices): void {
  for (const vhost of broker.vhostNames) {
    const session = broker.enterAsAdapter('mqtt', vhost, NOBODY);
    if ('refused' in session) continue;
    if (session.state.keys('mqtt/').length > 0) registryOf(context, broker, session);
    session.close(true);
  }
}

/** A vhost is gone, with all sessions in it. */
export function removeRegistry(broker: BrokerServices, vhost: string): void {
  const vhosts = brokers.get(broker);
  vhosts?.get(vhost)?.close();
  vhosts?.delete(vhost);
}

/** What users may do may have changed: a step for each session of a client that is not there. */
export function* reviewRegistries(broker: BrokerServices): Generator<void> {
  for (const registry of [...(brokers.get(broker)?.values() ?? [])]) yield* registry.review();
}
