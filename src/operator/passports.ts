/**
 * A message's passport: what is known of it, where it is now, and what happened to it. It is found by position, or by the id that its
 * publisher gave it. Events are there for queues that have them noted (`x-passport`); where it is now, and why it was dropped, for others too.
 */
import type { Broker } from '../broker/broker.ts';
import { DEATH_REASONS } from '../message/deaths/deaths.ts';
import { BrokerError } from '../message/errors.ts';
import { AS_DEAD_LETTER, AS_DUE, MessageView } from '../message/message.ts';
import { dotted } from '../message/spelling.ts';
import { QueueBrowser } from '../queue/browse/queue-browser.ts';
import { attemptsOf, FLAG_DELIVERED, type QueueEntryFlags } from '../queue/entry-flags.ts';
import {
  END_REASONS,
  NOTE_ACCEPTED,
  NOTE_ARRIVED,
  NOTE_CONTINUES,
  NOTE_DELAYED,
  NOTE_DELIVERED,
  NOTE_DIED,
  NOTE_DROPPED,
  NOTE_FAILED,
  NOTE_FORBIDDEN,
  NOTE_HELD,
  NOTE_LOSSY,
  NOTE_REJECTED,
  NOTE_RELEASED,
  NOTE_REMOVED,
  NOTE_RETRY,
  type Party,
} from '../queue/passport-notes.ts';
import type { Queue } from '../queue/queue.ts';
import type { ParkedWhy } from '../queue/queue-contents.ts';
import type { DroppedMessage } from '../vhost/dropped-messages.ts';
import type { PassportEvent } from '../vhost/passports/events.ts';
import type { Vhost } from '../vhost/vhost.ts';
import type { Pace } from './listing/pace.ts';

/** What an event is called. */
const EVENTS: Readonly<Record<number, string>> = {
  [NOTE_ARRIVED]: 'published',
  [NOTE_DELIVERED]: 'delivered',
  [NOTE_ACCEPTED]: 'accepted',
  [NOTE_RELEASED]: 'released',
  [NOTE_FAILED]: 'failed',
  [NOTE_REJECTED]: 'rejected',
  [NOTE_RETRY]: 'retry',
  [NOTE_DIED]: 'died',
  [NOTE_DROPPED]: 'dropped',
  [NOTE_REMOVED]: 'removed',
  [NOTE_LOSSY]: 'converted-with-loss',
  [NOTE_FORBIDDEN]: 'withheld',
  [NOTE_DELAYED]: 'delayed',
  [NOTE_HELD]: 'held',
};
export const PASSPORT_EVENTS = [...Object.values(EVENTS), 'dead-lettered', 'moved', 'due'] as const;

/** Slots of unsettled messages that are looked through in one part. */
const SLOTS_A_PART = 8_192;
/** Events of one answer; of more the last ones. */
const EVENTS_MAX = 1_000;

export interface PassportStep {
  readonly atMs: number;
  readonly event: string;
  readonly position: number;
  /** Undefined: the queue is gone. '': it is in none. */
  readonly queue: string | undefined;
  readonly by: Party | null;
  /** Of a delivery: attempts that failed before. */
  readonly attempts?: number;
  /** Of a retry: epoch milliseconds. */
  readonly dueAtMs?: number;
  /** Of a death; of a failure or a return of which the client itself said nothing. */
  readonly reason?: string;
  /** Of an arrival: the number that it had before. */
  readonly continues?: number;
}

/** One place where it is. */
export interface PassportPlace {
  readonly queue: string;
  readonly position: number;
  readonly state: 'ready' | 'unsettled' | ParkedWhy;
  readonly attempts: number;
  readonly redelivered: boolean;
  /** Of one that a consumer holds. */
  readonly heldBy?: { readonly user: string; readonly client: string; readonly consumer: string };
  readonly dueAtMs?: number;
}

export interface Passport {
  /** The numbers that it had, the oldest first; empty: nothing is known of it. */
  readonly positions: readonly number[];
  /** As it lies in the store; undefined: it does not any more. */
  readonly message?: {
    readonly arrivedAtMs: number;
    readonly exchange: string;
    readonly routingKey: string;
    readonly messageId: string | undefined;
    readonly bodyBytes: number;
    readonly expiresAtMs: number;
  };
  readonly places: readonly PassportPlace[];
  readonly events: readonly PassportStep[];
  readonly dropped: readonly DroppedMessage[];
  /** Since when events are kept, epoch milliseconds; undefined: there are none. */
  readonly sinceMs: number | undefined;
}

export type PassportQuestion = { readonly position: number } | { readonly messageId: string };

interface Found {
  readonly seq: number;
  readonly flags: QueueEntryFlags;
  readonly place: PassportPlace;
}

export class PassportDesk {
  private readonly broker: Broker;
  private readonly pace: Pace;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.pace = pace;
  }

  /** @throws BrokerError not-found: the vhost */
  async of(name: string, question: PassportQuestion): Promise<Passport> {
    const vhost = this.broker.vhostsByName.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    const { passports } = vhost;
    const asked = 'position' in question ? [question.position] : passports.withId(question.messageId);
    const dropped = vhost.dropped
      .latest()
      .filter(({ position, messageId }) =>
        'position' in question
          ? position !== 0 && position === question.position
          : messageId !== undefined && messageId === question.messageId,
      );
    for (const { position } of dropped) if (position !== 0) asked.push(position);
    const known = passports.of(asked);
    const places: Found[] = [];
    await this.pace.next();
    for (const queue of [...vhost.topology.queues.values()]) {
      if (queue.deleted) continue;
      for (const seq of known.seqs) {
        const found = await this.find(queue, seq);
        if (found !== undefined) places.push(found);
      }
      if (this.pace.over()) await this.pace.next();
    }
    const last = places.at(-1);
    const message = last === undefined ? undefined : await this.message(vhost, last);
    const none = known.events.length === 0 && places.length === 0 && dropped.length === 0;
    const { events } = passports;
    return {
      positions: none ? [] : known.seqs,
      ...(message !== undefined && { message }),
      places: places.map(({ place }) => place),
      events: steps(vhost, known.events.slice(-EVENTS_MAX)),
      dropped,
      sinceMs: events.size === 0 ? undefined : events.at(events.first).atMs,
    };
  }

  private async find(queue: Queue, seq: number): Promise<Found | undefined> {
    const { contents } = queue;
    const found = (flags: QueueEntryFlags, rest: Pick<PassportPlace, 'state' | 'heldBy' | 'dueAtMs'>): Found => ({
      ...{ seq, flags },
      place: {
        ...{ queue: queue.name, position: seq, attempts: attemptsOf(flags), ...rest },
        redelivered: (flags & FLAG_DELIVERED) !== 0,
      },
    });
    const parked = contents.parkedFor(seq);
    if (parked !== undefined) {
      const { flags, why, dueMs } = parked;
      return found(flags, { state: why, ...(dueMs > 0 && { dueAtMs: dueMs }) });
    }
    if (queue.messages > 0) {
      const first = new QueueBrowser(queue, { backwards: false, from: seq, states: ['ready'] }).batch()?.[0];
      if (first?.seq === seq) return found(first.flags, { state: 'ready' });
    }
    const { unsettled } = contents;
    for (let from = 0; unsettled !== null && unsettled.size > 0 && from < unsettled.capacity; from += SLOTS_A_PART) {
      for (let slot = from; slot < Math.min(unsettled.capacity, from + SLOTS_A_PART); slot++) {
        const holder = unsettled.holder(slot);
        if (holder === null || unsettled.seq(slot) !== seq) continue;
        const { user = '', client = '' } = (holder.owner as { party?: Party } | null)?.party ?? {};
        const heldBy = { user, client, consumer: holder.tag };
        return found(unsettled.flags(slot), { state: 'unsettled', heldBy });
      }
      if (this.pace.late()) await this.pace.next();
    }
    return undefined;
  }

  /** What the store says of it, wherever it still is. */
  private message(vhost: Vhost, { seq, flags }: Found): Promise<Passport['message']> {
    const view = new MessageView();
    const look = (): Passport['message'] =>
      vhost.store.view(seq, flags, view)
        ? {
            ...{ arrivedAtMs: view.arrivedAtMs, expiresAtMs: view.expiresAtMs, bodyBytes: view.bodyLength },
            ...{
              exchange: view.exchange(),
              routingKey: dotted(view.key(), view.spelling),
              messageId: vhost.dialects.messageId(view),
            },
          }
        : undefined;
    const there = look();
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => {
      // It may have gone by then.
      vhost.store.load(seq, flags, (error) => resolve(error === undefined ? look() : undefined));
    });
  }
}

/** Events in the words of the API; that something continues another message is a part of its arrival. */
function steps(vhost: Vhost, events: readonly PassportEvent[]): PassportStep[] {
  const found: PassportStep[] = [];
  let continues: PassportEvent | undefined;
  for (const event of events) {
    const { what, detail } = event;
    if (what === NOTE_CONTINUES) continues = event;
    else {
      const arrival = what === NOTE_ARRIVED && continues?.seq === event.seq ? continues.detail : 0;
      found.push({
        ...{ atMs: event.atMs, position: event.seq, by: event.by },
        event: arrival > 0 ? arrivedAs(arrival % 4) : (EVENTS[what] ?? 'unknown'),
        queue: event.queue === 0 ? '' : vhost.topology.registry.queuesById.get(event.queue)?.name,
        ...(what === NOTE_DELIVERED && { attempts: detail }),
        ...((what === NOTE_RETRY || what === NOTE_DELAYED) && { dueAtMs: detail }),
        ...((what === NOTE_FAILED || what === NOTE_RELEASED) &&
          detail > 0 && { reason: END_REASONS[detail] ?? 'unknown' }),
        ...(what === NOTE_DIED && { reason: DEATH_REASONS[detail] ?? 'unknown' }),
        ...(arrival > 0 && { continues: Math.floor(arrival / 4) }),
      });
      if (what === NOTE_ARRIVED) continues = undefined;
    }
  }
  return found;
}

function arrivedAs(why: number): string {
  return why === AS_DEAD_LETTER ? 'dead-lettered' : why === AS_DUE ? 'due' : 'moved';
}
