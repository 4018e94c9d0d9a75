/** The part of the journal that topology writes to. */
import type { Queue } from '../../queue/queue.ts';
import type { Binding } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';

export interface TopologyJournal {
  exchange(exchange: Exchange<Queue>): void;
  exchangeDeleted(name: string): void;
  queue(queue: Queue): void;
  queueDeleted(queue: Queue): void;
  bound(binding: Binding<Queue>): void;
  unbound(binding: Binding<Queue>): void;
}
