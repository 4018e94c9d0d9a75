/**
 * Sequence numbers of messages. There is one source of them for each vhost, shared by its durable log and its transient
 * store, so that a number alone says which message is meant, and which of two came first.
 */

/** Largest number that the log's six bytes can hold; at a million messages a second it lasts nine years. */
export const SEQUENCE_MAX = 2 ** 48 - 1;

export class Sequence {
  /** The number that the next message gets; the taker adds one. Recovery sets it past every number it has seen. */
  next = 1;
}
