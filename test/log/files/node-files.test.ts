/** The operating system's files, as the log uses them. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type LogFile, nodeFiles, readFully } from '../../../src/log/files/files.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';

const write = (file: LogFile, buffers: readonly Buffer[], position: number): Promise<void> =>
  new Promise((resolve, reject) => {
    file.write(buffers, position, (error) => (error !== undefined ? reject(error) : resolve()));
  });

test('several buffers are written one behind the other, and read back, fewer bytes only at the end', async () => {
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'a');
    const file = await nodeFiles.open(path, 'create');
    await write(file, [Buffer.from('one'), Buffer.from(''), Buffer.from('two'), Buffer.from('three')], 2);
    await new Promise<void>((resolve, reject) =>
      file.sync((error) => (error !== undefined ? reject(error) : resolve())),
    );
    expect(await file.sizeBytes()).toBe(13);
    const into = Buffer.alloc(20, '.');
    expect(await readFully(file, into, 20, 0)).toBe(13);
    expect(into.toString('latin1')).toBe('\0\0onetwothree.......');
    const part = Buffer.alloc(6, '.');
    await new Promise<void>((resolve) => {
      file.read(part, 2, 3, 5, (error, n) => {
        expect([error, n]).toEqual([undefined, 3]);
        resolve();
      });
    });
    expect(part.toString('latin1')).toBe('..two.');
    expect(await readFully(file, into, 5, 100)).toBe(0);
    await file.truncate(5);
    expect(await file.sizeBytes()).toBe(5);
    await file.close();
  });
});

test('what the kernel takes in parts is written whole, and read whole', async () => {
  await withTemporaryDirectory(async (directory) => {
    const file = await nodeFiles.open(join(directory, 'a'), 'create');
    const { writev, read } = fs;
    const parts: [number, number][] = [];
    try {
      // Two bytes a call, as on a disk that is nearly full.
      fs.writev = ((fd: number, buffers: Buffer[], position: number, done: (e: Error | null, n: number) => void) => {
        const some = Buffer.concat(buffers).subarray(0, 2);
        parts.push([position, some.length]);
        fs.write(fd, some, 0, some.length, position, (error, n) => done(error, n));
      }) as unknown as typeof fs.writev;
      fs.read = ((
        fd: number,
        into: Buffer,
        at: number,
        n: number,
        from: number,
        done: (e: Error | null, n: number) => void,
      ) => read(fd, into, at, Math.min(2, n), from, done)) as unknown as typeof fs.read;
      await write(file, [Buffer.from('a'), Buffer.from('bcd'), Buffer.from('ef'), Buffer.from('g')], 0);
      const into = Buffer.alloc(9, '.');
      expect(await readFully(file, into, 9, 0)).toBe(7);
      expect(into.toString('latin1')).toBe('abcdefg..');
    } finally {
      fs.writev = writev;
      fs.read = read;
    }
    expect(parts).toEqual([
      [0, 2],
      [2, 2],
      [4, 2],
      [6, 1],
    ]);
    await file.close();
  });
});

test('a disk that takes nothing, and every error, is reported', async () => {
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'a');
    const file = await nodeFiles.open(path, 'create');
    const { writev, read, fdatasync } = fs;
    const failing = (...args: unknown[]) => (args.at(-1) as (e: Error, n: number) => void)(new Error('EIO'), 0);
    try {
      fs.writev = ((...args: unknown[]) =>
        (args.at(-1) as (e: null, n: number) => void)(null, 0)) as unknown as typeof fs.writev;
      await expect(write(file, [Buffer.from('x')], 3)).rejects.toThrow(`${path}: nothing could be written at 3`);
      fs.writev = failing as unknown as typeof fs.writev;
      await expect(write(file, [Buffer.from('x')], 3)).rejects.toThrow('EIO');
      fs.read = failing as unknown as typeof fs.read;
      await expect(readFully(file, Buffer.alloc(1), 1, 0)).rejects.toThrow('EIO');
      fs.fdatasync = failing as unknown as typeof fs.fdatasync;
      const synced = new Promise((resolve) => file.sync(resolve));
      expect(await synced).toMatchObject({ message: 'EIO' });
    } finally {
      Object.assign(fs, { writev, read, fdatasync });
    }
    await file.close();
    await expect(file.sizeBytes()).rejects.toThrow('EBADF');
    await expect(file.truncate(0)).rejects.toThrow('EBADF');
    await expect(file.close()).rejects.toThrow('EBADF');
  });
});

test('a file is made once, for its user alone; one that is not there is not made by opening it', async () => {
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'a');
    const file = await nodeFiles.open(path, 'create');
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    await expect(nodeFiles.open(path, 'create')).rejects.toThrow('EEXIST');
    await expect(nodeFiles.open(join(directory, 'b'), 'update')).rejects.toThrow('ENOENT');
    await file.close();
    const read = await nodeFiles.open(path, 'read');
    await expect(write(read, [Buffer.from('x')], 0)).rejects.toThrow('EBADF');
    await read.close();
  });
});

test('a directory is made with those above it, all of them for its user alone', async () => {
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'x', 'y', 'z');
    await nodeFiles.makeDirectory(path);
    await nodeFiles.makeDirectory(path);
    expect(fs.statSync(path).mode & 0o777).toBe(0o700);
    expect(fs.statSync(join(directory, 'x')).mode & 0o777).toBe(0o700);
    expect(await nodeFiles.list(join(directory, 'x', 'y'))).toEqual(['z']);
  });
});

test('a small file is made whole or not at all, and never in the place of another', async () => {
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'lock');
    expect(await nodeFiles.readText(path)).toBeUndefined();
    expect(await nodeFiles.createExclusive(path, 'first')).toBe(true);
    expect(await nodeFiles.createExclusive(path, 'second')).toBe(false);
    expect(await nodeFiles.readText(path)).toBe('first');
    expect(await nodeFiles.list(directory)).toEqual(['lock']);
    await expect(nodeFiles.createExclusive(join(directory, 'no', 'lock'), 'x')).rejects.toThrow('ENOENT');
    await expect(nodeFiles.readText(directory)).rejects.toThrow('EISDIR');
  });
});

test('a directory is made with those above it, and where none can be made that is an error', async () => {
  await withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'a', 'b', 'c');
    await nodeFiles.makeDirectory(path);
    await nodeFiles.makeDirectory(path);
    expect(fs.statSync(path).mode & 0o777).toBe(0o700);
    const file = join(directory, 'file');
    fs.writeFileSync(file, '');
    await expect(nodeFiles.makeDirectory(file)).rejects.toThrow('EEXIST');
    await expect(nodeFiles.makeDirectory(join(file, 'a'))).rejects.toThrow('ENOTDIR');
    // Its parent is there, and still the system says that there is no such directory.
    if (fs.existsSync('/proc/self')) await expect(nodeFiles.makeDirectory('/proc/none/such')).rejects.toThrow('ENOENT');
  });
});
