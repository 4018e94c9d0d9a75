/**
 * The messages that wait for their time, for who looks at them from outside: in the order in which they are due, a few at a time, and taken out
 * before it. Reads that are under way for those that are due soon are told of what goes.
 */
import type { MessageView } from '../../message/message.ts';
import type { DelayHeap } from './delay-heap.ts';
import type { DelaysParts } from './delays-parts.ts';
import { DUE_DURABLE, entryFlagsOf } from './due-flags.ts';
import type { HeapWalk } from './due-heap.ts';
import type { ReadAhead } from './read-ahead.ts';

/** One that waits. */
export interface DelayedEntry {
  /** Epoch milliseconds. */
  readonly due: number;
  readonly seq: number;
  /** @internal its tag in the heap */
  readonly tag: number;
}

export interface DelayedMessagesParts {
  readonly heap: DelayHeap;
  readonly ahead: ReadAhead;
  /** Those that are to be read next. */
  readonly toRead: { remove(seq: number): void };
  /** Due, and not to be read. */
  readonly unreadable: DelayedEntry[];
  readonly keys: Map<number, readonly string[]>;
  readonly origins: Map<number, string>;
  readonly vhost: Pick<DelaysParts, 'store' | 'journal' | 'units' | 'counters' | 'dropped' | 'passports' | 'retainers'>;
}

export class DelayedMessages {
  private readonly parts: DelayedMessagesParts;

  constructor(parts: DelayedMessagesParts) {
    this.parts = parts;
  }

  /** Those whose time has not come, and those that cannot be read. */
  get size(): number {
    return this.parts.heap.size + this.parts.unreadable.length;
  }

  /** The first of those whose time has not come. */
  first(max: number): DelayedEntry[] {
    const { dues, seqs, tags } = this.parts.heap.earliest(Number.POSITIVE_INFINITY, max);
    return seqs.map((seq, i) => ({ due: dues[i]!, seq, tag: tags[i]! }));
  }

  /** Their time has come, and they cannot be read: they stay. */
  get overdue(): readonly DelayedEntry[] {
    return this.parts.unreadable;
  }

  /** Looks at all whose time has not come, step by step; see `DueHeap.walk`. */
  walk(visit: (due: number, seq: number, tag: number) => void): Pick<HeapWalk, 'next' | 'end'> {
    return this.parts.heap.walk(visit);
  }

  /** Undefined: it does not wait, or not any more. */
  find(seq: number): DelayedEntry | undefined {
    const { heap, unreadable } = this.parts;
    return heap.find(seq) ?? unreadable.find((entry) => entry.seq === seq);
  }

  isDurable({ tag }: DelayedEntry): boolean {
    return (tag & DUE_DURABLE) !== 0;
  }

  /** All keys that it was published under, where there are several. */
  keysOf({ seq }: DelayedEntry): readonly string[] | undefined {
    return this.parts.keys.get(seq);
  }

  /** Whose it is; '': no one's. */
  originOf({ seq }: DelayedEntry): string {
    return this.parts.origins.get(seq) ?? '';
  }

  /** Shows it; false: it must be loaded first. */
  show({ seq, tag }: DelayedEntry, view: MessageView): boolean {
    return this.parts.ahead.show(this.parts.vhost.store, seq, entryFlagsOf(tag), view);
  }

  /** @param done may look at it until it returns */
  load({ seq, tag }: DelayedEntry, done: (error: Error | undefined) => void): void {
    this.parts.vhost.store.load(seq, entryFlagsOf(tag), done);
  }

  /**
   * Takes it out: it will never be routed. False: it does not wait any more.
   * @param view shows it; null: it cannot be read
   */
  cancel(seq: number, view: MessageView | null): boolean {
    const { heap, ahead, toRead, unreadable, keys, origins, vhost } = this.parts;
    const { store, journal, units, counters, dropped, passports, retainers } = vhost;
    let tag = heap.remove(seq)?.tag;
    if (tag === undefined) {
      const at = unreadable.findIndex((entry) => entry.seq === seq);
      if (at < 0) return false;
      tag = unreadable.splice(at, 1)[0]!.tag;
    }
    const durable = (tag & DUE_DURABLE) !== 0;
    units.begin();
    counters.droppedCancelled++;
    dropped.tell('cancelled', '', view);
    passports.cancelled(seq, durable);
    if (durable) journal.delayOver([seq]);
    units.end();
    keys.delete(seq);
    origins.delete(seq);
    retainers.forget(seq);
    ahead.forget(seq);
    toRead.remove(seq);
    store.release(seq, entryFlagsOf(tag));
    return true;
  }
}
