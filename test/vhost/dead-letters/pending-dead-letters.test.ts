/** Dead letters that find no room are tried again each second, a thousand at a time, none twice, none forgotten. */
import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Queue } from '../../../src/queue/queue.ts';
import type { Decision } from '../../../src/settlement/decide.ts';
import { PendingDeadLetters } from '../../../src/vhost/dead-letters/pending-dead-letters.ts';

let clock: ManualClock;
let tried: number[];
let full: boolean;
let pending: PendingDeadLetters;
const queue = { deleted: false } as Queue;
const letter = (seq: number, of = queue) => ({ queue: of, seq, flags: 0, decision: {} as Decision });

beforeEach(() => {
  clock = new ManualClock();
  tried = [];
  full = false;
  pending = new PendingDeadLetters(clock, (each) => {
    tried.push(each.seq);
    if (full) pending.add(each);
  });
});

test('a second later, once, in order', () => {
  pending.add(letter(1));
  clock.advance(500);
  pending.add(letter(2));
  clock.advance(480);
  expect(tried).toEqual([]);
  clock.advance(20);
  expect([tried, pending.size]).toEqual([[1, 2], 0]);
  clock.advance(10_000);
  expect(tried).toEqual([1, 2]);
});

test('again and again while there is no room', () => {
  full = true;
  pending.add(letter(1));
  clock.advance(1_000);
  clock.advance(1_000);
  expect([tried, pending.size]).toEqual([[1, 1], 1]);
  full = false;
  clock.advance(1_000);
  expect([tried, pending.size]).toEqual([[1, 1, 1], 0]);
});

test('a thousand at a time', () => {
  for (let seq = 1; seq <= 1_001; seq++) pending.add(letter(seq));
  clock.advance(1_000);
  expect([tried.length, pending.size]).toEqual([1_000, 1]);
  clock.advance(1_000);
  expect([tried.length, tried.at(-1), pending.size]).toEqual([1_001, 1_001, 0]);
});

test('not those of a queue that is gone, and none after the stop', () => {
  pending.add(letter(1, { deleted: true } as Queue));
  pending.add(letter(2));
  clock.advance(1_000);
  expect(tried).toEqual([2]);
  pending.add(letter(3));
  pending.stop();
  clock.advance(5_000);
  expect(tried).toEqual([2]);
});
