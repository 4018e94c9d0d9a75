/** A backup beside clients: a piece a turn, and no faster than was asked for. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Broker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { MemoryFiles } from '../../src/log/files/memory-files.ts';
import { Operator } from '../../src/operator/operator.ts';
import { DURABLE, openSession, safe, send } from '../vhost/harness.ts';

const RATE = 1024 * 1024;

let clock: ManualClock;
let broker: Broker;
let operator: Operator;
beforeEach(async () => {
  clock = new ManualClock();
  broker = await Broker.start({ dataDirectory: 'memory', dialects: [], clock, files: new MemoryFiles() });
  operator = new Operator(broker);
  const session = openSession(broker);
  session.declareQueue('q', DURABLE);
  for (let i = 0; i < 10; i++) send(session, 'q', Buffer.alloc(100_000, i));
  await safe(session);
});
afterEach(async () => {
  operator.close();
  await broker.close();
});

/** Reads the longest file. `each` is called after each piece, before the next is asked for. @returns bytes read */
async function readLongest(rate: number, each: (bytes: number) => void): Promise<number> {
  const backup = await operator.backup(rate);
  const longest = backup.files.reduce((best, file, at) => (file.bytes > backup.files[best]!.bytes ? at : best), 0);
  let read = 0;
  for await (const piece of backup.read(longest)) {
    read += piece.length;
    each(piece.length);
  }
  backup.close();
  expect(read).toBe(backup.files[longest]!.bytes);
  return read;
}

it('is read a piece a turn, so nobody waits for a whole file', async () => {
  const turns = new Map<number, number>();
  await readLongest(0, (bytes) => turns.set(broker.turn.number, (turns.get(broker.turn.number) ?? 0) + bytes));
  expect(turns.size).toBeGreaterThan(10);
  expect(Math.max(...turns.values())).toBeLessThanOrEqual(64 * 1024);
});

it('takes as long as its rate asks for', async () => {
  const beganMs = clock.monotonicMs();
  let going = true;
  let leftMs = 10_000;
  const tick = (): void => {
    clock.advance(1);
    if (going && --leftMs > 0) setImmediate(tick);
  };
  tick();
  const read = await readLongest(RATE, () => {});
  going = false;
  const tookMs = clock.monotonicMs() - beganMs;
  const wantedMs = (read / RATE) * 1_000;
  // It may be a twentieth of a second ahead, and what a piece takes of turns is not made up for.
  expect(tookMs).toBeGreaterThanOrEqual(wantedMs - 100);
  expect(tookMs).toBeLessThan(2 * wantedMs);
});

it('that is closed while it waits for its time ends in words', async () => {
  const backup = await operator.backup(RATE);
  const reading = backup.read(backup.files.length - 1);
  const readAll = async (): Promise<void> => {
    for (;;) if ((await reading.next()).done === true) return;
  };
  const all = readAll();
  all.catch(() => {});
  // The clock stands still: what its rate makes it wait for never comes.
  for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
  backup.close();
  await expect(all).rejects.toThrow('keeps nothing back');
  (await operator.backup()).close();
});
