/** The bytes that wait in a queue are right whatever moves while they are being read: beside a model that adds up. */
import { describe, expect, it } from 'vitest';
import { ByteCount } from '../../../src/queue/limits/byte-count.ts';

const sizeOf = (seq: number): number => 10 + (seq % 7);
const waiting = (seqs: readonly number[]): [number, number][] => seqs.map((seq) => [seq, seq * 2]);
const sum = (seqs: Iterable<number>): number => [...seqs].reduce((total, seq) => total + sizeOf(seq), 0);

describe('the bytes of a queue', () => {
  it('follow what enters and leaves', () => {
    const count = new ByteCount();
    expect(count.complete).toBe(true);
    count.expected(1, 100);
    expect(count.total).toBe(0);
    count.entered(1);
    count.entered(1);
    expect(count.total).toBe(100);
    count.left(1, 100, true);
    expect(count.total).toBe(0);
    count.entered(1);
    expect(count.total).toBe(100);
    count.left(1, 100, false);
    count.entered(1);
    expect(count.total).toBe(0);
  });

  it('do not count again what is done with', () => {
    const count = new ByteCount();
    count.expected(1, 100);
    count.entered(1);
    count.left(1, 100, true);
    count.forget(1);
    count.entered(1);
    expect(count.total).toBe(0);
  });

  it('are read in order of the numbers, at most 256 in one go, with the flags of each', () => {
    const count = new ByteCount();
    const seqs = Array.from({ length: 600 }, (_, i) => 600 - i);
    count.begin(waiting(seqs));
    expect(count.complete).toBe(false);
    const asked: [number, number][] = [];
    let later = 0;
    const read = () => {
      count.read(
        (seq, flags, done) => {
          asked.push([seq, flags]);
          done(sizeOf(seq));
        },
        () => later++,
      );
    };
    read();
    expect([asked.length, later, count.complete]).toEqual([256, 1, false]);
    read();
    expect([asked.length, later, count.complete]).toEqual([512, 2, false]);
    read();
    expect([asked.length, later, count.complete]).toEqual([600, 2, true]);
    expect(asked).toEqual(waiting(seqs.toReversed()));
    expect(count.total).toBe(sum(seqs));
  });

  it('wait for one that must be read from the disk, and go on when it is there', () => {
    const count = new ByteCount();
    count.begin(waiting([1, 2, 3]));
    let answer: ((bytes: number) => void) | undefined;
    let later = 0;
    const read = () => {
      count.read(
        (seq, _flags, done) => {
          if (seq === 2) answer = done;
          else done(sizeOf(seq));
        },
        () => later++,
      );
    };
    read();
    read(); // while it is being read nothing else is
    expect([count.total, later]).toEqual([sizeOf(1), 0]);
    answer!(sizeOf(2));
    expect([count.total, later]).toEqual([sum([1, 2]), 1]);
    read();
    expect([count.total, count.complete]).toEqual([sum([1, 2, 3]), true]);
  });

  it('leave out what cannot be read', () => {
    const count = new ByteCount();
    count.begin(waiting([1, 2]));
    count.read(
      (seq, _flags, done) => done(seq === 1 ? -1 : 5),
      () => {},
    );
    expect([count.total, count.complete]).toEqual([5, true]);
  });

  it('forget an answer that comes after everything went', () => {
    const count = new ByteCount();
    count.begin(waiting([1, 2]));
    let answer: (bytes: number) => void = () => {};
    count.read(
      (_seq, _flags, done) => {
        answer = done;
      },
      () => {},
    );
    count.emptied();
    expect(count.complete).toBe(true);
    count.expected(3, 30);
    count.entered(3);
    answer(1000);
    expect(count.total).toBe(30);
  });

  it('know what left before it was read, what came behind, and what came back', () => {
    for (let seed = 1; seed < 60; seed++) {
      let state = seed;
      const roll = (n: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return Math.floor((state / 0x80000000) * n);
      };
      const count = new ByteCount();
      const inside = new Set(Array.from({ length: 3 + roll(300) }, (_, i) => 10 + i * 2));
      const held = new Set<number>();
      let next = 1000;
      count.begin(waiting([...inside]));
      let answer: (() => void) | undefined;
      const read = () =>
        count.read(
          (seq, _flags, done) => {
            if (roll(30) === 0) answer = () => done(sizeOf(seq));
            else done(sizeOf(seq));
          },
          () => {},
        );
      for (let step = 0; step < 60; step++) {
        const what = roll(6);
        const pick = (from: Set<number>): number => [...from][roll(from.size)]!;
        if (what === 0 && inside.size > 0) {
          const seq = pick(inside);
          const back = roll(2) === 0;
          inside.delete(seq);
          if (back) held.add(seq);
          count.left(seq, sizeOf(seq), back);
        } else if (what === 1 && held.size > 0) {
          const seq = pick(held);
          held.delete(seq);
          inside.add(seq);
          count.entered(seq);
        } else if (what === 2) {
          const seq = next++;
          count.expected(seq, sizeOf(seq));
          count.entered(seq);
          inside.add(seq);
        } else if (what === 3) read();
        else if (what === 4 && answer !== undefined) {
          const go = answer;
          answer = undefined;
          go();
        }
      }
      for (let i = 0; i < 2000 && !count.complete; i++) {
        const go = answer;
        answer = undefined;
        go?.();
        read();
      }
      expect(count.complete).toBe(true);
      expect(count.total).toBe(sum(inside));
    }
  });
});
