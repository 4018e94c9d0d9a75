/**
 * A session: one authenticated client in one vhost, and everything it may ask of the broker. Permissions are checked behind it,
 * per call (`Authenticator.permits`).
 *
 * All calls are synchronous. Those that change something durable return a `Mark` that says when it is safe: an adapter answers its
 * client once it is (`confirms`, `whenSafe`). Callbacks named `done` are called once; each says whether that may be before the call
 * returns.
 *
 * What may be done may have to be asked of a back end: then `AccessPending` is thrown by what names an exchange or a queue, and the
 * call is to be made again once the answer has come.
 *
 * Errors are `BrokerError`s, thrown before anything was changed: nothing is half done. What each call throws is listed with it;
 * `access-refused` (the identity may not) can be thrown by all that name an exchange or a queue, and is not listed again.
 * Names are text of at most 255 bytes (a queue's: 65,535); longer ones are `precondition-failed` where they are declared.
 */
import type { Share } from '../clock/work.ts';
import type { Draft, LargeBody, MessageView, Spelling } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { AdapterState } from './adapter-state.ts';
import type { Administration } from './administration.ts';
import type { BodyReader, BodyWriter } from './bodies.ts';
import type { ConfirmRing, ConfirmSink, Mark } from './confirms.ts';
import type {
  Backpressure,
  Browse,
  BrowseSink,
  ConsumeOptions,
  Consumer,
  DeliverySink,
  DirectSink,
  GetResult,
  SharedCredit,
} from './consume.ts';
import type { Endpoint } from './endpoint.ts';
import type { ClientCertificate, Identity, Refusal } from './identity.ts';
import type { ReportingClient } from './reports.ts';
import type { Route } from './route.ts';
import type { OwnSchedules } from './schedules.ts';
import type { BindingInfo, BindOptions, ExchangeOptions, QueueInfo, QueueOptions } from './topology.ts';
import type { Transaction } from './transaction.ts';

/** What a session calls back on its client. No call may throw. */
export interface SessionClient extends ReportingClient {
  /** What the client calls itself where its protocol has such an identifier; permissions may depend on it. */
  readonly clientId?: string;
  /**
   * What carries the client: its listener may promise less than the vhost does (`confirmsAtWrite`), and the operator's log names
   * it. Left out: a part of the broker itself, or of the program that holds it.
   */
  readonly transport?: {
    readonly confirmsAtWrite?: boolean;
    readonly protocol?: string;
    readonly label?: string;
    readonly remote?: Endpoint;
    readonly local?: Endpoint;
    readonly secure?: boolean;
    readonly certificate?: ClientCertificate | undefined;
    readonly bytesIn?: number;
    readonly bytesOut?: number;
    /** Where it came in, as far as that has limits of its own. */
    readonly listener?: object | undefined;
  };
  /**
   * The connection's part of the budget of work (`Share`; that of its `ReadGate`). The session's long operations run in it; while
   * one is not finished `mustWait` is true, and the client's next frame is not carried out. Default: one of the session's own.
   */
  readonly share?: Share;
  /** `Session.congested` has gone back to false: publishing may go on. Called at any time, also from within another client's call. */
  uncongested(): void;
  /**
   * Bindings of a queue of its own (`QueueOptions.ownUse`) have been removed, because the client may not read any more what they
   * brought. Left out: nobody is told.
   */
  accessLost?(queue: string, bindings: readonly BindingInfo[]): void;
  /**
   * The client ends another connection of this user in this vhost as soon as it is let in (a session is taken over): where there are
   * as many connections as there may be, it is let in all the same. Left out: never.
   */
  replaces?(user: string, vhost: string): boolean;
  /**
   * What it has proved itself with holds no longer, and was not renewed in time. Tell it in the protocol's own form, then
   * `transport.end()`. Left out: `kicked` is called. @param reason for people
   */
  expired?(reason: string): void;
  /** An operator closes this client, or it may not be in the vhost any more. Tell it in the protocol's own form, then `transport.end()`. @param reason for people */
  kicked(reason: string): void;
}

/**
 * Which broker a vhost's clients are used to, where RabbitMQ's versions differ from each other, or ActiveMQ from both: an adapter whose
 * protocol is theirs goes by it, and says in its documentation where. To RabbitMQ's clients `activemq` is `rabbitmq-3`.
 */
export type Compatibility = 'rabbitmq-3' | 'rabbitmq-4' | 'activemq';

export interface Session {
  /** The authenticated user name; `anonymous` for a client that gave none. */
  readonly user: string;

  /** Who the client has proved to be: for what is done for it once it has gone. */
  readonly identity: Identity;

  /** The name of the vhost. */
  readonly vhost: string;

  /** Whose habits it keeps. */
  readonly compat: Compatibility;

  /** Small durable facts of the adapter in this vhost. */
  readonly state: AdapterState;

  readonly client: SessionClient;

  /** Its part of the budget of work (`SessionClient.share`). */
  readonly share: Share;

  /**
   * The administration of the broker's users.
   * @param topic the address that commands come by, dotted: who is judged by roles may if they let it publish there
   * @throws BrokerError access-refused; not-implemented where a program has put its own authenticator in the place of the users
   */
  administration(topic: string): Administration;

  /**
   * The client has proved anew who it is: the rights of this identity are in force at once, and it expires when that one says.
   * @returns a refusal if it is another user, or may not be in the vhost
   */
  renewIdentity(identity: Identity): Refusal | undefined;

  /** What its client has proved itself with holds for a while only (`Identity.expiresAtMs`), so that it may want to renew it. */
  readonly expires: boolean;

  /**
   * The same by a new password or token, for protocols that hand on nothing else. One that nobody checks (what the client came in
   * with never expires) changes nothing.
   * @param done undefined: it is renewed. Called before this returns, or later
   */
  renewSecret(secret: Buffer, done: (refusal: Refusal | undefined) => void): void;

  /**
   * Does what was begun when it was permitted, and cannot wait: the end of a message that comes in parts, of a subscription, a will.
   * What `act` asks, and nobody can answer at once, counts as permitted; AccessPending is not thrown.
   */
  ofBegun<T>(act: () => T): T;

  /** Counts one more channel of the client's user, in protocols that have such. @throws BrokerError not-allowed: there may be no more */
  channelOpened(): void;

  /** A channel has gone. Those that are left go with the session. */
  channelClosed(): void;

  /** Sessions that outlive their connections are bounded here: count them, and ask before there is one more. */
  readonly boundsSessions: boolean;

  /**
   * Whether the adapter may keep one more such session for this client.
   * @param count those that there are, in the vhost and of the client's user
   * @throws LimitError not-allowed
   */
  checkSessions(count: { readonly vhost: number; readonly user: number }): void;

  // ---------------------------------------------------------------------------------------------------- topology
  /**
   * Makes an exchange, or finds that it is there with the same settings.
   * @param type one of `ExchangeType`
   * @throws BrokerError invalid (type), access-refused (also: the default exchange, a name `amq.…`), precondition-failed (it exists
   * with other settings, arguments that cannot be, too many exchanges)
   */
  declareExchange(name: string, type: string, options: ExchangeOptions): Mark;

  /**
   * That it is there, where permission was asked already: none is asked. The default exchange ('') always is.
   * @throws BrokerError not-found
   */
  checkExchange(name: string): void;

  /**
   * Passive declare, by whoever may do anything with it; of those that every vhost has, by anybody.
   * @throws BrokerError not-found, access-refused (nothing is permitted)
   */
  passiveExchange(name: string): void;

  /**
   * Removes an exchange with its bindings. One that does not exist is none to remove (as RabbitMQ has it).
   * @throws BrokerError access-refused (also: one that is predeclared), precondition-failed (`ifUnused`, and it has bindings)
   */
  deleteExchange(name: string, ifUnused: boolean): Mark;

  /**
   * Leads what is published to `source` with a matching key on to `destination`. Binding again changes what the options carry.
   * @throws BrokerError not-found, access-refused (also: the default exchange), precondition-failed (a key or arguments that the
   * source's type cannot have)
   */
  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark;

  /** Nothing happens if there is no such binding. @throws BrokerError access-refused */
  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark;

  /**
   * Makes a queue, or finds that it is there with the same settings.
   * @param name '' asks for a server-made name (`amq.gen-…`)
   * @throws BrokerError access-refused (also: a name `amq.…`, unless `ownUse`), precondition-failed (it exists with other settings,
   * arguments that cannot be, too many queues), resource-locked (it is exclusive to another session)
   */
  declareQueue(name: string, options: QueueOptions): QueueInfo;

  /** What it is like, where permission was asked already: none is asked. @throws BrokerError not-found, resource-locked */
  checkQueue(name: string): QueueInfo;

  /**
   * Passive declare, by whoever may do anything with it.
   * @throws BrokerError not-found, resource-locked, access-refused (nothing is permitted)
   */
  passiveQueue(name: string): QueueInfo;

  /** Whether there is such a queue, whosever it is. */
  queueExists(name: string): boolean;

  /**
   * Removes a queue with its messages and bindings. One that does not exist has none (as RabbitMQ has it).
   * @returns how many ready messages went with it
   * @throws BrokerError resource-locked, precondition-failed (`ifUnused` and it has consumers, `ifEmpty` and it has messages)
   */
  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): { messages: number; mark: Mark };

  /**
   * Takes up a queue that another session of the same client has declared with `ownUse`, as if this one had.
   * @returns the bindings that the client may not read any more, which have been removed
   */
  adoptQueue(name: string): readonly BindingInfo[];

  /**
   * The client that made the queue has done with it: it goes now, or, if others consume from it, with the last of them, unless it
   * is declared again. No permission is asked, since it ends something. Not kept through a restart.
   */
  releaseQueue(name: string): Mark;

  /**
   * Removes the messages that are ready now: in parts, if they are many.
   * @param done gets their number and the mark once they are gone; called before this returns if they are few
   * @throws BrokerError not-found, resource-locked
   */
  purgeQueue(name: string, done?: (purged: { messages: number; mark: Mark }) => void): void;

  /** As `bindExchange`, to a queue. @throws BrokerError not-found, resource-locked, access-refused, precondition-failed (also: too many bindings) */
  bindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark;

  /** Nothing happens if there is no such binding (as RabbitMQ has it). @throws BrokerError not-found (queue), resource-locked */
  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark;

  /**
   * Whether its user's roles let it end a subscription: for protocols that have an answer for no. (What a client has of its own it
   * may give up all the same: `unbindQueue` does not ask.)
   */
  mayUnsubscribe(exchange: string, filter: string, spelling: Spelling): boolean;

  /** Whether its user may read a queue, for what an adapter says of it: yes, as long as nobody can tell. */
  mayRead(queue: string): boolean;

  /** Whether it may be told what a user's clients are called, and where they come from: for what an adapter says of who comes and goes. */
  mayKnowOf(user: string): boolean;

  /**
   * Asks as for a binding to the exchange, which is not made: for what an adapter itself sends to who asks for a topic.
   * @param topic a filter, dotted
   * @throws BrokerError not-found
   */
  demandReading(exchange: string, topic: string): void;

  /** Whether its user's roles let it receive what is published to a topic: for what an adapter says of its own. @param topic dotted */
  mayReceive(exchange: string, topic: string): boolean;

  /** The bindings of a queue, the default exchange's left out. No permission is asked. @throws BrokerError not-found, resource-locked */
  bindings(queue: string): BindingInfo[];

  // ---------------------------------------------------------------------------------------------------- publishing
  /**
   * Resolves an address. Keep the route for the next message to it (`RouteMemo`), and ask again once it is not `valid`.
   * @param key the routing key as it came: `key[start, end)`, its levels separated as `spelling` says (DOT or SLASH); copied
   * @throws BrokerError not-found (exchange), access-refused (also: an internal exchange)
   */
  route(exchange: string, spelling: Spelling, key: Buffer, start: number, end: number): Route;

  /**
   * One route over several keys of an exchange: each queue gets the message once, which is stored under the first key.
   * @param keys at least one
   * @throws BrokerError as `route` does
   */
  routeAll(exchange: string, spelling: Spelling, keys: readonly string[]): Route;

  /**
   * Takes a message; what it keeps of `draft` is copied before it returns. A route that is not valid any more is resolved again on
   * the way; if its exchange is gone the message is unroutable. `draft.routed` says afterwards how many took it.
   * @throws BrokerError access-refused: the client may not publish there any more; LimitError: the body is larger than it may be
   * @returns a mark for a `ConfirmRing` if the publisher waits for it: MARK_NOW if nothing durable took it, MARK_REFUSED if the
   * broker cannot store it or one of its queues is full and refuses. An EXACTLY_ONCE message is delivered only once it is safe
   */
  publish(route: Route, draft: Draft): Mark;

  /**
   * The broker wants no messages of this client now: no room, or consumers that have to catch up. Take no publish then (pause the
   * `ReadGate`), but go on with what settles; `SessionClient.uncongested` follows. One that is published all the same is taken while there is room.
   */
  readonly congested: boolean;

  /** What there is too little of while `congested`, in a word for people; `rate`: the client sends faster than it may. */
  readonly shortage: 'disk' | 'memory' | 'rate';

  /**
   * The machine's memory has passed its mark, and publishers are `congested` until it is within it again: for protocols that have
   * an error for this, and clients that want it at once rather than wait.
   */
  readonly outOfMemory: boolean;

  /**
   * The same of memory or of the disk, which may be full as well: publishers are `congested` until consumers, or the operator, have made
   * room. Other waits are short.
   */
  readonly outOfRoom: boolean;

  /** The connection behind the direct sink of this queue has room again: publishers that wait for it may go on. */
  directDrained(name: string): void;

  /**
   * Begins a body that does not come in one piece; required for one of more than INLINE_BODY_BYTES.
   * @param length bytes in all
   * @param durable the message asks for more than AT_MOST_ONCE, or is to be retained
   * @throws LimitError it is larger than it may be
   */
  openBody(length: number, durable: boolean): BodyWriter;

  /** Begins to read the large body of a delivery (`MessageView.large`); close the reader in the end. */
  readBody(body: LargeBody): BodyReader;

  /** The message's properties in the neutral form, decoded anew at each call: not for messages that come and leave in one dialect. */
  properties(view: MessageView): Properties;

  /** The properties that selectors and headers exchanges match: `properties` with all headers as they were sent. Decoded anew too. */
  matchProperties(view: MessageView): Properties;

  /** Milliseconds until the message expires, 0 if it has; undefined if it never does. */
  timeLeftMs(view: MessageView): number | undefined;

  /** What its user has had published again and again. */
  readonly schedules: OwnSchedules;

  /** Begins a transaction; several may be open. */
  transaction(): Transaction;

  /**
   * What follows, until `endUnit`, is one commit unit: all of it is there after a crash, or nothing. End it within the same call
   * stack: it must not outlive the turn. Units do not nest; the outer one counts.
   */
  beginUnit(): void;

  /** @returns the mark that covers the unit */
  endUnit(): Mark;

  // -------------------------------------------------------------------------------------------------------- safety
  /** Makes a ring for the confirms of one publisher: a channel, a connection. It is closed with the session. */
  confirms(sink: ConfirmSink): ConfirmRing;

  /** The mark that covers everything this vhost has been asked until now, settlements included. */
  mark(): Mark;

  /**
   * Calls `done` when what the mark stands for is safe: before this returns if it is already (MARK_NOW, an earlier flush, a log
   * that has failed), else when a flush has ended. Calls with later marks come later.
   * @param done `failed`: the log could not make it safe, and never will
   */
  whenSafe(mark: Mark, done: (failed: boolean) => void): void;

  // ----------------------------------------------------------------------------------------------------- consuming
  /** A limit that several consumers of this client are to share. @param limit unsettled deliveries in all, 0 for none */
  sharedCredit(limit: number): SharedCredit;

  /**
   * Attaches a consumer to a queue. `sink.attached` is called before this returns; the first delivery comes at the end of this
   * turn or later.
   * @param output what is looked at before each delivery: the connection's `Output`, nearly always
   * @throws BrokerError not-found, resource-locked, access-refused (also: an exclusive consumer is there, or `exclusive` is asked
   * for and others are), invalid (selector), not-allowed (the connection has as many as it may)
   */
  consume(name: string, options: ConsumeOptions, sink: DeliverySink, output: Backpressure): Consumer;

  /**
   * Makes a suspended consumer this connection's, which counts it from now on and whose limits it comes under with what it holds; to
   * be called before `Consumer.resume`. Whether its queue may be read is `adoptQueue`'s to say.
   * @throws BrokerError not-allowed (the connection, its user, … has as many as it may): it stays suspended
   */
  adoptConsumer(consumer: Consumer): void;

  /**
   * Takes one message on demand, of those that are left when consumers have got what they can take.
   * @param settled the message is done when it is written
   * @param sink its `attached` is called with the consumer that the delivery is to be settled on, then `deliver` just before `done`
   * @param done undefined: there is none, or that consumer was cancelled meanwhile. Called before this returns, unless a message
   * must be read from the disk, or consumers are to be served first
   * @throws BrokerError not-found, resource-locked
   */
  get(
    name: string,
    settled: boolean,
    sink: DeliverySink,
    done: (result: GetResult | undefined, consumer: Consumer) => void,
  ): void;

  /**
   * Shows what is in a queue when this is called, what consumers hold too; nothing of it is taken or marked. It counts as a consumer.
   * @param selector as in `ConsumeOptions`; undefined: all messages
   * @param output what is looked at before each one; `Browse.wake` follows
   * @throws BrokerError not-found, resource-locked, invalid (selector), not-allowed (as many as `consume` allows)
   */
  browse(name: string, selector: string | undefined, sink: BrowseSink, output: Backpressure): Browse;

  /**
   * Sets who takes the at-most-once messages of a queue that was declared with `atMostOnce: 'direct'`.
   * @param sink null: nobody, and they are dropped, counted
   * @throws BrokerError not-found, resource-locked
   */
  attachDirect(name: string, sink: DirectSink | null): void;

  /** Retained messages of the vhost. */
  readonly retainedCount: number;

  /** Whether a message with so many bytes of properties and body could not be kept as the address's retained message. */
  retainedFull(route: Route, bytes: number): boolean;

  /**
   * Sends every retained message that the filter matches and the client may read into the queue, marked `retained`: in parts, if
   * they are many. Each topic is asked for by itself.
   * @param exchange the one that the queue is bound to by the filter
   * @param filter in the spelling that `options` says
   * @param done gets their number; called before this returns if they are few
   * @throws BrokerError not-found, resource-locked
   */
  replayRetained(
    name: string,
    exchange: string,
    filter: string,
    options: BindOptions,
    done?: (count: number) => void,
  ): void;

  /**
   * Sends the last messages that a queue keeps, a thousand at most, once more into another that begins to hear of them: they stay where they
   * are. Returns how many there were.
   * @param history the queue that keeps them
   * @throws BrokerError not-found, resource-locked, access-refused; AccessPending
   */
  replayHistory(name: string, history: string): number;

  /**
   * The client is gone; a second call does nothing. Its rings are closed, its bodies given up, its exclusive queues removed.
   * Consumers that are not suspended are cancelled: what they hold ends as RELEASED where the client left in order, as MODIFIED
   * where it was lost.
   */
  close(inOrder: boolean): void;
}
