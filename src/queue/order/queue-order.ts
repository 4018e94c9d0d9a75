/**
 * The order of a queue that keeps groups of messages together, or serves tenants in turn: every message that waits is in a lane
 * (`lane.ts`), and a consumer gets the first of the lane whose turn it is.
 *
 * ```
 *  arrives ──▶ lane of its group ──▶ pool of the group's consumer ──┐
 *         └──▶ lane of its tenant ─▶ pool for whoever comes ────────┴──▶ unsettled: its lane may stand still
 *                    ▲                                                        │
 *                    └──── given back, or tried again: to its place ◀─────────┘
 * ```
 *
 * A group stands still while as many of its messages are held as may be, and while one that has failed waits for its time. It
 * stays with its consumer until that goes, until the group is closed, or until it is moved to one that has just come; it moves only
 * when nothing of it is held.
 *
 * Lanes are beside what the queue holds (`ready`), which stays in order of arrival for everybody who looks at it. Whoever takes a message
 * from there by another way says so (`leftElsewhere`). The key of a message is read once, when it comes: it is never looked for on the
 * disk. So many groups are known; what comes beyond shares lanes, by a hash of its key: it keeps its order, and waits for others of
 * its lane. That is counted.
 */
import { type Draft, MessageView } from '../../message/message.ts';
import { levelOf, type QueueEntryFlags } from '../entry-flags.ts';
import type { PositionArena } from '../positions/position-arena.ts';
import { PriorityLevels } from '../ready/priority-levels.ts';
import type { ReadyMessages } from '../ready/ready-messages.ts';
import { SingleLevel } from '../ready/single-level.ts';
import { IdleLanes } from './idle-lanes.ts';
import { bucketOf, type KeySource } from './key-source.ts';
import { Lane, type LaneHolder, type OrderedConsumer, Tenant } from './lane.ts';
import { LanePool } from './lane-pool.ts';
import type { OrderSettings } from './order-words.ts';

/** Groups, and tenants, that a queue knows at most. */
export const GROUPS_MAX = 65_536;
export const TENANTS_MAX = 16_384;
/** While a queue knows more groups than these, it forgets whose those are of which nothing is there. */
export const REMEMBERED_MAX = 16_384;
/** Groups that all queues of a vhost know. */
export const VHOST_GROUPS_MAX = 1_000_000;
/** Lanes that those share that come beyond. */
const SHARED = 256;
/** A key of a publisher's that begins with it is a hash, and longer. */
const SHARED_PREFIX = '\0';
/** Lanes that change hands in one turn at most. */
const MOVED_PER_TURN_MAX = 1024;
/** Between two looks at who has most. */
const LOOK_EVERY = 64;

/** The queue, as its order sees it. */
export interface OrderedQueue {
  readonly ready: Pick<ReadyMessages, 'length' | 'forEachChunk' | 'forEachReturned'>;
  readonly settings: { readonly priorityMax: number };
  readonly services: {
    readonly arena: PositionArena;
    readonly store: { view(seq: number, flags: number, view: MessageView): boolean };
    readonly orders: OrderServices;
    readonly counters: { sharedLanes: number };
  };
  /** There is more to do: look again at the turn's end. */
  wake(): void;
}

/** What the orders of all queues of a vhost share. */
export interface OrderServices {
  /** Groups that are known. */
  groups: number;
  keyOf(view: MessageView, source: KeySource): string | null;
  /** The same, of a view of which only the properties are there; undefined: they do not tell. */
  keyInHeader(view: MessageView, source: KeySource): string | null | undefined;
  closesGroup(view: MessageView): boolean;
}

/** What a message's record says of where it belongs. */
export interface MessagePlace {
  readonly tenant: string;
  /** Null: it is of no group. */
  readonly group: string | null;
  /** Its group ends with it. */
  readonly closes: boolean;
}

const NOWHERE: MessagePlace = Object.freeze({ tenant: '', group: null, closes: false });

class Holder implements LaneHolder {
  readonly lanes = new Set<Lane>();
  readonly pool = new LanePool();
  readonly order: QueueOrder;

  constructor(order: QueueOrder) {
    this.order = order;
  }
}

export class QueueOrder {
  settings: OrderSettings;
  /** Of what `find` has found. */
  lane: Lane | null = null;
  seq = 0;
  flags: QueueEntryFlags = 0;
  private readonly queue: OrderedQueue;
  private readonly services: OrderServices;
  private readonly levels: boolean;
  private readonly view = new MessageView();
  private readonly groups = new Map<string, Lane>();
  private readonly tenants = new Map<string, Tenant>();
  private readonly common = new LanePool();
  private readonly holders = new Map<OrderedConsumer, Holder>();
  /** Groups of which nothing is there, and that somebody has. */
  private readonly idle = new IdleLanes();
  /** Messages that consumers hold, and those that wait for their time. */
  private readonly out = new Map<number, Lane>();
  private readonly parked = new Map<number, Lane>();
  /** Where messages belong that are stored and not here yet: mostly one. */
  private readonly expected = new Map<number, MessagePlace>();
  private nextSeq = -1;
  private next: MessagePlace = NOWHERE;
  /** Messages with which their groups end. */
  private readonly closing = new Set<number>();
  /** In a lane, but no longer in the queue. */
  private readonly stale = new Set<number>();
  private sweeper: Iterator<Lane> | null = null;
  /** What waited when groups were asked for: its keys are not known, so what came later waits for it. */
  private before: Lane | null = null;
  private deliveries = 0;
  private unbalanced = false;
  /** The tenant that had most when it was last looked for; and drops since then. */
  private longest: Tenant | null = null;
  private drops = 0;

  constructor(queue: OrderedQueue, settings: OrderSettings) {
    this.queue = queue;
    this.services = queue.services.orders;
    this.settings = settings;
    this.levels = queue.settings.priorityMax >= 0;
    this.adoptWaiting();
  }

  /** What waits already: of the one group there is, or of none. */
  private adoptWaiting(): void {
    const { ready } = this.queue;
    if (ready.length === 0) return;
    const { strict, asked, inFlightMax } = this.settings;
    let lane: Lane;
    if (strict) lane = this.groupLane('', this.tenant(''));
    else if (asked && inFlightMax !== Number.POSITIVE_INFINITY) {
      lane = new Lane(null, this.tenant(''), this.makeReady(true));
      this.before = lane;
    } else lane = this.freeLane(this.tenant(''));
    ready.forEachChunk((chunk) => lane.waiting.adopt(chunk));
    ready.forEachReturned((seq, flags) => lane.waiting.giveBack(seq, flags));
    lane.tenant.waiting += lane.waiting.length;
    this.place(lane);
  }

  /** Other settings hold from now on, by which every message stays in its lane. */
  apply(settings: OrderSettings): void {
    this.settings = settings;
    for (const lane of [...this.lanes()]) this.place(lane);
  }

  // -------------------------------------------------------------------------------------------------------- coming

  /**
   * A message has just been stored and is about to come, or to be parked until it is safe.
   * @param draft as it came, where that is at hand
   */
  prepare(seq: number, flags: QueueEntryFlags, draft: Draft | null = null): void {
    const place = (draft === null ? undefined : this.placeOfDraft(draft)) ?? this.placeInStore(seq, flags);
    if (place === undefined) return;
    if (this.nextSeq >= 0) this.expected.set(this.nextSeq, this.next);
    this.nextSeq = seq;
    this.next = place;
  }

  private placeInStore(seq: number, flags: QueueEntryFlags): MessagePlace | undefined {
    const { view } = this;
    if (!this.queue.services.store.view(seq, flags, view)) return undefined;
    return placeOf(this.services, this.settings, view);
  }

  /** Undefined: it must be looked at as it lies. */
  private placeOfDraft({ dialect, props, propsStart, propsEnd, grouped }: Draft): MessagePlace | undefined {
    const { services, settings, view } = this;
    if (settings.strict) return STRICT;
    // What ends its group says so in another header.
    if (grouped || settings.buckets > 0) return undefined;
    view.dialect = dialect;
    view.props = props;
    view.propsStart = propsStart;
    view.propsEnd = propsEnd;
    view.grouped = grouped;
    const group = services.keyInHeader(view, settings.group);
    if (group === undefined) return undefined;
    const tenant = settings.fair === null ? '' : services.keyInHeader(view, settings.fair);
    if (tenant === undefined) return undefined;
    return group === null && !tenant ? NOWHERE : { tenant: tenant ?? '', group, closes: false };
  }

  /** It waits, for the first time. */
  arrived(seq: number, flags: QueueEntryFlags): void {
    let place = NOWHERE;
    if (seq === this.nextSeq) {
      place = this.next;
      this.nextSeq = -1;
    } else if (this.expected.size > 0) {
      place = this.expected.get(seq) ?? NOWHERE;
      this.expected.delete(seq);
    }
    const lane = this.laneOf(place);
    if (place.closes) this.closing.add(seq);
    lane.waiting.push(seq, flags);
    this.added(lane);
  }

  /** It waits again. */
  returned(seq: number, flags: QueueEntryFlags): void {
    let lane = this.out.get(seq);
    if (lane !== undefined) {
      this.out.delete(seq);
      lane.unsettled--;
    } else {
      lane = this.parked.get(seq);
      if (lane === undefined) lane = this.before ?? this.laneOf(this.strictOr(NOWHERE));
      else {
        this.parked.delete(seq);
        lane.retrying--;
      }
    }
    lane.waiting.giveBack(seq, flags);
    this.letGo(lane);
    this.added(lane);
  }

  private added(lane: Lane): void {
    const { tenant } = lane;
    tenant.waiting++;
    if (this.longest !== null && tenant.waiting > this.longest.waiting) this.longest = tenant;
    this.place(lane);
  }

  private strictOr(place: MessagePlace): MessagePlace {
    return this.settings.strict ? STRICT : place;
  }

  private laneOf({ tenant, group }: MessagePlace): Lane {
    const of = this.tenant(tenant);
    return group === null ? this.freeLane(of) : this.groupLane(group, of);
  }

  private tenant(key: string): Tenant {
    let tenant = this.tenants.get(key);
    if (tenant !== undefined) return tenant;
    let name = key;
    if (this.tenants.size >= TENANTS_MAX) {
      name = SHARED_PREFIX + bucketOf(key, SHARED);
      this.queue.services.counters.sharedLanes++;
      tenant = this.tenants.get(name);
      if (tenant !== undefined) return tenant;
    }
    tenant = new Tenant(name, ++this.deliveries);
    this.tenants.set(name, tenant);
    return tenant;
  }

  private freeLane(tenant: Tenant): Lane {
    tenant.free ??= new Lane(null, tenant, this.makeReady(true));
    return tenant.free;
  }

  private groupLane(group: string, tenant: Tenant): Lane {
    let lane = this.groups.get(group);
    if (lane === undefined) {
      const name = this.nameOf(group);
      lane = this.groups.get(name);
      if (lane === undefined) {
        lane = new Lane(name, tenant, this.makeReady(false));
        this.groups.set(name, lane);
        this.services.groups++;
        tenant.groups.add(lane);
        this.forgetIdle();
        return lane;
      }
    }
    // A group is its tenant's who had the first message of those that are there.
    if (lane.tenant !== tenant && lane.isEmpty) {
      lane.tenant.groups.delete(lane);
      this.forgetTenant(lane.tenant);
      lane.tenant = tenant;
      tenant.groups.add(lane);
    }
    return lane;
  }

  /** Its own, or that which it shares with others: while there is no more room, and as long as something is in there. */
  private nameOf(group: string): string {
    const shared = SHARED_PREFIX + bucketOf(group, SHARED);
    const full = this.groups.size >= GROUPS_MAX || this.services.groups >= VHOST_GROUPS_MAX;
    if (full && this.forgetIdleOne() && this.groups.get(shared)?.isEmpty !== false) return group;
    if (!full && this.groups.get(shared)?.isEmpty !== false) return group;
    this.queue.services.counters.sharedLanes++;
    return shared;
  }

  /** @param free of no group: priorities go before arrival */
  private makeReady(free: boolean): ReadyMessages {
    const { arena } = this.queue.services;
    return free && this.levels ? new PriorityLevels(arena) : new SingleLevel(arena);
  }

  // ------------------------------------------------------------------------------------------------------- leaving

  /**
   * Finds what this consumer gets next: `lane`, `seq` and `flags` say what, and `take` takes it. False: nothing, for now.
   * @param consumer null: somebody who takes one message and no part in groups
   */
  find(consumer: OrderedConsumer | null): boolean {
    const pool = consumer === null ? undefined : this.holderOf(consumer).pool;
    for (;;) {
      const lane = this.before === null ? this.nextOf(pool?.first(), this.common.first()) : this.older();
      if (lane === undefined) return false;
      this.seq = lane.waiting.headSeq();
      if (this.stale.size > 0 && this.stale.delete(this.seq)) {
        this.dropHead(lane);
        continue;
      }
      this.lane = lane;
      this.flags = lane.waiting.headFlags();
      return true;
    }
  }

  private nextOf(own: Lane | undefined, common: Lane | undefined): Lane | undefined {
    if (own === undefined) return common;
    if (common === undefined) return own;
    const sooner = own.tenant.served - common.tenant.served;
    return sooner < 0 || (sooner === 0 && own.rank < common.rank) ? own : common;
  }

  private older(): Lane | undefined {
    const before = this.before!;
    if (before.waiting.length > 0) return before;
    if (before.unsettled > 0 || before.retrying > 0) return undefined;
    this.before = null;
    this.queue.wake();
    return undefined;
  }

  /** What was found has been taken out of the queue, for this consumer. */
  take(consumer: OrderedConsumer | null): void {
    const { seq } = this;
    const lane = this.lane!;
    lane.waiting.shift();
    lane.unsettled++;
    this.out.set(seq, lane);
    const { tenant } = lane;
    tenant.waiting--;
    tenant.served = ++this.deliveries;
    if (lane.key !== null) {
      if (consumer !== null && lane.holder === null) this.give(lane, this.holderOf(consumer));
      if (this.closing.size > 0 && this.closing.delete(seq)) lane.closing = true;
    }
    this.place(lane);
  }

  /** What was found is not in the queue any more, and nobody gets it. */
  drop(): void {
    this.dropHead(this.lane!);
  }

  private dropHead(lane: Lane): void {
    if (this.closing.size > 0) this.closing.delete(lane.waiting.headSeq());
    lane.waiting.shift();
    lane.tenant.waiting--;
    this.place(lane);
  }

  /** A message is done with here, or has died. */
  gone(seq: number): void {
    const lane = this.out.get(seq);
    if (lane !== undefined) {
      this.out.delete(seq);
      lane.unsettled--;
      this.letGo(lane);
      this.place(lane);
      return;
    }
    if (this.parked.size > 0) {
      const held = this.parked.get(seq);
      if (held !== undefined) {
        this.parked.delete(seq);
        held.retrying--;
        this.place(held);
        return;
      }
    }
    if (seq === this.nextSeq) this.nextSeq = -1;
    else if (this.expected.size > 0) this.expected.delete(seq);
  }

  /** A message that was held has failed and waits for its time: its group waits for it. */
  retries(seq: number): void {
    const lane = this.out.get(seq);
    if (lane === undefined) return;
    this.out.delete(seq);
    lane.unsettled--;
    lane.retrying++;
    this.parked.set(seq, lane);
    this.letGo(lane);
    this.place(lane);
  }

  /** A message that waited has been taken out of the queue by another way. */
  leftElsewhere(seq: number): void {
    if (this.queue.ready.length === 0) {
      this.clear();
      return;
    }
    this.stale.add(seq);
    // Mostly it is the oldest of some lane: two are looked at for each that goes, so that not many are left.
    for (let i = 0; i < 2 && this.stale.size > 0; i++) {
      this.sweeper ??= this.lanes();
      const next = this.sweeper.next();
      if (next.done === true) this.sweeper = null;
      else this.sweep(next.value);
    }
  }

  private sweep(lane: Lane): void {
    while (lane.waiting.length > 0 && this.stale.delete(lane.waiting.headSeq())) this.dropHead(lane);
  }

  /** Nothing waits any more. */
  private clear(): void {
    for (const lane of [...this.lanes()]) {
      if (lane.waiting.length === 0) continue;
      lane.tenant.waiting -= lane.waiting.length;
      lane.waiting.clear();
      this.place(lane);
    }
    this.stale.clear();
    this.closing.clear();
  }

  private *lanes(): Generator<Lane> {
    if (this.before !== null) yield this.before;
    for (const tenant of this.tenants.values()) if (tenant.free !== null) yield tenant.free;
    yield* this.groups.values();
  }

  // ----------------------------------------------------------------------------------------------------- its lanes

  /** Puts a lane where it belongs now. */
  private place(lane: Lane): void {
    if (lane === this.before) return;
    const heap = lane.heap;
    if (!this.goesOn(lane)) {
      if (heap !== null) heap.remove(lane);
      if (lane.isEmpty) this.emptied(lane);
      return;
    }
    const pool = lane.holder === null ? this.common : (lane.holder as Holder).pool;
    const rank = lane.headRank(this.levels);
    if (heap !== null && heap.pool === pool) {
      if (lane.rank === rank) return;
      lane.rank = rank;
      heap.moved(lane);
      return;
    }
    if (heap !== null) heap.remove(lane);
    lane.rank = rank;
    pool.add(lane);
  }

  /** It has something to give, and may. */
  private goesOn(lane: Lane): boolean {
    if (lane.waiting.length === 0) return false;
    if (lane.key === null) return true;
    return lane.retrying === 0 && !lane.leaving && lane.unsettled < this.settings.inFlightMax;
  }

  private emptied(lane: Lane): void {
    const { key, tenant } = lane;
    if (key === null) {
      // Where there are no tenants, all messages of no group have the same lane.
      if (this.settings.fair === null || lane === this.before) return;
      tenant.free = null;
      this.forgetTenant(tenant);
    } else if (lane.holder === null) this.forget(lane);
    else {
      this.idle.add(lane);
      this.forgetIdle();
    }
  }

  private forgetIdle(): void {
    if (this.groups.size > REMEMBERED_MAX) this.forgetIdleOne();
  }

  /** False: there is none of which nothing is there. */
  private forgetIdleOne(): boolean {
    const lane = this.idle.shift();
    if (lane === null) return false;
    this.free(lane);
    this.forget(lane);
    return true;
  }

  private forget(lane: Lane): void {
    this.idle.delete(lane);
    if (this.groups.delete(lane.key!)) this.services.groups--;
    lane.tenant.groups.delete(lane);
    this.forgetTenant(lane.tenant);
  }

  private forgetTenant(tenant: Tenant): void {
    if (this.settings.fair === null || tenant.free !== null || tenant.groups.size > 0) return;
    this.tenants.delete(tenant.key);
    if (this.longest === tenant) this.longest = null;
  }

  // ---------------------------------------------------------------------------------------------------- its holders

  private holderOf(consumer: OrderedConsumer): Holder {
    const known = consumer.laneHolder as Holder | null;
    // It may be that of an order that the queue has kept before.
    if (known !== null && known.order === this) return known;
    const holder = new Holder(this);
    consumer.laneHolder = holder;
    this.holders.set(consumer, holder);
    return holder;
  }

  private give(lane: Lane, holder: Holder): void {
    lane.holder = holder;
    holder.lanes.add(lane);
  }

  /** It is its heir's, or whoever's who comes next. */
  private free(lane: Lane): void {
    (lane.holder as Holder | null)?.lanes.delete(lane);
    lane.holder = lane.heir;
    lane.heir = null;
    lane.leaving = false;
    lane.closing = false;
  }

  /** Nothing of it may be held any more: then it may go to another. */
  private letGo(lane: Lane): void {
    if (lane.unsettled === 0 && (lane.leaving || lane.closing)) this.free(lane);
  }

  /** @param shares consumers share the groups */
  joined(consumer: OrderedConsumer, shares: boolean): void {
    this.holderOf(consumer);
    if (shares && this.holders.size > 1) this.unbalanced = true;
  }

  left(consumer: OrderedConsumer): void {
    const holder = this.holders.get(consumer);
    if (holder === undefined) return;
    this.holders.delete(consumer);
    consumer.laneHolder = null;
    for (const lane of [...holder.lanes]) {
      if (lane.holder === holder) this.takeFrom(holder, lane, null);
      else lane.heir = null; // it was to get it from another
    }
  }

  /** At once, or when what is held of it is settled. */
  private takeFrom(holder: Holder, lane: Lane, heir: Holder | null): void {
    holder.lanes.delete(lane);
    heir?.lanes.add(lane);
    lane.heir = heir;
    if (lane.unsettled > 0) lane.leaving = true;
    else this.free(lane);
    this.idle.delete(lane);
    this.place(lane);
  }

  /** One has come: those who have more than their share give of it. A part, a turn. */
  balance(): void {
    if (!this.unbalanced) return;
    let owned = 0;
    for (const { lanes } of this.holders.values()) owned += lanes.size;
    const share = Math.ceil(owned / Math.max(1, this.holders.size));
    const short = [...this.holders.values()].filter(({ lanes }) => lanes.size < share);
    let moved = 0;
    for (const holder of this.holders.values()) {
      for (const lane of holder.lanes) {
        if (holder.lanes.size <= share) break;
        if (moved++ === MOVED_PER_TURN_MAX) {
          this.queue.wake();
          return;
        }
        while (short.length > 0 && short.at(-1)!.lanes.size >= share) short.pop();
        const heir = short.at(-1);
        if (heir === undefined) break;
        // What it is to get from another is not its own yet.
        if (lane.holder === holder) this.takeFrom(holder, lane, heir);
      }
    }
    this.unbalanced = false;
  }

  // ------------------------------------------------------------------------------------------------- one too many

  /** Finds the oldest message of the tenant that has most: that goes where one is too many. False: there are no tenants. */
  findSurplus(): boolean {
    if (this.settings.fair === null) return false;
    for (;;) {
      const lane = this.oldestOf(this.mostWaiting());
      if (lane === undefined) return false;
      this.lane = lane;
      this.seq = lane.waiting.headSeq();
      this.flags = lane.waiting.headFlags();
      if (this.stale.size === 0 || !this.stale.delete(this.seq)) return true;
      this.dropHead(lane);
    }
  }

  private mostWaiting(): Tenant | null {
    if (this.longest !== null && this.longest.waiting > 0 && ++this.drops < LOOK_EVERY) return this.longest;
    this.drops = 0;
    this.longest = null;
    for (const tenant of this.tenants.values()) {
      if (this.longest === null || tenant.waiting > this.longest.waiting) this.longest = tenant;
    }
    return this.longest;
  }

  private oldestOf(tenant: Tenant | null): Lane | undefined {
    if (tenant === null) return undefined;
    let oldest: Lane | undefined;
    if (tenant.free !== null && tenant.free.waiting.length > 0) oldest = tenant.free;
    let looked = 0;
    for (const lane of tenant.groups) {
      if (lane.waiting.length === 0) continue;
      if (oldest === undefined || lane.waiting.headSeq() < oldest.waiting.headSeq()) oldest = lane;
      if (++looked === LOOK_EVERY) break;
    }
    return oldest;
  }

  // -------------------------------------------------------------------------------------- checkpoints and recovery

  /** How many groups are known, and tenants. */
  get known(): { readonly groups: number; readonly tenants: number } {
    return { groups: this.groups.size, tenants: this.tenants.size };
  }

  /** All messages that are in the queue and have a place: lane by lane, in no order. Those of no group and no tenant are left out. */
  forEachPlaced(visit: (place: MessagePlace, seqs: readonly number[]) => void): void {
    const away = new Map<Lane, number[]>();
    for (const messages of [this.out, this.parked]) {
      for (const [seq, lane] of messages) {
        const known = away.get(lane);
        if (known === undefined) away.set(lane, [seq]);
        else known.push(seq);
      }
    }
    const all = new Set<Lane>([...this.lanes(), ...away.keys()]);
    for (const lane of all) {
      if (lane === this.before || (lane.key === null && lane.tenant.key === '')) continue;
      const seqs = away.get(lane) ?? [];
      lane.waiting.forEach((seq) => {
        seqs.push(seq);
      });
      if (seqs.length === 0) continue;
      const place = { tenant: lane.tenant.key, group: lane.key, closes: false };
      visit(place, seqs.sort(ascending));
    }
    const expected = [...this.expected];
    if (this.nextSeq >= 0) expected.push([this.nextSeq, this.next]);
    for (const [seq, place] of expected) if (place !== NOWHERE) visit({ ...place, closes: false }, [seq]);
    for (const [seq, { closes }] of expected) if (closes) this.closing.add(seq);
    if (this.closing.size > 0) visit({ tenant: '', group: null, closes: true }, [...this.closing].sort(ascending));
  }

  /**
   * Recovery: every message that is here gets its place. @param places of a message, by its number; undefined: it is of none
   * @param waiting what waits, in order; `parked` what waits for its time
   */
  restore(
    placeOfSeq: (seq: number) => MessagePlace | undefined,
    waiting: (visit: (seq: number, flags: QueueEntryFlags) => void) => void,
    parked: (visit: (seq: number, flags: QueueEntryFlags) => void) => void,
  ): void {
    for (const lane of [...this.lanes()]) {
      lane.heap?.remove(lane);
      lane.tenant.waiting -= lane.waiting.length;
      lane.waiting.clear();
    }
    this.before = null;
    const touched = new Set<Lane>();
    waiting((seq, flags) => {
      const place = this.strictOr(placeOfSeq(seq) ?? NOWHERE);
      const lane = this.laneOf(place);
      if (place.closes) this.closing.add(seq);
      lane.waiting.push(seq, flags);
      lane.tenant.waiting++;
      touched.add(lane);
    });
    parked((seq) => {
      const lane = this.laneOf(this.strictOr(placeOfSeq(seq) ?? NOWHERE));
      lane.retrying++;
      this.parked.set(seq, lane);
      touched.add(lane);
    });
    for (const lane of touched) this.place(lane);
  }

  /** The queue is deleted, or keeps no order any more. */
  close(): void {
    this.services.groups -= this.groups.size;
    for (const lane of this.lanes()) lane.waiting.clear();
    this.groups.clear();
    this.tenants.clear();
  }

  levelOf(flags: QueueEntryFlags): number {
    return this.levels ? levelOf(flags) : 0;
  }
}

const STRICT: MessagePlace = Object.freeze({ tenant: '', group: '', closes: false });

/** Where a message belongs that `view` shows. */
export function placeOf(
  services: Pick<OrderServices, 'keyOf' | 'closesGroup'>,
  settings: OrderSettings,
  view: MessageView,
): MessagePlace {
  if (settings.strict) return STRICT;
  let group = services.keyOf(view, settings.group);
  const tenant = settings.fair === null ? '' : (services.keyOf(view, settings.fair) ?? '');
  if (group === null) return tenant === '' ? NOWHERE : { tenant, group, closes: false };
  if (settings.buckets > 0) group = `${bucketOf(group, settings.buckets)}`;
  return { tenant, group, closes: view.grouped && services.closesGroup(view) };
}

function ascending(a: number, b: number): number {
  return a - b;
}
