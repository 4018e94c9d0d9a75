/** Whoever waits until what was appended is on the disk waits for the flush of its own turn, and for one with a sync. */
import { beforeEach, expect, test } from 'vitest';
import { SyncWaiters } from '../../../src/log/write/sync-waiters.ts';

let waiters: SyncWaiters;

beforeEach(() => {
  waiters = new SyncWaiters();
});

/** `waits`, `safe` or what it was rejected with, now. */
async function state(promise: Promise<void>): Promise<string> {
  const answered = promise.then(
    () => 'safe',
    (error: Error) => error.message,
  );
  return Promise.race([answered, new Promise<string>((resolve) => setImmediate(resolve, 'waits'))]);
}

test('the end of the turn says which flush that is, and its sync is the answer', async () => {
  const first = waiters.wait();
  waiters.synced(7);
  expect(await state(first)).toBe('waits');
  waiters.endOfTurn(8);
  const second = waiters.wait();
  waiters.endOfTurn(9);
  expect(await state(first)).toBe('waits');
  waiters.synced(8);
  expect([await state(first), await state(second)]).toEqual(['safe', 'waits']);
  waiters.synced(9);
  expect(await state(second)).toBe('safe');
});

test('with nothing to write, what was synced before is enough', async () => {
  waiters.synced(3);
  const waiter = waiters.wait();
  waiters.endOfTurn(3);
  expect(await state(waiter)).toBe('safe');
});

test('when the log ends they hear so, and those who come later as well', async () => {
  const waiter = waiters.wait();
  const marked = waiters.wait();
  waiters.endOfTurn(5);
  waiters.end();
  for (const promise of [waiter, marked, waiters.wait()]) expect(await state(promise)).toBe('the log takes no more');
  waiters.synced(5);
});
