/** Messages that consumers park: until a time, or until somebody asks for them by a token. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ACCEPTED, MODIFIED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { pass } from '../../support/pass.ts';
import { until } from '../../support/until.ts';
import {
  consume,
  DURABLE,
  openSession,
  queueArguments,
  type Recorder,
  safe,
  send,
  startCore,
  vhostOf,
} from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(async () => {
  clock = new ManualClock();
  directory = temporaryDirectory();
  broker = await startCore(directory.path, { clock });
  session = openSession(broker);
  session.declareQueue('q', DURABLE);
});
afterEach(async () => {
  await broker.close();
  directory.remove();
});

const HOUR = { dueMs: -1, delayMs: 3_600_000 };
const counters = () => vhostOf(session).counters;
const listed = () => vhostOf(session).topology.queues.get('q')!.contents.listDeferred(10);

/** Sends these, and returns who holds them. */
async function held(bodies: readonly string[], prefetch = 0): Promise<Recorder> {
  for (const body of bodies) send(session, 'q', body);
  const recorder = consume(session, 'q', { prefetch });
  await until(() => recorder.seen.length === bodies.length);
  return recorder;
}

async function restart(): Promise<void> {
  await safe(session);
  await broker.close();
  broker = await startCore(directory.path, { clock });
  session = openSession(broker);
}

test('a parked message comes to who asks for its token, ahead of the rest, and to nobody else before its time', async () => {
  const first = await held(['a', 'b', 'c']);
  expect(first.consumer.defer(first.seen[1]!.slot, 'job-1', HOUR)).toBe(true);
  expect(first.consumer.defer(first.seen[2]!.slot, 'job-1', HOUR)).toBe(true);
  first.consumer.cancel(RELEASED);
  send(session, 'q', 'd');
  expect([session.checkQueue('q').messages, listed().map(({ token }) => token)]).toEqual([2, ['job-1', 'job-1']]);
  const second = consume(session, 'q', { deferralTokens: ['job-1', 'job-2'], prefetch: 1 });
  for (let count = 1; count <= 4; count++) {
    await until(() => second.seen.length === count);
    second.consumer.settle(second.seen[count - 1]!.slot, ACCEPTED);
  }
  expect(second.bodies).toEqual(['b', 'c', 'a', 'd']);
  expect(second.seen[0]).toMatchObject({ redelivered: true, attempts: 0 });
  expect([counters().deferred, counters().deferredClaimed, listed()]).toEqual([2, 2, []]);
});

test('one whose time comes is back in its place, whoever has asked for it and could not take it', async () => {
  const holder = await held(['a', 'b'], 2);
  holder.consumer.defer(holder.seen[0]!.slot, 't', HOUR);
  const busy = consume(session, 'q', { prefetch: 1 });
  send(session, 'q', 'c');
  await until(() => busy.seen.length + holder.seen.length === 3);
  const full = busy.seen.length === 1 ? busy : holder;
  full.consumer.setPrefetch(1);
  expect(full.consumer.claim(['t'])).toBe(1);
  expect(full.consumer.claim(['t'])).toBe(0); // it is claimed already
  holder.consumer.setPrefetch(1);
  busy.consumer.setPrefetch(1);
  await pass(clock, 3_600_100);
  expect([session.checkQueue('q').messages, listed()]).toEqual([1, []]);
});

test('a claim that its consumer did not get to can be made by another', async () => {
  const holder = await held(['a', 'b'], 2);
  holder.consumer.defer(holder.seen[0]!.slot, 't', HOUR);
  holder.consumer.setPrefetch(1);
  expect(holder.consumer.claim(['t'])).toBe(1);
  holder.consumer.cancel();
  const other = consume(session, 'q', { deferralTokens: ['t'] });
  await until(() => other.seen.length === 1);
  expect(other.bodies).toEqual(['a']);
});

test('what is past is given back at once, and what is parked without a token comes at its time', async () => {
  const holder = await held(['a', 'b'], 2);
  const [a, b] = holder.seen.map(({ slot }) => slot) as [number, number];
  holder.consumer.setPrefetch(1);
  holder.consumer.defer(a, 't', { dueMs: clock.epochMs() - 1, delayMs: -1 });
  expect(session.checkQueue('q').messages).toBe(1);
  holder.consumer.cancel();
  holder.consumer.defer(b, '', { dueMs: clock.epochMs() + 60_000, delayMs: -1 });
  expect(listed()).toEqual([]);
  await pass(clock, 59_000);
  expect(session.checkQueue('q').messages).toBe(1);
  await pass(clock, 2_000);
  expect(session.checkQueue('q').messages).toBe(2);
  expect(holder.consumer.defer(b, 't', HOUR)).toBe(false); // it is not held
});

describe('after a restart', () => {
  test('it is parked still, under its token and until its time; what was claimed and not settled is back in its place', async () => {
    const holder = await held(['a', 'b', 'c']);
    for (const [at, token] of ['x', 'y', 'z'].entries()) holder.consumer.defer(holder.seen[at]!.slot, token, HOUR);
    const claimer = consume(session, 'q', { deferralTokens: ['x', 'y'] });
    await until(() => claimer.seen.length === 2);
    claimer.consumer.settle(claimer.seen[0]!.slot, ACCEPTED);
    await restart();
    expect([listed().map(({ token }) => token), session.checkQueue('q').messages]).toEqual([['z'], 1]);
    await restart();
    const other = consume(session, 'q', { deferralTokens: ['z'] });
    await until(() => other.seen.length === 2);
    expect(other.bodies).toEqual(['c', 'b']);
  });

  test('its time has come meanwhile', async () => {
    const holder = await held(['a']);
    holder.consumer.defer(holder.seen[0]!.slot, 'x', HOUR);
    await safe(session);
    await broker.close();
    clock.advance(4_000_000);
    broker = await startCore(directory.path, { clock });
    session = openSession(broker);
    await pass(clock, 100);
    expect([listed(), session.checkQueue('q').messages]).toEqual([[], 1]);
  });
});

test('the entries of what was asked for long before its time do not stay', async () => {
  const holder = await held(['a']);
  for (let i = 0; i < 5_000; i++) {
    holder.consumer.defer(holder.seen.at(-1)!.slot, 't', HOUR);
    holder.consumer.claim(['t']);
    await until(() => holder.seen.length === i + 2);
  }
  expect(vhostOf(session).retries.size).toBeLessThan(2_100);
});

test('a queue of the quorum type counts how often a message came back, failed or not, through a restart', async () => {
  session.declareQueue('counted', { ...DURABLE, arguments: queueArguments({ 'x-queue-type': 'quorum' }) });
  send(session, 'counted', 'a');
  const ends = [RELEASED, MODIFIED, RELEASED] as const;
  const counts: [number, number][] = [];
  for (const end of [...ends, undefined]) {
    const seen: [number, number][] = [];
    const sink = {
      deliver: (view: { attempts: number; acquired: number }): void => void seen.push([view.attempts, view.acquired]),
      cancelled(): void {},
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 1, arguments: [] };
    const consumer = session.consume('counted', options, sink, { congested: false });
    await until(() => seen.length === 1);
    counts.push(seen[0]!);
    if (end !== undefined) consumer.cancel(end);
    await restart();
  }
  expect(counts).toEqual([
    [0, 0],
    [0, 1],
    [1, 2],
    [1, 3],
  ]);
});
