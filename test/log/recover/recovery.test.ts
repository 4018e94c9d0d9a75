/** Starts on what a kill, a power failure or rot has left of a log. */
import { expect, test } from 'vitest';
import type { LogEvent } from '../../../src/log/log.ts';
import { DIRECTORY, quiet, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const FIRST = `${DIRECTORY}/0000000001.log`;
/** One segment, larger than anything written in these tests, unless they say otherwise. */
const ROOMY = { blockBytes: 1024, segmentBytes: 16 * 1024 };

function reported(it: TestLog, kind: LogEvent['kind']): LogEvent[] {
  return it.events.filter((event) => event.kind === kind);
}

/** A log of `batches` flushes, one message each, left as a kill leaves it. Returns where each batch ended in the file. */
async function written(files: MemoryFiles, texts: string[]): Promise<number[]> {
  const it = await TestLog.open(files, ROOMY);
  await quiet(files);
  const ends: number[] = [];
  for (const text of texts) {
    it.message(text);
    await it.safe();
    const bytes = files.bytes(FIRST);
    ends.push(bytes.lastIndexOf(text) + text.length);
  }
  return ends;
}

test('after a stop in order everything is back, in order, and the stop is known to have been clean', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  expect(it.log.recovered).toMatchObject({ fresh: true, clean: true });
  const wanted: string[] = [];
  for (let i = 0; i < 300; i++) {
    wanted.push(`text ${i}`);
    it.message(wanted[i]!);
    if (i % 7 === 0) it.note(`note ${i}`);
    if (i % 31 === 0) await it.safe();
  }
  await it.close();
  const again = await TestLog.open(files.afterPowerLoss(() => 0));
  expect(again.texts()).toEqual(wanted);
  expect(again.log.recovered).toMatchObject({ fresh: false, clean: true, droppedBytes: 0, rottenBytes: 0 });
  expect(again.sequence.next).toBe(301);
  expect(again.kinds()).toEqual(['recovered']);
});

test('after a kill everything written is back, and the stop is known not to have been clean', async () => {
  const files = new MemoryFiles();
  await written(files, ['one', 'two', 'three']);
  const again = await TestLog.open(files.afterKill(), ROOMY);
  expect(again.texts()).toEqual(['one', 'two', 'three']);
  expect(again.log.recovered).toMatchObject({ clean: false, droppedBytes: 0, rottenBytes: 0 });
});

test('a life that only delivered, and was killed, does not pass for a clean stop', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  it.message('one');
  await it.close();
  await TestLog.open(files); // appends nothing, and is killed
  const again = await TestLog.open(files.afterPowerLoss(() => 0));
  expect(again.log.recovered.clean).toBe(false);
  expect(again.texts()).toEqual(['one']);
});

test('life after life, each killed: everything is back every time, and goes on', async () => {
  let files = new MemoryFiles();
  const wanted: string[] = [];
  for (let life = 0; life < 20; life++) {
    const it = await TestLog.open(files);
    expect(it.texts()).toEqual(wanted);
    it.adopt();
    for (let i = 0; i < life * 3; i++) {
      wanted.push(`life ${life} text ${i} ${'x'.repeat((life * i) % 200)}`);
      it.message(wanted.at(-1)!);
      if (i % 5 === 0) await it.safe();
    }
    await it.safe();
    await quiet(files);
    files = files.afterKill();
  }
});

test('a tail cut off at any byte: what was whole before it is back, what was cut is reported and gone', async () => {
  const files = new MemoryFiles();
  const texts = ['first', 'second one', 'the third', 'x'.repeat(40), 'last'];
  const ends = await written(files, texts);
  const whole = files.bytes(FIRST);
  const start = 136; // behind the segment's header and the batch that says that a life began
  for (let cut = start; cut <= ends.at(-1)!; cut++) {
    for (const fill of ['short', 'zeros'] as const) {
      const broken = new MemoryFiles();
      const bytes = Buffer.from(whole);
      if (fill === 'zeros') bytes.fill(0, cut);
      broken.put(FIRST, fill === 'short' ? bytes.subarray(0, cut) : bytes);
      const it = await TestLog.open(broken, ROOMY);
      const expected = texts.filter((_, i) => ends[i]! <= cut);
      expect(it.texts(), `${fill} at ${cut}`).toEqual(expected);
      expect(it.log.recovered.clean).toBe(false);
      // A cut anywhere inside a batch leaves something to report.
      const inside = bytes.subarray(0, cut).subarray(expected.length === 0 ? start : ends[expected.length - 1]!);
      const seen = fill === 'zeros' ? inside.some((byte) => byte !== 0) : inside.length > 8;
      if (seen) expect(it.kinds()[0], `${fill} at ${cut}`).toBe('torn-tail');
      // What was dropped does not come back, whatever is written now.
      it.adopt();
      it.message('after');
      await it.safe();
      const again = await TestLog.open(broken.afterKill(), ROOMY);
      expect(again.texts()).toEqual([...expected, 'after']);
    }
  }
});

test('a bit flipped at any byte of a small log: never a wrong record, always reported or refused', async () => {
  const files = new MemoryFiles();
  const texts = ['first', 'second one', 'the third', 'four', 'last'];
  const ends = await written(files, texts);
  const whole = files.bytes(FIRST);
  const counts = { refused: 0, reported: 0 };
  for (let at = 0; at < ends.at(-1)!; at++) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1 << (at % 8);
    const broken = new MemoryFiles();
    broken.put(FIRST, bytes);
    let it: TestLog;
    try {
      it = await TestLog.open(broken, ROOMY);
    } catch (error) {
      expect((error as Error).name).toBe('LogRefused');
      counts.refused++;
      continue;
    }
    const back = it.texts();
    expect(back.length, `at ${at}`).toBeGreaterThanOrEqual(at < 64 ? texts.length : texts.length - 1);
    expect(back, `at ${at}`).toEqual(texts.filter((text) => back.includes(text)));
    // Padding between batches is nobody's and covered by nothing.
    const padding = whole[at] === 0 && back.length === texts.length && it.kinds().length === 1;
    if (!padding) {
      expect(it.kinds().length, `at ${at}`).toBeGreaterThan(1);
      counts.reported++;
    }
  }
  expect(counts.reported).toBeGreaterThan(ends.at(-1)! - 64 - 8 * 6);
});

test('an unreadable segment header costs nothing but a line in the report', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const texts = Array.from({ length: 80 }, (_, i) => `text ${i} ${'x'.repeat(100)}`);
  for (const text of texts) {
    it.message(text);
    await it.safe();
  }
  const segments = it.log.segmentCount;
  expect(segments).toBeGreaterThan(3);
  for (let segment = 1; segment <= segments; segment++) {
    const broken = files.afterKill();
    broken.bytes(`${DIRECTORY}/000000000${segment}.log`)[20]! ^= 1;
    const again = await TestLog.open(broken);
    expect(again.texts(), `segment ${segment}`).toEqual(texts);
    expect(again.events).toContainEqual({ kind: 'header-rot', segment });
    expect(reported(again, 'rot')).toEqual([]);
  }
});

test('rot in the middle is told from a torn tail: later batches are kept and the loss is counted', async () => {
  const files = new MemoryFiles();
  await written(files, ['one', 'two', 'three', 'four']);
  const bytes = files.bytes(FIRST);
  bytes[bytes.indexOf('two')]! ^= 4;
  const disk = files.afterKill();
  const it = await TestLog.open(disk, ROOMY);
  expect(it.texts()).toEqual(['one', 'three', 'four']);
  expect(reported(it, 'rot')).toMatchObject([{ segment: 1, batches: 1 }]);
  expect(it.log.recovered).toMatchObject({ rottenBatches: 1, droppedBatches: 0 });
  // And it is so again the next time.
  it.adopt();
  it.message('five');
  await it.safe();
  const again = await TestLog.open(disk.afterKill(), ROOMY);
  expect(again.texts()).toEqual(['one', 'three', 'four', 'five']);
});

test('a whole block gone bad: the blocks after it are kept', async () => {
  const files = new MemoryFiles();
  const texts = Array.from({ length: 30 }, (_, i) => `text ${i} ${'x'.repeat(150)}`);
  await written(files, texts);
  files.bytes(FIRST).fill(0xa5, 1024, 2048);
  const it = await TestLog.open(files.afterKill(), ROOMY);
  const back = it.texts();
  expect(back.length).toBeGreaterThan(22);
  expect(back.length).toBeLessThan(30);
  expect(back).toEqual(texts.filter((text) => back.includes(text)));
  expect(reported(it, 'rot').length).toBe(1);
  expect(it.log.recovered.rottenBatches).toBe(30 - back.length);
});

test('the end of a segment gone bad: the segments after it are kept', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files);
  const texts = Array.from({ length: 80 }, (_, i) => `text ${i} ${'x'.repeat(100)}`);
  for (const text of texts) {
    it.message(text);
    await it.safe();
  }
  expect(it.log.segmentCount).toBeGreaterThan(3);
  await quiet(files);
  const disk = files.afterKill();
  const bytes = disk.bytes(FIRST);
  const last = texts.findLastIndex((text) => bytes.includes(text));
  expect(last).toBeLessThan(40);
  bytes[bytes.indexOf(texts[last]!)]! ^= 4;
  const again = await TestLog.open(disk);
  expect(again.texts()).toEqual(texts.filter((_, i) => i !== last));
  expect(reported(again, 'rot')).toMatchObject([{ segment: 1, batches: 1 }]);
  expect(reported(again, 'torn-tail')).toEqual([]);
  // What is written now gets numbers of its own: it is all there the next time.
  again.adopt();
  again.message('after');
  await again.safe();
  const once = await TestLog.open(disk.afterKill());
  expect(once.texts()).toEqual([...texts.filter((_, i) => i !== last), 'after']);
});

test('batches of one unfinished flush that came out of order are dropped, not taken for what survived rot', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, ROOMY);
  it.message('safe');
  await it.safe();
  const kept = files.afterKill().bytes(FIRST);
  const texts = Array.from({ length: 20 }, (_, i) => `text ${i} ${'x'.repeat(150)}`);
  for (const text of texts) it.message(text); // one flush over several blocks
  await it.safe();
  const bytes = Buffer.from(files.bytes(FIRST));
  const second = bytes.indexOf('text 12');
  kept.copy(bytes, 64, 64, 1024); // the first block never came, the others did
  expect(second).toBeGreaterThan(1024);
  const broken = new MemoryFiles();
  broken.put(FIRST, bytes);
  const after = await TestLog.open(broken, ROOMY);
  expect(after.texts()).toEqual(['safe']);
  expect(reported(after, 'rot')).toEqual([]);
  expect(reported(after, 'torn-tail').length).toBe(1);
  after.adopt();
  // The dropped batches are still in that file. Their numbers are given again, and still they never come back.
  for (let i = 0; i < 10; i++) {
    after.message(`new ${i}`);
    await after.safe();
  }
  const again = await TestLog.open(broken.afterKill(), ROOMY);
  expect(again.texts()).toEqual(['safe', ...Array.from({ length: 10 }, (_, i) => `new ${i}`)]);
});

test('a unit is there whole or not at all, at every cut, also over blocks and segments', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files); // 1 KiB blocks, 4 KiB segments
  it.message('before');
  it.log.beginUnit();
  for (let i = 0; i < 30; i++) it.message(`unit ${i} ${'x'.repeat(150)}`);
  it.log.endUnit();
  it.message('after');
  it.log.beginUnit();
  it.message('small one');
  it.message('small two');
  it.log.endUnit();
  await it.safe();
  expect(it.log.segmentCount).toBeGreaterThan(1);
  const disk = files.afterKill();
  const paths = [...disk.names.keys()].filter((path) => path.includes('/0')).sort();
  const lengths = paths.map((path) => disk.bytes(path).length);
  let whole = 0;
  for (let file = 0; file < paths.length; file++) {
    for (let cut = file === 0 ? 200 : 0; cut <= lengths[file]!; cut += 13) {
      const broken = new MemoryFiles();
      for (let i = 0; i <= file; i++) {
        const bytes = Buffer.from(disk.bytes(paths[i]!));
        if (i === file) bytes.fill(0, cut);
        broken.put(paths[i]!, bytes);
      }
      const after = await TestLog.open(broken);
      const texts = after.texts();
      const ofUnit = texts.filter((text) => text.startsWith('unit')).length;
      expect([0, 30], `file ${file} cut ${cut}`).toContain(ofUnit);
      const small = texts.filter((text) => text.startsWith('small')).length;
      expect([0, 2]).toContain(small);
      if (ofUnit === 0 && texts.length > 0) expect(texts).toEqual(['before']);
      if (ofUnit === 30) whole++;
    }
  }
  expect(whole).toBeGreaterThan(0);
});

test('a unit whose middle went bad on disk is not taken for whole', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, ROOMY);
  it.message('before');
  it.log.beginUnit();
  for (let i = 0; i < 20; i++) it.message(`unit ${i} ${'x'.repeat(150)}`);
  it.log.endUnit();
  it.message('after');
  await it.safe();
  it.message('later');
  await it.safe();
  for (const block of [0, 1, 2]) {
    const broken = files.afterKill();
    broken.bytes(FIRST).fill(0x5a, block * 1024 + 700, block * 1024 + 710);
    const again = await TestLog.open(broken, ROOMY);
    expect(again.texts().filter((text) => text.startsWith('unit'))).toEqual([]);
    expect(again.texts().slice(-2)).toEqual(['after', 'later']);
    expect(reported(again, 'rot').length).toBe(1);
    expect(reported(again, 'incomplete-unit').length).toBeGreaterThan(0);
  }
});

test('a log whose blocks were of another size is read, and goes on with the new size', async () => {
  const files = new MemoryFiles();
  const it = await TestLog.open(files, { blockBytes: 2048, segmentBytes: 8192 });
  const texts = Array.from({ length: 50 }, (_, i) => `text ${i} ${'x'.repeat(100)}`);
  for (const text of texts) it.message(text);
  await it.close();
  const again = await TestLog.open(files, { blockBytes: 4096, segmentBytes: 16384, residentBytesMax: 4096 });
  expect(again.texts()).toEqual(texts);
  for (let seq = 1; seq <= 50; seq++) expect(await again.read(seq)).toBe(texts[seq - 1]);
  again.message('new');
  await again.close();
});

test('a file of which no batch ever came is no damage: what lies behind its end is not looked at', async () => {
  const files = new MemoryFiles();
  await written(files, ['one']);
  const disk = files.afterKill();
  // The scrap of a header, no batch behind it, and the first bytes of the next block.
  const bytes = Buffer.alloc(1024 + 8);
  bytes.writeUInt32LE(0x12345678, 0);
  bytes.writeUInt32LE(2, 16); // where a batch at the start of a block would say that this is segment 2
  bytes.writeUInt32LE(1, 1024);
  disk.put(`${DIRECTORY}/0000000002.log`, bytes);
  const again = await TestLog.open(disk, ROOMY);
  expect(again.texts()).toEqual(['one']);
  expect(again.kinds()).toEqual(['leftover', 'recovered']);
});
