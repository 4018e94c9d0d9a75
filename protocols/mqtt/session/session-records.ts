/**
 * The records of sessions in the broker's log, beside their queues: keys and values of the adapter's durable state.
 *
 *     mqtt/session/<client>       the session exists; JSON, see `SessionRecord`
 *     mqtt/will/<client>          its will; see `wills.ts`
 *     mqtt/in/<id>/<client>       a QoS 2 message was published under <id> and PUBREL has not come; empty
 *     mqtt/out/<id>/<client>      a QoS 2 message has been sent, or is about to be, under <id>:
 *
 *         +---+----------------------------+
 *         | 1 | sequence number, 6 bytes LE |   PUBLISH is sent, PUBREC has not come
 *         +---+----------------------------+
 *         | 2 |                                PUBREC has come, PUBCOMP has not
 *         +---+
 *
 *     mqtt/share/<queue>          the queue of a shared subscription was made, and is not gone; empty
 *
 * The identifier stands before the client, because a client identifier may hold anything, `/` too. The subscriptions are
 * not here: they are the bindings of the session's queue.
 */
import { type AdapterState, readU48, writeU48 } from '../../../src/api/index.ts';
import { EXPIRY_NEVER_S } from '../codec/connect.ts';
import type { Qos } from '../codec/publish.ts';

export interface ShareRecord {
  readonly qos: Qos;
  readonly asPublished: boolean;
  /** Subscription identifier, 0 for none. */
  readonly identifier: number;
  /** Which messages the member wants; left out for all. */
  readonly selector?: string;
  /** How long its deliveries are leased for, ms; left out: what the queue says. */
  readonly leaseMs?: number;
}

export interface SessionRecord {
  /** Who made it. */
  readonly user: string;
  /** Shared subscriptions by queue name. */
  readonly shares: { readonly [queue: string]: ShareRecord };
  /** Seconds that it outlives its connection; EXPIRY_NEVER_S for good. */
  readonly expiryS: number;
  /** Epoch milliseconds at which it ends, if the client stays away; 0 while it is connected, or for never. */
  readonly endsAtMs: number;
  /** It has a queue, because it has subscribed. Without it, it is over: an operator has deleted it. */
  readonly hasQueue: boolean;
}

/** What is written of it: defaults are left out, and a share that is only a QoS is a number. */
interface StoredRecord {
  readonly user?: string;
  readonly shares?: { readonly [queue: string]: Qos | ShareRecord };
  readonly expiryS?: number;
  readonly endsAtMs?: number;
  readonly hasQueue?: boolean;
}

const SESSION_PREFIX = 'mqtt/session/';
const SHARE_PREFIX = 'mqtt/share/';
const IN_PREFIX = 'mqtt/in/';
const OUT_PREFIX = 'mqtt/out/';
const SENT = 1;
const RELEASED = 2;

const NOTHING = Buffer.alloc(0);
const RELEASED_VALUE = Buffer.of(RELEASED);

export function putSession(state: AdapterState, clientId: string, record: SessionRecord): void {
  const { user, shares, expiryS, endsAtMs, hasQueue } = record;
  const stored: StoredRecord = {
    user,
    ...(Object.keys(shares).length > 0 && { shares }),
    ...(expiryS !== EXPIRY_NEVER_S && { expiryS }),
    ...(endsAtMs > 0 && { endsAtMs }),
    ...(hasQueue && { hasQueue }),
  };
  state.put(SESSION_PREFIX + clientId, Buffer.from(JSON.stringify(stored), 'utf8'));
}

/** Undefined if there is none. One that cannot be read is a session of which nothing more is known. */
export function getSession(state: AdapterState, clientId: string): SessionRecord | undefined {
  const value = state.get(SESSION_PREFIX + clientId);
  if (value === undefined) return undefined;
  let stored: StoredRecord = {};
  try {
    stored = JSON.parse(value.toString('utf8')) as StoredRecord;
  } catch {
    // its subscriptions are in its queue's bindings
  }
  const shares: { [queue: string]: ShareRecord } = {};
  for (const [queue, share] of Object.entries(stored.shares ?? {})) {
    shares[queue] = typeof share === 'number' ? { qos: share, asPublished: false, identifier: 0 } : share;
  }
  const { user = '', expiryS = EXPIRY_NEVER_S, endsAtMs = 0, hasQueue = false } = stored;
  return { user, shares, expiryS, endsAtMs, hasQueue };
}

export function hasSession(state: AdapterState, clientId: string): boolean {
  return state.get(SESSION_PREFIX + clientId) !== undefined;
}

/** The client identifiers of kept sessions. It walks the whole state. */
export function keptSessions(state: AdapterState): string[] {
  return state.keys(SESSION_PREFIX).map((key) => key.slice(SESSION_PREFIX.length));
}

/** How many there are. It walks the whole state. */
export function countSessions(state: AdapterState): number {
  return state.keys(SESSION_PREFIX).length;
}

export function deleteSession(state: AdapterState, clientId: string): void {
  state.delete(SESSION_PREFIX + clientId);
}

export function putShare(state: AdapterState, queue: string): void {
  if (!hasShare(state, queue)) state.put(SHARE_PREFIX + queue, NOTHING);
}

/** Whether the queue was made for a share; else others had declared it before. */
export function hasShare(state: AdapterState, queue: string): boolean {
  return state.get(SHARE_PREFIX + queue) !== undefined;
}

export function deleteShare(state: AdapterState, queue: string): void {
  state.delete(SHARE_PREFIX + queue);
}

/** The queues of shared subscriptions. It walks the whole state. */
export function shareQueues(state: AdapterState): string[] {
  return state.keys(SHARE_PREFIX).map((key) => key.slice(SHARE_PREFIX.length));
}

export function putIn(state: AdapterState, clientId: string, id: number): void {
  state.put(`${IN_PREFIX}${id}/${clientId}`, NOTHING);
}

export function deleteIn(state: AdapterState, clientId: string, id: number): void {
  state.delete(`${IN_PREFIX}${id}/${clientId}`);
}

export function putOutSent(state: AdapterState, clientId: string, id: number, seq: number): void {
  const value = Buffer.allocUnsafe(7);
  value[0] = SENT;
  writeU48(value, 1, seq);
  state.put(`${OUT_PREFIX}${id}/${clientId}`, value);
}

export function putOutReleased(state: AdapterState, clientId: string, id: number): void {
  state.put(`${OUT_PREFIX}${id}/${clientId}`, RELEASED_VALUE);
}

export function deleteOut(state: AdapterState, clientId: string, id: number): void {
  state.delete(`${OUT_PREFIX}${id}/${clientId}`);
}

/** What a former run of the broker left under way for one client. */
export interface Leftovers {
  /** Identifiers of QoS 2 messages from the client. */
  readonly inbound: number[];
  /** Identifiers of QoS 2 messages to the client; `seq` is 0 once PUBREC has come. */
  readonly outbound: { readonly id: number; readonly seq: number }[];
}

/** Everything that is stored, by client. It walks the whole state: for start-up. */
export function readAll(state: AdapterState): {
  sessions: Map<string, SessionRecord>;
  leftovers: Map<string, Leftovers>;
} {
  const sessions = new Map<string, SessionRecord>();
  const leftovers = new Map<string, Leftovers>();
  const of = (clientId: string): Leftovers => {
    let found = leftovers.get(clientId);
    if (found === undefined) {
      found = { inbound: [], outbound: [] };
      leftovers.set(clientId, found);
    }
    return found;
  };
  for (const key of state.keys('mqtt/')) {
    if (key.startsWith(SESSION_PREFIX)) {
      const clientId = key.slice(SESSION_PREFIX.length);
      sessions.set(clientId, getSession(state, clientId)!);
    } else if (key.startsWith(IN_PREFIX)) {
      const slash = key.indexOf('/', IN_PREFIX.length);
      of(key.slice(slash + 1)).inbound.push(Number(key.slice(IN_PREFIX.length, slash)));
    } else if (key.startsWith(OUT_PREFIX)) {
      const slash = key.indexOf('/', OUT_PREFIX.length);
      const value = state.get(key)!;
      const seq = value[0] === SENT ? readU48(value, 1) : 0;
      of(key.slice(slash + 1)).outbound.push({ id: Number(key.slice(OUT_PREFIX.length, slash)), seq });
    }
  }
  return { sessions, leftovers };
}
