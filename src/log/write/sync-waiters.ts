/** Promises that resolve once everything appended by the end of a turn is on the disk, whatever the durability. */

interface Waiter {
  /** The flush that covers it; -1 until the end of the turn. */
  mark: number;
  resolve(): void;
  reject(error: Error): void;
}

export class SyncWaiters {
  /** The last flush that ended with a sync. */
  mark = 0;
  private waiters: Waiter[] = [];
  private ended = false;

  /** Resolves when it is so; rejects if it never will be. The caller sees to it that there is a flush with a sync. */
  wait(): Promise<void> {
    if (this.ended) return Promise.reject(new Error('the log takes no more'));
    return new Promise((resolve, reject) => {
      this.waiters.push({ mark: -1, resolve, reject });
    });
  }

  /** The turn ends; `mark` is the flush that covers all that was appended in it. */
  endOfTurn(mark: number): void {
    if (this.waiters.length === 0) return;
    for (const waiter of this.waiters) if (waiter.mark < 0) waiter.mark = mark;
    this.answer();
  }

  synced(mark: number): void {
    this.mark = mark;
    if (this.waiters.length > 0) this.answer();
  }

  /** The log has failed or is closed. */
  end(): void {
    this.ended = true;
    for (const { reject } of this.waiters.splice(0)) reject(new Error('the log takes no more'));
  }

  private answer(): void {
    const waiting: Waiter[] = [];
    for (const waiter of this.waiters) {
      if (waiter.mark >= 0 && waiter.mark <= this.mark) waiter.resolve();
      else waiting.push(waiter);
    }
    this.waiters = waiting;
  }
}
