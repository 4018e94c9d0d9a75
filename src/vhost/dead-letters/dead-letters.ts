/**
 * Dead letters: a message that was refused for good is published again, with a record of its death, to the queue's
 * dead-letter exchange; or dropped, counted, where there is none. The new message and the old one's settlement are one
 * commit unit, so that a crash leaves exactly one of the two. What went at most once goes so as a dead letter as well, though
 * it may have been stored, being retained: of that a crash leaves one of the two or neither.
 */
import type { Clock } from '../../clock/clock.ts';
import type { Share } from '../../clock/work.ts';
import type { Log } from '../../log/log.ts';
import { decodeAnnotations, withDeath } from '../../message/deaths/annotations.ts';
import { deathsIn } from '../../message/deaths/death-headers.ts';
import type { Death, DeathReason } from '../../message/deaths/deaths.ts';
import type { Dialects } from '../../message/dialect.ts';
import { BrokerError } from '../../message/errors.ts';
import { AS_DEAD_LETTER, type Assurance, AT_LEAST_ONCE, DOT, Draft, MessageView } from '../../message/message.ts';
import type { Headers } from '../../message/properties.ts';
import { dotted } from '../../message/spelling.ts';
import { bytesOf } from '../../message/text.ts';
import { attemptsOf, FLAG_DURABLE, type QueueEntryFlags, returnsOf } from '../../queue/entry-flags.ts';
import { fullTargets } from '../../queue/limits/full-targets.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Router } from '../../routing/router.ts';
import { type Decision, DROP } from '../../settlement/decide.ts';
import type { CommitUnits } from '../commit-units.ts';
import type { Counters } from '../counters.ts';
import type { DroppedMessages } from '../dropped-messages.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Passports } from '../passports/passports.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { UnreadableMessages } from '../unreadable.ts';
import { DeferredDeadLetters } from './deferred-dead-letters.ts';
import { type DeadLetter, PendingDeadLetters, type WaitingBounds } from './pending-dead-letters.ts';

const DROPPED = {
  rejected: 'droppedRejected',
  expired: 'droppedExpired',
  maxlen: 'droppedMaxLength',
  delivery_limit: 'droppedAttempts',
} as const satisfies Record<DeathReason, keyof Counters>;
const DEAD_LETTERED = {
  rejected: 'deadLetteredRejected',
  expired: 'deadLetteredExpired',
  maxlen: 'deadLetteredMaxLength',
  delivery_limit: 'deadLetteredAttempts',
} as const satisfies Record<DeathReason, keyof Counters>;

/** Where dead letters go that have nowhere else to go, in a vhost whose clients are ActiveMQ's. */
export const ACTIVEMQ_DEAD_LETTERS = 'ActiveMQ.DLQ';

export interface DeadLettersParts {
  readonly vhost: string;
  /**
   * A durable queue for what dies in a durable queue that names no dead-letter exchange, whoever refused it; of what expires, only what
   * was to outlive the broker. Made when it is needed. Null: such messages are dropped.
   */
  readonly otherwise: string | null;
  /** As `VhostOptions.reserves`. */
  reserves(exchange: string, key: string): boolean;
  /** Makes a durable queue, if it is not there. @throws BrokerError: there may be no more */
  declare(queue: string): void;
  /** How many may wait for room, and how much of them in memory. Default: WAITING_MAX, WAITING_BYTES_MAX. */
  readonly waiting?: WaitingBounds | undefined;
  /** Told when the first queue stands still, and when none does any more. */
  readonly onHeld?: (held: boolean) => void;
  /** A record of deaths that a publisher wrote itself is counted on (RabbitMQ up to 3.12, and from 3.13.3 on), or not (4). */
  readonly countsOn: boolean;
  readonly clock: Clock;
  /** The broker's own part of the budget of work. */
  readonly chores: Share;
  readonly log: Log;
  readonly store: MessageStore;
  readonly units: CommitUnits;
  readonly exchanges: ReadonlyMap<string, Exchange<Queue>>;
  readonly router: Router<Queue>;
  readonly publisher: Publisher;
  readonly dialects: Dialects;
  readonly counters: Counters;
  readonly dropped: DroppedMessages;
  readonly passports: Passports;
  readonly lifecycle: Lifecycle;
  readonly subscriberFlow: SubscriberFlowControl;
  readonly unreadable: UnreadableMessages;
}

export class DeadLetters {
  /** Those that find no room for now. */
  readonly pending: PendingDeadLetters;
  /** Those of a commit unit that is too long already. */
  readonly deferred: DeferredDeadLetters;
  private readonly parts: DeadLettersParts;
  /** The last one that was to be sent on led nowhere. */
  private lost = false;

  constructor(parts: DeadLettersParts) {
    this.parts = parts;
    const again = ({ queue, seq, flags, decision }: DeadLetter): void => this.died(queue, seq, flags, decision);
    this.pending = new PendingDeadLetters(parts.clock, again, parts.waiting, parts.onHeld);
    this.deferred = new DeferredDeadLetters(parts.chores, parts.units, this.pending, again);
  }

  /** Carries out what was decided of a message that has died in this queue, now or as soon as that can be. */
  died(queue: Queue, seq: number, flags: QueueEntryFlags, decision: Decision): void {
    const { counters, lifecycle, store, units } = this.parts;
    if (decision.action === DROP && !this.isKept(queue, flags, decision.reason)) {
      counters[DROPPED[decision.reason]]++;
      this.tellDropped(decision.reason, queue, seq, flags);
      queue.contents.removeDropped(seq, flags);
      return;
    }
    this.parts.chores.work.spend(8);
    if (!lifecycle.stopping && this.deferred.mustWait) {
      queue.contents.setDying(seq, flags, decision.reason);
      this.deferred.add({ queue, seq, flags, decision });
      return;
    }
    const view = new MessageView();
    if (!lifecycle.stopping && store.view(seq, flags, view)) {
      units.begin();
      const done = this.republish(queue, decision, view, acquiredBy(queue, flags, decision.reason));
      // What a queue that keeps its dead had handed out already comes on top of those that may wait.
      const waits = !done && !(this.pending.full && mustLeave(queue, decision));
      if (this.lost) queue.contents.removeDropped(seq, flags);
      else if (done) queue.contents.remove(seq, flags);
      else if (waits) queue.contents.setDying(seq, flags, decision.reason);
      else this.dropWithoutRoom(queue, seq, flags, view);
      units.end();
      if (waits) this.pending.add({ queue, seq, flags, decision }, bytesInMemory(flags, view));
      return;
    }
    // Not in memory, or too late: its death is written down, in the unit that it belongs to, and what it becomes follows as
    // soon as it has been read; after a crash, by the next start.
    const { pending } = this;
    if (!lifecycle.stopping && pending.full && mustLeave(queue, decision)) {
      this.dropWithoutRoom(queue, seq, flags, null);
      return;
    }
    queue.contents.setDying(seq, flags, decision.reason);
    if (lifecycle.stopping) return;
    pending.left();
    store.load(seq, flags, (error) => {
      pending.arrived();
      if (lifecycle.stopping) return;
      if (error !== undefined && !queue.deleted) this.parts.unreadable.inQueue(queue, seq, error);
      else if (!queue.deleted) this.died(queue, seq, flags, decision);
      pending.tellArrived();
    });
  }

  /** As many wait as may, and its queue cannot keep it, being full itself. */
  private dropWithoutRoom(queue: Queue, seq: number, flags: QueueEntryFlags, view: MessageView | null): void {
    this.parts.counters.droppedDeadLetterRoom++;
    this.parts.dropped.tell('dead-letter-room', queue.name, view);
    queue.contents.removeDropped(seq, flags);
  }

  /** What dies in the queue might find no room, and no more may wait for that: it is woken (`roomForDeadLetters`) when there is room. */
  awaitsRoom(queue: Queue): boolean {
    const { pending } = this;
    if (!pending.full || (queue.settings.deadLetterExchange === null && !this.keepsDeadOf(queue))) return false;
    pending.awaitRoom(queue);
    return true;
  }

  /** Its queue has nowhere to send it, and the vhost has. */
  private isKept(queue: Queue, flags: QueueEntryFlags, reason: DeathReason): boolean {
    if (!this.keepsDeadOf(queue) || reason === 'maxlen') return false;
    return reason !== 'expired' || (flags & FLAG_DURABLE) !== 0;
  }

  private keepsDeadOf(queue: Queue): boolean {
    const { otherwise } = this.parts;
    return otherwise !== null && queue.name !== otherwise && queue.durable;
  }

  /** False: it cannot be made, and there is nowhere to go. */
  private otherwiseMade(name: string): boolean {
    try {
      this.parts.declare(name);
      return true;
    } catch (error) {
      if (error instanceof BrokerError) return false;
      throw error;
    }
  }

  /** A full queue sends on what it does not take. */
  diedUnstored(queue: Queue, decision: Decision, view: MessageView): void {
    const { counters } = this.parts;
    if (decision.action === DROP) {
      counters[DROPPED[decision.reason]]++;
      this.parts.dropped.tell(decision.reason, queue.name, view);
    } else if (!this.republish(queue, decision, view)) this.leadsNowhere(queue, view);
  }

  /** False: there are queues that it leads to, and all of them are full and refuse. */
  private republish(queue: Queue, decision: Decision, view: MessageView, acquired = 0): boolean {
    const { log, exchanges, counters, publisher, router } = this.parts;
    this.lost = false;
    if (log.failed !== undefined) return true; // nothing is written any more; it is there again after a restart
    const otherwise = queue.settings.deadLetterExchange === null ? this.parts.otherwise : null;
    const exchange = otherwise !== null && this.otherwiseMade(otherwise) ? '' : queue.settings.deadLetterExchange;
    if (exchange === null || (exchange !== '' && !exchanges.has(exchange))) {
      this.leadsNowhere(queue, view);
      return true;
    }
    // Dotted, as those see it who write queues' settings: where the exchange is the default one it is a queue's name.
    const key = dotted(view.key(), view.spelling);
    const target = otherwise ?? queue.settings.deadLetterKey;
    const recorded = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
    const { headers } = this.parts.dialects.properties(view);
    const before = recorded ?? (this.parts.countsOn ? deathsIn(headers) : undefined);
    const copies = before?.rekeyed === true ? [] : copiesOf(headers);
    const draft = new Draft();
    draft.dialect = view.dialect;
    draft.continues = view.seq;
    draft.continuesAs = AS_DEAD_LETTER;
    // Nothing waits for a dead letter's confirm, so nothing is gained by holding it back as exactly-once would.
    draft.assurance = Math.min(view.assurance, AT_LEAST_ONCE) as Assurance;
    draft.priority = view.priority;
    draft.grouped = view.grouped;
    draft.userChecked = view.userChecked;
    const death = {
      queue: queue.name,
      reason: decision.reason,
      timeS: Math.floor(this.parts.clock.epochMs() / 1000),
      exchange: view.exchange(),
      routingKeys: [key, ...copies],
      ...(acquired > 0 && { acquired }),
      // It is not to expire again where it goes, so what it was given is only kept in the record.
      ...(view.expiresAtMs === 0 ? {} : { originalExpirationMs: view.expiresAtMs - view.arrivedAtMs }),
    };
    const annotations = withDeath(before, death, target !== null, recorded === undefined);
    draft.annotations = annotations;
    // The store's bytes may move under an append, so what is carried over is copied out first.
    draft.props = Buffer.from(view.props.subarray(view.propsStart, view.propsEnd));
    draft.propsEnd = draft.props.length;
    const body = view.large as StoredBody | null;
    if (body !== null)
      draft.large = body; // the same extents: they have one holder more
    else {
      draft.body = Buffer.from(view.body.subarray(view.bodyStart, view.bodyEnd));
      draft.bodyEnd = draft.body.length;
    }
    const all = target === null ? [key, ...copies] : [target];
    const keys = all.filter((one) => !this.parts.reserves(exchange, one));
    if (keys.length < all.length) counters.withheldReserved++;
    if (keys.length === 0) {
      this.leadsNowhere(queue, view);
      return true;
    }
    let route = publisher.resolved(this.routeOver(exchange, keys), draft);
    const again = route.targets.filter((to) => closesCycle(annotations.deaths, to.name));
    if (again.length > 0) {
      counters.droppedCycle += again.length;
      this.parts.dropped.tell('dead-letter-cycle', again[0]!.name, view);
      this.lost = again.length === route.targets.length;
      if (this.lost) return true;
      route = router.without(route, again);
    }
    const full = fullTargets(route.targets, draft);
    if (route.targets.length > 0 && full?.length === route.targets.length) return false;
    counters.published++;
    publisher.publishAlong(route, draft, full);
    this.parts.passports.follow(queue.settings.passport, route.targets, full, draft);
    this.parts.subscriberFlow.nobodyWaits();
    if (draft.routed === 0) this.leadsNowhere(queue, view);
    else {
      counters.deadLettered++;
      counters[DEAD_LETTERED[decision.reason]]++;
    }
    return true;
  }

  private leadsNowhere(queue: Queue, view: MessageView): void {
    this.lost = true;
    this.parts.counters.droppedDeadLetter++;
    this.parts.dropped.tell('dead-letter-unroutable', queue.name, view);
  }

  private tellDropped(reason: DeathReason, queue: Queue, seq: number, flags: QueueEntryFlags): void {
    const { dropped, store } = this.parts;
    if (!dropped.mayTell) return;
    const view = new MessageView();
    dropped.tell(reason, queue.name, store.view(seq, flags, view) ? view : null);
  }

  private routeOver(exchange: string, keys: readonly string[]): CompiledRoute<Queue> {
    const { router, vhost } = this.parts;
    if (keys.length > 1) return router.routeAll(exchange, DOT, keys, vhost);
    const key = bytesOf(keys[0]!);
    return router.route(exchange, DOT, key, 0, key.length, vhost);
  }
}

/** It cannot stay where it is: it was the oldest of too many, or others wait for room in its queue. */
function mustLeave(queue: Queue, decision: Decision): boolean {
  return decision.reason === 'maxlen' || queue.rejects;
}

/** How often consumers have had it, where its queue counts that: the delivery that it died of among them. */
function acquiredBy({ settings }: Queue, flags: QueueEntryFlags, reason: DeathReason): number {
  if (settings.type !== 'quorum') return 0;
  return attemptsOf(flags) + returnsOf(flags) + (reason === 'rejected' || reason === 'delivery_limit' ? 1 : 0);
}

/** What of it is in memory while it waits: what is durable lies on the disk. */
function bytesInMemory(flags: QueueEntryFlags, { bodyLength, propsStart, propsEnd }: MessageView): number {
  return (flags & FLAG_DURABLE) === 0 ? bodyLength + propsEnd - propsStart : 0;
}

/** The other keys that its publisher sent it to, where the message still says so. */
function copiesOf(headers: Headers): string[] {
  const copies = headers.find(({ name }) => name === 'CC')?.value;
  if (typeof copies !== 'object' || copies?.type !== 'list') return [];
  return copies.value.filter((key) => typeof key === 'string');
}

/**
 * Whether a message has been in that queue before and has come round without anybody rejecting it: then it would do so for
 * ever (as RabbitMQ has it). What a consumer rejects may come round; the consumer can see how often.
 */
function closesCycle(deaths: readonly Death[], queue: string): boolean {
  for (const death of deaths) {
    if (death.reason === 'rejected') return false;
    if (death.queue === queue) return true;
  }
  return false;
}
