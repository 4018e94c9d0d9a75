/**
 * The broker's services to an adapter, before a client has a session: the clock and the turn, who a client is,
 * and where mistakes and faults are reported.
 */
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { AuthExchange, ConnectRequest, Credentials, Identity, Refusal } from './identity.ts';
import type { PresenceListener } from './presence.ts';
import type { Session, SessionClient } from './session.ts';

/** As much of a `Transport` as is needed to name its client in the operator's log. */
export interface ClientPlace {
  /** Left out: no client over a network. */
  readonly remote?: { readonly address: string; readonly port: number };
  /** The adapter's name. */
  readonly protocol?: string;
  /** What the client calls itself; cut at 300 characters in the log. */
  readonly label?: string;
}

/** The broker as adapters see it (`Protocol.accept`). */
export interface BrokerServices {
  /** The one clock and timer wheel. Nothing else may be asked for the time, and no other timer set. */
  readonly clock: Clock;
  /** The end of the current turn, and the budget of work in one. */
  readonly turn: Turn;
  /** Vhosts that clients may name. */
  readonly vhostNames: readonly string[];

  /**
   * Asks who a client is. A refusal is logged already.
   * @param done called once: before this returns, or later, when the client may have gone
   */
  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void;
  /** Whether `beginAuthentication` would begin one for such a client. */
  offers(mechanism: string, credentials: Credentials): boolean;
  /**
   * Begins an exchange of a SASL mechanism (RFC 4422), of several messages.
   * @param mechanism its registered name, such as SCRAM-SHA-256
   * @param credentials `user` and `password` are not looked at: the exchange says who the client is
   * @returns undefined: that mechanism is not offered, which is logged
   */
  beginAuthentication(mechanism: string, credentials: Credentials): AuthExchange | undefined;
  /**
   * Opens a session for a client that has proved who it is. Close it when the client is gone.
   * @param vhost undefined: the default one, `/`
   * @returns a refusal (`vhost-not-found`, `forbidden`, or `unavailable` while the broker stops), which is logged already
   * @throws AccessPending: it is not known yet whether it may
   */
  enter(identity: Identity, vhost: string | undefined, client: SessionClient): Session | Refusal;
  /** Who a user is that is not connected (`Authenticator.recall`), to `enter` for what is kept for it. Undefined: it cannot be told. */
  recall(user: string): Identity | undefined;
  /**
   * Opens a session for what an adapter does itself, with no client who would have to be asked for: no permission is asked.
   * @param name how it is shown in place of a user
   */
  enterAsAdapter(name: string, vhost: string, client: SessionClient): Session | Refusal;
  /**
   * `authenticate` and `enter` in one, for protocols whose clients say everything at once.
   * @param done called once: before this returns, or later; an adapter whose client has gone closes the session it gets
   */
  open(request: ConnectRequest, client: SessionClient, done: (result: Session | Refusal) => void): void;

  /**
   * Tells who comes and goes in a vhost from now on: for who has a client that asks. Whether that client may know is the adapter's to
   * ask (`Session.mayRead`).
   * @returns ends it
   */
  watch(vhost: string, listener: PresenceListener): () => void;

  /**
   * Tells the operator, once, why a client is disconnected that did what its protocol forbids, or fell silent. The adapter tells
   * the client, in the protocol's own form.
   * @param place the transport
   * @param reason for people, without a full stop; cut at 300 characters
   */
  reportMistake(place: ClientPlace | undefined, reason: string): void;
  /** The same where only a channel of the connection ends. */
  reportChannelMistake(place: ClientPlace | undefined, channel: number, reason: string): void;
  /**
   * Tells the operator of an error that is the broker's own or the adapter's: whatever an adapter catches and does not know. It costs
   * the client its connection at most.
   */
  reportFault(error: unknown, place?: ClientPlace): void;
}
