/** Cuts what a flush has written into appends: between batches, and where a segment begins, so that what is kept can begin there. */
import { align8, batchEndsAt } from '../../log/format/batch.ts';
import { SEGMENT_HEADER_BYTES } from '../../log/format/segment.ts';
import type { ReplicaPart } from '../../log/replica.ts';

/** Where the engine is best: more brings no more throughput and takes longer. */
export const APPEND_BYTES = 256 * 1024;

/** The parts of one append, and what its envelope must say of its batches. */
export interface AppendParts {
  readonly parts: ReplicaPart[];
  readonly firstBatch: number;
  readonly lastBatch: number;
  /** Of the last batch. */
  readonly checksum: number;
  /** Where replay may begin, as its last batch says. */
  readonly checkpoint: number;
}

/** @param bytesMax of an append, unless one batch alone is longer */
export function cutIntoAppends(parts: readonly ReplicaPart[], bytesMax = APPEND_BYTES): AppendParts[] {
  const appends: AppendParts[] = [];
  let gathered: ReplicaPart[] = [];
  let bytes = 0;
  let firstBatch = 0;
  let last: { number: number; checksum: number; checkpoint: number } | undefined;
  const end = (): void => {
    if (last === undefined) return;
    const { number: lastBatch, checksum, checkpoint } = last;
    appends.push({ parts: gathered, firstBatch, lastBatch, checksum, checkpoint });
    gathered = [];
    bytes = 0;
    last = undefined;
  };
  for (const { segment, position, bytes: all } of parts) {
    if (position === 0) end();
    let from = 0;
    for (let at = position === 0 ? SEGMENT_HEADER_BYTES : 0; at < all.length; ) {
      const next = Math.min(all.length, align8(batchEndsAt(all, at)));
      if (last !== undefined && bytes + next - at > bytesMax) {
        if (at > from) gathered.push({ segment, position: position + from, bytes: all.subarray(from, at) });
        from = at;
        end();
      }
      const number = all.readUIntLE(at + 24, 6);
      if (last === undefined) firstBatch = number;
      last = { number, checksum: all.readUInt32LE(at + 4), checkpoint: all.readUInt32LE(at + 36) };
      bytes += next - at;
      at = next;
    }
    if (from < all.length) gathered.push({ segment, position: position + from, bytes: all.subarray(from) });
  }
  end();
  return appends;
}
