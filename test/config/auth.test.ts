/** The settings of back ends: read, refused in words, and printed so that they can be read again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { backendPlans } from '../../src/config/auth.ts';
import { type ConfigError, checkConfig, loadConfig } from '../../src/config/load.ts';
import { printConfig } from '../../src/config/print.ts';
import { issuer, jwtBackend } from '../auth/backends/harness.ts';

const directory = mkdtempSync(join(tmpdir(), 'entrepot-auth-'));
afterAll(() => rmSync(directory, { recursive: true }));

const http = {
  userPath: 'http://127.0.0.1:8000/user',
  vhostPath: 'http://127.0.0.1:8000/vhost',
  resourcePath: 'http://127.0.0.1:8000/resource',
  topicPath: 'http://127.0.0.1:8000/topic',
};
const jwt = { issuer: 'https://i/', audience: 'rabbitmq', jwks: 'https://i/jwks.json' };

const wrong = (backends: unknown): string => {
  try {
    backendPlans(checkConfig({ auth: { backends } }).auth);
  } catch (error) {
    return (error as ConfigError).message;
  }
  return 'nothing';
};

describe('auth.backends', () => {
  it('is the own users alone by default', () => {
    expect(checkConfig({}).auth.backends).toEqual([{ internal: {} }]);
  });

  it('has a default for most of it, and takes plain numbers for milliseconds from programs', () => {
    const { backends } = checkConfig({
      auth: { backends: ['internal', { http: { ...http, timeout: 250, cache: { lifetime: 1_500 } } }, { jwt }] },
    }).auth;
    expect(backends[1]).toMatchObject({
      http: { method: 'get', timeout: 250, cache: { lifetime: 1_500, size: 10_000 } },
    });
    expect(backends[2]).toMatchObject({
      jwt: { audience: ['rabbitmq'], algorithms: ['RS256', 'ES256'], leeway: 10_000, userFrom: ['sub', 'client_id'] },
    });
    const [, , plan] = backendPlans({ backends });
    expect(plan).toMatchObject({ name: 'jwt', settings: { scopePrefix: 'rabbitmq.', audiences: ['rabbitmq'] } });
  });

  it.each<[unknown, string]>([
    [[], 'auth.backends must name one at least'],
    [['ldap'], 'ldap'],
    [['internal', 'internal'], 'must name each of them once'],
    [[{ http: { ...http, userPath: 'ftp://x/' } }], 'must be an address such as http://127.0.0.1:8000/auth/user'],
    [[{ http: { ...http, userPath: 'http://u:hunter2@x/' } }], 'must have no name and no password in it'],
    [[{ http: { ...http, timeout: '2 h' } }], 'must be a duration from 10 ms to 1 min'],
    [[{ http: { ...http, authorization: 'internal' } }], 'must name internal'],
    [[{ jwt: { ...jwt, jwks: 'http://i/jwks.json' } }], 'must be an address such as https://'],
    [[{ jwt: { ...jwt, keys: '/k' } }], 'must have one of jwks and keys'],
    [[{ jwt: { ...jwt, algorithms: ['HS256'] } }], 'must be one of RS256'],
    [[{ jwt: { ...jwt, algorithms: ['none'] } }], 'must be one of RS256'],
    [[{ jwt: { ...jwt, leeway: '10 min' } }], 'must be a duration from 0 to 5 min'],
    [[{ jwt: { ...jwt, jwks: undefined, keys: '/nowhere/keys' } }], 'the keys /nowhere/keys cannot be read'],
    [[{ jwt: { ...jwt, isuer: 'x' } }], 'isuer is not known'],
  ])('%j is wrong', (backends, text) => {
    const said = wrong(backends);
    expect(said).toContain(text);
    expect(said).not.toContain('hunter2');
  });

  it('with a file that holds a secret key is wrong, and nothing of it is shown', () => {
    const keys = join(directory, 'secret.json');
    writeFileSync(keys, JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }));
    const said = wrong([{ jwt: { ...jwt, jwks: undefined, keys } }]);
    expect(said).toContain('there is no public key of RSA, EC or OKP in it');
    expect(said).not.toContain('c2VjcmV0');
  });

  it('may come from the environment, and is printed as it would be written', () => {
    const given = ['internal', { http: { ...http, timeout: '250 ms' } }, jwtBackend(issuer(), directory)];
    const loaded = loadConfig({}, { ENTREPOT_AUTH_BACKENDS: JSON.stringify(given) });
    const printed = printConfig(loaded);
    const again = parse(printed) as { auth: unknown };
    expect(checkConfig({ auth: again.auth }).auth).toEqual(loaded.config.auth);
    expect(printed).toContain('timeout: 250 ms');
    expect(() => loadConfig({}, { ENTREPOT_AUTH_BACKENDS: 'internal http' })).toThrow('must be JSON');
  });
});
