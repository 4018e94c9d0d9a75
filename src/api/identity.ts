/**
 * Who a client is, how it proves it, and what it may do.
 */

/** Who a client has proved to be. An authenticator may put more into it, and gets it back in `permits`. */
export interface Identity {
  /** As it is shown, and as messages that claim a user id are checked against. */
  readonly user: string;
}

/** What a client says of itself when it wants in. */
export interface Credentials {
  /** How the client is shown to an operator: its protocol's name, its address and port, as `lines 10.0.0.1:5001`. */
  readonly client: string;
  /** It is on this machine (`Transport.loopback`). */
  readonly loopback: boolean;
  /** Undefined: the client gave no name (anonymous). */
  readonly user: string | undefined;
  /** Its bytes as they came. Undefined: the client gave none. */
  readonly password: Buffer | undefined;
}

/** Credentials, and where the client wants to go. */
export interface ConnectRequest extends Credentials {
  /** Undefined: the client named none; the default vhost, `/`. */
  readonly vhost: string | undefined;
}

/** Why a client may not come in. */
export interface Refusal {
  /**
   * `credentials`: unknown user or wrong password. `forbidden`: known, but not from here or not in this vhost. `unavailable`: it
   * cannot be told now, because a back end is away or the broker stops.
   */
  readonly refused: 'credentials' | 'forbidden' | 'vhost-not-found' | 'unavailable';
  /** Why, for the log; only the texts of `vhost-not-found` and `unavailable` should be shown to the client. */
  readonly reason: string;
}

/** A proof of identity that takes several messages, challenges and responses (SASL, RFC 4422). */
export interface AuthExchange {
  /**
   * The client's next message, copied where it is kept.
   * @param done called once for each, before this returns or later; after an identity or a refusal there is no next
   */
  step(data: Buffer, done: (step: AuthStep) => void): void;
}

/** The answer to one message of an exchange. */
export type AuthStep =
  /** Go on: the client is to answer this. */
  | { readonly challenge: Buffer }
  /** It has proved who it is; `data` proves the broker to the client, where the mechanism has such a thing. */
  | { readonly identity: Identity; readonly data: Buffer | undefined }
  /** It has not. */
  | Refusal;

/** RabbitMQ's three permissions: to declare and delete, to publish and bind to, to consume and bind from. */
export type Action = 'configure' | 'write' | 'read';

/**
 * Says who a client is and what it may do. `createBroker({ authenticator })` takes one; the default knows `guest` and clients
 * without a name, from this machine only, who may do everything.
 */
export interface Authenticator {
  /**
   * Asks who a client is. It may not throw: a back end that fails is a refusal, `unavailable`.
   * @param done to be called exactly once, before this returns or later
   */
  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void;
  /**
   * Begins an exchange of a SASL mechanism. Left out: none is offered but name and password.
   * @param mechanism its registered name, such as SCRAM-SHA-256
   * @param credentials `user` and `password` are not set: the exchange says who it is
   * @returns undefined: that mechanism is not offered
   */
  begin?(mechanism: string, credentials: Credentials): AuthExchange | undefined;
  /**
   * Whether this identity may do that to an exchange or a queue of this name ('' is the default exchange). Asked at every declare,
   * bind and consume, and whenever an address is resolved, so the answer is immediate: keep what a back end has said.
   */
  permits(identity: Identity, vhost: string, action: Action, resource: string): boolean;
}
