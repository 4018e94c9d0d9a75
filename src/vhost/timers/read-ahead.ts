/**
 * Reads messages ahead that are wanted in another order than they lie in: in the order of the disk, each block once, and copied
 * out, since a block may be evicted again before its next message is wanted. Without it, a thousand messages that are due in
 * an order of their own cost a thousand blocks.
 */
import type { MessageView } from '../../message/message.ts';
import { FLAG_DURABLE, FLAG_LARGE } from '../../queue/entry-flags.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';

/** Copies in memory, about; never more than twice as much. */
const COPIED_BYTES = 8 * 1024 * 1024;
const TOGETHER_MAX = 65_536;
/** Asked for at a time: the log reads what is asked for in a turn together, where it lies together. */
const OPEN_MAX = 1_024;

export class ReadAhead {
  /** Reads are under way. */
  reading = false;
  private readonly copies = new Map<number, Buffer>();
  private stopped = false;
  private bytes = 0;
  /** What a copy takes, as far as is known. */
  private averageBytes = 1_024;
  /** Done with while others are being read: somebody else may have brought it into memory. */
  private readonly over = new Set<number>();
  /** Could not be read, and was reported. */
  private readonly failed = new Set<number>();
  private readonly onUnreadable: (seq: number, error: Error) => void;

  constructor(onUnreadable: (seq: number, error: Error) => void) {
    this.onUnreadable = onUnreadable;
  }

  /** No further read, also of those that are under way; `then` is not called any more. */
  stop(): void {
    this.stopped = true;
  }

  /** How many should be read together. */
  get room(): number {
    return Math.min(TOGETHER_MAX, Math.max(16, Math.floor(COPIED_BYTES / this.averageBytes)));
  }

  /** Shows a message from its copy or from memory. */
  view(store: MessageStore, seq: number, flags: number, view: MessageView): 'shown' | 'absent' | 'unreadable' {
    const copy = this.copies.get(seq);
    if (copy !== undefined) store.viewCopy(copy, seq, flags, view);
    else if (this.failed.delete(seq)) return 'unreadable';
    else if (!store.view(seq, flags, view)) return 'absent';
    return 'shown';
  }

  /** Shows it as `view` does, and takes no notice of a failure; false: it must be read first. */
  show(store: MessageStore, seq: number, flags: number, view: MessageView): boolean {
    const copy = this.copies.get(seq);
    if (copy === undefined) return store.view(seq, flags, view);
    store.viewCopy(copy, seq, flags, view);
    return true;
  }

  /** There is a copy of it, or it was found that there can be none. */
  has(seq: number): boolean {
    return this.copies.has(seq) || this.failed.has(seq);
  }

  /** The message is not needed any more. */
  done(seq: number): void {
    const copy = this.copies.get(seq);
    if (copy === undefined) {
      if (this.reading) this.over.add(seq);
      return;
    }
    this.bytes -= copy.length;
    this.copies.delete(seq);
  }

  /** The message is gone before its time. */
  forget(seq: number): void {
    this.done(seq);
    this.failed.delete(seq);
    if (this.reading) this.over.add(seq);
  }

  /** Copies a message that is in memory; false: it is not. What there is no room for is not copied, and has to be read when it is wanted. */
  copy(store: MessageStore, seq: number, flags: number): boolean {
    if (this.bytes > 2 * COPIED_BYTES || this.copies.has(seq)) return true;
    const copy = store.copy(seq, flags);
    if (copy === undefined) return false;
    this.keep(seq, copy);
    return true;
  }

  /**
   * @param seqs the first of them is wanted first, and is read whatever else there is room for
   * @param then called once, perhaps before this returns
   */
  read(store: MessageStore, seqs: readonly number[], flagSets: readonly number[], then: () => void): void {
    this.reading = true;
    const first = seqs[0];
    const order = inOrder(seqs, flagSets);
    let at = 0;
    let open = 0;
    let asking = false;
    /** What has been brought into memory may go again at the turn's end. */
    const loaded = (seq: number, flags: number, error: Error | undefined): void => {
      open--;
      if (this.stopped) return;
      this.take(store, seq, flags, seq === first, error);
      if (!asking) ask();
    };
    const ask = (): void => {
      asking = true;
      for (; at < order.length && open < OPEN_MAX; at++) {
        const seq = Math.floor(order[at]! / 4);
        if (this.copies.has(seq) || this.over.has(seq) || (this.bytes > 2 * COPIED_BYTES && seq !== first)) continue;
        const flags = flagsIn(order[at]! % 4);
        const copy = store.copy(seq, flags);
        if (copy !== undefined) this.keep(seq, copy);
        else {
          open++;
          store.load(seq, flags, (error) => loaded(seq, flags, error));
        }
      }
      asking = false;
      if (at < order.length || open > 0 || !this.reading) return;
      this.reading = false;
      this.over.clear();
      then();
    };
    ask();
  }

  private take(store: MessageStore, seq: number, flags: number, first: boolean, error: Error | undefined): void {
    if (this.over.has(seq)) return;
    const copy = error === undefined ? store.copy(seq, flags) : undefined;
    // What there is no room for any more is read again when it is wanted.
    if (copy === undefined) this.fail(seq, error ?? new Error('the message is gone'));
    else if (this.bytes <= 2 * COPIED_BYTES || first) this.keep(seq, copy);
  }

  private keep(seq: number, copy: Buffer): void {
    this.bytes += copy.length;
    this.copies.set(seq, copy);
    this.averageBytes += (copy.length - this.averageBytes) / 64;
  }

  private fail(seq: number, error: Error): void {
    this.failed.add(seq);
    this.onUnreadable(seq, error);
  }
}

/** In the order of the disk, each as four times its number and what its flags say. */
function inOrder(seqs: readonly number[], flagSets: readonly number[]): Float64Array {
  const order = new Float64Array(seqs.length);
  for (let i = 0; i < seqs.length; i++) {
    const flags = flagSets[i]!;
    order[i] = seqs[i]! * 4 + ((flags & FLAG_DURABLE) !== 0 ? 1 : 0) + ((flags & FLAG_LARGE) !== 0 ? 2 : 0);
  }
  return order.sort();
}

function flagsIn(bits: number): number {
  return ((bits & 1) !== 0 ? FLAG_DURABLE : 0) | ((bits & 2) !== 0 ? FLAG_LARGE : 0);
}
