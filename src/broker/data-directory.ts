/** The data directory of a broker: made if it is not there, and locked, with errors that an operator can act on. */
import type { FileSystem } from '../log/files/files.ts';
import { lockDirectory } from '../log/files/lock.ts';
import { BrokerError } from '../message/errors.ts';

/**
 * Makes the data directory, and makes it this process's alone.
 * @returns what gives it back
 * @throws BrokerError unavailable; or the lock's own error, in a line, if another process holds it
 */
export async function claimDirectory(files: FileSystem, directory: string): Promise<() => Promise<void>> {
  try {
    await files.makeDirectory(directory);
    return await lockDirectory(files, directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw new BrokerError(
      'unavailable',
      `the data directory ${directory} cannot be used: ${DIRECTORY_FAULTS[code] ?? (error as Error).message}`,
    );
  }
}

const DIRECTORY_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'there is a file of that name',
  ENOSPC: 'the disk is full',
};
