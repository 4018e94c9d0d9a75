/** A data directory as one small file: JSON of its files' bytes by path, compressed. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

/** The lock and the operator's token belong to a process. */
const LEFT_OUT = /(^|\/)(entrepot\.lock|operator\.token)$/;

export function pack(directory: string): Buffer {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !LEFT_OUT.test(path))
    .sort();
  const contents = files.map((path) => [path, readFileSync(join(directory, path)).toString('base64')]);
  return gzipSync(JSON.stringify(Object.fromEntries(contents)), { level: 9 });
}

export function unpack(packed: Buffer, directory: string): void {
  const contents = JSON.parse(gunzipSync(packed).toString()) as Record<string, string>;
  for (const [path, bytes] of Object.entries(contents)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, path), Buffer.from(bytes, 'base64'), { mode: 0o600 });
  }
}
