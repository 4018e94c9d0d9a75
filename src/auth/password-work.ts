/**
 * The queue before work that logins make, such as the hashing of passwords: by default two at a time, because each holds a thread
 * that the log needs for its syncs too. The addresses take turns, so that who guesses from one address waits for itself; what waits
 * is bounded, by address and in all.
 */

const AT_A_TIME = 2;
const WAITING_MAX = 2_000;
const WAITING_OF_ADDRESS_MAX = 64;

type Task = () => Promise<void>;

export class PasswordWork {
  private readonly atATime: number;
  private running = 0;
  private waiting = 0;
  private closed = false;
  /** By address, which come round in the order of the map. */
  private readonly queues = new Map<string, Task[]>();

  constructor(atATime = AT_A_TIME) {
    this.atATime = atATime;
  }

  /** Nobody waits for an answer any more: what has not begun is left, and so is what comes. Whoever asked for it hears nothing. */
  close(): void {
    this.closed = true;
    this.queues.clear();
    this.waiting = 0;
  }

  /** Undefined: too many wait, or it is closed, and this was not begun. */
  run<T>(address: string, work: () => Promise<T>): Promise<T> | undefined {
    if (this.closed) return undefined;
    const queue = this.queues.get(address);
    if (this.waiting >= WAITING_MAX || (queue?.length ?? 0) >= WAITING_OF_ADDRESS_MAX) return undefined;
    return new Promise<T>((resolve, reject) => {
      const task = () => work().then(resolve, reject);
      if (queue === undefined) this.queues.set(address, [task]);
      else queue.push(task);
      this.waiting++;
      this.next();
    });
  }

  private next(): void {
    if (this.running >= this.atATime) return;
    const [first] = this.queues;
    if (first === undefined) return;
    const [address, queue] = first;
    const task = queue.shift()!;
    this.queues.delete(address);
    if (queue.length > 0) this.queues.set(address, queue);
    this.waiting--;
    this.running++;
    void task().finally(() => {
      this.running--;
      this.next();
    });
  }
}
