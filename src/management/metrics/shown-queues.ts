/** The queues of a broker as metrics show them, looked at one by one. */
import type { Broker } from '../../broker/broker.ts';
import type { Queue } from '../../queue/queue.ts';
import type { WaitingMessage } from '../../queue/ready/ready-messages.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { ShownQueue } from './queue-series.ts';

/** A view of one queue, which tells its numbers as of when it is asked. */
export class LiveQueue implements ShownQueue {
  readonly vhost: string;
  private readonly of: Queue;
  private readonly within: Vhost;
  private foundMs: number | undefined = undefined;

  constructor(within: Vhost, of: Queue) {
    this.vhost = within.name;
    this.within = within;
    this.of = of;
  }

  get name(): string {
    return this.of.name;
  }

  get ready(): number {
    return this.of.messages;
  }

  get unsettled(): number {
    return this.of.unsettledCount;
  }

  get consumers(): number {
    return this.of.consumers.length;
  }

  get consumerCapacity(): number {
    return this.of.consumerCapacity(this.within.clock.monotonicMs());
  }

  get oldestMs(): number | undefined {
    if (this.foundMs === undefined) this.findOldest(false);
    return this.foundMs;
  }

  /** Reads its oldest message from the disk, if it must be. */
  findOldest(load: boolean, done: () => void = () => {}): void {
    const { clock } = this.within;
    let oldest: WaitingMessage | undefined;
    this.of.ready.oldest((seq, flags) => {
      oldest = { seq, flags };
    });
    if (oldest === undefined) done();
    else {
      this.within.arrivedAtMs(oldest, load, (epochMs) => {
        if (epochMs !== undefined) this.foundMs = Math.max(0, clock.epochMs() - epochMs);
        done();
      });
    }
  }
}

/** @param vhost undefined: of all of them */
export function* liveQueues(broker: Broker, vhosts?: ReadonlySet<string>): Generator<LiveQueue, void> {
  for (const vhost of broker.allVhosts) {
    if (vhosts !== undefined && !vhosts.has(vhost.name)) continue;
    for (const queue of vhost.topology.queues.values()) yield new LiveQueue(vhost, queue);
  }
}
