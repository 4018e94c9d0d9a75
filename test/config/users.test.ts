import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, checkConfig, loadConfig } from '../../src/config/load.ts';
import { printConfig } from '../../src/config/print.ts';
import { withTemporaryDirectory } from '../support/directory.ts';

const HASH = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';
const RULES = { configure: '', write: '^plant', read: '.*' };

function wrong(users: unknown): string {
  return problems(() => checkConfig({ users }));
}

function problems(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('; ');
    throw error;
  }
  return '';
}

describe('users', () => {
  it('have a password, a file or a hash of one, tags and permissions', async () => {
    await withTemporaryDirectory(async (directory) => {
      const passwordFile = join(directory, 'secret');
      writeFileSync(passwordFile, 'from a file\n');
      const topicPermissions = [{ exchange: 'amq.topic', write: '', read: '.*' }];
      const { users, login } = checkConfig({
        users: {
          ann: { password: 'x', tags: ['administrator'], permissions: { '/': RULES }, topicPermissions },
          bob: { passwordFile },
          eve: { passwordHash: HASH },
        },
      });
      expect(users).toEqual({
        ann: {
          ...{ password: 'x', tags: ['administrator'], permissions: { '/': RULES } },
          topicPermissions: [{ vhost: '/', ...topicPermissions[0] }],
        },
        bob: { password: 'from a file', tags: [], permissions: {}, topicPermissions: [] },
        eve: { passwordHash: HASH, tags: [], permissions: {}, topicPermissions: [] },
      });
      expect(login).toEqual({ anonymous: 'auto', guest: 'auto' });
    });
  });

  it('that are wrong are told in a line, without anything that may be secret', async () => {
    const secret = 'hunter2';
    for (const [settings, told] of [
      [{ password: secret, passwordHash: HASH }, 'users.ann must have one of password, passwordFile and passwordHash'],
      [{ password: [secret] }, 'users.ann.password must be a text'],
      [{ password: 123456 }, 'users.ann.password must be a text, in quotes if it looks like a number'],
      [{ password: '' }, 'users.ann is wrong: a password has 1 to 4096 bytes'],
      [{ passwordHash: secret }, 'users.ann is wrong: a password hash of rabbit_password_hashing_sha256 is 36 bytes'],
      [{ passwordFile: '/nowhere/at/all' }, 'passwordFile /nowhere/at/all is wrong: cannot be read (ENOENT)'],
      [{ pasword: secret }, 'the key users.ann.pasword is not known; did you mean password?'],
      [{ permissions: { '/': { ...RULES, raed: secret } } }, 'did you mean read?'],
      [{ permissions: { '/': { read: '.*' } } }, 'users.ann.permissions./.configure must be a pattern'],
      [{ hashingAlgorithm: secret }, 'users.ann.hashingAlgorithm must be one of rabbit_password_hashing_sha256'],
      [secret, 'users.ann must hold keys and values'],
    ] as const) {
      const said = wrong({ ann: settings });
      expect(said).toContain(told);
      expect(said).not.toContain(secret);
    }
    expect(problems(() => loadConfig({}, { ENTREPOT_USERS: `{"ann": {"password": "${secret}"` }))).toBe(
      'ENTREPOT_USERS: must be JSON, such as {"plant": {"passwordFile": "/run/plant"}}',
    );
  });

  it('come from the environment as JSON, and are printed without what is secret', () => {
    const loaded = loadConfig(
      {},
      {
        ENTREPOT_USERS: JSON.stringify({ ann: { password: 'hunter, 2' }, bob: { passwordHash: HASH, tags: ['t'] } }),
        ENTREPOT_LOGIN_ANONYMOUS: 'local',
      },
    );
    expect(loaded.config.users['ann']!.password).toBe('hunter, 2');
    const printed = printConfig(loaded);
    expect(printed).toMatch(/users:\n {2}ann:\n {4}password: null\n {2}bob:\n {4}passwordHash: null\n/);
    expect(printed).toContain('anonymous: local');
    expect(printed).not.toMatch(/hunter|kI3G/);
  });
});
