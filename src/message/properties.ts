/**
 * The neutral form of a message's properties: what every protocol can be read into and written from, so that n
 * protocols need n converters. A message is stored with the property bytes of the protocol that sent it; this form is
 * only made when a message crosses from one protocol to another, or when the broker itself must look (headers exchange,
 * dead-lettering, selectors).
 */

/**
 * A header's value with its type kept. Plain JavaScript values stand for the common ones: string (text, whatever its bytes:
 * `text.ts`), boolean, null (void); everything else is tagged, so that a 16-bit integer comes back as a 16-bit integer.
 * Operations on them are in `values.ts`.
 */
export type Value =
  | string
  | boolean
  | null
  | { readonly type: 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32'; readonly value: number }
  | { readonly type: 'int64' | 'uint64'; readonly value: bigint }
  | { readonly type: 'float' | 'double'; readonly value: number }
  /** `value` × 10^-`scale` */
  | { readonly type: 'decimal'; readonly scale: number; readonly value: number }
  /** seconds since the epoch */
  | { readonly type: 'timestamp'; readonly value: bigint }
  | { readonly type: 'bytes'; readonly value: Buffer }
  | { readonly type: 'list'; readonly value: readonly Value[] }
  | { readonly type: 'map'; readonly value: Headers };

export interface Header {
  readonly name: string;
  readonly value: Value;
}

/** Ordered, each name once. */
export type Headers = readonly Header[];

/** Where a message can be sent: an exchange ('' is the default one) and a routing key, dotted (`routing/levels.ts`). */
export interface Address {
  readonly exchange: string;
  readonly key: string;
}

/** Texts give back the bytes they were read from (`text.ts`). */
export interface Properties {
  messageId?: string;
  correlationId?: string | Buffer;
  replyTo?: Address;
  contentType?: string;
  contentEncoding?: string;
  /** 0 to 255; 4 is what JMS-style clients assume when absent. */
  priority?: number;
  /** Milliseconds that are left until it expires. Set by `Dialects.properties`, for the broker knows; dialects leave it. */
  expiryMs?: number;
  /** Seconds since the epoch, as the publisher gave it. */
  timestampS?: bigint;
  type?: string;
  userId?: string;
  appId?: string;
  groupId?: string;
  /** The body is declared to be UTF-8 text (as publishers of several protocols can say). */
  text?: boolean;
  headers: Headers;
  /**
   * How many there were that have no place here: of a name that has come before (some protocols' properties may repeat, but a
   * name stands for one thing, and the first of it counts), a reply-to that leads nowhere.
   */
  lost?: number;
}

/** Where a reply goes, in protocols that have a place for the key alone: left out for the default exchange. */
export const REPLY_EXCHANGE_HEADER = 'x-reply-to-exchange';

/** The header by which JMS names a message's group: what carries `groupId` where a protocol has no property for it. */
export const GROUP_HEADER = 'JMSXGroupID';

export const NO_PROPERTIES: Properties = Object.freeze({ headers: Object.freeze([]) as Headers });
