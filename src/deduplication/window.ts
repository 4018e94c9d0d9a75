/**
 * A deduplication window: the ids of messages that a queue or an exchange has taken, of which each is taken once.
 *
 * ```
 *  head ▼ oldest                                tail ▼
 *  ┌────┬────┬────┬────┬────┬────┬────┬────┬────┬────┐
 *  │ id │ id │ ·  │ id │ id │ ·  │ id │ id │ id │    │   `IdRing`, in the order of the messages' numbers; · is forgotten
 *  └────┴────┴────┴────┴────┴────┴────┴────┴────┴────┘
 *      ├─ more than `size`, or memory is short ──▶ the oldest is forgotten, counted
 *      ├─ its time is over ──────────────────────▶ forgotten
 *      └─ its message has left the queue ────────▶ forgotten, in a window that knows ids while they are present
 * ```
 *
 * Publishers that number their messages have one entry each, with the highest number: any number up to it is a repeat, but for those
 * that were tried and not taken (`open`).
 *
 * It decides nothing about messages and writes no record: `vhost/publish/deduplication.ts` does.
 */
import { bytesOf } from '../message/text.ts';
import { IdRing, KEPT, WHILE_PRESENT } from './id-ring.ts';
import { hashOf } from './id-table.ts';
import type { WindowSettings } from './settings.ts';

/** What an id takes up beside its text, roughly: its place and its cells, and the same once more while the ring is half empty. */
const ENTRY_BYTES = 120;
/** Numbers below the highest that a publisher may try again. */
const OPEN_MAX = 256;

/** What all windows of a vhost take up. */
export interface WindowMemory {
  bytes: number;
  readonly bytesMax: number;
}

/** An id, as recovery has it. */
export interface WindowEntry {
  readonly id: string;
  /** Of the message that it came with. */
  readonly seq: number;
  /** Epoch milliseconds when it is forgotten; 0 for never. */
  readonly untilMs: number;
  /** It is forgotten when its message leaves the queue. */
  readonly whilePresent: boolean;
}

/** What has been admitted, as its record has it: the id is `bytes[start, end)`. Valid until the next. */
export interface AdmittedId {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly seq: number;
  readonly untilMs: number;
  readonly whilePresent: boolean;
}

/** A publisher that numbers its messages. */
export interface PublisherEntry {
  readonly name: string;
  readonly seq: number;
  readonly untilMs: number;
  /** The highest number that was taken; -1: none was. */
  readonly highest: bigint;
  /** Numbers up to the highest that were not. */
  readonly open: readonly bigint[];
}

interface Publisher {
  seq: number;
  untilMs: number;
  highest: bigint;
  /** The same of what is in the log; -1: nothing is. */
  keptHighest: bigint;
  open: bigint[];
}

export class DeduplicationWindow {
  /** Messages that were taken before, and were not taken again. */
  repeats = 0;
  /** Ids that were forgotten because there were too many. */
  forgotten = 0;
  settings: WindowSettings;
  /** Its ids are written into the log. */
  readonly durable: boolean;
  private readonly memory: WindowMemory;
  private bytes = 0;
  private ring = new IdRing();
  /** The id that was asked for last, its hash, and how many had been added when it was not there; -1: it was. */
  private asked: Buffer | null = null;
  private askedAt = 0;
  private askedHash = 0;
  private absentAt = -1;
  private added = 0;
  private readonly last: { -readonly [K in keyof AdmittedId]: AdmittedId[K] } = {
    ...{ bytes: Buffer.alloc(0), start: 0, end: 0, seq: 0, untilMs: 0, whilePresent: false },
  };
  /** Ids that go with their messages. */
  private present = 0;
  /** By name, who has published longest ago first. */
  private readonly publishers = new Map<string, Publisher>();

  /** @param durable whose it is is there after a restart */
  constructor(settings: WindowSettings, memory: WindowMemory, durable: boolean) {
    this.settings = settings;
    this.memory = memory;
    this.durable = durable && settings.persistent;
  }

  /** Ids and publishers that it knows, those among them whose time is over and that nobody has asked for since. */
  get size(): number {
    return this.ring.count + this.publishers.size;
  }

  get memoryBytes(): number {
    return this.bytes;
  }

  // ------------------------------------------------------------------------------------------------------------ ids

  /** A message with this id has been taken. @param nowMs epoch milliseconds */
  has(id: string, nowMs: number): boolean {
    const bytes = bytesOf(id);
    return this.knows(bytes, 0, bytes.length, nowMs);
  }

  /** The same, of the id `bytes[start, end)`: text in UTF-8, or what `bytesOf` makes of it. */
  knows(bytes: Buffer, start: number, end: number, nowMs: number): boolean {
    const hash = hashOf(bytes, start, end);
    const place = this.ring.find(bytes, start, end, hash);
    this.asked = bytes;
    this.askedAt = start;
    this.askedHash = hash;
    this.absentAt = place < 0 ? this.added : -1;
    if (place < 0) return false;
    const until = this.ring.untilOf(place);
    return until === 0 || until > nowMs;
  }

  /**
   * A message with this id has been taken.
   * @param seq its number: not lower than those before
   * @param ttlMs how long it is kept; -1: as the window has it
   * @param kept it is written into the log
   * @returns what a record has to say of it
   */
  admit(id: string, seq: number, nowMs: number, ttlMs: number, kept: boolean): AdmittedId {
    const bytes = bytesOf(id);
    return this.take(bytes, 0, bytes.length, seq, nowMs, ttlMs, kept);
  }

  /** The same, of the id `bytes[start, end)`. What lies there has not changed since it was asked for. */
  take(
    bytes: Buffer,
    start: number,
    end: number,
    seq: number,
    nowMs: number,
    ttlMs: number,
    kept: boolean,
  ): AdmittedId {
    const ttl = ttlMs >= 0 ? ttlMs : this.settings.ttlMs;
    const { last } = this;
    last.bytes = bytes;
    last.start = start;
    last.end = end;
    last.seq = seq;
    last.untilMs = ttl < 0 ? 0 : nowMs + ttl;
    last.whilePresent = this.settings.whilePresent && ttl < 0;
    this.expire(nowMs);
    this.put(last, kept);
    return last;
  }

  private put({ bytes, start, end, seq, untilMs, whilePresent }: AdmittedId, kept: boolean): void {
    // It was asked for just before, nearly always, and was not there.
    const same = bytes === this.asked && start === this.askedAt;
    const hash = same ? this.askedHash : hashOf(bytes, start, end);
    if (!same || this.absentAt !== this.added) {
      const known = this.ring.find(bytes, start, end, hash);
      if (known >= 0) this.forget(known);
    }
    this.makeRoom(ENTRY_BYTES + end - start);
    const flags = (whilePresent ? WHILE_PRESENT : 0) | (kept ? KEPT : 0);
    this.ring.push(bytes, start, end, hash, seq, untilMs, flags);
    if (whilePresent) this.present++;
    this.added++;
    this.count(ENTRY_BYTES + end - start);
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.memory.bytes += bytes;
  }

  /** Another one of so many bytes is about to come. */
  private makeRoom(bytes: number): void {
    const { memory, settings } = this;
    if (this.size < settings.size && memory.bytes + bytes <= memory.bytesMax) return;
    while (this.size > 0 && (this.size >= settings.size || memory.bytes + bytes > memory.bytesMax)) {
      this.forgotten++;
      if (this.ring.count > 0) this.forget(this.ring.at(0));
      else this.forgetPublisher(this.publishers.keys().next().value!);
    }
  }

  private forget(place: number): void {
    const { ring } = this;
    if ((ring.flagsOf(place) & WHILE_PRESENT) !== 0) this.present--;
    this.count(-ENTRY_BYTES - ring.lengthOf(place));
    ring.remove(place);
  }

  /** The oldest whose time is over are forgotten: those behind one that is kept longer wait until they are asked for. */
  expire(nowMs: number): void {
    const { ring } = this;
    while (ring.count > 0) {
      const oldest = ring.at(0);
      const until = ring.untilOf(oldest);
      if (until === 0 || until > nowMs) break;
      this.forget(oldest);
    }
    if (this.publishers.size === 0) return;
    for (const [name, { untilMs }] of this.publishers) {
      if (untilMs === 0 || untilMs > nowMs) break;
      this.forgetPublisher(name);
    }
  }

  /** A message has left the queue. */
  left(seq: number): void {
    if (this.present === 0) return;
    const { ring } = this;
    const { span } = ring;
    let i = ring.before(seq);
    // Places stay where they are, though the oldest may go.
    for (let place = ring.at(i); i < span && ring.seqOf(place) === seq; i++, place = ring.behind(place)) {
      if (ring.isThere(place) && (ring.flagsOf(place) & WHILE_PRESENT) !== 0) this.forget(place);
    }
  }

  // ----------------------------------------------------------------------------------------------------- publishers

  /** A message of this publisher with this number has been taken, or one with a higher number and this one was not tried. */
  hasNumber(name: string, number: bigint, nowMs: number): boolean {
    const publisher = this.publishers.get(name);
    if (publisher === undefined || (publisher.untilMs !== 0 && publisher.untilMs <= nowMs)) return false;
    return number <= publisher.highest && !publisher.open.includes(number);
  }

  /** A message of this publisher has been taken; the parameters are those of `admit`. @returns what is in the log of it */
  admitNumber(name: string, number: bigint, seq: number, nowMs: number, ttlMs: number, kept: boolean): PublisherEntry {
    const publisher = this.publisher(name, seq, nowMs, ttlMs);
    if (number > publisher.highest) publisher.highest = number;
    if (kept && number > publisher.keptHighest) publisher.keptHighest = number;
    if (publisher.open.length > 0) publisher.open = publisher.open.filter((other) => other !== number);
    return keptOf(name, publisher);
  }

  /** One was tried and not taken: it may be tried again, whatever higher numbers have come meanwhile. */
  refusedNumber(name: string, number: bigint, seq: number, nowMs: number, ttlMs: number): void {
    if (this.publishers.get(name)?.open.includes(number) === true) return;
    const publisher = this.publisher(name, seq, nowMs, ttlMs);
    if (publisher.open.length === OPEN_MAX) publisher.open.shift();
    publisher.open.push(number);
  }

  private publisher(name: string, seq: number, nowMs: number, ttlMs: number): Publisher {
    let publisher = this.publishers.get(name);
    if (publisher === undefined || (publisher.untilMs !== 0 && publisher.untilMs <= nowMs)) {
      if (publisher !== undefined) this.forgetPublisher(name);
      this.expire(nowMs);
      this.makeRoom(ENTRY_BYTES + name.length);
      this.count(ENTRY_BYTES + name.length);
      publisher = { seq, untilMs: 0, highest: -1n, keptHighest: -1n, open: [] };
    } else if (this.publishers.size > 1) this.publishers.delete(name);
    const ttl = ttlMs >= 0 ? ttlMs : this.settings.ttlMs;
    publisher.seq = seq;
    publisher.untilMs = ttl < 0 ? 0 : nowMs + ttl;
    // Behind those that have published before it.
    this.publishers.set(name, publisher);
    return publisher;
  }

  private forgetPublisher(name: string): void {
    if (this.publishers.delete(name)) this.count(-ENTRY_BYTES - name.length);
  }

  // -------------------------------------------------------------------------------------------------------- its life

  /** Other settings are in force; what it knows stays, as far as there is room. */
  apply(settings: WindowSettings): void {
    this.settings = settings;
    while (this.size > settings.size) this.makeRoom(0);
  }

  /** It is not needed any more. */
  close(): void {
    this.count(-this.bytes);
    this.publishers.clear();
    this.ring = new IdRing();
    this.present = 0;
  }

  /** Recovery: what the log has, in the order of the messages' numbers. */
  restore(entries: Iterable<WindowEntry>, publishers: Iterable<PublisherEntry>, nowMs: number): void {
    for (const entry of entries) {
      if (entry.untilMs !== 0 && entry.untilMs <= nowMs) continue;
      const { seq, untilMs } = entry;
      const bytes = bytesOf(entry.id);
      const whilePresent = entry.whilePresent && this.settings.whilePresent;
      this.put({ bytes, start: 0, end: bytes.length, seq, untilMs, whilePresent }, true);
    }
    for (const { name, seq, untilMs, highest, open } of publishers) {
      if (untilMs !== 0 && untilMs <= nowMs) continue;
      this.makeRoom(ENTRY_BYTES + name.length);
      this.count(ENTRY_BYTES + name.length);
      this.publishers.set(name, { seq, untilMs, highest, keptHighest: highest, open: [...open] });
    }
  }

  /** For a checkpoint: what of it is in the log, so many at a time, each valid until the next step. What comes meanwhile may be among it. */
  *kept(atATime: number): Generator<readonly AdmittedId[]> {
    let after = -1;
    let some: AdmittedId[];
    do {
      some = [];
      const { ring } = this;
      const { span } = ring;
      // Numbers go up along the ring, and a ring that was put in order has them in other places.
      for (let i = ring.before(after + 1); i < span; i++) {
        const place = ring.at(i);
        const seq = ring.seqOf(place);
        // Those of one number stay together.
        if (some.length >= atATime && seq !== after) break;
        after = seq;
        const flags = ring.flagsOf(place);
        if (!ring.isThere(place) || (flags & KEPT) === 0) continue;
        const start = ring.startOf(place);
        some.push({
          ...{ bytes: ring.memory, start, end: start + ring.lengthOf(place) },
          ...{ seq, untilMs: ring.untilOf(place), whilePresent: (flags & WHILE_PRESENT) !== 0 },
        });
      }
      if (some.length > 0) yield some;
    } while (some.length > 0);
  }

  keptPublishers(): PublisherEntry[] {
    const all: PublisherEntry[] = [];
    for (const [name, publisher] of this.publishers) {
      if (publisher.keptHighest >= 0n) all.push(keptOf(name, publisher));
    }
    return all;
  }
}

/** As a record has it: open numbers above the highest are new by themselves. */
function keptOf(name: string, { seq, untilMs, keptHighest, open }: Publisher): PublisherEntry {
  const below = open.length === 0 ? open : open.filter((number) => number < keptHighest);
  return { name, seq, untilMs, highest: keptHighest, open: below };
}
