/** Counts and reports messages that cannot be read back from the log: the operator may repair it, so they are kept. */
import type { Logger } from '../logger.ts';
import type { Counters } from './counters.ts';

export class UnreadableMessages {
  private readonly vhost: string;
  private readonly counters: Counters;
  private readonly logger: Logger;

  constructor(vhost: string, counters: Counters, logger: Logger) {
    this.vhost = vhost;
    this.counters = counters;
    this.logger = logger;
  }

  /** One that waits in this queue, or is delivered or dies there. */
  inQueue(queue: { readonly name: string }, seq: number, error: Error): void {
    this.counters.unreadable++;
    this.logger.error({ vhost: this.vhost, queue: queue.name, seq, err: error }, 'a message cannot be read back');
  }

  delayed(seq: number, error: Error): void {
    this.counters.unreadable++;
    this.logger.error({ vhost: this.vhost, seq, err: error }, 'a delayed message cannot be read back');
  }
}
