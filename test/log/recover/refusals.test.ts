/** Logs that a start refuses, and leaves as they are. */
import { expect, test } from 'vitest';
import { DIRECTORY, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const FIRST = `${DIRECTORY}/0000000001.log`;

test('a missing segment in the middle is refused by name', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  for (let i = 0; i < 100; i++) it.message('x'.repeat(100));
  await it.close();
  for (const gone of ['0000000001', '0000000002']) {
    const broken = files.afterKill();
    broken.delete(`${DIRECTORY}/${gone}.log`);
    const before = [...broken.names.keys()];
    await expect(TestLog.open(broken)).rejects.toThrow(`${gone}.log is missing`);
    expect([...broken.names.keys()]).toEqual(before); // and nothing was touched
  }
});

test('a segment of another log is refused', async () => {
  const files = new MemoryFiles();
  await (await TestLog.open(files)).close();
  const other = new MemoryFiles();
  const it = await TestLog.open(other, { logId: Buffer.from('ffffffffffffffff', 'hex') });
  for (let i = 0; i < 60; i++) it.message('x'.repeat(100));
  await it.close();
  files.put(`${DIRECTORY}/0000000002.log`, other.bytes(`${DIRECTORY}/0000000002.log`));
  await expect(TestLog.open(files)).rejects.toThrow('belongs to log');
});

test('a newer format is refused', async () => {
  const { writeSegmentHeader } = await import('../../../src/log/format/segment.ts');
  const files = new MemoryFiles();
  const bytes = Buffer.alloc(4096);
  writeSegmentHeader(bytes, {
    version: 4,
    blockBytes: 1024,
    logId: Buffer.alloc(8, 1),
    number: 1,
    previous: 0,
    firstBatch: 1,
    firstSeq: 1,
    checkpoint: 1,
    beganAtMs: 0,
    generation: 0,
  });
  files.put(FIRST, bytes);
  await expect(TestLog.open(files)).rejects.toThrow('version 4');
});
