/** Groups in order: through failure, retries, the end of a consumer, a death, a restart; and who gets them. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MODIFIED, type Outcome, REJECTED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { GROUPS_MAX } from '../../../src/queue/order/queue-order.ts';
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
import { got, KEYED, keyed, reads, sendKeyed } from './support.ts';

let broker: Broker;
let session: Session;
let directory: string;
let data: string;
let clock: ManualClock;

const start = async (options = {}): Promise<void> => {
  broker = await startCore(data, { clock, dialects: [KEYED], ...options });
  session = openSession(broker);
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-groups-'));
  data = join(directory, 'data');
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
const declare = (args: Record<string, string | number | boolean>, name = 'q'): void => {
  session.declareQueue(name, { ...DURABLE, arguments: queueArguments(args) });
};
const send = (body: string, properties: string, options: SendOptions = {}): number =>
  sendKeyed(session, 'q', body, properties, options);
/** Bodies are `a1`: of group a. */
const sendAll = (bodies: string): void => {
  for (const body of bodies.split(' ')) send(body, `customer=${body[0]}`);
  turn();
};
const settle = (recorder: Recorder, body: string, outcome: Outcome = ACCEPTED): void => {
  const seen = recorder.seen.filter((one) => one.body === body).at(-1)!;
  recorder.consumer.settle(seen.slot, outcome);
  turn();
};
const later = (ms: number): void => {
  clock.advance(ms);
  turn();
};
/** As a kill leaves it: what was synced is there. */
const killed = async (): Promise<void> => {
  await safe(session);
  const copy = join(directory, `copy${Math.floor(clock.epochMs())}${reads.count}`);
  cpSync(join(data, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  data = copy;
  await start();
};
const restarted = async (): Promise<void> => {
  await broker.close();
  await start();
};

describe('a group by a header', () => {
  it('has one message under way, and others go past it', () => {
    declare({ 'x-group-by': 'customer' });
    const a = consume(session, 'q');
    sendAll('a1 a2 b1 b2 c1');
    expect(got(a)).toEqual(['a1 b1 c1']);
    settle(a, 'b1');
    expect(got(a)).toEqual(['a1 b1 c1 b2']);
    settle(a, 'a1');
    expect(got(a)).toEqual(['a1 b1 c1 b2 a2']);
  });

  it('waits for one that failed to be tried again, and others do not', () => {
    declare({ 'x-group-by': 'customer', 'x-retry-delay': 1000 });
    const a = consume(session, 'q');
    sendAll('a1 a2 b1 b2');
    settle(a, 'a1', MODIFIED);
    settle(a, 'b1');
    settle(a, 'b2');
    later(900);
    expect(got(a)).toEqual(['a1 b1 b2']);
    later(200);
    expect(got(a)).toEqual(['a1 b1 b2 a1']);
    expect(a.seen.at(-1)).toMatchObject({ attempts: 1, redelivered: true });
    settle(a, 'a1');
    expect(got(a)).toEqual(['a1 b1 b2 a1 a2']);
  });

  it('goes on behind one that has died', () => {
    session.declareExchange('dead', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
    session.declareQueue('grave', DURABLE);
    session.bindQueue('grave', 'dead', '', { spelling: 0, arguments: [] });
    declare({ 'x-group-by': 'customer', 'x-dead-letter-exchange': 'dead', 'x-delivery-limit': 1 });
    const a = consume(session, 'q');
    sendAll('a1 a2 a3');
    settle(a, 'a1', REJECTED);
    expect(got(a)).toEqual(['a1 a2']);
    settle(a, 'a2', MODIFIED);
    settle(a, 'a2', MODIFIED);
    expect(got(a)).toEqual(['a1 a2 a2 a3']);
    expect(got(consume(session, 'grave'))).toEqual(['']);
    turn();
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('comes again in order when its consumer dies, to another', () => {
    declare({ 'x-group-by': 'customer', 'x-group-in-flight': 3 });
    const a = consume(session, 'q');
    sendAll('a1 a2 a3 a4');
    expect(got(a)).toEqual(['a1 a2 a3']);
    const b = consume(session, 'q');
    settle(a, 'a1');
    expect(got(a, b)).toEqual(['a1 a2 a3 a4', '']);
    a.consumer.cancel(RELEASED);
    turn();
    expect(got(b)).toEqual(['a2 a3 a4']);
  });

  it('does not go to another while its consumer, which takes no more, holds one of it', () => {
    declare({ 'x-group-by': 'customer', 'x-group-in-flight': 2 });
    const a = consume(session, 'q');
    sendAll('a1 a2 a3');
    a.consumer.cancel();
    const b = consume(session, 'q');
    turn();
    expect(got(a, b)).toEqual(['a1 a2', '']);
    settle(a, 'a2');
    expect(got(b)).toEqual(['']);
    settle(a, 'a1', MODIFIED);
    expect(got(b)).toEqual(['a1 a3']);
  });

  it('one that came back goes before what was behind it, however many are under way', () => {
    declare({ 'x-group-by': 'customer', 'x-group-in-flight': 3 });
    const a = consume(session, 'q');
    sendAll('a1 a2 a3 a4 a5');
    settle(a, 'a2', MODIFIED);
    expect(got(a)).toEqual(['a1 a2 a3 a2']);
    settle(a, 'a1');
    expect(got(a)).toEqual(['a1 a2 a3 a2 a4']);
  });

  it('messages without the header are of no group', () => {
    declare({ 'x-group-by': 'customer' });
    const a = consume(session, 'q');
    for (const body of ['1', '2', '3']) send(body, '');
    turn();
    expect(got(a)).toEqual(['1 2 3']);
  });

  it('is known without the properties being read again when they are handed out', () => {
    declare({ 'x-group-by': 'customer' });
    sendAll('a1 a2 b1');
    reads.count = 0;
    const a = consume(session, 'q');
    turn();
    settle(a, 'a1');
    expect([got(a), reads.count]).toEqual([['a1 b1 a2'], 0]);
  });

  it('its priorities do not overtake within it, and do between groups', () => {
    declare({ 'x-group-by': 'customer', 'x-max-priority': 9 });
    send('a1', 'customer=a', { priority: 1 });
    send('a2', 'customer=a', { priority: 9 });
    send('b1', 'customer=b', { priority: 5 });
    send('n1', '', { priority: 0 });
    send('n2', '', { priority: 7 });
    const a = consume(session, 'q', { prefetch: 1 });
    turn();
    for (let i = 0; i < 4; i++) settle(a, a.seen.at(-1)!.body);
    expect(got(a)).toEqual(['n2 b1 a1 a2 n1']);
  });

  it('asked one by one is in order too', () => {
    declare({ 'x-group-by': 'customer' });
    sendAll('a1 a2 b1');
    const bodies: string[] = [];
    const slots: (() => void)[] = [];
    const get = (): void => {
      const sink = {
        deliver(view: { body: Buffer; bodyStart: number; bodyEnd: number }, slot: number): void {
          bodies.push(view.body.toString('utf8', view.bodyStart, view.bodyEnd));
          slots.push(() => consumerOf.settle(slot, ACCEPTED));
        },
        cancelled(): void {},
      };
      let consumerOf!: { settle(slot: number, outcome: Outcome): void };
      session.get('q', false, sink as never, (result, holder) => {
        if (result === undefined) bodies.push('-');
        consumerOf = holder;
      });
      turn();
    };
    for (let i = 0; i < 3; i++) get();
    slots[0]!();
    get();
    expect(bodies).toEqual(['a1', 'b1', '-', 'a2']);
  });
});

describe('what names a group', () => {
  it('the routing key', () => {
    declare({ 'x-group-by': 'routing-key' });
    session.bindQueue('q', 'amq.topic', '#', { spelling: 0, arguments: [] });
    const a = consume(session, 'q');
    for (const [key, body] of ['k1', 'l1', 'k2'].map((text) => [text[0]!, text] as const)) {
      const bytes = Buffer.from(key);
      session.publish(session.route('amq.topic', 0, bytes, 0, 1), keyed(body, ''));
    }
    turn();
    expect(got(a)).toEqual(['k1 l1']);
  });

  it('the group that a message has by itself, one under way if that is said', () => {
    declare({ 'x-group-by': 'group-id' });
    const a = consume(session, 'q');
    send('a1', 'group=a');
    send('a2', 'group=a');
    turn();
    expect(got(a)).toEqual(['a1']);
  });

  it('a hash of it, into so many', () => {
    declare({ 'x-group-by': 'customer', 'x-group-buckets': 1 });
    const a = consume(session, 'q');
    sendAll('a1 b1 a2');
    expect(got(a)).toEqual(['a1']);
    settle(a, 'a1');
    expect(got(a)).toEqual(['a1 b1']);
  });
});

describe('who gets a group', () => {
  it('always the same, while it is there', () => {
    declare({ 'x-group-by': 'customer' });
    const a = consume(session, 'q', { prefetch: 1 });
    const b = consume(session, 'q', { prefetch: 1 });
    sendAll('a1 b1');
    expect(got(a, b)).toEqual(['a1', 'b1']);
    settle(b, 'b1');
    sendAll('a2');
    expect(got(a, b)).toEqual(['a1', 'b1']);
    settle(a, 'a1');
    expect(got(a, b)).toEqual(['a1 a2', 'b1']);
  });

  it('those who come get their share, as soon as nothing of it is held', () => {
    declare({ 'x-group-by': 'customer' });
    const a = consume(session, 'q');
    sendAll('a1 b1 c1 d1');
    const b = consume(session, 'q');
    sendAll('a2 b2 c2 d2');
    expect(got(a, b)).toEqual(['a1 b1 c1 d1', '']);
    for (const body of ['a1', 'b1', 'c1', 'd1']) settle(a, body);
    expect(got(a, b)).toEqual(['a1 b1 c1 d1 c2 d2', 'a2 b2']);
  });

  it('another, once a message closes it', () => {
    session.declareQueue('q', DURABLE);
    const a = consume(session, 'q', { prefetch: 2 });
    const b = consume(session, 'q', { prefetch: 2 });
    send('1', 'group=g');
    send('2', 'group=g JMSXGroupSeq=-1');
    turn();
    expect(got(a, b)).toEqual(['1 2', '']);
    send('3', 'group=g');
    turn();
    expect(got(a, b)).toEqual(['1 2', '']);
    settle(a, '1');
    expect(got(a, b)).toEqual(['1 2 3', '']);
    settle(a, '2');
    settle(a, '3');
    send('4', 'group=g');
    turn();
    expect(got(a, b)).toEqual(['1 2 3', '4']);
  });
});

describe('after a restart', () => {
  for (const [how, again] of [
    ['a kill', killed],
    ['a stop', restarted],
  ] as const) {
    it(`by ${how} groups are in order, one under way, and one that waits to be tried again holds its group`, async () => {
      declare({ 'x-group-by': 'customer', 'x-retry-delay': 10_000 });
      const a = consume(session, 'q', { prefetch: 3 });
      sendAll('a1 a2 b1 b2 c1 c2 d1 d2');
      settle(a, 'a1', MODIFIED);
      settle(a, 'b1');
      await again();
      const b = consume(session, 'q');
      await reaches(b, 3);
      expect(got(b)).toEqual(['b2 c1 d1']);
      later(10_000);
      await reaches(b, 4);
      expect(got(b)).toEqual(['b2 c1 d1 a1']);
      settle(b, 'a1');
      settle(b, 'c1');
      await reaches(b, 6);
      expect(got(b)).toEqual(['b2 c1 d1 a1 a2 c2']);
    });
  }

  it('by a policy’s word they are, and by the one that was in force when they came', async () => {
    const policies = [{ name: 'p', pattern: '^q$', definition: { 'group-by': 'customer' } }];
    await broker.close();
    await start({ vhosts: [{ name: '/', policies }] });
    session.declareQueue('q', DURABLE);
    sendAll('a1 a2 b1');
    await safe(session);
    await broker.close();
    await start({ vhosts: [{ name: '/', policies }] });
    const a = consume(session, 'q');
    await reaches(a, 2);
    expect(got(a)).toEqual(['a1 b1']);
  });

  it('a message that closes its group still does', async () => {
    session.declareQueue('q', DURABLE);
    send('1', 'group=g JMSXGroupSeq=-1');
    send('2', 'group=g');
    turn();
    await restarted();
    const a = consume(session, 'q', { prefetch: 1 });
    const b = consume(session, 'q', { prefetch: 1 });
    await reaches(a, 1);
    expect(got(a, b)).toEqual(['1', '']);
    settle(a, '1');
    await reaches(b, 1);
    expect(got(a, b)).toEqual(['1', '2']);
  });

  it('their properties are not read of what a checkpoint names', async () => {
    declare({ 'x-group-by': 'customer' });
    sendAll('a1 a2 b1 b2');
    await broker.close();
    reads.count = 0;
    await start();
    const a = consume(session, 'q');
    await reaches(a, 2);
    expect([got(a), reads.count]).toEqual([['a1 b1'], 0]);
  });
});

describe('bounds', () => {
  it('groups past the bound share lanes: they keep their order and are counted', () => {
    declare({ 'x-group-by': 'customer' });
    for (let i = 0; i < GROUPS_MAX + 2000; i++) send(`${i}`, `customer=${i}`, { persistent: false });
    turn();
    send('again', `customer=${GROUPS_MAX + 1}`, { persistent: false });
    const { orders, counters } = vhostOf(session).queueServices;
    expect(counters.sharedLanes).toBeGreaterThan(1500);
    expect(orders.groups).toBeLessThanOrEqual(GROUPS_MAX + 256);
    const a = consume(session, 'q');
    const order: number[] = [];
    while (session.checkQueue('q').messages > 0 || a.seen.length > order.length) {
      turn();
      for (const { slot, body } of a.seen.slice(order.length)) {
        order.push(body === 'again' ? -1 : Number(body));
        a.consumer.settle(slot, ACCEPTED);
      }
    }
    expect(order.length).toBe(GROUPS_MAX + 2001);
    expect(order.indexOf(-1)).toBeGreaterThan(order.indexOf(GROUPS_MAX + 1));
  });

  it('groups of which nothing is left, and that nobody has, are forgotten', () => {
    declare({ 'x-group-by': 'customer' });
    const { orders } = vhostOf(session).queueServices;
    const a = consume(session, 'q', { settled: true });
    sendAll('a1 b1 c1');
    expect(orders.groups).toBe(3);
    a.consumer.cancel();
    turn();
    expect(orders.groups).toBe(0);
  });

  it('a queue that is deleted lets go of its groups', () => {
    declare({ 'x-group-by': 'customer' });
    sendAll('a1 b1 c1');
    const { orders } = vhostOf(session).queueServices;
    expect(orders.groups).toBe(3);
    session.deleteQueue('q', false, false);
    turn();
    expect(orders.groups).toBe(0);
  });

  it('what expires, is purged or too many leaves its group', () => {
    declare({ 'x-group-by': 'customer', 'x-message-ttl': 1000, 'x-max-length': 4 });
    sendAll('a1 a2 b1 b2 a3');
    expect(session.checkQueue('q').messages).toBe(4);
    const { orders } = vhostOf(session).queueServices;
    later(1100);
    expect(session.checkQueue('q').messages).toBe(0);
    expect(orders.groups).toBe(0);
    sendAll('a4 b4');
    session.purgeQueue('q', () => {});
    turn();
    expect(orders.groups).toBe(0);
    const a = consume(session, 'q');
    sendAll('a5');
    expect(got(a)).toEqual(['a5']);
  });
});

describe('what cannot be', () => {
  it('a consumer with a selector', () => {
    declare({ 'x-group-by': 'customer' });
    expect(() => consume(session, 'q', { selector: "colour = 'red'" })).toThrow(/selector cannot read it/);
  });

  it('one with a selector beside groups that messages have by themselves: each keeps its consumer', () => {
    session.declareQueue('q', DURABLE);
    send('1', 'group=g');
    turn();
    const a = consume(session, 'q', { selector: "colour = 'red'" });
    const b = consume(session, 'q');
    turn();
    expect(got(a, b)).toEqual(['', '1']);
  });

  it('arguments that contradict each other', () => {
    expect(() => declare({ 'x-strict-order': true, 'x-group-by': 'customer' }, 'c1')).toThrow(/one group of the whole/);
    expect(() => declare({ 'x-strict-order': true, 'x-fair-by': 'tenant' }, 'c2')).toThrow(/order of arrival/);
    expect(() => declare({ 'x-strict-order': true, 'x-max-priority': 5 }, 'c3')).toThrow(/priorities/);
    expect(() => declare({ 'x-group-in-flight': -1 }, 'c4')).toThrow(/expected an integer from 0/);
  });
});

describe('groups that are asked for while messages wait', () => {
  it('begin behind those: what waited goes first, as it came', () => {
    session.declareQueue('q', DURABLE);
    sendAll('a1 a2 b1');
    const { topology } = vhostOf(session);
    topology.appliedPolicies.set({ name: 'p', pattern: '^q$', definition: { 'group-by': 'customer' } });
    sendAll('a3 a4');
    const a = consume(session, 'q');
    turn();
    expect(got(a)).toEqual(['a1 a2 b1']);
    settle(a, 'a1');
    settle(a, 'a2');
    expect(got(a)).toEqual(['a1 a2 b1']);
    settle(a, 'b1');
    expect(got(a)).toEqual(['a1 a2 b1 a3']);
    topology.appliedPolicies.clear('policy', 'p');
    turn();
    expect(got(a)).toEqual(['a1 a2 b1 a3 a4']);
  });
});
