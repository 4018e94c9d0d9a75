/**
 * What an adapter tells an operator of its clients: asked for when somebody looks, made then, kept nowhere. What the broker knows
 * itself (user, vhost, addresses, bytes, consumers) is not in here.
 */
import type { Headers } from '../message/properties.ts';
import type { ChannelCounts } from './channel-counts.ts';

/** `blocked`: held back because the broker has no room; `flow`: because it publishes faster than it may. */
export type ConnectionState = 'running' | 'blocked' | 'flow' | 'closing';

export interface ConnectionReport {
  /** The protocol with its version, as people write it. */
  readonly protocol: string;
  /** How the client has proved who it is, as its protocol names that (SASL's names). Left out: not at all, or by the protocol's only way. */
  readonly mechanism?: string;
  /** What the client says of itself, with its types. Empty where the protocol has no such thing. */
  readonly properties: Headers;
  readonly state: ConnectionState;
  /** Channels that it may open; 1 where the protocol has no channels. */
  readonly channelMax: number;
  /** Bytes; 0: no such bound. */
  readonly frameSizeMax: number;
  /** Seconds; 0: none. */
  readonly heartbeatS: number;
  /** Channels that are open; 1 where the protocol has none. */
  readonly channels: number;
}

export interface ChannelReport {
  /** Unique within its connection, from 1. */
  readonly number: number;
  readonly state: ConnectionState;
  readonly confirms: boolean;
  readonly transactional: boolean;
  /** Of a consumer to come, and of all its consumers together; 0: no bound. */
  readonly prefetch: number;
  readonly sharedPrefetch: number;
  readonly consumers: number;
  readonly unacknowledged: number;
  readonly unconfirmed: number;
  /** In the transaction that is open. */
  readonly uncommittedPublishes: number;
  readonly uncommittedAcknowledgements: number;
  readonly counts?: ChannelCounts;
}

/** What a client's session can be asked; a part of `SessionClient`. */
export interface ReportingClient {
  /** Left out: the adapter tells nothing. */
  connectionReport?(): ConnectionReport;
  /** Of one channel, or of all that are open. Left out: the protocol has none, and the connection counts as its only one. */
  channelReports?(): Iterable<ChannelReport>;
  /** What its channels have counted, of each the same object every time. Left out: nothing. */
  channelCounts?(): Iterable<ChannelCounts>;
}
