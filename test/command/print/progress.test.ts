/** A line of progress: on a terminal, a few times a second, and gone in the end. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Progress } from '../../../src/command/print/progress.ts';

function shown(isTTY: boolean, unit: 'bytes' | 'items', total: number | undefined, columns = 100) {
  const clock = new ManualClock();
  const written: string[] = [];
  const terminal = { isTTY, columns, write: (text: string) => void written.push(text) };
  return { clock, written, progress: new Progress({ what: 'copied', total, unit, clock, terminal }) };
}

describe('progress', () => {
  it('tells how much of what is done, how fast, and how long it takes yet', () => {
    const { clock, written, progress } = shown(true, 'bytes', 4 * 1024 * 1024);
    progress.at(1);
    clock.advance(1_000);
    progress.at(1024 * 1024);
    expect(written).toEqual(['\rcopied  [#####---------------]  25 %  1.0 MiB of 4.0 MiB  1.0 MiB/s  3 s left\x1b[K']);
    // Not again at once.
    progress.at(1024 * 1024 + 1);
    clock.advance(200);
    progress.at(2 * 1024 * 1024, 'p99 3 ms');
    expect(written).toHaveLength(2);
    expect(written[1]).toContain('50 %');
    expect(written[1]).toContain('p99 3 ms');
    progress.end();
    expect(written[2]).toBe('\r\x1b[K');
  });

  it('says less where less is known, and is no wider than the terminal', () => {
    const { clock, written, progress } = shown(true, 'items', undefined, 20);
    clock.advance(2_000);
    progress.at(5_000);
    expect(written).toEqual(['\rcopied  5,000  2,5…\x1b[K']);
  });

  it('is nothing where there is no terminal, nor for what is over at once', () => {
    const elsewhere = shown(false, 'bytes', 10);
    elsewhere.clock.advance(5_000);
    elsewhere.progress.at(5);
    elsewhere.progress.end();
    expect(elsewhere.written).toEqual([]);
    const quick = shown(true, 'bytes', 10);
    quick.clock.advance(100);
    quick.progress.at(5);
    quick.progress.end();
    expect(quick.written).toEqual([]);
  });
});
