import { describe, expect, it } from 'vitest';
import { FanoutCache } from '../../../../protocols/mqtt/deliver/fanout-cache.ts';

const BYTES = 100_000;

describe('a long packet that many get', () => {
  it('lies in memory that is used again, but not before all have been sent it', () => {
    const cache = new FanoutCache();
    const first = cache.takeMemory(BYTES);
    const reader = cache.memory!.pinned();
    reader.hold();
    const second = cache.takeMemory(BYTES);
    expect(second.buffer).not.toBe(first.buffer);
    const third = cache.takeMemory(BYTES);
    expect(third.buffer, 'nobody reads the second').toBe(second.buffer);
    reader.release();
    cache.serial = 7;
    cache.leaveMemory();
    expect(cache.serial, 'what is in there is nothing that was remembered').toBe(-1);
    const memories = [cache.takeMemory(BYTES).buffer, new FanoutCache().takeMemory(BYTES).buffer];
    expect(new Set(memories)).toEqual(new Set([first.buffer, third.buffer]));
  });
});
