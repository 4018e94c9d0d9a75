/** Tokens: which are believed, and which are not, whatever they claim. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/api/identity.ts';
import type { Verdict } from '../../../src/auth/backends/backend.ts';
import { JwtBackend, type JwtBackendSettings } from '../../../src/auth/backends/jwt/jwt-backend.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Authority, OPENSSL } from '../../support/certificates.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { until } from '../../support/until.ts';
import { AUDIENCE, ISSUER, type Issuer, issuer, signed } from './harness.ts';

const NOW_S = 1_700_000_000;
const good = issuer();
const others = issuer();

function settings(more: Partial<JwtBackendSettings> = {}): JwtBackendSettings {
  return {
    issuer: ISSUER,
    audiences: [AUDIENCE],
    jwks: undefined,
    keys: () => good.keySet,
    authority: () => undefined,
    algorithms: ['RS256', 'ES256'],
    leewayMs: 10_000,
    userFrom: ['sub', 'client_id'],
    scopePrefix: `${AUDIENCE}.`,
    additionalScopes: undefined,
    timeoutMs: 5_000,
    cache: { lifetimeMs: 60_000, entriesMax: 4 },
    ...more,
  };
}

function backend(more: Partial<JwtBackendSettings> = {}) {
  const clock = new ManualClock(NOW_S * 1_000);
  const failures: string[] = [];
  const made = new JwtBackend(settings(more), clock, (_name, reason) => failures.push(reason));
  const ask = (token: string): Promise<Verdict> =>
    new Promise((done) =>
      made.authenticate({ client: 'c', loopback: true, user: 'any', password: Buffer.from(token) }, '10.0.0.1', done),
    );
  return { made, ask, clock, failures };
}

const token = (claims: object = {}, header: object = {}, from: Issuer = good): Promise<string> =>
  from.token({ exp: NOW_S + 60, ...claims }, { ...header });

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token', () => {
  it('that is good says who its user is, until when, and its tags', async () => {
    const { ask } = backend();
    const said = await ask(await token({ scope: 'rabbitmq.read:*/* rabbitmq.tag:monitoring other.tag:administrator' }));
    expect(said).toMatchObject({ user: 'plant', tags: ['monitoring'], expiresAtMs: (NOW_S + 60) * 1_000 + 10_000 });
  });

  it('names its user by the first claim of those that are asked for', async () => {
    const { ask } = backend({ userFrom: ['preferred_username', 'sub'] });
    expect(await ask(await token({ preferred_username: 'ann' }))).toMatchObject({ user: 'ann' });
    expect(await ask(await token())).toMatchObject({ user: 'plant' });
    expect(await ask(await token({ sub: 7 }))).toEqual({ unknown: 'a token that names no user' });
  });

  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'plant', exp: NOW_S + 60 };
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const BAD: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['signed by nobody (none)', () => `${part({ alg: 'none' })}.${part(claims)}.`],
    ['signed by nobody, in capitals', () => `${part({ alg: 'NONE' })}.${part(claims)}.`],
    [
      "with the issuer's public key as a secret (HS256)",
      () => {
        const head = `${part({ alg: 'HS256', kid: 'one' })}.${part(claims)}`;
        const pem = good.publicKey.export({ type: 'spki', format: 'pem' });
        return `${head}.${createHmac('sha256', pem).update(head).digest('base64url')}`;
      },
    ],
    ['for another audience', () => token({ aud: 'else' })],
    ['for nobody', () => token({ aud: undefined })],
    ['of another issuer', () => token({ iss: 'https://login.example.com/' })],
    ['signed by another key', () => token({}, {}, others)],
    [
      'that names a key of another kind than its algorithm',
      () => signed({ alg: 'ES256', kid: 'one' }, claims, pair.privateKey),
    ],
    ['with a key that nobody knows', () => token({}, { kid: 'two' })],
    ['that brings its own key', () => token({}, { jwk: JSON.parse(others.keySet).keys[0] }, others)],
    ['that has expired', () => token({ exp: NOW_S - 11 })],
    ['that never expires', () => token({ exp: undefined })],
    ['that is not valid yet', () => token({ nbf: NOW_S + 11 })],
    ['with an algorithm that is not allowed', () => good.token(claims, { alg: 'RS512' })],
    ['that has something critical that nobody knows', () => token({}, { crit: ['exp'], exp: 1 })],
    ['of more scopes than there may be', () => token({ scope: Array.from({ length: 2_049 }, (_, i) => `a${i}`) })],
    ['that is longer than may be', async () => `${await token()}${'A'.repeat(17_000)}`],
    ['whose signature is cut', async () => (await token()).slice(0, -8)],
    ['that is no token', () => 'eyJ.a.b'],
    ['that is nothing', () => ''],
  ];

  it.each(BAD)('%s is not believed', async (_what, make) => {
    const { ask } = backend();
    const bad = await Promise.resolve(make()).catch(() => 'eyJ.cannot.be-made');
    const said = await ask(bad);
    expect(Object.keys(said)).toEqual(['unknown']);
    // Nothing of it is told to anybody.
    if (bad.length > 20) expect(JSON.stringify(said)).not.toContain(bad.slice(0, 20));
  });

  it('may be as much too early or too late as clocks may differ', async () => {
    const { ask } = backend();
    expect(await ask(await token({ nbf: NOW_S + 9 }))).toHaveProperty('user');
    expect(await ask(await token({ exp: NOW_S - 9 }))).toHaveProperty('user');
  });

  it('that is known is not known any more once it has expired', async () => {
    const { ask, clock } = backend({ cache: { lifetimeMs: 3_600_000, entriesMax: 4 } });
    const shown = await token({ exp: NOW_S + 5 });
    expect(await ask(shown)).toHaveProperty('user');
    clock.advance(16_000);
    expect(await ask(shown)).toEqual({ unknown: 'a token that is not good (ERR_JWT_EXPIRED)' });
  });

  it('permits nothing once it has expired', async () => {
    const { ask, clock, made } = backend();
    const identity = (await ask(await token({ scope: 'rabbitmq.write:*/*', exp: NOW_S + 5 }))) as Identity;
    const request = { vhost: '/', action: 'write', resource: 'queue', name: 'q' } as const;
    expect(made.permits(identity, request)).toBe(true);
    clock.advance(16_000);
    expect(made.permits(identity, request)).toBe(false);
    expect(made.mayEnter(identity, '/')).toBe(false);
  });
});

describe.skipIf(OPENSSL === undefined)('keys that are fetched', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let own: Authority;
  beforeAll(() => {
    directory = temporaryDirectory();
    own = new Authority(directory.path, 'keys');
  });
  afterAll(() => directory.remove());
  let server: Server | undefined;
  let servers = 0;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  /** @param served what is answered; undefined: nothing, ever */
  async function serve(served: () => string | undefined): Promise<{ url: string; times: () => number }> {
    const { certificate, key } = own.issue(`server${++servers}`, { dns: ['localhost'] });
    let times = 0;
    server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_request, response) => {
      times++;
      const text = served();
      if (text !== undefined) response.end(text);
    });
    await new Promise<void>((done) => server!.listen(0, '127.0.0.1', done));
    return { url: `https://localhost:${(server.address() as AddressInfo).port}/jwks`, times: () => times };
  }

  const remote = (url: string, more: Partial<JwtBackendSettings> = {}) =>
    backend({ keys: undefined, jwks: url, authority: () => readFileSync(own.certificate, 'utf8'), ...more });

  it('are kept, and not fetched again for tokens that name keys which nobody knows', async () => {
    const { url, times } = await serve(() => good.keySet);
    const { ask, clock } = remote(url);
    expect(await ask(await token())).toHaveProperty('user');
    for (let i = 0; i < 20; i++) expect(await ask(await token({}, { kid: `k${i}` }))).toHaveProperty('unknown');
    expect(times()).toBe(1);
    clock.advance(31_000);
    for (let i = 0; i < 20; i++) expect(await ask(await token({}, { kid: `l${i}` }))).toHaveProperty('unknown');
    expect(times()).toBe(2);
  });

  it('are found when they are new', async () => {
    const next = issuer('two');
    let text = good.keySet;
    const { url } = await serve(() => text);
    const { ask, clock } = remote(url);
    expect(await ask(await token())).toHaveProperty('user');
    text = JSON.stringify({ keys: [...JSON.parse(good.keySet).keys, ...JSON.parse(next.keySet).keys] });
    clock.advance(31_000);
    expect(await ask(await token({}, {}, next))).toHaveProperty('user');
  });

  it('are not believed from whom the authority has not signed', async () => {
    const { url, times } = await serve(() => good.keySet);
    const { ask, failures } = remote(url, { authority: () => undefined });
    expect(await ask(await token())).toHaveProperty('failed');
    expect(times()).toBe(0);
    expect(failures).toHaveLength(1);
  });

  it('that do not come in time are a failure, and nobody waits longer', async () => {
    const { url, times } = await serve(() => undefined);
    const { ask, clock } = remote(url);
    const said = ask(await token());
    await until(() => times() === 1);
    clock.advance(5_100);
    expect(await said).toHaveProperty('failed');
  });

  it.each([
    ['too long', 'x'.repeat(300_000), 'longer'],
    ['no JSON', 'hello', 'neither JSON nor PEM'],
    ['secrets', JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }), 'no public key'],
  ])('that are %s are a failure', async (_what, text, why) => {
    const { url } = await serve(() => text);
    const { ask, failures } = remote(url);
    expect(await ask(await token())).toHaveProperty('failed');
    expect(failures.join()).toContain(why);
  });
});
