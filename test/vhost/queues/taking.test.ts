/** Taking and looking by hand, on a clock that the test moves: what a queue owes its consumers and its settings comes first. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, type GetResult, MARK_NOW, type Mark, MODIFIED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import {
  consume,
  openSession,
  queueArguments,
  Recorder,
  type SendOptions,
  send,
  startCore,
  TRANSIENT,
} from '../harness.ts';

let broker: Broker;
let session: Session;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
  session = openSession(broker);
});
afterEach(() => broker.close());

const DEAD = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
const declare = (name: string, args: Record<string, string | number | boolean> = {}): void => {
  session.declareQueue(name, { ...TRANSIENT, arguments: queueArguments(args) });
};
const publish = (queue: string, bodies: string, options: SendOptions = {}): void => {
  for (const body of bodies) send(session, queue, body, { persistent: false, ...options });
};
const waiting = (queue: string): number => session.checkQueue(queue).messages;
const turn = (): void => broker.turn.end();
const pass = (ms: number): void => {
  clock.advance(ms);
  turn();
};

/** What a get brings; undefined while it waits. */
function take(queue: string, settled = true): { body?: string; result?: GetResult | 'empty' } {
  const taken: { body?: string; result?: GetResult | 'empty' } = {};
  const recorder = new Recorder();
  session.get(queue, settled, recorder, (result) => {
    taken.result = result ?? 'empty';
    if (result !== undefined) taken.body = recorder.bodies[0]!;
  });
  return taken;
}

describe('after something left the head', () => {
  beforeEach(() => {
    declare('dead');
    declare('q', DEAD);
  });

  it.each([
    ['a get', () => take('q')],
    ['a get that is acknowledged later', () => take('q', false)],
    ['a consumer', () => consume(session, 'q', { prefetch: 1 })],
    ['a consumer with a selector', () => consume(session, 'q', { prefetch: 1, selector: 'x IS NULL' })],
  ])('%s, the time of the next counts', (_, leave) => {
    publish('q', 'a');
    publish('q', 'b', { ttlMs: 500 });
    turn();
    leave();
    turn();
    pass(480);
    expect(waiting('dead')).toBe(0);
    pass(40);
    expect(waiting('dead')).toBe(1);
  });

  it('what a backoff brings back to the head goes in its time', () => {
    session.deleteQueue('q', false, false);
    declare('q', DEAD);
    publish('q', 'a', { ttlMs: 300 });
    publish('q', 'b');
    turn();
    const one = consume(session, 'q', { prefetch: 1 });
    turn();
    one.consumer.settle(one.seen[0]!.slot, MODIFIED);
    one.consumer.cancel(MODIFIED);
    pass(320);
    expect(waiting('dead')).toBe(1);
  });
});

describe('in one turn', () => {
  it.each([
    [
      'declaring again',
      () => session.declareQueue('q', { ...TRANSIENT, arguments: queueArguments({ 'x-max-length': 1 }) }),
    ],
    ['looking', () => session.checkQueue('q')],
  ])('%s counts what a limit and consumers leave', (_, look) => {
    declare('q', { 'x-max-length': 1 });
    publish('q', 'ab');
    expect(look().messages).toBe(1);
    const reader = consume(session, 'q');
    publish('q', 'c');
    expect(look().messages).toBe(0);
    expect(reader.bodies).toEqual(['b', 'c']);
  });

  it('consumers of a higher priority are served before a get', () => {
    declare('q');
    const low = consume(session, 'q', { prefetch: 1, priority: 1 });
    const high = consume(session, 'q', { prefetch: 1, priority: 2 });
    publish('q', 'abc');
    expect(take('q').body).toBe('c');
    expect([high.bodies, low.bodies]).toEqual([['a'], ['b']]);
  });

  it('the one active consumer is served before a get, and none of those that wait for its place', () => {
    declare('q', { 'x-single-active-consumer': true });
    const active = consume(session, 'q', { prefetch: 1 });
    const next = consume(session, 'q');
    publish('q', 'ab');
    expect(take('q').body).toBe('b');
    expect([active.bodies, next.bodies]).toEqual([['a'], []]);
  });

  it('a get leaves a selective consumer its message', () => {
    declare('q');
    const reader = consume(session, 'q', { selector: 'x IS NULL' });
    publish('q', 'a');
    expect(take('q').result).toBe('empty');
    expect(reader.bodies).toEqual(['a']);
  });

  it('gets are answered in order, and what is behind is put right first', () => {
    declare('q', { 'x-max-length': 2 });
    publish('q', 'abcd');
    expect([take('q'), take('q'), take('q')]).toEqual([
      { body: 'c', result: { remaining: 1 } },
      { body: 'd', result: { remaining: 0 } },
      { result: 'empty' },
    ]);
  });

  it('a get waits while there is more to end than fits into a turn', async () => {
    declare('q', { 'x-max-length': 1 });
    for (let i = 0; i < 5_000; i++) send(session, 'q', String(i), { persistent: false });
    const taken = take('q');
    expect(taken.result).toBeUndefined();
    await expect.poll(() => taken.body).toBe('4999');
  });

  it('a get that waits is answered when its queue is deleted', () => {
    declare('q', { 'x-max-length': 1 });
    for (let i = 0; i < 5_000; i++) send(session, 'q', 'x', { persistent: false });
    const taken = take('q');
    session.deleteQueue('q', false, false);
    expect(taken.result).toBe('empty');
  });

  it('a get whose asker is gone takes nothing', async () => {
    declare('q', { 'x-max-length': 1 });
    for (let i = 0; i < 5_000; i++) send(session, 'q', 'x', { persistent: false });
    const recorder = new Recorder();
    let answer: GetResult | undefined | 'none' = 'none';
    const sink = Object.assign(recorder, {
      attached(consumer: Recorder['consumer']) {
        recorder.consumer = consumer;
      },
    });
    session.get('q', true, sink, (result) => {
      answer = result;
    });
    recorder.consumer.cancel();
    await expect.poll(() => answer).toBeUndefined();
    expect(recorder.seen).toEqual([]);
    expect(waiting('q')).toBe(1);
  });

  it('a queue that refuses has room for what replaces the expired, and for what its consumers take', () => {
    declare('q', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    publish('q', 'a', { ttlMs: 0 });
    expect(send(session, 'q', 'b', { persistent: false }).mark).toBe(0);
    expect(send(session, 'q', 'c', { persistent: false }).mark).toBe(-1);
    const reader = consume(session, 'q');
    expect(send(session, 'q', 'd', { persistent: false }).mark).toBe(0);
    turn();
    expect(reader.bodies).toEqual(['b', 'd']);
  });
});

describe('a limit that consumers share', () => {
  it('goes round, one message at a time, whoever acknowledges what', () => {
    const shared = session.sharedCredit(2);
    const readers = ['a', 'b', 'c'].map((name) => {
      declare(name);
      publish(name, name.repeat(9));
      return consume(session, name, { shared });
    });
    turn();
    // The one that holds most gives back: without turns it would get each of them again.
    for (let i = 0; i < 18; i++) {
      const reader = readers.find(({ consumer }) => consumer.held > 0)!;
      const slot = reader.seen[reader.seen.length - reader.consumer.held]!.slot;
      reader.consumer.settle(slot, ACCEPTED);
      for (const { consumer } of readers) consumer.wake();
      turn();
      expect(shared.held).toBe(2);
    }
    for (const { seen } of readers) expect(seen.length).toBeGreaterThanOrEqual(6);
  });

  it('does not wait for one that has nothing to take, nor for one that is gone', () => {
    const shared = session.sharedCredit(1);
    for (const name of ['a', 'b', 'c']) declare(name);
    publish('a', 'a');
    publish('b', 'b');
    publish('c', 'ccc');
    const [a, b, c] = ['a', 'b', 'c'].map((name) => consume(session, name, { shared })) as [
      Recorder,
      Recorder,
      Recorder,
    ];
    turn();
    expect(a.bodies).toEqual(['a']);
    session.purgeQueue('b');
    a.consumer.settle(a.seen[0]!.slot, ACCEPTED);
    b.consumer.cancel();
    c.consumer.wake();
    turn();
    expect(c.bodies).toEqual(['c']);
  });

  it('holds where selectors choose, and for several consumers of one queue', () => {
    const shared = session.sharedCredit(1);
    declare('q');
    const readers = [1, 2].map(() => consume(session, 'q', { shared, selector: 'x IS NULL' }));
    readers.push(consume(session, 'q', { shared, selector: 'x = 1' }));
    publish('q', 'abcd');
    for (let i = 0; i < 4; i++) {
      turn();
      const held = readers.filter(({ consumer }) => consumer.held > 0);
      expect(held).toHaveLength(1);
      held[0]!.consumer.settle(held[0]!.seen.at(-1)!.slot, ACCEPTED);
    }
    expect(readers.map(({ bodies }) => bodies)).toEqual([['a', 'c'], ['b', 'd'], []]);
  });

  it('what expires at once is still offered to who has credit', () => {
    const shared = session.sharedCredit(1);
    declare('q');
    const reader = consume(session, 'q', { shared });
    publish('q', 'a', { ttlMs: 0 });
    publish('q', 'b', { ttlMs: 0 });
    turn();
    expect(reader.bodies).toEqual(['a']);
    expect(waiting('q')).toBe(0);
  });

  it('is lifted', () => {
    const shared = session.sharedCredit(1);
    declare('q');
    publish('q', 'abc');
    const reader = consume(session, 'q', { shared });
    turn();
    shared.limit = 0;
    reader.consumer.wake();
    turn();
    expect(reader.bodies).toEqual(['a', 'b', 'c']);
  });
});

describe('a purge', () => {
  const purge = (queue: string): { messages: number; mark: Mark } => {
    let purged: { messages: number; mark: Mark } | undefined;
    session.purgeQueue(queue, (result) => {
      purged = result;
    });
    for (let i = 0; i < 10 && purged === undefined; i++) turn();
    return purged!;
  };

  it('that found nothing has nothing to wait for', () => {
    session.declareQueue('d', { ...TRANSIENT, durable: true });
    send(session, 'd', 'm');
    expect(purge('d')).toEqual({ messages: 1, mark: expect.not.toSatisfy((mark: Mark) => mark === MARK_NOW) });
    send(session, 'nowhere', 'm');
    expect(purge('d')).toEqual({ messages: 0, mark: MARK_NOW });
  });
});
