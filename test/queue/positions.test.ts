import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Positions, Returned } from '../../src/queue/positions.ts';

function contents(positions: { forEach(visit: (seq: number, word: number) => void): void }): number[] {
  const seqs: number[] = [];
  positions.forEach((seq) => {
    seqs.push(seq);
  });
  return seqs;
}

describe('positions', () => {
  it('is a queue, however it grows, shrinks and wraps', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -40, max: 60 }), { maxLength: 60 }), (steps) => {
        const positions = new Positions();
        const model: number[] = [];
        let next = 1;
        for (const step of steps) {
          for (let i = 0; i < step; i++) {
            positions.push(next, next & 7);
            model.push(next++);
          }
          for (let i = 0; i > step && model.length > 0; i--) {
            expect(positions.headSeq()).toBe(model[0]);
            expect(positions.headWord()).toBe(model[0]! & 7);
            positions.shift();
            model.shift();
          }
          expect(positions.length).toBe(model.length);
        }
        expect(contents(positions)).toEqual(model);
      }),
    );
  });

  it('gives its memory back after it was long', () => {
    const positions = new Positions();
    for (let seq = 1; seq <= 100_000; seq++) positions.push(seq, 0);
    for (let i = 0; i < 99_990; i++) positions.shift();
    expect(contents(positions)).toEqual(Array.from({ length: 10 }, (_, i) => 99_991 + i));
  });

  it('recovers: settlements in any order leave just the rest, in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 150 }), (settled) => {
        const positions = new Positions();
        for (let seq = 1; seq <= 200; seq++) positions.push(seq, 0);
        for (const seq of settled) {
          expect(positions.bury(seq)).toBe(0);
          expect(positions.bury(seq)).toBe(-1);
        }
        expect(positions.bury(999)).toBe(-1);
        positions.compact(16);
        const rest = Array.from({ length: 200 }, (_, i) => i + 1).filter((seq) => !settled.includes(seq));
        expect(contents(positions)).toEqual(rest);
        expect(positions.length).toBe(rest.length);
        positions.forEach((_seq, word) => {
          expect(word).toBe(16);
        });
      }),
    );
  });
});

describe('returned positions', () => {
  it('come out in order, whatever order they came back in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 30 }), { maxLength: 8 }),
        (batches) => {
          const returned = new Returned();
          let model: number[] = [];
          for (const batch of batches) {
            for (const seq of batch) {
              returned.add(seq, seq * 2);
              model.push(seq);
            }
            model = model.sort((a, b) => a - b);
            if (model.length > 0) {
              expect(returned.headSeq()).toBe(model[0]);
              expect(returned.headWord()).toBe(model[0]! * 2);
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
