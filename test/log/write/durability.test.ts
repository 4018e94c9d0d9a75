/** What a mark means at each durability, and when a flush is held back. */
import { expect, test } from 'vitest';
import { quiet, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const syncs = (files: MemoryFiles) => files.calls.filter((call) => /^sync .*log$/.test(call)).length;

test('interval: marks follow the write; what was written is synced by the clock, also when nothing more comes', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { durability: 'interval', intervalMs: 100, segmentBytes: 64 * 1024 });
  await quiet(files);
  const before = syncs(files);
  for (let i = 0; i < 50; i++) {
    it.message(`text ${i}`);
    await it.safe();
  }
  expect(syncs(files)).toBe(before);
  expect((await TestLog.open(files.afterKill())).texts().length).toBe(50);
  it.clock.advance(120);
  await until(() => syncs(files) > before);
  await quiet(files);
  const again = await TestLog.open(files.afterPowerLoss(() => 0));
  expect(again.texts().length).toBe(50);
  await it.close();
});

test('none: nothing is synced by the clock, and a power failure takes from the end, not from the middle', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { durability: 'none' });
  await quiet(files);
  const before = syncs(files);
  for (let i = 0; i < 200; i++) {
    it.message(`text ${i} ${'x'.repeat(90)}`);
    if (i % 3 === 0) await it.safe();
  }
  await it.safe();
  it.clock.advance(10_000);
  await quiet(files);
  // A new segment's header is safe, and nothing else.
  expect(syncs(files) - before).toBeLessThanOrEqual(2 * it.log.segmentCount);
  for (let seed = 1; seed < 40; seed++) {
    let state = seed * 2654435761;
    const random = () => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state / 2147483648;
    };
    const again = await TestLog.open(files.afterPowerLoss(random));
    expect(again.kinds()).not.toContain('rot');
    const seqs = again.replayed.map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i + 1));
  }
  await it.close();
  expect((await TestLog.open(files.afterPowerLoss(() => 0))).texts().length).toBe(200);
});

test('whatever the durability, what was written is synced at the end, also at one that is not in order', async () => {
  for (const orderly of [true, false]) {
    const files = new MemoryFiles();
    const it = await TestLog.open(files, { durability: 'none' });
    for (let i = 0; i < 20; i++) it.message(`text ${i}`);
    await it.safe();
    await quiet(files);
    await new Promise<void>((done) => it.log.close(done, orderly));
    expect((await TestLog.open(files.afterPowerLoss(() => 0))).texts().length).toBe(20);
  }
});

test('whatever the durability, no segment goes before what took its place is on the disk', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { durability: 'none' });
  it.log.referencesCounted();
  const numbers = Array.from({ length: 100 }, (_, i) => it.message(`text ${i} ${'x'.repeat(90)}`));
  await it.safe();
  it.checkpoint();
  await it.safe();
  for (const seq of numbers) it.log.release(seq, 1);
  it.note('released');
  const first = [...files.names.keys()].find((name) => name.endsWith('0000000001.log'))!;
  await until(() => !files.names.has(first));
  const again = await TestLog.open(files.afterPowerLoss(() => 0));
  expect(again.texts(129)).toEqual(['state']);
  await it.close();
});

test('a delay gathers what comes until then, or until there is enough', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { flushDelayMs: 40, flushBytesMax: 500 });
  await quiet(files);
  const writes = () => files.calls.filter((call) => /^write 0.*log$/.test(call)).length;
  const before = writes();
  it.message('one');
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(writes()).toBe(before);
  it.message('two');
  it.clock.advance(60);
  await it.safe();
  expect(writes()).toBe(before + 1);
  for (let i = 0; i < 6; i++) it.message('x'.repeat(100));
  await it.safe(); // enough: the clock stands still
  it.message('the last');
  await it.close(); // and a stop waits for nothing
  expect((await TestLog.open(files)).texts().length).toBe(9);
});
