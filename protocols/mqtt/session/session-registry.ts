/**
 * The client sessions of each vhost of a broker: who is connected under which client identifier, which sessions are
 * kept and until when, who is in which shared subscription, and which wills wait.
 *
 * Adapter instances that serve the same broker (TCP, WebSocket) share one registry, since a client identifier is unique
 * in its vhost whichever way its client came [MQTT-3.1.4-2].
 */
import {
  type AdapterState,
  BrokerError,
  type BrokerServices,
  type DirectSink,
  NO_BACKPRESSURE,
  type Session,
  type SessionClient,
} from '../../../src/api/index.ts';
import type { MqttAdapter } from '../adapter.ts';
import { EXPIRY_NEVER_S } from '../codec/connect.ts';
import { sharedFilter } from '../codec/text.ts';
import { queueOf, SHARED_BINDING } from '../mapping/names.ts';
import { publishWill } from '../publish/publish-will.ts';
import { ClientSession } from './client-session.ts';
import { Deadlines } from './deadlines.ts';
import {
  countSessions,
  deleteShare,
  getSession,
  hasShare,
  type Leftovers,
  readAll,
  type SessionRecord,
  shareQueues,
} from './session-records.ts';
import { SysTopics } from './sys-topics.ts';
import { Wills } from './wills.ts';

/** For what is done on behalf of a client that is not there. */
const NOBODY: SessionClient = { uncongested() {}, kicked() {} };

/** Of a session's queue: the client identifier follows. */
const QUEUE_PREFIX_LENGTH = queueOf('').length;

export class SessionRegistry {
  /** Sessions in memory: connected ones, and kept ones with something under way. */
  readonly clients = new Map<string, ClientSession>();
  readonly state: AdapterState;
  readonly wills: Wills;
  readonly sys: SysTopics;
  /** Hears for sessions whose clients are away that their queue was deleted, which is the end of them. */
  readonly absent: DirectSink = {
    output: NO_BACKPRESSURE,
    deliverDirect: () => false,
    queueDeleted: (name) => {
      if (!this.deleting) this.endAbsent(name.slice(QUEUE_PREFIX_LENGTH));
    },
  };
  private deleting = false;
  /** What a former run left under way, for clients that have not connected since. */
  private readonly leftovers: Map<string, Leftovers>;
  /** Members of each shared subscription, by its queue's name. */
  private readonly members = new Map<string, Set<string>>();
  /** When sessions whose clients are away end. */
  private readonly ends: Deadlines;
  private readonly adapter: MqttAdapter;
  private readonly broker: BrokerServices;
  private readonly vhost: string;

  constructor(adapter: MqttAdapter, broker: BrokerServices, session: Session) {
    this.adapter = adapter;
    this.broker = broker;
    this.vhost = session.vhost;
    this.state = session.state;
    this.ends = new Deadlines(broker.clock, (clientId) => {
      if (this.endAbsent(clientId)) adapter.stats.sessionsExpired++;
    });
    this.wills = new Wills(session.state, broker.clock, (clientId) => this.publishWillOf(clientId));
    this.sys = new SysTopics(broker.clock, {
      stats: adapter.stats,
      intervalMs: adapter.limits.sysIntervalMs,
      exchange: adapter.limits.exchange,
      connected: () => this.connected(),
      total: () => countSessions(this.state),
      withSession: (act) => this.onBehalfOf('mqtt', act),
    });
    const stored = readAll(session.state);
    this.leftovers = stored.leftovers;
    for (const [clientId, { shares, expiryS, endsAtMs }] of stored.sessions) {
      for (const queue of Object.keys(shares)) this.join(queue, clientId);
      // One that was connected when the broker went down has lost its connection just now.
      if (endsAtMs > 0) this.ends.set(clientId, endsAtMs);
      else if (expiryS !== EXPIRY_NEVER_S) this.endLater(clientId, expiryS);
    }
    this.wills.restore();
    this.sweep(session, stored.sessions);
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
    for (const queue of shareQueues(this.state)) if (!this.members.has(queue)) this.shareOver(session, queue);
  }

  /** Takes, once, what a former run left under way for a client. */
  takeLeftovers(clientId: string): Leftovers | undefined {
    const found = this.leftovers.get(clientId);
    this.leftovers.delete(clientId);
    return found;
  }

  /** The session of a client identifier, if there is one: from memory, or as it is stored. */
  find(session: Session, clientId: string): ClientSession | undefined {
    const known = this.clients.get(clientId);
    if (known !== undefined) return known;
    const stored = getSession(this.state, clientId);
    if (stored === undefined) return undefined;
    // It was kept, so it is kept as long as it is there; how long it outlives its connection is said anew.
    const client = new ClientSession(this.adapter, this, clientId, Math.max(1, stored.expiryS));
    client.restore(session);
    if (!stored.hasQueue || session.queueExists(client.queue)) return client;
    client.end(session, true);
    return undefined;
  }

  forget(client: ClientSession): void {
    if (this.clients.get(client.id) === client) this.clients.delete(client.id);
    this.ends.clear(client.id);
  }

  /** The client is away, and its session as it is written down. */
  parked(client: ClientSession): void {
    if (this.clients.get(client.id) === client) this.clients.delete(client.id);
  }

  /** The client is away: its session ends in so many seconds. Returns when: epoch milliseconds. */
  endLater(clientId: string, expiryS: number): number {
    const atMs = this.broker.clock.epochMs() + expiryS * 1000;
    this.ends.set(clientId, atMs);
    return atMs;
  }

  /** The client is back. */
  stay(clientId: string): void {
    this.ends.clear(clientId);
  }

  /** A session that ends deletes its own queue. */
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
    if (stored === undefined || this.clients.get(clientId)?.host) return false;
    this.onBehalfOf(stored.user, (session) => {
      const due = this.wills.take(clientId); // at the end of the session at the latest [MQTT5-3.1.3-9]
      if (due !== undefined) publishWill(this.adapter, session, due.will, queueOf(clientId));
      this.find(session, clientId)?.end(session, true);
    });
    return true;
  }

  private publishWillOf(clientId: string): void {
    this.onBehalfOf(this.wills.userOf(clientId) ?? '', (session) => {
      const due = this.wills.take(clientId);
      if (due !== undefined) publishWill(this.adapter, session, due.will, queueOf(clientId));
    });
  }

  private connected(): number {
    let count = 0;
    for (const client of this.clients.values()) if (client.host !== null) count++;
    return count;
  }

  /** Carries something out in one commit unit, so that a crash leaves all of it or none. */
  onBehalfOf(user: string, act: (session: Session) => void): void {
    const session = this.broker.enter({ user }, this.vhost, NOBODY);
    if ('refused' in session) return; // the broker is stopping: what is stored is due again after the start
    session.beginUnit();
    try {
      act(session);
    } catch (error) {
      this.adapter.stats.internalErrors++;
      this.broker.reportFault(error);
    }
    session.endUnit();
    session.close(true);
  }

  join(queue: string, clientId: string): void {
    let members = this.members.get(queue);
    if (members === undefined) {
      members = new Set();
      this.members.set(queue, members);
    }
    members.add(clientId);
  }

  /** A session is no member of a share any more. The last one takes the queue with it [MQTT5 4.8.2]. */
  leave(session: Session, queue: string, clientId: string): void {
    const members = this.members.get(queue);
    if (members === undefined) return;
    members.delete(clientId);
    if (members.size > 0) return;
    this.members.delete(queue);
    this.shareOver(session, queue);
  }

  /**
   * A share has no member. Others may consume from its queue: then it goes with the last of them. One that others had made
   * stays.
   */
  private shareOver(session: Session, queue: string): void {
    if (!hasShare(this.state, queue)) {
      this.unbindShare(session, queue);
      return;
    }
    session.releaseQueue(queue);
    if (!session.queueExists(queue)) deleteShare(this.state, queue);
    else this.outliving(session, queue);
  }

  /** What a share has left to others goes when they do; another queue of that name is then not the share's. */
  private outliving(session: Session, queue: string): void {
    try {
      session.attachDirect(queue, {
        output: NO_BACKPRESSURE,
        deliverDirect: () => false,
        queueDeleted: () => {
          if (!this.members.has(queue)) deleteShare(this.state, queue);
        },
      });
    } catch (error) {
      // Who may not hear of it leaves the record for the next start.
      if (!(error instanceof BrokerError)) throw error;
    }
  }

  private unbindShare(session: Session, queue: string): void {
    const share = sharedFilter(queue);
    if (share === undefined || share === 'invalid' || !session.queueExists(queue)) return;
    try {
      session.unbindQueue(queue, this.adapter.limits.exchange, share.filter, SHARED_BINDING);
    } catch (error) {
      // Who may not is at an end all the same.
      if (!(error instanceof BrokerError)) throw error;
    }
  }
}

const brokers = new WeakMap<BrokerServices, Map<string, SessionRegistry>>();

export function registryOf(adapter: MqttAdapter, broker: BrokerServices, session: Session): SessionRegistry {
  let vhosts = brokers.get(broker);
  if (vhosts === undefined) {
    vhosts = new Map();
    brokers.set(broker, vhosts);
  }
  let clients = vhosts.get(session.vhost);
  if (clients === undefined) {
    clients = new SessionRegistry(adapter, broker, session);
    vhosts.set(session.vhost, clients);
  }
  return clients;
}

/** The broker has started: sessions end and wills are published from now on, whether a client comes or not. */
export function startRegistries(adapter: MqttAdapter, broker: BrokerServices): void {
  for (const vhost of broker.vhostNames) {
    const session = broker.enter({ user: 'mqtt' }, vhost, NOBODY);
    if ('refused' in session) continue;
    if (session.state.keys('mqtt/').length > 0) registryOf(adapter, broker, session);
    session.close(true);
  }
}
