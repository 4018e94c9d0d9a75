/**
 * Random histories against a model: appends, units, flushes, releases, stops, kills and power failures, life after life.
 * Whatever happens: nothing confirmed and still referred to is lost, nothing appears that was not written, order is kept,
 * a unit is there whole or not at all, and what is missing is missing from the end.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogOptions } from '../../src/log/log.ts';
import { MESSAGE, TestLog } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

type Step =
  | { kind: 'append'; bytes: number }
  | { kind: 'unit'; sizes: number[] }
  | { kind: 'safe' }
  | { kind: 'turn' }
  | { kind: 'release'; share: number }
  | { kind: 'read'; share: number }
  | { kind: 'end'; how: 'stop' | 'kill' | 'power'; seed: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('append' as const), bytes: fc.integer({ min: 0, max: 400 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('unit' as const),
      sizes: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'safe' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'turn' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('release' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('read' as const), share: fc.double({ min: 0, max: 0.99, noNaN: true }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      how: fc.constantFrom('stop' as const, 'kill' as const, 'power' as const),
      seed: fc.integer(),
    }),
  },
);

interface Written {
  readonly seq: number;
  readonly text: string;
  /** Records of one unit have the same one. */
  readonly unit: number;
  readonly mark: number;
  live: boolean;
}

/** A small generator of its own, so that one seed decides what a power failure keeps. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

const OPTIONS: Partial<LogOptions> = { residentBytesMax: 3072 };

async function run(steps: readonly Step[], lies = false): Promise<void> {
  let files = new MemoryFiles();
  files.lies = lies;
  let it = await TestLog.open(files, OPTIONS);
  let written: Written[] = [];
  let units = 0;
  let serial = 0;
  const write = (bytes: number, unit: number): void => {
    const text = `${serial++}:${'x'.repeat(bytes)}`;
    const seq = it.message(text);
    written.push({ seq, text, unit, mark: it.log.mark, live: true });
  };
  for (const now of steps) {
    if (now.kind === 'append') write(now.bytes, units++);
    else if (now.kind === 'unit') {
      it.log.beginUnit();
      for (const bytes of now.sizes) write(bytes, units);
      it.log.endUnit();
      units++;
    } else if (now.kind === 'safe') await it.safe();
    else if (now.kind === 'turn') await new Promise((resolve) => setImmediate(resolve));
    else if (now.kind === 'release') {
      const count = Math.floor(now.share * written.length);
      for (const record of written.slice(0, count)) {
        if (!record.live) continue;
        record.live = false;
        it.log.release(record.seq, 1);
      }
      it.note('released');
    } else if (now.kind === 'read') {
      const record = written[Math.floor(now.share * written.length)];
      if (record?.live) expect(await it.read(record.seq)).toBe(record.text);
    } else {
      const { syncedMark } = it.log;
      if (now.how === 'stop') await it.close();
      const random = randomFrom(now.seed);
      const safeMark = now.how === 'stop' ? Number.POSITIVE_INFINITY : syncedMark;
      files = now.how === 'power' ? files.afterPowerLoss(random) : files.afterKill();
      files.lies = lies;
      it = await TestLog.open(files, OPTIONS);
      const problems = it.events.filter(({ kind }) => kind === 'rot' || kind === 'header-rot');
      expect(problems).toEqual([]);
      expect(it.log.recovered.clean).toBe(now.how === 'stop');
      const back = new Map(
        it.replayed.filter(({ type }) => type === MESSAGE).map(({ seq, text }) => [seq, text] as const),
      );
      const order = [...back.keys()];
      expect(order).toEqual([...order].sort((a, b) => a - b));
      // No phantom, no wrong bytes.
      const known = new Map(written.map((record) => [record.seq, record]));
      for (const [seq, text] of back) expect(known.get(seq)?.text).toBe(text);
      // Nothing confirmed and still needed is lost.
      const lost = written.filter((record) => record.live && record.mark <= safeMark && !back.has(record.seq));
      expect(lost).toEqual([]);
      // What is missing is missing from the end, whole units only.
      const last = order.at(-1) ?? 0;
      const holes = written.filter((record) => record.live && record.seq < last && !back.has(record.seq));
      expect(holes).toEqual([]);
      const torn = written.filter(
        (r) => back.has(r.seq) && written.some((o) => o.unit === r.unit && o.live && !back.has(o.seq)),
      );
      expect(torn).toEqual([]);
      written = written.filter((record) => back.has(record.seq)).map((record) => ({ ...record, mark: 0 }));
      for (const record of written) if (record.live) it.log.addLive(record.seq, 1);
      for (const record of written) if (record.live) expect(await it.read(record.seq)).toBe(record.text);
    }
  }
  await it.close();
}

test('no history loses what was confirmed, brings back what was not written, or splits a unit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) =>
      run([...steps, { kind: 'end', how: 'power', seed: steps.length }, { kind: 'end', how: 'stop', seed: 1 }]),
    ),
    { numRuns: Number(process.env.LOG_HISTORIES ?? 150) },
  );
}, 600_000);

test('the model notices a disk that confirms what it has not synced', async () => {
  const result = await fc.check(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) =>
      run([...steps, { kind: 'safe' }, { kind: 'end', how: 'power', seed: steps.length }], true),
    ),
    { numRuns: 50, endOnFailure: true },
  );
  expect(result.failed).toBe(true);
});
