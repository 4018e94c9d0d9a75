import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_LENGTH } from '../../../src/queue/positions/packed-positions.ts';
import { PositionArena } from '../../../src/queue/positions/position-arena.ts';
import { Positions } from '../../../src/queue/positions/positions.ts';
import { ReturnedPositions } from '../../../src/queue/positions/returned-positions.ts';

function contents(positions: { forEach(visit: (seq: number, flags: number) => void): void }): number[] {
  const seqs: number[] = [];
  positions.forEach((seq) => {
    seqs.push(seq);
  });
  return seqs;
}

/** Numbers that go up by one, mostly; flags that are alike, mostly. */
const step = fc.record({
  push: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 9000 })),
  shift: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 9000 })),
  gap: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 2 ** 40 })),
  flags: fc.constantFrom(0, 0, 9, 0xfffffffe),
});

describe('positions', () => {
  it('are a queue, however it grows, shrinks, wraps and packs', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const positions = new Positions(new PositionArena());
        let model: [number, number][] = [];
        let next = 1;
        for (const { push, shift, gap, flags } of steps) {
          for (let i = 0; i < push; i++) {
            next += i % 7 === 0 ? gap : 1;
            positions.push(next, i % 5 === 0 ? flags : 0);
            model.push([next, i % 5 === 0 ? flags : 0]);
          }
          expect(positions.lastSeq()).toBe(model.length === 0 ? 0 : model[model.length - 1]![0]);
          const gone = Math.min(shift, model.length);
          for (let i = 0; i < gone; i++) {
            if (positions.headSeq() !== model[i]![0] || positions.headFlags() !== model[i]![1]) {
              expect([positions.headSeq(), positions.headFlags()]).toEqual(model[i]);
            }
            positions.shift();
          }
          model = model.slice(gone);
          expect(positions.length).toBe(model.length);
        }
        const found: [number, number][] = [];
        positions.forEach((seq, flags) => {
          found.push([seq, flags]);
        });
        expect(found).toEqual(model);
        // Ranges that begin and end at, before and behind positions: from the front, in the middle, at the back, and beyond both.
        const places = [0, 0.1, 0.5, 0.9, 1].map((part) => model[Math.floor(part * (model.length - 1))]?.[0] ?? 0);
        for (const first of places.map((seq) => seq - 1)) {
          for (const last of [...places, next + 1]) {
            const within: number[] = [];
            positions.forEachIn(first, last, (seq) => within.push(seq));
            expect(within).toEqual(model.flatMap(([seq]) => (seq >= first && seq <= last ? [seq] : [])));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('come back from their chunks', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        const positions = new Positions(new PositionArena());
        let next = 1;
        for (const { push, shift, gap, flags } of steps) {
          for (let i = 0; i < push; i++) positions.push((next += i % 3 === 0 ? gap : 1), flags);
          for (let i = 0; i < shift && positions.length > 0; i++) positions.shift();
        }
        const again = new Positions(new PositionArena());
        positions.forEachChunk((chunk) => again.adopt(chunk));
        again.compact(0);
        expect(contents(again)).toEqual(contents(positions));
        expect(again.length).toBe(positions.length);
      }),
      { numRuns: 60 },
    );
  });

  it.each([CHUNK_LENGTH - 1, CHUNK_LENGTH, CHUNK_LENGTH + 1, 2 * CHUNK_LENGTH, 2 * CHUNK_LENGTH + 1])(
    'come back from their chunks, %i of them',
    (count) => {
      const positions = new Positions(new PositionArena());
      for (let seq = 1; seq <= count; seq++) positions.push(3 * seq, 9);
      const again = new Positions(new PositionArena());
      positions.forEachChunk((chunk) => again.adopt(chunk));
      const found: number[] = [];
      again.forEach((seq, flags) => void (flags === 9 && found.push(seq)));
      expect(found).toEqual(Array.from({ length: count }, (_, i) => 3 * (i + 1)));
    },
  );

  it('are found one by one, also where one chunk ends and the next begins', () => {
    const positions = new Positions(new PositionArena());
    for (let seq = 1; seq <= 3 * CHUNK_LENGTH + 10; seq++) positions.push(seq, 0);
    for (let end = CHUNK_LENGTH; end <= 3 * CHUNK_LENGTH; end += CHUNK_LENGTH) {
      for (const seq of [end - 1, end, end + 1]) {
        const found: number[] = [];
        positions.forEachIn(seq, seq, (at) => void found.push(at));
        expect(found).toEqual([seq]);
      }
    }
  });

  it('cost next to nothing for a long backlog in one queue', () => {
    const positions = new Positions(new PositionArena());
    for (let seq = 1; seq <= 1_000_000; seq++) positions.push(seq, 9);
    let bytes = 0;
    positions.forEachChunk((chunk) => {
      bytes += chunk.gaps.length + chunk.flagRuns.byteLength;
    });
    expect(bytes).toBeLessThan(1_000_000 / 100);
  });

  it('recover: settlements in any order, wherever they are, leave just the rest, in order', () => {
    const total = 20_000;
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: total }), { maxLength: 400 }),
        fc.nat({ max: total }),
        (settled, head) => {
          const positions = new Positions(new PositionArena());
          for (let seq = 1; seq <= total; seq++) positions.push(seq, 0);
          const gone = new Set(settled);
          for (const seq of settled) {
            expect(positions.remove(seq)).toBe(true);
            expect(positions.remove(seq)).toBe(false);
          }
          for (let seq = 1; seq <= head; seq++) {
            positions.remove(seq);
            gone.add(seq);
          }
          expect(positions.remove(total + 1)).toBe(false);
          positions.amend(total, gone.has(total) ? 0xffff_ffff : 5);
          positions.compact(16);
          const rest = Array.from({ length: total }, (_, i) => i + 1).filter((seq) => !gone.has(seq));
          expect(contents(positions)).toEqual(rest);
          expect(positions.length).toBe(rest.length);
          const flagSets = new Set<number>();
          positions.forEach((_seq, flags) => {
            flagSets.add(flags);
          });
          expect([...flagSets].every((flags) => flags === 16 || flags === 21)).toBe(true);
          for (const seq of rest.slice(0, 5000)) {
            if (positions.headSeq() !== seq) expect(positions.headSeq()).toBe(seq);
            positions.shift();
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('returned positions', () => {
  it('come out in order, whatever order they came back in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 30 }), { maxLength: 8 }),
        (batches) => {
          const returned = new ReturnedPositions();
          let model: number[] = [];
          for (const batch of batches) {
            for (const seq of batch) {
              returned.add(seq, seq * 2);
              model.push(seq);
            }
            model = model.sort((a, b) => a - b);
            if (model.length > 0) {
              expect(returned.headSeq()).toBe(model[0]);
              expect(returned.headFlags()).toBe(model[0]! * 2);
              returned.shift();
              model.shift();
            }
          }
          expect(contents(returned)).toEqual(model);
        },
      ),
    );
  });
});
