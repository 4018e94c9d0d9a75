/**
 * Paused queues: they hand nothing out until they are resumed. That of a durable queue is kept, and in force again after a restart; with
 * the queue's number beside it, so that another queue of the same name is not taken for it.
 */
import type { AdapterState } from '../../api/adapter-state.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Queue } from '../../queue/queue.ts';

const PREFIX = 'queue/paused/';

export class PausedQueues {
  private readonly state: AdapterState;

  constructor(state: AdapterState) {
    this.state = state;
  }

  /** Once what there was is there again. */
  restore(queues: ReadonlyMap<string, Queue>): void {
    for (const key of this.state.keys(PREFIX)) {
      const queue = queues.get(key.slice(PREFIX.length));
      if (queue !== undefined && this.state.get(key)?.toString() === String(queue.id)) queue.pause();
      else this.state.delete(key);
    }
  }

  /**
   * Safe with the mark that is given afterwards. False: it was paused already.
   * @throws BrokerError precondition-failed: messages go past the queue to its subscriber
   */
  pause(queue: Queue): boolean {
    if (queue.directMode) {
      throw new BrokerError(
        'precondition-failed',
        `queue '${queue.name}' is a subscription whose messages may go past it: it cannot be paused`,
      );
    }
    if (queue.paused) return false;
    queue.pause();
    if (queue.durable && !queue.options.exclusive) this.state.put(PREFIX + queue.name, Buffer.from(String(queue.id)));
    return true;
  }

  /** False: it was not paused. */
  resume(queue: Queue): boolean {
    if (!queue.paused) return false;
    queue.resume();
    this.state.delete(PREFIX + queue.name);
    return true;
  }
}
