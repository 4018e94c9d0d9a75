/** The interfaces that a session needs: of its connection, of the writer to its client, of the sessions of its vhost. */
import type { AdapterState, Backpressure, DirectSink, Session } from '../../../src/api/index.ts';
import type { MessageWriter } from '../deliver/subscription-consumer.ts';
import type { KeptSessions } from './kept-sessions.ts';
import type { Leftovers } from './session-records.ts';
import type { ShareRegistry } from './shared-subscriptions.ts';
import type { SysTopics } from './sys-topics.ts';
import type { Wills } from './wills.ts';

/** A session's connection, while there is one. */
export interface SessionConnection {
  /** The same client identifier has connected again [MQTT-3.1.4-2]. */
  takenOver(): void;
  /** Ends it: its queue was deleted, or an operator ended its consumer. @param reason a reason code of 5.0 */
  disconnect(why: string, reason: number): void;
  /** Sends PUBREL once everything asked of the broker until now is safe. */
  awaitRelease(packetId: number): void;
}

/** Writes what a session has for its client; `DeliveryWriter` in fact. */
export interface SessionWriter extends MessageWriter, Backpressure {
  /** Packet identifiers in use on this connection. */
  inFlight: number;
  /** Takes at-most-once messages, and what the broker says of itself. */
  readonly direct: DirectSink & { publishOwn(topic: string, value: string, retained: boolean): void };
}

/** A session by its client identifier; `MqttSession` in fact. */
export interface IdentifiedSession {
  readonly id: string;
}

/** All sessions of a vhost, as one of them sees them; `SessionRegistry` in fact. */
export interface SessionServices {
  readonly state: AdapterState;
  readonly wills: Wills;
  readonly sys: SysTopics;
  readonly shares: ShareRegistry;
  /** The records of kept sessions. */
  readonly kept: Pick<KeptSessions, 'put' | 'delete'>;
  /** Takes the at-most-once messages of sessions whose clients are away. */
  readonly absent: DirectSink;
  /** Takes, once, what a former run left under way for a client. */
  takeLeftovers(clientId: string): Leftovers | undefined;
  /** The session has ended. */
  forget(mqttSession: IdentifiedSession): void;
  /** Its client is away, and all of it is written down. */
  parked(mqttSession: IdentifiedSession): void;
  /** It ends in so many seconds, if its client stays away. Returns when: epoch milliseconds. */
  endLater(clientId: string, expiryS: number): number;
  /** Deletes a queue that is the session's own, without the session being told. */
  withoutNews(deletion: () => void): void;
  /** Acts in one commit unit for the adapter itself: no permission is asked. */
  asAdapter(act: (session: Session) => void): void;
}
