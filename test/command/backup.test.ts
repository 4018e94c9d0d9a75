/** `entrepot backup` and `restore`: what a broker has confirmed is in the copy, whatever goes on meanwhile, and a half one is no copy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import amqplib, { type ConfirmChannel } from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backup } from '../../src/command/families/backup.ts';
import { BrokerClient } from '../../src/command/reach/client.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { type FileSystem, nodeFiles } from '../../src/log/files/files.ts';
import { END, headerOf } from '../../src/management/tar.ts';
import { logsIn, verify } from '../../src/vhost/journal/offline.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { until, untilAsked } from '../support/until.ts';
import { entrepot } from './harness.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const LISTEN = ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'];

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
let broker: RunningBroker;
const started: ChildProcess[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = temporaryDirectory();
  data = join(directory.path, 'data');
  broker = await createBroker({ data, listen: LISTEN });
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  for (const close of closing.splice(0).reverse()) await close().catch(() => {});
  await broker.close();
  directory.remove();
});

const place = (name: string): string => join(directory.path, name);

async function channelOf(at: RunningBroker): Promise<ConfirmChannel> {
  const client = await amqplib.connect(`amqp://127.0.0.1:${at.port('amqp')}`);
  client.on('error', () => {});
  closing.push(() => client.close());
  return client.createConfirmChannel();
}

async function startedOn(copy: string): Promise<RunningBroker> {
  const other = await createBroker({ data: copy, listen: LISTEN });
  closing.push(() => other.close());
  return other;
}

async function send(channel: ConfirmChannel, queue: string, from: number, to: number, size = 10): Promise<void> {
  for (let i = from; i < to; i++) {
    channel.sendToQueue(queue, Buffer.from(String(i).padEnd(size, ' ')), { persistent: true });
  }
  await channel.waitForConfirms();
}

/** All that waits, as numbers. */
async function taken(channel: ConfirmChannel, queue: string): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return found;
    found.push(Number.parseInt(message.content.toString(), 10));
  }
}

/** Publishes and takes without end, of bodies of so many bytes. */
function load(channel: ConfirmChannel, bytes: number): () => Promise<void> {
  let going = true;
  const body = Buffer.alloc(bytes, 'l');
  const run = (async () => {
    await channel.assertQueue('load');
    await channel.consume('load', (message) => message !== null && channel.ack(message));
    while (going) {
      for (let i = 0; i < 200; i++) channel.sendToQueue('load', body, { persistent: true });
      await channel.waitForConfirms();
    }
  })();
  return async () => {
    going = false;
    await run;
  };
}

/** No copy is being made any more. */
async function untilFree(): Promise<void> {
  await untilAsked(async () => {
    const one = await broker.operator.backup().catch(() => undefined);
    one?.close();
    return one !== undefined;
  }, 'another backup may begin');
}

const TOKEN = (): BrokerClient => {
  const [token = '', url = ''] = readFileSync(join(data, 'operator.token'), 'utf8').split('\n');
  return new BrokerClient({ url: new URL(url), authorization: `Bearer ${token}`, local: true });
};

describe('a copy of a running broker', () => {
  it('has all that it keeps: messages, retained ones, sessions, users, vhosts and policies', async () => {
    const channel = await channelOf(broker);
    await channel.assertQueue('q');
    await send(channel, 'q', 0, 100);
    await channel.assertQueue('passing', { durable: false });
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port('mqtt')}`, { clientId: 'd', clean: false });
    await device.subscribeAsync('a/#', { qos: 1 });
    await device.publishAsync('a/b', 'kept', { qos: 1, retain: true });
    await device.endAsync();
    await broker.operator.vhosts.put('shop "1"', { description: 'of a shop', tags: [] });
    await broker.users.put('ann', { password: 'ann', tags: ['administrator'] });
    await broker.users.setPermissions('ann', 'shop "1"', { configure: 'c', write: 'w', read: 'r' });
    await broker.setPolicy('/', { name: 'p', pattern: '^z', definition: { 'max-length': 3 } });

    const copy = place('copy');
    const { code, stdout, stderr } = await entrepot('backup', copy, '--data', data);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/copy: [\d.]+ [KM]iB copied\n$/);
    expect(existsSync(`${copy}.partial`)).toBe(false);

    await broker.users.delete('ann');
    const other = await startedOn(copy);
    expect(other.users.list().map(({ name }) => name)).toEqual(['ann']);
    expect(other.users.get('ann')!.permissions).toMatchObject([{ vhost: 'shop "1"', configure: 'c' }]);
    expect(other.operator.vhosts.find('shop "1"')?.details.description).toBe('of a shop');
    expect(other.policies('/')).toMatchObject([{ name: 'p' }]);
    const session = other.operator.enterAsOperator('/');
    expect(session.retainedCount).toBe(1);
    session.close(true);
    await other.users.put('guest', { password: 'guest' });
    await other.users.setPermissions('guest', '/', { configure: '.*', write: '.*', read: '.*' });
    const reading = await channelOf(other);
    expect(await taken(reading, 'q')).toEqual(Array.from({ length: 100 }, (_, i) => i));
    await reading.checkQueue('mqtt-subscription-d');
  });

  it('under load has what was confirmed before it began, and nothing half', async () => {
    const channel = await channelOf(broker);
    await channel.assertQueue('q');
    await send(channel, 'q', 0, 20_000, 1_000);
    const stop = load(await channelOf(broker), 4_000);
    let next = 20_000;
    const copies: { readonly path: string; readonly confirmed: number }[] = [];
    for (let round = 0; round < 3; round++) {
      const confirmed = next;
      const path = place(`copy-${round}`);
      const copying = backup(TOKEN(), path, nodeFiles);
      await send(channel, 'q', next, next + 500, 1_000);
      next += 500;
      await copying;
      copies.push({ path, confirmed });
    }
    await stop();
    for (const { path, confirmed } of copies) {
      for (const log of await logsIn(path)) expect(await verify(log)).toMatchObject({ sound: true, events: [] });
      const other = await startedOn(path);
      const found = await taken(await channelOf(other), 'q');
      expect(found.length).toBeGreaterThanOrEqual(confirmed);
      expect(found).toEqual(Array.from({ length: found.length }, (_, i) => i));
      await other.close();
    }
  }, 120_000);

  it('is a file as well, which any tar reads and restore makes a directory of', async () => {
    const channel = await channelOf(broker);
    await channel.assertQueue('q');
    await send(channel, 'q', 0, 10);
    // Longer than a plain header has room for.
    const vhost = 'v'.repeat(200);
    await broker.operator.vhosts.put(vhost, { description: '', tags: [] });
    const file = place('copy.tar');
    expect(await entrepot('backup', file, '--data', data, '--json')).toMatchObject({ code: 0 });
    const listed = spawn('tar', ['tf', file]);
    let names = '';
    listed.stdout.on('data', (chunk: Buffer) => {
      names += chunk.toString();
    });
    expect(await once(listed, 'close')).toEqual([0, null]);
    expect(names).toMatch(
      new RegExp(`^backup\\.json\nstate/\\d+\\.log\nvhosts/%2F/\\d+\\.log\nvhosts/${vhost}/\\d+\\.log\n$`),
    );
    const restored = place('restored');
    expect(await entrepot('restore', file, '--data', restored)).toMatchObject({ code: 0, stderr: '' });
    const other = await startedOn(restored);
    expect(other.operator.vhosts.find(vhost)?.name).toBe(vhost);
    expect(await taken(await channelOf(other), 'q')).toHaveLength(10);
  });

  it('is made by administrators alone, one at a time', async () => {
    await broker.users.put('root', { password: 'root', tags: ['administrator'] });
    await broker.users.put('mon', { password: 'mon', tags: ['monitoring'] });
    const url = `http://127.0.0.1:${broker.port('http')}/v1/backup`;
    const asked = (login: string, method = 'GET') =>
      fetch(url, { method, headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` } });
    expect((await asked('mon:mon')).status).toBe(403);
    const channel = await broker.operator.backup();
    expect((await asked('root:root')).status).toBe(423);
    channel.close();
    expect((await asked('root:root', 'HEAD')).status).toBe(200);
    const whole = await asked('root:root');
    expect(whole.status).toBe(200);
    expect((await whole.arrayBuffer()).byteLength).toBe(Number(whole.headers.get('content-length')));
  });

  it('cannot be had of one that keeps nothing', async () => {
    const other = await createBroker({ listen: 'http://127.0.0.1:0' });
    closing.push(() => other.close());
    await expect(other.operator.backup()).rejects.toThrow('keeps nothing on a disk');
  });
});

describe('a copy that is not made', () => {
  it('leaves what is there alone', async () => {
    const there = place('there');
    writeFileSync(there, 'something');
    for (const target of [there, data]) {
      expect(await entrepot('backup', target, '--data', data)).toMatchObject({ code: 2 });
    }
    writeFileSync(place('there.tar'), 'something');
    expect((await entrepot('backup', place('there.tar'), '--data', data)).stderr).toMatch(
      /there\.tar is there already\n$/,
    );
    expect(readFileSync(there, 'utf8')).toBe('something');
  });

  it('because it was stopped midway is no directory of that name, and nothing is held back for it', async () => {
    const channel = await channelOf(broker);
    await channel.assertQueue('q');
    await send(channel, 'q', 0, 40_000, 4_000);
    const target = place('copy');
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const child = spawn(process.execPath, [MAIN, 'backup', target, '--data', data], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      started.push(child);
      let errors = '';
      child.stderr!.on('data', (chunk: Buffer) => {
        errors += chunk.toString();
      });
      const ended = once(child, 'close');
      await until(() => existsSync(`${target}.partial`), 'it has begun', 30_000);
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      expect(code).toBe(signal === 'SIGINT' ? 1 : null);
      if (signal === 'SIGINT') {
        expect(errors).toBe(`entrepot: stopped: nothing is left of ${target}\n`);
        expect(existsSync(`${target}.partial`)).toBe(false);
      }
      expect(existsSync(target)).toBe(false);
    }
    // The broker has noticed: the next one may begin, and puts what was left aside.
    await expect
      .poll(() =>
        broker.operator.backup().then(
          (one) => one.close(),
          () => 'busy',
        ),
      )
      .toBe(undefined);
    expect(await entrepot('backup', target, '--data', data)).toMatchObject({ code: 0 });
    expect(existsSync(`${target}.partial`)).toBe(false);
    const pinned = broker.broker.vhostsByName.get('/')!.log.statistics.removedSegments;
    await channel.purgeQueue('q');
    await until(
      () => broker.broker.vhostsByName.get('/')!.log.statistics.removedSegments > pinned,
      'room is given back',
    );
  }, 120_000);

  it('because the disk is full says so, and leaves nothing', async () => {
    const channel = await channelOf(broker);
    await channel.assertQueue('q');
    await send(channel, 'q', 0, 2_000, 1_000);
    const small: FileSystem = { ...nodeFiles, freeBytes: async () => 10_000 };
    await expect(backup(TOKEN(), place('copy'), small)).rejects.toThrow(/ are needed, and 9\.8 KiB are free there$/);
    // It seemed to be enough.
    for (const name of ['copy', 'copy.tar']) {
      const target = place(name);
      await untilFree();
      await expect(backup(TOKEN(), target, filling(500_000))).rejects.toThrow(
        `${target}: the disk is full; nothing is left of it`,
      );
    }
    expect(readdirSync(directory.path)).toEqual(['data']);
  });

  it('out of an archive that is cut, damaged or none is told, and leaves nothing', async () => {
    const channel = await channelOf(broker);
    await channel.assertQueue('q');
    await send(channel, 'q', 0, 10);
    const file = place('copy.tar');
    await backup(TOKEN(), file, nodeFiles);
    const whole = readFileSync(file);
    const tried = async (bytes: Buffer): Promise<string> => {
      writeFileSync(file, bytes);
      const { code, stderr } = await entrepot('restore', file, '--data', place('restored'));
      expect(code).toBe(1);
      expect(readdirSync(directory.path).sort()).toEqual(['copy.tar', 'data']);
      return stderr;
    };
    expect(await tried(whole.subarray(0, whole.length - 2_000))).toContain('is not whole');
    expect(await tried(whole.subarray(0, 1_000))).toContain('is not whole');
    const damaged = Buffer.from(whole);
    damaged.write('../../elsewhere', whole.lastIndexOf('vhosts/'));
    expect(await tried(damaged)).toMatch(/tar archive, or it is damaged/);
    const manifest = Buffer.from('{"files":[{"path":"../x","bytes":0}]}'.padEnd(512));
    const leading = [
      headerOf({ path: 'backup.json', bytes: 512 }, 0),
      manifest,
      headerOf({ path: '../x', bytes: 0 }, 0),
      END,
    ];
    expect(await tried(Buffer.concat(leading))).toContain("there is a file '../x' in it");
    expect(await tried(Buffer.alloc(5_000, 'x'))).toMatch(/tar archive/);
    truncateSync(file, 0);
    expect((await entrepot('restore', place('nowhere.tar'), '--data', place('restored'))).code).toBe(2);
    expect((await entrepot('restore', data, '--data', place('restored'))).stderr).toMatch(/is a directory/);
    expect((await entrepot('restore', file, '--data', data)).stderr).toMatch(/is not empty/);
  });
});

/** A disk on which so many bytes can be written. */
function filling(room: number): FileSystem {
  let left = room;
  return {
    ...nodeFiles,
    freeBytes: async () => Number.MAX_SAFE_INTEGER,
    async open(path, how) {
      const file = await nodeFiles.open(path, how);
      return {
        path,
        write(buffers, position, done) {
          for (const { length } of buffers) left -= length;
          if (left < 0) done(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
          else file.write(buffers, position, done);
        },
        read: (...args) => file.read(...args),
        sync: (done) => file.sync(done),
        sizeBytes: () => file.sizeBytes(),
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
      };
    },
  };
}
