/** Appending, finding and letting go of records, in one life of a log. */
import { expect, test } from 'vitest';
import { RECORD_BYTES_MAX } from '../../src/log/format/record.ts';
import { DIRECTORY, quiet, TestLog, until } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

const LARGE = { blockBytes: 1024 * 1024, segmentBytes: 4 * 1024 * 1024 };

test('a record is found by its number as soon as it is appended', async () => {
  const it = await TestLog.open(new MemoryFiles());
  const first = it.message('one');
  const second = it.message('');
  expect(it.peek(first)).toBe('one');
  expect(it.peek(second)).toBe('');
  expect(it.peek(second + 1)).toBeUndefined();
  await it.close();
});

test('records with gaps between their numbers are found, in any order', async () => {
  const it = await TestLog.open(new MemoryFiles(), { residentBytesMax: 1 << 20 });
  const wanted = new Map<number, string>();
  for (let i = 0; i < 200; i++) {
    it.sequence.next += (i * 7) % 5; // numbers that went to the other store
    const text = `text ${i}`;
    wanted.set(it.message(text), text);
  }
  const numbers = [...wanted.keys()];
  for (const seq of [...numbers, ...numbers.toReversed(), ...numbers.filter((_, i) => i % 3 === 0)]) {
    expect(it.peek(seq)).toBe(wanted.get(seq));
  }
  for (let seq = 1; seq < it.sequence.next; seq++) expect(it.peek(seq)).toBe(wanted.get(seq));
  await it.close();
});

test('numbers beyond 32 bits and far apart are kept', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const numbers = [5, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 12345, 2 ** 48 - 2];
  for (const seq of numbers) {
    it.sequence.next = seq;
    it.message(`number ${seq}`);
  }
  for (const seq of numbers) expect(it.peek(seq)).toBe(`number ${seq}`);
  await it.close();
  const again = await TestLog.open(files.afterKill());
  expect(again.replayed.map(({ seq }) => seq)).toEqual(numbers);
  expect(again.sequence.next).toBe(2 ** 48 - 1);
  for (const seq of numbers) expect(await again.read(seq)).toBe(`number ${seq}`);
});

test('a number that does not go up is refused', async () => {
  const it = await TestLog.open(new MemoryFiles());
  it.message('one');
  expect(() => it.log.appendSequenced(1, 1, 1)).toThrow(RangeError);
  for (let i = 0; i < 30; i++) it.message('x'.repeat(100)); // several blocks on
  expect(() => it.log.appendSequenced(1, 3, 1)).toThrow(RangeError);
  it.message('goes on');
  await it.close();
});

test('the largest record fits and one byte more is refused', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, LARGE);
  expect(it.log.recordBytesMax).toBe(RECORD_BYTES_MAX);
  const text = 'abcdefghij'.repeat(30_000).slice(0, RECORD_BYTES_MAX);
  const numbers = [1, 2, 3, 4, 5].map(() => it.message(text));
  expect(() => it.log.appendSequenced(1, it.sequence.next, RECORD_BYTES_MAX + 1)).toThrow(RangeError);
  expect(() => it.log.append(130, RECORD_BYTES_MAX + 1)).toThrow(RangeError);
  await it.close();
  const again = await TestLog.open(files.afterKill(), LARGE);
  expect(again.texts()).toEqual(numbers.map(() => text));
});

test('a mark is confirmed after the write and the sync that cover it have returned, not before', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await quiet(files);
  files.calls.length = 0;
  it.synced.length = 0;
  it.message('one');
  const { mark } = it.log;
  expect(mark).toBeGreaterThan(it.log.syncedMark);
  files.hold = 'write';
  await until(() => files.waiting === 1);
  expect(it.synced).toEqual([]);
  files.release('sync');
  await until(() => files.waiting === 1);
  expect(files.calls.at(-1)).toMatch(/^sync/);
  expect(it.synced).toEqual([]);
  expect(it.log.syncedMark).toBeLessThan(mark);
  files.release();
  await until(() => it.synced.length > 0);
  expect(it.synced).toEqual([mark]);
  expect(it.log.syncedMark).toBe(mark);
  await it.close();
});

test('one flush is under way at a time and what comes meanwhile joins the next', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await quiet(files);
  it.synced.length = 0;
  files.hold = 'sync';
  it.message('one');
  const first = it.log.mark;
  await until(() => files.waiting === 1);
  const before = files.calls.length;
  for (let i = 0; i < 10; i++) {
    it.message(`more ${i}`);
    expect(it.log.mark).toBe(first + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(files.calls.slice(before).filter((call) => /^(write|sync) 0/.test(call) && !call.endsWith('done'))).toEqual(
    [],
  );
  expect(it.log.unsyncedBytes).toBeGreaterThan(10 * 10);
  files.release();
  await until(() => it.synced.length === 2);
  expect(it.synced).toEqual([first, first + 1]);
  expect(it.log.unsyncedBytes).toBe(0);
  await it.close();
});

test('nothing appended means nothing to wait for', async () => {
  const it = await TestLog.open(new MemoryFiles());
  expect(it.log.mark).toBeLessThanOrEqual(it.log.syncedMark);
  it.message('one');
  await it.safe();
  expect(it.log.mark).toBe(it.log.syncedMark);
  await it.close();
});

test('a flush over several blocks is one write and one sync, over two segments one of each for each', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await quiet(files);
  files.calls.length = 0;
  for (let i = 0; i < 40; i++) it.message('x'.repeat(100)); // 4 blocks to a segment, 8 records to a block
  await it.safe();
  expect(it.log.segmentCount).toBe(2);
  expect(files.calls.filter((call) => /^(write|sync) 0.*log$/.test(call)).slice(0, 4)).toEqual([
    'write 0000000001.log',
    'sync 0000000001.log',
    'write 0000000002.log',
    'sync 0000000002.log',
  ]);
  await it.close();
});

test('beyond the budget blocks leave memory and come back by load', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { residentBytesMax: 4096 });
  const numbers = Array.from({ length: 300 }, (_, i) => it.message(`text ${i} ${'x'.repeat(i % 90)}`));
  await it.safe();
  await until(() => it.log.residentBytes <= 4096);
  expect(numbers.filter((seq) => it.peek(seq) === undefined).length).toBeGreaterThan(200);
  for (const [i, seq] of numbers.entries()) expect(await it.read(seq)).toBe(`text ${i} ${'x'.repeat(i % 90)}`);
  await until(() => it.log.residentBytes <= 4096);
  await it.close();
});

test('loads of one block share one read, and each is told of its own record', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { residentBytesMax: 2048 });
  for (let i = 0; i < 400; i++) it.message(`text ${i}`);
  await it.safe();
  await until(() => it.log.residentBytes <= 2048);
  expect(it.peek(1)).toBeUndefined();
  files.calls.length = 0;
  const results: (string | undefined)[] = [];
  for (const seq of [1, 2, 3]) it.log.load(seq, (error) => results.push(error?.message ?? it.peek(seq)));
  it.log.load(4711, (error) => results.push(error?.message));
  await until(() => results.length === 4);
  expect(results).toEqual(['record 4711 is not in the log', 'text 0', 'text 1', 'text 2']);
  expect(files.calls.filter((call) => call.startsWith('read') && !call.endsWith('done')).length).toBe(1);
  await it.close();
});

test('a read that fails is told to those who wait, and the next one may succeed', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { residentBytesMax: 2048 });
  for (let i = 0; i < 400; i++) it.message(`text ${i}`);
  await it.safe();
  await until(() => it.log.residentBytes <= 2048);
  expect(it.peek(1)).toBeUndefined();
  files.fail = (call) => (call === 'read' ? new Error('EIO') : undefined);
  await expect(it.read(1)).rejects.toThrow('EIO');
  files.fail = () => undefined;
  expect(await it.read(1)).toBe('text 0');
  expect(it.log.failed).toBeUndefined();
  await it.close();
});

test('rot in a block that left memory is found when it comes back: no wrong record, the sound ones still there', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { residentBytesMax: 2048 });
  for (let i = 0; i < 100; i++) {
    it.message(`text ${i}`);
    if (i % 4 === 0) await it.safe();
  }
  await it.safe();
  await until(() => it.log.residentBytes <= 2048);
  expect(it.peek(1)).toBeUndefined();
  const [path] = [...files.names.keys()].sort();
  const bytes = files.bytes(path!);
  bytes[bytes.indexOf('text 2')]! ^= 1;
  await expect(it.read(3)).rejects.toThrow('damaged');
  expect(it.kinds()).toContain('rot');
  expect(await it.read(1)).toBe('text 0');
  expect(await it.read(8)).toBe('text 7');
  await it.close();
});

test('what is located stays until the end of the turn, whatever is released and appended meanwhile', async () => {
  const it = await TestLog.open(new MemoryFiles(), { residentBytesMax: 2048 });
  for (let i = 0; i < 20; i++) it.message(`text ${i} ${'x'.repeat(100)}`);
  await it.safe();
  const { ref } = it as unknown as { ref: { buffer: Buffer; start: number } };
  expect(it.peek(17)).toMatch(/^text 16/);
  for (let seq = 1; seq <= 20; seq++) it.log.release(seq, 1);
  for (let i = 0; i < 30; i++) it.message('overwritten'.repeat(9));
  expect(ref.buffer.latin1Slice(ref.start, ref.start + 7)).toBe('text 16');
  await it.close();
});

test('an owner that does not let go of anything loses nothing by a restart without appends', async () => {
  const files = new MemoryFiles();
  let it = await TestLog.open(files);
  for (let i = 0; i < 100; i++) it.message(`text ${i}`);
  await it.close();
  for (let round = 0; round < 5; round++) {
    it = await TestLog.open(files); // references not added yet: nothing may go on that account
    expect(it.texts().length).toBe(100);
    await it.close();
  }
  // Lives in which nothing happened leave no pile of files.
  expect([...files.names.keys()].length).toBeLessThan(7);
});

test('after close nothing can be appended and closing again is harmless', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  it.message('last');
  await it.close();
  expect(() => it.log.append(130, 1)).toThrow('closed');
  await it.close();
  const opened = files.calls.filter((call) => /^open .* done$/.test(call)).length;
  const closed = files.calls.filter((call) => /^close .* done$/.test(call)).length;
  expect(closed).toBe(opened);
  expect((await TestLog.open(files)).texts()).toEqual(['last']);
});

test('a segment that is not made of whole blocks is refused', async () => {
  await expect(TestLog.open(new MemoryFiles(), { segmentBytes: 5000 })).rejects.toThrow(RangeError);
});

test('the files are where the owner said', async () => {
  const files = new MemoryFiles();
  await (await TestLog.open(files)).close();
  expect([...files.names.keys()]).toEqual([`${DIRECTORY}/0000000001.log`]);
});

test('a checkpoint does not begin within another one', async () => {
  const it = await TestLog.open(new MemoryFiles());
  it.log.beginCheckpoint();
  expect(() => it.log.beginCheckpoint()).toThrow('a checkpoint is being written already');
  it.slice();
  it.log.endCheckpoint();
  it.checkpoint();
  await it.close();
});
