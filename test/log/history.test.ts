/**
 * Random histories against a model: appends, units, flushes, releases, checkpoints in slices, rewriting, reclaiming, stops,
 * kills and power failures, life after life.
 * Whatever happens: nothing confirmed and still referred to is lost, nothing appears that was not written, order is kept,
 * a unit is there whole or not at all, and what is missing is missing from the end.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MESSAGE, NOTE, TestLog } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

type Step =
  | { kind: 'append'; bytes: number }
  | { kind: 'unit'; sizes: number[] }
  | { kind: 'safe' }
  | { kind: 'turn' }
  | { kind: 'release'; share: number }
  | { kind: 'read'; share: number }
  | { kind: 'checkpoint'; slices: number }
  | { kind: 'slice' }
  | { kind: 'tick'; ticks: number }
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
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), slices: fc.integer({ min: 0, max: 3 }) }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'slice' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('tick' as const), ticks: fc.integer({ min: 1, max: 60 }) }),
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
  /** The mark of its release. */
  releaseMark: number;
}

/** Numbers in texts that fit in a record. */
function texts(numbers: readonly number[]): string[] {
  const found: string[] = [];
  for (let from = 0; from < numbers.length; from += 100) found.push(numbers.slice(from, from + 100).join());
  return found;
}

const numbersIn = (text: string): number[] => (text === '' ? [] : text.split(',').map(Number));

/** What an owner makes of its log: the numbers that are still referred to. */
function fold(it: TestLog): Set<number> {
  let live = new Set<number>();
  for (const { type, seq, text } of it.replayed) {
    if (type === MESSAGE) live.add(seq);
    else if (type === NOTE) for (const gone of numbersIn(text)) live.delete(gone);
    else {
      // A slice of a checkpoint: `!` begins the list of what is live as of there, `+` goes on with it.
      if (text[0] === '!') live = new Set();
      for (const there of numbersIn(text.slice(1))) live.add(there);
    }
  }
  return live;
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

const counts = { checkpoints: 0, cutShort: 0, rewritten: 0, reclaimed: 0, grouped: 0 };

/** @param groups as many queues have a message each in turn; 1: nothing is brought together */
async function run(steps: readonly Step[], groups = 1, lies = false): Promise<void> {
  let files = new MemoryFiles();
  files.lies = lies;
  let written: Written[] = [];
  const open = (): Promise<TestLog> =>
    TestLog.open(files, {
      residentBytesMax: 3072,
      liveIn: (first, last, done) => {
        const live = new Set(written.filter((r) => r.live && r.seq >= first && r.seq <= last).map(({ seq }) => seq));
        done(
          (seq) => live.has(seq),
          (seq) => seq % groups,
        );
      },
    });
  let it = await open();
  it.log.referencesCounted();
  let units = 0;
  let serial = 0;
  let slices = -1;
  const write = (bytes: number, unit: number): void => {
    const text = `${serial++}:${'x'.repeat(bytes)}`;
    const seq = it.message(text);
    written.push({ seq, text, unit, mark: it.log.mark, live: true, releaseMark: 0 });
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
    else if (now.kind === 'tick') {
      for (let i = 0; i < now.ticks; i++) {
        it.clock.advance(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } else if (now.kind === 'release') {
      // Every third stays, so that there is something to rewrite.
      const some = written.slice(0, Math.floor(now.share * written.length)).filter((r) => r.live && r.seq % 3 !== 0);
      for (const text of texts(some.map(({ seq }) => seq))) it.note(text);
      for (const record of some) {
        record.live = false;
        record.releaseMark = it.log.mark;
        it.log.release(record.seq, 1);
      }
    } else if (now.kind === 'checkpoint') {
      if (it.log.checkpointing) continue;
      it.log.beginCheckpoint();
      slices = now.slices;
    } else if (now.kind === 'slice') {
      if (!it.log.checkpointing) continue;
      if (slices-- > 0) it.slice('+');
      else {
        it.log.beginUnit();
        it.slice('!');
        for (const text of texts(written.filter(({ live }) => live).map(({ seq }) => seq))) it.slice(`+${text}`);
        it.log.endUnit();
        it.log.endCheckpoint();
        counts.checkpoints++;
      }
    } else if (now.kind === 'read') {
      const record = written[Math.floor(now.share * written.length)];
      if (record?.live) expect(await it.read(record.seq)).toBe(record.text);
    } else {
      const { syncedMark } = it.log;
      if (it.log.checkpointing) counts.cutShort++;
      if (now.how === 'stop') await it.close();
      counts.reclaimed += files.calls.filter((call) => /^(remove|rename) 0\d+\.log$/.test(call)).length;
      counts.grouped += it.log.statistics.groupedSegments;
      counts.rewritten += files.calls.filter((call) => /^rename .*compacting$/.test(call)).length;
      const random = randomFrom(now.seed);
      const safeMark = now.how === 'stop' ? Number.POSITIVE_INFINITY : syncedMark;
      files = now.how === 'power' ? files.afterPowerLoss(random) : files.afterKill();
      files.lies = lies;
      it = await open();
      const problems = it.events.filter(({ kind }) => /rot|damaged/.test(kind));
      expect(problems).toEqual([]);
      expect(it.log.recovered.clean).toBe(now.how === 'stop');
      const back = fold(it);
      const order = [...back].sort((a, b) => a - b);
      // No phantom, no wrong bytes, and nothing is back whose release was confirmed.
      const known = new Map(written.map((record) => [record.seq, record]));
      for (const seq of order) {
        const record = known.get(seq);
        expect(record?.live === true || (record?.releaseMark ?? 0) > safeMark, `${seq} is back`).toBe(true);
      }
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
      written = order.map((seq) => ({ ...known.get(seq)!, live: true, mark: 0, releaseMark: 0 }));
      for (const { seq } of written) it.log.addLive(seq, 1);
      it.log.referencesCounted();
      for (const record of written) expect(await it.read(record.seq)).toBe(record.text);
    }
  }
  await it.close();
}

test('no history loses what was confirmed, brings back what was not written, or splits a unit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 200, size: 'max' }),
      fc.integer({ min: 1, max: 3 }),
      (steps, groups) =>
        run(
          [...steps, { kind: 'end', how: 'power', seed: steps.length }, { kind: 'end', how: 'stop', seed: 1 }],
          groups,
        ),
    ),
    { numRuns: Number(process.env.LOG_HISTORIES ?? 150) },
  );
  // Histories in which nothing happens prove nothing.
  for (const [what, times] of Object.entries(counts)) expect(times, what).toBeGreaterThan(20);
}, 600_000);

test('the model notices a disk that confirms what it has not synced', async () => {
  const result = await fc.check(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) =>
      run([...steps, { kind: 'safe' }, { kind: 'end', how: 'power', seed: steps.length }], 1, true),
    ),
    { numRuns: 50, endOnFailure: true },
  );
  expect(result.failed).toBe(true);
});
