/** Messages of a queue as an operator looks at them, without anything being taken: not their order, not their count, no flag is touched. */
import type { Session } from '../../api/session.ts';
import { deathCount, decodeAnnotations } from '../../message/deaths/annotations.ts';
import { AT_MOST_ONCE, type MessageView, type Spelling } from '../../message/message.ts';
import type { Properties } from '../../message/properties.ts';
import type { BrowsedEntry, BrowsedState } from '../../queue/browse/queue-browser.ts';
import { attemptsOf, FLAG_DELIVERED, returnsOf } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Pace } from '../listing/pace.ts';
import { MessageFilter, piecesOf } from './filter.ts';
import { type Scanned, type ScanQuery, scan } from './scan.ts';

export interface PeekQuery extends ScanQuery {
  /** Messages that are shown. */
  readonly limit: number;
  /** Of each body. */
  readonly bodyBytes: number;
}

export interface PeekedMessage {
  /** Its sequence number: where it is in the order of arrival, and how it is asked for again. */
  readonly position: number;
  readonly state: BrowsedState;
  /** It may have been handed out before. */
  readonly redelivered: boolean;
  readonly attempts: number;
  /** How often it has come back, failed or not; left out: its queue does not count that. */
  readonly acquired?: number;
  readonly exchange: string;
  /** As it was sent, in its own spelling. */
  readonly routingKey: string;
  /** What parts its levels. */
  readonly spelling: Spelling;
  /** Its publisher asked for more than at most once. */
  readonly persistent: boolean;
  /** -1: not given. */
  readonly priority: number;
  /** Epoch milliseconds; `expiresAtMs` 0: never. */
  readonly arrivedAtMs: number;
  readonly expiresAtMs: number;
  /** With all headers as they were sent. */
  readonly properties: Properties;
  /** What it was parked under, if somebody gets it for asking by that. */
  readonly deferralToken?: string;
  /** How often it has died. */
  readonly deaths: number;
  /** Of the whole body. */
  readonly bodyBytes: number;
  /** Its first bytes. */
  readonly body: Buffer;
}

export interface Peeked extends Scanned {
  readonly messages: readonly PeekedMessage[];
}

/** What one answer may hold. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

export async function peek(vhost: Vhost, queue: Queue, query: PeekQuery, pace: Pace): Promise<Peeked> {
  const found: (Omit<PeekedMessage, 'body'> & { readonly body: Buffer | Promise<Buffer> })[] = [];
  let bytes = 0;
  const scanned = await scan(vhost, queue, query, pace, (entry, view) => {
    const body = bodyOf(view, query.bodyBytes);
    found.push({ ...shown(vhost, entry, view, queue.settings.type === 'quorum'), body });
    bytes += Math.min(view.bodyLength, query.bodyBytes) + view.propsEnd - view.propsStart;
    return found.length < query.limit && bytes < ANSWER_BYTES_MAX;
  });
  const messages: PeekedMessage[] = [];
  for (const { body, ...rest } of found) messages.push({ ...rest, body: await body });
  return { ...scanned, messages };
}

/** A whole body, piece by piece. */
export interface WholeBody {
  readonly length: number;
  readonly pieces: AsyncIterable<Buffer>;
}

/** Of the message at this place; undefined: it is not in the queue. A large one is held until its pieces have been read, or `return` ends them. */
export async function wholeBody(
  vhost: Vhost,
  queue: Queue,
  position: number,
  pace: Pace,
): Promise<WholeBody | undefined> {
  let found: WholeBody | undefined;
  const query: ScanQuery = {
    from: { position, backwards: false },
    states: ['ready', 'unsettled'],
    filter: new MessageFilter(undefined, undefined),
  };
  await scan(vhost, queue, query, pace, (entry, view) => {
    if (entry.seq !== position) return false;
    const pieces =
      view.large === null
        ? once(Buffer.from(view.body.subarray(view.bodyStart, view.bodyEnd)))
        : piecesOf(view.large as StoredBody, Number.MAX_SAFE_INTEGER);
    found = { length: view.bodyLength, pieces };
    return false;
  });
  return found;
}

async function* once(piece: Buffer): AsyncGenerator<Buffer> {
  if (piece.length > 0) yield piece;
}

/** A message that is shown, with its first bytes. */
export async function peekedMessage(
  vhost: Vhost,
  entry: BrowsedEntry,
  view: MessageView,
  bodyBytes: number,
): Promise<PeekedMessage> {
  const about = shown(vhost, entry, view);
  return { ...about, body: await bodyOf(view, bodyBytes) };
}

function shown(
  vhost: Vhost,
  { seq, flags, state }: BrowsedEntry,
  view: MessageView,
  counts = false,
): Omit<PeekedMessage, 'body'> {
  return {
    position: seq,
    state,
    redelivered: (flags & FLAG_DELIVERED) !== 0,
    attempts: attemptsOf(flags),
    ...(counts && { acquired: attemptsOf(flags) + returnsOf(flags) }),
    ...ofMessage(vhost.dialects, view),
  };
}

/** A message that is being delivered, in the same form. A large body is read before the promise is resolved. @param counts its queue counts how often it comes back */
export function deliveredMessage(
  session: Session,
  view: MessageView,
  bodyBytes: number,
  counts = false,
): PeekedMessage | Promise<PeekedMessage> {
  const about = {
    position: view.seq,
    state: 'unsettled' as const,
    redelivered: view.redelivered,
    attempts: view.attempts,
    ...(counts && { acquired: view.acquired }),
    ...(view.deferralToken !== '' && { deferralToken: view.deferralToken }),
    ...ofMessage(session, view),
  };
  const body = bodyOf(view, bodyBytes);
  return body instanceof Promise ? body.then((whole) => ({ ...about, body: whole })) : { ...about, body };
}

type Decoding = Pick<Session, 'properties' | 'matchProperties'>;
type OfEntry = 'position' | 'state' | 'redelivered' | 'attempts' | 'acquired' | 'body';

function ofMessage(decoding: Decoding, view: MessageView): Omit<PeekedMessage, OfEntry> {
  return {
    exchange: view.exchange(),
    routingKey: view.key(),
    spelling: view.spelling,
    persistent: view.assurance !== AT_MOST_ONCE,
    priority: view.priority,
    arrivedAtMs: view.arrivedAtMs,
    expiresAtMs: view.expiresAtMs,
    properties: { ...decoding.properties(view), headers: decoding.matchProperties(view).headers },
    deaths: deathsOf(view),
    bodyBytes: view.bodyLength,
  };
}

function deathsOf(view: MessageView): number {
  if (view.notesStart === view.notesEnd) return 0;
  try {
    const annotations = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
    return annotations === undefined ? 0 : deathCount(annotations);
  } catch {
    return 0; // damage
  }
}

/** A large body is held from now on, and read when all are found. */
function bodyOf(view: MessageView, bytesMax: number): Buffer | Promise<Buffer> {
  if (view.large === null) {
    const end = Math.min(view.bodyEnd, view.bodyStart + bytesMax);
    return Buffer.from(view.body.subarray(view.bodyStart, end));
  }
  const body = gathered(piecesOf(view.large as StoredBody, bytesMax));
  body.catch(() => {}); // whoever awaits it hears of it
  return body;
}

async function gathered(source: AsyncGenerator<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}
