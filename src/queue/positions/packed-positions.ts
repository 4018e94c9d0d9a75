/**
 * A run of a queue's positions that is neither its head nor its tail, packed: what a long backlog costs in memory, and the
 * form in which positions are written into a checkpoint.
 *
 * Sequence numbers go up, mostly by one, and flags are mostly alike; so a chunk is its first number, the gaps as variable
 * length integers (none at all when every gap is one) and the flags as runs. A backlog in one queue costs a few bytes a
 * thousand messages; one that is spread over many queues one or two bytes a message.
 */

/** Positions in one chunk at most. */
export const CHUNK_LENGTH = 4096;

export interface Chunk {
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** The gaps to the next number, seven bits a byte, low first, the high bit set while more follow. Empty: all are one. */
  readonly gaps: Uint8Array;
  /** Pairs: how many positions, their flags. */
  readonly flagRuns: Uint32Array;
}

/** Where `unpack` writes; as long as the longest chunk. */
export interface Unpacked {
  readonly seqs: Float64Array;
  readonly flagSets: Uint32Array;
}

export function unpackedRoom(): Unpacked {
  return { seqs: new Float64Array(CHUNK_LENGTH), flagSets: new Uint32Array(CHUNK_LENGTH) };
}

const NO_GAPS = new Uint8Array(0);
/** Gaps fit in 48 bits: seven bytes each at the most. */
const scratch = new Uint8Array(CHUNK_LENGTH * 7);

/** The first `count` positions of `from`, which are in ascending order. */
export function pack(from: Unpacked, count: number): Chunk {
  const { seqs, flagSets } = from;
  const first = seqs[0]!;
  let before = first;
  let bytes = 0;
  let plain = true;
  for (let i = 1; i < count; i++) {
    const seq = seqs[i]!;
    const gap = seq - before;
    before = seq;
    if (gap !== 1) plain = false;
    if (gap < 0x80) scratch[bytes++] = gap;
    else if (gap < 0x4000) {
      scratch[bytes++] = gap | 0x80;
      scratch[bytes++] = gap >>> 7;
    } else bytes = putGap(gap, bytes);
  }
  return {
    count,
    first,
    last: before,
    gaps: plain ? NO_GAPS : scratch.slice(0, bytes),
    flagRuns: runsOf(flagSets, count),
  };
}

function putGap(gap: number, at: number): number {
  let left = gap;
  while (left >= 0x80) {
    scratch[at++] = (left % 0x80) | 0x80;
    left = Math.floor(left / 0x80);
  }
  scratch[at++] = left;
  return at;
}

function runsOf(flagSets: Uint32Array, count: number): Uint32Array {
  let flags = flagSets[0]!;
  let from = 0;
  let runs: number[] | undefined;
  for (let i = 1; i < count; i++) {
    const next = flagSets[i]!;
    if (next === flags) continue;
    runs ??= [];
    runs.push(i - from, flags);
    flags = next;
    from = i;
  }
  if (runs === undefined) return Uint32Array.of(count, flags);
  runs.push(count - from, flags);
  return Uint32Array.from(runs);
}

export function unpack(chunk: Chunk, into: Unpacked): void {
  const { count, gaps, flagRuns } = chunk;
  let seq = chunk.first;
  into.seqs[0] = seq;
  if (gaps.length === 0) {
    for (let i = 1; i < count; i++) into.seqs[i] = ++seq;
  } else {
    let at = 0;
    for (let i = 1; i < count; i++) {
      let gap = 0;
      let unit = 1;
      for (;;) {
        const byte = gaps[at++]!;
        gap += (byte & 0x7f) * unit;
        if (byte < 0x80) break;
        unit *= 0x80;
      }
      seq += gap;
      into.seqs[i] = seq;
    }
  }
  let place = 0;
  for (let i = 0; i < flagRuns.length; i += 2) {
    into.flagSets.fill(flagRuns[i + 1]!, place, place + flagRuns[i]!);
    place += flagRuns[i]!;
  }
}
