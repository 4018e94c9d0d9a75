/** Whoever waits until what was appended is on the disk waits for the flush of its own turn, and for one with a sync. */
import { beforeEach, expect, test } from 'vitest';
import { SyncWaiters } from '../../../src/log/write/sync-waiters.ts';

let onDisk: SyncWaiters;

beforeEach(() => {
  onDisk = new SyncWaiters();
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
  const first = onDisk.wait();
  onDisk.synced(7);
  expect(await state(first)).toBe('waits');
  onDisk.endOfTurn(8);
  const second = onDisk.wait();
  onDisk.endOfTurn(9);
  expect(await state(first)).toBe('waits');
  onDisk.synced(8);
  expect([await state(first), await state(second)]).toEqual(['safe', 'waits']);
  onDisk.synced(9);
  expect(await state(second)).toBe('safe');
});

test('with nothing to write, what was synced before is enough', async () => {
  onDisk.synced(3);
  const waiter = onDisk.wait();
  onDisk.endOfTurn(3);
  expect(await state(waiter)).toBe('safe');
});

test('when the log ends they hear so, and those who come later as well', async () => {
  const waiter = onDisk.wait();
  const marked = onDisk.wait();
  onDisk.endOfTurn(5);
  onDisk.end();
  for (const promise of [waiter, marked, onDisk.wait()]) expect(await state(promise)).toBe('the log takes no more');
  onDisk.synced(5);
});
