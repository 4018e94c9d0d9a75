/**
 * The events of passports: a ring of what happened to messages, in typed arrays, with a bound; the oldest go first. It is what a vhost
 * keeps while it runs, and what recovery fills.
 */
import type { Party } from '../../queue/passport-notes.ts';

/** One that is looked at; made for who looks. */
export interface PassportEvent {
  /** What happened: NOTE_… */
  readonly what: number;
  readonly seq: number;
  /** The queue's number. */
  readonly queue: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** What else is to be said; see NOTE_…. */
  readonly detail: number;
  /** Null: the broker itself. */
  readonly by: Party | null;
  readonly durable: boolean;
}

/** Events of a vhost that are kept, where nothing else is said: some 40 bytes each. */
export const PASSPORT_EVENTS_MAX = 100_000;
const ROOM_MIN = 1_024;

export class PassportEvents {
  readonly max: number;
  /** Events so far: the next one's number. They are numbered from 0, and those from `first` on are there. */
  next = 0;
  private room = 0;
  private whats = new Uint8Array(0);
  private durables = new Uint8Array(0);
  private seqs = new Float64Array(0);
  private queues = new Uint32Array(0);
  private times = new Float64Array(0);
  private details = new Float64Array(0);
  private parties: (Party | null)[] = [];

  /** @param max events that are kept; 0 for none */
  constructor(max: number) {
    this.max = max;
  }

  get first(): number {
    return Math.max(0, this.next - this.room);
  }

  get size(): number {
    return this.next - this.first;
  }

  add(event: PassportEvent): void {
    if (this.max === 0) return;
    if (this.next === this.room && this.room < this.max) this.grow();
    const at = this.next++ % this.room;
    this.whats[at] = event.what;
    this.durables[at] = event.durable ? 1 : 0;
    this.seqs[at] = event.seq;
    this.queues[at] = event.queue;
    this.times[at] = event.atMs;
    this.details[at] = event.detail;
    this.parties[at] = event.by;
  }

  /** Only while nothing has been overwritten: every event stays where it is. */
  private grow(): void {
    const room = Math.min(this.max, Math.max(ROOM_MIN, 2 * this.room));
    const grown = <A extends Uint8Array | Uint32Array | Float64Array>(made: A, from: A): A => {
      made.set(from);
      return made;
    };
    this.whats = grown(new Uint8Array(room), this.whats);
    this.durables = grown(new Uint8Array(room), this.durables);
    this.seqs = grown(new Float64Array(room), this.seqs);
    this.queues = grown(new Uint32Array(room), this.queues);
    this.times = grown(new Float64Array(room), this.times);
    this.details = grown(new Float64Array(room), this.details);
    this.room = room;
  }

  /** @param number `first` to `next` */
  at(number: number): PassportEvent {
    const at = number % this.room;
    return {
      what: this.whats[at]!,
      seq: this.seqs[at]!,
      queue: this.queues[at]!,
      atMs: this.times[at]!,
      detail: this.details[at]!,
      by: this.parties[at]!,
      durable: this.durables[at] === 1,
    };
  }

  /** Visits those of `from` on, without making anything of those that are not wanted. */
  forEach(
    from: number,
    wants: (what: number, seq: number, detail: number) => boolean,
    visit: (number: number) => void,
  ): void {
    for (let number = Math.max(from, this.first); number < this.next; number++) {
      const at = number % this.room;
      if (wants(this.whats[at]!, this.seqs[at]!, this.details[at]!)) visit(number);
    }
  }
}
