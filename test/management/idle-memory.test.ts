import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { NO_LOGGER } from '../../src/logger.ts';
import { type HeapPort, IdleMemory } from '../../src/management/idle-memory.ts';

const MIB = 1024 * 1024;
const url = (path: string): string => new URL(path, import.meta.url).href;

class Heap implements HeapPort {
  total = 100 * MIB;
  used = 20 * MIB;
  busy = 0;
  collections = 0;

  heap() {
    return { heapTotal: this.total, heapUsed: this.used };
  }

  utilization() {
    return this.busy;
  }

  collect() {
    this.collections++;
    this.total = 40 * MIB;
  }
}

function start() {
  const heap = new Heap();
  const clock = new ManualClock();
  const memory = new IdleMemory(clock, NO_LOGGER, heap);
  memory.start();
  return { heap, clock, memory };
}

it('collects once when a grown heap has become idle, and again only after it has grown again', () => {
  const { heap, clock } = start();
  clock.advance(6_000);
  expect(heap.collections).toBe(1);
  clock.advance(60_000);
  expect(heap.collections).toBe(1);
  heap.total = 55 * MIB;
  clock.advance(60_000);
  expect(heap.collections).toBe(1);
  heap.total = 57 * MIB;
  clock.advance(6_000);
  expect(heap.collections).toBe(2);
});

it('never while there is work, or when a collection would be felt', () => {
  const { heap, clock } = start();
  heap.busy = 0.03;
  clock.advance(60_000);
  heap.busy = 0;
  heap.total = 500 * MIB;
  heap.used = 300 * MIB;
  clock.advance(60_000);
  expect(heap.collections).toBe(0);
});

it('stops', () => {
  const { heap, clock, memory } = start();
  memory.stop();
  clock.advance(60_000);
  expect(heap.collections).toBe(0);
});

it('a real heap is smaller afterwards, and the process goes on', async () => {
  const source = `
    import { ManualClock } from ${JSON.stringify(url('../../src/clock/clock.ts'))};
    import { NO_LOGGER } from ${JSON.stringify(url('../../src/logger.ts'))};
    import { IdleMemory } from ${JSON.stringify(url('../../src/management/idle-memory.ts'))};
    let kept = [];
    for (let i = 0; i < 2_000_000; i++) { kept.push({ i }); if (kept.length > 200_000) kept = []; }
    kept = [];
    const before = process.memoryUsage().heapTotal;
    const clock = new ManualClock();
    new IdleMemory(clock, NO_LOGGER).start();
    // Idleness is the one thing that takes time.
    setTimeout(() => {
      clock.advance(6_000);
      console.log(JSON.stringify({ before, after: process.memoryUsage().heapTotal, gc: typeof globalThis.gc }));
    }, 1_000);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
    timeout: 20_000,
  });
  const { before, after, gc } = JSON.parse(stdout) as { before: number; after: number; gc: string };
  expect(before).toBeGreaterThan(24 * MIB);
  expect(after).toBeLessThan(before - 12 * MIB);
  expect(gc).toBe('undefined');
});
