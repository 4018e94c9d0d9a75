/** What an address of a protocol means in the broker's model (`Protocol.resolve`). */
import type { Spelling } from '../message/message.ts';
import type { TopicUse } from './administration.ts';

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
