/** A bounded number of histories of queues that wait beside each other, and bugs planted in how they are brought together. */
import { afterEach, describe, expect, it } from 'vitest';
import { Directories } from '../../../src/log/read/directories.ts';
import { Runs } from '../../../src/log/read/runs.ts';
import { Compaction } from '../../../src/log/reclaim/compaction.ts';
import { GroupCopier } from '../../../src/log/reclaim/group-copier.ts';
import { PartMemory } from '../../../src/log/reclaim/group-part.ts';
import { SimulatedDisk } from '../world/disk.ts';
import { runGrouping } from './grouping.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_GROUPING'] ?? 80);
const PATIENCE = 80;

interface Patched {
  // biome-ignore lint/suspicious/noExplicitAny: whatever method is replaced
  [method: string]: any;
}
const undo: (() => void)[] = [];
/** Replaces a method until the test is over. */
function plant(prototype: object, method: string, wrong: (before: Patched[string]) => Patched[string]): void {
  const there = prototype as Patched;
  const before = there[method];
  there[method] = wrong(before);
  undo.push(() => {
    there[method] = before;
  });
}

afterEach(() => {
  for (const back of undo.splice(0)) back();
});

describe('queues that wait beside each other', () => {
  it(`come back whole and in order through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sums = { rewritten: 0, spoiled: 0, messages: 0, lives: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runGrouping(seed);
      sums.rewritten += report.rewritten;
      sums.spoiled += report.spoiled;
      sums.messages += report.messages;
      sums.lives += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    // A history in which nothing is brought together proves nothing.
    expect(sums.rewritten).toBeGreaterThan(HISTORIES);
    expect(sums.spoiled).toBeGreaterThan(HISTORIES / 10);
    expect(sums.messages).toBeGreaterThan(HISTORIES * 100);
    expect(sums.lives).toBeGreaterThan(HISTORIES);
  });

  const planted: Record<string, () => void> = {
    /** One record in a while is not copied. */
    'a record left out': () => {
      let n = 0;
      plant(
        GroupCopier.prototype,
        'read',
        (before) =>
          function (
            this: GroupCopier,
            segment: unknown,
            block: unknown,
            live: { isLive(seq: number): boolean; groupOf(seq: number): number },
            part: unknown,
          ) {
            const some = { isLive: (seq: number) => live.isLive(seq) && ++n % 40 !== 0, groupOf: live.groupOf };
            return before.call(this, segment, block, some, part);
          },
      );
    },
    /** What a part is held in is lent to blocks as well. */
    'memory that is used twice': () => {
      plant(
        PartMemory.prototype,
        'chunk',
        (before) =>
          function (this: { residents: { giveBack(buffer: Buffer): void } }, index: number) {
            const chunk = before.call(this, index);
            this.residents.giveBack(chunk);
            return chunk;
          },
      );
    },
    /** What is read for one reader is written over by what is read for the next. */
    'one buffer for all runs': () => {
      const shared = Buffer.alloc(64 * 1024);
      plant(
        Runs.prototype,
        'begin',
        (before) =>
          function (this: Runs, run: { buffer: Buffer }) {
            before.call(this, run);
            run.buffer = shared;
            return shared;
          },
      );
    },
    /** A directory that lies is believed. */
    'a lie believed': () => {
      plant(Directories.prototype, 'isMadeAnew', () => () => true);
    },
    /** The new file gets its name before it is on the disk. */
    'a switch before the writing': () => {
      plant(
        SimulatedDisk.prototype,
        'open',
        (before) =>
          async function (this: SimulatedDisk, path: string, how: string) {
            const file = await before.call(this, path, how);
            if (!path.endsWith('.compacting')) return file;
            file.sync = (done: (error: Error | undefined) => void) => setImmediate(done, undefined);
            return file;
          },
      );
    },
    /** Blocks that become one forget what the others' messages are needed for. */
    'references of the first block alone': () => {
      plant(
        Compaction.prototype,
        'swap',
        (before) =>
          function (
            this: Compaction,
            segment: { blocks: { live: number }[] },
            file: unknown,
            copied: { moved: { blocks: { live: number }[] }[] },
          ) {
            for (const { blocks } of copied.moved) for (const block of blocks.slice(1)) block.live = 0;
            before.call(this, segment, file, copied);
          },
      );
    },
  };

  it.each(Object.keys(planted))('a planted bug is found: %s', { timeout: 300_000 }, async (name) => {
    planted[name]!();
    let found = 0;
    for (let seed = 1; seed <= PATIENCE && found === 0; seed++) found += (await runGrouping(seed)).failures.length;
    expect(found).toBeGreaterThan(0);
  });
});
