/** What the log says of itself: checkpoints count once they are safe. */
import { expect, test } from 'vitest';
import { TestLog } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

test('checkpoints are counted when they are on the disk', async () => {
  const it = await TestLog.open(new MemoryFiles());
  for (let made = 0; made < 3; made++) {
    expect(it.log.statistics.checkpoints).toBe(made);
    it.note('before');
    await it.safe();
    it.checkpoint();
    expect(it.log.statistics.checkpoints).toBe(made);
    await it.safe();
    expect(it.log.statistics.checkpoints).toBe(made + 1);
  }
  await it.close();
});

test('after a start no more lies in memory than may', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { residentBytesMax: 4096 });
  for (let i = 0; i < 200; i++) {
    it.message(`text ${i} ${'x'.repeat(90)}`);
    if (i % 10 === 9) await it.safe();
  }
  await it.safe();
  const again = await TestLog.open(files.afterKill(), { residentBytesMax: 4096 });
  again.adopt();
  expect(again.replayed.length).toBeGreaterThanOrEqual(200);
  expect(again.log.statistics.residentBytes).toBeLessThanOrEqual(4096 + 1024);
  // Nor the index of a block that is not there.
  const { table } = (
    again.log as unknown as { references: { table: { blocks: { resident: boolean; count: number }[] } } }
  ).references;
  const evicted = table.blocks.filter(({ resident }) => !resident);
  expect(evicted.length).toBeGreaterThan(10);
  for (const block of evicted) expect(block.count).toBe(0);
  await again.close();
  await it.close();
});
