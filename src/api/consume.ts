/**
 * Consumers: deliveries, outcomes, credit, and direct at-most-once subscribers.
 */
import type { MessageView } from '../message/message.ts';
import type { Headers } from '../message/properties.ts';

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
