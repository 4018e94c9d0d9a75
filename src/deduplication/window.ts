/**
 * A deduplication window: the ids of messages that a queue or an exchange has taken, of which each is taken once.
 *
 * ```
 *  head ▼ oldest                                tail ▼
 *  ┌────┬────┬────┬────┬────┬────┬────┬────┬────┬────┐
 *  │ id │ id │ ·  │ id │ id │ ·  │ id │ id │ id │    │   a ring, in the order of the messages' numbers; · is forgotten
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
import { hashOf, IdTable } from './id-table.ts';
import type { WindowSettings } from './settings.ts';

/** What an id takes up beside its text, roughly: a place in the ring, one in the map, the text's head. */
const ENTRY_BYTES = 120;
/** Numbers below the highest that a publisher may try again. */
const OPEN_MAX = 256;
const CAPACITY_MIN = 16;
/** An id is forgotten with its message. */
const WHILE_PRESENT = 1;
/** It is in the log. */
const KEPT = 2;

/** What all windows of a vhost take up. */
export interface WindowMemory {
  bytes: number;
  readonly bytesMax: number;
}

/** An id, as checkpoints and recovery have it. */
export interface WindowEntry {
  readonly id: string;
  /** Of the message that it came with. */
  readonly seq: number;
  /** Epoch milliseconds when it is forgotten; 0 for never. */
  readonly untilMs: number;
  /** It is forgotten when its message leaves the queue. */
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
  /** Where each id lies in the ring. */
  private table = new IdTable(CAPACITY_MIN);
  private idCount = 0;
  private ids: (string | undefined)[] = new Array<string | undefined>(CAPACITY_MIN);
  private seqs = new Float64Array(CAPACITY_MIN);
  private untils = new Float64Array(CAPACITY_MIN);
  private flags = new Uint8Array(CAPACITY_MIN);
  /** Numbers that go on counting, of which the low bits are the place. */
  private head = 0;
  private tail = 0;
  /** The id that was asked for last, its hash, and how many had been added when it was not there; -1: it was. */
  private asked: string | null = null;
  private askedHash = 0;
  private absentAt = -1;
  private added = 0;
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
    return this.idCount + this.publishers.size;
  }

  get memoryBytes(): number {
    return this.bytes;
  }

  // ------------------------------------------------------------------------------------------------------------ ids

  /** A message with this id has been taken. @param nowMs epoch milliseconds */
  has(id: string, nowMs: number): boolean {
    const hash = hashOf(id);
    const place = this.table.find(id, hash, this.ids);
    this.asked = id;
    this.askedHash = hash;
    this.absentAt = place < 0 ? this.added : -1;
    if (place < 0) return false;
    const until = this.untils[place]!;
    return until === 0 || until > nowMs;
  }

  /**
   * A message with this id has been taken.
   * @param seq its number: not lower than those before
   * @param ttlMs how long it is kept; -1: as the window has it
   * @param kept it is written into the log
   * @returns what a record has to say of it
   */
  admit(id: string, seq: number, nowMs: number, ttlMs: number, kept: boolean): WindowEntry {
    const ttl = ttlMs >= 0 ? ttlMs : this.settings.ttlMs;
    const entry = {
      id,
      seq,
      untilMs: ttl < 0 ? 0 : nowMs + ttl,
      whilePresent: this.settings.whilePresent && ttl < 0,
    };
    this.expire(nowMs);
    this.put(entry, kept);
    return entry;
  }

  private put({ id, seq, untilMs, whilePresent }: WindowEntry, kept: boolean): void {
    // It was asked for just before, nearly always, and was not there.
    const same = id === this.asked;
    const hash = same ? this.askedHash : hashOf(id);
    if (!same || this.absentAt !== this.added) {
      const known = this.table.find(id, hash, this.ids);
      if (known >= 0) this.forget(known);
    }
    this.makeRoom(ENTRY_BYTES + id.length);
    if (this.span === this.ids.length) this.rearrange();
    const at = this.tail & (this.ids.length - 1);
    this.ids[at] = id;
    this.seqs[at] = seq;
    this.untils[at] = untilMs;
    this.flags[at] = (whilePresent ? WHILE_PRESENT : 0) | (kept ? KEPT : 0);
    if (whilePresent) this.present++;
    this.table.add(at, hash);
    this.added++;
    this.idCount++;
    this.tail = (this.tail + 1) >>> 0;
    this.count(ENTRY_BYTES + id.length);
  }

  private get span(): number {
    return (this.tail - this.head) >>> 0;
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.memory.bytes += bytes;
  }

  /** Another one of so many bytes is about to come. */
  private makeRoom(bytes: number): void {
    const { memory, settings } = this;
    while (this.size > 0 && (this.size >= settings.size || memory.bytes + bytes > memory.bytesMax)) {
      this.forgotten++;
      if (this.idCount > 0) this.forget(this.head & (this.ids.length - 1));
      else this.forgetPublisher(this.publishers.keys().next().value!);
    }
  }

  private forget(place: number): void {
    const mask = this.ids.length - 1;
    const id = this.ids[place]!;
    this.ids[place] = undefined;
    this.table.remove(place);
    this.idCount--;
    if ((this.flags[place]! & WHILE_PRESENT) !== 0) this.present--;
    this.count(-ENTRY_BYTES - id.length);
    while (this.span > 0 && this.ids[this.head & mask] === undefined) this.head = (this.head + 1) >>> 0;
  }

  /** The ring is full: those that are forgotten leave it, or it grows. */
  private rearrange(): void {
    const { ids, seqs, untils, flags, table } = this;
    const before = ids.length;
    const capacity = this.idCount > before / 2 ? before * 2 : before;
    this.table = new IdTable(capacity);
    this.ids = new Array<string | undefined>(capacity);
    this.seqs = new Float64Array(capacity);
    this.untils = new Float64Array(capacity);
    this.flags = new Uint8Array(capacity);
    let to = 0;
    for (let i = 0, from = this.head; i < before; i++, from = (from + 1) >>> 0) {
      const at = from & (before - 1);
      const id = ids[at];
      if (id === undefined) continue;
      this.ids[to] = id;
      this.seqs[to] = seqs[at]!;
      this.untils[to] = untils[at]!;
      this.flags[to] = flags[at]!;
      this.table.add(to++, table.hashAt(at));
    }
    this.head = 0;
    this.tail = to;
  }

  /** The oldest whose time is over are forgotten: those behind one that is kept longer wait until they are asked for. */
  expire(nowMs: number): void {
    const mask = this.ids.length - 1;
    while (this.span > 0) {
      const until = this.untils[this.head & mask]!;
      if (until === 0 || until > nowMs) break;
      this.forget(this.head & mask);
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
    const mask = this.ids.length - 1;
    let low = 0;
    let high = this.span;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.seqs[(this.head + middle) & mask]! < seq) low = middle + 1;
      else high = middle;
    }
    const span = this.span;
    for (let place = (this.head + low) >>> 0; low < span; low++, place = (place + 1) >>> 0) {
      const at = place & mask;
      if (this.seqs[at] !== seq) return;
      if (this.ids[at] !== undefined && (this.flags[at]! & WHILE_PRESENT) !== 0) this.forget(at);
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
    this.ids = new Array<string | undefined>(CAPACITY_MIN);
    this.seqs = new Float64Array(CAPACITY_MIN);
    this.untils = new Float64Array(CAPACITY_MIN);
    this.flags = new Uint8Array(CAPACITY_MIN);
    this.table = new IdTable(CAPACITY_MIN);
    this.idCount = 0;
    this.head = this.tail = 0;
    this.present = 0;
  }

  /** Recovery: what the log has, in the order of the messages' numbers. */
  restore(entries: Iterable<WindowEntry>, publishers: Iterable<PublisherEntry>, nowMs: number): void {
    for (const entry of entries) {
      if (entry.untilMs !== 0 && entry.untilMs <= nowMs) continue;
      this.put({ ...entry, whilePresent: entry.whilePresent && this.settings.whilePresent }, true);
    }
    for (const { name, seq, untilMs, highest, open } of publishers) {
      if (untilMs !== 0 && untilMs <= nowMs) continue;
      this.makeRoom(ENTRY_BYTES + name.length);
      this.count(ENTRY_BYTES + name.length);
      this.publishers.set(name, { seq, untilMs, highest, keptHighest: highest, open: [...open] });
    }
  }

  /** For a checkpoint: what of it is in the log, so many at a time. What comes meanwhile may be among it. */
  *kept(atATime: number): Generator<readonly WindowEntry[]> {
    let after = -1;
    let some: WindowEntry[];
    do {
      some = [];
      const mask = this.ids.length - 1;
      const span = this.span;
      let i = 0;
      // Numbers go up along the ring, and a ring that was put in order has them in other places.
      for (let high = span; i < high; ) {
        const middle = (i + high) >>> 1;
        if (this.seqs[(this.head + middle) & mask]! <= after) i = middle + 1;
        else high = middle;
      }
      for (; i < span; i++) {
        const at = (this.head + i) & mask;
        const seq = this.seqs[at]!;
        // Those of one number stay together.
        if (some.length >= atATime && seq !== after) break;
        after = seq;
        const id = this.ids[at];
        const flags = this.flags[at]!;
        if (id === undefined || (flags & KEPT) === 0) continue;
        some.push({ id, seq, untilMs: this.untils[at]!, whilePresent: (flags & WHILE_PRESENT) !== 0 });
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
