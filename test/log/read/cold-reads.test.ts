/** Blocks that are read back and found damaged. */
import { expect, test } from 'vitest';
import { pathOf, quiet, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

test('a message that looks like an earlier batch is not taken for one where rot hides the batch that it is in', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { residentBytesMax: 1024 });
  const first = it.message('first');
  await it.safe();
  await quiet(files);
  const start = 136; // behind the segment's header and the batch that says that a life began
  const batch = Buffer.from(files.bytes(pathOf(1)).subarray(start));
  const length = 56 + batch.readUInt32LE(20);
  // Wherever the message lies, one of these begins at a multiple of eight.
  const copy = batch.toString('latin1', 0, length);
  const second = it.message(Array.from({ length: 8 }, () => copy.padEnd(Math.ceil(length / 8) * 8 + 1, '.')).join(''));
  await it.safe();
  const third = it.message('third');
  await it.safe();
  for (let i = 0; i < 40; i++) it.message(`more ${i} ${'x'.repeat(100)}`); // the block leaves memory
  await it.safe();
  await quiet(files);
  expect(it.peek(third)).toBeUndefined();
  const bytes = files.bytes(pathOf(1));
  bytes[start + Math.ceil(length / 8) * 8]! ^= 1; // the second batch's magic
  expect(await it.read(first)).toBe('first');
  expect(await it.read(third)).toBe('third');
  await expect(it.read(second)).rejects.toThrow();
  expect(it.events.filter(({ kind }) => kind === 'rot')).toMatchObject([{ segment: 1, batches: 1 }]);
});
