/** The worked example in format.md is what the code writes. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { DIRECTORY, quiet, TestLog } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

test('the worked example in format.md is what is written, byte by byte', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  await quiet(files);
  it.message('hello');
  it.log.beginUnit();
  it.note('n');
  it.message('hi');
  it.log.endUnit();
  await it.safe();
  const text = await readFile(new URL('../../src/log/format/format.md', import.meta.url), 'utf8');
  const lines = [...text.matchAll(/^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ?){16})$/gm)];
  expect(lines.length).toBe(15);
  const bytes = files.bytes(`${DIRECTORY}/0000000001.log`);
  for (const [, offset, hex] of lines) {
    const at = Number.parseInt(offset!, 16);
    const written = bytes
      .subarray(at, at + 16)
      .toString('hex')
      .replace(/../g, '$& ')
      .trim();
    expect(`${offset}  ${written}`).toBe(`${offset}  ${hex!.trim()}`);
  }
  expect(bytes.subarray(lines.length * 16).every((byte) => byte === 0)).toBe(true);
});

test('the example reads back as it is printed', async () => {
  const text = await readFile(new URL('../../src/log/format/format.md', import.meta.url), 'utf8');
  const lines = [...text.matchAll(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?){16})$/gm)];
  const files = new MemoryFiles();
  files.put(
    `${DIRECTORY}/0000000001.log`,
    Buffer.from(lines.map(([, hex]) => hex!.replaceAll(' ', '')).join(''), 'hex'),
  );
  const it = await TestLog.open(files);
  expect(it.replayed).toEqual([
    { type: 1, seq: 1, text: 'hello' },
    { type: 128, seq: 0, text: 'n' },
    { type: 1, seq: 2, text: 'hi' },
  ]);
  expect(it.kinds()).toEqual(['recovered']);
});
