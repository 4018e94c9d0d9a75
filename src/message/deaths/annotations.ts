/**
 * Annotations: notes of the broker's own about a message, its death records, kept beside the publisher's property bytes and
 * never mixed into them. Adapters show them in their own form (`x-death`, flat properties), in the place of what its
 * publisher may have said of the same; that is where a record begins (`death-headers.ts`).
 *
 * Bytes: a JSON text in UTF-8. It is written when a message dies and read when a dead letter is delivered, neither of
 * which is a hot path, and a format that a person can read in a log dump is worth more there.
 */

import { packJson, unpackJson } from '../json.ts';
import type { Death } from './deaths.ts';

export interface Annotations {
  /** Newest first, one entry per (queue, reason). */
  readonly deaths: readonly Death[];
  /** Whole, but where the message came with a record of its own that does not say it. */
  readonly firstDeath: { readonly queue?: string; readonly reason?: string; readonly exchange?: string };
  /** The queue where it died first of those whose deaths the broker has seen; left out: `firstDeath` is one of these. */
  readonly origin?: string;
  /** It has got a key of a queue's own since: the other keys that its publisher named (`CC`) lead nowhere any more. */
  readonly rekeyed?: boolean;
}

/** Bytes of annotations that are remembered, and how many of them. */
const REMEMBERED_BYTES_MAX = 2 * 1024;
const REMEMBERED_MAX = 256;

/**
 * Dead letters of a queue come in runs that say the same, to the second. What was decoded last is remembered by its bytes, and every
 * record with the bytes it came from: so a thousand of them that are read, moved or delivered are taken apart once.
 */
const decoded = new Map<string, Annotations>();
const encoded = new WeakMap<Annotations, Buffer>();
/** What was decoded last, and its bytes. */
let last: Annotations | undefined;
let lastBytes: Buffer = Buffer.alloc(0);
/** And the record that was made last, of what. */
let made: {
  readonly before: Annotations | undefined;
  readonly death: Omit<Death, 'count'>;
  readonly rekeyed: boolean;
  readonly result: Annotations;
} | null = null;

/** The bytes are to be read only: another message may have the same. */
export function encodeAnnotations(annotations: Annotations): Buffer {
  let bytes = encoded.get(annotations);
  if (bytes === undefined) {
    bytes = Buffer.from(packJson(annotations), 'utf8');
    encoded.set(annotations, bytes);
  }
  return bytes;
}

/** Undefined for an empty range. @throws SyntaxError damage */
export function decodeAnnotations(buffer: Buffer, start: number, end: number): Annotations | undefined {
  if (start === end) return undefined;
  if (end - start > REMEMBERED_BYTES_MAX) return unpackJson<Annotations>(buffer, start, end);
  if (end - start === lastBytes.length && buffer.compare(lastBytes, 0, lastBytes.length, start, end) === 0) return last;
  const annotations = remembered(buffer, start, end);
  last = annotations;
  lastBytes = encodeAnnotations(annotations);
  return annotations;
}

function remembered(buffer: Buffer, start: number, end: number): Annotations {
  const key = buffer.latin1Slice(start, end);
  const known = decoded.get(key);
  if (known !== undefined) return known;
  const annotations = unpackJson<Annotations>(buffer, start, end);
  if (decoded.size >= REMEMBERED_MAX) decoded.clear();
  // Many messages have this one.
  Object.freeze(annotations);
  Object.freeze(annotations.deaths);
  decoded.set(key, annotations);
  encoded.set(annotations, Buffer.from(buffer.subarray(start, end)));
  return annotations;
}

/**
 * The record of one more death, added to what there was.
 * @param rekeyed it goes on with a key of the queue's own
 * @param told what there was its publisher has said, and nothing of it is the broker's
 */
export function withDeath(
  before: Annotations | undefined,
  death: Omit<Death, 'count'>,
  rekeyed = false,
  told = false,
): Annotations {
  const known = made;
  if (known !== null && known.before === before && known.rekeyed === rekeyed && sameDeath(known.death, death)) {
    return known.result;
  }
  const result = withAnother(before, death, rekeyed, told);
  made = { before, death, rekeyed, result };
  return result;
}

function sameDeath(a: Omit<Death, 'count'>, b: Omit<Death, 'count'>): boolean {
  return (
    a.queue === b.queue &&
    a.reason === b.reason &&
    a.timeS === b.timeS &&
    a.exchange === b.exchange &&
    a.acquired === b.acquired &&
    a.originalExpirationMs === b.originalExpirationMs &&
    a.others === b.others &&
    sameKeys(a.routingKeys, b.routingKeys)
  );
}

function sameKeys(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === b || (a?.length === b?.length && a!.every((key, i) => key === b![i]));
}

function withAnother(
  before: Annotations | undefined,
  death: Omit<Death, 'count'>,
  rekeyed: boolean,
  told: boolean,
): Annotations {
  // What a publisher has said of deaths is not to lead his message where he may not send it.
  const origin = told && before !== undefined ? death.queue : before?.origin;
  const deaths = before?.deaths ?? [];
  const same = deaths.find((d) => d.queue === death.queue && d.reason === death.reason);
  const acquired = (same?.acquired ?? 0) + (death.acquired ?? 0);
  const entry: Death = {
    ...(same ?? death),
    count: (same?.count ?? 0) + 1,
    ...(acquired > 0 && { acquired }),
  };
  return {
    deaths: [entry, ...deaths.filter((d) => d !== same)],
    firstDeath: before?.firstDeath ?? {
      queue: death.queue,
      reason: death.reason,
      ...(death.exchange === undefined ? {} : { exchange: death.exchange }),
    },
    ...(origin !== undefined && { origin }),
    ...(rekeyed || before?.rekeyed === true ? { rekeyed: true } : {}),
  };
}

/** How often it has died in all. */
export function deathCount(annotations: Annotations): number {
  return annotations.deaths.reduce((sum, death) => sum + death.count, 0);
}
