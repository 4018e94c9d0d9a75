import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MARK_NOW, MARK_REFUSED, NO_BACKPRESSURE } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { DELAY_MAX_MS, INLINE_BODY_BYTES } from '../../../src/message/message.ts';
import { replayed } from '../../support/counted.ts';
import { until } from '../../support/until.ts';
import { consume, DURABLE, makeDraft, openSession, type SendOptions, safe, startCore, TRANSIENT } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let directory: string;
let options: Partial<StartOptions>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-delays-'));
  clock = new ManualClock();
  options = { clock };
  await open(join(directory, 'data'));
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(data: string): Promise<void> {
  broker = await startCore(data, options);
  session = openSession(broker);
}

async function restart(): Promise<void> {
  await broker.close();
  await open(join(directory, 'data'));
}

let copies = 0;
/** What a kill would leave behind, as of now. */
async function afterKill(): Promise<void> {
  const copy = join(directory, `copy-${copies++}`);
  cpSync(join(directory, 'data', 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  await open(copy);
}

function delay(key: string, body: string, delayMs: number, send: SendOptions = {}) {
  const bytes = Buffer.from(key);
  const draft = makeDraft(body, send);
  draft.delayMs = delayMs;
  const mark = session.publish(session.route(send.exchange ?? '', send.spelling ?? 0, bytes, 0, bytes.length), draft);
  return { mark, routed: draft.routed };
}

/** Lets time pass, a little at a time, with the turns that belong to it. */
function pass(ms: number): void {
  for (let gone = 0; gone < ms; gone += 20) {
    clock.advance(Math.min(20, ms - gone));
    turns();
  }
}

function turns(): void {
  for (let i = 0; i < 4; i++) broker.turn.end();
}

/** After a start the messages must be read back first. */
async function arrived(queue: string, messages: number): Promise<void> {
  await until(() => {
    turns();
    return session.checkQueue(queue).messages >= messages;
  }, `${messages} messages in ${queue}`);
  expect(session.checkQueue(queue).messages).toBe(messages);
}

describe('a delayed message', () => {
  it('is routed when it is due, not before, in the order of due times', () => {
    session.declareQueue('q', TRANSIENT);
    const seen = consume(session, 'q', { settled: true });
    expect(delay('q', 'second', 200).routed).toBe(1);
    delay('q', 'first', 100);
    delay('q', 'also second', 200);
    pass(80);
    expect(seen.bodies).toEqual([]);
    pass(60);
    expect(seen.bodies).toEqual(['first']);
    pass(100);
    expect(seen.bodies).toEqual(['first', 'second', 'also second']);
  });

  it('goes where its key leads when it is due', () => {
    delay('late', 'm', 100);
    session.declareQueue('late', TRANSIENT);
    pass(120);
    expect(session.checkQueue('late').messages).toBe(1);
  });

  it('is confirmed once it is safe, and a transient one at once', async () => {
    const durable = delay('q', 'a', 1_000);
    expect(durable.mark).toBeGreaterThan(MARK_NOW);
    expect(await safe(session, durable.mark)).toBe(false);
    expect(delay('q', 'b', 1_000, { persistent: false }).mark).toBe(MARK_NOW);
  });

  it('is refused when it asks for more than 2^32 - 1 ms', () => {
    expect(delay('q', 'm', DELAY_MAX_MS + 1).mark).toBe(MARK_REFUSED);
    expect(delay('q', 'm', DELAY_MAX_MS).mark).toBeGreaterThan(MARK_NOW);
  });

  it('survives a kill before it is due, and a transient one does not', async () => {
    session.declareQueue('q', DURABLE);
    delay('q', 'kept', 1_000);
    delay('q', 'transient', 1_000, { persistent: false });
    await safe(session);
    await afterKill();
    pass(500);
    expect(session.checkQueue('q').messages).toBe(0);
    pass(600);
    await arrived('q', 1);
  });

  it('is neither lost nor there twice after a kill that follows its release', async () => {
    session.declareQueue('q', DURABLE);
    delay('q', 'once', 100);
    pass(140);
    expect(session.checkQueue('q').messages).toBe(1);
    await safe(session);
    await afterKill();
    pass(1_000);
    expect(session.checkQueue('q').messages).toBe(1);
  });

  it('comes after an orderly stop, also when it came due meanwhile', async () => {
    session.declareQueue('q', DURABLE);
    delay('q', 'overdue', 1_000);
    delay('q', 'later', 60_000);
    await restart();
    clock.advance(5_000);
    await restart();
    pass(40);
    await arrived('q', 1);
    pass(60_000);
    await arrived('q', 2);
  });

  it('keeps its time through checkpoints that are written while others come due', async () => {
    options = {
      clock,
      log: { segmentBytes: 65_536, blockBytes: 8_192, checkpointBytes: 65_536, checkpointSliceBytes: 512 },
    };
    await restart();
    session.declareQueue('q', DURABLE);
    for (let i = 0; i < 600; i++) delay('q', `${i}`.padStart(400, ' '), 100 + i * 10);
    pass(3_000);
    await safe(session);
    const before = session.checkQueue('q').messages;
    expect(before).toBeGreaterThan(250);
    await restart();
    expect(session.checkQueue('q').messages).toBe(before);
    pass(4_000);
    const seen = consume(session, 'q', { settled: true });
    await until(() => {
      turns();
      return seen.bodies.length >= 600;
    });
    expect(seen.bodies.map((body) => Number(body))).toEqual(Array.from({ length: 600 }, (_, i) => i));
  });

  it('is read back when it had to leave memory', async () => {
    options = { clock, log: { segmentBytes: 65_536, blockBytes: 8_192, residentBytesMax: 16_384 } };
    await restart();
    session.declareQueue('q', DURABLE);
    for (let i = 0; i < 200; i++) delay('q', `${i}`.padStart(1_000, ' '), 1_000);
    await safe(session);
    pass(1_100);
    await arrived('q', 200);
    const seen = consume(session, 'q', { settled: true });
    await until(() => {
      turns();
      return seen.bodies.length >= 200;
    });
    expect(seen.bodies.map((body) => Number(body))).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('is read back in the order of the disk, and routed in the order of time', async () => {
    options = { clock, log: { segmentBytes: 65_536, blockBytes: 8_192, residentBytesMax: 16_384 } };
    await restart();
    session.declareQueue('q', DURABLE);
    const due = (i: number): number => 1_000 + ((i * 7_919) % 500);
    for (let i = 0; i < 500; i++) delay('q', `${i}`.padStart(1_000, ' '), due(i));
    await safe(session);
    pass(1_600);
    await arrived('q', 500);
    const seen = consume(session, 'q', { settled: true });
    await until(() => {
      turns();
      return seen.bodies.length >= 500;
    });
    const order = Array.from({ length: 500 }, (_, i) => i).sort((a, b) => due(a) - due(b) || a - b);
    expect(seen.bodies.map((body) => Number(body))).toEqual(order);
  });

  it('is retained when it is due, not before', () => {
    session.declareQueue('q', DURABLE);
    delay('a/b', 'kept', 100, { exchange: 'amq.topic', retain: true, spelling: 1 });
    const spec = { spelling: 1 as const, arguments: [] };
    expect(replayed(session, 'q', 'a/b', spec)).toBe(0);
    pass(120);
    expect(replayed(session, 'q', 'a/b', spec)).toBe(1);
  });

  it('goes to each of several keys, each queue once, also after a kill', async () => {
    for (const name of ['q1', 'q2']) session.declareQueue(name, DURABLE);
    const draft = makeDraft('m');
    draft.delayMs = 1_000;
    session.publish(session.routeAll('', 0, ['q1', 'q2', 'q1', 'nowhere']), draft);
    await safe(session);
    await afterKill();
    pass(1_100);
    await arrived('q1', 1);
    await arrived('q2', 1);
  });

  it('keeps a large body, also after a kill', async () => {
    session.declareQueue('q', DURABLE);
    const length = INLINE_BODY_BYTES + 10;
    const draft = makeDraft('');
    const writer = session.openBody(length, true);
    writer.append(Buffer.alloc(length, 7), 0, length);
    draft.large = writer;
    draft.delayMs = 1_000;
    const key = Buffer.from('q');
    session.publish(session.route('', 0, key, 0, 1), draft);
    await safe(session);
    await afterKill();
    pass(1_100);
    let bytes = 0;
    const sink = {
      deliver(view: { large: unknown; bodyLength: number }): void {
        expect(view.large).not.toBeNull();
        bytes = view.bodyLength;
      },
      cancelled(): void {},
    };
    session.consume(
      'q',
      { tag: 'c', settled: true, exclusive: false, prefetch: 0, arguments: [] },
      sink,
      NO_BACKPRESSURE,
    );
    await until(() => {
      turns();
      return bytes > 0;
    });
    expect(bytes).toBe(length);
  });

  it('is part of its transaction', () => {
    session.declareQueue('q', TRANSIENT);
    const key = Buffer.from('q');
    const publish = (): ReturnType<Session['transaction']> => {
      const transaction = session.transaction();
      const draft = makeDraft('m');
      draft.delayMs = 100;
      transaction.publish(session.route('', 0, key, 0, 1), draft);
      return transaction;
    };
    publish().rollback();
    publish().commit();
    pass(140);
    expect(session.checkQueue('q').messages).toBe(1);
  });

  it('goes nowhere when its exchange is gone by then', () => {
    const plain = { durable: true, autoDelete: false, internal: false, arguments: [] };
    session.declareExchange('x', 'fanout', plain);
    delay('k', 'm', 100, { exchange: 'x' });
    session.deleteExchange('x', false);
    pass(140);
    session.declareExchange('x', 'fanout', plain);
    session.declareQueue('q', TRANSIENT);
    session.bindQueue('q', 'x', '', { spelling: 0, arguments: [] });
    pass(200);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('waits a month', () => {
    session.declareQueue('q', TRANSIENT);
    const month = 30 * 24 * 3_600_000;
    delay('q', 'm', month);
    for (let gone = 0; gone < month - 3_600_000; gone += 3_600_000) {
      clock.advance(3_600_000);
      turns();
    }
    expect(session.checkQueue('q').messages).toBe(0);
    clock.advance(3_600_000);
    turns();
    expect(session.checkQueue('q').messages).toBe(1);
  });
});
