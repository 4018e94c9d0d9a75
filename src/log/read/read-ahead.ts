/**
 * Reading ahead of readers: whoever asks for a record that is not in memory may say which ones come next, and these are asked for
 * as well: few at first, more each time that it goes on where it was, the next ones as soon as it has come to the middle of the last.
 */
import type { ReadOrder } from '../store.ts';

const FIRST = 32;
/** Where many lie together: what one read brings costs little more than one record. */
const FIRST_TOGETHER = 256;
const GROWTH = 4;
/** Records asked for at a time. */
export const AHEAD_MAX = 512;

interface Window {
  /** The last record that was asked for, and how many the last time. */
  last: number;
  count: number;
}

export interface ReadAheadOptions {
  /** There is room for more; for a little. */
  mayRead(): boolean;
  mayReadLittle(): boolean;
  /** Asks for records, unless they are in memory. `onUse` is called when the `middle`-th is looked at, if it can be told. */
  want(seqs: readonly number[], middle: number, onUse: () => void): void;
}

export class ReadAhead {
  /** Readers, for as long as they live. */
  private readonly windows = new WeakMap<ReadOrder, Window>();
  private readonly options: ReadAheadOptions;

  constructor(options: ReadAheadOptions) {
    this.options = options;
  }

  /**
   * A reader had to ask for `seq`, which is on its way, or is asked for here.
   * @param together what it reads lies together there: it is asked for with what comes next, if there is room
   */
  missed(order: ReadOrder, seq: number, together: boolean): void {
    let window = this.windows.get(order);
    if (window === undefined) {
      window = { last: 0, count: 0 };
      this.windows.set(order, window);
    }
    // Another place, backwards or far ahead: it begins anew.
    if (seq < window.last) window.count = 0;
    window.last = seq;
    if (together) this.extend(order, window, FIRST_TOGETHER, [seq]);
    else this.extend(order, window, FIRST, []);
  }

  private extend(order: ReadOrder, window: Window, least: number, seqs: number[]): void {
    const { mayRead, mayReadLittle, want } = this.options;
    let most = AHEAD_MAX;
    if (!mayRead()) {
      // Others have read far ahead, and this one waits: what comes with it anyway.
      if (seqs.length === 0 || !mayReadLittle()) return;
      most = FIRST;
    }
    const count = Math.min(most, Math.max(least, window.count * GROWTH));
    window.count = count;
    order.readAfter(window.last, count, (seq) => seqs.push(seq));
    if (seqs.length === 0) return;
    window.last = seqs[seqs.length - 1]!;
    const { last } = window;
    want(seqs, seqs.length >> 1, () => {
      if (window.last === last) this.extend(order, window, FIRST, []);
    });
  }
}
