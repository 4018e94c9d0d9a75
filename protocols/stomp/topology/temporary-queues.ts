/** A session's own queues, by the names the client gave them in `/temp-queue/…`. */
import type { Subscription } from '../deliver/subscription-consumer.ts';

export interface Temporary {
  /** The queue's real name, made by the broker. */
  readonly queue: string;
  /** Who reads it; null for nobody. */
  subscription: Subscription | null;
}

export class Temporaries {
  private readonly byName = new Map<string, Temporary>();

  get size(): number {
    return this.byName.size;
  }

  get(name: string): Temporary | undefined {
    return this.byName.get(name);
  }

  add(name: string, queue: string): Temporary {
    const temporary: Temporary = { queue, subscription: null };
    this.byName.set(name, temporary);
    return temporary;
  }

  /** The subscription has ended. The queue stays until the session does. */
  unsubscribed(subscription: Subscription): void {
    for (const temporary of this.byName.values()) {
      if (temporary.subscription === subscription) temporary.subscription = null;
    }
  }
}
