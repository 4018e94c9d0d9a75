/** Publishers wait for a subscriber that lags, a moment, and never for one that has stopped reading. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Queue } from '../../../src/queue/queue.ts';
import { SubscriberFlowControl } from '../../../src/vhost/flow/subscriber-flow-control.ts';

let clock: ManualClock;
let stalls: SubscriberFlowControl;

beforeEach(() => {
  clock = new ManualClock();
  stalls = new SubscriberFlowControl(clock);
});

const lagging = (): Queue => ({ slow: false }) as Queue;
const publisher = () => ({
  goes: 0,
  owesSettlements: false,
  released() {
    this.goes++;
  },
});

describe('a publisher to a subscriber that lags', () => {
  it('waits until it has drained', () => {
    const [queue, one, two] = [lagging(), publisher(), publisher()];
    stalls.cause(queue);
    expect(stalls.pending).toBe(true);
    stalls.wait(one);
    expect(stalls.pending).toBe(false);
    stalls.wait(two);
    expect(stalls.stalled).toBe(2);
    stalls.drained(queue);
    expect([one.goes, two.goes]).toEqual([1, 1]);
    expect(queue.slow).toBe(false);
    clock.advance(100);
    expect([one.goes, stalls.gaveUp]).toEqual([1, 0]);
  });

  it('waits for all that lag, not for the first alone', () => {
    const [first, second, waiting] = [lagging(), lagging(), publisher()];
    stalls.cause(first);
    stalls.cause(second);
    stalls.wait(waiting);
    stalls.drained(first);
    expect(waiting.goes).toBe(0);
    stalls.drained(second);
    expect(waiting.goes).toBe(1);
  });

  it('goes on after 20 ms; whoever lagged counts as slow, and is not waited for before it has drained', () => {
    const [queue, fine, waiting] = [lagging(), lagging(), publisher()];
    stalls.cause(queue);
    stalls.wait(waiting);
    clock.advance(20);
    expect([waiting.goes, queue.slow, fine.slow, stalls.gaveUp]).toEqual([1, true, false, 1]);
    stalls.cause(queue);
    expect(stalls.pending).toBe(false);
    stalls.drained(queue);
    expect(queue.slow).toBe(false);
    stalls.cause(queue);
    expect(stalls.pending).toBe(true);
  });

  it('waits 20 ms from the first wait on, whoever comes later', () => {
    const [queue, one, two] = [lagging(), publisher(), publisher()];
    stalls.cause(queue);
    stalls.wait(one);
    clock.advance(10);
    stalls.wait(two);
    clock.advance(10);
    expect([one.goes, two.goes]).toEqual([1, 1]);
  });

  it('hears nothing any more when it has left', () => {
    const [queue, one, two] = [lagging(), publisher(), publisher()];
    stalls.cause(queue);
    stalls.wait(one);
    stalls.wait(two);
    stalls.forget(one);
    stalls.drained(queue);
    expect([one.goes, two.goes]).toEqual([0, 1]);
  });

  it('is not let go by a subscriber that nobody waits for', () => {
    const [queue, other, waiting] = [lagging(), lagging(), publisher()];
    stalls.cause(queue);
    stalls.wait(waiting);
    stalls.drained(other);
    expect(waiting.goes).toBe(0);
  });
});
