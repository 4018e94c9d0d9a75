/** The tag of a delayed message in the heap: the flags of its record, and beside them whether there is one. */
import { FLAG_DURABLE, FLAG_LARGE, type QueueEntryFlags } from '../../queue/entry-flags.ts';
import { DELAYED_LARGE } from '../journal/records/delays.ts';

export const DUE_DURABLE = 1 << 8;

/** As an entry of a queue has them, for the store. */
export function entryFlagsOf(tag: number): QueueEntryFlags {
  return ((tag & DUE_DURABLE) !== 0 ? FLAG_DURABLE : 0) | ((tag & DELAYED_LARGE) !== 0 ? FLAG_LARGE : 0);
}
