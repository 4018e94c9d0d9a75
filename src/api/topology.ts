/**
 * Exchanges, queues and bindings: what a client may declare, and what it is told of them. Arguments and their errors are
 * RabbitMQ's.
 */
import type { Assurance, Spelling } from '../message/message.ts';
import type { Headers } from '../message/properties.ts';
import type { Mark } from './confirms.ts';

/** Which bindings a key goes through: see `routing/kinds/`. */
export type ExchangeType =
  | 'direct'
  | 'fanout'
  | 'topic'
  | 'headers'
  | 'x-consistent-hash'
  | 'x-modulus-hash'
  | 'x-random'
  | 'x-delayed-message'
  | 'x-message-deduplication';

export interface ExchangeOptions {
  /** It is there after a restart. */
  readonly durable: boolean;
  /** It goes when its last binding does (if it ever had one). */
  readonly autoDelete: boolean;
  /** Clients cannot publish to it: it gets messages from other exchanges. */
  readonly internal: boolean;
  /** Unknown `x-` arguments are kept and compared; known ones that are not built are refused. */
  readonly arguments: Headers;
}

export interface QueueOptions {
  /** It is there after a restart, with its messages of more than AT_MOST_ONCE. */
  readonly durable: boolean;
  /** Belongs to this session: no one else may use it, and it goes with the session. */
  readonly exclusive: boolean;
  /** Goes when its last consumer does (if it ever had one). */
  readonly autoDelete: boolean;
  /** `x-message-ttl`, `x-max-length` and so on. Unknown ones are kept and compared; known ones that are not built are refused. */
  readonly arguments: Headers;
  /**
   * `direct`: at-most-once messages go straight to the sink attached with `attachDirect`, and are dropped, counted, when
   * none is. Default `queue`: everything is queued.
   */
  readonly atMostOnce?: 'queue' | 'direct';
  /** What its owner says in `Draft.origin` when it publishes, now that it is declared (again). Default: the queue's name. */
  readonly origin?: string;
  /**
   * An adapter makes it for its client's own use: its name may be a reserved one, and from now on this session is not asked whether it
   * may use the queue. What it is bound to is asked for, and goes when its client may not read that any more
   * (`SessionClient.accessLost`). `shared`: other clients use it so as well, and only this session's consumers go. Default false.
   */
  readonly ownUse?: boolean | 'shared';
  /**
   * An adapter makes it for a subscription whose client speaks of no queue; it is asked whether it may, all the same. As one for its own
   * use it is marked so for who is told what comes and goes (`QueueUse`). Default false.
   */
  readonly forSubscription?: boolean;
}

/**
 * What a queue is there for, where it is none that clients share by its name: `temporary`, of one session and gone with it; `own`, an
 * adapter's, for a client that speaks of no queue.
 */
export type QueueUse = 'temporary' | 'own';

/** What a declare says of the queue. */
export interface QueueInfo {
  /** The one that was given, or made by the server. */
  readonly name: string;
  /** Ready messages, not those that consumers hold. */
  readonly messages: number;
  /** Consumers that are attached. */
  readonly consumers: number;
  /** Waits for the log if this call changed something durable, else MARK_NOW. */
  readonly mark: Mark;
}

/** A binding beside its ends and its key. A binding is the same if ends, key, spelling and arguments are. */
export interface BindOptions {
  /** How the key, or the filter, separates its levels. */
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

/** A binding as a queue has it. */
export interface BindingInfo {
  readonly exchange: string;
  readonly key: string;
  readonly options: BindOptions;
}
