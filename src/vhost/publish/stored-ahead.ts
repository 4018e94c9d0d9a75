/**
 * Messages of a transaction that are stored before its commit, in parts, so that the commit itself has little left to do. Until then
 * they are in no queue, neither in memory nor for whoever reads the log: their records name no list of targets. At the commit the
 * queues get all of them in one go, and the log gets their positions, in the commit's unit.
 *
 * ```
 * kept ──step──▶ stored, in no queue ──takeEffect──▶ in their queues; positions in the log
 *                        │
 *                        └──forget──▶ nothing refers to them, and they go as what was consumed does
 * ```
 *
 * Only messages that ask for no more than a time to live, to queues that refuse none, do not count bytes and look at none of them, and those that are
 * to wait for a time; and only as far as the first that is neither: what comes after that must not have a lower number. The rest is the commit's.
 */
import type { Turn } from '../../clock/turn.ts';
import type { Work } from '../../clock/work.ts';
import { type Assurance, AT_MOST_ONCE, type Draft, EXACTLY_ONCE } from '../../message/message.ts';
import { Histogram } from '../../metrics/histogram.ts';
import { type ProtocolTraffic, SIZE_BOUNDS } from '../../metrics/traffic.ts';
import { entryFlags, FLAG_DURABLE, type QueueEntryFlags } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore, UnplacedMessages } from '../../queue/store/message-store.ts';
import type { Exchange } from '../../routing/exchange.ts';
import { lowerAssurance } from '../../routing/target-flags.ts';
import type { Journal } from '../journal/journal.ts';
import { DelayedAhead } from '../timers/delayed-ahead.ts';
import type { Delays } from '../timers/delays.ts';
import { asksMore, type KeptMessages, type KeptReader, type KeptRoute } from './kept-messages.ts';
import { CROWD_MIN } from './message-run.ts';
import type { PublishBound } from './publish-bound.ts';
import type { Publisher } from './publisher.ts';

/** What one queue is to get. */
export class PlacedRuns {
  readonly queue: Queue;
  /** How many messages it had got when the commit began: if it has got none since, these come behind all that it has. */
  readonly before: number;
  /** Triples: the first number, how many follow one another, their flags. */
  readonly runs: number[] = [];
  private durable = false;
  /** Some have a time to live. */
  expire = false;

  constructor(queue: Queue) {
    this.queue = queue;
    this.before = queue.counted.published;
  }

  add(first: number, count: number, flags: QueueEntryFlags): void {
    const { runs } = this;
    const last = runs.length - 3;
    if (last >= 0 && runs[last + 2] === flags && runs[last]! + runs[last + 1]! === first) runs[last + 1]! += count;
    else runs.push(first, count, flags);
    if ((flags & FLAG_DURABLE) !== 0) this.durable = true;
  }

  place(journal: Journal): void {
    const { queue, runs } = this;
    // A queue that a crash empties has durable messages too, where another queue made them so.
    const kept = this.durable && queue.durable;
    if (this.expire) {
      queue.expectExpiry();
      // Whoever reads the log learns nothing of it from positions.
      if (kept) journal.queue(queue);
    }
    // A run of positions that is taken as it is has one level.
    const last = queue.settings.priorityMax < 0 && queue.counted.published === this.before;
    if (kept) journal.placed(queue, runs, last);
    for (let i = 0; i < runs.length; i += 3) queue.pushRun(runs[i]!, runs[i + 1]!, runs[i + 2]!);
  }
}

/** Messages that follow one another, to the same queues. */
interface Run {
  readonly to: KeptRoute;
  readonly assurance: Assurance;
  readonly durable: boolean;
  /** Of all of them, where that matters; -1 where it does not, or they have none. */
  readonly priority: number;
  readonly first: number;
  count: number;
  /** Some have a time to live. */
  expire: boolean;
}

export class StoredAhead implements UnplacedMessages {
  /** Messages that are stored: the first ones of those that are kept. */
  count = 0;
  private readonly kept: KeptMessages;
  private readonly store: MessageStore;
  private readonly publisher: Publisher;
  private readonly delays: Delays;
  private readonly work: Work;
  private readonly reader: KeptReader;
  private readonly places = new Map<Queue, PlacedRuns>();
  private readonly runs: Run[] = [];
  /** Where they go, and whether their priority matters there. */
  private readonly used = new Map<KeptRoute, boolean>();
  /** Those that are to wait, and under which addresses. */
  private readonly delayed = new DelayedAhead();
  private readonly delayedTo = new Set<KeptRoute>();
  /** Of exchanges that go by more than keys. */
  private readonly mayBeNoted = new Map<Exchange<Queue>, boolean>();
  /** How many of the runs have been handed out to the queues' places, and how far the one at hand. */
  private handedOut = 0;
  private target = 0;
  /** How many of the routes have been looked at, and how far the one at hand. */
  private looked = 0;
  private lookedTarget = 0;
  /** All that can be has been stored. */
  private whole = false;
  private over = false;
  /** Nothing of it takes effect. */
  forgotten = false;
  private readonly bound: PublishBound | null;
  private readonly sizes = new Histogram(SIZE_BOUNDS);
  private copies = 0;

  /** @param bound how much its publisher may have waiting; null: any number */
  constructor(
    kept: KeptMessages,
    store: MessageStore,
    publisher: Publisher,
    delays: Delays,
    work: Work,
    bound: PublishBound | null = null,
  ) {
    this.bound = bound;
    this.kept = kept;
    this.store = store;
    this.publisher = publisher;
    this.delays = delays;
    this.work = work;
    this.reader = kept.read();
    store.unplaced.add(this);
  }

  /** Does a part; true when no more can be done. */
  step(): boolean {
    if (this.over) return true;
    if (!this.look()) return false;
    if (!this.whole && !this.storeSomeOwned()) return false;
    return this.handOutSome();
  }

  /** Whether the time is up, after so much work. */
  private spent(units: number): boolean {
    this.work.spend(units);
    return this.work.over;
  }

  /** Makes a place for each queue that there is a route to, before anything has a number. */
  private look(): boolean {
    const { places, kept } = this;
    while (this.looked < kept.routes.length) {
      const { targets } = kept.routes[this.looked]!.resolved;
      while (this.lookedTarget < targets.length) {
        const queue = targets[this.lookedTarget++]!;
        if (!places.has(queue)) places.set(queue, new PlacedRuns(queue));
        if (this.spent(1)) return false;
      }
      this.looked++;
      this.lookedTarget = 0;
      if (this.spent(1)) return false;
    }
    return true;
  }

  private storeSomeOwned(): boolean {
    if (this.bound === null) return this.storeSome();
    this.store.owner = this.bound.owner;
    try {
      return this.storeSome();
    } finally {
      this.store.owner = null;
    }
  }

  private storeSome(): boolean {
    const { reader } = this;
    do {
      if (!reader.next()) return this.endStoring();
      if (!this.storeOne(reader.draft, reader.to!)) {
        reader.unread();
        return this.endStoring();
      }
    } while (!this.spent(2 + ((reader.draft.bodyEnd - reader.draft.bodyStart) >>> 10)));
    return false;
  }

  private endStoring(): true {
    this.whole = true;
    return true;
  }

  private storeOne(draft: Draft, to: KeptRoute): boolean {
    const { store, runs } = this;
    if (this.bound?.full === true) return false;
    if (draft.delayMs > 0 || draft.dueMs >= 0) return this.storeDelayed(draft, to);
    if (asksMore(draft)) return false;
    let run = runs.at(-1);
    if (
      run === undefined ||
      run.to !== to ||
      run.assurance !== draft.assurance ||
      (run.priority !== draft.priority && this.used.get(to) === true) ||
      run.first + run.count !== store.nextSeq
    ) {
      run = this.begin(to, draft.assurance, draft.priority);
      if (run === undefined) return false;
    }
    const { durable } = run;
    if (!this.publisher.takes || (!durable && this.publisher.transientFull)) return false;
    const { targets } = to.resolved;
    const seq = store.append(draft, to.resolved, durable, 0);
    store.addReferences(seq, durable, targets.length);
    if (run.count++ === 0) runs.push(run);
    if (draft.ttlMs >= 0) run.expire = true;
    this.count++;
    this.copies += targets.length;
    this.sizes.add(draft.bodyEnd - draft.bodyStart);
    return true;
  }

  private storeDelayed(draft: Draft, to: KeptRoute): boolean {
    if (!this.delayedTo.has(to) && !this.waits(to)) return false;
    if (!this.publisher.takes || !this.delays.storeAhead(to.resolved, draft, this.delayed)) return false;
    this.delayedTo.add(to);
    this.count++;
    this.copies++;
    this.sizes.add(draft.bodyEnd - draft.bodyStart);
    return true;
  }

  /** Undefined for messages that are the commit's. */
  private begin(to: KeptRoute, assurance: Assurance, priority: number): Run | undefined {
    const { targets } = to.resolved;
    if (assurance === EXACTLY_ONCE) return undefined;
    if (!this.used.has(to)) {
      if (!holds(to)) return undefined;
      this.used.set(
        to,
        targets.some(({ settings }) => settings.priorityMax >= 0),
      );
    }
    let durable = false;
    for (const target of targets) if (target.durable && assurance !== AT_MOST_ONCE) durable = true;
    const first = this.store.nextSeq;
    return { to, assurance, durable, priority, first, count: 0, expire: false };
  }

  private handOutSome(): boolean {
    const { runs, places } = this;
    while (this.handedOut < runs.length) {
      const { to, assurance, durable, priority, first, count, expire } = runs[this.handedOut]!;
      const { targets, targetFlags } = to.resolved;
      while (this.target < targets.length) {
        const asked = targetFlags[this.target]!;
        const flags = entryFlags(asked, lowerAssurance(assurance, asked), durable ? FLAG_DURABLE : 0);
        const target = targets[this.target++]!;
        const place = places.get(target)!;
        place.add(first, count, target.withPriority(flags, priority));
        if (expire) place.expire = true;
        if (this.spent(1)) return false;
      }
      this.handedOut++;
      this.target = 0;
    }
    return true;
  }

  /** Whether they still go where they were to go. */
  get holds(): boolean {
    if (this.over || !this.whole || this.handedOut < this.runs.length || !this.publisher.takes) return false;
    for (const to of this.used.keys()) if (!holds(to)) return false;
    for (const to of this.delayedTo) if (!this.waits(to)) return false;
    return true;
  }

  /** What is not stored ahead. */
  get rest(): KeptReader {
    return this.reader;
  }

  /** Of the bodies of those that are. */
  get bodyBytes(): number {
    return this.sizes.sum;
  }

  /** The queues get them, what is delayed begins to wait, and the log gets their positions. Within a commit unit, if it `holds`. */
  takeEffect(journal: Journal, turn: Turn, traffic: ProtocolTraffic): void {
    this.end();
    for (const { to, count } of this.runs) this.publisher.countRun(to.resolved, count);
    if (this.places.size >= CROWD_MIN) turn.crowd = true;
    for (const place of this.places.values()) if (place.runs.length > 0) place.place(journal);
    turn.crowd = false;
    this.delays.takeAhead(this.delayed);
    traffic.received += this.count;
    traffic.routed += this.copies;
    traffic.sizes.addAll(this.sizes);
    this.publisher.watch();
  }

  /** Nothing of it takes effect. */
  forget(): void {
    if (this.over) return;
    this.end();
    this.forgotten = true;
    for (const { to, durable, first, count } of this.runs) {
      const copies = to.resolved.targets.length;
      for (let seq = first; seq < first + count; seq++) this.store.releaseUnplaced(seq, durable, copies);
    }
    this.delays.forgetAhead(this.delayed);
    this.count = 0;
  }

  private end(): void {
    this.over = true;
    this.store.unplaced.delete(this);
  }

  /** A delayed message can be stored before anybody knows of it: none that comes is told of. */
  private waits({ route: { valid, exchange }, resolved }: KeptRoute): boolean {
    if (!valid || (exchange !== null && exchange.window !== null)) return false;
    if (!resolved.perMessage) return !resolved.targets.some(({ settings }) => settings.passport);
    if (exchange === null) return true;
    let noted = this.mayBeNoted.get(exchange);
    if (noted === undefined) this.mayBeNoted.set(exchange, (noted = mayBeNoted(exchange)));
    return !noted;
  }

  /** The log says nothing of where they go. */
  giveTo(): void {}

  forEach(visit: (seq: number) => void): void {
    for (const { first, count } of this.runs) for (let seq = first; seq < first + count; seq++) visit(seq);
    for (const seq of this.delayed.seqs) visit(seq);
  }
}

/** Some queue that a message may go to, by what it says, has it noted what happens to messages; or one behind another exchange may. */
function mayBeNoted({ alternate, bindings }: Exchange<Queue>): boolean {
  if (alternate !== null) return true;
  for (const { queue } of bindings.values()) if (queue === null || queue.settings.passport) return true;
  return false;
}

/** Its messages can be stored before they are in their queues. */
function holds({ route, resolved }: KeptRoute): boolean {
  if (!route.valid || resolved.perMessage || resolved.once || resolved.targets.length === 0) return false;
  for (const { directMode, rejects, looksAtEach, limits, deleted } of resolved.targets) {
    if (directMode || rejects || looksAtEach || deleted || limits?.countsBytes === true) return false;
  }
  return true;
}
