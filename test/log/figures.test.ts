/** What the log says of itself: checkpoints count once they are safe. */
import { expect, test } from 'vitest';
import { TestLog } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

test('checkpoints are counted when they are on the disk', async () => {
  const it = await TestLog.open(new MemoryFiles());
  for (let made = 0; made < 3; made++) {
    expect(it.log.figures.checkpoints).toBe(made);
    it.note('before');
    await it.safe();
    it.checkpoint();
    expect(it.log.figures.checkpoints).toBe(made);
    await it.safe();
    expect(it.log.figures.checkpoints).toBe(made + 1);
  }
  await it.close();
});
