/** What is noted of messages: kept within a bound, written in the unit of what happened, and read back after a kill and a restart. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACCEPTED, MODIFIED } from '../../../src/api/index.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { NOTE_ACCEPTED, NOTE_ARRIVED, NOTE_DELIVERED, NOTE_FAILED } from '../../../src/queue/passport-notes.ts';
import { dump, logsIn } from '../../../src/vhost/journal/offline.ts';
import { readPassportEvents, writePassportEvents } from '../../../src/vhost/journal/records/passports.ts';
import { type PassportEvent, PassportEvents } from '../../../src/vhost/passports/events.ts';
import { textHash } from '../../../src/vhost/passports/text-hash.ts';
import { RecoveredPassports } from '../../../src/vhost/recovery/recovered-passports.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import {
  consume,
  DURABLE,
  openSession,
  queueArguments,
  safe,
  send,
  startCore,
  TRANSIENT,
  vhostOf,
} from '../harness.ts';

const NOTED = queueArguments({ 'x-passport': true });
const event = (seq: number, rest: Partial<PassportEvent> = {}): PassportEvent => ({
  ...{ what: NOTE_ARRIVED, seq, queue: 1, atMs: seq, detail: 0, by: null, durable: true },
  ...rest,
});

describe('the ring of events', () => {
  it('keeps the newest ones up to its bound, and none where that is 0', () => {
    for (const max of [1, 5, 1_500, 5_000]) {
      const ring = new PassportEvents(max);
      for (let seq = 1; seq <= 4_000; seq++) ring.add(event(seq));
      expect(ring.size).toBe(Math.min(max, 4_000));
      expect(ring.at(ring.first).seq).toBe(4_001 - Math.min(max, 4_000));
      expect(ring.at(ring.next - 1).seq).toBe(4_000);
    }
    const none = new PassportEvents(0);
    none.add(event(1));
    expect(none.size).toBe(0);
  });
});

describe('records of events', () => {
  const names = fc.record({
    ...{ protocol: fc.constantFrom('', 'amqp', 'mqtt'), user: fc.string({ maxLength: 40, unit: 'grapheme' }) },
    ...{ client: fc.string({ maxLength: 40 }), consumer: fc.string({ maxLength: 40 }) },
  });
  const events = fc.array(names, { minLength: 1, maxLength: 5 }).chain((parties) =>
    fc.array(
      fc.record({
        ...{ what: fc.integer({ min: 1, max: 13 }), seq: fc.integer({ min: 1, max: 2 ** 47 }) },
        ...{ queue: fc.integer({ min: 1, max: 2 ** 32 - 1 }), atMs: fc.integer({ min: 0, max: 2 ** 47 }) },
        ...{ detail: fc.integer({ min: 0, max: 2 ** 52 }), durable: fc.constant(true) },
        by: fc.constantFrom(null, ...parties),
      }),
      { maxLength: 40 },
    ),
  );

  const parts = fc.option(fc.record({ first: fc.boolean(), last: fc.boolean() }));

  it('are read back as they were written, in as many records as it takes', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 700, max: 5_000 }), parts, (given, recordBytesMax, part) => {
        const buffer = Buffer.alloc(512 * 1024, 0xee);
        const records: [number, number][] = [];
        let at = 3;
        const append = (_type: number, bytes: number): number => {
          expect(bytes).toBeLessThanOrEqual(recordBytesMax);
          records.push([at, at + bytes]);
          at += bytes + 1;
          return at - bytes - 1;
        };
        writePassportEvents({ buffer, recordBytesMax, append }, given, part);
        const read = records.map(([start, end]) => readPassportEvents(buffer, start, end));
        expect(read.flatMap((one) => one.events)).toEqual(given);
        // Only the first of them begins a checkpoint's, and only the last ends them.
        expect(read.map((one) => one.part)).toEqual(
          read.map((_, i) => {
            if (part === null) return null;
            return { first: part.first && i === 0, last: part.last && i === read.length - 1 };
          }),
        );
        expect(read.length > 0).toBe(given.length > 0 || part !== null);
      }),
    );
  });
});

describe('what recovery makes of a checkpoint', () => {
  const seqsOf = ({ events }: RecoveredPassports): number[] =>
    Array.from({ length: events.size }, (_, i) => events.at(events.first + i).seq);
  const some = (...seqs: number[]): PassportEvent[] => seqs.map((seq) => event(seq));

  it('is nothing if it was cut short: what it had not come to is still known', () => {
    const passports = new RecoveredPassports(100);
    passports.take({ events: some(1, 2, 3, 4), part: null });
    passports.take({ events: some(1, 2), part: { first: true, last: false } });
    passports.take({ events: some(5), part: null });
    expect(seqsOf(passports)).toEqual([1, 2, 3, 4, 5]);
    passports.take({ events: some(1, 2, 3), part: { first: true, last: false } });
    passports.take({ events: some(6), part: null });
    passports.take({ events: some(4, 5), part: { first: false, last: true } });
    passports.take({ events: some(7), part: null });
    // What has happened meanwhile comes behind what the checkpoint repeats.
    expect(seqsOf(passports)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('of an earlier build is what its first record says', () => {
    const buffer = Buffer.alloc(100);
    const append = (): number => 0;
    writePassportEvents({ buffer, recordBytesMax: 90, append }, some(9), { first: true, last: true });
    buffer[0] = 1;
    const passports = new RecoveredPassports(100);
    passports.take({ events: some(1), part: null });
    passports.take(readPassportEvents(buffer, 0, 30));
    passports.take({ events: some(10), part: null });
    expect(seqsOf(passports)).toEqual([9, 10]);
  });
});

it('ids are told apart, and are the same number everywhere', () => {
  expect(textHash('order-1')).toBe(textHash('order-1'));
  const many = new Set(Array.from({ length: 100_000 }, (_, i) => textHash(`order-${i}`)));
  expect(many.size).toBe(100_000);
  for (const hash of [textHash(''), ...many]) expect(Number.isSafeInteger(hash) && hash > 0).toBe(true);
});

it('a message that was got, and whose client goes before it settles it, is there again', async () => {
  const broker = await startCore(null, { clock: new ManualClock() });
  const session = openSession(broker);
  session.declareQueue('q', { ...DURABLE, arguments: NOTED });
  send(session, 'q', 'got');
  const other = openSession(broker);
  const sink = { deliver() {}, cancelled() {} };
  other.get('q', false, sink, () => {});
  broker.turn.end();
  expect(session.checkQueue('q').messages).toBe(0);
  other.close(false);
  broker.turn.end();
  expect(session.checkQueue('q').messages).toBe(1);
  await broker.close();
});

describe('after a kill', () => {
  it('each settlement has its note, and no note speaks of what has not happened', () =>
    withTemporaryDirectory(async (directory) => {
      const clock = new ManualClock();
      const broker = await startCore(join(directory, 'data'), { clock });
      const session = openSession(broker);
      session.declareQueue('q', { ...DURABLE, arguments: NOTED });
      for (const body of ['a', 'b', 'c']) send(session, 'q', body);
      const reader = consume(session, 'q');
      broker.turn.end();
      reader.consumer.settle(reader.seen[0]!.slot, ACCEPTED);
      reader.consumer.settle(reader.seen[1]!.slot, MODIFIED);
      await safe(session);
      cpSync(join(directory, 'data', 'vhosts'), join(directory, 'copy', 'vhosts'), { recursive: true });
      await broker.close();

      const again = await startCore(join(directory, 'copy'), { clock });
      const vhost = vhostOf(openSession(again));
      const whats = (seq: number): number[] => vhost.passports.of([seq]).events.map(({ what }) => what);
      const first = vhost.topology.queues.get('q')!;
      expect(first.messages).toBe(2);
      const seqs = [...new Set(vhost.passports.of([1, 2, 3, 4, 5, 6]).events.map(({ seq }) => seq))];
      expect(seqs).toHaveLength(3);
      expect(whats(seqs[0]!)).toEqual([NOTE_ARRIVED, NOTE_DELIVERED, NOTE_ACCEPTED]);
      expect(whats(seqs[1]!)).toEqual([NOTE_ARRIVED, NOTE_DELIVERED, NOTE_FAILED, NOTE_DELIVERED]);
      expect(whats(seqs[2]!)).toEqual([NOTE_ARRIVED, NOTE_DELIVERED]);
      await again.close();
    }));

  it('a checkpoint repeats what was noted, once, while more is noted', () =>
    withTemporaryDirectory(async (directory) => {
      const clock = new ManualClock();
      const log = { checkpointBytes: 64 * 1024, checkpointSliceBytes: 1_024, segmentBytes: 1024 * 1024 };
      const broker = await startCore(join(directory, 'data'), { clock, log });
      const session = openSession(broker);
      session.declareQueue('q', { ...DURABLE, arguments: NOTED });
      session.declareQueue('passing', { ...TRANSIENT, arguments: NOTED });
      const reader = consume(session, 'q', { settled: true });
      send(session, 'passing', 'x', { persistent: false });
      const vhost = vhostOf(session);
      // Several checkpoints, with events before, between their steps and behind them.
      for (let round = 0; round < 60; round++) {
        for (let i = 0; i < 50; i++) send(session, 'q', 'x'.repeat(100));
        broker.turn.end();
        await safe(session);
      }
      expect(reader.seen).toHaveLength(3_000);
      const known = (of: typeof vhost): string[] => {
        const { events } = of.passports;
        const lines: string[] = [];
        for (let number = events.first; number < events.next; number++) {
          const { seq, what, durable } = events.at(number);
          if (durable) lines.push(`${seq} ${what}`);
        }
        return lines.sort();
      };
      const expected = known(vhost);
      expect(expected).toHaveLength(9_000);
      cpSync(join(directory, 'data', 'vhosts'), join(directory, 'copy', 'vhosts'), { recursive: true });
      await broker.close();
      for (const data of ['copy', 'data']) {
        const again = await startCore(join(directory, data), { clock, log });
        expect(known(vhostOf(openSession(again)))).toEqual(expected);
        await again.close();
      }
      const lines: Record<string, unknown>[] = [];
      for (const one of await logsIn(join(directory, 'copy')))
        await dump(one, undefined, (text) => lines.push(JSON.parse(text)));
      expect(lines.some(({ what }) => what === 'passport events')).toBe(true);
    }));
});
