/** What may be said of a user: names, tags, passwords, permissions, each with its bound. */
import type { UserSettings } from '../api/users.ts';
import { BrokerError } from '../message/errors.ts';
import { importedHash } from './exported-hash.ts';
import { PASSWORD_BYTES_MAX, type PasswordHash } from './passwords.ts';

export const USERS_MAX = 100_000;
const NAME_BYTES_MAX = 255;
const TAGS_MAX = 16;
const TAG_CHARS_MAX = 64;
const PATTERN_CHARS_MAX = 1024;

/** @throws BrokerError invalid */
export function checkName(name: unknown, what: string): void {
  if (typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= NAME_BYTES_MAX) return;
  throw new BrokerError('invalid', `${what} is a text of 1 to ${NAME_BYTES_MAX} bytes`);
}

/** @throws BrokerError invalid; what is wrong with a password or a hash is said without it */
export function checkSettings({ password, passwordHash, hashingAlgorithm, tags = [] }: UserSettings): {
  readonly password: Buffer | undefined;
  readonly hash: PasswordHash | undefined;
  readonly tags: readonly string[];
} {
  if (password !== undefined && passwordHash !== undefined) {
    throw new BrokerError('invalid', 'a user has a password or a hash of one, not both');
  }
  if (password !== undefined && typeof password !== 'string') {
    throw new BrokerError('invalid', 'a password is a text');
  }
  if (passwordHash !== undefined && typeof passwordHash !== 'string') {
    throw new BrokerError('invalid', 'a password hash is a text');
  }
  const bytes = password === undefined ? undefined : Buffer.from(password, 'utf8');
  if (bytes !== undefined && (bytes.length === 0 || bytes.length > PASSWORD_BYTES_MAX)) {
    throw new BrokerError('invalid', `a password has 1 to ${PASSWORD_BYTES_MAX} bytes`);
  }
  const wellFormed =
    Array.isArray(tags) &&
    tags.length <= TAGS_MAX &&
    tags.every((tag) => typeof tag === 'string' && tag !== '' && tag.length <= TAG_CHARS_MAX);
  if (!wellFormed) {
    throw new BrokerError('invalid', `tags are ${TAGS_MAX} texts at most, of 1 to ${TAG_CHARS_MAX} characters`);
  }
  const hash = passwordHash === undefined ? undefined : importedHash(passwordHash, hashingAlgorithm);
  return { password: bytes, hash, tags: [...tags] };
}

/**
 * The patterns of these names. @throws BrokerError invalid: one is missing, too long, or cannot be used
 */
export function checkPermissions<K extends string>(
  given: Partial<Readonly<Record<K, unknown>>>,
  names: readonly K[],
  checkPattern: (text: string) => void,
): Record<K, string> {
  const found = {} as Record<K, string>;
  for (const name of names) {
    const pattern = given?.[name];
    if (typeof pattern !== 'string' || pattern.length > PATTERN_CHARS_MAX) {
      throw new BrokerError(
        'invalid',
        `the permission ${name} is a pattern of ${PATTERN_CHARS_MAX} characters at most`,
      );
    }
    checkPattern(pattern);
    found[name] = pattern;
  }
  return found;
}
