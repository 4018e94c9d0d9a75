/** What a queue does by itself after a start, though nobody touches it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { until } from '../../support/until.ts';
import { DURABLE, openSession, queueArguments, safe, send, startCore } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-start-'));
  clock = new ManualClock();
  await open();
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(options: Partial<StartOptions> = {}): Promise<void> {
  broker = await startCore(join(directory, 'data'), { clock, ...options });
  session = openSession(broker);
}

const DEAD = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };

async function dead(messages: number): Promise<void> {
  await until(() => session.checkQueue('dead').messages === messages, `${messages} dead letters`);
}

it('messages whose time was over meanwhile become dead letters', async () => {
  session.declareQueue('dead', DURABLE);
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments({ ...DEAD, 'x-message-ttl': 1_000 }) });
  for (const body of ['a', 'b']) send(session, 'q', body);
  await safe(session);
  await broker.close();
  clock.advance(2_000);
  await open();
  await dead(2);
});

it('messages whose time is over later become dead letters then', async () => {
  session.declareQueue('dead', DURABLE);
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(DEAD) });
  send(session, 'q', 'a', { ttlMs: 1_000 });
  await safe(session);
  await broker.close();
  await open();
  for (let i = 0; i < 20; i++) broker.turn.end();
  clock.advance(900);
  for (let i = 0; i < 20; i++) broker.turn.end();
  expect(session.checkQueue('dead').messages).toBe(0);
  clock.advance(120);
  await dead(1);
});

it('the oldest of more than a policy of the configuration now lets it hold become dead letters', async () => {
  session.declareQueue('dead', DURABLE);
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(DEAD) });
  for (let i = 0; i < 10; i++) send(session, 'q', `${i}`);
  await safe(session);
  await broker.close();
  const policies = [{ name: 'short', pattern: '^q$', definition: { 'max-length': 4 } }];
  await open({ vhosts: [{ name: '/', policies }] });
  await dead(6);
  expect(session.checkQueue('q').messages).toBe(4);
});

it('a queue that nobody has used for long enough goes', async () => {
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments({ 'x-expires': 1_000 }) });
  await safe(session);
  await broker.close();
  await open();
  const vhost = [
    ...(broker as unknown as { vhosts: Map<string, { topology: { queues: Map<string, unknown> } }> }).vhosts.values(),
  ][0]!;
  clock.advance(980);
  expect(vhost.topology.queues.has('q')).toBe(true);
  clock.advance(40);
  expect(vhost.topology.queues.has('q')).toBe(false);
});

it('a start that fails leaves the directory to the next one, at once', async () => {
  await broker.close();
  const vhosts = [{ name: 'fine' }, { name: 'broken' }];
  await mkdir(join(directory, 'data', 'vhosts'), { recursive: true });
  writeFileSync(join(directory, 'data', 'vhosts', 'broken'), 'a file where a directory should be');
  await expect(open({ vhosts })).rejects.toThrow();
  await open();
  expect(session.declareQueue('q', DURABLE).name).toBe('q');
});
