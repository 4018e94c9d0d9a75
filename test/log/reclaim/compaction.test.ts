/** Rewriting segments of which most is dead: what is left is found, whatever happens meanwhile. */
import { expect, test } from 'vitest';
import type { Segment } from '../../../src/log/blocks/segment.ts';
import type { LiveIn } from '../../../src/log/options.ts';
import { DIRECTORY, quiet, TestLog, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const path = (segment: number): string => `${DIRECTORY}/${String(segment).padStart(10, '0')}.log`;

/** An owner that knows what it refers to. */
class Owner {
  readonly live = new Set<number>();
  it!: TestLog;
  asked: [number, number][] = [];
  readonly files: MemoryFiles;
  /** How it answers; default at once. */
  answer: LiveIn = (_first, _last, done) => done((seq) => this.live.has(seq));

  constructor(files: MemoryFiles) {
    this.files = files;
  }

  static async open(files: MemoryFiles, live: Iterable<number> = [], residentBytesMax = 2048): Promise<Owner> {
    const owner = new Owner(files);
    owner.it = await TestLog.open(files, {
      residentBytesMax,
      liveIn: (first, last, done) => {
        owner.asked.push([first, last]);
        owner.answer(first, last, done);
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
      this.live.add(this.it.message(`text ${this.it.sequence.next} ${'x'.repeat(90)}`));
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
    for (const seq of this.live) expect(await this.it.read(seq)).toMatch(new RegExp(`^text ${seq} x`));
  }

  bytes(): number {
    let bytes = 0;
    for (const name of this.files.names.keys()) {
      if (/\/0.*log$/.test(name)) bytes += this.files.bytes(name).length;
    }
    return bytes;
  }
}

const every = (n: number) => (seq: number) => seq % n === 0;

async function mostlyDead(files: MemoryFiles, n = 7): Promise<Owner> {
  const owner = await Owner.open(files);
  await owner.fill(300);
  owner.it.checkpoint();
  await owner.it.safe();
  owner.keep(every(n));
  return owner;
}

/** 300 messages fill eight segments and a half. */
const compacted = (owner: Owner): boolean =>
  [1, 2, 3, 4, 5, 6, 7, 8].every((segment) => owner.files.bytes(path(segment)).length < 2000);

test('segments of which most is dead shrink, and what is left is found', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  const before = owner.bytes();
  await owner.it.until(() => compacted(owner));
  await owner.check();
  expect(owner.bytes()).toBeLessThan(before / 2);
  expect([...files.names.keys()].filter((name) => name.endsWith('.compacting'))).toEqual([]);
  // And once more, when most of that is dead too; and they go when all is.
  const once = files.bytes(path(1)).length;
  owner.keep(every(21));
  await owner.it.until(() => files.bytes(path(1)).length < once);
  await owner.check();
  owner.keep(() => false);
  await owner.it.until(() => [1, 2, 3, 4, 5, 6, 7, 8].every((segment) => !files.names.has(path(segment))));
  await owner.it.close();
});

test('a rewriting takes its time: it copies a little each tick, and nothing while the clock stands', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  await owner.it.safe();
  await quiet(files);
  await owner.it.until(() => owner.asked.length > 0);
  const copied = () => files.calls.filter((call) => /^write .*\.compacting$/.test(call)).length;
  const rest = async () => {
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  await rest();
  const before = copied();
  await rest();
  expect(copied()).toBe(before);
  expect(compacted(owner)).toBe(false);
  owner.it.clock.advance(20);
  await rest();
  expect(copied()).toBeGreaterThan(before);
  expect(copied()).toBeLessThanOrEqual(before + 4);
  await owner.it.until(() => compacted(owner));
  await owner.check();
  await owner.it.close();
});

test('nothing is rewritten that is not before a checkpoint, or before references are counted', async () => {
  const files = new MemoryFiles();
  const owner = await Owner.open(files);
  await owner.fill(100);
  owner.keep(every(7));
  for (let i = 0; i < 200; i++) {
    owner.it.clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(owner.asked).toEqual([]);
  await owner.it.close();
});

test('after a kill what was rewritten is taken from its own table', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  await owner.it.until(() => compacted(owner));
  await owner.it.safe();
  await quiet(files);
  const disk = files.afterKill();
  const again = await Owner.open(disk, owner.live);
  expect(again.it.kinds()).toEqual(['recovered']);
  expect(disk.calls.filter((call) => call === 'read 0000000002.log').length).toBe(1); // the header
  await again.check();
  await again.it.close();
});

test('a kill between the new file and its table: the file is read through', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  let before = files.afterKill();
  await owner.it.until(() => {
    if (files.bytes(path(1)).length > 2000) before = files.afterKill();
    return compacted(owner);
  });
  // The log as it was, with segments as they are now.
  for (const segment of [1, 2, 3]) before.put(path(segment), files.bytes(path(segment)));
  const again = await Owner.open(before, owner.live);
  await again.check();
  expect(again.it.kinds()).toEqual(['recovered']);
  // And with an unreadable header on top.
  const broken = files.afterKill();
  for (const segment of [1, 2, 3]) broken.bytes(path(segment))[9]! ^= 1;
  const third = await Owner.open(broken, owner.live);
  await third.check();
  expect(third.it.kinds()).toContain('header-rot');
  await third.it.close();
});

test('a kill at any call of a rewriting loses nothing and leaves no litter', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  let calls = files.calls.length;
  const pictures: MemoryFiles[] = [];
  let turns = 0;
  await owner.it.until(() => {
    if (files.calls.length !== calls && turns++ % 3 === 0)
      pictures.push(
        files.afterPowerLoss(() => (turns % 7) / 7),
        files.afterKill(),
      );
    calls = files.calls.length;
    return compacted(owner);
  });
  expect(pictures.length).toBeGreaterThan(20);
  for (const disk of pictures) {
    const again = await Owner.open(disk, owner.live);
    await again.check();
    expect(
      again.it.kinds().filter((kind) => kind !== 'recovered' && kind !== 'leftover' && kind !== 'torn-tail'),
    ).toEqual([]);
    await again.it.close();
    expect([...disk.names.keys()].filter((name) => name.endsWith('.compacting'))).toEqual([]);
  }
});

test('a directory that cannot be synced: the file in use is the one that has the name', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  let failed = 0;
  files.fail = (call) => {
    const mine =
      call === 'syncDirectory' &&
      failed === 0 &&
      files.calls.some((c) => c === 'rename 0000000001.log.compacting done');
    if (!mine) return undefined;
    failed++;
    return new Error('EIO');
  };
  await owner.it.until(() => failed > 0);
  await quiet(files);
  // Its file may be used again for a new segment: then it must be the one that has the name.
  const { segments } = (owner.it.log as unknown as { references: { segments: Segment[] } }).references;
  const first = segments.find(({ number }) => number === 1)!;
  expect(files.bytes(path(1)).length).toBeLessThan(2000);
  expect(await first.file?.handle.sizeBytes()).toBe(files.bytes(path(1)).length);
  await owner.check();
  await owner.it.close();
});

test('reads that are under way while a segment is rewritten get what they asked for', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  let reading = true;
  let reads = 0;
  const readers = [1, 2, 3].map(async (reader) => {
    while (reading) {
      for (const seq of owner.live) {
        if ((seq / 7) % 3 !== reader - 1) continue;
        expect(await owner.it.read(seq)).toMatch(new RegExp(`^text ${seq} x`));
        reads++;
      }
    }
  });
  await owner.it.until(() => compacted(owner));
  reading = false;
  await Promise.all(readers);
  expect(reads).toBeGreaterThan(200);
  expect(owner.it.kinds()).not.toContain('rot');
  await owner.it.close();
});

test('a read held back by the disk over a rewriting is done again', async () => {
  const files = new MemoryFiles();
  const owner = await Owner.open(files);
  await owner.fill(40);
  owner.it.checkpoint();
  await owner.it.safe();
  owner.keep(every(7));
  await owner.it.safe();
  await quiet(files);
  // Held: this one read, while the compaction's own go on.
  expect(owner.it.peek(7)).toBeUndefined();
  let text: string | undefined;
  files.hold = 'read';
  owner.it.log.load(7, (error) => {
    text = error?.message ?? owner.it.peek(7);
  });
  owner.it.turn.end();
  files.hold = undefined;
  await owner.it.until(() => files.bytes(path(1)).length < 2000);
  expect(text).toBeUndefined();
  files.release();
  await until(() => text !== undefined);
  expect(text).toMatch('text 7 x');
  expect(owner.it.kinds()).not.toContain('rot');
  await owner.it.close();
});

test('an owner that takes its time, and says yes too often, is waited for and believed', async () => {
  const files = new MemoryFiles();
  const owner = await Owner.open(files);
  let answer: (() => void) | undefined;
  owner.answer = (_first, _last, done) => {
    answer = () => done((seq) => seq % 2 === 0 || owner.live.has(seq));
  };
  await owner.fill(40);
  owner.it.checkpoint();
  await owner.it.safe();
  owner.keep(every(9));
  await owner.it.until(() => answer !== undefined);
  for (let i = 0; i < 50; i++) {
    owner.it.clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(owner.asked.length).toBe(1);
  answer!();
  await owner.it.until(() => owner.asked.length > 1 || files.bytes(path(1)).length < 4000);
  await owner.check();
  // Closing does not wait for an answer that never comes.
  await owner.it.close();
});

test('what the owner refers to and does not name is not thrown away', async () => {
  const files = new MemoryFiles();
  const owner = await Owner.open(files);
  owner.answer = (_first, _last, done) => done(() => false);
  await owner.fill(40);
  owner.it.checkpoint();
  await owner.it.safe();
  owner.keep(every(7));
  await owner.it.until(() => owner.asked.length > 0);
  for (let i = 0; i < 200; i++) {
    owner.it.clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await owner.check();
  expect(owner.asked.length).toBeLessThan(10);
  await owner.it.close();
});

test('a damaged segment is left as it is', async () => {
  const files = new MemoryFiles();
  const owner = await Owner.open(files);
  await owner.fill(100);
  owner.it.checkpoint();
  await owner.it.safe();
  await quiet(files);
  const bytes = files.bytes(path(1));
  bytes[bytes.indexOf('text 7 x')]! ^= 1;
  owner.keep(every(7));
  await owner.it.until(() => files.bytes(path(2)).length < 2000);
  expect(files.bytes(path(1)).length).toBe(4096);
  owner.live.delete(7);
  await expect(owner.it.read(7)).rejects.toThrow('damaged');
  await owner.check();
  await owner.it.close();
});

test('a disk without room for a new file leaves the old one, and it is tried again', async () => {
  const files = new MemoryFiles();
  const owner = await mostlyDead(files);
  let refused = 0;
  files.fail = (call, name) => {
    if (call !== 'write' || !name.endsWith('.compacting')) return undefined;
    refused++;
    return Object.assign(new Error('no space'), { code: 'ENOSPC' });
  };
  await owner.it.until(() => refused > 0);
  await owner.check();
  expect(owner.it.failures).toEqual([]);
  files.fail = () => undefined;
  owner.keep(every(14));
  await owner.it.until(() => compacted(owner));
  await owner.check();
  await owner.it.close();
});
