/** Who may ask a running broker with the command, and what it says when none can be asked. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { login } from '../../src/management/http/login.ts';
import { OperatorToken } from '../../src/management/operator-token.ts';
import { LOCAL_OPERATOR } from '../../src/operator/local-operator.ts';
import { Authority, OPENSSL } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { entrepot } from './harness.ts';

const directory = temporaryDirectory();
const data = join(directory.path, 'data');
const token = join(data, 'operator.token');
const logged: string[] = [];
const note = (...given: unknown[]): void => void logged.push(JSON.stringify(given));
const logger = { debug: note, info: note, warn: note, error: note };
let broker: RunningBroker;

beforeAll(async () => {
  broker = await createBroker({ data, listen: 'http://127.0.0.1:0', vhosts: { '/': {}, other: {} }, logger });
  await broker.users.put('ann', { password: 'secret', tags: ['administrator'] });
  await broker.users.put('bob', { password: 'secret', tags: ['management'] });
});
afterAll(async () => {
  await broker.close();
  directory.remove();
});
afterEach(() => vi.unstubAllEnvs());

const url = (): string => `http://127.0.0.1:${broker.port('http')}`;

function passwordFile(text = 'secret'): string {
  const path = join(directory.path, 'password');
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  return path;
}

describe('the owner of the data directory', () => {
  it('is asked for nothing, and may do everything in every vhost', async () => {
    expect(await entrepot('vhosts', 'list', '--data', data)).toMatchObject({ code: 0, stderr: '' });
    expect(await entrepot('queues', 'add', 'q', '--vhost', 'other', '--data', data)).toMatchObject({ code: 0 });
    expect(JSON.parse((await entrepot('queues', 'list', '--json', '--data', data)).stdout)).toMatchObject([
      { name: 'q', vhost: 'other' },
    ]);
  });

  it('alone can read the token', () => {
    expect(statSync(token).mode & 0o777).toBe(0o600);
    const [secret = '', place] = readFileSync(token, 'utf8').split('\n');
    expect(Buffer.from(secret.slice('entrepot-operator-'.length), 'base64url')).toHaveLength(32);
    expect(place).toBe(url());
  });

  it('finds another token at each start, made anew where one is left, and none after the end', async () => {
    const other = join(directory.path, 'other');
    const seen = new Set<string>();
    for (let start = 0; start < 2; start++) {
      const running = await createBroker({ data: other, listen: 'http://127.0.0.1:0' });
      seen.add(readFileSync(join(other, 'operator.token'), 'utf8').split('\n')[0]!);
      await running.close();
      expect(existsSync(join(other, 'operator.token'))).toBe(false);
      // As a kill leaves it.
      writeFileSync(join(other, 'operator.token'), 'left behind', { mode: 0o644 });
    }
    expect(seen.size).toBe(2);
    chmodSync(join(other, 'operator.token'), 0o644);
    const running = await createBroker({ data: other, listen: 'http://127.0.0.1:0' });
    expect(statSync(join(other, 'operator.token')).mode & 0o777).toBe(0o600);
    await running.close();
  });

  it('has no token where this machine cannot reach HTTP as itself', async () => {
    const other = join(directory.path, 'proxied');
    const proxy = { from: '127.0.0.1' };
    for (const listen of ['http://127.0.0.1:0?proxy=v1+v2', 'amqp://127.0.0.1:0']) {
      const running = await createBroker({ data: other, listen, proxy });
      expect(existsSync(join(other, 'operator.token'))).toBe(false);
      const { code, stderr } = await entrepot('status', '--data', other);
      expect(stderr).toContain(`process ${process.pid} runs on ${other}`);
      expect(code).toBe(3);
      await running.close();
    }
  });
});

describe("the operator's token", () => {
  const services = {
    authenticate: vi.fn(),
    reportMistake: vi.fn(),
  };
  const peer = (loopback: boolean) => ({
    ...{ remote: { address: '10.0.0.1', port: 1 }, local: { address: '10.0.0.2', port: 2 } },
    ...{ loopback, secure: false, certificate: undefined },
  });
  const own = new OperatorToken();

  it('is taken from this machine, and from no other', async () => {
    expect(await login(services, peer(true), `Bearer ${own.text}`, own)).toBe(LOCAL_OPERATOR);
    await expect(login(services, peer(false), `Bearer ${own.text}`, own)).rejects.toMatchObject({ because: 'wrong' });
  });

  it('of another broker is refused, told to the log, and shown to no back end', async () => {
    services.reportMistake.mockClear();
    const other = new OperatorToken().text;
    for (const given of [other, own.text.slice(0, -1), `${own.text}x`, 'entrepot-operator-']) {
      await expect(login(services, peer(true), `Bearer ${given}`, own)).rejects.toMatchObject({ because: 'wrong' });
      await expect(login(services, peer(true), `Bearer ${given}`)).rejects.toMatchObject({ because: 'wrong' });
    }
    expect(services.authenticate).not.toHaveBeenCalled();
    expect(services.reportMistake).toHaveBeenCalledTimes(8);
  });

  it('makes nobody an operator who is merely called so', async () => {
    await broker.users.put(LOCAL_OPERATOR.user, { password: 'secret', tags: ['administrator'] });
    const asked = ['queues', 'list', '--vhost', 'other', '--url', url(), '--password-file', passwordFile()];
    const refused = await entrepot(...asked, '--user', LOCAL_OPERATOR.user);
    expect(refused).toMatchObject({
      code: 4,
      stderr: 'entrepot: refused: User not authorised to access virtual host\n',
    });
  });

  it('is never logged', () => {
    expect(logged.join()).not.toContain('entrepot-operator-');
  });
});

describe('a user', () => {
  it('logs in with a password from a file, or from the environment', async () => {
    const asked = ['users', 'list', '--url', url(), '--user', 'ann'];
    expect(await entrepot(...asked, '--password-file', passwordFile())).toMatchObject({ code: 0 });
    vi.stubEnv('ENTREPOT_PASSWORD', 'secret');
    expect(await entrepot(...asked)).toMatchObject({ code: 0 });
    // Where the data directory says which broker that is.
    expect(await entrepot('users', 'list', '--data', data, '--user', 'ann')).toMatchObject({ code: 0 });
  });

  it('is refused with another password, or for what it may not do', async () => {
    const asked = ['users', 'list', '--url', url()];
    const wrong = await entrepot(...asked, '--user', 'ann', '--password-file', passwordFile('other'));
    expect(wrong).toMatchObject({ code: 4, stdout: '', stderr: 'entrepot: refused: wrong user, or wrong password\n' });
    const low = await entrepot(...asked, '--user', 'bob', '--password-file', passwordFile());
    expect(low).toMatchObject({ code: 4, stderr: 'entrepot: refused: Not administrator user\n' });
  });

  it('has no password on the command line, and is not asked for one where nobody can answer', async () => {
    const inUrl = await entrepot('status', '--url', 'http://ann:secret@127.0.0.1:1');
    expect(inUrl.code).toBe(2);
    expect(inUrl.stderr).toMatch(/a password on the command line is seen by everybody/);
    expect(inUrl.stderr).not.toContain('secret');
    const nowhere = await entrepot('status', '--url', url(), '--user', 'ann');
    expect(nowhere).toMatchObject({ code: 2 });
    expect(nowhere.stderr).toMatch(/no terminal to ask for the password at/);
    expect((await entrepot('status', '--url', url())).stderr).toMatch(/--url needs a --user/);
  });
});

describe('where no broker is', () => {
  it('says that none runs on the directory', async () => {
    const nowhere = join(directory.path, 'nowhere');
    const { code, stderr } = await entrepot('status', '--data', nowhere);
    expect(stderr).toMatch(/^entrepot: no broker runs on .*nowhere: name its directory with --data/);
    expect(code).toBe(3);
    expect(existsSync(nowhere)).toBe(false);
  });

  it('says that nobody listens', async () => {
    const other = await createBroker({ listen: 'http://127.0.0.1:0' });
    const gone = `http://127.0.0.1:${other.port('http')}`;
    await other.close();
    const asked = ['status', '--url', gone, '--user', 'ann', '--password-file', passwordFile()];
    expect(await entrepot(...asked)).toMatchObject({
      code: 3,
      stderr: `entrepot: no broker is reached at ${gone}: nobody listens there\n`,
    });
  });

  it('tells wrong usage by its code', async () => {
    expect(await entrepot('queues', 'list', '--nonsense')).toMatchObject({ code: 2 });
    expect(await entrepot('queues', 'show')).toMatchObject({ code: 2 });
    expect(await entrepot('status', '--url', 'nonsense')).toMatchObject({ code: 2 });
    expect((await entrepot('queues', '--help')).stdout).toMatch(
      /Exit codes: 0 done, 1 it failed .*, 2 wrong usage .*,\n {2}3/,
    );
  });
});

it.skipIf(OPENSSL === undefined)('trusts the authority that is named, over TLS, and nobody else', async () => {
  const authority = new Authority(directory.path, 'an authority');
  const { certificate, key } = authority.issue('broker', { dns: ['localhost'] });
  const tls = { certificate, key };
  const secure = await createBroker({ data: join(directory.path, 'tls'), listen: 'https://localhost:0', tls });
  await secure.users.put('ann', { password: 'secret', tags: ['administrator'] });
  const place = (host: string): string => `https://${host}:${secure.port('https')}`;
  const ask = (host: string, ...more: string[]) =>
    entrepot('users', 'list', '--url', place(host), '--user', 'ann', '--password-file', passwordFile(), ...more);
  expect(await ask('localhost', '--ca', authority.certificate)).toMatchObject({ code: 0, stderr: '' });
  const stranger = await ask('localhost');
  expect(stranger.code).toBe(3);
  expect(stranger.stderr).toMatch(/signed by nobody that is trusted here: name the authority with --ca FILE/);
  const elsewhere = await ask('127.0.0.1', '--ca', authority.certificate);
  expect(elsewhere.stderr).toMatch(/certificate is for another name/);
  const plain = await entrepot(
    'status',
    '--url',
    place('localhost').replace('https', 'http'),
    '--user',
    'ann',
    '--password-file',
    passwordFile(),
  );
  expect(plain.code).toBe(3);
  // Its owner needs neither.
  expect(await entrepot('status', '--data', join(directory.path, 'tls'))).toMatchObject({ code: 0 });
  await secure.close();
});
