/**
 * Consumers: deliveries, outcomes, credit, and direct at-most-once subscribers.
 */
import type { MessageView } from '../message/message.ts';
import type { Headers } from '../message/properties.ts';
import type { BindingInfo } from './topology.ts';

/** The consumer has done with it. */
export const ACCEPTED = 0;
/** Not acceptable ever: it becomes a dead letter, or is dropped where the queue has nowhere to send those. */
export const REJECTED = 1;
/** Back to its place in the queue, not counted as an attempt. */
export const RELEASED = 2;
/** Back to its place, counted as a failed attempt: the queue's retry policy and delivery limit look at those. */
export const MODIFIED = 3;
/** How a delivery ended; the table in ARCHITECTURE.md says what each protocol's word becomes. */
export type Outcome = 0 | 1 | 2 | 3;

/** Why a consumer has ended without its client's doing. */
export type CancelReason = 'queue-deleted' | 'operator' | 'access-refused';

/** The bounds of a lease, milliseconds. A network and a scheduler need some of it; who works for longer than a day renews. */
export const LEASE_MIN_MS = 1_000;
export const LEASE_MAX_MS = 24 * 60 * 60_000;

/** Bytes of a token that a message is parked under, and tokens that are asked for at once. */
export const DEFERRAL_TOKEN_BYTES_MAX = 255;
export const DEFERRAL_TOKENS_MAX = 256;

/** When a parked message is back: epoch milliseconds, or milliseconds from now where that is -1. `Draft` has both. */
export interface DeferralTime {
  readonly dueMs: number;
  readonly delayMs: number;
}

/** Why deliveries are taken back: their consumer was silent for longer than it may be, or their lease has run out. */
export type OverdueReason = 'timeout' | 'lease';

/** Why a delivery has ended of which its client has said nothing. */
export type EndReason = OverdueReason | 'consumer-ended';

/** The adapter's side of a consumer. What a call throws is logged as a fault, and the queue goes on with others. */
export interface DeliverySink {
  /** The consumer that this sink is for. Called within `Session.consume` and `Session.get`, before anything else. */
  attached?(consumer: Consumer): void;
  /**
   * A message for this consumer. Called at the end of a turn, or within any client's call that counts or takes what is in the
   * queue (declare, get, purge, delete). It may settle at once.
   * @param view the queue's own, and used again for the next message: encode it before this returns
   * @param slot names the delivery in `Consumer.settle`; -1 for a `settled` consumer, whose message is done once this returns
   */
  deliver(view: MessageView, slot: number): void;
  /**
   * The queue is gone, an operator ended the consumer, or its user may not read the queue any more. No further call. What it holds
   * has gone with a deleted queue, and is not to be settled; else it stays the sink's to settle.
   */
  cancelled(reason: CancelReason): void;
  /**
   * How long a delivery may be held where neither the client nor the queue says, milliseconds. Default, and 0: as long as it likes.
   * Without `overdue` nothing is limited.
   */
  readonly holdMs?: number;
  /**
   * These deliveries have been held for longer than they may be (by a sixteenth of the limit at most). Called by a timer.
   * @returns those that the broker takes back as soon as this returns: they are not to be settled any more, and nothing is delivered
   * until the client has answered them (`Consumer.answered`). The others are the sink's still, and looked at again after as long
   */
  overdue?(slots: readonly number[], why: OverdueReason, limitMs: number): readonly number[];
}

export interface ConsumeOptions {
  /** Shown to operators; the adapter keeps it unique where its protocol demands that. */
  readonly tag: string;
  /** Deliveries need no settling: they are done when they are written. */
  readonly settled: boolean;
  /** No other consumer may be attached to the queue while this one is. */
  readonly exclusive: boolean;
  /** Unsettled deliveries at most; 0 for as many as the broker lets one hold. Can be changed later (`Consumer.setPrefetch`). */
  readonly prefetch: number;
  /** As `Consumer.claim`, from the beginning. */
  readonly deferralTokens?: readonly string[];
  /** How long its client says that it may hold a delivery, milliseconds; 0 for as long as it likes. Default: what its queue says. */
  readonly timeoutMs?: number;
  /** Its deliveries are leased for so long, milliseconds; where its queue leases for less, that counts. Default: what its queue says. */
  readonly leaseMs?: number;
  /** It asks for some messages and goes, as a `get` that waits: a queue that goes with its last consumer neither stays nor goes for it. */
  readonly passing?: boolean;
  /**
   * Only messages for which this is true (a JMS selector, `routing/selector/`); others wait for other consumers. Default: all.
   */
  readonly selector?: string;
  /** Consumers with a higher one are served first, as long as they can take more; equals take turns. Default 0. */
  readonly priority?: number;
  /** A limit that it shares with other consumers (of a channel, say), beside its own. Default: none. */
  readonly shared?: SharedCredit;
  /**
   * The binding that its client reads the queue for, which was asked for: when its user may not read that any more, the consumer ends
   * though the queue may be read. Default: the queue alone counts.
   */
  readonly through?: BindingInfo;
  /** As the client gave them, for operators: they change nothing. */
  readonly arguments: Headers;
  /** The number of the client's channel that it belongs to, for operators. Default 1. */
  readonly channel?: number;
}

/**
 * A limit on unsettled deliveries over several consumers of a session; those that want more are served in turn. Made with
 * `Session.sharedCredit`. Wake one of its consumers after it was raised.
 */
export interface SharedCredit {
  /** Unsettled deliveries at most; 0: no limit. */
  limit: number;
  /** Unsettled deliveries of all its consumers. */
  readonly held: number;
}

/** A reader attached to a queue. Made with `Session.consume`, or for one message with `Session.get`. */
export interface Consumer {
  /** Its queue is one that tells consumers how often a message has failed before (`MessageView.attempts`). */
  readonly tellsAttempts: boolean;
  /** As in its options; '' for that of a `get`. */
  readonly tag: string;
  /** The name of its queue. */
  readonly queue: string;
  /** How many deliveries it holds. */
  readonly held: number;
  /** False once cancelled. */
  readonly active: boolean;
  /**
   * Ends one delivery, also after `cancel` without an outcome. A slot that is unknown or settled already is a fault of the
   * adapter's, which checks what its client says.
   */
  settle(slot: number, outcome: Outcome): void;
  /** The same where its client has said nothing of it: why is noted, where its queue has such things noted. */
  endFor(slot: number, outcome: Outcome, why: EndReason): void;
  /**
   * The delivery may be held from now on for as long as from its beginning: its lease is renewed. False: this consumer does not hold
   * it any more.
   */
  renew(slot: number): boolean;
  /** The same of all that it holds, whatever their number. False: some had been taken back, and its client has not answered those yet. */
  renewAll(): boolean;
  /**
   * Parks a delivery: out of the queue until a time, or until somebody asks for it by the token. No failed attempt.
   * @param token of DEFERRAL_TOKEN_BYTES_MAX bytes at most; '' for none. Several may have the same
   * @param at when it is back in its place
   * @returns false: it is not held any more, or the queue holds as many as it may
   */
  defer(slot: number, token: string, at: DeferralTime): boolean;
  /**
   * Messages that are parked under these tokens are this consumer's, oldest first and ahead of all others, as it can take them; those that
   * it has not got when it ends can be asked for again. @returns how many there are
   */
  claim(tokens: readonly string[]): number;
  /** Its client has said how so many deliveries ended that were taken back before (`DeliverySink.overdue`): it changes nothing, and is counted. */
  answered(count: number): void;
  /** Changes the limit; 0 for as many as the broker lets one hold. More credit has its effect at the end of this turn; what it holds stays held. */
  setPrefetch(limit: number): void;
  /**
   * Has its queue look again, at the end of this turn, for something to deliver: call it when the socket has drained
   * (`ConnectionHandler.drained`) or credit came back to a shared limit.
   */
  wake(): void;
  /**
   * Calls `done` once its queue has handed out what can be taken of what is in it now: before this returns, unless something must be
   * fetched first. Not if the consumer or the queue ends before.
   */
  whenServed(done: () => void): void;
  /**
   * Takes the consumer from its queue, which stops deliveries; the sink's `cancelled` is not called. A queue that is declared
   * auto-delete goes with its last one.
   * @param outcome how what it holds ends, in parts if it is much. Left out: held deliveries stay the caller's to settle (its
   * channel may acknowledge them later)
   */
  cancel(outcome?: Outcome): void;
  /**
   * The connection is gone but its session stays: deliveries stop, what it holds stays held. `resume` gives it the sink of another
   * connection, which has adopted it (`Session.adoptConsumer`); first everything held is delivered again, in the order of its first delivery, with the same slots and
   * `redelivered` as it was recorded, then new messages.
   */
  suspend(): void;
  resume(sink: DeliverySink, output: Backpressure): void;
}

/** What a queue looks at before it hands out one more delivery: a connection's `Output`, nearly always. */
export interface Backpressure {
  /** True: deliver nothing now. When it has gone back to false the adapter calls `Consumer.wake`. */
  readonly congested: boolean;
}

/** Never congested: for consumers without a socket. */
export const NO_BACKPRESSURE: Backpressure = { congested: false };

/**
 * Takes at-most-once messages of a queue that was declared with `atMostOnce: 'direct'` (`Session.attachDirect`), within the call
 * that publishes them.
 *
 * While `output.congested`, publishers to it are stalled for a short while (`Session.congested`), so that a subscriber
 * which merely keeps up a little less well loses nothing; one that does not drain in that time is slow, stalls nobody any
 * more until it has drained, and loses what it has no room for. The adapter calls `Session.directDrained` when it drains.
 */
export interface DirectSink {
  readonly output: Backpressure;
  /**
   * Encode it now or drop it: `view` is used again for the next message.
   * @returns false if it was dropped, for the counters
   */
  deliverDirect(view: MessageView): boolean;
  /** The queue is gone, and its consumers have been told. No further call. */
  queueDeleted?(name: string): void;
}

/** What `Session.get` says beside the message. */
export type GetResult = {
  /** Messages that are still ready after this one. */
  readonly remaining: number;
};

/** Takes what is in a queue, which stays there (`Session.browse`). No call may throw. */
export interface BrowseSink {
  /** One of its messages, in order of arrival. @param view used again for the next one: encode it before this returns */
  show(view: MessageView): void;
  /** There are no more, the queue is gone, or its user may not read it any more. No further call. */
  ended(): void;
}

/** A look through a queue that is under way. */
export interface Browse {
  /** The socket has drained. */
  wake(): void;
  /** Nobody looks any more: `ended` is not called. */
  stop(): void;
}
