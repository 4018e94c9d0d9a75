/** When a consumer can take one more, and how many. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ConsumeOptions, DeliverySink } from '../../../src/api/index.ts';
import { QueueConsumer } from '../../../src/queue/dispatch/consumer.ts';
import type { Queue } from '../../../src/queue/queue.ts';

const SINK: DeliverySink = { deliver() {}, cancelled() {} };
let output: { congested: boolean };
let woken: number;

beforeEach(() => {
  output = { congested: false };
  woken = 0;
});

function consumer(options: Partial<ConsumeOptions> = {}, type: 'classic' | 'quorum' = 'classic'): QueueConsumer {
  const queue = { name: 'q', settings: { type }, wake: () => woken++, replay() {} } as unknown as Queue;
  const all = { tag: 't', settled: false, exclusive: false, prefetch: 0, arguments: [], ...options };
  return new QueueConsumer(queue, all, SINK, output);
}

describe('a consumer', () => {
  it('takes without end when nothing was said', () => {
    const c = consumer();
    for (let i = 0; i < 100; i++) c.took();
    expect(c.ready()).toBe(true);
  });

  it('holds as many as its prefetch, and one more for each that it gives', () => {
    const c = consumer({ prefetch: 2 });
    c.took();
    expect(c.ready()).toBe(true);
    c.took();
    expect(c.ready()).toBe(false);
    c.gave();
    expect([c.ready(), c.held]).toEqual([true, 1]);
  });

  it('that settles by itself is not held to its prefetch', () => {
    const c = consumer({ settled: true, prefetch: 1 });
    c.took();
    expect(c.ready()).toBe(true);
  });

  it('takes nothing while its connection is full, gone, or it is not active any more', () => {
    const c = consumer();
    output.congested = true;
    expect(c.ready()).toBe(false);
    output.congested = false;
    c.suspend();
    expect(c.ready()).toBe(false);
    c.resume(SINK, { congested: false });
    expect(c.ready()).toBe(true);
    c.active = false;
    expect(c.ready()).toBe(false);
  });

  it('gets again what it holds whatever its prefetch, and forgets what was to come when it goes', () => {
    const c = consumer({ prefetch: 1 });
    c.took();
    c.replay = [4];
    expect(c.ready()).toBe(true);
    c.suspend();
    expect(c.replay).toEqual([]);
  });

  it('is looked at again when its prefetch changes, unless it is gone', () => {
    const c = consumer({ prefetch: 1 });
    c.took();
    c.setPrefetch(2);
    expect([c.ready(), woken]).toEqual([true, 1]);
    c.active = false;
    c.setPrefetch(3);
    c.wake();
    expect(woken).toBe(1);
  });

  it('says what it was told: priority 0 unless said, attempts where its queue counts them for readers', () => {
    expect([consumer().priority, consumer({ priority: -3 }).priority]).toEqual([0, -3]);
    expect([consumer().tellsAttempts, consumer({}, 'quorum').tellsAttempts]).toEqual([false, true]);
    const passive = QueueConsumer.passive({ name: 'q' } as Queue, true, SINK);
    expect([passive.passive, passive.settled, passive.exclusive, passive.tag]).toEqual([true, true, false, '']);
  });
});
