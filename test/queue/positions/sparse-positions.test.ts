/** Positions with gaps: what they hold, packed anew for a checkpoint. */
import fc from 'fast-check';
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

it('reads as if what was taken had never been there, from either end, whatever is taken', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 }),
      fc.integer({ min: 0, max: 61 }),
      fc.integer({ min: 1, max: 9 }),
      (taken, from, max) => {
        const sparse = new SparsePositions(new Positions(new PositionArena()));
        let model = Array.from({ length: 60 }, (_, i) => i + 1);
        for (const seq of model) sparse.push(seq, seq);
        for (const seq of taken) {
          expect(sparse.removeAt(seq)).toBe(model.includes(seq));
          model = model.filter((other) => other !== seq);
          if (model.length > 0) expect([sparse.headSeq(), sparse.headFlags()]).toEqual([model[0], model[0]]);
        }
        expect(sparse.length).toBe(model.length);
        const read = (visit: (to: (seq: number) => void) => void): number[] => {
          const seqs: number[] = [];
          visit((seq) => seqs.push(seq));
          return seqs;
        };
        expect(read((to) => sparse.readAfter(from, max, to))).toEqual(model.filter((seq) => seq > from).slice(0, max));
        const before = model.filter((seq) => seq < from).reverse();
        expect(read((to) => sparse.readBefore(from, max, to))).toEqual(before.slice(0, max));
        expect(read((to) => sparse.forEach(to))).toEqual(model);
        expect(read((to) => sparse.forEachIn(from, from + max, to))).toEqual(
          model.filter((seq) => seq >= from && seq <= from + max),
        );
      },
    ),
  );
});

it('one that stays while very many behind it go keeps no trace of those', () => {
  const sparse = new SparsePositions(new Positions(new PositionArena()));
  sparse.push(1, 0);
  for (let seq = 2; seq <= 500_000; seq++) {
    sparse.push(seq, 0);
    sparse.removeKnown(seq);
  }
  expect(sparse.length).toBe(1);
  const { gaps } = sparse as unknown as { gaps: ReadonlySet<number> };
  expect(gaps.size).toBeLessThanOrEqual(65_536);
  sparse.push(500_001, 7);
  sparse.shift();
  expect([sparse.headSeq(), sparse.headFlags(), sparse.length]).toEqual([500_001, 7, 1]);
});
