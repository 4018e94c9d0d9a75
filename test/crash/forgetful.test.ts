/** The files that `crash --forget-unsynced` gives a broker: they keep their word, and nothing that was not promised. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { forgetful } from '../../conformance/kill/forgetful-files.ts';
import { type LogFile, nodeFiles, readFully } from '../../src/log/files/files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-forgetful-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (file: LogFile, text: string, position: number): Promise<void> =>
  new Promise((resolve, reject) => {
    file.write([Buffer.from(text)], position, (error) => (error === undefined ? resolve() : reject(error)));
  });
const sync = (file: LogFile): Promise<void> =>
  new Promise((resolve, reject) => file.sync((error) => (error === undefined ? resolve() : reject(error))));

async function text(file: LogFile, bytes: number, position = 0): Promise<string> {
  const into = Buffer.alloc(bytes, '?');
  return into.toString('latin1', 0, await readFully(file, into, bytes, position));
}

it('keeps what was synced, and nothing else, in the real file', async () => {
  const path = join(directory, 'a.log');
  const file = await forgetful(nodeFiles).open(path, 'create');
  await write(file, 'hello', 0);
  expect(readFileSync(path, 'latin1')).toBe('');
  await sync(file);
  expect(readFileSync(path, 'latin1')).toBe('hello');
  await write(file, 'HE', 0);
  expect(readFileSync(path, 'latin1')).toBe('hello');
  await file.close();
});

it('shows a reader both, the later write on top', async () => {
  const files = forgetful(nodeFiles);
  const path = join(directory, 'a.log');
  const file = await files.open(path, 'create');
  await write(file, 'hello', 0);
  await sync(file);
  await write(file, 'EL', 1);
  await write(file, 'l', 2);
  await write(file, 'end', 7);
  await files.rename(path, `${path}.b`);
  const other = await files.open(`${path}.b`, 'read');
  for (const reader of [file, other]) {
    expect(await text(reader, 20)).toBe('hEllo\0\0end');
    expect(await text(reader, 2, 8)).toBe('nd');
    expect(await reader.sizeBytes()).toBe(10);
  }
  await file.close();
  await other.close();
});
