/** Deliveries that are held for a limited time: taken back, renewed, answered too late. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ACCEPTED,
  type ConsumeOptions,
  NO_BACKPRESSURE,
  type OverdueReason,
  type QueueOptions,
  RELEASED,
} from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { pass } from '../../support/pass.ts';
import { until } from '../../support/until.ts';
import { openSession, queueArguments, Recorder, send, startCore, TRANSIENT, vhostOf } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
  session = openSession(broker);
});
afterEach(() => broker.close());

/** A consumer whose client is told what it loses. */
class Worker extends Recorder {
  readonly lost: [number, OverdueReason, number][] = [];
  holdMs = 0;
  /** Slots that it does not let go. */
  keeps: readonly number[] = [];

  overdue(slots: readonly number[], why: OverdueReason, limitMs: number): readonly number[] {
    const taken = slots.filter((slot) => !this.keeps.includes(slot));
    for (const slot of taken) this.lost.push([slot, why, limitMs]);
    return taken;
  }
}

function declare(values: Record<string, string | number | boolean>, options: Partial<QueueOptions> = {}): void {
  session.declareQueue('q', { ...TRANSIENT, ...options, arguments: queueArguments(values) });
}

function attach(options: Partial<ConsumeOptions> = {}, worker = new Worker()): Worker {
  const all = { tag: 'w', settled: false, exclusive: false, prefetch: 0, arguments: [], ...options };
  worker.consumer = session.consume('q', all, worker, NO_BACKPRESSURE);
  return worker;
}

const counters = () => vhostOf(session).counters;

test('a lease that runs out is a failed attempt; the message goes to another, and its old holder gets nothing until it answers', async () => {
  declare({ 'x-lease': 10_000 });
  const first = attach({ prefetch: 5 });
  send(session, 'q', 'a');
  await until(() => first.seen.length === 1);
  await pass(clock, 10_000);
  const second = attach();
  await pass(clock, 1_000);
  await until(() => second.seen.length === 1);
  expect(first.lost).toEqual([[first.seen[0]!.slot, 'lease', 10_000]]);
  expect(second.seen[0]).toMatchObject({ body: 'a', redelivered: true, attempts: 1 });
  second.consumer.settle(second.seen[0]!.slot, ACCEPTED);
  second.consumer.cancel();
  send(session, 'q', 'b');
  await pass(clock, 60_000);
  expect([first.bodies, session.checkQueue('q').messages]).toEqual([['a'], 1]);
  first.consumer.answered(1);
  await until(() => first.seen.length === 2);
  expect([counters().leasesExpired, counters().settledLate, counters().deliveriesTimedOut]).toEqual([1, 1, 0]);
});

test('a lease that was renewed lasts as long again from then on; one that ran out cannot be', async () => {
  declare({ 'x-lease': 10_000 });
  const worker = attach();
  for (const body of ['a', 'b']) send(session, 'q', body);
  await until(() => worker.seen.length === 2);
  const [a, b] = worker.seen.map(({ slot }) => slot) as [number, number];
  for (let i = 0; i < 10; i++) {
    await pass(clock, 9_000);
    expect(worker.consumer.renew(a)).toBe(true);
  }
  expect(worker.lost).toEqual([[b, 'lease', 10_000]]);
  expect(worker.consumer.renew(b)).toBe(false);
  await pass(clock, 9_999);
  expect(worker.lost).toHaveLength(1);
  await pass(clock, 800);
  expect(worker.lost.map(([slot]) => slot)).toEqual([b, a]);
  expect(counters().leasesRenewed).toBe(10);
});

test('a slot that is used again after a renewal has a time of its own', async () => {
  declare({ 'x-lease': 10_000 });
  const worker = attach({ prefetch: 1 });
  for (const body of ['a', 'b']) send(session, 'q', body);
  await until(() => worker.seen.length === 1);
  await pass(clock, 5_000);
  worker.consumer.renew(worker.seen[0]!.slot);
  worker.consumer.settle(worker.seen[0]!.slot, ACCEPTED);
  await until(() => worker.seen.length === 2);
  expect(worker.seen[1]!.slot).toBe(worker.seen[0]!.slot);
  await pass(clock, 9_999);
  expect(worker.lost).toEqual([]);
  await pass(clock, 700);
  expect(worker.lost).toHaveLength(1);
});

test('of the queue’s lease and the consumer’s the shorter counts; a timeout beside a lease does not', async () => {
  declare({ 'x-lease': 60_000, 'x-consumer-timeout': 5_000 });
  const short = attach({ leaseMs: 20_000 });
  const long = attach({ leaseMs: 200_000, timeoutMs: 5_000 });
  for (const body of ['a', 'b']) send(session, 'q', body);
  await until(() => short.seen.length + long.seen.length === 2);
  await pass(clock, 22_000);
  expect([short.lost.length, long.lost.length]).toEqual([1, 0]);
  await pass(clock, 42_000);
  expect([short.lost.map(([, why, ms]) => [why, ms]), long.lost.map(([, why, ms]) => [why, ms])]).toEqual([
    [['lease', 20_000]],
    [['lease', 60_000]],
  ]);
});

test('a timeout is no failed attempt, and a policy that comes later counts for who is there', async () => {
  declare({});
  const worker = attach();
  send(session, 'q', 'a');
  await until(() => worker.seen.length === 1);
  await pass(clock, 3_600_000);
  const policy = { name: 'p', pattern: 'q', definition: { 'consumer-timeout': 60_000 } };
  vhostOf(session).topology.appliedPolicies.set(policy);
  await pass(clock, 66_000);
  expect(worker.lost).toEqual([[worker.seen[0]!.slot, 'timeout', 60_000]]);
  const other = attach();
  await until(() => other.seen.length === 1);
  expect(other.seen[0]).toMatchObject({ redelivered: true, attempts: 0 });
});

test('what its consumer does not let go it holds, and is asked for again after as long', async () => {
  declare({ 'x-lease': 10_000 });
  const worker = attach();
  for (const body of ['a', 'b']) send(session, 'q', body);
  await until(() => worker.seen.length === 2);
  const [a, b] = worker.seen.map(({ slot }) => slot) as [number, number];
  worker.keeps = [a];
  await pass(clock, 10_700);
  expect(worker.lost).toEqual([[b, 'lease', 10_000]]);
  worker.keeps = [];
  await pass(clock, 9_000);
  expect(worker.lost).toHaveLength(1);
  await pass(clock, 2_000);
  expect(worker.lost).toHaveLength(2);
});

test('a cancelled consumer is watched for what it holds still, and what a get took as well', async () => {
  declare({ 'x-lease': 10_000 });
  const cancelled = attach();
  send(session, 'q', 'a');
  await until(() => cancelled.seen.length === 1);
  cancelled.consumer.cancel();
  send(session, 'q', 'b');
  const getter = new Worker();
  session.get('q', false, getter, () => {});
  await until(() => getter.seen.length === 1);
  await pass(clock, 10_700);
  expect([cancelled.lost.length, getter.lost.length, session.checkQueue('q').messages]).toEqual([1, 1, 2]);
});

test('consumers that nobody watches, and who settle by themselves, hold as long as they like', async () => {
  declare({ 'x-lease': 1_000 });
  const recorder = new Recorder();
  const options = { tag: 'r', settled: false, exclusive: false, prefetch: 0, arguments: [] };
  recorder.consumer = session.consume('q', options, recorder, NO_BACKPRESSURE);
  send(session, 'q', 'a');
  await until(() => recorder.seen.length === 1);
  await pass(clock, 100_000);
  recorder.consumer.cancel(RELEASED);
  const auto = attach({ settled: true });
  await until(() => auto.seen.length === 1);
  await pass(clock, 100_000);
  expect(auto.lost).toEqual([]);
});

test('very many that are overdue at once are taken back, each once', async () => {
  declare({ 'x-lease': 1_000 });
  const worker = attach();
  for (let i = 0; i < 20_000; i++) send(session, 'q', `${i}`);
  await until(() => worker.seen.length === 20_000);
  await pass(clock, 1_200);
  await until(() => worker.lost.length === 20_000);
  expect(new Set(worker.lost.map(([slot]) => slot)).size).toBe(20_000);
  const other = attach();
  await until(() => other.seen.length === 20_000);
  expect(other.bodies.map(Number)).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
});
