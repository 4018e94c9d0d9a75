/**
 * A look through a queue, message by message, in slices: what lies on the disk is read block by block, one at a time, and let go of
 * again as the log lets go of anything. It ends when whoever looks has enough, or has looked long enough; `next` says where to go on.
 */
import type { Clock } from '../../clock/clock.ts';
import type { ReadOrder } from '../../log/store.ts';
import { MessageView } from '../../message/message.ts';
import { type BrowsedEntry, type BrowsedState, QueueBrowser } from '../../queue/browse/queue-browser.ts';
import { FLAG_DURABLE } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import { type Pace, SLICE_MS } from '../listing/pace.ts';
import type { MessageFilter } from './filter.ts';

/** Where a look begins: at an end of the queue, or at a message's position, forwards or backwards. */
export type ScanFrom = 'oldest' | 'newest' | { readonly position: number; readonly backwards: boolean };

export interface ScanQuery {
  readonly from: ScanFrom;
  readonly states: readonly BrowsedState[];
  readonly filter: MessageFilter;
  /** Says after that how far it has come. Default, and at most: five seconds. */
  readonly withinMs?: number | undefined;
  /** Asked before each slice: undefined, or what must be waited for first. Default: nothing. */
  readonly hold?: () => Promise<void> | undefined;
}

export interface Scanned {
  /** Messages that were looked at, and how many there were in the asked states when it began. */
  readonly scanned: number;
  readonly of: number;
  /** Of those looked at: gone meanwhile, or not to be read. */
  readonly missed: number;
  /** Undefined: it came to the end. */
  readonly next: { readonly position: number; readonly backwards: boolean } | undefined;
}

/** Called with each message that is wanted; the view is valid until it returns. False: that was enough, and this one has been taken. */
export type OnFound = (entry: BrowsedEntry, view: MessageView) => boolean;

/** What one look may take: messages, and milliseconds. */
const SCANNED_MAX = 250_000;
export const DURATION_MAX_MS = 5_000;
/** How often the clock is looked at. */
const CHECK_EVERY = 8;

export function scan(vhost: Vhost, queue: Queue, query: ScanQuery, pace: Pace, onFound: OnFound): Promise<Scanned> {
  return new Scan(vhost, queue, query, pace, onFound).run();
}

class Scan {
  private readonly vhost: Vhost;
  private readonly queue: Queue;
  private readonly pace: Pace;
  private readonly filter: MessageFilter;
  private readonly onFound: OnFound;
  private readonly hold: (() => Promise<void> | undefined) | undefined;
  private readonly browser: QueueBrowser;
  private readonly backwards: boolean;
  private readonly clock: Clock;
  /** Of its own: what is loaded is looked at at once, in whoever's turn that is. */
  private readonly view = new MessageView();
  private readonly of: number;
  private readonly untilMs: number;
  private batch: readonly BrowsedEntry[] = [];
  private at = 0;
  private scanned = 0;
  private missed = 0;
  private lastSeq: number | undefined;
  private ended: 'enough' | 'end' | undefined;
  /** Of the large message that is next: whether its body holds what is looked for. */
  private known: { readonly seq: number; readonly found: boolean } | undefined;

  constructor(vhost: Vhost, queue: Queue, query: ScanQuery, pace: Pace, onFound: OnFound) {
    const { from, states, filter, hold, withinMs = DURATION_MAX_MS } = query;
    const backwards = from === 'newest' || (typeof from === 'object' && from.backwards);
    const start = typeof from === 'object' ? from.position : backwards ? Number.MAX_SAFE_INTEGER - 1 : 0;
    this.vhost = vhost;
    this.queue = queue;
    this.pace = pace;
    this.filter = filter;
    this.onFound = onFound;
    this.hold = hold;
    this.backwards = backwards;
    this.clock = vhost.clock;
    this.browser = new QueueBrowser(queue, { backwards, from: start, states });
    this.of =
      (states.includes('ready') ? queue.messages : 0) + (states.includes('unsettled') ? queue.unsettledCount : 0);
    this.untilMs = this.clock.monotonicMs() + Math.min(withinMs, DURATION_MAX_MS);
  }

  async run(): Promise<Scanned> {
    const { pace } = this;
    while (this.ended === undefined) {
      const held = this.hold?.();
      if (held !== undefined) await held;
      await pace.next();
      const stop = this.slice();
      if (stop === 'absent') await this.load(this.batch[this.at]!);
      else if (stop === 'large') await this.look(this.batch[this.at]!);
    }
    const { scanned, of, missed, lastSeq, backwards } = this;
    const next =
      this.ended === 'end' || lastSeq === undefined
        ? undefined
        : { position: backwards ? lastSeq - 1 : lastSeq + 1, backwards };
    return { scanned, of, missed, next };
  }

  /** Looks at some. `absent`: the next one must be fetched first; `large`: its body must be looked through. */
  private slice(): 'absent' | 'large' | 'over' {
    const untilMs = this.clock.monotonicMs() + SLICE_MS;
    for (let n = 1; this.ended === undefined; n++) {
      if (this.at === this.batch.length && !this.readOn()) return 'over';
      if (this.ended !== undefined) return 'over';
      const stop = this.one(this.batch[this.at]!);
      if (stop !== undefined) return stop;
      if (n % CHECK_EVERY === 0 && this.clock.monotonicMs() >= untilMs) return 'over';
    }
    return 'over';
  }

  /** False: there is more to look through before it is known what comes next. */
  private readOn(): boolean {
    if (this.queue.deleted) {
      this.ended = 'end';
      return true;
    }
    const batch = this.browser.batch();
    if (batch === undefined) return false;
    this.batch = batch;
    this.at = 0;
    if (batch.length === 0) this.ended = 'end';
    return true;
  }

  private one(entry: BrowsedEntry): 'absent' | 'large' | undefined {
    const { view, known } = this;
    if (this.queue.deleted) {
      this.ended = 'end';
      return undefined;
    }
    if (!this.vhost.store.view(entry.seq, entry.flags, view)) return 'absent';
    const matches = known?.seq === entry.seq ? known.found : this.filter.matches(view, this.vhost.dialects);
    if (matches === undefined) return 'large';
    this.passed(entry);
    if (matches && !this.onFound(entry, view)) this.ended = 'enough';
    return undefined;
  }

  private passed({ seq }: BrowsedEntry): void {
    this.at++;
    this.scanned++;
    this.lastSeq = seq;
    this.known = undefined;
    if (this.scanned >= SCANNED_MAX || this.clock.monotonicMs() >= this.untilMs) this.ended = 'enough';
  }

  /** Fetches the block that it lies in, and looks on at once: it may be given up at the turn's end. */
  private load(entry: BrowsedEntry): Promise<void> {
    const order = this.backwards ? undefined : this.order;
    return new Promise((resolve, reject) => {
      const loaded = (error: Error | undefined): void => {
        try {
          if (error === undefined) this.slice();
          else this.miss(entry);
          resolve();
        } catch (thrown) {
          reject(thrown as Error);
        }
      };
      this.vhost.store.load(entry.seq, entry.flags, loaded, order);
    });
  }

  /** What it looks at next: it is read together, instead of one by one. */
  private readonly order: ReadOrder = {
    readAfter: (after, max, visit) => {
      let left = max;
      for (let i = this.at; i < this.batch.length && left > 0; i++) {
        const { seq, flags } = this.batch[i]!;
        if (seq <= after || (flags & FLAG_DURABLE) === 0) continue;
        visit(seq);
        left--;
      }
    },
  };

  private miss(entry: BrowsedEntry): void {
    this.missed++;
    this.passed(entry);
  }

  private async look(entry: BrowsedEntry): Promise<void> {
    try {
      const found = await this.filter.findIn(this.view.large as StoredBody, () => this.pace.next());
      this.known = { seq: entry.seq, found };
    } catch {
      this.miss(entry);
    }
  }
}
