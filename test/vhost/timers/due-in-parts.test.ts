/** Retries that fall due together are done in parts, so that the turn in which they do has its end. */
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Work } from '../../../src/clock/work.ts';
import type { Queue } from '../../../src/queue/queue.ts';
import { Retries } from '../../../src/vhost/timers/retries.ts';

it('as many as the budget of a turn allows, the rest with the next ticks', () => {
  const clock = new ManualClock();
  const done: number[] = [];
  let left = 0;
  const work = {
    spend: (units: number) => void (left -= units),
    get over() {
      return left <= 0;
    },
  } as unknown as Work;
  const queue = { id: 1, contents: { retry: (seq: number) => done.push(seq) } } as unknown as Queue;
  const retries = new Retries(clock, work, new Map([[1, queue]]));
  const dueMs = clock.epochMs() + 1_000;
  for (let seq = 1; seq <= 25; seq++) retries.add(queue, seq, dueMs);
  const counts: number[] = [];
  left = 20;
  clock.advance(1_000);
  counts.push(done.length);
  while (retries.size > 0 && counts.length < 10) {
    left = 20;
    clock.advance(10);
    counts.push(done.length);
  }
  expect([...new Set(counts)]).toEqual([10, 20, 25]);
  expect(done).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
});
