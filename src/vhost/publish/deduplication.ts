/**
 * Takes a message once: what queues and exchanges on its way have taken before they do not take again.
 *
 * ```
 * a message with an id ─▶ exchanges with a window ── all new ─▶ queues with a window ── some new ─▶ published there,
 *                             │ known: nothing of what              │ known: not here                ids admitted,
 *                             ▼ lies behind it                      ▼                                one unit
 *                         nothing is left, and something knew it: confirmed as what it repeats, counted
 * ```
 *
 * An id is admitted with the message, in its commit unit, and only where the message was taken: what is refused, routed nowhere or
 * rolled back may come again. Only publishes of clients are looked at. What the broker moves by itself (dead letters, retries, what an
 * operator moves) passes by, or it would be swallowed by its own first coming.
 */
import { MARK_NOW, MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import type { TurnClock } from '../../clock/turn-clock.ts';
import { MessageIds } from '../../deduplication/ids.ts';
import type { DeduplicationWindow } from '../../deduplication/window.ts';
import type { Log } from '../../log/log.ts';
import type { Dialects } from '../../message/dialect.ts';
import { type Draft, MessageView } from '../../message/message.ts';
import { viewDraft } from '../../message/storage.ts';
import { fullTargets } from '../../queue/limits/full-targets.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { ExchangeRef } from '../../routing/binding.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Router } from '../../routing/router.ts';
import type { Counters } from '../counters.ts';
import type { DroppedMessages } from '../dropped-messages.ts';
import type { Journal } from '../journal/journal.ts';
import type { WindowOwner } from '../journal/records/windows.ts';

export interface DeduplicationParts {
  readonly log: Log;
  readonly store: MessageStore;
  readonly journal: Journal;
  readonly router: Router<Queue>;
  readonly dialects: Dialects;
  readonly time: TurnClock;
  readonly counters: Counters;
  readonly dropped: DroppedMessages;
  /** To all that is left of its route. */
  publish(route: CompiledRoute<Queue>, draft: Draft, full: readonly Queue[] | null): Mark;
}

export class Deduplication {
  private readonly parts: DeduplicationParts;
  private readonly ids: MessageIds;
  private readonly view = new MessageView();
  private nowMs = 0;
  private ttlMs = -1;

  constructor(parts: DeduplicationParts) {
    this.parts = parts;
    this.ids = new MessageIds(parts.dialects);
  }

  /**
   * Publishes along a route that takes messages once.
   * @param due it was kept until its time, and its exchange knows it from when it came
   */
  publish(given: CompiledRoute<Queue>, draft: Draft, due: boolean): Mark {
    const { parts } = this;
    if (!this.read(given, draft)) return parts.publish(given, draft, fullTargets(given.targets, draft));
    if (given.only !== null && given.windowed.length === 0) return this.publishToOne(given, given.only, draft);
    let route = given;
    const closed: ExchangeRef<Queue>[] = [];
    for (const exchange of route.windowed) {
      if (due && exchange === route.exchange) continue;
      if (!this.knows(exchange.window!)) continue;
      if (exchange === route.exchange) return this.repeat(route, draft);
      closed.push(exchange);
    }
    if (closed.length > 0) {
      route = parts.router.resolve(route, parts.dialects.matchProperties(this.view), closed);
      if (route.own !== null && draft.origin !== '') route = parts.router.withoutOwn(route, draft.origin);
    }
    const known: Queue[] = [];
    for (const queue of route.targets) if (queue.window !== null && this.knows(queue.window)) known.push(queue);
    if (known.length + closed.length > 0) {
      if (known.length === route.targets.length && !draft.retain) return this.repeat(given, draft);
      parts.counters.deduplicatedCopies += known.length + closed.length;
      if (known.length > 0) route = parts.router.without(route, known);
    }
    const full = fullTargets(route.targets, draft);
    parts.log.beginUnit();
    try {
      const mark = parts.publish(route, draft, full);
      const taken = draft.routed > 0 && (mark !== MARK_REFUSED || full !== null);
      for (const exchange of route.windowed) {
        if (due && exchange === route.exchange) continue;
        if (taken && mark !== MARK_REFUSED) this.admit(exchange.window!, exchange.name, draft);
        else this.refused(exchange.window!);
      }
      for (const queue of route.targets) {
        const { window } = queue;
        if (window === null) continue;
        if (taken && full?.includes(queue) !== true) this.admit(window, queue.id, draft);
        else this.refused(window);
      }
      return mark > MARK_NOW ? parts.log.mark : mark;
    } finally {
      parts.log.endUnit();
    }
  }

  /** The plain case: one queue, which takes it or knows it. */
  private publishToOne(route: CompiledRoute<Queue>, queue: Queue, draft: Draft): Mark {
    const { log, publish } = this.parts;
    const window = queue.window!;
    if (this.knows(window)) {
      if (!draft.retain) return this.repeat(route, draft);
      this.parts.counters.deduplicatedCopies++;
      return publish(this.parts.router.without(route, [queue]), draft, null);
    }
    const full = queue.rejects ? fullTargets(route.targets, draft) : null;
    // An id that is not written down needs no unit.
    const { durable } = window;
    if (durable) log.beginUnit();
    try {
      const mark = publish(route, draft, full);
      if (mark === MARK_REFUSED) this.refused(window);
      else this.admit(window, queue.id, draft);
      return mark > MARK_NOW ? log.mark : mark;
    } finally {
      if (durable) log.endUnit();
    }
  }

  /**
   * A message that is to be kept until its time: its exchange looks at it now, queues do when they get it.
   * @param keep keeps it; undefined: its time has come already, and nothing was done
   */
  delayed(route: CompiledRoute<Queue>, draft: Draft, keep: () => Mark | undefined): Mark | undefined {
    const { log, counters } = this.parts;
    const exchange = route.exchange!;
    const window = exchange.window!;
    if (!this.read(route, draft)) return keep();
    if (this.knows(window)) {
      counters.published++;
      exchange.publishedIn++;
      return this.repeat(route, draft);
    }
    log.beginUnit();
    try {
      const mark = keep();
      if (mark === undefined) return undefined;
      if (mark === MARK_REFUSED) this.refused(window);
      else this.admit(window, exchange.name, draft);
      return mark > MARK_NOW ? log.mark : mark;
    } finally {
      log.endUnit();
    }
  }

  /** False: the message says nothing that a window could go by. */
  private read(route: CompiledRoute<Queue>, draft: Draft): boolean {
    const { ids, parts } = this;
    viewDraft(draft, route, 0, this.view);
    const first = route.windowed[0]?.window ?? route.targets.find(({ window }) => window !== null)?.window;
    ids.read(this.view, first?.settings.header ?? '');
    if (ids.unusable) parts.counters.unusableIds++;
    this.nowMs = parts.time.epochMs();
    this.ttlMs = ids.any ? ids.ttlMs : -1;
    // Windows may look in several places.
    return ids.any || route.windowed.length + route.targets.length > 1;
  }

  private knows(window: DeduplicationWindow): boolean {
    const { ids, nowMs } = this;
    ids.under(window.settings.header);
    const known =
      (ids.hasId && window.knows(ids.bytes, ids.start, ids.end, nowMs)) ||
      (ids.publisher !== null && window.hasNumber(ids.publisher, ids.number, nowMs));
    if (known) window.repeats++;
    return known;
  }

  private admit(window: DeduplicationWindow, owner: WindowOwner, draft: Draft): void {
    const { ids, nowMs, ttlMs, parts } = this;
    ids.under(window.settings.header);
    const kept = window.durable && draft.durably;
    const seq = draft.seq === 0 ? parts.store.nextSeq : draft.seq;
    if (ids.hasId && (draft.seq !== 0 || ttlMs >= 0 || !window.settings.whilePresent)) {
      const admitted = window.take(ids.bytes, ids.start, ids.end, seq, nowMs, ttlMs, kept);
      if (kept) parts.journal.idAdmitted(owner, window.settings.size, admitted);
    }
    if (ids.publisher !== null) {
      const entry = window.admitNumber(ids.publisher, ids.number, seq, nowMs, ttlMs, kept);
      if (kept) parts.journal.publishersAdmitted(owner, window.settings.size, [entry]);
    }
  }

  /** It was not taken: a number that is passed over would count as taken, once a higher one is. */
  private refused(window: DeduplicationWindow): void {
    const { ids, nowMs, ttlMs, parts } = this;
    if (ids.publisher === null) return;
    window.refusedNumber(ids.publisher, ids.number, parts.store.nextSeq, nowMs, ttlMs);
  }

  /** Taken before: it is as safe as what it repeats, and leads where that has gone. */
  private repeat(route: CompiledRoute<Queue>, draft: Draft): Mark {
    const { log, counters, dropped } = this.parts;
    counters.deduplicated++;
    // It is described as it came: `read` has looked at it.
    if (dropped.mayTell) dropped.tell('duplicate', route.only?.name ?? '', this.view);
    draft.duplicate = true;
    draft.routed = Math.max(1, route.targets.length);
    (draft.large as StoredBody | null)?.finish();
    return log.unsyncedBytes > 0 ? log.mark : MARK_NOW;
  }
}
