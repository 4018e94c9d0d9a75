/**
 * A rewriting takes the old file away only when what let go of its records is on the disk: after a power failure in between,
 * the records would be asked for again, and be nowhere.
 */
import { expect, test } from 'vitest';
import type { FileSystem } from '../../../src/log/files/files.ts';
import type { LogOptions } from '../../../src/log/options.ts';
import { quiet, TestLog } from '../harness.ts';
import { MemoryFiles } from '../memory-files.ts';

const COMPACTING = '.compacting';

/** The disk, where the syncs of the log's own files can be held back while those of a rewriting go on. */
class HeldSyncs {
  readonly disk = new MemoryFiles();
  holding = false;
  private held: (() => void)[] = [];

  get files(): FileSystem {
    const { disk } = this;
    return new Proxy<FileSystem>(disk, {
      get: (_, name: Exclude<keyof FileSystem, 'freeBytes'>) => {
        if (name !== 'open') return disk[name].bind(disk);
        return async (path: string, how: 'read' | 'update' | 'create') => {
          const file = await disk.open(path, how);
          if (path.endsWith(COMPACTING)) return file;
          const sync = file.sync.bind(file);
          file.sync = (done) => {
            if (this.holding) this.held.push(() => sync(done));
            else sync(done);
          };
          return file;
        };
      },
    });
  }

  release(): void {
    this.holding = false;
    for (const go of this.held.splice(0)) go();
  }

  calls(pattern: RegExp): number {
    return this.disk.calls.filter((call) => pattern.test(call)).length;
  }
}

/** A log of 60 messages before a checkpoint, of which every seventh is still needed; the rest is let go by `letGo`. */
async function mostlyDead(held: HeldSyncs, options: Partial<LogOptions> = {}) {
  const live = new Set<number>();
  const it = await TestLog.open(held.files, {
    residentBytesMax: 2048,
    liveIn: (_first, _last, done) => done((seq) => live.has(seq)),
    ...options,
  });
  it.log.referencesCounted();
  for (let i = 0; i < 60; i++) {
    live.add(it.message(`text ${it.sequence.next} ${'x'.repeat(90)}`));
    if (i % 10 === 9) await it.safe();
  }
  it.checkpoint();
  await it.safe();
  const letGo = () => {
    for (const seq of live) {
      if (seq % 7 === 0) continue;
      live.delete(seq);
      it.log.release(seq, 1);
    }
    it.note('let go');
  };
  return { it, live, letGo };
}

test('the new file takes the old name only after the sync of what let go of the records', async () => {
  const held = new HeldSyncs();
  const { it, live, letGo } = await mostlyDead(held);
  letGo();
  await it.safe();
  // From the moment that the copy is synced, nothing of the log reaches the disk.
  held.disk.fail = (call, path) => {
    if (call === 'sync' && path.endsWith(COMPACTING) && !held.holding) {
      held.holding = true;
      it.note('more is let go');
    }
    return undefined;
  };
  await it.until(() => held.calls(/^sync .*compacting done$/) > 0);
  for (let i = 0; i < 200; i++) {
    it.clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(held.calls(/^rename .*compacting/)).toBe(0);
  held.disk.fail = () => undefined;
  held.release();
  await it.until(() => held.calls(/^rename .*compacting done$/) > 0);
  for (const seq of live) expect(await it.read(seq)).toMatch(`text ${seq} x`);
  await it.close();
});

test('whatever the durability: a power failure after the new file has the name finds what let go of the records', async () => {
  const held = new HeldSyncs();
  const { it, letGo } = await mostlyDead(held, { durability: 'none' });
  letGo();
  await it.until(() => held.calls(/^rename .*compacting done$/) > 0);
  const disk = held.disk.afterPowerLoss(() => 0);
  const again = await TestLog.open(disk);
  expect(again.texts(128)).toContain('let go');
  await again.close();
  await quiet(held.disk);
  await it.close();
});
