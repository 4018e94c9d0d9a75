/** The transient store: what it keeps in memory, spills, reads back and gives up. */
import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import { RecordRef } from '../../../src/log/format/record.ts';
import { isSpillName } from '../../../src/log/transient/spill.ts';
import { type TransientOptions, TransientStore } from '../../../src/log/transient/transient-store.ts';
import { PinnedMemory } from '../../../src/message/pinned-memory.ts';
import { DIRECTORY, quiet, until } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const FIRST = `${DIRECTORY}/transient-1.spill`;

/** Names of the spill files, and what they take up together. */
function spilled(files: MemoryFiles): { names: string[]; bytes: number } {
  const names = [...files.names.keys()].filter((path) => isSpillName(path.slice(DIRECTORY.length + 1)));
  return { names, bytes: names.reduce((sum, path) => sum + files.bytes(path).length, 0) };
}

class Owner {
  readonly store: TransientStore;
  readonly failures: Error[];
  readonly clock: ManualClock;
  seq = 0;
  /** References, by number. */
  private readonly references: Map<number, number>;
  private readonly ref = new RecordRef();

  constructor(store: TransientStore, failures: Error[], clock: ManualClock, references: Map<number, number>) {
    this.store = store;
    this.failures = failures;
    this.clock = clock;
    this.references = references;
  }

  static async open(files: MemoryFiles, options: Partial<TransientOptions> = {}): Promise<Owner> {
    const failures: Error[] = [];
    const clock = new ManualClock();
    const references = new Map<number, number>();
    const store = await TransientStore.open({
      files,
      directory: DIRECTORY,
      turn: new Turn(),
      clock,
      liveAmong: (seqs, done) => {
        const live = new Set(seqs.filter((seq) => references.has(seq)));
        setImmediate(() => done((seq) => live.has(seq)));
      },
      blockBytes: 1024,
      residentBytesMax: 4096,
      onSpillFailed: (error) => failures.push(error),
      ...options,
    });
    return new Owner(store, failures, clock, references);
  }

  message(text: string): number {
    const seq = ++this.seq;
    const at = this.store.appendSequenced(7, seq, text.length);
    this.store.buffer.latin1Write(text, at);
    this.store.addLive(seq, 1);
    this.references.set(seq, 1);
    return seq;
  }

  release(seq: number): void {
    this.references.delete(seq);
    this.store.release(seq, 1);
  }

  /** Lets whatever is due be done, until nothing is under way on the disk. */
  async settle(files: MemoryFiles): Promise<void> {
    for (let n = 0; n < 30; n++) {
      this.clock.advance(1_000);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      await until(() => files.pending === 0);
    }
  }

  /** Where the message lies, pinned: the bytes, and how to let go of them. */
  pin(seq: number): { bytes: Buffer; release(): void } {
    const { ref } = this;
    if (!this.store.locate(seq, ref)) throw new Error(`${seq} is not in memory`);
    const memory = ref.memory!.pinned();
    memory.hold();
    return { bytes: ref.buffer.subarray(ref.start, ref.end), release: () => memory.release() };
  }

  peek(seq: number): string | undefined {
    const { ref } = this;
    return this.store.locate(seq, ref) ? ref.buffer.latin1Slice(ref.start, ref.end) : undefined;
  }

  async read(seq: number): Promise<string | undefined> {
    const there = this.peek(seq);
    if (there !== undefined) return there;
    await new Promise<void>((resolve, reject) => {
      this.store.load(seq, (error) => (error !== undefined ? reject(error) : resolve()));
    });
    return this.peek(seq);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.store.close(resolve));
  }
}

const text = (i: number) => `text ${i} ${'x'.repeat(i % 97)}`;

test('what is within the budget never touches the disk', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files, { residentBytesMax: 1 << 20 });
  files.calls.length = 0;
  for (let i = 1; i <= 500; i++) it.message(text(i));
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 1; i <= 500; i++) expect(it.peek(i)).toBe(text(i));
  expect(files.calls).toEqual([]);
  await it.close();
});

test('a block is free as soon as nothing in it is needed, in whatever order', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files, { residentBytesMax: 1 << 20 });
  for (let i = 1; i <= 500; i++) it.message(text(i));
  const full = it.store.residentBytes;
  for (let i = 101; i <= 400; i++) it.release(i);
  await until(() => it.store.residentBytes < full / 2);
  for (const i of [1, 100, 401, 500]) expect(it.peek(i)).toBe(text(i));
  for (let i = 1; i <= 500; i++) if (i < 101 || i > 400) it.release(i);
  await until(() => it.store.residentBytes <= 1024);
  it.message('goes on');
  expect(it.peek(501)).toBe('goes on');
  await it.close();
});

test('what is pinned stays as it is, whether its block is given up or spilled and read back, and its memory is used again after', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  const messages = (count: number): void => {
    for (let i = 0; i < count; i++) it.message(text(it.seq + 1));
  };
  messages(20);
  const [settled, spilled] = [it.pin(1), it.pin(20)];
  it.release(1);
  for (let n = 0; n < 30; n++) {
    messages(40);
    await it.settle(files);
    for (let i = it.seq - 30; i <= it.seq; i++) if (i % 2 === 0) it.release(i);
  }
  expect(it.peek(20)).toBe(undefined);
  expect(await it.read(20)).toBe(text(20));
  messages(200);
  await it.settle(files);
  expect([settled.bytes, spilled.bytes].map((bytes) => bytes.latin1Slice())).toEqual([text(1), text(20)]);
  expect(PinnedMemory.bytes).toBeGreaterThan(0);
  settled.release();
  spilled.release();
  expect(PinnedMemory.bytes).toBe(0);
  for (let n = 0; n < 30; n++) {
    messages(40);
    await it.settle(files);
  }
  expect(spilled.bytes.latin1Slice()).not.toBe(text(20));
  await it.close();
});

test('beyond the budget the oldest are spilled without a sync, and every one comes back', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  for (let i = 1; i <= 1000; i++) {
    it.message(text(i));
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => it.store.residentBytes <= 4096);
  expect(it.store.spilledBlocks).toBeGreaterThan(40);
  expect(it.peek(1000)).toBe(text(1000));
  for (let i = 1; i <= 1000; i++) expect(await it.read(i)).toBe(text(i));
  for (let i = 1000; i >= 1; i -= 7) expect(await it.read(i)).toBe(text(i));
  expect(files.calls.some((call) => call.startsWith('sync'))).toBe(false);
  await it.close();
});

test('the spill file does not grow when what is in it is done with', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  let sizeBytes = 0;
  for (let round = 0; round < 10; round++) {
    const from = it.seq + 1;
    for (let i = 0; i < 300; i++) it.message(text(i));
    await until(() => it.store.residentBytes <= 4096);
    for (let seq = from; seq <= it.seq; seq++) it.release(seq);
    await until(() => it.store.residentBytes <= 1024);
    await quiet(files);
    if (round === 1) sizeBytes = spilled(files).bytes;
  }
  expect(spilled(files).bytes).toBeLessThanOrEqual(sizeBytes + 2 * 1024);
  await it.close();
});

test('spill files left by a kill are thrown away, those of other versions too, and those of this life go with it', async () => {
  const files = new MemoryFiles();
  files.put(FIRST, Buffer.from('left behind'));
  files.put(`${DIRECTORY}/transient.spill`, Buffer.from('left behind'));
  files.put(`${DIRECTORY}/0000000001.log`, Buffer.from('not ours'));
  const it = await Owner.open(files);
  expect(spilled(files).names).toEqual([]);
  for (let i = 1; i <= 300; i++) it.message(text(i));
  await until(() => it.store.residentBytes <= 4096);
  expect(spilled(files).names).toHaveLength(1);
  await it.close();
  expect([...files.names.keys()]).toEqual([`${DIRECTORY}/0000000001.log`]);
  expect(() => it.message('too late')).toThrow('closed');
});

test('the disk is given back as soon as nothing spilled is needed, that of the file being written too', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files, { spillFileBytes: 16 * 1024 });
  for (let i = 1; i <= 1000; i++) it.message(text(i));
  await until(() => it.store.residentBytes <= 4096);
  expect(spilled(files).names.length).toBeGreaterThan(2);
  expect(it.store.statistics.spillBytes).toBe(spilled(files).bytes);
  for (let i = 1; i <= 1000; i++) it.release(i);
  await quiet(files);
  await until(() => spilled(files).names.length === 0);
  expect(it.store.statistics).toMatchObject({ spillBytes: 0, spillLiveBytes: 0 });
  it.message('goes on');
  await it.close();
});

test('a few messages that stay do not hold the room of all that went', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files, { spillFileBytes: 32 * 1024 });
  const kept: number[] = [];
  for (let i = 1; i <= 4000; i++) {
    it.message(text(i));
    if (i % 50 === 0) kept.push(i);
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => it.store.residentBytes <= 4096);
  const before = spilled(files).bytes;
  for (let i = 1; i <= 4000; i++) if (i % 50 !== 0) it.release(i);
  await it.settle(files);
  expect(before).toBeGreaterThan(200 * 1024);
  expect(spilled(files).bytes).toBeLessThan(16 * 1024);
  expect(it.store.statistics.compactedFiles).toBeGreaterThan(3);
  for (const i of kept) expect(await it.read(i)).toBe(text(i));
  // And when these go, nothing is left.
  for (const i of kept) it.release(i);
  await it.settle(files);
  expect(spilled(files).bytes).toBe(0);
  await it.close();
});

test('what was mostly dead when it was spilled is given back as well', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  files.hold = 'write';
  for (let i = 1; i <= 1000; i++) it.message(text(i));
  for (let i = 1; i <= 1000; i++) if (i % 40 !== 0) it.release(i);
  await until(() => files.waiting > 0);
  files.release();
  await until(() => it.store.residentBytes <= 4096);
  const before = spilled(files).bytes;
  await it.settle(files);
  expect(spilled(files).bytes).toBeLessThan(before / 4);
  for (let i = 40; i <= 1000; i += 40) expect(await it.read(i)).toBe(text(i));
  await it.close();
});

test('what is read, let go of and spilled while a file is rewritten stays right', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files, { spillFileBytes: 8 * 1024 });
  const kept = new Set<number>();
  for (let i = 1; i <= 1500; i++) {
    it.message(text(i));
    if (i % 10 === 0) kept.add(i);
  }
  await until(() => it.store.residentBytes <= 4096);
  for (let i = 1; i <= 1500; i++) if (!kept.has(i)) it.release(i);
  for (let round = 0; round < 200; round++) {
    it.clock.advance(500);
    const [some] = [...kept].slice(round % kept.size);
    if (round % 3 === 0) {
      it.release(some!);
      kept.delete(some!);
    } else expect(await it.read(some!)).toBe(text(some!));
    it.message(text(it.seq + 1));
    kept.add(it.seq);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await it.settle(files);
  for (const i of kept) expect(await it.read(i)).toBe(text(i));
  expect(it.failures).toEqual([]);
  for (const i of kept) it.release(i);
  await it.settle(files);
  expect(spilled(files).bytes).toBe(0);
  await it.close();
});

test('a file whose references nobody claims is left as it is', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files, { liveAmong: (_seqs, done) => done(() => false) });
  for (let i = 1; i <= 1000; i++) it.message(text(i));
  await until(() => it.store.residentBytes <= 4096);
  for (let i = 1; i <= 1000; i++) if (i % 20 !== 0) it.release(i);
  await it.settle(files);
  for (let i = 20; i <= 1000; i += 20) expect(await it.read(i)).toBe(text(i));
  await it.close();
});

test('the spill files have a bound; past it memory fills, and then the store is full until something goes', async () => {
  const files = new MemoryFiles();
  const told: boolean[] = [];
  const it = await Owner.open(files, {
    spillBytesMax: 8 * 1024,
    fullBytes: 12 * 1024,
    onSpillFull: (full) => void told.push(full),
  });
  let i = 0;
  while (!it.store.full) {
    it.message(text(++i));
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (i > 5000) throw new Error('never full');
  }
  await quiet(files);
  expect(spilled(files).bytes).toBeLessThanOrEqual(8 * 1024);
  expect(it.store.statistics).toMatchObject({ full: true, spillBytesMax: 8 * 1024 });
  expect(told).toEqual([true]);
  for (let seq = 1; seq <= i; seq++) expect(await it.read(seq)).toBe(text(seq));
  for (let seq = 1; seq <= i - 20; seq++) it.release(seq);
  await it.settle(files);
  expect(it.store.full).toBe(false);
  expect(told).toEqual([true, false]);
  await it.close();
});

test('a spill that fails loses nothing: the block stays in memory', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  files.fail = (call) => (call === 'write' ? new Error('ENOSPC') : undefined);
  for (let i = 1; i <= 200; i++) it.message(text(i));
  await until(() => it.failures.length > 0 && files.pending === 0);
  // It is not tried over and over while nothing changes.
  const tried = it.failures.length;
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  expect(it.failures.length).toBe(tried);
  for (let i = 1; i <= 200; i++) expect(it.peek(i)).toBe(text(i));
  expect(it.store.residentBytes).toBeGreaterThan(4096);
  files.fail = () => undefined;
  for (let i = 201; i <= 260; i++) it.message(text(i)); // more memory is asked for: tried again
  await until(() => it.store.residentBytes <= 4096);
  for (let i = 1; i <= 200; i++) expect(await it.read(i)).toBe(text(i));
  await it.close();
});

test('what does not come back as it was written is an error, never a wrong message', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  for (let i = 1; i <= 200; i++) it.message(text(i));
  await until(() => it.store.residentBytes <= 4096);
  await quiet(files);
  files.bytes(FIRST)[40]! ^= 1;
  await expect(it.read(1)).rejects.toThrow('does not come back');
  expect(await it.read(100)).toBe(text(100));
  await it.close();
});

test('what is read back counts as memory, and goes again when others are read', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  for (let i = 1; i <= 400; i++) it.message(text(i));
  await until(() => it.store.residentBytes <= 4096);
  await quiet(files);
  const before = it.store.residentBytes;
  it.store.load(1, () => {});
  await until(() => it.peek(1) !== undefined);
  expect(it.store.residentBytes).toBe(before + 1024);
  for (let i = 1; i <= 400; i++) expect(await it.read(i)).toBe(text(i));
  await it.settle(files);
  expect(it.store.residentBytes).toBeGreaterThan(0);
  expect(it.store.residentBytes).toBeLessThanOrEqual(4096);
  let there = 0;
  for (let i = 1; i <= 400; i++) if (it.peek(i) !== undefined) there++;
  // Four blocks of some fourteen messages each.
  expect(there).toBeLessThan(100);
  await it.close();
});

test('without a directory nothing is spilled', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files, { directory: null });
  for (let i = 1; i <= 300; i++) it.message(text(i));
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 1; i <= 300; i++) expect(it.peek(i)).toBe(text(i));
  expect(files.calls).toEqual([]);
  await it.close();
});

test('a block released while it is being spilled or loaded is let go when that is done', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  files.hold = 'write';
  for (let i = 1; i <= 300; i++) it.message(text(i));
  await until(() => files.waiting > 0);
  for (let i = 1; i <= 100; i++) it.release(i);
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
  files.release();
  await until(() => it.store.residentBytes <= 4096);
  for (let i = 130; i <= 300; i++) expect(await it.read(i)).toBe(text(i));
  await until(() => it.store.residentBytes <= 4096 && files.pending === 0);
  files.hold = 'read';
  let told: Error | undefined | null = null;
  it.store.load(130, (error) => {
    told = error;
  });
  if (told === null) {
    for (let i = 101; i <= 160; i++) it.release(i);
    for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
    files.release();
    await until(() => told !== null);
    for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
  }
  files.release();
  for (let i = 200; i <= 300; i++) expect(await it.read(i)).toBe(text(i));
  await it.close();
});

test('a close waits for a rewriting that is under way, and ends with it', async () => {
  const files = new MemoryFiles();
  let answer: (() => void) | undefined;
  const it = await Owner.open(files, {
    liveAmong: (_seqs, done) => {
      answer = () => done(() => true);
    },
  });
  for (let i = 1; i <= 1000; i++) it.message(text(i));
  await until(() => it.store.residentBytes <= 4096);
  for (let i = 1; i <= 1000; i++) if (i % 20 !== 0) it.release(i);
  await it.settle(files);
  expect(answer).toBeDefined();
  let closed = false;
  it.store.close(() => {
    closed = true;
  });
  await it.settle(files);
  expect(closed).toBe(false);
  answer!();
  await until(() => closed);
  expect(spilled(files).names).toEqual([]);
});

test('who asks for a spilled record of a store that is closed is not answered, and nothing breaks', async () => {
  const files = new MemoryFiles();
  const it = await Owner.open(files);
  for (let i = 1; i <= 300; i++) it.message(text(i));
  await until(() => it.store.residentBytes <= 4096);
  let answered = false;
  const ask = () =>
    it.store.load(1, () => {
      answered = true;
    });
  const closed = it.close();
  ask();
  await closed;
  ask();
  await quiet(files);
  expect(answered).toBe(false);
});
