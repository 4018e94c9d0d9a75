/**
 * A message on its way in (`Draft`) and on its way out (`MessageView`). Both are mutable structures that one owner uses
 * again and again; neither is kept for a message, and nothing is allocated for one.
 */
import type { Annotations } from './deaths/annotations.ts';
import type { HalfMessage } from './half-message.ts';
import type { Pinnable } from './pinned-memory.ts';
import type { Schedule } from './schedule.ts';
import { textOf } from './text.ts';

/** How a routing key separates its levels: `a.b` or `a/b`. Keys are stored as they were sent; see `spelling.ts`. */
export const DOT = 0;
export const SLASH = 1;
export type Spelling = 0 | 1;

/** What was promised to the publisher or asked for by a subscription. */
export const AT_MOST_ONCE = 0;
export const AT_LEAST_ONCE = 1;
export const EXACTLY_ONCE = 2;
export type Assurance = 0 | 1 | 2;

/**
 * A body larger than this is not held in one piece: it is appended to the log while it arrives (`Session.openBody`) and
 * read back in ranges (`MessageView.large`).
 */
export const INLINE_BODY_BYTES = 128 * 1024;

/** The longest delay of a message: 2^32 - 1 ms, some 49 days. */
export const DELAY_MAX_MS = 0xffff_ffff;

const EMPTY = Buffer.alloc(0);

/** Why a message is published again by the broker itself. */
export const AS_DEAD_LETTER = 1;
export const AS_MOVED = 2;
export const AS_DUE = 3;
export type Continuation = 0 | typeof AS_DEAD_LETTER | typeof AS_MOVED | typeof AS_DUE;

/** Who has had a message retained. */
export interface Retainer {
  readonly user: string;
  /** '' for none. */
  readonly clientId: string;
}

/** A body that lies in the log as extents. Obtained from `Session.openBody`; see there. */
export interface LargeBody {
  /** Bytes in all, as announced. */
  readonly length: number;
}

/**
 * What a publisher hands over. The adapter owns one, fills it for each message and passes it to `Session.publish`, which
 * copies what it keeps before it returns. Byte ranges may point into the socket's chunk.
 *
 * `reset()` brings everything to its default but the byte ranges and what the broker alone sets.
 */
export class Draft {
  /** The adapter's dialect id: who understands `props`. */
  dialect = 0;
  /** What the publisher asks for: transient, persistent, or exactly once. */
  assurance: Assurance = AT_MOST_ONCE;
  /** Keep as the topic's retained message; an empty body removes it. */
  retain = false;
  /** Set by the broker itself, with `retain` and where that is asked for later; null: nobody is asked for. */
  retainer: Retainer | null = null;
  /**
   * It has a group (`Properties.groupId`): queues give a group's messages to one consumer, in order. An adapter that does not
   * say so makes an ordinary message of it.
   */
  grouped = false;
  /**
   * Whoever its properties say has sent it (`Properties.userId`) is who publishes it: for adapters that take other claims as
   * well, and must tell them apart when the message is read.
   */
  userChecked = false;
  /** 0 to 255, -1 for not given. */
  priority = -1;
  /** Milliseconds to live, -1 for not given. */
  ttlMs = -1;
  /**
   * Milliseconds until it is routed, -1 for at once. Until then the broker keeps it, as safely as `assurance` asks for,
   * whatever its exchange; at most DELAY_MAX_MS, beyond which it is refused. `ttlMs` counts from when it is routed,
   * and whose it was (`origin`) is not remembered.
   */
  delayMs = -1;
  /** When it is routed, epoch milliseconds, -1 for not said; what has passed already is at once. It counts before `delayMs`. */
  dueMs = -1;
  /** It is a half message, or the word that ends one. */
  half: HalfMessage | null = null;
  /** It is to come again and again, or by a calendar; counts before `delayMs`. */
  schedule: Schedule | null = null;
  /** The property bytes in the dialect's own wire form. */
  props: Buffer = EMPTY;
  propsStart = 0;
  propsEnd = 0;
  /** The body, unless `large` is set. */
  body: Buffer = EMPTY;
  bodyStart = 0;
  bodyEnd = 0;
  large: LargeBody | null = null;
  /** Whose it is, for bindings that leave out what a queue's owner publishes (`QueueOptions.origin`); '' for no one's. */
  origin = '';
  /** Set by the broker itself when it republishes (dead letters). Adapters leave it null. */
  annotations: Annotations | null = null;
  /** Set by the broker itself when it publishes again: the number that the message had, 0 for a new one; and why (`Continuation`). */
  continues = 0;
  continuesAs: Continuation = 0;
  /** Result of `publish`: it was taken before, and has not been taken again. `routed` says that it leads somewhere. */
  duplicate = false;
  /** Result of `publish`, for the broker itself: the number it was stored under, 0 if it was not; and whether in the log. */
  seq = 0;
  durably = false;
  /**
   * Result of `publish`: how many queues and direct subscriptions took it. 0 means unroutable. A delayed message counts as
   * taken by one: where it leads is not known yet.
   */
  routed = 0;

  /** What is kept of it is to outlive the broker; where its body is large that has to be known before the body is written. */
  get outlives(): boolean {
    return this.assurance !== AT_MOST_ONCE || this.retain || this.schedule !== null || this.half !== null;
  }

  reset(): void {
    this.assurance = AT_MOST_ONCE;
    this.retain = false;
    this.retainer = null;
    this.grouped = false;
    this.userChecked = false;
    this.priority = -1;
    this.ttlMs = -1;
    this.delayMs = -1;
    this.dueMs = -1;
    this.half = null;
    this.schedule = null;
    this.propsStart = 0;
    this.propsEnd = 0;
    this.bodyStart = 0;
    this.bodyEnd = 0;
    this.large = null;
    this.origin = '';
    this.annotations = null;
    this.duplicate = false;
    this.seq = 0;
    this.durably = false;
    this.routed = 0;
  }
}

/**
 * A message as a consumer's adapter sees it: ranges of bytes in up to three buffers. Valid only until the call that
 * received it returns.
 */
export class MessageView {
  /**
   * Goes up with every message that is shown. The direct deliveries of one publish have the same one, so that an adapter
   * encodes them once; queues show the same message under different ones (there `seq` tells).
   */
  serial = 0;
  /** Identity and order within the vhost. 0 for one that was never stored (a direct delivery). */
  seq = 0;
  dialect = 0;
  spelling: Spelling = DOT;
  /** What the publisher asked for. */
  assurance: Assurance = AT_MOST_ONCE;
  /** The publisher's retain flag as stored. */
  retain = false;
  /** Its publisher says that it has a group. */
  grouped = false;
  /** Who its properties say has sent it was its publisher, if its adapter has said so. */
  userChecked = false;
  priority = -1;
  /** Epoch milliseconds at which it expires, 0 for never. */
  expiresAtMs = 0;
  /** Epoch milliseconds at which the broker took it. */
  arrivedAtMs = 0;
  /** Holds exchange name and routing key. */
  head: Buffer = EMPTY;
  exchangeStart = 0;
  exchangeEnd = 0;
  keyStart = 0;
  keyEnd = 0;
  props: Buffer = EMPTY;
  propsStart = 0;
  propsEnd = 0;
  body: Buffer = EMPTY;
  bodyStart = 0;
  bodyEnd = 0;
  /** Bytes in the whole body, wherever it is. */
  bodyLength = 0;
  /** What `body` lies in, for who needs it after the call (`Output.appendBody`). Null: it can only be copied. */
  memory: Pinnable | null = null;
  /** Set when the body is not in `body`; read it with `Session.readBody`. */
  large: LargeBody | null = null;
  /** Holds the annotations' bytes; empty for nearly all messages. Decode with `decodeAnnotations`. */
  notes: Buffer = EMPTY;
  notesStart = 0;
  notesEnd = 0;

  // What follows belongs to this delivery rather than to the message.

  /** It may have been handed to a consumer before. */
  redelivered = false;
  /** Failed attempts so far. */
  attempts = 0;
  /** The token by which its consumer has asked for it; '' for none. */
  deferralToken = '';
  /** Lower of what the publisher promised and what the subscription asked for. */
  effectiveAssurance: Assurance = AT_MOST_ONCE;
  /** This delivery comes from the retained store, or the subscription asked to keep the flag. */
  retained = false;
  /** Set by the adapter while it is delivered: something of it could not be told in the consumer's protocol. */
  lossy = false;
  /** The number the matching bindings carried (`BindOptions.data`), 0 for none, DATA_SEVERAL for several. */
  subscriptionData = 0;

  /** For a consumer that is told attempts (`Consumer.tellsAttempts`): how often it has come back from one, failed or not. */
  get acquired(): number {
    return this.attempts + this.subscriptionData;
  }

  exchange(): string {
    return textOf(this.head, this.exchangeStart, this.exchangeEnd);
  }

  /** The routing key as sent, in its own spelling. */
  key(): string {
    return textOf(this.head, this.keyStart, this.keyEnd);
  }
}
