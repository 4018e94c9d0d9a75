/** Batches are short where their records may be read alone, and as long as what is flushed at once where none will be. */
import { expect, test } from 'vitest';
import { align8, BatchHeader, readBatch } from '../../../src/log/format/batch.ts';
import { LOG_ID, pathOf, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const BLOCK = 64 * 1024;

/** Payloads of the batches that forty messages of 100 bytes, appended in one turn, lie in. */
async function batches(readAlone: boolean): Promise<number[]> {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { blockBytes: BLOCK, segmentBytes: 4 * BLOCK, readAlone: () => readAlone });
  for (let i = 0; i < 40; i++) it.message('x'.repeat(100));
  await it.safe();
  const bytes = files.bytes(pathOf(1));
  const header = new BatchHeader();
  const found: number[] = [];
  for (let at = 64; readBatch(bytes, at, BLOCK, LOG_ID, 1, header); at = align8(header.end))
    found.push(header.payloadBytes);
  await it.close();
  return found.slice(1); // what began the log lies in the first
}

test('forty messages of a turn are several batches, or one', async () => {
  const short = await batches(true);
  expect(short.length).toBeGreaterThan(5);
  expect(Math.max(...short)).toBeLessThanOrEqual(512);
  expect(await batches(false)).toEqual([40 * 110]);
});
