/** Looking at a log without changing it. */
import { expect, test } from 'vitest';
import { dumpLog, verifyLog } from '../../../src/log/read/offline.ts';
import { DIRECTORY, MESSAGE, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const path = (segment: number): string => `${DIRECTORY}/${String(segment).padStart(10, '0')}.log`;

/** 100 messages, a checkpoint, and 10 more. Every seventh of the first is kept and the rest rewritten away, if so told. */
async function log(compact = false): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const live = new Set<number>();
  const it = await TestLog.open(files, {
    residentBytesMax: 2048,
    ...(compact && { liveIn: (_first, _last, done) => done((seq) => live.has(seq)) }),
  });
  it.log.referencesCounted();
  for (let i = 0; i < 100; i++) {
    live.add(it.message(`text ${it.sequence.next} ${'x'.repeat(90)}`));
    if (i % 10 === 9) await it.safe();
  }
  it.checkpoint();
  await it.safe();
  if (compact) {
    for (const seq of live) {
      if (seq % 7 === 0) continue;
      live.delete(seq);
      it.log.release(seq, 1);
    }
    it.note('released');
    await it.until(() => files.bytes(path(1)).length < 2000 && files.bytes(path(2)).length < 2000);
  }
  for (let i = 0; i < 10; i++) it.message(`later ${i}`);
  await it.safe();
  return files.afterKill();
}

async function texts(files: MemoryFiles): Promise<string[]> {
  const found: string[] = [];
  await dumpLog({ files, directory: DIRECTORY }, (record) => {
    if (record.type === MESSAGE) found.push(record.buffer.latin1Slice(record.start, record.end));
    return true;
  });
  return found;
}

test('a sound log is said to be sound, with its numbers, and nothing is touched', async () => {
  const files = await log();
  files.calls.length = 0;
  const before = new Map([...files.names].map(([name, { bytes }]) => [name, Buffer.from(bytes)]));
  const verified = await verifyLog({ files, directory: DIRECTORY });
  expect(verified).toMatchObject({ sound: true, events: [], olderRecords: 100 });
  expect(verified.recovery).toMatchObject({ fresh: false, clean: false, records: 11 });
  expect([...files.names.keys()]).toEqual([...before.keys()]);
  for (const [name, bytes] of before) expect(files.bytes(name).equals(bytes)).toBe(true);
  expect(files.calls.filter((call) => /^(write|sync|rename|remove|truncate)/.test(call))).toEqual([]);
  const opened = files.calls.filter((call) => /^open .* done$/.test(call)).length;
  expect(files.calls.filter((call) => /^close .* done$/.test(call)).length).toBe(opened);
});

test('rot in a segment that a start would not read is found, wherever it is', async () => {
  for (const compact of [false, true]) {
    const files = await log(compact);
    const whole = files.bytes(path(1)).length;
    for (let at = 64; at < whole; at += 97) {
      const broken = files.afterKill();
      const bytes = broken.bytes(path(1));
      // Zeros between batches are nobody's.
      if (bytes.subarray(at - 8, at + 8).every((byte) => byte === 0)) continue;
      bytes[at]! ^= 4;
      const verified = await verifyLog({ files: broken, directory: DIRECTORY });
      const padding = bytes[at] === 4 && verified.sound;
      if (!padding)
        expect(
          verified.events.map(({ kind }) => kind),
          `at ${at}`,
        ).toContain('rot');
    }
  }
});

test('a log that a start would refuse is refused with the same reason', async () => {
  const files = await log();
  files.delete(path(2));
  await expect(verifyLog({ files, directory: DIRECTORY })).rejects.toThrow('0000000002.log is missing');
});

test('a dump shows every record in order, of older segments and of rewritten ones too, and ends when told', async () => {
  const later = Array.from({ length: 10 }, (_, i) => `later ${i}`);
  const all = await texts(await log());
  expect(all.slice(0, 100).map((text) => text.split(' ')[1])).toEqual(
    Array.from({ length: 100 }, (_, i) => `${i + 1}`),
  );
  expect(all.slice(100)).toEqual(later);
  const rewritten = await texts(await log(true));
  const numbers = rewritten.slice(0, -10).map((text) => Number(text.split(' ')[1]));
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  for (let seq = 7; seq <= 100; seq += 7) expect(numbers).toContain(seq);
  expect(numbers.length).toBeLessThan(70);
  expect(rewritten.slice(-10)).toEqual(later);
  let seen = 0;
  await dumpLog({ files: await log(), directory: DIRECTORY }, () => ++seen < 5);
  expect(seen).toBe(5);
});

test('a directory without a log is an empty one', async () => {
  const verified = await verifyLog({ files: new MemoryFiles(), directory: DIRECTORY });
  expect(verified).toMatchObject({ sound: true, segments: 0, recovery: { fresh: true } });
});
