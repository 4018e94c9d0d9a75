/** Errors of the file system that pass: whoever meets one asks again later. */

/** The disk, or what this user may have of it, is used up. */
export function isNoSpace(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/**
 * No file descriptor is left, in this process or in the system. Nothing has been done then, and it passes: whoever needs the
 * file asks again.
 */
export function isNoDescriptor(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EMFILE' || code === 'ENFILE';
}
