/**
 * Picks the next consumer of a queue whose consumers are not all alike: by priority, then round robin among equals; or the
 * single active one, while the others wait for its place.
 */
import type { QueueConsumer } from './consumer.ts';

export class ConsumerRotation {
  /** Higher priorities first; among equals the one that has waited longest. */
  private readonly order: QueueConsumer[] = [];
  private readonly singleActive: boolean;
  /** The one that gets everything, where `singleActive`. */
  private activeConsumer: QueueConsumer | null = null;

  /** @param singleActive one consumer at a time */
  constructor(singleActive: boolean, consumers: readonly QueueConsumer[]) {
    this.singleActive = singleActive;
    for (const consumer of consumers) this.add(consumer);
  }

  /** One that comes later does not take the place of one that is active, whatever its priority. */
  add(consumer: QueueConsumer): void {
    let at = this.order.length;
    while (at > 0 && this.order[at - 1]!.priority < consumer.priority) at--;
    this.order.splice(at, 0, consumer);
    if (this.singleActive) this.activeConsumer ??= consumer;
  }

  remove(consumer: QueueConsumer): void {
    const at = this.order.indexOf(consumer);
    if (at >= 0) this.order.splice(at, 1);
    if (this.activeConsumer === consumer) this.activeConsumer = this.order[0] ?? null;
  }

  /** The one that gets everything; null: no consumer, or each gets its part. */
  get active(): QueueConsumer | null {
    return this.activeConsumer;
  }

  /** All that may get something, the one that is to be asked first at the front. */
  get candidates(): readonly QueueConsumer[] {
    if (!this.singleActive) return this.order;
    return this.activeConsumer === null ? [] : [this.activeConsumer];
  }

  /** The next that can take one; null if none can. */
  next(): QueueConsumer | null {
    if (this.singleActive) return this.activeConsumer?.ready() === true ? this.activeConsumer : null;
    for (const consumer of this.order) if (consumer.ready()) return consumer;
    return null;
  }

  /** It got one: its equals come first now. */
  served(consumer: QueueConsumer): void {
    if (this.singleActive) return;
    const { order } = this;
    let at = order.indexOf(consumer);
    if (at < 0) return;
    for (; at + 1 < order.length && order[at + 1]!.priority === consumer.priority; at++) order[at] = order[at + 1]!;
    order[at] = consumer;
  }
}
