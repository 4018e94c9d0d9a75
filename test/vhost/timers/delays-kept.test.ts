/** What a delayed message keeps until it is due, and how a checkpoint holds many of them. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeliverySink, NO_BACKPRESSURE } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Draft, MessageView } from '../../../src/message/message.ts';
import { until } from '../../support/until.ts';
import { DURABLE, makeDraft, openSession, queueArguments, safe, startCore, TRANSIENT } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-delays-'));
  clock = new ManualClock();
  await open(join(directory, 'data'));
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(data: string, options: Partial<StartOptions> = {}): Promise<void> {
  broker = await startCore(data, { clock, ...options });
  session = openSession(broker);
}

/** What a kill would leave behind, as of now. */
async function afterKill(): Promise<void> {
  const copy = join(directory, 'copy');
  cpSync(join(directory, 'data', 'vhosts'), join(copy, 'vhosts'), { recursive: true });
  await broker.close();
  await open(copy);
}

async function restart(): Promise<void> {
  await broker.close();
  await open(join(directory, 'data'));
}

function delay(key: string, draft: Draft, delayMs: number): void {
  const bytes = Buffer.from(key);
  draft.delayMs = delayMs;
  session.publish(session.route('', 0, bytes, 0, bytes.length), draft);
}

function pass(ms: number): void {
  for (let gone = 0; gone < ms; gone += 20) {
    clock.advance(20);
    for (let i = 0; i < 4; i++) broker.turn.end();
  }
}

function reading<T>(queue: string, read: (view: MessageView) => T): T[] {
  const seen: T[] = [];
  const sink: DeliverySink = { deliver: (view) => seen.push(read(view)), cancelled() {} };
  const options = { tag: 'r', settled: true, exclusive: false, prefetch: 0, arguments: [] };
  session.consume(queue, options, sink, NO_BACKPRESSURE);
  broker.turn.end();
  return seen;
}

describe('a delayed message with a time to live', () => {
  it('begins to live when it is due: its delay does not count', () => {
    session.declareQueue('q', TRANSIENT);
    delay('q', makeDraft('m', { ttlMs: 200 }), 1_000);
    pass(1_040);
    expect(session.checkQueue('q').messages).toBe(1);
    pass(140);
    expect(session.checkQueue('q').messages).toBe(1);
    pass(60);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('has the same time to live after a start that follows a kill', async () => {
    session.declareQueue('q', DURABLE);
    delay('q', makeDraft('m', { ttlMs: 200 }), 1_000);
    await safe(session);
    await afterKill();
    pass(1_020);
    await until(() => {
      for (let i = 0; i < 4; i++) broker.turn.end();
      return session.checkQueue('q').messages === 1;
    }, 'the message to be due');
    pass(140);
    expect(session.checkQueue('q').messages).toBe(1);
    pass(80);
    expect(session.checkQueue('q').messages).toBe(0);
  });

  it('lives for ever when it has none', () => {
    session.declareQueue('q', TRANSIENT);
    delay('q', makeDraft('m'), 100);
    pass(120);
    pass(100_000);
    expect(session.checkQueue('q').messages).toBe(1);
  });
});

describe('a delayed message', () => {
  it('keeps its priority, its group, its dialect and its properties', () => {
    session.declareQueue('q', { ...TRANSIENT, arguments: queueArguments({ 'x-max-priority': 9 }) });
    const low = makeDraft('low', { priority: 1 });
    const high = makeDraft('high', { priority: 8, assurance: 2 });
    high.dialect = 42;
    high.grouped = true;
    high.props = Buffer.from('properties');
    high.propsEnd = 10;
    delay('q', low, 100);
    delay('q', high, 100);
    pass(140);
    const seen = reading('q', (view) => ({
      body: view.body.toString('utf8', view.bodyStart, view.bodyEnd),
      priority: view.priority,
      grouped: view.grouped,
      dialect: view.dialect,
      assurance: view.assurance,
      props: view.props.toString('utf8', view.propsStart, view.propsEnd),
    }));
    expect(seen).toEqual([
      { body: 'high', priority: 8, grouped: true, dialect: 42, assurance: 2, props: 'properties' },
      { body: 'low', priority: 1, grouped: false, dialect: 9, assurance: 1, props: '' },
    ]);
  });

  it('carries nothing of the one that came due before it', () => {
    session.declareQueue('q', TRANSIENT);
    const first = makeDraft('a much longer body', { priority: 7, ttlMs: 50, retain: true });
    first.grouped = true;
    first.props = Buffer.from('long properties');
    first.propsEnd = 15;
    delay('q', first, 100);
    delay('q', makeDraft('b'), 100);
    pass(120);
    pass(100);
    const seen = reading('q', (view) => [
      view.body.toString('utf8', view.bodyStart, view.bodyEnd),
      view.priority,
      view.grouped,
      view.propsEnd - view.propsStart,
    ]);
    expect(seen).toEqual([['b', -1, false, 0]]);
  });
});

describe('ten thousand delayed messages', () => {
  const COUNT = 10_000;

  it('are all in a checkpoint, in more than one piece, those alone that still wait', async () => {
    session.declareQueue('q', DURABLE);
    for (let i = 0; i < COUNT; i++) delay('q', makeDraft(`${i}`), i % 10 === 0 ? 100 : 10_000 + i);
    pass(2_000);
    expect(session.checkQueue('q').messages).toBe(COUNT / 10);
    await restart();
    expect(session.checkQueue('q').messages).toBe(COUNT / 10);
    clock.advance(30_000);
    await until(() => {
      for (let i = 0; i < 4; i++) broker.turn.end();
      return session.checkQueue('q').messages >= COUNT;
    }, 'all of them');
    const seen = reading('q', (view) => Number(view.body.toString('utf8', view.bodyStart, view.bodyEnd)));
    await until(() => {
      broker.turn.end();
      return seen.length >= COUNT;
    }, 'all of them');
    const early = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 10 === 0);
    const late = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 10 !== 0);
    expect(seen).toEqual([...early, ...late]);
  });
});
