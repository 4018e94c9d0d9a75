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

export function encodeAnnotations(annotations: Annotations): Buffer {
  return Buffer.from(packJson(annotations), 'utf8');
}

/** Undefined for an empty range. */
export function decodeAnnotations(buffer: Buffer, start: number, end: number): Annotations | undefined {
  if (start === end) return undefined;
  return unpackJson<Annotations>(buffer, start, end);
}

/**
 * The record of one more death, added to what there was.
 * @param rekeyed it goes on with a key of the queue's own
 */
export function withDeath(before: Annotations | undefined, death: Omit<Death, 'count'>, rekeyed = false): Annotations {
  const deaths = before?.deaths ?? [];
  const same = deaths.find((d) => d.queue === death.queue && d.reason === death.reason);
  const entry: Death = same === undefined ? { ...death, count: 1 } : { ...same, count: same.count + 1 };
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
