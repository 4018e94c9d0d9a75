/** The room that is kept and waited for, apart from a log. */
import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { DiskSpace } from '../../../src/log/write/disk-space.ts';
import { DIRECTORY, quiet } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

/** One without spares or a reserve, that has nothing to give. */
function empty() {
  const clock = new ManualClock();
  const files = new MemoryFiles();
  const told: string[] = [];
  const space = new DiskSpace(
    {
      files,
      directory: DIRECTORY,
      segmentBytes: 4096,
      clock,
      onFull: () => void told.push('full'),
      onSpace: () => void told.push('space'),
    },
    () => void told.push('wake'),
  );
  space.makeRoom(
    100,
    () => void told.push('go'),
    () => void told.push('fail'),
  );
  return { clock, files, told, space };
}

test('a write that finds no room is tried again each second', async () => {
  const { clock, files, told } = empty();
  await quiet(files);
  expect(told).toEqual(['full']);
  clock.advance(980);
  expect(told).toEqual(['full']);
  clock.advance(40);
  expect(told).toEqual(['full', 'go', 'wake']);
});

test('nothing is tried again once it is closed', async () => {
  const { clock, files, told, space } = empty();
  await quiet(files);
  await space.close();
  clock.advance(5_000);
  expect(told).toEqual(['full']);
});
