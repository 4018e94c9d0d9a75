/**
 * Retained messages: one is kept a topic, and sent to those who subscribe later. The index (`queue/store/retained-index.ts`) says which;
 * here are their references, their limits, their end, and the two ways they go out: into a queue, or straight to a connection.
 *
 * A message that has expired is removed as a publisher would remove it: by an empty retained message that nobody gets. So
 * the log says that it is gone, and replay decides nothing.
 */
import type { BindOptions } from '../../api/topology.ts';
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Share } from '../../clock/work.ts';
import type { Log } from '../../log/log.ts';
import {
  type Assurance,
  AT_LEAST_ONCE,
  AT_MOST_ONCE,
  DOT,
  Draft,
  EXACTLY_ONCE,
  MessageView,
} from '../../message/message.ts';
import { bytesOf } from '../../message/text.ts';
import { FLAG_DURABLE, FLAG_LARGE, FLAG_RETAINED } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import { type RetainedIndex, RetainedMessage } from '../../queue/store/retained-index.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Router } from '../../routing/router.ts';
import { DATA_SHIFT, dataOf } from '../../routing/target-flags.ts';
import type { Counters } from '../counters.ts';
import type { Journal } from '../journal/journal.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { DueHeap } from '../timers/due-heap.ts';
import type { LimitsInForce } from '../topology/limits.ts';
import type { UnreadableMessages } from '../unreadable.ts';
import type { DirectDeliveries } from './direct-deliveries.ts';
import type { Retainers } from './retainers.ts';

export interface RetainedMessagesParts {
  readonly vhost: string;
  readonly clock: Clock;
  readonly store: MessageStore;
  readonly journal: Journal;
  readonly router: Router<Queue>;
  readonly counters: Counters;
  readonly log: Log;
  readonly lifecycle: Lifecycle;
  readonly direct: DirectDeliveries;
  readonly unreadable: UnreadableMessages;
  readonly retainers: Retainers;
}

/** The wall clock may be set: nothing is waited for longer than this without a look at it. */
const WAIT_MAX_MS = 60_000;
/** Expired messages removed in one turn. */
const REMOVED_A_TURN = 1000;

export class RetainedMessages {
  readonly index: RetainedIndex;
  /** The most messages that are kept, and the most bytes of them. */
  private readonly limits: LimitsInForce;
  private readonly parts: RetainedMessagesParts;
  private readonly view = new MessageView();
  /** Those that will expire, by number, and the heap that says which is next. */
  private readonly expiring = new Map<number, RetainedMessage>();
  private heap = new DueHeap();
  private readonly timer = new Timer(() => this.removeExpired());
  private armedFor = Number.POSITIVE_INFINITY;

  /** @param recovered what was retained when the log was written, whatever the limits are now */
  constructor(parts: RetainedMessagesParts, limits: LimitsInForce, recovered: RetainedIndex) {
    this.parts = parts;
    this.index = recovered;
    this.limits = limits;
  }

  /** Whether a message that asks for it cannot be kept; counted. */
  refuses(route: CompiledRoute<Queue>, draft: Draft): boolean {
    const empty = draft.large === null && draft.bodyEnd === draft.bodyStart;
    if (empty || !this.isFull(route, retainedBytes(route, draft))) return false;
    this.parts.counters.refusedRetained++;
    return true;
  }

  /** Whether there is no room for a message of this size under this address. */
  isFull(route: CompiledRoute<Queue>, bytes: number): boolean {
    const { index } = this;
    const { retainedMessages, retainedBytes } = this.limits.now;
    const messagesMax = retainedMessages ?? Number.POSITIVE_INFINITY;
    const bytesMax = retainedBytes ?? Number.POSITIVE_INFINITY;
    if (index.size < messagesMax && index.bytes + bytes <= bytesMax) return false;
    const before = index.get(route.key);
    const left = before === undefined ? 0 : 1;
    return index.size - left >= messagesMax || index.bytes - (before?.bytes ?? 0) + bytes > bytesMax;
  }

  /** The next message to be stored is one that is kept, if it lies in the log. */
  coming({ retainer }: Draft): void {
    const { retainers, store } = this.parts;
    retainers.note(store.nextSeq, retainer);
  }

  /**
   * A message that asked to be retained was stored.
   * @param keep whether its reference was counted: an empty one only removes what there was
   */
  stored(route: CompiledRoute<Queue>, draft: Draft, seq: number, keep: boolean): void {
    const { key } = route;
    if (!keep) {
      this.forget(this.index.remove(key));
      return;
    }
    const large = draft.large !== null;
    const expiresAtMs = draft.ttlMs < 0 ? 0 : this.parts.clock.epochMs() + draft.ttlMs;
    const bytes = retainedBytes(route, draft);
    const message = new RetainedMessage(seq, key, draft.assurance, large, bytes, expiresAtMs);
    this.forget(this.index.set(message));
    if (expiresAtMs > 0) this.watch(message);
  }

  private forget(message: RetainedMessage | undefined): void {
    if (message === undefined) return;
    if (message.expiresAtMs > 0) this.expiring.delete(message.seq);
    this.parts.retainers.forget(message.seq);
    this.parts.store.release(message.seq, flagsOf(message));
  }

  // ------------------------------------------------------------------------------------------------------- expiry

  /** References have been counted: what has expired meanwhile may go. */
  begin(): void {
    for (const message of this.index.all()) if (message.expiresAtMs > 0) this.watch(message);
  }

  private watch(message: RetainedMessage): void {
    this.expiring.set(message.seq, message);
    this.heap.add(message.expiresAtMs, message.seq, 0);
    if (this.heap.size > 64 && this.heap.size > 4 * this.expiring.size) this.sweep();
    this.arm();
  }

  /** Forgets the times of messages that were replaced. */
  private sweep(): void {
    this.heap = new DueHeap();
    for (const { expiresAtMs, seq } of this.expiring.values()) this.heap.add(expiresAtMs, seq, 0);
  }

  private arm(): void {
    if (this.heap.size === 0 || this.heap.due === this.armedFor) return;
    this.armedFor = this.heap.due;
    const waitMs = Math.max(0, this.heap.due - this.parts.clock.epochMs());
    this.parts.clock.schedule(this.timer, Math.min(WAIT_MAX_MS, waitMs));
  }

  private removeExpired(): void {
    this.armedFor = Number.POSITIVE_INFINITY;
    const nowMs = this.parts.clock.epochMs();
    for (let n = 0; n < REMOVED_A_TURN && this.heap.size > 0 && this.heap.due <= nowMs; n++) {
      const message = this.expiring.get(this.heap.seq);
      this.heap.shift();
      if (message !== undefined) this.expire(message);
    }
    this.arm();
  }

  private expire(message: RetainedMessage): void {
    const { parts } = this;
    if (parts.lifecycle.stopping || parts.log.failed !== undefined) return; // it is passed over, and removed after the next start
    this.end(message);
    parts.counters.expiredRetained++;
  }

  /** An operator takes one away; safe with the mark that is given afterwards. False: there is none. @param key dotted */
  remove(key: string): boolean {
    const message = this.index.get(key);
    if (message === undefined) return false;
    this.end(message);
    return true;
  }

  /** As if somebody had published an empty one, of which nobody hears. */
  private end(message: RetainedMessage): void {
    const { parts } = this;
    const key = bytesOf(message.key);
    const draft = new Draft();
    draft.assurance = AT_LEAST_ONCE;
    draft.retain = true;
    const route = parts.router.resolveNowhere(parts.router.route('', DOT, key, 0, key.length, parts.vhost));
    const seq = parts.store.append(draft, route, true, 0);
    parts.store.addReferences(seq, true, 0);
    this.forget(this.index.remove(message.key));
  }

  // ------------------------------------------------------------------------------------------------------- replay

  /**
   * Sends what the filter matches into the queue, or straight to its connection where that is what was asked for: what is
   * retained now. What is retained later, while it goes on, is published to whoever has subscribed by now.
   * @param mayRead whether the message of this number and topic, dotted, may be shown; asked of each
   * @param done gets how many there were
   */
  replay(
    queue: Queue,
    filter: string,
    options: BindOptions,
    mayRead: (seq: number, key: string) => boolean,
    share: Share,
    done: (count: number) => void,
  ): void {
    const { work } = share;
    const matching = this.index.matching(filter, options.spelling, options.hideReserved ?? false);
    const before = this.parts.store.nextSeq;
    let count = 0;
    const step = (): boolean => {
      while (!queue.deleted) {
        const next = matching.next();
        if (next.done === true) return true;
        work.spend(1);
        const message = next.value;
        if (message !== undefined && message.seq < before) {
          if (!mayRead(message.seq, message.key)) this.parts.counters.withheldRetained++;
          else if (this.replayOne(queue, message, options)) count++;
        }
        if (work.over) return false;
      }
      return true;
    };
    share.run(step, () => done(count));
  }

  /** False for one that has expired. */
  private replayOne(queue: Queue, message: RetainedMessage, options: BindOptions): boolean {
    if (message.expiresAtMs > 0 && message.expiresAtMs <= this.parts.clock.epochMs()) return false;
    const assurance = Math.min(message.assurance, options.assurance ?? EXACTLY_ONCE) as Assurance;
    const data = dataOf(options.data ?? 0);
    const flags = flagsOf(message) | assurance | FLAG_RETAINED | (data << DATA_SHIFT);
    this.parts.store.addReferences(message.seq, true, 1);
    if (message.expiresAtMs > 0) queue.expectExpiry();
    if (assurance === AT_MOST_ONCE && queue.directMode) this.replayDirect(queue, message.seq, flags);
    else {
      if (queue.durable) this.parts.journal.enqueued(queue, message.seq, flags);
      queue.push(message.seq, flags);
    }
    return true;
  }

  private replayDirect(queue: Queue, seq: number, flags: number): void {
    const { store } = this.parts;
    const deliver = (error?: Error): void => {
      if (error !== undefined) this.parts.unreadable.inQueue(queue, seq, error);
      else if (store.view(seq, flags, this.view)) this.parts.direct.deliver(queue, this.view);
      store.release(seq, flags);
    };
    if (store.view(seq, flags, this.view)) deliver();
    else store.load(seq, flags, deliver);
  }
}

/** What a message counts for in a limit. */
export function retainedBytes(route: CompiledRoute<Queue>, draft: Draft): number {
  const body = draft.large === null ? draft.bodyEnd - draft.bodyStart : draft.large.length;
  return route.end - route.keyStart + draft.propsEnd - draft.propsStart + body;
}

function flagsOf(message: RetainedMessage): number {
  return FLAG_DURABLE | (message.large ? FLAG_LARGE : 0);
}
