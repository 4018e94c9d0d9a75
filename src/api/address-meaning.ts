/** What an address of a protocol means in the broker's model (`Protocol.resolve`). */
import type { Spelling } from '../message/message.ts';
import type { TopicUse } from './administration.ts';
import type { Compatibility } from './session.ts';

export interface AddressMeaning {
  /** '' is the default one. */
  readonly exchange: string;
  /** As it is published with. */
  readonly key: Buffer;
  readonly spelling: Spelling;
  /** A queue that is declared first, if it is not there. Left out: none. */
  readonly declares?: string;
  /** Milliseconds that the message waits before it is routed. Left out: none. */
  readonly delayMs?: number;
}

/** Whose subscription is asked for (`Protocol.subscription`). */
export interface Subscriber {
  /** The key to bind with, where the protocol says it apart from the address. */
  readonly key?: string;
  /** What the client calls itself. */
  readonly clientId?: string;
  /** Whose habits its vhost keeps. */
  readonly compat: Compatibility;
}

/** What an address means to who subscribes to it, or consumes from it. */
export interface SubscriptionMeaning {
  /** The queue that is read. Left out: one that is made for it alone, of a name that cannot be known before. */
  readonly queue?: string;
  /** The queue is declared first, if it is not there. */
  readonly declares: boolean;
  /** The queue is the adapter's, for its client's own use: nobody is asked whether he may have it (`QueueOptions.ownUse`). */
  readonly ownUse: boolean;
  /** Subscribers take messages from each other; else each gets all of them. */
  readonly shared: boolean;
  /** How it is bound. Left out: as it is. */
  readonly binding?: {
    readonly exchange: string;
    readonly key: string;
    readonly spelling: Spelling;
    /** As in `BindOptions`. */
    readonly hideReserved?: boolean;
  };
  /** It begins with what is retained under its binding. */
  readonly retained: boolean;
  /** How long a message waits for who subscribes: as the queue lasts, as the client's session, as its connection; not at all. */
  readonly waits: 'queue' | 'session' | 'connection' | 'never';
  /** What else is to be known of it, sentences for people. */
  readonly notes: readonly string[];
}

/** What somebody wants to do with a topic or a filter, as permissions are asked about it (`Protocol.explains`). */
export interface TopicQuestion {
  /** '' is the default one. */
  readonly exchange: string;
  /** The topic or filter that counts, its levels parted by slashes; of the default exchange the name of a queue. */
  readonly topic: string;
  /** Nobody may, whatever the rules say, and why: for people. */
  readonly refused?: string;
  /** It is no message but a command about users: for who administers them. */
  readonly commands?: true;
  /** What else is to be known of it, for people. */
  readonly note?: string;
}

export type ExplainTopic = (use: TopicUse, topic: string) => TopicQuestion;
