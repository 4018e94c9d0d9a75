/** Identity of clients: who one is, how it proves it, and what it may do. */

/** Who a client has proved to be. An authenticator may put more into it, and gets it back in `permits`. */
export interface Identity {
  /** As it is shown, and as messages that claim a user id are checked against. */
  readonly user: string;
  /** RabbitMQ's user tags, such as `administrator` and `monitoring`. Default: none. */
  readonly tags?: readonly string[];
  /** Milliseconds since the epoch until when this holds; then the client is disconnected, unless it has been renewed. Default: for ever. */
  readonly expiresAtMs?: number | undefined;
}

/** What a client says of itself when it wants in. */
export interface Credentials {
  /** How the client is shown to an operator: its protocol's name, its address and port, as `lines 10.0.0.1:5001`. */
  readonly client: string;
  /** It is on this machine (`Transport.loopback`). */
  readonly loopback: boolean;
  /** Undefined: the client gave no name. With a `certificate` it claims to be whom that names, else it is anonymous. */
  readonly user: string | undefined;
  /** Its bytes as they came. Undefined: the client gave none. */
  readonly password: Buffer | undefined;
  /** What the client calls itself where its protocol has an identifier of clients (its client id). */
  readonly clientId?: string;
  /** Where it wants to go, if it has said so already. */
  readonly vhost?: string | undefined;
  /** The client's address, without its port: guesses are counted by it. */
  readonly address?: string;
  /** The certificate that it showed, verified up to the listener's authority. Undefined: none, or no TLS. */
  readonly certificate?: ClientCertificate | undefined;
}

/** A verified client certificate, as far as it names somebody. */
export interface ClientCertificate {
  /** RFC 4514, most specific part first: `CN=sensor-1,O=Example`. */
  readonly subject: string;
  /** The subject's common names, in their order. */
  readonly commonNames: readonly string[];
  /** Subject alternative names by kind. */
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
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
   * cannot be told now, because a back end is away or the broker stops. `limit`: there are as many clients of this user, or in this vhost,
   * as there may be. `rate`: more come in a second than may.
   */
  readonly refused: 'credentials' | 'forbidden' | 'vhost-not-found' | 'unavailable' | 'limit' | 'rate';
  /** Why, for the log; only the texts of `vhost-not-found`, `unavailable`, `limit` and `rate` should be shown to the client. */
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

/** One question about what a client may do. */
export interface AccessRequest {
  readonly vhost: string;
  readonly action: Action;
  /** `topic`: a routing key (to write) or a binding key (to read) of a topic exchange, asked after the exchange itself. */
  readonly resource: 'exchange' | 'queue' | 'topic';
  /** The exchange's or queue's name; of a topic, its exchange's. '' is the default exchange. */
  readonly name: string;
  /** Of a topic: the key, its levels parted by `.`. */
  readonly routingKey?: string;
  /** `Credentials.clientId`. */
  readonly clientId?: string;
  /** Of an exchange: a message is published to it, and its keys are asked for next, if it has topics. */
  readonly topicsFollow?: boolean;
}

/** What holds for what an identity has subscribed to, beside what `permits` has said of the subscriptions. */
export interface TopicRules {
  /** Whether what was published there may be delivered to it. @param key dotted */
  receives(exchange: string, key: string): boolean;
  /** Whether it may end a subscription. @param key dotted, with `*` and `#` */
  mayUnsubscribe(exchange: string, key: string): boolean;
}

/** What a permission is asked of has to ask somebody else: it is not known yet. */
export interface PendingAnswer {
  /**
   * It could not be found out. Who asks for something new is refused; who has it already keeps it.
   */
  readonly failed: boolean;
  /** @param done called once, later: asking again gives an answer. Not to be called where it has failed */
  whenKnown(done: () => void): void;
}

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
   * Who a user is that is not connected, for what is kept for it: its wills, its sessions. Undefined: it cannot be told without the
   * client, and neither is looked at before it is back. Left out: of nobody.
   */
  recall?(user: string): Identity | undefined;
  /** Whether this identity may come into the vhost, which exists. Left out: into every one. */
  mayEnter?(identity: Identity, vhost: string): boolean | PendingAnswer;
  /**
   * Whether this identity may do that. Asked at every declare, bind and consume, and whenever an address is resolved: keep what has
   * been found out, for a client waits meanwhile. Not asked for each message: tell of changes by `onChanged`.
   */
  permits(identity: Identity, request: AccessRequest): boolean | PendingAnswer;
  /**
   * The tags that an identity has now: others may have been given to its user since it came. Undefined: it would not be let in any more.
   * Left out: those that it came with.
   */
  tagsOf?(identity: Identity): readonly string[] | undefined;
  /** Whether two identities of one user may do the same; asked where a client has proved anew who it is. Left out: they may. */
  sameRights?(one: Identity, other: Identity): boolean;
  /**
   * Undefined: none, it gets whatever it has subscribed to. Asked whenever rules have changed (`onChanged`), not for each message.
   * Left out: nobody has any.
   */
  topicRules?(identity: Identity, vhost: string, clientId?: string): TopicRules | undefined;
  /**
   * Takes whom to call when answers of `permits` may have changed: live sessions ask again then, and lose what they may not have any
   * more. Left out: they never change.
   */
  onChanged?(listener: () => void): void;
}
