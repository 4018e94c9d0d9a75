/**
 * What all consumers of a connection hold together, whatever their queues and their own limits: a bound on a client that settles
 * nothing. Who finds it used up waits, and is woken when something has been settled.
 */

interface Waiting {
  wake(): void;
}

export class HeldSum {
  held = 0;
  /** 0: any number. */
  private max: number;
  private readonly waiting = new Set<Waiting>();

  constructor(max: number) {
    this.max = max;
  }

  /** @param consumer is woken when there may be room, if there is none now */
  isFull(consumer: Waiting): boolean {
    if (this.max === 0 || this.held < this.max) return false;
    this.waiting.add(consumer);
    return true;
  }

  /** For who does not wait. */
  get full(): boolean {
    return this.max !== 0 && this.held >= this.max;
  }

  gave(): void {
    this.held--;
    if (this.waiting.size > 0 && !this.full) this.wakeAll();
  }

  /** In force for what is handed out from now on. */
  set limit(max: number) {
    this.max = max;
    if (!this.full) this.wakeAll();
  }

  get limit(): number {
    return this.max;
  }

  private wakeAll(): void {
    for (const one of this.waiting) one.wake();
    this.waiting.clear();
  }
}
