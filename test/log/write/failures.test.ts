/** A disk that fails: nothing is confirmed from then on. */
import { expect, test } from 'vitest';
import { quiet, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

/** One segment, larger than anything written here. */
const ROOMY = { blockBytes: 1024, segmentBytes: 16 * 1024 };

test('a failed write: the owner is told once, nothing is confirmed any more, appends go nowhere', async () => {
  await failing('write');
});

test('a failed sync: the owner is told once, nothing is confirmed any more, appends go nowhere', async () => {
  await failing('sync');
});

async function failing(call: 'write' | 'sync'): Promise<void> {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, ROOMY);
  it.message('safe');
  await it.safe();
  await quiet(files);
  const confirmed = it.synced.length;
  files.fail = (what) => (what === call ? new Error(`EIO in ${what}`) : undefined);
  files.failedWriteKeepsBytes = 70;
  it.message('doubtful');
  await until(() => it.failures.length > 0);
  expect(it.log.failed?.message).toBe(`EIO in ${call}`);
  files.fail = () => undefined; // as a kernel that has forgotten the error
  for (let i = 0; i < 3000; i++) it.message(`nowhere ${'x'.repeat(100)}`);
  it.note('nowhere');
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(it.synced.length).toBe(confirmed);
  expect(it.failures.length).toBe(1);
  expect(it.log.residentBytes).toBeLessThan(4096);
  expect(it.peek(1)).toBe('safe');
  await it.close();
  expect(it.synced.length).toBe(confirmed);
  const again = await TestLog.open(
    files.afterPowerLoss(() => 0.9),
    ROOMY,
  );
  expect(again.texts()[0]).toBe('safe');
  expect(again.texts().filter((text) => text.startsWith('nowhere'))).toEqual([]);
  expect(again.log.recovered.clean).toBe(false);
}

test('a disk that fails at the start is an error of open', async () => {
  const files = new MemoryFiles();
  files.fail = (call) => (call === 'sync' ? new Error('EIO') : undefined);
  await expect(TestLog.open(files)).rejects.toThrow('EIO');
  await quiet(files);
  const opened = files.calls.filter((call) => /^open .* done$/.test(call)).length;
  expect(files.calls.filter((call) => /^close .* done$/.test(call)).length).toBe(opened);
});

test('a disk too full to prepare space ahead goes on as long as flushes succeed', async () => {
  const files = new MemoryFiles();
  let writes = 0;
  files.fail = (call) => (call === 'write' && ++writes % 2 === 0 ? new Error('ENOSPC') : undefined);
  const it = await TestLog.open(files); // the first write is the flush, the second prepares
  await quiet(files);
  files.fail = () => undefined;
  it.message('one');
  await it.safe();
  expect(it.failures).toEqual([]);
  await it.close();
});
