/** Publishers wait for a subscriber that lags, a moment, and never for one that has stopped reading. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { Queue } from '../../../src/queue/queue.ts';
import { SubscriberFlowControl } from '../../../src/vhost/flow/subscriber-flow-control.ts';

let clock: ManualClock;
let flow: SubscriberFlowControl;

beforeEach(() => {
  clock = new ManualClock();
  flow = new SubscriberFlowControl(clock);
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
    flow.cause(queue);
    expect(flow.pending).toBe(true);
    flow.wait(one);
    expect(flow.pending).toBe(false);
    flow.wait(two);
    expect(flow.stalled).toBe(2);
    flow.drained(queue);
    expect([one.goes, two.goes]).toEqual([1, 1]);
    expect(queue.slow).toBe(false);
    clock.advance(100);
    expect([one.goes, flow.gaveUp]).toEqual([1, 0]);
  });

  it('waits for all that lag, not for the first alone', () => {
    const [first, second, waiting] = [lagging(), lagging(), publisher()];
    flow.cause(first);
    flow.cause(second);
    flow.wait(waiting);
    flow.drained(first);
    expect(waiting.goes).toBe(0);
    flow.drained(second);
    expect(waiting.goes).toBe(1);
  });

  it('goes on after 20 ms; whoever lagged counts as slow, and is not waited for before it has drained', () => {
    const [queue, fine, waiting] = [lagging(), lagging(), publisher()];
    flow.cause(queue);
    flow.wait(waiting);
    clock.advance(20);
    expect([waiting.goes, queue.slow, fine.slow, flow.gaveUp]).toEqual([1, true, false, 1]);
    flow.cause(queue);
    expect(flow.pending).toBe(false);
    flow.drained(queue);
    expect(queue.slow).toBe(false);
    flow.cause(queue);
    expect(flow.pending).toBe(true);
  });

  it('waits 20 ms from the first wait on, whoever comes later', () => {
    const [queue, one, two] = [lagging(), publisher(), publisher()];
    flow.cause(queue);
    flow.wait(one);
    clock.advance(10);
    flow.wait(two);
    clock.advance(10);
    expect([one.goes, two.goes]).toEqual([1, 1]);
  });

  it('hears nothing any more when it has left', () => {
    const [queue, one, two] = [lagging(), publisher(), publisher()];
    flow.cause(queue);
    flow.wait(one);
    flow.wait(two);
    flow.forget(one);
    flow.drained(queue);
    expect([one.goes, two.goes]).toEqual([0, 1]);
  });

  it('is not let go by a subscriber that nobody waits for', () => {
    const [queue, other, waiting] = [lagging(), lagging(), publisher()];
    flow.cause(queue);
    flow.wait(waiting);
    flow.drained(other);
    expect(waiting.goes).toBe(0);
  });
});
