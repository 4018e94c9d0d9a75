/** What the adapter does when the core says "not now", "no" or nothing yet: the core's answers are the test's own here. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MARK_REFUSED, type Refusal } from '../../../../src/api/index.ts';
import type { Session } from '../../../../src/api/session.ts';
import { NO_LOGGER } from '../../../../src/logger.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header, RawClient } from '../raw-client.ts';

let harness: StompHarness;
/** The sessions of the clients that connected, in order. */
let sessions: Session[];
/** Answers to CONNECT wait here when a test asks for it. */
let answers: (() => void)[] | null;
beforeEach(async () => {
  harness = await StompHarness.start();
  sessions = [];
  answers = null;
  const { broker } = harness;
  const open = broker.open.bind(broker);
  broker.open = (request, client, done) => {
    open(request, client, (result: Session | Refusal) => {
      if (!('refused' in result)) sessions.push(result);
      if (answers === null) done(result);
      else answers.push(() => done(result));
    });
  };
});
afterEach(() => harness.stop());

const hold = (session: Session, congested: boolean): void => {
  Object.defineProperty(session, 'congested', { value: congested, configurable: true });
  if (!congested) session.client.uncongested();
};

/** The first client's connection has stopped taking frames. */
const gateClosed = (): Promise<void> => until(() => harness.internals().gate.reasons !== 0, 'the gate to be closed');

describe('while publishers are held back', () => {
  test('a SEND waits, frames before it are taken, and nothing is lost afterwards', async () => {
    const client = await harness.open();
    hold(sessions[0]!, true);
    client.write('BEGIN\ntransaction:t\nreceipt:before\n\n\0');
    client.write(
      Array.from({ length: 3_000 }, (_, i) => `SEND\ndestination:/queue/q\nreceipt:${i}\n\n${'x'.repeat(100)}\0`).join(
        '',
      ),
    );
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('before');
    const core = await harness.session();
    await gateClosed();
    expect(core.queueExists('q')).toBe(false);
    hold(sessions[0]!, false);
    for (let i = 0; i < 3_000; i++) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(`${i}`);
    expect(core.checkQueue('q').messages).toBe(3_000);
  });

  test('a large body that has begun goes on later', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    const body = 'y'.repeat(3_000_000);
    client.write(`SEND\ndestination:/queue/q\ncontent-length:${body.length}\n\n${body.slice(0, 1_000_000)}`);
    await until(() => sessions.length === 1);
    hold(sessions[0]!, true);
    client.write(`${body.slice(1_000_000)}\0SEND\ndestination:/queue/q\n\nafter\0`);
    await gateClosed();
    hold(sessions[0]!, false);
    expect((await client.next('MESSAGE')).body.toString() === body).toBe(true);
    expect((await client.next('MESSAGE')).body.toString()).toBe('after');
  });

  test('consumers are served and may settle', async () => {
    const publisher = await harness.open();
    const consumer = await harness.open();
    await consumer.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', ack: 'client', 'prefetch-count': '1' });
    publisher.send('SEND', { destination: '/queue/q' }, '1');
    publisher.send('SEND', { destination: '/queue/q' }, '2');
    const first = await consumer.next('MESSAGE');
    for (const session of sessions) hold(session, true);
    await consumer.confirmed('ACK', { id: header(first, 'ack')! });
    expect((await consumer.take('MESSAGE')).body.toString()).toBe('2');
  });
});

describe('what cannot be stored', () => {
  const refuse = (session: Session): void => {
    session.publish = () => MARK_REFUSED;
  };

  test("is refused with the receipt's id, after the receipts before it", async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
    client.send('SEND', { destination: '/queue/q', receipt: 'good' }, 'x');
    await client.next('RECEIPT');
    refuse(sessions[0]!);
    const error = await client.refused('SEND', { destination: '/queue/q', receipt: 'bad\\c' }, 'x');
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual(['Not stored', 'bad\\c']);
  });

  test('is counted where nobody asked for a receipt', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
    refuse(sessions[0]!);
    client.send('SEND', { destination: '/queue/q' }, 'x');
    await client.confirmed('BEGIN', { transaction: 't' });
    expect(harness.stats.refusedUnasked).toBe(1);
  });

  test('in a transaction is told at COMMIT, asked for or not', async () => {
    const client = await harness.open();
    sessions[0]!.transaction = () =>
      ({
        operations: 1,
        bytes: 1,
        prepare: (done: () => void) => done(),
        commit: () => MARK_REFUSED,
        rollback() {},
      }) as never;
    client.send('BEGIN', { transaction: 't' });
    expect(header(await client.refused('COMMIT', { transaction: 't' }), 'message')).toBe('Not stored');
  });
});

describe('an answer to CONNECT that comes late', () => {
  test('lets what was sent meanwhile go on', async () => {
    answers = [];
    const client = await RawClient.dial(harness.port);
    client.write('CONNECT\naccept-version:1.2\nhost:/\n\n\0SEND\ndestination:/queue/q\nreceipt:1\n\nx\0');
    await until(() => answers!.length === 1);
    client.write('SEND\ndestination:/queue/q\nreceipt:2\n\nx\0');
    expect(client.frames).toEqual([]);
    answers[0]!();
    await client.next('CONNECTED');
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('1');
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('2');
  });

  test('finds nobody when the client has gone, and leaves no session behind', async () => {
    answers = [];
    const client = await RawClient.dial(harness.port);
    client.send('CONNECT', { 'accept-version': '1.2', host: '/' });
    await until(() => answers!.length === 1);
    const closed = new Promise<void>((resolve) => {
      const handler = harness.handlers[0]!;
      const original = handler.closed.bind(handler);
      handler.closed = () => {
        original();
        resolve();
      };
    });
    client.cut();
    await closed;
    answers[0]!();
    expect(harness.broker.sessionCount).toBe(0);
  });
});

test('a client that is closed by an operator is told why', async () => {
  const client = await harness.open();
  sessions[0]!.client.kicked('maintenance');
  expect((await client.error()).body.toString()).toBe('maintenance\n');
});

test('a defect costs one connection, is counted, and is not kept quiet', async () => {
  await harness.stop();
  const errors: unknown[] = [];
  harness = await StompHarness.start(
    {},
    { logger: { ...NO_LOGGER, error: (fields) => errors.push((fields as { err: unknown }).err) } },
  );
  const { broker } = harness;
  const open = broker.open.bind(broker);
  broker.open = (request, client, done) =>
    open(request, client, (result) => {
      if (!('refused' in result) && request.client !== 'test') {
        result.publish = () => {
          throw new TypeError('a defect');
        };
      }
      done(result);
    });
  const client = await harness.open();
  const error = await client.refused('SEND', { destination: '/queue/q', receipt: 'r' }, 'x');
  expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual(['Internal error', 'r']);
  expect([harness.stats.internalErrors, (errors[0] as Error).message]).toEqual([1, 'a defect']);
});
