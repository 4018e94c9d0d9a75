/** The part of the journal that topology writes to. */
import type { Queue } from '../../queue/queue.ts';
import type { Binding } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { WindowOwner } from '../journal/records/windows.ts';

export interface TopologyJournal {
  exchange(exchange: Exchange<Queue>): void;
  exchangeDeleted(name: string): void;
  queue(queue: Queue): void;
  queueDeleted(queue: Queue): void;
  bound(binding: Binding<Queue>): void;
  unbound(binding: Binding<Queue>): void;
  windowCleared(owner: WindowOwner): void;
}
