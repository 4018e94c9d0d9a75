/** A full disk: publishers are to wait, nothing fails, nothing is lost, and it heals when something is freed. */
import { expect, test } from 'vitest';
import { DIRECTORY, quiet, STATE, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

/** A disk that holds so many bytes and no more; zeros that were written count. */
class SmallDisk extends MemoryFiles {
  roomBytes = Number.POSITIVE_INFINITY;
  refused = 0;

  get usedBytes(): number {
    let bytes = 0;
    for (const path of this.names.keys()) bytes += this.bytes(path).length;
    return bytes;
  }

  /** Nothing may grow by more than this from now on. */
  leave(bytes: number): void {
    this.roomBytes = this.usedBytes + bytes;
  }

  constructor() {
    super();
    this.fail = (call, path) => this.refuse(call, path);
  }

  private refuse(call: string, path: string): Error | undefined {
    if (call !== 'write' || this.usedBytes < this.roomBytes) return undefined;
    // A write within what a file has needs no room; the disk of these tests cannot see where a write goes, so it goes by names.
    if (this.within(path)) return undefined;
    this.refused++;
    return Object.assign(new Error(`ENOSPC: ${path}`), { code: 'ENOSPC' });
  }

  /** The file has all the room that a segment takes. */
  private within(path: string): boolean {
    return this.bytes(path).length >= 4096;
  }
}

class Owner {
  full = 0;
  space = 0;
  readonly live = new Set<number>();
  it!: TestLog;

  static async open(files: MemoryFiles): Promise<Owner> {
    const owner = new Owner();
    owner.it = await TestLog.open(files, {
      residentBytesMax: 2048,
      checkpointBytes: 8192,
      checkpointDue: () => {
        if (!owner.it.log.checkpointing) owner.it.checkpoint();
      },
      liveIn: (_first, _last, done) => done((seq) => owner.live.has(seq)),
      onFull: () => {
        owner.full++;
      },
      onSpace: () => {
        owner.space++;
      },
    });
    owner.it.log.referencesCounted();
    return owner;
  }

  publish(): void {
    this.live.add(this.it.message(`text ${this.it.sequence.next} ${'x'.repeat(90)}`));
  }

  settle(seq: number): void {
    this.live.delete(seq);
    this.it.log.release(seq, 1);
    this.it.note(`settled ${seq}`);
  }
}

async function filled(files: SmallDisk): Promise<Owner> {
  const owner = await Owner.open(files);
  for (let i = 0; i < 200; i++) {
    owner.publish();
    await owner.it.safe();
  }
  await quiet(files);
  files.leave(0);
  for (let i = 0; i < 400 && !owner.it.log.full; i++) {
    owner.publish();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(owner.it.log.full).toBe(true);
  expect(owner.full).toBe(1);
  return owner;
}

test('a full disk is told once and fails nothing; what consumers settle is written down, and frees it', async () => {
  const files = new SmallDisk();
  const owner = await filled(files);
  expect(owner.it.log.failed).toBeUndefined();
  for (const seq of [...owner.live]) {
    owner.settle(seq);
    if (seq % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await owner.it.until(() => owner.space === 1);
  expect(owner.it.log.full).toBe(false);
  expect(files.refused).toBeGreaterThan(0);
  for (let i = 0; i < 20; i++) owner.publish();
  await owner.it.safe();
  expect(owner.it.failures).toEqual([]);
  const again = await TestLog.open(files.afterKill());
  expect(again.texts().slice(-20).length).toBe(20);
  expect(again.kinds()).not.toContain('rot');
  await owner.it.close();
});

test('somebody else makes room: tried each second, and everything that waited is written', async () => {
  const files = new SmallDisk();
  const owner = await filled(files);
  for (let i = 0; i < 60; i++) owner.publish();
  let safe = false;
  const waiting = owner.it.safe().then(() => {
    safe = true;
  });
  for (let i = 0; i < 100; i++) {
    owner.it.clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  files.roomBytes = Number.POSITIVE_INFINITY;
  await owner.it.until(() => safe && owner.space === 1);
  await waiting;
  expect(owner.it.failures).toEqual([]);
  const again = await TestLog.open(files.afterKill());
  for (const seq of owner.live) expect(await again.read(seq)).toMatch(`text ${seq} `);
});

test('a stop on a full disk ends, and what was confirmed is there', async () => {
  const files = new SmallDisk();
  const owner = await filled(files);
  let confirmed = 0;
  for (const seq of owner.live) confirmed = Math.max(confirmed, seq);
  await owner.it.safe().then(
    () => {},
    () => {},
  );
  for (let i = 0; i < 300; i++) owner.publish(); // more than any reserve holds
  await owner.it.close();
  const again = await TestLog.open(files.afterKill());
  for (let seq = 1; seq <= confirmed; seq++) expect(await again.read(seq)).toMatch(`text ${seq} `);
  expect(again.texts(STATE).length).toBeGreaterThan(0);
  expect([...files.names.keys()].every((name) => name.startsWith(DIRECTORY))).toBe(true);
});

test('spares go before anybody has to wait', async () => {
  const files = new SmallDisk();
  const owner = await Owner.open(files);
  for (let i = 0; i < 600; i++) {
    owner.publish();
    await owner.it.safe();
    for (const seq of [...owner.live].slice(0, -5)) owner.settle(seq);
  }
  await quiet(files);
  const spares = () => [...files.names.keys()].filter((name) => name.includes('/spare-')).length;
  expect(spares()).toBeGreaterThan(0);
  const before = spares();
  files.leave(0);
  for (let i = 0; i < 60 && spares() === before; i++) {
    owner.publish();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(spares()).toBeLessThan(before);
  expect(owner.full).toBe(0);
  await owner.it.close();
});
