/**
 * The wills of a vhost that are not published yet [section 3.1.2.5; MQTT 5.0, 3.1.3.2.2].
 *
 *                    CONNECT, kept session                    connection lost, will delay
 *     (none) ------------------------------> ARMED ------------------------------------> DEFERRED --due--> published
 *                                              |                                            |
 *                                              +-- DISCONNECT, or published at once         +-- connected again
 *                                              v                                            v
 *                                            (none)                                       (none)
 *
 * Both are written down for kept sessions, so that a broker that was killed publishes, once it is back, the wills of those
 * it lost.
 */
import type { AdapterState, Clock, Identity, Share } from '../../../src/api/index.ts';
import type { Will } from '../codec/connect.ts';
import { MessageProperties } from '../codec/properties/message-properties.ts';
import { Deadlines } from './deadlines.ts';

const WILL_PREFIX = 'mqtt/will/';

/** What is written down: JSON, bytes in base64. */
interface WillRecord {
  readonly user: string;
  readonly topic: string;
  readonly payload: string;
  readonly props: string;
  readonly qos: Will['qos'];
  readonly retain: boolean;
  readonly delayS: number;
  readonly expiryS: number;
  /** Epoch milliseconds; 0 while the client is connected. */
  readonly dueAtMs: number;
}

export interface DueWill {
  /** Whose it is; after a start no more than a name. */
  readonly identity: Identity;
  /** It is who the client proved to be; else what was written down. */
  readonly proved: boolean;
  readonly will: Will;
}

export class Wills {
  private readonly state: AdapterState;
  private readonly clock: Clock;
  private readonly deadlines: Deadlines;
  private readonly deferred = new Map<string, DueWill>();

  /** @param due a deferred will has come due: it is to be taken and published */
  constructor(state: AdapterState, clock: Clock, share: Share, due: (clientId: string) => void) {
    this.state = state;
    this.clock = clock;
    this.deadlines = new Deadlines(clock, share, due);
  }

  /** None of them comes due any more. */
  close(): void {
    this.deadlines.close();
  }

  /** Whose deferred will it is. */
  userOf(clientId: string): string | undefined {
    return this.deferred.get(clientId)?.identity.user;
  }

  /** A kept session has a will from now on. */
  arm(clientId: string, user: string, will: Will): void {
    this.put(clientId, user, will, 0);
  }

  /** The client is lost; its will waits. */
  defer(clientId: string, identity: Identity, will: Will, delayS: number): void {
    const dueAtMs = this.clock.epochMs() + delayS * 1000;
    this.put(clientId, identity.user, will, dueAtMs);
    this.deferred.set(clientId, { identity, proved: true, will });
    this.deadlines.set(clientId, dueAtMs);
  }

  /** There is no will any more. */
  discard(clientId: string): void {
    this.take(clientId);
  }

  /** Takes the deferred will, if there is one: it is published or dropped by whoever asks. */
  take(clientId: string): DueWill | undefined {
    this.state.delete(WILL_PREFIX + clientId);
    const due = this.deferred.get(clientId);
    if (due === undefined) return undefined;
    this.deferred.delete(clientId);
    this.deadlines.clear(clientId);
    return due;
  }

  /** After a start: those that were armed have been lost with their connections. */
  restore(): void {
    for (const key of this.state.keys(WILL_PREFIX)) {
      const clientId = key.slice(WILL_PREFIX.length);
      const record = read(this.state.get(key)!);
      if (record === undefined) continue;
      const { user, dueAtMs, ...rest } = record;
      const will: Will = {
        topic: Buffer.from(rest.topic, 'base64'),
        payload: Buffer.from(rest.payload, 'base64'),
        qos: rest.qos,
        retain: rest.retain,
        delayS: rest.delayS,
        properties: MessageProperties.stored(Buffer.from(rest.props, 'base64'), rest.expiryS),
      };
      this.deferred.set(clientId, { identity: { user }, proved: false, will });
      this.deadlines.set(clientId, dueAtMs === 0 ? this.clock.epochMs() + will.delayS * 1000 : dueAtMs);
    }
  }

  private put(clientId: string, user: string, will: Will, dueAtMs: number): void {
    const { buffer, start, end, expiryS } = will.properties;
    const record: WillRecord = {
      user,
      topic: will.topic.toString('base64'),
      payload: will.payload.toString('base64'),
      props: buffer.toString('base64', start, end),
      qos: will.qos,
      retain: will.retain,
      delayS: will.delayS,
      expiryS,
      dueAtMs,
    };
    this.state.put(WILL_PREFIX + clientId, Buffer.from(JSON.stringify(record), 'utf8'));
  }
}

function read(value: Buffer): WillRecord | undefined {
  try {
    return JSON.parse(value.toString('utf8')) as WillRecord;
  } catch {
    return undefined;
  }
}
