/**
 * The log's door to other machines: what a flush writes is handed to a replica as well, and the flush ends when both have ended. What a
 * replica is, and where it keeps the bytes, is not the log's business.
 */
import type { SegmentBlock } from './blocks/segment.ts';
import type { Done } from './files/files.ts';
import { SEGMENT_HEADER_BYTES } from './format/segment.ts';

/** Sealed batches that lie one behind the other, and where: at the front of a segment its header comes before them. */
export interface ReplicaPart {
  readonly segment: number;
  readonly position: number;
  /** As they lie in the block: only until `write` returns. */
  readonly bytes: Buffer;
}

export interface LogReplica {
  /** Payload of a batch, unless one record alone is longer. */
  readonly batchBytesMax: number;
  /**
   * Keeps the parts, in their order. `done` comes later, never from within: without an error once they are kept; with one, the log
   * has failed and confirms nothing more. Called again only after it.
   */
  write(parts: readonly ReplicaPart[], done: Done): void;
  /** Asked when the disk and the replica are both done: why that does not count any more. The disk may have taken long. */
  lapsed(): Error | undefined;
}

/** What is new in `dirty` blocks, which are in order. Before a flush takes it. */
export function replicaParts(dirty: readonly SegmentBlock[]): ReplicaPart[] {
  const parts: ReplicaPart[] = [];
  for (const block of dirty) {
    const { takenTo, end, position, segment } = block;
    const nothing = position === 0 && takenTo === 0 ? SEGMENT_HEADER_BYTES : takenTo;
    if (end > nothing) {
      parts.push({ segment: segment.number, position: position + takenTo, bytes: block.buffer.subarray(takenTo, end) });
    }
  }
  return parts;
}

/**
 * Gives `parts` to the replica; what it returns is to be called when the disk is done, and calls `done` when both are. A disk that fails waits
 * for nobody; a replica that does waits for the disk, which still writes from the same blocks.
 */
export function alsoReplicated(replica: LogReplica, parts: readonly ReplicaPart[], done: Done): Done {
  let diskDone = false;
  let replicaDone = false;
  let failure: Error | undefined;
  replica.write(parts, (error) => {
    replicaDone = true;
    failure = error;
    if (diskDone) done(failure ?? replica.lapsed());
  });
  return (error) => {
    if (error === undefined) diskDone = true;
    if (replicaDone || error !== undefined) done(error ?? failure ?? replica.lapsed());
  };
}
