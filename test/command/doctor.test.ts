/** `entrepot doctor`: each thing that it looks at, well and not. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../conformance/support/processes.ts';
import { directoryIsOurs, room } from '../../src/command/doctor/directory.ts';
import { clock, descriptors, memory } from '../../src/command/doctor/machine.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createBroker } from '../../src/index.ts';
import { Authority, OPENSSL } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { entrepot } from './harness.ts';

interface Found {
  readonly about: string;
  readonly verdict: string;
  readonly text: string;
}

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
  expect(found.find(({ about }) => about === 'broker')!.text).toBe(`process ${process.pid} runs on the data directory`);
  expect(found.slice(-2)).toMatchObject([
    { verdict: 'ok', text: 'it is taken, by the broker that runs as it seems' },
    { verdict: 'warning', text: expect.stringContaining('does not listen there') },
  ]);
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

it.skipIf(OPENSSL === undefined)('finds certificates that end soon', async () => {
  const authority = new Authority(directory.path, 'an authority');
  const configured = (days: number): string => {
    const { certificate, key } = authority.issue(`broker-${days}`, { dns: ['localhost'], days });
    const path = join(directory.path, `${days}.yaml`);
    writeFileSync(path, `listen: amqps://127.0.0.1:0\ntls: { certificate: ${certificate}, key: ${key} }\n`);
    return path;
  };
  for (const [days, verdict] of [
    [90, 'ok'],
    [5, 'warning'],
  ] as const) {
    const { found } = await examined('--data', data, '--config', configured(days), '--no-log');
    expect(found.at(-1)).toMatchObject({ about: expect.stringContaining(`broker-${days}`), verdict });
  }
  const path = join(directory.path, 'none.yaml');
  writeFileSync(path, 'listen: amqps://127.0.0.1:0\ntls: { certificate: /nowhere.pem, key: /nowhere.pem }\n');
  const { code, found } = await examined('--data', data, '--config', path, '--no-log');
  expect(found.at(-1)).toMatchObject({ about: 'certificate', verdict: 'wrong' });
  expect(code).toBe(1);
});
