/**
 * What an adapter may ask of the broker itself, before a client has a session: the clock and the turn, who a client is,
 * and where mistakes and faults are reported.
 */
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { AuthExchange, ConnectRequest, Credentials, Identity, Refusal } from './identity.ts';
import type { Session, SessionClient } from './session.ts';

/** As much of a transport as is needed to name its client in the operator's log. */
export interface ClientPlace {
  readonly remote?: { readonly address: string; readonly port: number };
  /** The adapter's name. */
  readonly protocol?: string;
  /** What the client calls itself. */
  readonly label?: string;
}

export interface BrokerServices {
  /** The one clock and timer wheel. Nothing else may be asked for the time. */
  readonly clock: Clock;
  /** The end of the current turn, and the budget of work in one. */
  readonly turn: Turn;
  /** Vhosts that clients may name. */
  readonly vhostNames: readonly string[];

  /** Who a client is, or why it may not come in; `done` may be called before this returns, or later. */
  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void;
  /** Begins a SASL exchange of several messages; undefined: that mechanism is not offered. */
  beginAuthentication(mechanism: string, credentials: Credentials): AuthExchange | undefined;
  /** Lets a client that has proved who it is into a vhost; undefined is the default one. */
  enter(identity: Identity, vhost: string | undefined, client: SessionClient): Session | Refusal;
  /** `authenticate` and `enter` in one, for protocols whose clients say everything at once. */
  open(request: ConnectRequest, client: SessionClient, done: (result: Session | Refusal) => void): void;

  /**
   * The client did what its protocol forbids, or fell silent, and is disconnected: tells the operator why, once. The adapter
   * tells the client, in the protocol's own form.
   */
  reportMistake(place: ClientPlace | undefined, reason: string): void;
  /** The same where only a channel of the connection ends. */
  reportChannelMistake(place: ClientPlace | undefined, channel: number, reason: string): void;
  /** An error that is nobody's but the broker's own: what an adapter catches and does not know. It costs that client its connection at most. */
  reportFault(error: unknown, place?: ClientPlace): void;
}
