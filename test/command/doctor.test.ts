/** `entrepot doctor`: each thing that it looks at, well and not. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../conformance/support/processes.ts';
import { directoryIsOurs, fileSystem, room } from '../../src/command/doctor/directory.ts';
import { clock, descriptors, memory } from '../../src/command/doctor/machine.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { Authority, OPENSSL } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { entrepot } from './harness.ts';

interface Found {
  readonly about: string;
  readonly verdict: string;
  readonly text: string;
}

/** What `statfs` calls it. */
const TMPFS = 0x01021994;

const directory = temporaryDirectory();
const data = join(directory.path, 'data');
let listen: string;

beforeAll(async () => {
  const [http, amqp] = await freePorts(2);
  listen = `http://127.0.0.1:${http},amqp://127.0.0.1:${amqp}`;
  const broker = await createBroker({ data });
  await broker.users.put('ann', { password: 'secret' });
  await broker.close();
});
afterAll(() => directory.remove());

async function examined(...args: string[]): Promise<{ code: number | undefined; found: Found[] }> {
  const { code, stdout } = await entrepot('doctor', '--json', ...args);
  return {
    code,
    found: stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Found),
  };
}

const asked = (...more: string[]): string[] => [
  '--data',
  data,
  ...listen.split(',').flatMap((one) => ['--listen', one]),
  ...more,
];

it('finds nothing wrong where all is well, and leaves nothing behind', async () => {
  const { code, found } = await examined(...asked());
  const bad = found.filter(({ verdict }) => verdict === 'wrong');
  expect(bad).toEqual([]);
  expect(code).toBe(0);
  expect(found.map(({ about }) => about)).toEqual([
    ...['settings', 'broker', 'open files', 'memory', 'clock', 'data directory', 'disk', 'sync'],
    ...[...listen.split(','), 'log'],
  ]);
  expect(found.at(-1)!.text).toMatch(/nothing is damaged/);
  expect(readdirSync(data).filter((name) => name.startsWith('doctor'))).toEqual([]);
  const nowhere = join(directory.path, 'nowhere');
  expect((await examined('--data', nowhere, '--listen', 'amqp://127.0.0.1:0')).code).toBe(0);
  expect(existsSync(nowhere)).toBe(false);
});

it('tells a person the same, and how many things are wrong by its end', async () => {
  const { code, stdout, stderr } = await entrepot('doctor', '--listen', 'nonsense');
  expect(stdout).toMatch(/^WRONG +settings +.*nonsense/);
  expect(stderr).toBe('entrepot: one thing is wrong\n');
  expect(code).toBe(1);
});

it('finds ports that another holds, and knows the broker that runs', async () => {
  const other = await createBroker({ listen: listen.split(',') });
  const taken = await examined(...asked('--no-log'));
  expect(taken.found.filter(({ verdict }) => verdict === 'wrong').map(({ about }) => about)).toEqual(listen.split(','));
  await other.close();
  const running = await createBroker({ data, listen: listen.split(',')[0]! });
  const { code, found } = await examined(...asked('--no-log'));
  await running.close();
  expect(code).toBe(0);
  expect(found.find(({ about }) => about === 'broker')!.text).toMatch(
    new RegExp(`^process ${process.pid} runs on the data directory, up `),
  );
  expect(found.slice(-2)).toMatchObject([
    { verdict: 'ok', text: 'the broker that runs listens there' },
    { verdict: 'warning', text: expect.stringContaining('does not listen there') },
  ]);
});

describe('of a broker that was told where to listen and what its marks are', () => {
  let running: RunningBroker;
  let other: RunningBroker;
  let [http, amqp, both]: number[] = [];

  beforeAll(async () => {
    [http, amqp, both] = await freePorts(3);
    running = await createBroker({
      data,
      listen: [`http://127.0.0.1:${http}`, `amqp+mqtt://localhost:${both}`],
      disk: { freeMin: 1_000 },
    });
    other = await createBroker({ listen: `amqp://127.0.0.1:${amqp}` });
  });
  afterAll(async () => {
    await running.close();
    await other.close();
  });

  it('judges its own ports, and not the usual ones, where no settings are given', async () => {
    const { code, found } = await examined('--data', data, '--no-log');
    expect(found.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(found.slice(-2)).toEqual([
      {
        about: `port ${both}`,
        verdict: 'ok',
        text: expect.stringMatching(/^the broker listens there: amqp\+mqtt on /),
      },
      { about: `port ${http}`, verdict: 'ok', text: 'the broker listens there: http on 127.0.0.1' },
    ]);
    expect(code).toBe(0);
  });

  it('says how it differs from settings that are given: what it listens on besides, what another program has, its marks', async () => {
    const config = join(directory.path, 'other.yaml');
    const listens = [`amqp+mqtt://localhost:${both}`, `amqp://127.0.0.1:${amqp}`];
    writeFileSync(config, `listen: ${JSON.stringify(listens)}\ndisk: { freeMin: 2 KiB }\n`);
    const { code, found } = await examined('--data', data, '--config', config, '--no-log');
    const of = (about: string): Found | undefined => found.find((one) => one.about === about);
    expect(of(listens[0]!)).toMatchObject({ verdict: 'ok' });
    expect(of(listens[1]!)).toMatchObject({ verdict: 'wrong', text: expect.stringContaining('in use by another') });
    expect(of(`port ${http}`)).toMatchObject({ verdict: 'warning', text: expect.stringContaining('do not') });
    expect(of('disk.freeMin')).toMatchObject({ verdict: 'warning', text: expect.stringContaining('kill -HUP') });
    expect(code).toBe(1);
  });

  it('does not take one protocol for another, nor one address for another', async () => {
    const listen = [`stomp://localhost:${both}`, `http://0.0.0.0:${http}`];
    const { found } = await examined('--data', data, ...listen.flatMap((one) => ['--listen', one]), '--no-log');
    for (const about of listen) expect(found.find((one) => one.about === about)!.verdict, about).toBe('wrong');
  });
});

it('says so where the broker that runs cannot be asked', async () => {
  const running = await createBroker({ data, listen: listen.split(',')[1]! });
  const { code, found } = await examined('--data', data, '--no-log');
  const given = await examined(...asked('--no-log'));
  await running.close();
  expect(code).toBe(0);
  expect(found.find(({ about }) => about === 'broker')!.text).toMatch(/cannot be asked: .*HTTP port/);
  expect(found.at(-1)).toMatchObject({ about: 'ports', verdict: 'ok' });
  expect(given.found.at(-1)!.text).toBe('it is taken, by the broker that runs or by another program');
});

it('knows that a broker does not start which other machines reach and nobody may enter', async () => {
  const nowhere = join(directory.path, 'nobody');
  const open = ['--listen', 'amqp://0.0.0.0:0', '--no-log'];
  const { code, found } = await examined('--data', nowhere, ...open);
  expect(found.at(-1)).toMatchObject({ about: 'users', verdict: 'wrong' });
  expect(code).toBe(1);
  // There has been a user on this one.
  expect((await examined('--data', data, ...open)).found.map(({ about }) => about)).not.toContain('users');
});

it('finds damage in the log', async () => {
  const copy = join(directory.path, 'damaged');
  cpSync(data, copy, { recursive: true });
  const state = join(copy, 'state');
  const segment = join(state, readdirSync(state).find((name) => name.endsWith('.log'))!);
  const bytes = readFileSync(segment);
  const at = bytes.indexOf('user:ann');
  expect(at).toBeGreaterThan(0);
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(segment, bytes);
  const { code, found } = await examined('--data', copy, '--listen', 'amqp://127.0.0.1:0');
  expect(found.at(-1)).toMatchObject({
    about: 'log',
    verdict: 'wrong',
    text: expect.stringContaining('it is damaged: '),
  });
  expect(code).toBe(1);
});

describe('the data directory', () => {
  it.each([
    [0o700, 'ok'],
    [0o755, 'warning'],
    [0o777, 'wrong'],
  ])('of mode %o is %s', async (mode, verdict) => {
    const path = join(directory.path, `mode-${mode}`);
    mkdirSync(path);
    chmodSync(path, mode);
    expect(await directoryIsOurs(path)).toMatchObject({ verdict });
  });

  it('is wrong where it is a file', async () => {
    const path = join(directory.path, 'file');
    writeFileSync(path, '');
    expect(await directoryIsOurs(path)).toMatchObject({ verdict: 'wrong', text: `${path} is no directory` });
  });

  it('is on a disk with room, or not', async () => {
    expect(await room(directory.path, Number.MAX_SAFE_INTEGER)).toMatchObject({ verdict: 'wrong' });
  });

  it.skipIf(!existsSync('/dev/shm') || statfsSync('/dev/shm').type !== TMPFS)(
    'warns of one that is in memory',
    async () => {
      expect(await fileSystem('/dev/shm/not-there')).toMatchObject({
        verdict: 'warning',
        text: expect.stringContaining('tmpfs'),
      });
    },
  );
});

describe('the machine', () => {
  const { config } = loadConfig({}, {});

  it('lets a process open enough files, or not', () => {
    expect(descriptors(config, undefined)).toMatchObject({ verdict: 'ok' });
    expect(descriptors(config, 100_000)).toMatchObject({ verdict: 'ok' });
    expect(descriptors(config, 1_024)).toMatchObject({
      verdict: 'warning',
      text: expect.stringContaining('ulimit -n'),
    });
  });

  it('has memory for the mark, or not', () => {
    const gib = 1024 ** 3;
    expect(memory(config, { total: 4 * gib, free: 2 * gib })).toMatchObject({ verdict: 'ok' });
    expect(memory(config, { total: 4 * gib, free: 1_000 })).toMatchObject({ verdict: 'warning' });
    const high = { ...config, memory: { highWatermark: 8 * gib } };
    expect(memory(high, { total: 4 * gib, free: 2 * gib })).toMatchObject({ verdict: 'wrong' });
  });

  it('has a clock that can be right, and has not gone back', async () => {
    const now = Date.UTC(2026, 0, 1);
    expect(clock(now, now - 1_000)).toMatchObject({ verdict: 'ok' });
    expect(clock(now, undefined)).toMatchObject({ verdict: 'ok' });
    expect(clock(0, undefined)).toMatchObject({ verdict: 'wrong' });
    expect(clock(now, now + 120_000)).toMatchObject({ verdict: 'wrong', text: expect.stringContaining('gone back') });
    const copy = join(directory.path, 'ahead');
    cpSync(data, copy, { recursive: true });
    const ahead = new Date(Date.now() + 3_600_000);
    for (const name of readdirSync(join(copy, 'state'))) utimesSync(join(copy, 'state', name), ahead, ahead);
    const { found } = await examined('--data', copy, '--no-log', '--listen', 'amqp://127.0.0.1:0');
    expect(found.find(({ about }) => about === 'clock')).toMatchObject({ verdict: 'wrong' });
  });
});

describe.skipIf(OPENSSL === undefined)('certificates', () => {
  let authority: Authority;
  beforeAll(() => {
    authority = new Authority(directory.path, 'an authority');
  });

  const issued = (days: number): { certificate: string; key: string } =>
    authority.issue(`broker-${days}`, { dns: ['localhost'], days });
  const configured = (name: string, text: string): string[] => {
    const path = join(directory.path, `${name}.yaml`);
    writeFileSync(path, text);
    return ['--data', data, '--config', path, '--no-log'];
  };

  it.each([
    [90, 'ok'],
    [5, 'warning'],
  ])('that are good for %i days are %s', async (days, verdict) => {
    const { certificate, key } = issued(days);
    chmodSync(key, 0o600);
    const { found } = await examined(
      ...configured(`${days}`, `listen: amqps://127.0.0.1:0\ntls: { certificate: ${certificate}, key: ${key} }\n`),
    );
    expect(found.at(-1)).toMatchObject({ about: certificate, verdict });
  });

  it('of one listener alone, their keys and authorities are looked at too', async () => {
    const { certificate, key } = issued(6);
    chmodSync(key, 0o644);
    const { found } = await examined(
      ...configured(
        'own',
        `listen: 'amqps://127.0.0.1:0?certificate=${certificate}&key=${key}&authority=${authority.certificate}'\n`,
      ),
    );
    expect(found.slice(-3)).toMatchObject([
      { about: certificate, verdict: 'warning' },
      { about: key, verdict: 'warning', text: expect.stringContaining('may read the key') },
      { about: authority.certificate },
    ]);
  });

  it('that are not there are wrong', async () => {
    const { code, found } = await examined(
      ...configured('none', 'listen: amqps://127.0.0.1:0\ntls: { certificate: /nowhere.pem, key: /nowhere.pem }\n'),
    );
    expect(found.at(-1)).toMatchObject({ about: 'certificate', verdict: 'wrong' });
    expect(code).toBe(1);
  });
});
