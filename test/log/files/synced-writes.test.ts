/** Writing and syncing in one call, on the operating system's files. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LogFile, nodeFiles } from '../../../src/log/files/files.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';

const writeSynced = (file: LogFile, text: string, position: number): Promise<Error | undefined> =>
  new Promise((resolve) =>
    file.writeSynced!([Buffer.from(text.slice(0, 2)), Buffer.from(text.slice(2))], position, resolve),
  );

describe("the system's files", () => {
  it('write and sync in one, again and again, also after what that needed was given back', () =>
    withTemporaryDirectory(async (directory) => {
      const path = join(directory, 'a');
      const file = await nodeFiles.open(path, 'create');
      expect(await writeSynced(file, 'first', 0)).toBe(undefined);
      expect(await writeSynced(file, 'second', 5)).toBe(undefined);
      file.writtenFull!();
      expect(await writeSynced(file, 'third', 11)).toBe(undefined);
      await file.close();
      expect(readFileSync(path, 'latin1')).toBe('firstsecondthird');
    }));

  it('never write into another file that has got the name by now', () =>
    withTemporaryDirectory(async (directory) => {
      const path = join(directory, 'a');
      const file = await nodeFiles.open(path, 'create');
      renameSync(path, join(directory, 'b'));
      writeFileSync(path, 'somebody else');
      expect(await writeSynced(file, 'mine', 0)).toBe(undefined);
      await file.close();
      expect(readFileSync(join(directory, 'b'), 'latin1')).toBe('mine');
      expect(readFileSync(path, 'latin1')).toBe('somebody else');
    }));
});
