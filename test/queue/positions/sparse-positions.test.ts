/** Positions with gaps: what they hold, packed anew for a checkpoint. */
import { expect, it } from 'vitest';
import { CHUNK_LENGTH, type Chunk, unpack, unpackedRoom } from '../../../src/queue/positions/packed-positions.ts';
import { PositionArena } from '../../../src/queue/positions/position-arena.ts';
import { Positions } from '../../../src/queue/positions/positions.ts';
import { SparsePositions } from '../../../src/queue/positions/sparse-positions.ts';

it.each([0, 1, CHUNK_LENGTH - 1, CHUNK_LENGTH, CHUNK_LENGTH + 1, 2 * CHUNK_LENGTH])(
  '%d of them are packed into as many chunks as they need, and none is empty',
  (count) => {
    const positions = new Positions(new PositionArena());
    const wanted: number[] = [];
    for (let seq = 1; seq <= 2 * count; seq++) positions.push(seq, 0);
    const sparse = new SparsePositions(positions);
    for (let seq = 1; seq <= 2 * count; seq++) {
      if (seq % 2 === 0) wanted.push(seq);
      else sparse.removeAt(seq);
    }
    const chunks: Chunk[] = [];
    sparse.forEachChunk((chunk) => chunks.push(chunk));
    expect(chunks.map((chunk) => chunk.count)).toEqual(
      Array.from({ length: Math.ceil(count / CHUNK_LENGTH) }, (_, i) =>
        Math.min(CHUNK_LENGTH, count - i * CHUNK_LENGTH),
      ),
    );
    const room = unpackedRoom();
    const found = chunks.flatMap((chunk) => {
      unpack(chunk, room);
      return [...room.seqs.subarray(0, chunk.count)];
    });
    expect(found).toEqual(wanted);
  },
);
