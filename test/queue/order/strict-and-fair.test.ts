/** Strict order of a whole queue, and fairness between the tenants of one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MARK_REFUSED, MODIFIED, type Outcome, REJECTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { until } from '../../support/until.ts';
import {
  consume,
  DURABLE,
  openSession,
  queueArguments,
  type Recorder,
  type SendOptions,
  safe,
  startCore,
  vhostOf,
} from '../../vhost/harness.ts';
import { got, KEYED, reads, sendKeyed } from './support.ts';

let broker: Broker;
let session: Session;
let directory: string;
let clock: ManualClock;

const start = async (log = {}): Promise<void> => {
  broker = await startCore(join(directory, 'data'), { clock, dialects: [KEYED], log });
  session = openSession(broker);
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-fair-'));
  clock = new ManualClock();
  await start();
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

const turn = (): void => broker.turn.end();
/** What was stopped for good has to be read back first. */
const reaches = (recorder: Recorder, messages: number): Promise<void> =>
  until(() => {
    turn();
    return recorder.seen.length >= messages;
  });
const declare = (args: Record<string, string | number | boolean>): void => {
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments(args) });
};
/** Bodies are `A1`: of tenant A. */
const sendAll = (bodies: string, options: SendOptions = {}): void => {
  for (const body of bodies.split(' ')) sendKeyed(session, 'q', body, `tenant=${body[0]}`, options);
  turn();
};
const settle = (recorder: Recorder, body: string, outcome: Outcome = ACCEPTED): void => {
  const seen = recorder.seen.filter((one) => one.body === body).at(-1)!;
  recorder.consumer.settle(seen.slot, outcome);
  turn();
};
/** Settles one after the other what a consumer with a prefetch of one gets. */
const drain = (recorder: Recorder): string => {
  for (let at = recorder.seen.length - 1; at < recorder.seen.length && at >= 0; at++) {
    recorder.consumer.settle(recorder.seen[at]!.slot, ACCEPTED);
    turn();
  }
  return recorder.bodies.join(' ');
};

describe('strict order', () => {
  it('has one message of the queue under way, whoever takes it', () => {
    declare({ 'x-strict-order': true });
    const a = consume(session, 'q');
    const b = consume(session, 'q');
    sendAll('1 2 3');
    expect(got(a, b).join('')).toBe('1');
    const [holder, other] = a.seen.length === 1 ? [a, b] : [b, a];
    settle(holder, '1');
    expect(got(holder, other)).toEqual(['1 2', '']);
    holder.consumer.cancel(MODIFIED);
    turn();
    expect(got(other)).toEqual(['2']);
  });

  it('stands still for one that is to be tried again, and goes on behind one that is rejected', () => {
    declare({ 'x-strict-order': true, 'x-retry-delay': 500 });
    const a = consume(session, 'q');
    sendAll('1 2 3');
    settle(a, '1', MODIFIED);
    expect(got(a)).toEqual(['1']);
    clock.advance(600);
    turn();
    expect(got(a)).toEqual(['1 1']);
    settle(a, '1', REJECTED);
    expect(got(a)).toEqual(['1 1 2']);
  });

  it('lets as many be under way as is said, with one consumer', () => {
    declare({ 'x-strict-order': true, 'x-group-in-flight': 2 });
    const a = consume(session, 'q');
    const b = consume(session, 'q');
    sendAll('1 2 3');
    expect(got(a, b).filter(Boolean)).toEqual(['1 2']);
  });

  it('holds after a restart', async () => {
    declare({ 'x-strict-order': true, 'x-retry-delay': 5000 });
    const a = consume(session, 'q');
    sendAll('1 2 3');
    settle(a, '1', MODIFIED);
    await safe(session);
    await broker.close();
    await start();
    const b = consume(session, 'q');
    turn();
    expect(got(b)).toEqual(['']);
    clock.advance(5000);
    await reaches(b, 1);
    expect(got(b)).toEqual(['1']);
    settle(b, '1');
    await reaches(b, 2);
    expect(got(b)).toEqual(['1 2']);
  });
});

describe('a fair queue', () => {
  it('serves its tenants in turn, however many messages one has', () => {
    declare({ 'x-fair-by': 'tenant' });
    sendAll('A1 A2 A3 A4 A5 A6 B1 B2 C1');
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    expect(drain(a)).toBe('A1 B1 C1 A2 B2 A3 A4 A5 A6');
  });

  it('serves who comes late within one round', () => {
    declare({ 'x-fair-by': 'tenant' });
    sendAll('A1 A2 A3 A4 B1 B2 B3 B4');
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    settle(a, 'A1');
    sendAll('C1 C2');
    expect(drain(a)).toBe('A1 B1 A2 B2 C1 A3 B3 C2 A4 B4');
  });

  it('has no turn for those who have nothing, and messages without the header have one together', () => {
    declare({ 'x-fair-by': 'tenant' });
    for (const body of ['1', '2', '3']) sendKeyed(session, 'q', body, '');
    sendAll('A1 A2');
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    expect(drain(a)).toBe('1 A1 2 A2 3');
  });

  it('gives each tenant its most urgent message: nobody is served more often for his priorities', () => {
    declare({ 'x-fair-by': 'tenant', 'x-max-priority': 9 });
    sendAll('A1 A2', { priority: 9 });
    sendAll('B1', { priority: 0 });
    sendAll('B2', { priority: 5 });
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    expect(drain(a)).toBe('A1 B2 A2 B1');
  });

  it('keeps groups in order, which are their tenants’', () => {
    declare({ 'x-fair-by': 'tenant', 'x-group-by': 'customer' });
    for (const [body, tenant, customer] of [
      ['A1', 'A', 'x'],
      ['A2', 'A', 'x'],
      ['A3', 'A', 'y'],
      ['B1', 'B', 'z'],
      ['B2', 'B', 'z'],
    ] as const)
      sendKeyed(session, 'q', body, `tenant=${tenant} customer=${customer}`);
    const a = consume(session, 'q');
    turn();
    expect(got(a)).toEqual(['A1 B1 A3']);
    settle(a, 'A1', MODIFIED);
    expect(got(a)).toEqual(['A1 B1 A3 A1']);
    settle(a, 'B1');
    settle(a, 'A1');
    expect(got(a)).toEqual(['A1 B1 A3 A1 B2 A2']);
  });

  it('takes what is too much from who has most', () => {
    declare({ 'x-fair-by': 'tenant', 'x-max-length': 4 });
    sendAll('B1 A1 A2 A3 A4 A5');
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    expect(drain(a)).toBe('B1 A3 A4 A5');
  });

  it('tells everybody who comes while it is full, if it is to refuse', () => {
    declare({ 'x-fair-by': 'tenant', 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    sendAll('A1');
    expect(sendKeyed(session, 'q', 'B1', 'tenant=B')).toBe(MARK_REFUSED);
  });

  it('ends what is too old in its lane as well', () => {
    declare({ 'x-fair-by': 'tenant' });
    sendKeyed(session, 'q', 'A1', 'tenant=A');
    sendKeyed(session, 'q', 'B1', 'tenant=B', { ttlMs: 100 });
    sendKeyed(session, 'q', 'B2', 'tenant=B');
    turn();
    clock.advance(200);
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    expect(drain(a)).toBe('A1 B2');
  });

  it('serves in turn those who ask one by one', () => {
    declare({ 'x-fair-by': 'tenant' });
    sendAll('A1 A2 A3 B1');
    const bodies: string[] = [];
    const sink = {
      deliver(view: { body: Buffer; bodyStart: number; bodyEnd: number }): void {
        bodies.push(view.body.toString('utf8', view.bodyStart, view.bodyEnd));
      },
      cancelled(): void {},
    };
    for (let i = 0; i < 4; i++) session.get('q', true, sink as never, () => {});
    turn();
    expect(bodies).toEqual(['A1', 'B1', 'A2', 'A3']);
  });

  it('is fair after a restart, and reads no property again', async () => {
    declare({ 'x-fair-by': 'tenant' });
    sendAll('A1 A2 A3 A4 B1 B2');
    await broker.close();
    reads.count = 0;
    await start();
    const a = consume(session, 'q', { prefetch: 1 });
    await reaches(a, 1);
    expect(reads.count).toBe(0);
    expect(drain(a)).toBe('A1 B1 A2 B2 A3 A4');
  });

  it('is fair to what lies on the disk, without reading what its turn is not', async () => {
    await broker.close();
    await start({ cacheBytes: 0 });
    declare({ 'x-fair-by': 'tenant' });
    for (let i = 0; i < 200; i++) sendKeyed(session, 'q', `A${i}`, 'tenant=A');
    sendKeyed(session, 'q', 'B0', 'tenant=B');
    await safe(session);
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    settle(a, 'A0');
    expect(got(a)).toEqual(['A0 B0']);
  });

  it('is looked through in order of arrival, and moved from the middle', () => {
    declare({ 'x-fair-by': 'tenant' });
    sendAll('A1 A2 B1');
    const queue = vhostOf(session).topology.queues.get('q')!;
    const seqs: number[] = [];
    queue.ready.readAfter(0, 0, 10, (seq) => seqs.push(seq));
    expect(seqs).toEqual([...seqs].sort((x, y) => x - y));
    const { deliveryView } = vhostOf(session).queueServices;
    let flags = 0;
    queue.ready.forEach((seq, of) => {
      if (seq === seqs[1]) flags = of;
    });
    expect(queue.show(seqs[1]!, flags)).toBe(true);
    expect(queue.takeOut(seqs[1]!, flags, deliveryView)).toBe(true);
    queue.giveBack(seqs[1]!, flags);
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    expect(drain(a)).toBe('A1 B1 A2');
  });
});

describe('tenants by a policy', () => {
  it('are served in turn from then on: what waited is one tenant’s', () => {
    session.declareQueue('q', DURABLE);
    sendAll('A1 A2 A3 B1');
    vhostOf(session).topology.appliedPolicies.set({ name: 'p', pattern: 'q', definition: { 'fair-by': 'tenant' } });
    sendAll('A4 B2');
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    expect(drain(a)).toBe('A1 A4 B2 A2 A3 B1');
  });
});
