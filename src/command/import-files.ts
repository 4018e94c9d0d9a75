/** What imports share: files read whole, what is wrong with them, and a copy of the state to try things on. */
import { isUtf8 } from 'node:buffer';
import type { AdapterState } from '../api/adapter-state.ts';
import { type FileSystem, nodeFiles, readFully } from '../log/files/files.ts';
import { BrokerError } from '../message/errors.ts';

const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** Told a line each. */
export class BadFile extends BrokerError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('precondition-failed', problems.join('\n'));
    this.problems = [...problems, 'nothing was taken'];
  }
}

/** @throws BrokerError invalid: it cannot be read, or is no text */
export async function textOf(path: string, files: FileSystem = nodeFiles): Promise<string> {
  let bytes: Buffer;
  try {
    const file = await files.open(path, 'read');
    try {
      const size = await file.sizeBytes();
      if (size > FILE_BYTES_MAX) throw new BrokerError('invalid', `${path}: larger than 64 MiB`);
      bytes = Buffer.alloc(size);
      await readFully(file, bytes, size, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const why = READ_FAULTS[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
    throw new BrokerError('invalid', `cannot read ${path}: ${why}`);
  }
  if (!isUtf8(bytes)) throw new BrokerError('invalid', `${path}: this is not text in UTF-8`);
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EISDIR: 'it is a directory',
  EACCES: 'this user may not read it',
};

/** The same facts in memory alone. */
export function copyOf(state: AdapterState): AdapterState {
  const values = new Map(state.keys('').map((key) => [key, state.get(key)!]));
  return {
    get: (key) => values.get(key),
    put: (key, value) => void values.set(key, value),
    delete: (key) => values.delete(key),
    keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
}
