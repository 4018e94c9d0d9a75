/**
 * Whose turn it is where consumers are not all alike: those with a higher priority first while they can take more, in turn
 * among equals; or one alone while the others wait for its place.
 */
import type { QueueConsumer } from './consumer.ts';

export class Turns {
  /** Higher priorities first; among equals the one that has waited longest. */
  private readonly row: QueueConsumer[] = [];
  private readonly single: boolean;
  /** The one that gets everything, where there is only one. */
  private sole: QueueConsumer | null = null;

  /** @param single one consumer at a time */
  constructor(single: boolean, consumers: readonly QueueConsumer[]) {
    this.single = single;
    for (const consumer of consumers) this.add(consumer);
  }

  /** One that comes later does not take the place of one that is active, whatever its priority. */
  add(consumer: QueueConsumer): void {
    let at = this.row.length;
    while (at > 0 && this.row[at - 1]!.priority < consumer.priority) at--;
    this.row.splice(at, 0, consumer);
    if (this.single) this.sole ??= consumer;
  }

  remove(consumer: QueueConsumer): void {
    const at = this.row.indexOf(consumer);
    if (at >= 0) this.row.splice(at, 1);
    if (this.sole === consumer) this.sole = this.row[0] ?? null;
  }

  /** All that may get something, whoever is to be asked first at the front. */
  get order(): readonly QueueConsumer[] {
    if (!this.single) return this.row;
    return this.sole === null ? [] : [this.sole];
  }

  /** The next that can take one; null if none can. */
  next(): QueueConsumer | null {
    if (this.single) return this.sole?.ready() === true ? this.sole : null;
    for (const consumer of this.row) if (consumer.ready()) return consumer;
    return null;
  }

  /** It got one: its equals come first now. */
  served(consumer: QueueConsumer): void {
    if (this.single) return;
    const at = this.row.indexOf(consumer);
    let to = at;
    while (to + 1 < this.row.length && this.row[to + 1]!.priority === consumer.priority) to++;
    if (to === at) return;
    this.row.splice(at, 1);
    this.row.splice(to, 0, consumer);
  }
}
