/**
 * Passports: what happened to the messages of queues that have it noted (`x-passport`, policy key `passport`). Events are kept in a
 * ring with a bound, the oldest go first; those of durable messages are written into the log too, in the unit of what happened, so that
 * a crash leaves no settlement without its note.
 *
 * A message that the broker publishes again (a dead letter, one that was moved or is due) has a new number; the event of its arrival says
 * which one it continues, so that its passport can be followed in both directions.
 */
import type { TurnClock } from '../../clock/turn-clock.ts';
import type { Dialects } from '../../message/dialect.ts';
import { type Draft, MessageView } from '../../message/message.ts';
import { FLAG_DURABLE, type QueueEntryFlags } from '../../queue/entry-flags.ts';
import {
  NOTE_ARRIVED,
  NOTE_CONTINUES,
  NOTE_DELAYED,
  NOTE_HELD,
  NOTE_REMOVED,
  type NotedConsumer,
  type NotedQueue,
  type Party,
  type PassportNotes,
} from '../../queue/passport-notes.ts';
import type { Queue } from '../../queue/queue.ts';
import type { CommitUnits, Settling } from '../commit-units.ts';
import type { CheckpointPart } from '../journal/records/passports.ts';
import type { PassportEvent, PassportEvents } from './events.ts';
import { textHash } from './text-hash.ts';

/** Messages that are one: so many continuations are followed. */
const CHAIN_MAX = 256;
/** Events of a checkpoint in one step. */
const EVENTS_A_STEP = 1_024;

/** Queues without notes that a message is noted to have come to, where it goes to many. */
const FOLLOWED_TO_MAX = 8;

/** Queues are numbered from 1. */
const NO_QUEUE: NotedQueue = { id: 0, durable: true };

/** A client that can be named. */
export interface Named {
  readonly party?: Party;
}

export interface PassportsParts {
  readonly time: TurnClock;
  readonly units: CommitUnits;
  readonly dialects: Dialects;
  /** Who publishes now. */
  client(): Named | null;
  write(events: readonly PassportEvent[], part: CheckpointPart | null): void;
}

export class Passports implements PassportNotes, Settling {
  readonly events: PassportEvents;
  readonly tells = true;
  /** Who acts now, where that is no client that publishes: a commit, an operator. */
  acting: Party | null = null;
  private readonly parts: PassportsParts;
  /** Not written yet. */
  private unwritten: PassportEvent[] = [];
  private readonly parties = new WeakMap<NotedConsumer, Party>();
  private readonly view = new MessageView();
  /** Numbers under which messages go on of which something is noted, wherever they are: as many as there are events at most, the oldest go first. */
  private readonly followed = new Set<number>();

  /** @param events what recovery has found */
  constructor(parts: PassportsParts, events: PassportEvents) {
    this.parts = parts;
    this.events = events;
    events.forEach(
      0,
      (what) => what === NOTE_CONTINUES,
      (number) => this.followed.add(events.at(number).seq),
    );
  }

  arrived(queue: NotedQueue, seq: number, flags: QueueEntryFlags, draft: Draft): void {
    const by = this.publisher;
    if (draft.continues > 0) this.add(queue, seq, flags, NOTE_CONTINUES, by, draft.continues * 4 + draft.continuesAs);
    this.add(queue, seq, flags, NOTE_ARRIVED, by, this.idHash(draft));
  }

  /**
   * The broker has published a message again, within a unit: what is noted of it goes on where it is now, though nothing is noted there. Or the
   * passport would end in a queue of dead letters that says nothing of itself, and a redrive would bring back somebody unknown.
   * @param noted it comes from a queue that has it noted what happens
   * @param full of the targets, those that did not take it
   */
  follow(noted: boolean, targets: readonly Queue[], full: readonly Queue[] | null, draft: Draft): void {
    const { followed, events } = this;
    if (draft.seq === 0 || draft.continues === 0 || events.max === 0) return;
    if (!noted && !followed.has(draft.continues)) return;
    let left = FOLLOWED_TO_MAX;
    for (const queue of targets) {
      if (left === 0) break;
      if (queue.settings.passport || full?.includes(queue) === true) continue;
      this.arrived(queue, draft.seq, draft.durably ? FLAG_DURABLE : 0, draft);
      left--;
    }
    followed.add(draft.seq);
    if (followed.size > events.max) followed.delete(followed.values().next().value!);
  }

  /**
   * A message has come that is to be in no queue yet, and will continue as another.
   * @param dueMs when: epoch milliseconds; -1: when somebody says so
   */
  kept(seq: number, durable: boolean, draft: Draft, dueMs: number): void {
    const by = this.publisher;
    const flags = durable ? FLAG_DURABLE : 0;
    this.add(NO_QUEUE, seq, flags, NOTE_ARRIVED, by, this.idHash(draft));
    if (dueMs < 0) this.add(NO_QUEUE, seq, flags, NOTE_HELD, by, 0);
    else this.add(NO_QUEUE, seq, flags, NOTE_DELAYED, by, dueMs);
  }

  /** One of those will never continue: somebody wanted it gone. Noted where its coming was. */
  cancelled(seq: number, durable: boolean): void {
    let known = false;
    this.events.forEach(
      0,
      (_what, of) => of === seq,
      () => {
        known = true;
      },
    );
    if (known) this.add(NO_QUEUE, seq, durable ? FLAG_DURABLE : 0, NOTE_REMOVED, this.acting, 0);
  }

  /** Null: the broker itself. */
  private get publisher(): Party | null {
    return this.acting ?? this.parts.client()?.party ?? null;
  }

  private idHash(draft: Draft): number {
    const { view } = this;
    view.dialect = draft.dialect;
    view.props = draft.props;
    view.propsStart = draft.propsStart;
    view.propsEnd = draft.propsEnd;
    const id = draft.propsEnd > draft.propsStart ? this.parts.dialects.messageId(view) : undefined;
    return id === undefined ? 0 : textHash(id);
  }

  note(
    queue: NotedQueue,
    seq: number,
    flags: QueueEntryFlags,
    what: number,
    by: NotedConsumer | null,
    detail: number,
  ): void {
    this.add(queue, seq, flags, what, by === null ? this.acting : this.partyOf(by), detail);
  }

  private partyOf(consumer: NotedConsumer): Party {
    let party = this.parties.get(consumer);
    if (party === undefined) {
      const { protocol = '', user = '', client = '' } = (consumer.owner as Named | null)?.party ?? {};
      party = { protocol, user, client, consumer: consumer.tag };
      this.parties.set(consumer, party);
    }
    return party;
  }

  private add(
    queue: NotedQueue,
    seq: number,
    flags: QueueEntryFlags,
    what: number,
    by: Party | null,
    detail: number,
  ): void {
    const durable = queue.durable && (flags & FLAG_DURABLE) !== 0;
    const event = { what, seq, queue: queue.id, atMs: this.parts.time.epochMs(), detail, by, durable };
    this.events.add(event);
    if (!durable) return;
    if (this.unwritten.push(event) === 1) this.parts.units.settling(this);
  }

  flushSettled(): void {
    if (this.unwritten.length === 0) return;
    this.parts.write(this.unwritten, null);
    this.unwritten = [];
  }

  /** Writes down what is kept, in steps. What is added meanwhile is written where it happens. */
  *checkpoint(): Generator<void> {
    const { events, parts } = this;
    if (events.size === 0) return;
    this.flushSettled();
    const { next } = events;
    let first = true;
    let from = events.first;
    do {
      // What has been overwritten meanwhile is gone.
      from = Math.max(from, events.first);
      const to = Math.min(next, from + EVENTS_A_STEP);
      const some: PassportEvent[] = [];
      for (; from < to; from++) {
        const event = events.at(from);
        if (event.durable) some.push(event);
      }
      parts.write(some, { first, last: from >= next });
      first = false;
      yield;
    } while (from < next);
  }

  // ------------------------------------------------------------------------------------------------- asked for

  /** Numbers under which messages with this id came in, as far as that is known. */
  withId(messageId: string): number[] {
    const hash = textHash(messageId);
    const seqs = new Set<number>();
    this.events.forEach(
      0,
      (what, _seq, detail) => what === NOTE_ARRIVED && detail === hash,
      (number) => seqs.add(this.events.at(number).seq),
    );
    return [...seqs];
  }

  /** What happened to a message, whatever numbers it had, in order; and those numbers. */
  of(seqs: readonly number[]): { readonly events: readonly PassportEvent[]; readonly seqs: readonly number[] } {
    const all = this.chain(seqs);
    const found: number[] = [];
    this.events.forEach(
      0,
      (_what, seq) => all.has(seq),
      (number) => found.push(number),
    );
    // A checkpoint may have written older ones behind newer ones.
    const events = found.map((number) => this.events.at(number)).sort((a, b) => a.atMs - b.atMs);
    return { events, seqs: [...all].sort((a, b) => a - b) };
  }

  private chain(seqs: readonly number[]): Set<number> {
    const links: [before: number, after: number][] = [];
    this.events.forEach(
      0,
      (what) => what === NOTE_CONTINUES,
      (number) => {
        const { seq, detail } = this.events.at(number);
        links.push([Math.floor(detail / 4), seq]);
      },
    );
    const all = new Set(seqs);
    for (let before = -1; before !== all.size && all.size < CHAIN_MAX; ) {
      before = all.size;
      for (const [from, to] of links) {
        if (all.has(from)) all.add(to);
        else if (all.has(to)) all.add(from);
      }
    }
    return all;
  }
}
