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
  /** There is room for more. */
  mayRead(): boolean;
  /** Asks for a record, unless it is in memory. `onUse` is called when it is looked at, if it can be told. */
  want(seq: number, onUse: (() => void) | undefined): void;
}

export class ReadAhead {
  /** Readers, for as long as they live. */
  private readonly windows = new WeakMap<ReadOrder, Window>();
  private readonly options: ReadAheadOptions;

  constructor(options: ReadAheadOptions) {
    this.options = options;
  }

  /**
   * A reader had to ask for `seq`, which is on its way.
   * @param together what it reads lies together there
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
    this.extend(order, window, together ? FIRST_TOGETHER : FIRST);
  }

  private extend(order: ReadOrder, window: Window, least = FIRST): void {
    if (!this.options.mayRead()) return;
    const count = Math.min(AHEAD_MAX, Math.max(least, window.count * GROWTH));
    window.count = count;
    const seqs: number[] = [];
    order.readAfter(window.last, count, (seq) => seqs.push(seq));
    if (seqs.length === 0) return;
    window.last = seqs[seqs.length - 1]!;
    const middle = seqs.length >> 1;
    const { last } = window;
    const goOn = (): void => {
      if (window.last === last) this.extend(order, window);
    };
    for (let i = 0; i < seqs.length; i++) this.options.want(seqs[i]!, i === middle ? goOn : undefined);
  }
}
