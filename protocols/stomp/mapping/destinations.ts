/**
 * Destinations: what a `destination` header means, and how an exchange and a routing key are shown in one.
 *
 *     /queue/q, q            a durable queue, declared when it is first named in a session
 *     /amq/queue/q           a queue that exists
 *     /topic/k               exchange amq.topic, routing key k
 *     /exchange/x[/k]        exchange x, routing key k
 *     /temp-queue/n          a queue of this session's own
 *     /temp-topic/n          a topic of this session's own
 *     /reply-queue/n         a queue that exists; its name may hold `/`
 *     /delivery/renew, /delivery/claim
 *                            nothing: a SEND there is a word about deliveries (`deliver/delivery-commands.ts`)
 *     /remote-temp-queue/n, /remote-temp-topic/n
 *                            another session's own, to be sent to: what stands in a `reply-to` for those of ActiveMQ's clients
 *     d,d                    several: a message for each of them, one subscription to all of them
 *
 * Each segment is percent-decoded. Towards clients `/`, `%`, control characters and bytes that are no UTF-8 (only keys have
 * such) are percent-encoded within a segment, other characters stay as they are, so that a destination is shown as it was sent.
 */
import { type Address, bytesOf, dotted, isText, type Spelling, textOf } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';

export type Destination =
  | { readonly kind: 'queue'; readonly name: string }
  | { readonly kind: 'existing-queue'; readonly name: string }
  | { readonly kind: 'exchange'; readonly exchange: string; readonly key: string }
  | { readonly kind: 'temporary-queue'; readonly name: string }
  | { readonly kind: 'temporary-topic'; readonly name: string }
  | { readonly kind: 'remote-queue'; readonly name: string }
  | { readonly kind: 'remote-topic'; readonly key: string };

export const TOPIC_EXCHANGE = 'amq.topic';
/** A queue under this, and then a topic's name, keeps what comes to that: its history. */
const HISTORY_PREFIX = 'ActiveMQ.History.';
/** What names a session's own queue; subscription ids that begin so are the broker's. */
export const TEMPORARY_PREFIX = '/temp-queue/';
/** SEND here is no message: it renews leases, or asks for parked messages, as its headers say. */
export const RENEW_DESTINATION = '/delivery/renew';
export const CLAIM_DESTINATION = '/delivery/claim';
export const TEMPORARY_TOPIC_PREFIX = '/temp-topic/';
export const REMOTE_QUEUE_PREFIX = '/remote-temp-queue/';
export const REMOTE_TOPIC_PREFIX = '/remote-temp-topic/';
/** What names somebody else's, who may have gone. */
export const REPLY_PREFIX = '/reply-queue/';
const FORMS =
  '/queue/NAME, /amq/queue/NAME, /topic/KEY, /exchange/NAME[/KEY], /temp-queue/NAME, /temp-topic/NAME, /reply-queue/NAME';
/** In one `destination`. */
const SEVERAL_MAX = 64;

/** Throws a FrameError that says what is wrong with it. */
export function parseDestination(text: string): Destination {
  if (!text.startsWith('/') && !text.includes('/')) return { kind: 'queue', name: oneSegment(text, text) };
  if (text.startsWith('/queue/')) return { kind: 'queue', name: oneSegment(text, text.slice(7)) };
  if (text.startsWith('/topic/')) {
    return { kind: 'exchange', exchange: TOPIC_EXCHANGE, key: oneSegment(text, text.slice(7), true) };
  }
  if (text.startsWith('/exchange/')) {
    const rest = text.slice(10);
    const slash = rest.indexOf('/');
    if (slash < 0) return { kind: 'exchange', exchange: oneSegment(text, rest), key: '' };
    const key = rest.slice(slash + 1);
    return {
      kind: 'exchange',
      exchange: oneSegment(text, rest.slice(0, slash)),
      key: key && oneSegment(text, key, true),
    };
  }
  if (text.startsWith('/amq/queue/')) return { kind: 'existing-queue', name: oneSegment(text, text.slice(11)) };
  if (text.startsWith(REPLY_PREFIX)) return { kind: 'existing-queue', name: decodeAll(text, text.slice(13)) };
  if (text.startsWith(TEMPORARY_PREFIX)) {
    return { kind: 'temporary-queue', name: oneSegment(text, text.slice(TEMPORARY_PREFIX.length)) };
  }
  if (text.startsWith(TEMPORARY_TOPIC_PREFIX)) {
    return { kind: 'temporary-topic', name: oneSegment(text, text.slice(TEMPORARY_TOPIC_PREFIX.length)) };
  }
  if (text.startsWith(REMOTE_QUEUE_PREFIX)) {
    return { kind: 'remote-queue', name: decodeAll(text, text.slice(REMOTE_QUEUE_PREFIX.length)) };
  }
  if (text.startsWith(REMOTE_TOPIC_PREFIX)) {
    return { kind: 'remote-topic', key: decodeAll(text, text.slice(REMOTE_TOPIC_PREFIX.length)) };
  }
  throw new FrameError(
    'Unknown destination',
    `'${text}' is not a valid destination. Known forms are ${FORMS}, or a queue's bare name.`,
  );
}

/**
 * The destinations that are listed in one: nearly always one alone. A comma parts them where a `/` follows, which no name can begin with;
 * with ActiveMQ's clients (`bare`) everywhere, and those after the first need not say that they are of its kind. A comma within a
 * name is written %2C there.
 *
 * @throws FrameError for more than there may be
 */
export function listedDestinations(text: string, bare: boolean): readonly string[] {
  if (!text.includes(',')) return [text];
  const listed = text.split(bare ? ',' : /,(?=\/)/);
  if (listed.length > SEVERAL_MAX) {
    throw new FrameError('Invalid destination', `At most ${SEVERAL_MAX} destinations can be listed in one.`);
  }
  const kind = /^\/(?:queue|topic)\//.exec(listed[0]!)?.[0] ?? '';
  const whole = listed.map((one, i) => {
    if (one === '') throw invalid(text, 'A name is missing.');
    return i === 0 || one.startsWith('/') ? one : kind + one;
  });
  return [...new Set(whole)];
}

/** As a consumer is shown where a message came from. */
export function formatDestination(exchange: string, key: string, spelling: Spelling): string {
  const name = dotted(key, spelling);
  if (exchange === '') return `/queue/${encodeSegment(name)}`;
  if (name === '') return `/exchange/${encodeSegment(exchange)}`;
  if (exchange === TOPIC_EXCHANGE) return `/topic/${encodeSegment(name)}`;
  return `/exchange/${encodeSegment(exchange)}/${encodeSegment(name)}`;
}

/**
 * An address as a `reply-to`. Queues with reserved names are not to be declared by who replies, so they take the form
 * that never declares.
 */
export function formatReplyTo(address: Address): string {
  if (address.exchange === '' && address.key.startsWith('amq.')) return `/reply-queue/${encodeSegment(address.key)}`;
  return formatDestination(address.exchange, address.key, 0);
}

/** Where a `reply-to` leads; undefined if it is not a destination that others could send to. */
export function addressOf(text: string): Address | undefined {
  try {
    const destination = parseDestination(text);
    switch (destination.kind) {
      case 'queue':
      case 'existing-queue':
      case 'remote-queue':
        return { exchange: '', key: destination.name };
      case 'remote-topic':
        return { exchange: TOPIC_EXCHANGE, key: destination.key };
      case 'exchange':
        // Publishers of other protocols name keys by text alone.
        return isText(destination.key) ? { exchange: destination.exchange, key: destination.key } : undefined;
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function oneSegment(whole: string, segment: string, isKey = false): string {
  if (segment === '') throw invalid(whole, 'A name is missing.');
  if (segment.includes('/')) throw invalid(whole, "It has too many parts; a '/' within a name is written %2F.");
  return decodeAll(whole, segment, isKey);
}

function decodeAll(whole: string, segment: string, isKey = false): string {
  if (segment === '') throw invalid(whole, 'A name is missing.');
  if (!segment.includes('%')) return segment;
  const decoded = percentDecoded(segment);
  if (decoded !== undefined && (isKey || isText(decoded))) return decoded;
  const what = isKey ? '' : ' that give UTF-8';
  throw invalid(whole, `'%' must be followed by two hexadecimal digits${what}; a '%' itself is written %25.`);
}

/** Undefined where a `%` stands for nothing. */
function percentDecoded(segment: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(segment)) return undefined;
  const parts = segment.split(/((?:%..)+)/);
  const bytes = parts.map((part, i) => (i % 2 === 0 ? bytesOf(part) : Buffer.from(part.replaceAll('%', ''), 'hex')));
  return textOf(Buffer.concat(bytes));
}

function encodeSegment(segment: string): string {
  // A lone surrogate stands for a byte (`src/message/text.ts`).
  return segment.replace(/[%/\x00-\x1f\x7f]|[\udc80-\udcff]/gu, (character) => {
    const byte = character.charCodeAt(0) & 0xff;
    return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function invalid(text: string, why: string): FrameError {
  return new FrameError('Invalid destination', `'${text}' is not a valid destination. ${why}`);
}

/** A topic's name as ActiveMQ's clients write it. @param filter dotted, with `*` and `#` */
export function topicName(filter: string): string {
  return filter === '#' ? '>' : filter.replace(/\.#$/, '.>');
}

/** The queue that keeps a topic's history, if there is one. @param filter dotted, with `*` and `#` */
export function historyOf(filter: string): string {
  return HISTORY_PREFIX + topicName(filter);
}
