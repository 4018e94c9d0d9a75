/**
 * The settings of users: who may log in, and what each may do.
 *
 *     users:
 *       plant:
 *         passwordFile: /run/secrets/plant        # or password, or passwordHash with hashingAlgorithm
 *         tags: [monitoring]
 *         permissions:
 *           /: { configure: ^plant, write: .*, read: .* }
 *         topicPermissions:
 *           - { vhost: /, exchange: amq.topic, write: '^plant\.', read: .* }
 *
 * No error and no print of the settings shows what is secret.
 */
import { z } from 'zod';
import { HASHING_ALGORITHMS } from '../api/users.ts';
import { checkSettings } from '../auth/user-checks.ts';
import type { ConfiguredUser } from '../broker/users.ts';
import { BrokerError } from '../message/errors.ts';
import { readSecretFile } from './secret-file.ts';

export type UserConfig = Omit<ConfiguredUser, 'name'>;

/** What may be written. */
export type UsersInput = Readonly<Record<string, UserConfig & { readonly passwordFile?: string | undefined }>>;

const USERS_MAX = 10_000;
const pattern = z.string('must be a pattern, in quotes').max(1024, 'must have 1024 characters at most');
const permissions = z.strictObject({ configure: pattern, write: pattern, read: pattern });
const topicPermissions = z.strictObject({
  vhost: z.string('must be a vhost').default('/'),
  exchange: z.string('must be the name of an exchange').min(1, 'must be the name of an exchange'),
  write: pattern,
  read: pattern,
});

const user = z
  .strictObject({
    password: z.string('must be a text, in quotes if it looks like a number').optional(),
    passwordFile: z.string('must be the path of a file').min(1, 'must be the path of a file').optional(),
    passwordHash: z.string('must be a text').optional(),
    hashingAlgorithm: z.enum(HASHING_ALGORITHMS, `must be one of ${HASHING_ALGORITHMS.join(', ')}`).optional(),
    tags: z.array(z.string('must be words'), 'must be a list of words').default([]),
    permissions: z.record(z.string(), permissions, 'must be vhosts, each with configure, write and read').default({}),
    topicPermissions: z.array(topicPermissions, 'must be a list: vhost, exchange, write, read').default([]),
  })
  .transform(({ passwordFile, ...given }, context): UserConfig => {
    const wrong = (message: string, at: string[]) => {
      context.addIssue({ code: 'custom', message, params: { complete: true, at } });
      return z.NEVER;
    };
    const ways = [given.password, passwordFile, given.passwordHash].filter((value) => value !== undefined);
    if (ways.length > 1) return wrong('must have one of password, passwordFile and passwordHash', []);
    if (given.hashingAlgorithm !== undefined && given.passwordHash === undefined) {
      return wrong('has a hashingAlgorithm without a passwordHash', ['hashingAlgorithm']);
    }
    try {
      const read = passwordFile === undefined ? {} : { password: readSecretFile(passwordFile) };
      checkSettings({ ...given, ...read });
      return { ...given, ...read };
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      const what = passwordFile === undefined ? 'is wrong' : `with the passwordFile ${passwordFile} is wrong`;
      return wrong(`${what}: ${error.message}`, passwordFile === undefined ? [] : ['passwordFile']);
    }
  });

/** The keys there are, by what they stand in: for suggestions. */
export const USER_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['password', 'passwordFile', 'passwordHash', 'hashingAlgorithm', 'tags', 'permissions', 'topicPermissions'],
  permissions: ['configure', 'write', 'read'],
  topicPermissions: ['vhost', 'exchange', 'write', 'read'],
};

export const usersSchema = z
  .record(
    z.string().min(1, 'must be a name').max(255, 'must have 255 characters at most'),
    user,
    'must be names, each with a password and permissions',
  )
  .refine((users) => Object.keys(users).length <= USERS_MAX, `must be ${USERS_MAX} at most`)
  .default({});

export function configuredUsers(users: Readonly<Record<string, UserConfig>>): ConfiguredUser[] {
  return Object.entries(users).map(([name, settings]) => ({ name, ...settings }));
}

/** As they would be written, without what is secret: taken as settings again, such a file is wrong. */
export function writtenUsers(users: Readonly<Record<string, UserConfig>>): unknown {
  return Object.fromEntries(
    Object.entries(users).map(([name, { password, passwordHash, hashingAlgorithm, tags, ...rules }]) => [
      name,
      {
        ...(password !== undefined && { password: null }),
        ...(passwordHash !== undefined && { passwordHash: null }),
        ...(hashingAlgorithm !== undefined && { hashingAlgorithm }),
        ...(tags !== undefined && tags.length > 0 && { tags }),
        ...(Object.keys(rules.permissions ?? {}).length > 0 && { permissions: rules.permissions }),
        ...((rules.topicPermissions ?? []).length > 0 && { topicPermissions: rules.topicPermissions }),
      },
    ]),
  );
}
