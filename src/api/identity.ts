/**
 * Who a client is, how it proves it, and what it may do.
 */

/** Who a client has proved to be. */
export interface Identity {
  readonly user: string;
}

export interface Credentials {
  /** How the client is shown to an operator: its protocol's name and its address. */
  readonly client: string;
  readonly loopback: boolean;
  /** undefined: the client gave no name (anonymous). */
  readonly user: string | undefined;
  readonly password: Buffer | undefined;
}

export interface ConnectRequest extends Credentials {
  /** undefined: the client named none; the default vhost. */
  readonly vhost: string | undefined;
}

export interface Refusal {
  /** `credentials`: unknown user or wrong password. `forbidden`: known, but not from here or not in this vhost. */
  readonly refused: 'credentials' | 'forbidden' | 'vhost-not-found' | 'unavailable';
  /** Why, for the log; only `vhost-not-found` and `unavailable` texts should be shown to the client. */
  readonly reason: string;
}

/** A proof of identity that takes several messages, challenges and responses (SASL, RFC 4422). */
export interface AuthExchange {
  /** The client's next message. `done` is called once for each, at once or later; after a last word there is no next. */
  step(data: Buffer, done: (step: AuthStep) => void): void;
}

/** What the broker says to it: go on, come in (with a last word that proves the broker to the client), or no. */
export type AuthStep =
  | { readonly challenge: Buffer }
  | { readonly identity: Identity; readonly data: Buffer | undefined }
  | Refusal;

/** RabbitMQ's three permissions. */
export type Action = 'configure' | 'write' | 'read';

/** Says who a client is and what it may do. `createBroker({ authenticator })` takes one. */
export interface Authenticator {
  /** Calls back at once or later, exactly once. */
  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void;
  /**
   * Begins an exchange of a SASL mechanism by its registered name, such as SCRAM-SHA-256; undefined: not offered. Left out: none is.
   * @param credentials user and password are not looked at: the exchange says who it is
   */
  begin?(mechanism: string, credentials: Credentials): AuthExchange | undefined;
  /** Whether this identity may do that to an exchange or queue of this name. Asked often: the answer is immediate. */
  permits(identity: Identity, vhost: string, action: Action, resource: string): boolean;
}
