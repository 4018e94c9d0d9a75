/**
 * Writes where messages go that were stored before: of a transaction, in the unit of its commit. The records are those in which a
 * checkpoint says what a queue holds (`records/contents.ts`).
 */

import { CHUNK_LENGTH, pack, unpackedRoom } from '../../queue/positions/packed-positions.ts';
import type { Queue } from '../../queue/queue.ts';
import { writeChunk } from './queue-contents.ts';
import { writeHeld } from './records/contents.ts';
import type { RecordOutput } from './records/record-output.ts';

const room = unpackedRoom();

/**
 * @param runs triples: a first number, how many follow one another, their flags; in ascending order
 * @param last they come behind all that the queue has got
 */
export function writePlaced(out: RecordOutput, queue: Queue, runs: readonly number[], last: boolean): void {
  const { seqs, flagSets } = room;
  let n = 0;
  const flush = (): void => {
    if (n === 0) return;
    if (last) writeChunk(out, queue.id, false, pack(room, n));
    else writeHeld(out, queue.id, [...seqs.subarray(0, n)], [...flagSets.subarray(0, n)]);
    n = 0;
  };
  for (let i = 0; i < runs.length; i += 3) {
    const end = runs[i]! + runs[i + 1]!;
    for (let seq = runs[i]!; seq < end; seq++) {
      seqs[n] = seq;
      flagSets[n++] = runs[i + 2]!;
      if (n === CHUNK_LENGTH) flush();
    }
  }
  flush();
}
