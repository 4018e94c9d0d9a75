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
 */
export function withDeath(before: Annotations | undefined, death: Omit<Death, 'count'>, rekeyed = false): Annotations {
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
    ...(rekeyed || before?.rekeyed === true ? { rekeyed: true } : {}),
  };
}

/** How often it has died in all. */
export function deathCount(annotations: Annotations): number {
  return annotations.deaths.reduce((sum, death) => sum + death.count, 0);
}
