/** The spill files themselves: what they take up is told as it is, also where a write fails. */
import { beforeEach, expect, test } from 'vitest';
import { Spill, type SpillPlace } from '../../../src/log/transient/spill.ts';
import { DIRECTORY } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

let files: MemoryFiles;
let spill: Spill;
beforeEach(async () => {
  files = new MemoryFiles();
  spill = await Spill.open({ files, directory: DIRECTORY, bytesMax: 10_000 });
});

const write = (text: string): Promise<SpillPlace> =>
  new Promise((resolve, reject) => {
    spill.write(Buffer.from(text), (error, place) => (place === undefined ? reject(error) : resolve(place)));
  });

test('a write that fails takes no room: the next one goes where it would have gone', async () => {
  await write('x'.repeat(1_000));
  files.fail = (call) => (call === 'write' ? new Error('ENOSPC') : undefined);
  for (let i = 0; i < 3; i++) await expect(write('y'.repeat(4_000))).rejects.toThrow('ENOSPC');
  expect([spill.diskBytes, spill.hasRoom(9_000), spill.hasRoom(9_001)]).toEqual([1_000, true, false]);
  files.fail = () => undefined;
  const place = await write('z'.repeat(9_000));
  expect([place.position, spill.diskBytes, spill.fileCount]).toEqual([1_000, 10_000, 1]);
  await spill.close();
  expect(spill.diskBytes).toBe(0);
});
