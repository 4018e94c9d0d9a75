import { expect, test } from 'vitest';
import { Turn } from '../../src/clock/turn.ts';
import { RecordRef } from '../../src/log/record.ts';
import { SPILL_NAME, type TransientOptions, TransientStore } from '../../src/log/transient.ts';
import { DIRECTORY, quiet, until } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

const SPILL = `${DIRECTORY}/${SPILL_NAME}`;

class Owner {
  readonly store: TransientStore;
  readonly failures: Error[];
  seq = 0;
  private readonly ref = new RecordRef();

  constructor(store: TransientStore, failures: Error[]) {
    this.store = store;
    this.failures = failures;
  }

  static async open(files: MemoryFiles, options: Partial<TransientOptions> = {}): Promise<Owner> {
    const failures: Error[] = [];
    const store = await TransientStore.open({
      files,
      directory: DIRECTORY,
      turn: new Turn(),
      blockBytes: 1024,
      residentBytesMax: 4096,
      onSpillFailed: (error) => failures.push(error),
      ...options,
    });
    return new Owner(store, failures);
  }

  message(text: string): number {
    const seq = ++this.seq;
    const at = this.store.appendSequenced(7, seq, text.length);
    this.store.buffer.latin1Write(text, at);
    this.store.addLive(seq, 1);
    return seq;
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
  for (let i = 101; i <= 400; i++) it.store.release(i, 1);
  await until(() => it.store.residentBytes < full / 2);
  for (const i of [1, 100, 401, 500]) expect(it.peek(i)).toBe(text(i));
  for (let i = 1; i <= 500; i++) if (i < 101 || i > 400) it.store.release(i, 1);
  await until(() => it.store.residentBytes <= 1024);
  it.message('goes on');
  expect(it.peek(501)).toBe('goes on');
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
    for (let seq = from; seq <= it.seq; seq++) it.store.release(seq, 1);
    await until(() => it.store.residentBytes <= 1024);
    await quiet(files);
    if (round === 1) sizeBytes = files.bytes(SPILL).length;
  }
  expect(files.bytes(SPILL).length).toBeLessThanOrEqual(sizeBytes + 2 * 1024);
  await it.close();
});

test('a spill file left by a kill is thrown away, and one of this life goes with it', async () => {
  const files = new MemoryFiles();
  files.put(SPILL, Buffer.from('left behind'));
  const it = await Owner.open(files);
  expect(files.bytes(SPILL).length).toBe(0);
  await it.close();
  expect(files.names.has(SPILL)).toBe(false);
  expect(() => it.message('too late')).toThrow('closed');
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
  files.bytes(SPILL)[40]! ^= 1;
  await expect(it.read(1)).rejects.toThrow('does not come back');
  expect(await it.read(100)).toBe(text(100));
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
  for (let i = 1; i <= 100; i++) it.store.release(i, 1);
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
    for (let i = 101; i <= 160; i++) it.store.release(i, 1);
    for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
    files.release();
    await until(() => told !== null);
    for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
  }
  files.release();
  for (let i = 200; i <= 300; i++) expect(await it.read(i)).toBe(text(i));
  await it.close();
});
