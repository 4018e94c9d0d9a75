import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPTED, MARK_NOW, MODIFIED, NO_BACKPRESSURE, REJECTED, RELEASED } from '../../src/api/index.ts';
import type { Session } from '../../src/api/session.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import type { MessageView } from '../../src/message/message.ts';
import { purged, replayed } from '../support/counted.ts';
import { consume, DURABLE, makeDraft, openSession, safe, seenFrom, send, startCore, TRANSIENT } from './harness.ts';

let broker: Broker;
let session: Session;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-core-'));
  broker = await startCore(join(directory, 'data'));
  session = openSession(broker);
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Stops in order and starts again on the same data. */
async function restart(): Promise<void> {
  await broker.close();
  broker = await startCore(join(directory, 'data'));
  session = openSession(broker);
}

let copies = 0;
/** Starts a second broker on a copy of the files as they are now: what a kill would leave behind. */
async function afterKill(): Promise<void> {
  const copy = join(directory, `copy-${copies++}`);
  cpSync(join(directory, 'data', 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  broker = await startCore(copy);
  session = openSession(broker);
}

describe('a queue', () => {
  it('hands each message to one consumer, in order, in turn', () => {
    session.declareQueue('q', TRANSIENT);
    const a = consume(session, 'q');
    const b = consume(session, 'q');
    for (let i = 0; i < 6; i++) send(session, 'q', `${i}`);
    broker.turn.end();
    expect(a.bodies).toEqual(['0', '2', '4']);
    expect(b.bodies).toEqual(['1', '3', '5']);
  });

  it('takes turns also when its messages come one by one', () => {
    session.declareQueue('q', TRANSIENT);
    const a = consume(session, 'q');
    const b = consume(session, 'q');
    for (let i = 0; i < 6; i++) {
      send(session, 'q', `${i}`);
      broker.turn.end();
    }
    expect([a.bodies.length, b.bodies.length]).toEqual([3, 3]);
  });

  it('holds a consumer to its prefetch, and goes on when it settles', () => {
    session.declareQueue('q', TRANSIENT);
    const c = consume(session, 'q', { prefetch: 2 });
    for (let i = 0; i < 5; i++) send(session, 'q', `${i}`);
    broker.turn.end();
    expect(c.bodies).toEqual(['0', '1']);
    c.consumer.settle(c.seen[0]!.slot, ACCEPTED);
    broker.turn.end();
    expect(c.bodies).toEqual(['0', '1', '2']);
  });

  it('puts a released message back in its place, redelivered, not an attempt', () => {
    session.declareQueue('q', TRANSIENT);
    const first = consume(session, 'q', { prefetch: 3 });
    for (const body of ['a', 'b', 'c', 'd']) send(session, 'q', body);
    broker.turn.end();
    first.consumer.cancel();
    first.consumer.settle(first.seen[2]!.slot, RELEASED);
    first.consumer.settle(first.seen[0]!.slot, RELEASED);
    const second = consume(session, 'q');
    broker.turn.end();
    expect(second.seen.map(({ body, redelivered, attempts }) => [body, redelivered, attempts])).toEqual([
      ['a', true, 0],
      ['c', true, 0],
      ['d', false, 0],
    ]);
  });

  it('counts failed attempts, and dead-letters past the limit with a record of why', () => {
    session.declareQueue('dead', DURABLE);
    const limit = { name: 'x-delivery-limit', value: { type: 'int32', value: 1 } } as const;
    const exchange = { name: 'x-dead-letter-exchange', value: '' } as const;
    const key = { name: 'x-dead-letter-routing-key', value: 'dead' } as const;
    session.declareQueue('q', { ...DURABLE, arguments: [limit, exchange, key] });
    const c = consume(session, 'q', { prefetch: 1 });
    const dead = consume(session, 'dead');
    send(session, 'q', 'x');
    broker.turn.end();
    c.consumer.settle(c.seen[0]!.slot, MODIFIED);
    broker.turn.end();
    expect(c.seen[1]).toMatchObject({ body: 'x', redelivered: true, attempts: 1 });
    c.consumer.settle(c.seen[1]!.slot, MODIFIED);
    broker.turn.end();
    expect(c.seen).toHaveLength(2);
    expect(dead.seen).toHaveLength(1);
    expect(dead.seen[0]).toMatchObject({ body: 'x', key: 'dead', redelivered: false });
    expect(JSON.parse(dead.seen[0]!.notes).deaths[0]).toMatchObject({ queue: 'q', reason: 'delivery_limit', count: 1 });
  });

  it('drops what is rejected when it names no dead-letter exchange, and counts it as gone', () => {
    session.declareQueue('q', TRANSIENT);
    const c = consume(session, 'q');
    send(session, 'q', 'x');
    broker.turn.end();
    c.consumer.settle(c.seen[0]!.slot, REJECTED);
    broker.turn.end();
    expect(c.seen).toHaveLength(1);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('returns what a lost client held as a failed attempt, what an orderly one held as none', () => {
    session.declareQueue('q', TRANSIENT);
    for (const inOrder of [true, false]) {
      const other = openSession(broker);
      const c = consume(other, 'q');
      if (inOrder) send(session, 'q', 'x');
      broker.turn.end();
      expect(c.bodies).toEqual(['x']);
      other.close(inOrder);
    }
    const c = consume(session, 'q');
    broker.turn.end();
    expect(c.seen[0]).toMatchObject({ redelivered: true, attempts: 1 });
  });

  it('replays everything a suspended consumer holds, in order and with the same slots, before anything new', () => {
    session.declareQueue('q', TRANSIENT);
    const c = consume(session, 'q', { prefetch: 3 });
    for (const body of ['a', 'b', 'c', 'd']) send(session, 'q', body);
    broker.turn.end();
    c.consumer.settle(c.seen[1]!.slot, ACCEPTED);
    c.consumer.suspend();
    broker.turn.end();
    const slots = [c.seen[0]!.slot, c.seen[2]!.slot];
    c.seen.length = 0;
    c.consumer.resume(c, { congested: false });
    broker.turn.end();
    expect(c.bodies).toEqual(['a', 'c', 'd']);
    expect(c.seen.slice(0, 2).map((seen) => seen.slot)).toEqual(slots);
    expect(c.seen.map((seen) => seen.redelivered)).toEqual([true, true, false]);
  });

  it('replays to the one that was suspended, though another consumer is ready and nothing new waits', () => {
    session.declareQueue('q', TRANSIENT);
    const a = consume(session, 'q', { prefetch: 1 });
    send(session, 'q', 'x');
    broker.turn.end();
    a.consumer.suspend();
    const b = consume(session, 'q');
    a.seen.length = 0;
    a.consumer.resume(a, NO_BACKPRESSURE);
    broker.turn.end();
    expect([a.bodies, b.bodies]).toEqual([['x'], []]);
  });

  it('waits for a congested connection and goes on when woken', () => {
    session.declareQueue('q', TRANSIENT);
    const output = { congested: true };
    const bodies: string[] = [];
    const sink = {
      deliver: (view: MessageView, slot: number) => bodies.push(seenFrom(view, slot).body),
      cancelled() {},
    };
    const options = { tag: 'c', settled: true, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = session.consume('q', options, sink, output);
    send(session, 'q', 'x');
    broker.turn.end();
    expect(bodies).toEqual([]);
    output.congested = false;
    consumer.wake();
    broker.turn.end();
    expect(bodies).toEqual(['x']);
  });

  it('takes one message by get, tells how many are left, and nothing when empty', () => {
    session.declareQueue('q', TRANSIENT);
    send(session, 'q', 'a');
    send(session, 'q', 'b');
    const seen: string[] = [];
    const sink = { deliver: (view: MessageView, slot: number) => seen.push(seenFrom(view, slot).body), cancelled() {} };
    const results: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) session.get('q', true, sink, (result) => results.push(result?.remaining));
    expect(seen).toEqual(['a', 'b']);
    expect(results).toEqual([1, 0, undefined]);
  });

  it('tells its consumers when it is deleted, and forgets what they hold', () => {
    session.declareQueue('q', DURABLE);
    const c = consume(session, 'q');
    send(session, 'q', 'x');
    broker.turn.end();
    session.deleteQueue('q', false, false);
    expect(c.ended).toEqual(['queue-deleted']);
    c.consumer.settle(c.seen[0]!.slot, ACCEPTED);
    expect(() => session.checkQueue('q')).toThrow("no queue 'q' in vhost '/'");
  });

  it('goes with its last consumer when it is auto-delete, and with its session when it is exclusive', () => {
    session.declareQueue('auto', { ...TRANSIENT, autoDelete: true });
    consume(session, 'auto').consumer.cancel(RELEASED);
    expect(session.queueExists('auto')).toBe(false);
    const other = openSession(broker);
    const { name } = other.declareQueue('', { ...TRANSIENT, exclusive: true });
    expect(() => session.checkQueue(name)).toThrow('cannot obtain exclusive access to locked queue');
    other.close(true);
    expect(session.queueExists(name)).toBe(false);
  });
});

describe('direct subscriptions', () => {
  it('get at-most-once messages at once, from the publisher, and count what nobody takes', () => {
    session.declareQueue('s', { ...TRANSIENT, atMostOnce: 'direct' });
    session.bindQueue('s', 'amq.topic', 'a.*', { spelling: 0, arguments: [], assurance: 1 });
    const seen: string[] = [];
    send(session, 'a.b', 'lost', { exchange: 'amq.topic', persistent: false });
    session.attachDirect('s', {
      output: NO_BACKPRESSURE,
      deliverDirect(view) {
        seen.push(view.body.toString('utf8', view.bodyStart, view.bodyEnd));
        return true;
      },
    });
    send(session, 'a.b', 'got', { exchange: 'amq.topic', persistent: false });
    expect(seen).toEqual(['got']);
    expect(session.checkQueue('s').messages).toBe(0);
    send(session, 'a.b', 'queued', { exchange: 'amq.topic' });
    expect(session.checkQueue('s').messages).toBe(1);
  });

  it('stalls its publishers for a moment while it lags, and no longer than that', async () => {
    const clock = new ManualClock();
    const core = await startCore(null, { clock });
    let resumed = 0;
    const publisher = openSession(core, { uncongested: () => resumed++, kicked() {} });
    publisher.declareQueue('s', { ...TRANSIENT, atMostOnce: 'direct' });
    const output = { congested: false };
    publisher.attachDirect('s', { output, deliverDirect: () => true });
    const publish = (): boolean => {
      send(publisher, 's', 'x', { persistent: false });
      return publisher.congested;
    };
    expect(publish()).toBe(false);
    output.congested = true;
    expect(publish()).toBe(true);
    publisher.directDrained('s');
    expect([resumed, publisher.congested]).toEqual([1, false]);
    expect(publish()).toBe(true);
    clock.advance(100);
    expect([resumed, publisher.congested]).toEqual([2, false]);
    expect(publish()).toBe(false); // slow: nobody waits for it again …
    publisher.directDrained('s');
    expect(publish()).toBe(true); // … before it has drained
    await core.close();
  });

  it('takes the higher of two overlapping subscriptions, once', () => {
    session.declareQueue('s', { ...TRANSIENT, atMostOnce: 'direct' });
    session.bindQueue('s', 'amq.topic', 'a.*', { spelling: 0, arguments: [], assurance: 0 });
    session.bindQueue('s', 'amq.topic', 'a.#', { spelling: 0, arguments: [], assurance: 1 });
    send(session, 'a.b', 'x', { exchange: 'amq.topic', assurance: 2 });
    const c = consume(session, 's');
    broker.turn.end();
    return safe(session).then(() => {
      broker.turn.end();
      expect(c.seen.map((seen) => [seen.body, seen.assurance])).toEqual([['x', 1]]);
    });
  });
});

describe('retained messages', () => {
  const FILTER = { spelling: 1, arguments: [], hideReserved: true, assurance: 1 } as const;

  it('come to a later subscription, marked; the newest only; none after an empty one', async () => {
    const retain = { exchange: 'amq.topic', spelling: 1, retain: true } as const;
    send(session, 'a/b', 'old', retain);
    send(session, 'a/b', 'new', { ...retain, persistent: false });
    send(session, 'a/c', 'gone', retain);
    send(session, 'a/c', '', retain);
    send(session, '$SYS/x', 'hidden', retain);
    await safe(session);
    await restart();
    session.declareQueue('s', TRANSIENT);
    expect(replayed(session, 's', '#', FILTER)).toBe(1);
    const c = consume(session, 's');
    await expect.poll(() => c.seen.map((seen) => [seen.body, seen.retained, seen.key])).toEqual([['new', true, 'a/b']]);
  });
});

describe('what is safe', () => {
  it('says now for what needs no log, and a mark for what does', async () => {
    session.declareQueue('t', TRANSIENT);
    const { mark: declared } = session.declareQueue('d', DURABLE);
    expect(declared).toBeGreaterThan(0);
    expect(send(session, 'nowhere', 'x')).toEqual({ mark: MARK_NOW, routed: 0 });
    expect(send(session, 't', 'x').mark).toBe(MARK_NOW);
    expect(send(session, 'd', 'x', { persistent: false }).mark).toBe(MARK_NOW);
    expect(send(session, 'd', 'x').mark).toBeGreaterThan(0);
    expect(await safe(session)).toBe(false);
    expect(session.mark()).toBe(MARK_NOW);
  });

  it('confirms in order, only after the flush, transient ones behind durable ones', async () => {
    session.declareQueue('d', DURABLE);
    await safe(session);
    const confirmed: number[] = [];
    let ends = 0;
    const ring = session.confirms({ confirm: (id) => confirmed.push(id), confirmEnd: () => ends++ });
    ring.push(1, send(session, 'd', 'a').mark);
    ring.push(2, MARK_NOW);
    broker.turn.end();
    expect(confirmed).toEqual([]);
    await safe(session);
    expect(confirmed).toEqual([1, 2]);
    expect(ends).toBe(1);
  });

  it('keeps the order of exactly-once messages in a queue that a crash empties, large ones among them', async () => {
    session.declareQueue('t', TRANSIENT);
    const c = consume(session, 't');
    const route = session.route('', 0, Buffer.from('t'), 0, 1);
    for (const size of [200_000, 10, 200_000, 10]) {
      const draft = makeDraft('x'.repeat(10), { assurance: 2 });
      if (size > 10) {
        const writer = session.openBody(size, true);
        writer.append(Buffer.alloc(size), 0, size);
        draft.large = writer;
      }
      session.publish(route, draft);
    }
    await safe(session);
    broker.turn.end();
    expect(c.seen.map((seen) => seen.body.length > 0)).toEqual([false, true, false, true]);
  });

  it('holds an exactly-once message back until it is safe', async () => {
    session.declareQueue('d', DURABLE);
    const c = consume(session, 'd');
    await safe(session);
    send(session, 'd', 'twice', { assurance: 2 });
    broker.turn.end();
    expect(c.bodies).toEqual([]);
    await safe(session);
    broker.turn.end();
    expect(c.bodies).toEqual(['twice']);
  });
});

describe('after a restart', () => {
  it('has topology, messages, attempts and the state of adapters back, and not what was transient', async () => {
    session.declareExchange('x', 'topic', { durable: true, autoDelete: false, internal: false, arguments: [] });
    session.declareExchange('y', 'fanout', { durable: false, autoDelete: false, internal: false, arguments: [] });
    session.declareQueue('d', { ...DURABLE, arguments: [{ name: 'n', value: { type: 'int64', value: 5n } }] });
    session.declareQueue('t', TRANSIENT);
    session.bindQueue('d', 'x', 'k.#', { spelling: 0, arguments: [], assurance: 1 });
    for (const body of ['a', 'b', 'c', 'd']) send(session, 'k.1', body, { exchange: 'x' });
    send(session, 'k.1', 'transient', { exchange: 'x', persistent: false });
    const c = consume(session, 'd', { prefetch: 3 });
    broker.turn.end();
    c.consumer.cancel();
    c.consumer.settle(c.seen[1]!.slot, ACCEPTED);
    c.consumer.settle(c.seen[0]!.slot, MODIFIED);
    session.state.put('mqtt/k', Buffer.from('v'));
    session.state.put('mqtt/gone', Buffer.from('v'));
    session.state.delete('mqtt/gone');
    await safe(session);
    await restart();
    expect(session.queueExists('t')).toBe(false);
    expect(() => session.checkExchange('y')).toThrow('no exchange');
    expect(session.state.get('mqtt/k')?.toString()).toBe('v');
    expect(session.state.keys('mqtt/')).toEqual(['mqtt/k']);
    expect(
      session.declareQueue('d', { ...DURABLE, arguments: [{ name: 'n', value: { type: 'int64', value: 5n } }] }),
    ).toMatchObject({
      messages: 3,
      mark: MARK_NOW,
    });
    expect(session.bindings('d')).toMatchObject([{ exchange: 'x', key: 'k.#', options: { assurance: 1 } }]);
    const again = consume(session, 'd');
    await expect.poll(() => again.seen.length).toBe(3);
    expect(again.seen.map(({ body, redelivered, attempts }) => [body, redelivered, attempts])).toEqual([
      ['a', true, 1],
      ['c', true, 0],
      ['d', false, 0],
    ]);
    send(session, 'k.2', 'e', { exchange: 'x' });
    broker.turn.end();
    expect(again.bodies).toContain('e');
  });

  it('counts everything as delivered after a kill, and loses nothing that was safe', async () => {
    session.declareQueue('d', DURABLE);
    for (let i = 0; i < 100; i++) send(session, 'd', `${i}`);
    const c = consume(session, 'd', { prefetch: 10 });
    broker.turn.end();
    for (const seen of c.seen.slice(0, 5)) c.consumer.settle(seen.slot, ACCEPTED);
    await safe(session);
    await afterKill();
    const again = consume(session, 'd');
    broker.turn.end();
    expect(again.bodies).toEqual(Array.from({ length: 95 }, (_, i) => `${i + 5}`));
    expect(again.seen.every((seen) => seen.redelivered)).toBe(true);
  });

  it('has a transaction whole', async () => {
    session.declareQueue('d', DURABLE);
    session.declareQueue('e', DURABLE);
    send(session, 'd', 'in');
    const c = consume(session, 'd');
    broker.turn.end();
    const tx = session.transaction();
    const route = session.route('', 0, Buffer.from('e'), 0, 1);
    tx.publish(route, makeDraft('out1'));
    tx.publish(route, makeDraft('out2'));
    tx.settle(c.consumer, c.seen[0]!.slot, ACCEPTED);
    expect(session.checkQueue('e').messages).toBe(0);
    await safe(session, tx.commit());
    const rolled = session.transaction();
    rolled.publish(route, makeDraft('never'));
    rolled.rollback();
    await afterKill();
    expect(session.checkQueue('d').messages).toBe(0);
    const out = consume(session, 'e');
    broker.turn.end();
    expect(out.bodies).toEqual(['out1', 'out2']);
  });

  it('has a purge and a deletion remembered', async () => {
    session.declareQueue('p', DURABLE);
    session.declareQueue('x', DURABLE);
    for (let i = 0; i < 20; i++) {
      send(session, 'p', 'x');
      send(session, 'x', 'x');
    }
    expect(purged(session, 'p')).toBe(20);
    expect(session.deleteQueue('x', false, false).messages).toBe(20);
    send(session, 'p', 'after');
    await safe(session);
    await afterKill();
    expect(session.queueExists('x')).toBe(false);
    expect(session.checkQueue('p').messages).toBe(1);
  });
});

describe('a large body', () => {
  function read(view: MessageView, from: Session): Promise<Buffer> {
    const reader = from.readBody(view.large!);
    const pieces: Buffer[] = [];
    return new Promise((resolve, reject) => {
      const more = (): void => {
        while (reader.next(50_000)) pieces.push(Buffer.from(reader.buffer.subarray(reader.start, reader.end)));
        if (reader.remaining > 0) return;
        reader.close();
        resolve(Buffer.concat(pieces));
      };
      reader.onReady = more;
      reader.onError = reject;
      more();
    });
  }

  it.each([
    ['durable', true],
    ['transient', false],
  ])('arrives and leaves in pieces, %s', async (_name, durable) => {
    session.declareQueue('d', DURABLE);
    const body = randomBytes(5 * 1024 * 1024 + 17);
    const writer = session.openBody(body.length, durable);
    for (let at = 0; at < body.length; at += 70_001) writer.append(body, at, Math.min(at + 70_001, body.length));
    expect(writer.missing).toBe(0);
    const draft = makeDraft('', { persistent: durable });
    draft.large = writer;
    session.publish(session.route('', 0, Buffer.from('d'), 0, 1), draft);
    await safe(session);
    if (durable) await afterKill();
    const got: Promise<Buffer>[] = [];
    const sink = {
      deliver: (view: MessageView) => got.push(read(view, session)),
      cancelled() {},
    };
    session.get('d', true, sink, () => {});
    await expect.poll(() => got.length).toBe(1);
    expect((await got[0]!).equals(body)).toBe(true);
  });

  it('leaves nothing when it is given up half way', async () => {
    const writer = session.openBody(1_000_000, true);
    writer.append(randomBytes(200_000), 0, 200_000);
    session.close(false);
    session = openSession(broker);
    await safe(session);
  });
});
