/** A message that the disk has damaged is nobody's: it is counted, said, kept for who repairs it, and holds up no other. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { REJECTED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { NO_LOGGER } from '../../../src/logger.ts';
import { until } from '../../support/until.ts';
import { consume, DURABLE, makeDraft, openSession, safe, send, startCore } from '../harness.ts';

let clock: ManualClock;
let broker: Broker;
let session: Session;
let directory: string;
let errors: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-unreadable-'));
  clock = new ManualClock();
  errors = [];
  broker = await startCore(join(directory, 'data'), {
    clock,
    logger: { ...NO_LOGGER, error: (_fields: object, text?: string) => void errors.push(text ?? '') },
    log: { segmentBytes: 65_536, blockBytes: 8_192, residentBytesMax: 16_384 },
  });
  session = openSession(broker);
  session.declareQueue('q', DURABLE);
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

/** So long that a block holds one, and memory but a few. */
const body = (i: number): string => `message ${i} ${'x'.repeat(5_000)}`;

/** Changes a bit of the message on the disk. */
function damage(i: number): void {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.log'));
  let found = 0;
  for (const name of files) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(`message ${i} `);
    if (at < 0) continue;
    bytes[at + 20]! ^= 1;
    writeFileSync(path, bytes);
    found++;
  }
  expect(found).toBe(1);
}

/** Until memory has given up what it can do without. */
const untilFewInMemory = (): Promise<void> =>
  until(() => {
    broker.turn.end();
    return broker.statistics()[0]!.log.residentBytes <= 32_768;
  }, 'a small log in memory');

const unreadable = (): number => broker.statistics()[0]!.counters.unreadable;

it('in a queue: the others come, in order', async () => {
  for (let i = 0; i < 20; i++) send(session, 'q', body(i));
  await safe(session);
  await untilFewInMemory();
  damage(3);
  const seen = consume(session, 'q', { settled: true });
  await until(() => {
    broker.turn.end();
    return seen.seen.length === 19;
  }, 'nineteen messages');
  expect(seen.bodies.map((text) => text.split(' ')[1])).toEqual(
    Array.from({ length: 20 }, (_, i) => `${i}`).filter((i) => i !== '3'),
  );
  expect(unreadable()).toBe(1);
  expect(errors.filter((text) => text === 'a message cannot be read back')).toHaveLength(1);
});

it('that has come back to its queue: the others come again, in order', async () => {
  for (let i = 0; i < 20; i++) send(session, 'q', body(i));
  const before = consume(session, 'q');
  broker.turn.end();
  expect(before.seen).toHaveLength(20);
  await safe(session);
  before.consumer.cancel();
  for (const { slot } of before.seen) before.consumer.settle(slot, RELEASED);
  await untilFewInMemory();
  damage(3);
  const { seen } = consume(session, 'q', { settled: true });
  await until(() => {
    broker.turn.end();
    return seen.length === 19;
  }, 'nineteen messages');
  expect(seen.map(({ body: text }) => Number(text.split(' ')[1]))).toEqual(
    Array.from({ length: 20 }, (_, i) => i).filter((i) => i !== 3),
  );
  expect(unreadable()).toBe(1);
  expect(errors).toEqual(['a message cannot be read back']);
});

it('that is refused: the others become dead letters, in order, and it is told of', async () => {
  session.declareQueue('dead', DURABLE);
  session.declareQueue('refusing', {
    ...DURABLE,
    arguments: [
      { name: 'x-dead-letter-exchange', value: '' },
      { name: 'x-dead-letter-routing-key', value: 'dead' },
    ],
  });
  for (let i = 0; i < 20; i++) send(session, 'refusing', body(i));
  const { seen, consumer } = consume(session, 'refusing');
  broker.turn.end();
  expect(seen).toHaveLength(20);
  await safe(session);
  await untilFewInMemory();
  damage(3);
  for (const { slot } of seen) consumer.settle(slot, REJECTED);
  await until(() => {
    broker.turn.end();
    return session.checkQueue('dead').messages === 19 && errors.length > 0;
  }, 'nineteen dead letters, and a word of the other');
  expect(unreadable()).toBe(1);
  expect(errors).toEqual(['a message cannot be read back']);
});

it('that waits for its time: the others come when they are due', async () => {
  const key = Buffer.from('q');
  for (let i = 0; i < 20; i++) {
    const draft = makeDraft(body(i));
    draft.delayMs = 1_000;
    session.publish(session.route('', 0, key, 0, 1), draft);
  }
  await safe(session);
  damage(3);
  clock.advance(1_100);
  await until(() => {
    broker.turn.end();
    return session.checkQueue('q').messages === 19;
  }, 'nineteen messages');
  expect(unreadable()).toBe(1);
  expect(errors.filter((text) => text === 'a delayed message cannot be read back')).toHaveLength(1);
  expect(broker.statistics()[0]!.delayed).toBe(1);
});
