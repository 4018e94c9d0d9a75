/**
 * One authenticated client in one vhost: the door adapters go through. Every permission is asked here.
 *
 * All calls are synchronous; those that change something durable say with a `Mark` when it is safe. Errors are
 * `BrokerError`s, thrown before anything was changed.
 */
import type {
  AdapterState, BindingInfo, BindOptions, BodyReader, BodyWriter, Backpressure, ConfirmRing, ConfirmSink,
  ConsumeOptions, Consumer, DeliverySink, DirectSink, ExchangeOptions, ExchangeType, GetResult, Mark, QueueInfo,
  QueueOptions, Route, SessionClient, Transaction,
} from './api.ts';
import type { Assurance, Draft, LargeBody, MessageView, Spelling } from './message/message.ts';
import type { Properties } from './message/properties.ts';

export declare class Session {
  /** The authenticated user name; 'anonymous' for one who gave none. */
  readonly user: string;
  readonly vhost: string;
  readonly state: AdapterState;

  // -- topology. A refused declaration throws; `not-found` texts are RabbitMQ's: "no queue 'q' in vhost '/'".
  declareExchange(name: string, type: ExchangeType | string, options: ExchangeOptions): Mark;
  /** Passive declare: throws not-found. */
  checkExchange(name: string): void;
  deleteExchange(name: string, ifUnused: boolean): Mark;
  bindExchange(destination: string, source: string, key: string, options: BindOptions): Mark;
  unbindExchange(destination: string, source: string, key: string, options: BindOptions): Mark;
  /** '' asks for a server-made name (amq.gen-…). */
  declareQueue(name: string, options: QueueOptions): QueueInfo;
  checkQueue(name: string): QueueInfo;
  /** Returns how many ready messages went with it. */
  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): { messages: number; mark: Mark };
  /** Returns how many ready messages it removed. */
  purgeQueue(name: string): { messages: number; mark: Mark };
  bindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark;
  /** Nothing happens if there is no such binding (as RabbitMQ has it). */
  unbindQueue(queue: string, exchange: string, key: string, options: BindOptions): Mark;
  queueExists(name: string): boolean;
  /** The bindings of a queue, the default exchange's left out. */
  bindings(queue: string): BindingInfo[];

  // -- publishing
  /** Throws not-found for an unknown exchange, access-refused, or not-allowed for an internal one. */
  route(exchange: string, spelling: Spelling, key: Buffer, start: number, end: number): Route;
  /**
   * Takes a message. `draft.routed` says how many took it. The returned mark goes to a `ConfirmRing` if the publisher
   * waits for it; MARK_REFUSED if the broker cannot store it. EXACTLY_ONCE messages are delivered only once they are safe.
   */
  publish(route: Route, draft: Draft): Mark;
  /** While true, stop parsing the client's publishes and pause its transport; `SessionClient.uncongested` follows. */
  readonly congested: boolean;
  /** For bodies over INLINE_BODY_BYTES. `durable`: the message asks for more than AT_MOST_ONCE. */
  openBody(length: number, durable: boolean): BodyWriter;
  readBody(body: LargeBody): BodyReader;
  /** The message's properties in the neutral form; not for the hot path. */
  properties(view: MessageView): Properties;
  transaction(): Transaction;
  /** What follows, until `endUnit`, is one commit unit: all or nothing after a crash. Does not nest, nor outlive the turn. */
  beginUnit(): void;
  endUnit(): Mark;

  // -- safety
  confirms(sink: ConfirmSink): ConfirmRing;
  /** The mark that covers everything this broker has been asked until now, settlements included. */
  mark(): Mark;
  /** Calls back once, never synchronously unless the mark is MARK_NOW. `failed`: the log could not make it safe. */
  whenSafe(mark: Mark, done: (failed: boolean) => void): void;

  // -- consuming
  /** Throws not-found, resource-locked, access-refused. Deliveries may begin before it returns only if `output` allows;
   *  they never do: the first one comes at the end of this turn or later. */
  consume(queue: string, options: ConsumeOptions, sink: DeliverySink, output: Backpressure): Consumer;
  /**
   * Takes one message (AMQP basic.get). `done(undefined)` if there is none. Otherwise `sink.deliver` is called, with the
   * slot to be settled on the returned consumer, just before `done`. Usually both happen synchronously.
   */
  get(queue: string, settled: boolean, sink: DeliverySink, done: (result: GetResult | undefined, consumer: Consumer) => void): void;
  /** Who takes at-most-once messages of this queue now; null for nobody. */
  attachDirect(queue: string, sink: DirectSink | null): void;
  /** Sends every retained message that the filter matches into the queue, marked `retained`. Returns how many. */
  replayRetained(queue: string, filter: string, options: BindOptions): number;

  /** The client is gone. Exclusive queues go; consumers that were not suspended are cancelled, what they hold ends as RELEASED
   *  when it left in order, MODIFIED when it was lost. */
  close(inOrder: boolean): void;
}

export type { Assurance, SessionClient };
