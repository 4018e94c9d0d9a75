/** Directories that tests may fill and that are gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a directory; the caller removes it. */
export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'entrepot-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs `use` with a directory of its own, and removes it whatever happens. */
export async function withTemporaryDirectory<T>(use: (path: string) => T | Promise<T>): Promise<T> {
  const directory = temporaryDirectory();
  try {
    return await use(directory.path);
  } finally {
    directory.remove();
  }
}
