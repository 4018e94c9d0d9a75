/** A message for thousands of queues or subscribers reaches them in parts: its publisher waits, others do not, and nobody loses it. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NO_BACKPRESSURE } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { CreepingClock } from '../../support/creeping-clock.ts';
import {
  consume,
  DURABLE,
  openSession,
  queueArguments,
  safe,
  send,
  startCore,
  TRANSIENT,
  vhostOf,
} from '../harness.ts';

const MANY = 1_500;
const BIND = { spelling: 0, arguments: [] } as const;
const LAST = MANY - 1;

let clock: CreepingClock;
let broker: Broker;
let session: Session;
let others: Session;
let directory: string;
let data: string;

async function start(log = {}): Promise<void> {
  clock = new CreepingClock();
  broker = await startCore(data, { clock, log });
  session = openSession(broker);
  others = openSession(broker);
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-copies-'));
  data = join(directory, 'data');
  await start();
  session.declareExchange('f', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
});
afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

function declare(special: Record<string, number> = {}): void {
  for (let i = 0; i < MANY; i++) {
    const options = i === LAST ? { ...DURABLE, arguments: queueArguments(special) } : DURABLE;
    session.declareQueue(`q${i}`, options);
    session.bindQueue(`q${i}`, 'f', '', BIND);
  }
  broker.turn.end();
}

const count = (i: number): number => vhostOf(session).topology.queues.get(`q${i}`)!.messages;

/** Publishes while every look at the clock costs a millisecond. */
function publishSlowly(body = 'x'): void {
  broker.turn.end();
  clock.stepMs = 1;
  send(session, '', body, { exchange: 'f' });
}

/** Ends turns until the publisher may go on; returns how many. */
function turnsUntilDone(): number {
  let turns = 0;
  while (session.congested && turns++ < 1_000) broker.turn.end();
  expect(session.congested).toBe(false);
  clock.stepMs = 0;
  return turns;
}

it('reaches its queues over several turns, and its publisher waits for that', () => {
  declare();
  publishSlowly();
  expect([count(0), count(LAST)]).toEqual([1, 0]);
  expect(session.congested).toBe(true);
  expect(turnsUntilDone()).toBeGreaterThan(1);
  for (let i = 0; i < MANY; i++) expect(count(i)).toBe(1);
  expect(vhostOf(session).store.unplaced.size).toBe(0);
});

it('keeps its place before what comes to a queue in between', () => {
  declare();
  publishSlowly('first');
  send(others, `q${LAST}`, 'second');
  turnsUntilDone();
  const reader = consume(others, `q${LAST}`);
  broker.turn.end();
  expect(reader.bodies).toEqual(['first', 'second']);
});

it('keeps to what a queue asks of each message', () => {
  declare({ 'x-max-length': 1, 'x-max-priority': 4 });
  publishSlowly('first');
  turnsUntilDone();
  send(others, `q${LAST}`, 'second');
  broker.turn.end();
  expect(count(LAST)).toBe(1);
});

it('does not come to a queue that is gone, and leaves nothing of itself there', () => {
  declare();
  const { log } = vhostOf(session);
  publishSlowly();
  for (let i = 0; i < MANY; i++) others.deleteQueue(`q${i}`, false, false);
  turnsUntilDone();
  for (let i = 0; i < 2_000 && log.statistics.liveBytes > 0; i++) broker.turn.end();
  expect(log.statistics.liveBytes).toBe(0);
});

it('goes on when its publisher has gone', () => {
  declare();
  publishSlowly();
  session.close(false);
  for (let i = 0; i < 200; i++) broker.turn.end();
  clock.stepMs = 0;
  expect(vhostOf(others).topology.queues.get(`q${LAST}`)!.messages).toBe(1);
});

it('is in each of its queues after a kill, in the middle of a checkpoint too', async () => {
  declare();
  publishSlowly();
  expect(count(LAST)).toBe(0);
  const { log } = vhostOf(session) as unknown as { log: { syncedMark: number } };
  const vhost = vhostOf(session) as unknown as { checkpoint: { start(): void; running: boolean } };
  vhost.checkpoint.start();
  // The checkpoint is written to its end before the copies are.
  const { work } = broker.turn as unknown as { work: { serve(): void } };
  const { serve } = work;
  work.serve = () => {};
  clock.stepMs = 0;
  while (vhost.checkpoint.running) broker.turn.end();
  await safe(others);
  expect(log.syncedMark).toBeGreaterThan(0);
  const copy = join(directory, 'copy');
  cpSync(join(data, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  work.serve = serve;
  await broker.close();
  data = copy;
  await start();
  for (let i = 0; i < MANY; i++) expect(count(i)).toBe(1);
});

it('reaches at-most-once subscribers in parts too, each message whole before the next', () => {
  const seen: string[][] = Array.from({ length: MANY }, () => []);
  for (let i = 0; i < MANY; i++) {
    session.declareQueue(`s${i}`, { ...TRANSIENT, atMostOnce: 'direct' });
    session.bindQueue(`s${i}`, 'amq.topic', 'a', BIND);
    session.attachDirect(`s${i}`, {
      output: NO_BACKPRESSURE,
      deliverDirect(view) {
        seen[i]!.push(view.body.toString('utf8', view.bodyStart, view.bodyEnd));
        return true;
      },
    });
  }
  broker.turn.end();
  clock.stepMs = 1;
  send(session, 'a', '1', { exchange: 'amq.topic', persistent: false });
  expect(seen[0]).toEqual(['1']);
  expect(seen[LAST]).toEqual([]);
  expect(session.congested).toBe(true);
  turnsUntilDone();
  send(session, 'a', '2', { exchange: 'amq.topic', persistent: false });
  turnsUntilDone();
  for (const one of seen) expect(one).toEqual(['1', '2']);
});
