/**
 * A client's look through a queue: what is there when it begins, in order of arrival, is shown and stays where it is. It goes on in
 * slices, waits while the client's connection is congested, and ends early if its user may not read the queue any more.
 */
import type { Backpressure, Browse, BrowseSink } from '../../api/consume.ts';
import { Slices } from '../../clock/slices.ts';
import { MessageView } from '../../message/message.ts';
import { type BrowsedEntry, QueueBrowser } from '../../queue/browse/queue-browser.ts';
import type { DeliveryGuard } from '../../queue/dispatch/consumer.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Selector } from '../../routing/selector/selector.ts';
import type { Vhost } from '../../vhost/vhost.ts';

/** Looked at in a slice. */
const LOOKED_AT = 64;

export interface BrowsingParts {
  readonly vhost: Vhost;
  readonly queue: Queue;
  /** Null: all messages. */
  readonly selector: Selector | null;
  /** What its client may be shown; null: everything. */
  readonly guard: DeliveryGuard | null;
  readonly sink: BrowseSink;
  readonly output: Backpressure;
  /** Whether its user may still read the queue. */
  mayRead(): boolean;
  onEnded(): void;
}

export class QueueBrowse implements Browse {
  private readonly parts: BrowsingParts;
  private readonly browser: QueueBrowser;
  private readonly slices: Slices;
  /** What comes from now on is not shown. */
  private readonly before: number;
  private readonly view = new MessageView();
  private batch: readonly BrowsedEntry[] = [];
  private at = 0;
  private ended = false;
  /** It waits for the output, or for the disk. */
  private waiting = false;

  constructor(parts: BrowsingParts) {
    this.parts = parts;
    this.before = parts.vhost.store.nextSeq;
    this.browser = new QueueBrowser(parts.queue, { backwards: false, from: 0, states: ['ready', 'unsettled'] });
    this.slices = new Slices(parts.vhost.turn, () => this.slice());
    this.slices.start();
  }

  wake(): void {
    if (!this.waiting || this.ended || this.parts.output.congested) return;
    this.waiting = false;
    this.slices.start();
  }

  stop(): void {
    if (this.ended) return;
    this.ended = true;
    this.parts.onEnded();
  }

  /** True: there is nothing to do until it is woken, or any more. */
  private slice(): boolean {
    if (this.ended) return true;
    const { queue, mayRead, output } = this.parts;
    if (queue.deleted || !mayRead()) return this.end();
    for (let looked = 0; looked < LOOKED_AT; looked++) {
      if (output.congested) {
        this.waiting = true;
        return true;
      }
      if (this.at === this.batch.length) {
        const batch = this.browser.batch();
        if (batch === undefined) return false;
        this.batch = batch;
        this.at = 0;
      }
      const entry = this.batch[this.at];
      if (entry === undefined || entry.seq >= this.before) return this.end();
      if (!this.parts.vhost.store.view(entry.seq, entry.flags, this.view)) {
        this.load(entry);
        return true;
      }
      this.at++;
      if (this.isWanted()) this.parts.sink.show(this.view);
      if (this.ended) return true;
    }
    return false;
  }

  private isWanted(): boolean {
    const { view } = this;
    const { vhost, selector, guard } = this.parts;
    if (view.expiresAtMs !== 0 && view.expiresAtMs <= vhost.clock.epochMs()) return false;
    if (guard !== null && !guard.permits(view)) return false;
    if (selector === null) return true;
    return selector.matches(view, selector.readsProperties ? vhost.dialects.matchProperties(view) : { headers: [] });
  }

  /** Reads it from the disk, and goes on at once: it may be given up again at the turn's end. */
  private load({ seq, flags }: BrowsedEntry): void {
    this.parts.vhost.store.load(seq, flags, (error) => {
      if (this.ended) return;
      if (error !== undefined) this.at++; // gone meanwhile, or not to be read
      if (!this.slice()) this.slices.start();
    });
  }

  private end(): true {
    this.stop();
    this.parts.sink.ended();
    return true;
  }
}
