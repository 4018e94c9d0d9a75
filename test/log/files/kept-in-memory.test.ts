/** The files of a broker without a data directory behave as a file system's do. */
import { expect, it } from 'vitest';
import { MemoryFiles } from '../../../src/log/files/memory-files.ts';

it('is made but once where it must not be there, with its text', async () => {
  const files = new MemoryFiles();
  expect(await files.readText('/d/lock')).toBeUndefined();
  expect(await files.createExclusive('/d/lock', 'mine')).toBe(true);
  expect(await files.createExclusive('/d/lock', 'another')).toBe(false);
  expect(await files.readText('/d/lock')).toBe('mine');
  expect(await files.list('/d')).toEqual(['lock']);
});

it('lists what is in a directory by its name there, and nothing of another', async () => {
  const files = new MemoryFiles();
  for (const path of ['/d/a', '/d/b', '/dd/c', '/e/d/f']) await files.createExclusive(path, '');
  expect(await files.list('/d')).toEqual(['a', 'b']);
  expect(await files.list('/dd')).toEqual(['c']);
  expect(await files.list('/nothing')).toEqual([]);
});

it('has after a renaming the new name alone', async () => {
  const files = new MemoryFiles();
  await files.createExclusive('/d/a', 'text');
  await files.rename('/d/a', '/d/b');
  expect(await files.list('/d')).toEqual(['b']);
  expect(await files.readText('/d/b')).toBe('text');
  await expect(files.rename('/d/a', '/d/c')).rejects.toThrow('/d/a does not exist');
  await files.remove('/d/b');
  expect(await files.list('/d')).toEqual([]);
});

it('keeps of a file that is cut short what lies before the cut, and has zeros behind it', async () => {
  const files = new MemoryFiles();
  const file = await files.open('/d/a', 'create');
  const bytes = Buffer.alloc(1 << 20, 7);
  await new Promise((done) => file.write([bytes], 0, done));
  const cut = bytes.length / 2 + 5;
  await file.truncate(cut);
  expect(await file.sizeBytes()).toBe(cut);
  await new Promise((done) => file.write([Buffer.from('end')], cut + 10, done));
  const read = Buffer.alloc(cut + 13);
  await new Promise((done) => file.read(read, 0, read.length, 0, done));
  expect(read.subarray(0, cut).equals(bytes.subarray(0, cut))).toBe(true);
  expect([...read.subarray(cut, cut + 10)]).toEqual(Array(10).fill(0));
  expect(read.toString('latin1', cut + 10)).toBe('end');
});
