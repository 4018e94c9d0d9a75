/** Segments whose messages have waited, and came interleaved, are written again by group: read together, lying together. */
import { expect, test } from 'vitest';
import { directoryBytesAt } from '../../../src/log/format/directory.ts';
import { FORMAT_VERSION, GROUPED_VERSION, readSegmentHeader } from '../../../src/log/format/segment.ts';
import { verifyLog } from '../../../src/log/read/offline.ts';
import { DIRECTORY, LOG_ID, pathOf, segmentsIn, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const GROUPS = 5;
const BLOCK = 8192;
const SIZES = { blockBytes: BLOCK, segmentBytes: 4 * BLOCK, residentBytesMax: 2 * BLOCK };

const text = (seq: number): string => `text ${seq} ${'x'.repeat(60 + (seq % 50))}`;

/** An owner whose messages belong to as many queues, one after the other. */
class Owner {
  readonly live = new Set<number>();
  /** How often it was asked what lives. */
  asked = 0;
  it!: TestLog;
  readonly files: MemoryFiles;
  groupOf = (seq: number): number => 1 + (seq % GROUPS);

  constructor(files: MemoryFiles) {
    this.files = files;
  }

  static async open(files: MemoryFiles, live: Iterable<number> = [], sizes = SIZES): Promise<Owner> {
    const owner = new Owner(files);
    owner.it = await TestLog.open(files, {
      ...sizes,
      liveIn: (first, last, done) => {
        owner.asked++;
        const there = (seq: number): boolean => seq >= first && seq <= last;
        // What is let go of afterwards is in the answer still.
        const live = new Set([...owner.live].filter(there));
        done(
          (seq) => live.has(seq),
          (seq) => (there(seq) ? owner.groupOf(seq) : 0),
        );
      },
    });
    for (const seq of live) {
      owner.live.add(seq);
      owner.it.log.addLive(seq, 1);
    }
    owner.it.log.referencesCounted();
    return owner;
  }

  async fill(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.live.add(this.it.message(text(this.it.sequence.next)));
      if (i % 10 === 9) await this.it.safe();
    }
    await this.it.safe();
  }

  keep(which: (seq: number) => boolean): void {
    for (const seq of this.live) {
      if (which(seq)) continue;
      this.live.delete(seq);
      this.it.log.release(seq, 1);
    }
    this.it.note('released');
  }

  async check(): Promise<void> {
    for (const seq of this.live) expect(await this.it.read(seq)).toBe(text(seq));
  }

  /** Waits until so many segments have been written by group. */
  grouped(segments: number): Promise<void> {
    return this.it.until(() => this.it.log.statistics.groupedSegments >= segments);
  }
}

const versionOf = (files: MemoryFiles, segment: number): number =>
  readSegmentHeader(files.bytes(pathOf(segment)), 64)!.version;

/** Segments 1 to 3 are whole and lie before a checkpoint. */
async function waiting(files: MemoryFiles): Promise<Owner> {
  const owner = await Owner.open(files);
  await owner.fill(1000);
  owner.it.checkpoint();
  await owner.it.safe();
  return owner;
}

async function groupedLog(files = new MemoryFiles()): Promise<Owner> {
  const owner = await waiting(files);
  await owner.grouped(3);
  return owner;
}

/** Where the first directory of a segment begins. */
function directoryIn(bytes: Buffer, segment: number): number {
  for (let at = 64; at < bytes.length; at += 8)
    if (directoryBytesAt(bytes, at, bytes.length, LOG_ID, segment) > 0) return at;
  return -1;
}

test('what came interleaved lies by group once it has waited, and everything is found', async () => {
  const owner = await groupedLog();
  const { files, it } = owner;
  expect([1, 2, 3].map((segment) => versionOf(files, segment))).toEqual(Array(3).fill(GROUPED_VERSION));
  // Numbers of the first segment in the order in which they lie.
  const there = [
    ...files
      .bytes(pathOf(1))
      .latin1Slice()
      .matchAll(/text (\d+) x/g),
  ].map(([, seq]) => Number(seq));
  const groups = there.map((seq) => owner.groupOf(seq));
  expect(groups).toEqual([...groups].sort((a, b) => a - b));
  for (let i = 1; i < there.length; i++)
    if (groups[i] === groups[i - 1]) expect(there[i]).toBeGreaterThan(there[i - 1]!);
  await owner.check();
  expect(it.kinds()).toEqual(['recovered']);
  expect(await verifyLog({ files: files.afterKill(), directory: DIRECTORY })).toMatchObject({
    sound: true,
    events: [],
  });
  await it.close();
});

test('segments that wait are asked about together, and what goes meanwhile is missed by nobody', async () => {
  const owner = await waiting(new MemoryFiles());
  await owner.grouped(1);
  // Some of what the answer says lives is needed no more.
  owner.keep((seq) => seq % 10 !== 0);
  await owner.grouped(3);
  expect(owner.asked).toBe(1);
  await owner.check();
  expect(owner.it.kinds()).toEqual(['recovered']);
  await owner.it.close();
});

test('one group is read with as many reads as it has pieces, each of several messages', async () => {
  const before = await groupedLog();
  await before.it.until(() => before.files.pending === 0);
  const files = before.files.afterKill();
  const owner = await Owner.open(files, before.live, { ...SIZES, residentBytesMax: 64 * BLOCK });
  const { it } = owner;
  const wanted = [...owner.live].filter((seq) => owner.groupOf(seq) === 2).slice(0, 100);
  const reads = () => files.calls.filter((call) => /^read 0.*log$/.test(call)).length;
  const readBefore = reads();
  let open = 0;
  for (const seq of wanted) {
    if (it.peek(seq) !== undefined) continue;
    open++;
    it.log.load(seq, () => open--);
  }
  expect(open).toBeGreaterThan(50);
  await until(() => open === 0);
  // Two segments at most, with one directory each, and a piece or two of batches.
  expect(reads() - readBefore).toBeLessThan(9);
  for (const seq of wanted) expect(it.peek(seq)).toBe(text(seq));
  await it.close();
  await before.it.close();
});

test('nothing is written again that lies together already, or that no group says anything of', async () => {
  for (const groupOf of [() => 0, (seq: number) => Math.floor(seq / 100), (seq: number) => seq]) {
    const files = new MemoryFiles();
    const owner = await Owner.open(files);
    owner.groupOf = groupOf;
    await owner.fill(1000);
    owner.it.checkpoint();
    await owner.it.safe();
    for (let i = 0; i < 600; i++) {
      owner.it.clock.advance(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(files.calls.some((call) => /^create|^open .*compacting/.test(call))).toBe(false);
    expect(owner.it.log.statistics.groupedSegments).toBe(0);
    await owner.it.close();
  }
});

test('what has waited for a moment only is left where it is', async () => {
  const files = new MemoryFiles();
  const owner = await waiting(files);
  for (let i = 0; i < 80; i++) {
    owner.it.clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(owner.it.log.statistics.groupedSegments).toBe(0);
  await owner.grouped(1);
  await owner.it.close();
});

test('a start finds it as it lies: by the table, by the file where the table is older, and with no readable header', async () => {
  const files = new MemoryFiles();
  const owner = await waiting(files);
  let before = files.afterKill();
  await owner.it.until(() => {
    if (versionOf(files, 1) === FORMAT_VERSION) before = files.afterKill();
    return owner.it.log.statistics.groupedSegments >= 3;
  });
  await owner.it.until(() => files.pending === 0);
  const stopped = files.afterKill();
  // Killed between renaming and the table: the log as it was, with segments as they are now.
  for (const segment of [1, 2, 3]) before.put(pathOf(segment), stopped.bytes(pathOf(segment)));
  const headless = before.afterKill();
  for (const segment of [1, 2, 3]) headless.bytes(pathOf(segment))[12]! ^= 1;
  for (const disk of [stopped, before, headless]) {
    const again = await Owner.open(disk, owner.live);
    await again.check();
    expect(again.it.kinds().filter((kind) => kind !== 'recovered' && kind !== 'header-rot')).toEqual([]);
    // And once more, by the tables of a checkpoint of its own.
    again.it.checkpoint();
    await again.it.safe();
    await again.it.close();
    const third = await Owner.open(disk.afterKill(), owner.live);
    await third.check();
    await third.it.close();
  }
  await owner.it.close();
});

test('a directory that lies, or is damaged, is made anew of the messages, and that is said', async () => {
  const owner = await groupedLog();
  await owner.it.until(() => owner.files.pending === 0);
  for (const how of ['damaged', 'lies', 'gone'] as const) {
    const disk = owner.files.afterKill();
    const bytes = disk.bytes(pathOf(2));
    const at = directoryIn(bytes, 2);
    const length = directoryBytesAt(bytes, at, bytes.length, LOG_ID, 2);
    if (how === 'gone') bytes.fill(0, at, at + length);
    else if (how === 'damaged') bytes[at + length - 20]! ^= 8;
    else {
      // It is sound, and says what is not so: each record lies in another batch than it does.
      const { Directory, readDirectory } = await import('../../../src/log/format/directory.ts');
      const segment = { number: 2, generation: 1 };
      const told = readDirectory(bytes, at, bytes.length, LOG_ID, segment, at - 64)!;
      const inner = told as unknown as { batchOf: Uint16Array };
      inner.batchOf.forEach((batch, i) => {
        inner.batchOf[i] = (batch + 1) % told.batches;
      });
      Directory.prototype.write.call(told, bytes, at, LOG_ID, 2, 1);
    }
    const again = await Owner.open(disk, owner.live);
    await again.check();
    expect(again.it.events).toContainEqual({ kind: 'directory-rot', segment: 2, offset: at });
    await again.it.close();
    if (how === 'lies') continue;
    const verified = await verifyLog({ files: disk, directory: DIRECTORY });
    expect(verified.sound).toBe(false);
  }
  await owner.it.close();
});

test('of a damaged batch the messages are lost, and no others', async () => {
  const owner = await groupedLog();
  await owner.it.until(() => owner.files.pending === 0);
  const disk = owner.files.afterKill();
  const bytes = disk.bytes(pathOf(1));
  const hit = bytes.indexOf('text ', 6000);
  bytes[hit]! ^= 1;
  const again = await Owner.open(disk, owner.live);
  const lost: number[] = [];
  for (const seq of owner.live) {
    await again.it.read(seq).then(
      (read) => expect(read).toBe(text(seq)),
      (error: Error) => {
        expect(error.message).toContain('damaged');
        lost.push(seq);
      },
    );
  }
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.length).toBeLessThan(100);
  expect(new Set(lost.map((seq) => owner.groupOf(seq))).size).toBeLessThan(3);
  expect(again.it.kinds()).toContain('rot');
  expect((await verifyLog({ files: disk, directory: DIRECTORY })).sound).toBe(false);
  await again.it.close();
  await owner.it.close();
});

test('when most of it is dead it is written once more, smaller, and goes when all is', async () => {
  const owner = await groupedLog();
  const { files, it } = owner;
  const before = files.bytes(pathOf(1)).length;
  owner.keep((seq) => seq % 11 === 0);
  await it.until(() => [1, 2, 3].every((segment) => files.bytes(pathOf(segment)).length < before / 3));
  expect(versionOf(files, 1)).toBe(GROUPED_VERSION);
  await owner.check();
  const again = await Owner.open(files.afterKill(), owner.live);
  await again.check();
  await again.it.close();
  owner.keep(() => false);
  await it.until(() => !segmentsIn(files).includes(pathOf(1)));
  await it.close();
});

test('what is being read while its segment is written again is found', async () => {
  const files = new MemoryFiles();
  const owner = await waiting(files);
  const { it } = owner;
  let open = 0;
  const failures: string[] = [];
  const seqs = [...owner.live];
  let next = 0;
  await it.until(() => {
    for (let i = 0; i < 7; i++) {
      const seq = seqs[(next = (next + 37) % seqs.length)]!;
      open++;
      it.log.load(seq, (error) => {
        open--;
        if (error !== undefined) failures.push(error.message);
        else if (it.peek(seq) !== text(seq)) failures.push(`${seq} is wrong`);
      });
    }
    return it.log.statistics.groupedSegments >= 3;
  });
  await until(() => open === 0);
  expect(failures).toEqual([]);
  await it.close();
});

test('a kill at any call of it loses nothing and leaves no litter', async () => {
  const files = new MemoryFiles();
  const owner = await waiting(files);
  let calls = files.calls.length;
  const pictures: MemoryFiles[] = [];
  let turns = 0;
  await owner.it.until(() => {
    if (files.calls.length !== calls && turns++ >= 0)
      pictures.push(
        files.afterPowerLoss(() => (turns % 7) / 7),
        files.afterKill(),
      );
    calls = files.calls.length;
    return owner.it.log.statistics.groupedSegments >= 2;
  });
  expect(pictures.length).toBeGreaterThan(20);
  for (const disk of pictures) {
    const again = await Owner.open(disk, owner.live);
    await again.check();
    expect(again.it.kinds().filter((kind) => !/recovered|leftover|torn-tail/.test(kind))).toEqual([]);
    await again.it.close();
    expect([...disk.names.keys()].filter((name) => name.endsWith('.compacting'))).toEqual([]);
  }
  await owner.it.close();
}, 60_000);

test('it gives way to what wins room', async () => {
  const files = new MemoryFiles();
  const owner = await waiting(files);
  const { it } = owner;
  await it.until(() => files.calls.some((call) => /^write .*compacting/.test(call)));
  // The last segments are mostly dead now, while the first is being written by group.
  owner.keep((seq) => seq < 600 || seq % 9 === 0);
  await it.until(() => it.log.statistics.compactedSegments > 0);
  await owner.grouped(1);
  await owner.check();
  await it.close();
});

test('a log that rests with much behind its last checkpoint asks for one, of an earlier life too', async () => {
  const files = new MemoryFiles();
  const owner = await Owner.open(files);
  await owner.fill(1000);
  const disk = files.afterKill();
  let asked = 0;
  const it = await TestLog.open(disk, {
    ...SIZES,
    liveIn: (_first, _last, done) => done((seq) => owner.live.has(seq)),
    checkpointDue: () => asked++,
  });
  it.adopt();
  it.log.referencesCounted();
  await it.until(() => asked > 0);
  it.checkpoint();
  await it.safe();
  const before = asked;
  for (let i = 0; i < 300; i++) {
    it.clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(asked).toBe(before);
  await it.close();
  await owner.it.close();
});
