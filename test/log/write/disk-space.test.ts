/** The room that is kept and waited for, apart from a log. */
import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { writeFile } from '../../../src/log/files/files.ts';
import type { SegmentFile } from '../../../src/log/files/segment-file.ts';
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

const MIB = 1024 * 1024;

/** One with a segment of 8 MiB, into which something is being written, and a reserve. */
async function busy() {
  const files = new MemoryFiles();
  const options = { files, directory: DIRECTORY, segmentBytes: 8 * MIB, clock: new ManualClock() };
  const space = new DiskSpace({ ...options, onFull: () => {}, onSpace: () => {} }, () => {});
  const file = async (name: string, mib: number): Promise<SegmentFile> => {
    const handle = await files.open(`${DIRECTORY}/${name}`, 'create');
    await writeFile(handle, Buffer.alloc(mib * MIB), 0);
    return { handle, preparedBytes: mib * MIB, reading: 0 };
  };
  const die = async (mib: number): Promise<void> => {
    const name = `${files.calls.length}.log`;
    await space.giveUp(await file(name, mib), `${DIRECTORY}/${name}`);
  };
  await die(8);
  const spares = (): number[] =>
    [...files.names].filter(([name]) => name.includes('/spare-')).map(([, inode]) => inode.bytes.length / MIB);
  return { space, file, die, spares };
}

test('files of dead segments are kept as they are for new ones, up to the length of one segment, and the longest is used first', async () => {
  const { space, die, spares } = await busy();
  await die(5);
  await die(3);
  expect(spares()).toEqual([5, 3]);
  await die(3);
  expect(spares()).toEqual([5, 3]);
  await die(6); // there is room for 3 without the short one
  expect(spares()).toEqual([5, 3]);
  expect(space.keptBytes).toBe(16 * MIB);
  expect((await space.take(`${DIRECTORY}/next.log`)).preparedBytes).toBe(5 * MIB);
  await die(1); // it is not worth a name
  await die(7);
  expect(spares()).toEqual([3, 5]);
  await space.close();
});

test('a file that is only being filled gives way to one of a dead segment', async () => {
  const { space, file, die, spares } = await busy();
  space.written(await file('now.log', 8), 3 * MIB, 8 * MIB);
  await space.work();
  await space.work();
  expect(spares()).toEqual([1]);
  await die(5);
  expect(spares()).toEqual([1, 5]); // there is room for both
  await die(4);
  expect(spares()).toEqual([5, 3]);
  expect(space.work()).toBeUndefined();
  await space.close();
});
