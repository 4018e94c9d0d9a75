/**
 * A session: one authenticated client in one vhost, and everything it may ask of the broker. Every permission is asked behind it.
 *
 * All calls are synchronous; those that change something durable say with a `Mark` when it is safe. Errors are
 * `BrokerError`s, thrown before anything was changed.
 */
import type { Share } from '../clock/work.ts';
import type { Draft, LargeBody, MessageView, Spelling } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { AdapterState } from './adapter-state.ts';
import type { BodyReader, BodyWriter } from './bodies.ts';
import type { ConfirmRing, ConfirmSink, Mark } from './confirms.ts';
import type {
  Backpressure,
  ConsumeOptions,
  Consumer,
  DeliverySink,
  DirectSink,
  GetResult,
  SharedCredit,
} from './consume.ts';
import type { Route } from './route.ts';
import type { BindingInfo, BindOptions, ExchangeOptions, QueueInfo, QueueOptions } from './topology.ts';
import type { Transaction } from './transaction.ts';

/** What a session calls back on its client. */
export interface SessionClient {
  /** What carries the client, if anything does: its listener may promise less than the vhost does; the log names it. */
  readonly transport?: {
    readonly confirmsAtWrite?: boolean;
    readonly protocol?: string;
    readonly label?: string;
    readonly remote?: { readonly address: string; readonly port: number };
  };
  /**
   * Its part of the budget of work (`clock/work.ts`). The session's long operations run in it; while one is not finished
   * `mustWait` is true, and the client's next frame is not carried out. Default: the session has one of its own.
   */
  readonly share?: Share;
  /** Publishing was held back (`Session.congested`) and may go on. */
  uncongested(): void;
  /** An operator closes this client. Tell it in the protocol's own form and end. */
  kicked(reason: string): void;
}

export interface Session {
  /** The authenticated user name; 'anonymous' for one who gave none. */
  readonly user: string;

  readonly vhost: string;

  readonly state: AdapterState;

  readonly client: SessionClient;

  /** Its part of the budget of work: its long operations run in it (`SessionClient.share`). */
  readonly share: Share;

  // ---------------------------------------------------------------------------------------------------- topology
  /** @param type one of ExchangeType; anything else is refused as `invalid` */
  declareExchange(name: string, type: string, options: ExchangeOptions): Mark;

  /** Passive declare: throws not-found. */
  checkExchange(name: string): void;

  deleteExchange(name: string, ifUnused: boolean): Mark;

  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark;

  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark;

  /** '' asks for a server-made name (amq.gen-…). */
  declareQueue(name: string, options: QueueOptions): QueueInfo;

  /** Passive declare. Throws not-found, resource-locked. */
  checkQueue(name: string): QueueInfo;

  queueExists(name: string): boolean;

  /** Returns how many ready messages went with it. A queue that does not exist has none (as RabbitMQ has it). */
  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): { messages: number; mark: Mark };

  /**
   * Whoever made the queue has done with it: it goes now, or, if others consume from it, with the last of them, unless it is
   * declared again. No permission is asked: it is the end of something, not a wish. After a restart nobody knows of it.
   */
  releaseQueue(name: string): Mark;

  /**
   * Removes the messages that are ready now: in parts, if they are many.
   * @param done is told how many there were, once they are gone
   */
  purgeQueue(name: string, done?: (purged: { messages: number; mark: Mark }) => void): void;

  bindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark;

  /** Nothing happens if there is no such binding (as RabbitMQ has it). */
  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark;

  /** The bindings of a queue, the default exchange's left out. */
  bindings(queue: string): BindingInfo[];

  // ---------------------------------------------------------------------------------------------------- publishing
  /** Throws not-found for an unknown exchange, access-refused for an internal one or one that may not be written to. */
  route(exchange: string, spelling: Spelling, key: Buffer, start: number, end: number): Route;

  /**
   * One route over several keys of an exchange: each queue gets the message once, which is stored under the first key.
   * At least one key. Throws as `route` does.
   */
  routeAll(exchange: string, spelling: Spelling, keys: readonly string[]): Route;

  /**
   * Takes a message. `draft.routed` says how many took it. The returned mark goes to a `ConfirmRing` if the publisher
   * waits for it; MARK_REFUSED if the broker cannot store it. EXACTLY_ONCE messages are delivered only once they are safe.
   */
  publish(route: Route, draft: Draft): Mark;

  /** While true, stop parsing the client's publishes and pause its transport; `SessionClient.uncongested` follows. */
  readonly congested: boolean;

  /** What the broker is short of while `congested`, in a word for people. */
  readonly shortage: 'disk' | 'memory';

  /** The connection behind a direct sink has room again: whoever waits for it may go on. */
  directDrained(name: string): void;

  /** For bodies over INLINE_BODY_BYTES. `durable`: the message asks for more than AT_MOST_ONCE, or is to be retained. */
  openBody(length: number, durable: boolean): BodyWriter;

  readBody(body: LargeBody): BodyReader;

  /** The message's properties in the neutral form; not for the hot path. */
  properties(view: MessageView): Properties;

  /** As selectors look at them (`Dialects.lookedAt`); not for the hot path. */
  lookedAt(view: MessageView): Properties;

  /** Milliseconds until the message expires, 0 if it is over; undefined if it never does. */
  timeLeftMs(view: MessageView): number | undefined;

  transaction(): Transaction;

  /** What follows, until `endUnit`, is one commit unit: all or nothing after a crash. It does not outlive the turn. */
  beginUnit(): void;

  endUnit(): Mark;

  // -------------------------------------------------------------------------------------------------------- safety
  confirms(sink: ConfirmSink): ConfirmRing;

  /** The mark that covers everything this vhost has been asked until now, settlements included. */
  mark(): Mark;

  /** Calls back once, never synchronously unless nothing is to be waited for. `failed`: the log could not make it safe. */
  whenSafe(mark: Mark, done: (failed: boolean) => void): void;

  // ----------------------------------------------------------------------------------------------------- consuming
  /** A limit that several consumers of this client are to share. */
  sharedCredit(limit: number): SharedCredit;

  /** Throws not-found, resource-locked, access-refused. The first delivery comes at the end of this turn or later. */
  consume(name: string, options: ConsumeOptions, sink: DeliverySink, output: Backpressure): Consumer;

  /**
   * Takes one message on demand, of those that are left when consumers have got what they can take. `done(undefined)` if
   * there is none, or the consumer that `sink` was attached to is cancelled meanwhile. Otherwise `sink.deliver` is called,
   * with the slot to be settled on that consumer, just before `done`. Usually both happen synchronously.
   */
  get(
    name: string,
    settled: boolean,
    sink: DeliverySink,
    done: (result: GetResult | undefined, consumer: Consumer) => void,
  ): void;

  /** Who takes at-most-once messages of this queue now; null for nobody. */
  attachDirect(name: string, sink: DirectSink | null): void;

  /** Retained messages of the vhost. */
  readonly retainedCount: number;

  /** Whether a message with so many bytes of properties and body could not be kept as the address's retained message. */
  retainedFull(route: Route, bytes: number): boolean;

  /**
   * Sends every retained message that the filter matches into the queue, marked `retained`: in parts, if they are many.
   * @param done is told how many there were
   */
  replayRetained(name: string, filter: string, options: BindOptions, done?: (count: number) => void): void;

  /**
   * The client is gone. Exclusive queues go. Consumers that were not suspended are cancelled: what they hold ends as
   * RELEASED when the client left in order, as MODIFIED when it was lost.
   */
  close(inOrder: boolean): void;
}
