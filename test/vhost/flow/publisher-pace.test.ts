/** Publishers that are faster than the consumers of their queue: who waits, for whom, and who does not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Consumer, DeliverySink } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Draft } from '../../../src/message/message.ts';
import { openSession, send, startCore, TRANSIENT } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startCore(null, { clock });
});

afterEach(() => broker.close());

/** A consumer whose connection takes so many messages a millisecond. */
class Reader implements DeliverySink {
  taken = 0;
  readonly output = { congested: false };
  consumer!: Consumer;
  private left = 0;
  private readonly aMs: number;

  constructor(session: Session, queue: string, aMs: number, settled = true) {
    this.aMs = aMs;
    const options = { tag: 't', settled, exclusive: false, prefetch: 0, arguments: [] };
    this.consumer = session.consume(queue, options, this, this.output);
    this.turn();
  }

  /** A millisecond has gone by. */
  turn(): void {
    this.left = this.aMs;
    this.output.congested = this.left === 0;
    this.consumer.wake();
  }

  deliver(_view: unknown, slot: number): void {
    this.taken++;
    if (slot >= 0) this.held.push(slot);
    if (--this.left === 0) this.output.congested = true;
  }

  cancelled(): void {}

  readonly held: number[] = [];
}

/** A client that publishes so many a millisecond, unless it is told to wait. */
class Writer {
  published = 0;
  readonly session: Session;
  private readonly queue: string;
  private readonly aMs: number;
  private readonly exchange: string;

  constructor(queue: string, aMs: number, exchange = '', session = openSession(broker)) {
    this.queue = queue;
    this.aMs = aMs;
    this.exchange = exchange;
    this.session = session;
  }

  turn(): void {
    for (let n = 0; n < this.aMs && !this.session.congested; n++) {
      send(this.session, this.queue, 'x', { persistent: false, exchange: this.exchange });
      this.published++;
    }
  }
}

function waiting(queue: string): number {
  return openSession(broker).checkQueue(queue).messages;
}

/** Lets milliseconds go by, one after the other. Returns the most that ever waited in `queue`. */
function run(ms: number, queue: string, ...clients: { turn(): void }[]): number {
  let most = 0;
  for (let n = 0; n < ms; n++) {
    clock.advance(1);
    for (const client of clients) client.turn();
    broker.turn.end();
    most = Math.max(most, waiting(queue));
  }
  return most;
}

describe('a publisher without confirms', () => {
  it('is held to the pace of consumers that keep asking, and what waits is what they take in a moment', () => {
    const session = openSession(broker);
    session.declareQueue('q', TRANSIENT);
    const reader = new Reader(session, 'q', 500);
    const writer = new Writer('q', 2000);
    expect(run(1000, 'q', writer, reader)).toBeLessThan(500 * 50);
    expect(reader.taken).toBeGreaterThan(490 * 1000); // nobody went short for it
    expect(writer.published - reader.taken).toBe(waiting('q'));
  });

  it('fills a queue that nobody reads at full speed', () => {
    openSession(broker).declareQueue('q', TRANSIENT);
    const writer = new Writer('q', 2000);
    run(100, 'q', writer);
    expect(writer.published).toBe(200_000);
  });

  it('does not wait for consumers that work on what they get, and so take little', () => {
    const session = openSession(broker);
    session.declareQueue('q', TRANSIENT);
    const reader = new Reader(session, 'q', 2);
    const writer = new Writer('q', 500);
    run(400, 'q', writer, reader);
    expect(writer.published).toBe(200_000);
  });

  it('goes on when consumers stop asking', () => {
    const session = openSession(broker);
    session.declareQueue('q', TRANSIENT);
    const reader = new Reader(session, 'q', 500);
    const writer = new Writer('q', 2000);
    run(200, 'q', writer, reader);
    reader.output.congested = true;
    const before = writer.published;
    run(300, 'q', writer);
    expect(writer.published - before).toBeGreaterThan(200 * 2000);
  });

  it('is not held by a slow reader beside a fast one of a queue of its own', () => {
    const session = openSession(broker);
    for (const name of ['fast', 'slow']) {
      session.declareQueue(name, TRANSIENT);
      session.bindQueue(name, 'amq.fanout', '', { spelling: 0, arguments: [] });
    }
    const fast = new Reader(session, 'fast', 1500);
    const slow = new Reader(session, 'slow', 50);
    const writer = new Writer('', 1000, 'amq.fanout');
    run(300, 'slow', writer, fast, slow);
    expect([writer.published, fast.taken]).toEqual([300_000, 300_000]);
  });

  it('keeps its pace beside a consumer of the same queue that has stopped reading', () => {
    const session = openSession(broker);
    session.declareQueue('q', TRANSIENT);
    const stuck = new Reader(session, 'q', 10);
    stuck.turn();
    const reader = new Reader(session, 'q', 500);
    const writer = new Writer('q', 2000);
    expect(run(500, 'q', writer, reader)).toBeLessThan(500 * 50);
    expect(reader.taken).toBeGreaterThan(480 * 500);
  });

  it('is let through at half the pace, not stopped, while a long backlog is worked off', () => {
    const session = openSession(broker);
    session.declareQueue('q', TRANSIENT);
    run(200, 'q', new Writer('q', 2000)); // 400,000 wait
    const reader = new Reader(session, 'q', 500);
    const writer = new Writer('q', 2000);
    run(500, 'q', writer, reader);
    expect(writer.published / 500).toBeGreaterThan(150);
    expect(writer.published / 500).toBeLessThan(400);
    expect(waiting('q')).toBeLessThan(400_000);
  });

  it('is not held while it has deliveries to settle: its acknowledgements would wait behind its messages', () => {
    const session = openSession(broker);
    session.declareQueue('q', TRANSIENT);
    const reader = new Reader(session, 'q', 500, false);
    const writer = new Writer('q', 2000, '', session);
    run(100, 'q', writer, reader);
    expect(reader.held.length).toBeGreaterThan(0);
    expect(writer.published).toBe(200_000);
  });

  it('goes on when the queue is deleted, and when its last consumer leaves', () => {
    for (const end of [
      (session: Session) => void session.deleteQueue('q', false, false),
      (_: Session, reader: Reader) => reader.consumer.cancel(),
    ]) {
      const session = openSession(broker);
      session.declareQueue('q', TRANSIENT);
      const reader = new Reader(session, 'q', 500);
      const writer = new Writer('q', 2000);
      for (let n = 0; !writer.session.congested; n++) {
        expect(n).toBeLessThan(1000);
        run(1, 'q', reader, writer);
      }
      end(session, reader);
      expect(writer.session.congested).toBe(false);
      session.deleteQueue('q', false, false);
    }
  });

  it('is not made to wait for what another published in a transaction', () => {
    const session = openSession(broker);
    session.declareQueue('q', TRANSIENT);
    session.declareQueue('other', TRANSIENT);
    const reader = new Reader(session, 'q', 500);
    const writer = new Writer('q', 2000);
    while (!writer.session.congested) run(1, 'q', reader, writer);
    const committing = openSession(broker);
    const key = Buffer.from('q');
    const transaction = committing.transaction();
    for (const _ of [1, 2]) {
      const route = committing.route('', 0, key, 0, 1);
      transaction.publish(route, Object.assign(makeEmptyDraft(), { assurance: 0 as const }));
    }
    transaction.commit();
    const bystander = openSession(broker);
    send(bystander, 'other', 'x', { persistent: false });
    expect(bystander.congested).toBe(false);
  });
});

function makeEmptyDraft() {
  const draft = new Draft();
  draft.dialect = 9;
  return draft;
}
