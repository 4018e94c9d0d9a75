/** Writes what a queue holds into a checkpoint: its positions as they are packed, then what is in no order. */
import { FLAG_DURABLE } from '../../queue/entry-flags.ts';
import { type Chunk, pack, unpack, unpackedRoom } from '../../queue/positions/packed-positions.ts';
import type { Queue } from '../../queue/queue.ts';
import { positionsBytes, writeHeld, writePositions } from './records/contents.ts';
import { writeDeferred, writeDying, writeRetry } from './records/entries.ts';
import { writePlaces } from './records/places.ts';
import type { RecordOutput } from './records/record-output.ts';

/** Everything that is durable of it, as of now. */
export function writeQueueContents(out: RecordOutput, queue: Queue): void {
  const { id } = queue;
  let replaces = true;
  queue.contents.forEachChunk((chunk) => {
    const durable = durablePart(chunk);
    if (durable === undefined) return;
    writeChunk(out, id, replaces, durable);
    replaces = false;
  });
  if (replaces) writePositions(out, { queue: id, replaces, chunk: null });
  writeUnordered(out, queue);
  queue.contents.forEachDying((seq, flags, reason) => {
    if ((flags & FLAG_DURABLE) !== 0) writeDying(out, id, seq, flags, reason);
  });
  queue.contents.forEachRetrying((seq, flags, dueMs, token) => {
    if ((flags & FLAG_DURABLE) === 0) return;
    if (token === '') writeRetry(out, id, seq, flags, dueMs);
    else writeDeferred(out, id, seq, flags, dueMs, token);
  });
  queue.order?.forEachPlaced((place, seqs) => writePlaces(out, { queue: id, place, seqs }));
}

/** Writes a chunk of positions in as many records as it takes. @param replaces whatever was known of the queue's is superseded */
export function writeChunk(out: RecordOutput, queue: number, replaces: boolean, chunk: Chunk): void {
  if (positionsBytes(chunk) <= out.recordBytesMax) {
    writePositions(out, { queue, replaces, chunk });
    return;
  }
  const [first, second] = halves(chunk);
  writeChunk(out, queue, replaces, first);
  writeChunk(out, queue, false, second);
}

function writeUnordered(out: RecordOutput, queue: Queue): void {
  const seqs: number[] = [];
  const flags: number[] = [];
  queue.contents.forEachHeld((seq, entryFlags) => {
    // What a durable log does not have is not there after a restart.
    if ((entryFlags & FLAG_DURABLE) === 0) return;
    seqs.push(seq);
    flags.push(entryFlags);
  });
  writeHeld(out, queue.id, seqs, flags);
}

/** Transient messages wait in durable queues too, and are not there after a restart. */
function durablePart(chunk: Chunk): Chunk | undefined {
  let durable = 0;
  for (let i = 0; i < chunk.flagRuns.length; i += 2)
    if ((chunk.flagRuns[i + 1]! & FLAG_DURABLE) !== 0) durable += chunk.flagRuns[i]!;
  if (durable === chunk.count) return chunk;
  if (durable === 0) return undefined;
  const { seqs, flagSets } = unpackedRoom();
  unpack(chunk, { seqs, flagSets });
  let n = 0;
  for (let i = 0; i < chunk.count; i++) {
    if ((flagSets[i]! & FLAG_DURABLE) === 0) continue;
    seqs[n] = seqs[i]!;
    flagSets[n++] = flagSets[i]!;
  }
  return pack({ seqs, flagSets }, n);
}

function halves(chunk: Chunk): [Chunk, Chunk] {
  const { seqs, flagSets } = unpackedRoom();
  unpack(chunk, { seqs, flagSets });
  const middle = chunk.count >> 1;
  return [
    pack({ seqs, flagSets }, middle),
    pack({ seqs: seqs.subarray(middle), flagSets: flagSets.subarray(middle) }, chunk.count - middle),
  ];
}
