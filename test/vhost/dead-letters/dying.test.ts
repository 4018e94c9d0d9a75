/** A message that must be read from the disk before it can be sent on has died all the same. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { REJECTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import {
  consume,
  DURABLE,
  makeDraft,
  openSession,
  queueArguments,
  safe,
  send,
  startCore,
  vhostOf,
} from '../harness.ts';

const LOG = { blockBytes: 4096, segmentBytes: 16_384, residentBytesMax: 4096 };
let broker: Broker;
let session: Session;
let directory: string;
let data: string;

async function start(): Promise<void> {
  broker = await startCore(data, { log: LOG });
  session = openSession(broker);
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-dying-'));
  data = join(directory, 'data');
  await start();
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

let copies = 0;
async function afterKill(): Promise<void> {
  const copy = join(directory, `copy-${copies++}`);
  cpSync(join(data, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  data = copy;
  await start();
}

/** The disk does not answer any more: what must be read stays unread. */
function stopReading(): void {
  const { store } = vhostOf(session);
  store.load = () => {};
  store.view = () => false;
}

it('in a transaction belongs to it: what was published beside it and its death survive a kill together', async () => {
  const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
  session.declareQueue('dead', DURABLE);
  session.declareQueue('other', DURABLE);
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(dead) });
  send(session, 'q', 'rejected');
  await safe(session);
  const taken = consume(session, 'q');
  await expect.poll(() => taken.seen.length).toBe(1);
  stopReading();
  const transaction = session.transaction();
  const key = Buffer.from('other');
  transaction.publish(session.route('', 0, key, 0, key.length), makeDraft('beside'));
  transaction.settle(taken.consumer, taken.seen[0]!.slot, REJECTED);
  await safe(session, transaction.commit());
  await afterKill();
  const [letters, others, rest] = ['dead', 'other', 'q'].map((name) => consume(session, name));
  await expect.poll(() => letters!.bodies).toEqual(['rejected']);
  await expect.poll(() => others!.bodies).toEqual(['beside']);
  expect(rest!.bodies).toEqual([]);
  expect(session.checkQueue('q').messages).toBe(0);
});

it('is dying through a checkpoint and a stop as well', async () => {
  const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
  session.declareQueue('dead', DURABLE);
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(dead) });
  for (const body of ['a', 'b']) send(session, 'q', body);
  await safe(session);
  const taken = consume(session, 'q', { prefetch: 1 });
  await expect.poll(() => taken.seen.length).toBe(1);
  stopReading();
  taken.consumer.settle(taken.seen[0]!.slot, REJECTED);
  await broker.close(); // writes a checkpoint
  await start();
  const letters = consume(session, 'dead');
  await expect.poll(() => letters.bodies).toEqual(['a']);
  expect(session.checkQueue('q').messages).toBe(1);
});

it('that went at most once, and was stored because it was retained, becomes a dead letter at most once', async () => {
  const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
  session.declareQueue('dead', DURABLE);
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(dead) });
  session.bindQueue('q', 'amq.topic', 't.#', { spelling: 0, arguments: [] });
  send(session, 't.1', 'kept', { exchange: 'amq.topic', retain: true, persistent: false });
  await safe(session);
  const taken = consume(session, 'q');
  await expect.poll(() => taken.bodies).toEqual(['kept']);
  stopReading();
  taken.consumer.settle(taken.seen[0]!.slot, REJECTED);
  await safe(session);
  await afterKill();
  const letters = consume(session, 'dead');
  await expect.poll(() => letters.bodies).toEqual(['kept']);
  await safe(session);
  // Its message has ended for certain, and what it became is no more durable than what it was sent as.
  await afterKill();
  await safe(session);
  for (const name of ['dead', 'q']) expect(session.checkQueue(name).messages, name).toBe(0);
});
