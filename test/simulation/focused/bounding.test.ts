/** A bounded number of random histories of dead letters of which few may wait for room, and planted bugs, which must show. */
import { describe, expect, it } from 'vitest';
import type { Queue } from '../../../src/queue/queue.ts';
import { DeadLetters } from '../../../src/vhost/dead-letters/dead-letters.ts';
import { PendingDeadLetters } from '../../../src/vhost/dead-letters/pending-dead-letters.ts';
import { runBound } from './bounding.ts';
import { firstWrong, plant } from './planting.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_BOUNDS'] ?? 80);

describe('dead letters of which few may wait for room', () => {
  it(`stay in their queues, or are dropped and counted, through ${HISTORIES} histories`, {
    timeout: 600_000,
  }, async () => {
    const sum = { letters: 0, stoodStill: 0, dropped: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runBound(seed);
      for (const name of ['letters', 'stoodStill', 'dropped'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const count of Object.values(sum)) expect(count).toBeGreaterThan(HISTORIES / 2);
  });

  it('would be found out if queues never stood still', { timeout: 120_000 }, async () => {
    plant(DeadLetters.prototype, 'awaitsRoom', () => () => false);
    expect(await firstWrong(runBound)).toMatch(/as many letters wait as may|dropped that could have waited/);
  });

  it('would be found out if only queues with an exchange for dead letters stood still', {
    timeout: 120_000,
  }, async () => {
    plant(DeadLetters.prototype, 'awaitsRoom', (awaitsRoom) => {
      return function (this: DeadLetters, queue: Queue) {
        return queue.settings.deadLetterExchange !== null && awaitsRoom.call(this, queue);
      };
    });
    expect(await firstWrong(runBound)).toMatch(/as many letters wait as may/);
  });

  it('would be found out if a queue were not woken when there is room', { timeout: 120_000 }, async () => {
    type Telling = { tellRoom(): void };
    plant(PendingDeadLetters.prototype as unknown as Telling, 'tellRoom', () => () => {});
    expect(await firstWrong(runBound)).toMatch(/is lost|are left over|are lost/);
  });

  it('would be found out if what is dropped were not counted', { timeout: 120_000 }, async () => {
    type Dropping = { dropWithoutRoom(queue: Queue, seq: number, flags: number): void };
    plant(DeadLetters.prototype as unknown as Dropping, 'dropWithoutRoom', () => (queue, seq, flags) => {
      queue.contents.removeDropped(seq, flags);
    });
    expect(await firstWrong(runBound)).toMatch(/were counted/);
  });

  it('would be found out if what could wait in its queue were dropped', { timeout: 120_000 }, async () => {
    plant(DeadLetters.prototype, 'died', (died) => {
      return function (this: DeadLetters, queue, seq, flags, decision) {
        died.call(this, queue, seq, flags, this.pending.full ? { ...decision, reason: 'maxlen' } : decision);
      };
    });
    expect(await firstWrong(runBound)).toMatch(/could have waited|is lost/);
  });
});
