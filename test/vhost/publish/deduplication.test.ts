/** A message is taken once where a queue or an exchange says so: what counts as a repeat, what does not, and what a crash leaves. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MARK_NOW, MARK_REFUSED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Draft } from '../../../src/message/message.ts';
import { encodeNeutral, NEUTRAL_DIALECT } from '../../../src/message/neutral-dialect.ts';
import type { Properties, Value } from '../../../src/message/properties.ts';
import { until } from '../../support/until.ts';
import {
  consume,
  DURABLE,
  makeDraft,
  openSession,
  queueArguments,
  type SendOptions,
  safe,
  startCore,
  TRANSIENT,
  vhostOf,
} from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let directory: string;
let current: string;
let copies = 0;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-dedup-'));
  clock = new ManualClock();
  await open(join(directory, 'data'));
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(data: string): Promise<void> {
  current = data;
  broker = await startCore(data, { clock });
  session = openSession(broker);
}

async function restart(): Promise<void> {
  await broker.close();
  await open(current);
}

/** What a kill would leave behind, as of now. */
async function afterKill(): Promise<void> {
  await safe(session);
  const copy = join(directory, `copy-${copies++}`);
  cpSync(join(current, 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  await open(copy);
}

interface Once extends SendOptions {
  readonly headers?: Record<string, Value | number>;
  readonly messageId?: string;
  readonly delayMs?: number;
}

function draftOf(body: string, { headers = {}, messageId, delayMs, ...options }: Once): Draft {
  const draft = makeDraft(body, options);
  const properties: Properties = {
    headers: Object.entries(headers).map(([name, value]) => ({
      name,
      value: typeof value === 'number' ? { type: 'int32' as const, value } : value,
    })),
  };
  if (messageId !== undefined) properties.messageId = messageId;
  draft.dialect = NEUTRAL_DIALECT.id;
  draft.props = encodeNeutral(properties);
  draft.propsEnd = draft.props.length;
  draft.delayMs = delayMs ?? -1;
  return draft;
}

function publish(key: string, body: string, options: Once = {}) {
  const bytes = Buffer.from(key);
  const route = session.route(options.exchange ?? '', options.spelling ?? 0, bytes, 0, bytes.length);
  const draft = draftOf(body, options);
  const mark = session.publish(route, draft);
  return { mark, routed: draft.routed, duplicate: draft.duplicate };
}

function once(key: string, id: Value | number, options: Once = {}) {
  return publish(key, String(id), { ...options, headers: { ...options.headers, 'x-deduplication-header': id } });
}

function numbered(key: string, name: string, number: Value | number, options: Once = {}) {
  return publish(key, name, {
    ...options,
    headers: { 'x-publisher-name': name, 'x-publishing-id': number },
  });
}

const count = (queue: string): number => session.checkQueue(queue).messages;

function declare(name: string, args: Record<string, string | number | boolean>, options = DURABLE): void {
  session.declareQueue(name, { ...options, arguments: queueArguments(args) });
}

function exchange(name: string, type: string, args: Record<string, string | number | boolean> = {}): void {
  const options = { durable: true, autoDelete: false, internal: false, arguments: queueArguments(args) };
  session.declareExchange(name, type, options);
}

function bind(queue: string, source: string, key = ''): void {
  session.bindQueue(queue, source, key, { spelling: 0, arguments: [] });
}

const WINDOW = { 'x-message-deduplication': true, 'x-cache-size': 1000 };
const PRESENT = { 'x-message-deduplication': true };

function turns(): void {
  for (let i = 0; i < 4; i++) broker.turn.end();
}

/** Takes everything out of the queue. */
async function drain(queue: string): Promise<string[]> {
  const recorder = consume(session, queue);
  const waiting = count(queue);
  await until(() => {
    turns();
    return recorder.seen.length >= waiting;
  }, 'deliveries');
  for (const { slot } of recorder.seen) recorder.consumer.settle(slot, 0);
  recorder.consumer.cancel();
  turns();
  return recorder.bodies;
}

describe('a queue', () => {
  it('takes a message once, though it has been consumed, and says so', async () => {
    declare('q', WINDOW);
    expect(once('q', 'a')).toMatchObject({ routed: 1, duplicate: false });
    expect(once('q', 'a')).toMatchObject({ routed: 1, duplicate: true });
    expect(await drain('q')).toEqual(['a']);
    expect(once('q', 'a').duplicate).toBe(true);
    expect(once('q', 'b').duplicate).toBe(false);
    expect(count('q')).toBe(1);
    expect(vhostOf(session).counters.deduplicated).toBe(2);
  });

  it('that says no more knows an id while its message is there, as the plugin does', async () => {
    declare('q', PRESENT);
    once('q', 'a');
    expect(once('q', 'a').duplicate).toBe(true);
    const recorder = consume(session, 'q');
    turns();
    expect(once('q', 'a').duplicate).toBe(true); // held by a consumer
    recorder.consumer.settle(recorder.seen[0]!.slot, 0);
    turns();
    expect(once('q', 'a').duplicate).toBe(false);
  });

  it('takes every message without an id', () => {
    declare('q', WINDOW);
    for (let i = 0; i < 3; i++) expect(publish('q', 'x').duplicate).toBe(false);
    expect(count('q')).toBe(3);
  });

  it('goes by the message id where it is told to', () => {
    declare('q', { ...WINDOW, 'x-deduplication-header': 'message-id' });
    expect(publish('q', 'a', { messageId: '1' }).duplicate).toBe(false);
    expect(publish('q', 'a', { messageId: '1' }).duplicate).toBe(true);
    expect(once('q', 'a').duplicate).toBe(false);
    expect(once('q', 'a').duplicate).toBe(false);
  });

  it('goes by another header where it is told to', () => {
    declare('q', { ...WINDOW, 'x-deduplication-header': 'order' });
    expect(publish('q', 'a', { headers: { order: 7 } }).duplicate).toBe(false);
    expect(publish('q', 'a', { headers: { order: '7' } }).duplicate).toBe(true); // what one protocol sends as text
  });

  it('forgets after the time that the queue says, or the message', () => {
    declare('q', { 'x-message-deduplication': true, 'x-cache-ttl': 1000 });
    once('q', 'a');
    once('q', 'b', { headers: { 'x-cache-ttl': 5000 } });
    clock.advance(999);
    broker.turn.end();
    expect([once('q', 'a').duplicate, once('q', 'b').duplicate]).toEqual([true, true]);
    clock.advance(1);
    broker.turn.end();
    expect([once('q', 'a').duplicate, once('q', 'b').duplicate]).toEqual([false, true]);
    clock.advance(4000);
    broker.turn.end();
    expect(once('q', 'b').duplicate).toBe(false);
  });

  it('keeps of a long id what tells it from others', () => {
    declare('q', WINDOW);
    const long = 'x'.repeat(5000);
    expect(once('q', `${long}1`).duplicate).toBe(false);
    expect(once('q', `${long}2`).duplicate).toBe(false);
    expect(once('q', `${long}1`).duplicate).toBe(true);
    expect(vhostOf(session).topology.queues.get('q')!.window!.memoryBytes).toBeLessThan(1000);
  });

  it('counts a header that holds no id', () => {
    declare('q', WINDOW);
    const list = { type: 'list', value: ['a'] } as const;
    for (let i = 0; i < 2; i++) {
      expect(publish('q', 'x', { headers: { 'x-deduplication-header': list } }).duplicate).toBe(false);
    }
    expect(vhostOf(session).counters.unusableIds).toBe(2);
  });

  it('is one of several: the others get what it knows', () => {
    declare('q', WINDOW);
    declare('all', {});
    exchange('x', 'fanout');
    bind('q', 'x');
    bind('all', 'x');
    expect(once('', 'a', { exchange: 'x' })).toMatchObject({ routed: 2, duplicate: false });
    expect(once('', 'a', { exchange: 'x' })).toMatchObject({ routed: 1, duplicate: false });
    expect([count('q'), count('all')]).toEqual([1, 2]);
    expect(vhostOf(session).counters).toMatchObject({ deduplicated: 0, deduplicatedCopies: 1 });
  });

  it('refuses what contradicts itself, and what is no size', () => {
    expect(() => declare('q', { 'x-cache-size': 10 })).toThrow(
      `invalid arg 'x-cache-size' for queue 'q' in vhost '/': "x-message-deduplication is not true"`,
    );
    expect(() => declare('q', { ...PRESENT, 'x-cache-size': 0 })).toThrow(
      `invalid arg 'x-cache-size' for queue 'q' in vhost '/': "expected an integer greater than 0, of at most 10000000"`,
    );
    expect(() => declare('q', { ...PRESENT, 'x-cache-persistence': 'disk' }, TRANSIENT)).toThrow(
      `"'disk' cannot be where what it belongs to is not durable"`,
    );
    declare('q', PRESENT);
    expect(() => declare('q', WINDOW)).toThrow(/inequivalent arg 'x-cache-size'/);
  });
});

describe('an exchange', () => {
  it('of the type x-message-deduplication is a fanout that lets a message through once', () => {
    exchange('x', 'x-message-deduplication', { 'x-cache-size': 10, 'x-cache-ttl': 1000 });
    declare('q', {});
    declare('r', {});
    bind('q', 'x', 'whatever');
    bind('r', 'x');
    expect(once('k', 'a', { exchange: 'x' })).toMatchObject({ routed: 2, duplicate: false });
    expect(once('k', 'a', { exchange: 'x' })).toMatchObject({ routed: 2, duplicate: true });
    clock.advance(1000);
    broker.turn.end();
    expect(once('k', 'a', { exchange: 'x' }).duplicate).toBe(false);
    expect([count('q'), count('r')]).toEqual([2, 2]);
  });

  it('of that type has to say its size', () => {
    expect(() => exchange('x', 'x-message-deduplication')).toThrow(
      "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0",
    );
    expect(() =>
      exchange('x', 'x-message-deduplication', { 'x-cache-size': 10, 'x-cache-persistence': 'tape' }),
    ).toThrow("Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'");
  });

  it('of any type may have a window, as LavinMQ has it', () => {
    exchange('x', 'topic', { ...WINDOW });
    declare('q', {});
    bind('q', 'x', '#');
    once('a.b', 'a', { exchange: 'x' });
    expect(once('c.d', 'a', { exchange: 'x' }).duplicate).toBe(true);
  });

  it('behind another one keeps what it knows from what is behind it alone', () => {
    exchange('first', 'topic');
    exchange('once', 'x-message-deduplication', { 'x-cache-size': 10 });
    declare('q', {});
    declare('all', {});
    bind('q', 'once');
    bind('all', 'first', '#');
    session.bindExchange('once', 'first', '#', { spelling: 0, arguments: [] });
    expect(once('k', 'a', { exchange: 'first' }).routed).toBe(2);
    expect(once('k', 'a', { exchange: 'first' })).toMatchObject({ routed: 1, duplicate: false });
    expect([count('q'), count('all')]).toEqual([1, 2]);
  });

  it('does not know what nobody got', () => {
    exchange('x', 'x-message-deduplication', { 'x-cache-size': 10 });
    expect(once('k', 'a', { exchange: 'x' })).toMatchObject({ routed: 0, duplicate: false });
    declare('q', {});
    bind('q', 'x');
    expect(once('k', 'a', { exchange: 'x' })).toMatchObject({ routed: 1, duplicate: false });
    expect(once('k', 'a', { exchange: 'x' }).duplicate).toBe(true);
  });

  it('looks at a delayed message when it comes, a queue when it gets it', async () => {
    exchange('x', 'fanout', { ...WINDOW });
    declare('q', WINDOW);
    bind('q', 'x');
    expect(once('', 'a', { exchange: 'x', delayMs: 1000 }).duplicate).toBe(false);
    expect(once('', 'a', { exchange: 'x', delayMs: 1000 }).duplicate).toBe(true);
    expect(once('', 'a', { exchange: 'x' }).duplicate).toBe(true);
    expect(once('q', 'a').duplicate).toBe(false); // not there yet
    clock.advance(1000);
    turns();
    expect(count('q')).toBe(1); // what was due the queue had by then
    expect(vhostOf(session).counters.deduplicated).toBe(3);
  });

  it('does not swallow its own delayed message when it is due', () => {
    exchange('x', 'fanout', { ...WINDOW });
    declare('q', {});
    bind('q', 'x');
    once('', 'a', { exchange: 'x', delayMs: 1000 });
    clock.advance(1000);
    turns();
    expect(count('q')).toBe(1);
  });
});

describe('publishers that number their messages', () => {
  it('any number up to the highest is a repeat', () => {
    declare('q', WINDOW);
    expect([1, 2, 2, 1, 4, 3, 5].map((number) => numbered('q', 'p', number).duplicate)).toEqual([
      false,
      false,
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(numbered('q', 'other', 1).duplicate).toBe(false);
    expect(numbered('q', 'p', '6').duplicate).toBe(false);
    expect(numbered('q', 'p', { type: 'int64', value: 6n }).duplicate).toBe(true);
  });

  it('are known though the queue knows ids only while their messages are there', async () => {
    declare('q', PRESENT);
    numbered('q', 'p', 1);
    await drain('q');
    expect(numbered('q', 'p', 1).duplicate).toBe(true);
  });

  it('may try again what was refused, whatever came meanwhile, after a kill too', async () => {
    declare('q', { ...WINDOW, 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    expect(numbered('q', 'p', 1).mark).not.toBe(MARK_REFUSED);
    expect(numbered('q', 'p', 2).mark).toBe(MARK_REFUSED);
    await drain('q');
    expect(numbered('q', 'p', 3).duplicate).toBe(false);
    await afterKill();
    await drain('q');
    expect(numbered('q', 'p', 3).duplicate).toBe(true);
    expect(numbered('q', 'p', 2)).toMatchObject({ duplicate: false, routed: 1 });
    expect(numbered('q', 'p', 2).duplicate).toBe(true);
  });
});

describe('what was not taken may come again', () => {
  it('refused by a full queue', async () => {
    declare('q', { ...WINDOW, 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    once('q', 'a');
    expect(once('q', 'b').mark).toBe(MARK_REFUSED);
    expect(once('q', 'a')).toMatchObject({ duplicate: true }); // a full queue knows what it has
    await drain('q');
    expect(once('q', 'b')).toMatchObject({ duplicate: false, routed: 1 });
  });

  it('refused by one of two queues: the one that has it does not take it again, the exchange lets it through', async () => {
    exchange('x', 'fanout', { ...WINDOW });
    declare('small', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    declare('q', WINDOW);
    bind('small', 'x');
    bind('q', 'x');
    once('', 'a', { exchange: 'x' });
    expect(once('', 'b', { exchange: 'x' }).mark).toBe(MARK_REFUSED);
    expect(count('q')).toBe(2);
    await drain('small');
    expect(once('', 'b', { exchange: 'x' })).toMatchObject({ duplicate: false, routed: 1 });
    expect([count('q'), count('small')]).toEqual([2, 1]);
    expect(once('', 'b', { exchange: 'x' }).duplicate).toBe(true);
  });

  it('rolled back', () => {
    declare('q', WINDOW);
    const bytes = Buffer.from('q');
    const route = session.route('', 0, bytes, 0, 1);
    const transaction = session.transaction();
    const draft = draftOf('a', { headers: { 'x-deduplication-header': 'a' } });
    transaction.publish(route, draft);
    transaction.rollback();
    expect(once('q', 'a').duplicate).toBe(false);
  });

  it('committed, once, however many there are and wherever they go', () => {
    declare('q', WINDOW);
    declare('r', {});
    exchange('x', 'fanout');
    bind('q', 'x');
    bind('r', 'x');
    const route = session.route('x', 0, Buffer.alloc(0), 0, 0);
    const transaction = session.transaction();
    for (let i = 0; i < 40; i++) {
      transaction.publish(route, draftOf('a', { headers: { 'x-deduplication-header': `id${i % 20}` } }));
    }
    transaction.commit();
    expect([count('q'), count('r')]).toEqual([20, 40]);
  });

  it('committed, once: a repeat within the transaction as well', () => {
    declare('q', WINDOW);
    const bytes = Buffer.from('q');
    const route = session.route('', 0, bytes, 0, 1);
    const transaction = session.transaction();
    for (let i = 0; i < 2; i++)
      transaction.publish(route, draftOf('a', { headers: { 'x-deduplication-header': 'a' } }));
    const returned: number[] = [];
    expect(transaction.commit((index) => returned.push(index))).toBeGreaterThan(MARK_NOW);
    expect([count('q'), returned]).toEqual([1, []]);
    expect(once('q', 'a').duplicate).toBe(true);
  });
});

describe('what the broker moves by itself passes by', () => {
  it('a dead letter that comes back to the queue it died in', async () => {
    declare('q', { ...WINDOW, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'wait' });
    declare('wait', { 'x-message-ttl': 100, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q' });
    once('q', 'a');
    const recorder = consume(session, 'q');
    turns();
    recorder.consumer.settle(recorder.seen[0]!.slot, 1);
    turns();
    expect(count('wait')).toBe(1);
    clock.advance(200);
    turns();
    clock.advance(200);
    turns();
    expect(recorder.bodies).toEqual(['a', 'a']);
    expect(once('q', 'a').duplicate).toBe(true);
  });
});

describe('a restart', () => {
  it.each(['in order', 'after a kill'])('knows what was taken: %s', async (how) => {
    exchange('x', 'x-message-deduplication', { 'x-cache-size': 10 });
    declare('q', WINDOW);
    declare('present', PRESENT);
    bind('q', 'x');
    once('', 'a', { exchange: 'x' });
    once('q', 'b');
    once('present', 'c');
    once('present', 'gone');
    numbered('q', 'p', 7);
    const recorder = consume(session, 'present');
    turns();
    recorder.consumer.settle(recorder.seen[1]!.slot, 0);
    recorder.consumer.cancel(2);
    turns();
    await (how === 'in order' ? restart() : afterKill());
    expect(once('', 'a', { exchange: 'x' }).duplicate).toBe(true);
    expect(once('q', 'b').duplicate).toBe(true);
    expect(once('present', 'c').duplicate).toBe(true);
    expect(once('present', 'gone').duplicate).toBe(false);
    expect(numbered('q', 'p', 7).duplicate).toBe(true);
    expect(numbered('q', 'p', 8).duplicate).toBe(false);
    // And once more: by now it is in a checkpoint.
    await restart();
    expect(once('q', 'b').duplicate).toBe(true);
    expect(once('present', 'gone').duplicate).toBe(true);
    expect(numbered('q', 'p', 8).duplicate).toBe(true);
  });

  it('forgets what was not durable with its message, and what is said to be in memory', async () => {
    declare('q', WINDOW);
    declare('memory', { ...WINDOW, 'x-cache-persistence': 'memory' });
    once('q', 'transient', { persistent: false });
    once('memory', 'a');
    expect(once('q', 'transient').duplicate).toBe(true);
    await restart();
    expect(once('q', 'transient').duplicate).toBe(false);
    expect(once('memory', 'a').duplicate).toBe(false);
  });

  it('forgets what is over by then', async () => {
    declare('q', { 'x-message-deduplication': true, 'x-cache-ttl': 1000 });
    once('q', 'a');
    await safe(session);
    await broker.close();
    clock.advance(1000);
    await open(join(directory, 'data'));
    expect(once('q', 'a').duplicate).toBe(false);
  });

  it('keeps no more than the window does, however often it has turned over', async () => {
    declare('q', { 'x-message-deduplication': true, 'x-cache-size': 5 });
    for (let i = 0; i < 100; i++) once('q', `id${i}`);
    await afterKill();
    expect([95, 99, 94].map((i) => once('q', `id${i}`).duplicate)).toEqual([true, true, false]);
  });
});

it('a repeat is not confirmed before what it repeats is safe', async () => {
  declare('q', WINDOW);
  await safe(session);
  const first = once('q', 'a');
  const repeat = once('q', 'a');
  expect(repeat.mark).toBe(first.mark);
  await safe(session, first.mark);
  expect(once('q', 'a').mark).toBe(MARK_NOW);
});

describe('a policy', () => {
  const set = async (
    definition: Record<string, string | number | boolean>,
    applyTo: 'queues' | 'exchanges' | 'all',
  ) => {
    await new Promise<void>((done) =>
      vhostOf(session).topology.appliedPolicies.set({ name: 'p', pattern: '.*', applyTo, definition }, done),
    );
  };

  it('gives a queue that is there a window, and takes it away, and with it what it knew', async () => {
    declare('q', {});
    once('q', 'a');
    await set({ 'x-message-deduplication': true, 'x-cache-size': 10 }, 'queues');
    expect([once('q', 'a').duplicate, once('q', 'a').duplicate]).toEqual([false, true]);
    await afterKill();
    expect(once('q', 'a').duplicate).toBe(true);
    await set({ 'x-message-deduplication': false }, 'queues');
    expect(once('q', 'a').duplicate).toBe(false);
    await afterKill();
    await set({ 'x-message-deduplication': true, 'x-cache-size': 10 }, 'queues');
    expect(once('q', 'a').duplicate).toBe(false);
  });

  it('means exchanges only where it says so', async () => {
    declare('q', {});
    bind('q', 'amq.topic', '#');
    await set({ 'x-message-deduplication': true }, 'all');
    await set({ 'x-cache-ttl': 1000 }, 'all');
    once('k', 'a', { exchange: 'amq.topic' });
    expect(once('k', 'a', { exchange: 'amq.topic' }).duplicate).toBe(false);
    await set({ 'x-message-deduplication': true }, 'exchanges');
    once('k', 'a', { exchange: 'amq.topic' });
    expect(once('k', 'a', { exchange: 'amq.topic' }).duplicate).toBe(true);
  });

  it('changes the size and the time of an exchange that has a window', async () => {
    exchange('x', 'x-message-deduplication', { 'x-cache-size': 10 });
    declare('q', {});
    bind('q', 'x');
    await set({ 'x-cache-size': 1, 'x-cache-ttl': 50 }, 'all');
    for (const id of ['a', 'b']) once('', id, { exchange: 'x' });
    expect(once('', 'a', { exchange: 'x' }).duplicate).toBe(false);
    clock.advance(50);
    broker.turn.end();
    expect(once('', 'a', { exchange: 'x' }).duplicate).toBe(false);
  });
});

it('a stop in the middle of a checkpoint of a large window loses nothing of it', async () => {
  declare('q', { 'x-message-deduplication': true, 'x-cache-size': 50_000, 'x-max-length': 10 });
  for (let i = 0; i < 20_000; i++) once('q', `id${i}`);
  await restart();
  for (let i = 0; i < 20_000; i += 77) expect(once('q', `id${i}`).duplicate).toBe(true);
  await afterKill();
  for (let i = 0; i < 20_000; i += 770) expect(once('q', `id${i}`).duplicate).toBe(true);
});
