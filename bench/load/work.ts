/** The description of a load, which the project's own generator and the neutral gauge have in common. */

export type LoadProtocol = 'amqp' | 'mqtt' | 'stomp';

export interface Work {
  readonly publish: LoadProtocol;
  readonly consume: LoadProtocol;
  /** Messages in all. */
  readonly count: number;
  /** Body size. At least 16: a message's number is in it. */
  readonly bodyBytes: number;
  /** Subscribers; more than one gets every message each (`fanout`). */
  readonly subscribers: number;
  readonly fanout: boolean;
  /** Confirms, QoS 1, receipts; so many may be open. 0: none. */
  readonly window: number;
  readonly persistent: boolean;
  /** Deliveries are acknowledged by the client: manual acks, QoS 1, client-individual. */
  readonly acknowledge: boolean;
  readonly prefetch: number;
  /** Nobody consumes: what counts is how fast it is confirmed. */
  readonly publishOnly: boolean;
  /**
   * MQTT only: each subscriber has a filter of its own with wildcards, and each message matches one of them, in turn.
   */
  readonly filters: boolean;
  /** AMQP only: each message has an id of its own, in the property; and `once`: the queue takes each id once. Default false. */
  readonly messageIds?: boolean;
  readonly once?: boolean;
  /** AMQP only: each message has one of so many keys, in the header `key`; 0: none has one. Default 0. */
  readonly keys?: number;
  /** AMQP only: what the queue is told to do with them. Default nothing. */
  readonly order?: 'groups' | 'strict' | 'fair';
  /** AMQP only: each delivery is settled by itself, after it was given back so many times. Default: many at a time. */
  readonly settleEach?: { readonly failures: number; readonly retryMs: number };
  /** Queue or topic, of its own for each run. */
  readonly destination: string;
  /** Who logs in, with a password that is the same as the name. Default: guest. */
  readonly user?: string;
}

export interface Ports {
  readonly publish: number;
  readonly consume: number;
  /** They are spoken to over TLS; whoever answers is believed. Default false. */
  readonly secure?: boolean;
}

export interface Measured {
  /** Messages a second: received by all subscribers, or confirmed where nobody consumes. */
  readonly rate: number;
  /** How many of the expected came. 1 is all. */
  readonly complete: number;
  readonly duplicates: number;
  /** End to end, in microseconds; undefined where it was not measured. */
  readonly p50Us?: number;
  readonly p99Us?: number;
}

/** Messages go by the default exchange to a queue where both speak AMQP; into /queue/ where a STOMP client publishes to
 *  AMQP or STOMP; else by topic. */
export const byTopic = (work: Work): boolean => work.fanout || work.publish === 'mqtt' || work.consume === 'mqtt';
