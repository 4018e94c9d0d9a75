/** The watermarks of memory and disk: when publishers are held back, when they go on, and what is told of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { DISK_CHECK_MS, MEMORY_CHECK_MS, Watermarks } from '../../src/broker/watermarks.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import type { Logger } from '../../src/logger.ts';

let clock: ManualClock;
let resident: number | Error;
let afterCollecting: number | undefined;
let free: number | Error | Promise<number>;
let asked: number;
let collected: number;
let said: string[];
let scarce: string[];
let marks: Watermarks;

beforeEach(() => {
  clock = new ManualClock();
  resident = 500;
  afterCollecting = undefined;
  free = 10_000;
  asked = 0;
  collected = 0;
  said = [];
  scarce = [];
  const logger = {
    warn: (_: object, text: string) => said.push(`warn: ${text}`),
    info: (_: object, text: string) => said.push(`info: ${text}`),
  } as unknown as Logger;
  const port = {
    residentBytes: () => {
      if (resident instanceof Error) throw resident;
      return resident;
    },
    freeBytes: () => {
      asked++;
      return free instanceof Error ? Promise.reject(free) : Promise.resolve(free);
    },
    collect: () => {
      collected++;
      if (afterCollecting !== undefined) resident = afterCollecting;
    },
  };
  marks = new Watermarks({ memoryMax: 1000, diskFreeMin: 2000 }, clock, logger, port, (resource, on) =>
    scarce.push(`${resource} ${on}`),
  );
  marks.start();
});

const lookAtDisk = async (): Promise<void> => {
  clock.advance(DISK_CHECK_MS);
  await Promise.resolve();
};

describe('memory', () => {
  it('past its mark makes publishers wait, until it is 5 % below it; both are said once', () => {
    resident = 1001;
    clock.advance(MEMORY_CHECK_MS);
    clock.advance(MEMORY_CHECK_MS);
    expect(scarce).toEqual(['memory true']);
    resident = 951;
    clock.advance(MEMORY_CHECK_MS);
    expect(scarce).toEqual(['memory true']);
    resident = 950;
    clock.advance(MEMORY_CHECK_MS);
    clock.advance(MEMORY_CHECK_MS);
    expect(scarce).toEqual(['memory true', 'memory false']);
    expect(said).toEqual([
      'warn: memory is past memory.highWatermark: publishers wait',
      'info: memory is within memory.highWatermark again',
    ]);
    expect(marks.statistics).toMatchObject({ memoryPassed: 1, memoryScarce: false, memoryMaxBytes: 1000 });
  });

  it('at its mark makes nobody wait', () => {
    resident = 1000;
    clock.advance(MEMORY_CHECK_MS);
    expect([scarce, collected]).toEqual([[], 0]);
  });

  it('that nobody has collected yet makes nobody wait', () => {
    resident = 1500;
    afterCollecting = 600;
    clock.advance(MEMORY_CHECK_MS);
    expect([scarce, collected]).toEqual([[], 1]);
  });

  it('is asked back now and then while its mark is passed, since nothing else would', () => {
    resident = 1500;
    for (let i = 0; i < 50; i++) clock.advance(MEMORY_CHECK_MS);
    expect(collected).toBe(3);
    afterCollecting = 900;
    for (let i = 0; i < 20; i++) clock.advance(MEMORY_CHECK_MS);
    expect(scarce).toEqual(['memory true', 'memory false']);
  });

  it('that cannot be measured stays as it was', () => {
    resident = new Error('no descriptor is left');
    clock.advance(MEMORY_CHECK_MS);
    expect(scarce).toEqual([]);
    resident = 1001;
    clock.advance(MEMORY_CHECK_MS);
    resident = new Error('no descriptor is left');
    clock.advance(MEMORY_CHECK_MS);
    expect(scarce).toEqual(['memory true']);
  });

  it('without a mark any more lets publishers go on', () => {
    resident = 1001;
    clock.advance(MEMORY_CHECK_MS);
    marks.setMarks({ memoryMax: undefined, diskFreeMin: undefined });
    expect(scarce).toEqual(['memory true', 'memory false']);
  });
});

describe('the disk', () => {
  it('with less free than its mark makes publishers wait until there is as much again', async () => {
    free = 1999;
    await lookAtDisk();
    expect(scarce).toEqual(['disk true']);
    expect(marks.statistics).toMatchObject({ diskScarce: true, diskPassed: 1, diskFreeBytes: 1999 });
    free = 2000;
    await lookAtDisk();
    await lookAtDisk();
    expect(scarce).toEqual(['disk true', 'disk false']);
    expect(said).toEqual([
      'warn: the disk has less free than disk.freeMin: publishers wait',
      'info: the disk has as much free as disk.freeMin again',
    ]);
  });

  it('that does not say how much is free makes nobody wait', async () => {
    free = new Error('EIO');
    await lookAtDisk();
    expect(scarce).toEqual([]);
    free = 1;
    await lookAtDisk();
    expect(scarce).toEqual(['disk true']);
  });

  it('that does not answer is not asked again before it does', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    free = promise;
    await lookAtDisk();
    const before = asked;
    await lookAtDisk();
    await lookAtDisk();
    expect(asked).toBe(before);
    resolve(1999);
    await promise;
    expect(scarce).toEqual(['disk true']);
    await lookAtDisk();
    expect(asked).toBe(before + 1);
  });
});

it('nothing is looked at once they are stopped', async () => {
  marks.stop();
  resident = 5000;
  free = 1;
  clock.advance(MEMORY_CHECK_MS);
  await lookAtDisk();
  expect(scarce).toEqual([]);
});
