/**
 * What adapters and embedders say to the broker and hear from it: plain values and narrow callbacks. `Broker` and
 * `Session` implement it. Nothing here knows a protocol.
 */

import type { Share } from './clock/work.ts';
import type { AddressBytes } from './message/address-bytes.ts';
import type { Assurance, Draft, LargeBody, MessageView, Spelling } from './message/message.ts';
import type { Headers } from './message/properties.ts';

/**
 * How safe something is: the number of the log flush that covers it. Compare it with nothing; hand it to a `ConfirmRing`
 * or to `Session.whenSafe`.
 */
export type Mark = number;
/** Nothing to wait for: transient, unroutable, or already on disk. */
export const MARK_NOW: Mark = 0;
/** The broker did not take it, and the publisher must be told so. */
export const MARK_REFUSED: Mark = -1;

// ---------------------------------------------------------------------------------------------------- who is there

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

// ------------------------------------------------------------------------------------------------------- topology

export type ExchangeType =
  | 'direct'
  | 'fanout'
  | 'topic'
  | 'headers'
  | 'x-consistent-hash'
  | 'x-modulus-hash'
  | 'x-random'
  | 'x-delayed-message';

export interface ExchangeOptions {
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  /** Unknown `x-` arguments are kept and compared; known ones that are not built are refused. */
  readonly arguments: Headers;
}

export interface QueueOptions {
  readonly durable: boolean;
  /** Belongs to this session: no one else may use it, and it goes with the session. */
  readonly exclusive: boolean;
  /** Goes when its last consumer does (if it ever had one). */
  readonly autoDelete: boolean;
  readonly arguments: Headers;
  /**
   * `direct`: at-most-once messages go straight to the sink attached with `attachDirect`, and are dropped, counted, when
   * none is. Default `queue`: everything is queued.
   */
  readonly atMostOnce?: 'queue' | 'direct';
  /** What its owner says in `Draft.origin` when it publishes, now that it is declared (again). Default: the queue's name. */
  readonly origin?: string;
  /** An adapter makes it for itself: its name may be a reserved one, and no permission is asked. Default false. */
  readonly ownUse?: boolean;
}

export interface QueueInfo {
  readonly name: string;
  /** Ready messages, not those that consumers hold. */
  readonly messages: number;
  readonly consumers: number;
  /** Waits for the log if this call changed something durable, else MARK_NOW. */
  readonly mark: Mark;
}

export interface BindOptions {
  readonly spelling: Spelling;
  /** For a headers exchange (`x-match` …); kept and compared for all kinds. */
  readonly arguments: Headers;
  /** The most that this binding asks for: a message is delivered with the lower of this and its own. Default EXACTLY_ONCE. */
  readonly assurance?: Assurance;
  /** Topics whose first level begins with `$` do not match a leading wildcard. Default false. */
  readonly hideReserved?: boolean;
  /** Keep the publisher's retain flag on what this binding brings. Default false. */
  readonly keepRetain?: boolean;
  /** Leave out what the owner of the queue publishes itself (`Draft.origin`). Default false. */
  readonly notOwn?: boolean;
  /**
   * A number of the subscriber's own, kept with the binding, 0 to 2^32 - 1. It comes back as
   * `MessageView.subscriptionData` where it is below DATA_SEVERAL_OWN and the only one; else DATA_SEVERAL does. Default 0: none.
   */
  readonly data?: number;
}

/** `MessageView.subscriptionData` of a message that several bindings with different numbers led to, or one with a large one. */
export const DATA_SEVERAL = 0x3fff;
/** The same, of a message that the queue's owner published itself: bindings with `notOwn` have no part in it. */
export const DATA_SEVERAL_OWN = 0x3ffe;

export interface BindingInfo {
  readonly exchange: string;
  readonly key: string;
  readonly options: BindOptions;
}

// ------------------------------------------------------------------------------------------------------- policies

/** What a policy applies to. `classic_queues` and `quorum_queues` go by the queue's declared type. */
export type PolicyTarget = 'all' | 'queues' | 'exchanges' | 'classic_queues' | 'quorum_queues';
export type PolicyValue = string | number | boolean;

/**
 * Settings that queues and exchanges get by their names, without their clients' doing. Of those that match, the one of the
 * highest priority counts, alone; beside it, one of the kind `operator` sets limits that no client or policy can raise.
 */
export interface Policy {
  readonly name: string;
  /** A regular expression that is looked for anywhere in the name; at most 1024 characters. */
  readonly pattern: string;
  /** Default `all`. */
  readonly applyTo?: PolicyTarget;
  /** Higher first; default 0. */
  readonly priority?: number;
  /** `message-ttl`, `max-length` and so on. */
  readonly definition: Readonly<Record<string, PolicyValue>>;
  /** Default `policy`. */
  readonly kind?: PolicyKind;
}

export type PolicyKind = 'policy' | 'operator';

export interface PolicyInfo extends Required<Policy> {
  /** It comes from the configuration, and cannot be changed but there. */
  readonly configured: boolean;
}

// -------------------------------------------------------------------------------------------------------- publish

/**
 * A resolved (exchange, routing key). Valid until bindings change; an adapter keeps those it has used lately (`AddressTable`)
 * and compares bytes before it asks again.
 */
export interface Route extends AddressBytes {
  /** The exchange's name and the key as views of their own, made when asked for: not for every message. */
  readonly exchangeBytes: Buffer;
  readonly keyBytes: Buffer;
  readonly spelling: Spelling;
  /** Some queue or direct subscription takes what is published here (unless it depends on the message itself). */
  readonly leadsSomewhere: boolean;
  /** False once what it led to has changed: ask again. */
  readonly valid: boolean;
  /** Its exchange is of the type x-delayed-message: publishers say in a property of their own how long a message is to wait. */
  readonly acceptsDelay: boolean;
}

/** Tells a publisher, in order, what has become of what it handed over. Made with `Session.confirms`. */
export interface ConfirmSink {
  /** The entry pushed with this id is safe, or was refused. Entries come in the order they were pushed. */
  confirm(id: number, refused: boolean): void;
  /** No more for now: write what was gathered. */
  confirmEnd(): void;
}

export interface ConfirmRing {
  /** Entries that wait. */
  readonly size: number;
  /** Adds an entry. Entries that need not wait come out at the end of this turn, never inside `push`. */
  push(id: number, mark: Mark): void;
  /** Forgets all entries; the sink is not called again. */
  close(): void;
  readonly closed: boolean;
}

/** A body that is being received in pieces. Nothing of it can be seen until it is published. */
export interface BodyWriter extends LargeBody {
  /** Appends a piece (copied). More than `length` in all is a programmer's error. */
  append(buffer: Buffer, start: number, end: number): void;
  /** Bytes still to come. */
  readonly missing: number;
  /** Gives it up; also what happens to writers left open when their session closes. */
  abort(): void;
}

/** Reads a large body back, range by range. It keeps the body alive until `close`, whatever becomes of the message. */
export interface BodyReader {
  readonly length: number;
  /** Bytes not yet read. */
  readonly remaining: number;
  /**
   * Makes the next range available as `buffer[start, end)`, at most `maxBytes`, valid until the next call or the end of
   * this call stack. False: it must be fetched first, `onReady` will be called, or `remaining` is 0.
   */
  next(maxBytes: number): boolean;
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  onReady: () => void;
  /** The body could not be read back (the log reported why). The delivery cannot be finished. */
  onError: (error: Error) => void;
  close(): void;
}

// -------------------------------------------------------------------------------------------------------- consume

/** How a delivery ended; the table in ARCHITECTURE.md says what each protocol's word becomes. */
export const ACCEPTED = 0;
/** Not acceptable ever: dead-letter. */
export const REJECTED = 1;
/** Back to its place, not counted as an attempt. */
export const RELEASED = 2;
/** Back to its place, counted as a failed attempt. */
export const MODIFIED = 3;
export type Outcome = 0 | 1 | 2 | 3;

/** The adapter's side of a consumer. */
export interface DeliverySink {
  /** The consumer that it hears for, told before anything else. */
  attached?(consumer: Consumer): void;
  /**
   * A message for this consumer. Encode it now: `view` is the queue's own and is used again for the next one.
   * `slot` names the delivery in `Consumer.settle`; for a `settled` consumer it is -1 and the message is done once this
   * returns.
   */
  deliver(view: MessageView, slot: number): void;
  /** The queue is gone, or the broker ended the consumer. No further call. Held deliveries are gone with a deleted queue. */
  cancelled(reason: 'queue-deleted' | 'operator'): void;
}

export interface ConsumeOptions {
  /** Shown to operators; the adapter keeps it unique where its protocol demands that. */
  readonly tag: string;
  /** Deliveries need no settling (they are done when they are written). */
  readonly settled: boolean;
  readonly exclusive: boolean;
  /** Unsettled deliveries at most; 0 for no limit. Can be changed later. */
  readonly prefetch: number;
  /**
   * Only messages for which this is true (a JMS selector, `routing/selector/`); others wait for other consumers. One that
   * cannot be read is refused as `invalid`.
   */
  readonly selector?: string;
  /** Consumers with a higher one are served first, as long as they can take more; equals take turns. Default 0. */
  readonly priority?: number;
  /** Several consumers may share a limit (a channel's, say). */
  readonly shared?: SharedCredit;
  readonly arguments: Headers;
}

/**
 * A limit on unsettled deliveries over several consumers of a session; those that want more are served in turn. Made with
 * `Session.sharedCredit`. Wake one of its consumers after it was raised.
 */
export interface SharedCredit {
  /** 0: none. */
  limit: number;
  readonly held: number;
}

export interface Consumer {
  /** Its queue is one that tells consumers how often a message has failed before. */
  readonly tellsAttempts: boolean;
  readonly tag: string;
  readonly queue: string;
  /** How many deliveries it holds. */
  readonly held: number;
  /** False once cancelled. */
  readonly active: boolean;
  /** Ends one delivery. Unknown or already settled slots are a programmer's error (the adapter checks its client's word). */
  settle(slot: number, outcome: Outcome): void;
  /** Changes the limit; more credit takes effect at once. */
  setPrefetch(limit: number): void;
  /** Looks again for something to deliver: credit was given back to a shared limit, or the socket has drained. */
  wake(): void;
  /**
   * Takes the consumer from its queue, which stops deliveries. With an outcome, what it holds ends that way; without,
   * held deliveries stay the caller's to settle (its channel may acknowledge them later).
   */
  cancel(outcome?: Outcome): void;
  /**
   * The connection is gone but its session stays: deliveries stop, what it holds stays held. `resume` gives it a new
   * sink; first everything held is delivered again, in the order of its first delivery, with the same slots and
   * `redelivered` as it was recorded, then new messages.
   */
  suspend(): void;
  resume(sink: DeliverySink, output: Backpressure): void;
}

/** What a queue looks at before it hands out one more delivery: a connection's `Output`, nearly always. */
export interface Backpressure {
  readonly congested: boolean;
}

/** Never congested: for consumers without a socket. */
export const NO_BACKPRESSURE: Backpressure = { congested: false };

/**
 * Takes at-most-once messages of a queue that was declared with `atMostOnce: 'direct'`.
 *
 * While `output.congested`, publishers to it are stalled for a short while (`Session.congested`), so that a subscriber
 * which merely keeps up a little less well loses nothing; one that does not drain in that time is slow, stalls nobody any
 * more until it has drained, and loses what it has no room for. The adapter calls `Session.directDrained` when it drains.
 */
export interface DirectSink {
  readonly output: Backpressure;
  /** Encode it now or drop it. Returns false if it was dropped, for the counters. */
  deliverDirect(view: MessageView): boolean;
  /** The queue is gone, and its consumers have been told. No further call. */
  queueDeleted?(name: string): void;
}

export type GetResult = {
  /** Messages that are still ready after this one. */
  readonly remaining: number;
};

// --------------------------------------------------------------------------------------------------- transactions

/** Publishes and settlements that become true together: all of them, through a crash as well, or none. */
export interface Transaction {
  /**
   * Copies the draft; routed at commit. Returns nothing to wait for: `commit` does. Throws precondition-failed where the commit
   * would make more copies than one turn has time for.
   */
  publish(route: Route, draft: Draft): void;
  settle(consumer: Consumer, slot: number, outcome: Outcome): void;
  /** How many operations it holds, for bounds. */
  readonly operations: number;
  /** Bytes of bodies and properties it holds in memory, for bounds. */
  readonly bytes: number;
  /** Carries everything out in one commit unit. `onUnroutable(i)` is called for the i-th publish that nothing took. */
  commit(onUnroutable?: (index: number) => void): Mark;
  rollback(): void;
}

// ------------------------------------------------------------------------------------------------- adapter's state

/**
 * Small durable facts that an adapter keeps beside the messages, in the same log and, within `beginUnit`/`endUnit`, in
 * the same commit unit: packet identifiers, session settings. Keys are namespaced by the adapter's name.
 * Read from memory; a write becomes safe with the mark that `Session.mark()` gives afterwards.
 */
export interface AdapterState {
  get(key: string): Buffer | undefined;
  put(key: string, value: Buffer): void;
  delete(key: string): boolean;
  /** Keys with this prefix, in no particular order. For start-up and session ends; it walks everything. */
  keys(prefix: string): string[];
}
