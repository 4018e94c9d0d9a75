/**
 * What the broker itself has to say about a message, kept beside the publisher's property bytes and never mixed into
 * them: its death records. Adapters show them in their own form (`x-death`, flat properties).
 *
 * Bytes: a JSON text in UTF-8. It is written when a message dies and read when a dead letter is delivered, neither of
 * which is a hot path, and a format that a person can read in a log dump is worth more there.
 */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

export interface Death {
  readonly queue: string;
  readonly reason: DeathReason;
  /** How often it died there for that reason. */
  readonly count: number;
  /** Epoch seconds of the first time. */
  readonly timeS: number;
  readonly exchange: string;
  readonly routingKeys: readonly string[];
  /** Milliseconds, when a time to live was taken off. */
  readonly originalExpirationMs?: number;
}

export interface Annotations {
  /** Newest first, one entry per (queue, reason). */
  readonly deaths: readonly Death[];
  readonly firstDeath: { readonly queue: string; readonly reason: DeathReason; readonly exchange: string };
  /** It has got a key of a queue's own since: the other keys that its publisher named (`CC`) lead nowhere any more. */
  readonly rekeyed?: boolean;
}

export function encodeAnnotations(annotations: Annotations): Buffer {
  return Buffer.from(JSON.stringify(annotations), 'utf8');
}

/** Undefined for an empty range. */
export function decodeAnnotations(buffer: Buffer, start: number, end: number): Annotations | undefined {
  if (start === end) return undefined;
  return JSON.parse(buffer.utf8Slice(start, end)) as Annotations;
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
    firstDeath: before?.firstDeath ?? { queue: death.queue, reason: death.reason, exchange: death.exchange },
    ...(rekeyed || before?.rekeyed === true ? { rekeyed: true } : {}),
  };
}
