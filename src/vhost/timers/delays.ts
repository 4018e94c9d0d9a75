/**
 * Delayed messages: they are not to be routed yet. Each lies in the store like any other, with one reference from here; a heap says
 * when it is due, and one timer waits for the earliest.
 *
 * ```
 *            delayMs > 0                      due, and read
 * publisher ------------> delayed (heap)    ----------------> routed as if it were published now
 *                         DELAYED record                      new MESSAGE record and DELAY_OVER record, one unit
 * ```
 *
 * What is due is published again rather than handed to queues as it lies: a queue's order is that of the numbers, and a
 * message that was due today comes after what arrived yesterday. The old entry ends in the same commit unit, so a crash
 * leaves exactly one of the two. Those that are due go in order of their time, and one that must be read from the disk first
 * holds up the others: so the order is kept, and what is due at once lies together.
 *
 * Refuses: to look inside the message, and to say where it leads before it is due.
 */
import { MARK_NOW, MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import { TICK_MS, Timer } from '../../clock/clock.ts';
import { Slices } from '../../clock/slices.ts';
import { AS_DUE, type Assurance, DELAY_MAX_MS, type Draft, MessageView } from '../../message/message.ts';
import type { VisitEntry } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Journal } from '../journal/journal.ts';
import { DELAYED_LARGE, DELAYED_RETAIN, DELAYED_SEVERAL_KEYS, type DelayedRecord } from '../journal/records/delays.ts';
import { DelayHeap } from './delay-heap.ts';
import type { DelayedAhead } from './delayed-ahead.ts';
import { DelayedMessages } from './delayed-messages.ts';
import type { DelaysParts } from './delays-parts.ts';
import { DUE_DURABLE, entryFlagsOf } from './due-flags.ts';
import { ReadAhead } from './read-ahead.ts';
import type { RecoveredDelays } from './recovered-delays.ts';
import { RepublishedDraft } from './republished-draft.ts';

/** What one commit unit takes, and with it one turn. */
const RELEASED_A_UNIT = 256;
const RELEASED_BYTES_A_UNIT = 256 * 1024;
/** The wall clock may be set: nothing is waited for longer than this without a look at it. */
const WAIT_MAX_MS = 60_000;
/** Publishing is held back, or the disk is full. */
const RETRY_MS = 100;
/** So long before it is due it is looked at whether it must be read back. */
const READ_AHEAD_MS = 2_000;
/** Reading begins so long before the first is due, of all that were found by then. */
const READ_LEAD_MS = 1_000;
/** While what is due soon is not in memory, what is there still is copied. */
const PRESSED_MS = 4_000;
/** So many that are due soon are looked at in a turn. */
const LOOKED_A_TURN = 1_024;
/** Read together with one that is due and has left memory again. */
const TOGETHER_MAX = 512;
/** The time of one that has none yet, as its record has it: no clock comes there. */
const HELD = 0xffff_ffff_ffff;
/** Entries in one record of a checkpoint at most. */
const CHECKPOINT_ENTRIES = 4096;

/** Messages that must be read, in the order in which they are due. */
class Absent {
  readonly dues: number[] = [];
  readonly seqs: number[] = [];
  readonly flags: number[] = [];

  get count(): number {
    return this.seqs.length;
  }

  /** Of the first; Infinity: there is none. */
  get due(): number {
    return this.dues[0] ?? Number.POSITIVE_INFINITY;
  }

  add(due: number, seq: number, flags: number): void {
    this.dues.push(due);
    this.seqs.push(seq);
    this.flags.push(flags);
  }

  /** It is gone before its time. */
  remove(seq: number): void {
    const at = this.seqs.indexOf(seq);
    if (at < 0) return;
    for (const list of [this.dues, this.seqs, this.flags]) list.splice(at, 1);
  }

  /** Those that were due before this one. */
  dropBefore(due: number, seq: number): void {
    const { dues, seqs, flags } = this;
    let n = 0;
    while (n < dues.length && (dues[n]! < due || (dues[n] === due && seqs[n]! < seq))) n++;
    if (n === 0) return;
    for (const list of [dues, seqs, flags]) list.splice(0, n);
  }
}

export class Delays {
  /** Those that wait for a time, for who looks at them from outside. */
  readonly waiting: DelayedMessages;
  private readonly parts: DelaysParts;
  private readonly heap = new DelayHeap();
  /** Those that have no time yet: by number, their tags. */
  private readonly held = new Map<number, number>();
  /** All keys of the messages that have several. */
  private readonly keys: Map<number, readonly string[]>;
  /** Whose they are (`Draft.origin`), where they are anyone's. Not kept: after a restart a delayed message is no one's own. */
  private readonly origins = new Map<number, string>();
  /** Could not be read back: nobody's to deliver, and not to be forgotten. */
  private readonly unreadable: { readonly due: number; readonly seq: number; readonly tag: number }[] = [];
  private readonly timer = new Timer(() => this.slices.start());
  private readonly slices: Slices;
  /** Those that are due soon and were found to be on the disk since the last read, in order. */
  private absent = new Absent();
  /** Until then what is in memory when it is looked at may be on the disk when it is due, since others are. Epoch milliseconds. */
  private pressedToMs = Number.NEGATIVE_INFINITY;
  private armedFor = Number.POSITIVE_INFINITY;
  private readonly ahead: ReadAhead;
  private readonly view = new MessageView();
  private readonly republished = new RepublishedDraft(AS_DUE);
  private overSeqs: number[] = [];

  /** @param recovered what waited when the log was written */
  constructor(parts: DelaysParts, recovered: RecoveredDelays) {
    this.parts = parts;
    this.slices = new Slices(parts.turn, () => this.release());
    this.ahead = new ReadAhead((seq, error) => parts.unreadable.delayed(seq, error));
    this.keys = recovered.keys;
    const { heap, ahead, unreadable, keys, origins } = this;
    const toRead = { remove: (seq: number) => this.absent.remove(seq) };
    this.waiting = new DelayedMessages({ heap, ahead, toRead, unreadable, keys, origins, vhost: parts });
    recovered.forEach((seq, due, flags) => {
      if (due === HELD) this.held.set(seq, flags | DUE_DURABLE);
      else this.heap.add(due, seq, flags | DUE_DURABLE);
    });
  }

  /** Messages that wait. */
  get size(): number {
    return this.heap.size + this.held.size + this.unreadable.length;
  }

  /**
   * Keeps a message that asks for a delay; its route says only under which address it is stored. Undefined if its time has come.
   */
  take(route: CompiledRoute<Queue>, draft: Draft): Mark | undefined {
    const { parts } = this;
    const nowMs = parts.clock.epochMs();
    const due = draft.dueMs >= 0 ? Math.ceil(draft.dueMs) : nowMs + Math.ceil(draft.delayMs);
    if (due <= nowMs) return undefined;
    if (due - nowMs > DELAY_MAX_MS) {
      parts.counters.refused++;
      this.discard(draft);
      return MARK_REFUSED;
    }
    const durable = isDurable(draft);
    if (!durable && parts.transient.full) return parts.publisher.refuseTransient(draft);
    const [seq, flags] = this.store(route, draft, due);
    this.heap.add(due, seq, flags | (durable ? DUE_DURABLE : 0));
    parts.counters.delayed++;
    this.arm();
    parts.publishFlow.watch(durable);
    return durable ? parts.log.mark : MARK_NOW;
  }

  /**
   * Stores a transaction's message that is to wait, before its commit; `takeAhead` or `forgetAhead` follows. False: nothing was done, and it is for
   * `take`, when the commit comes.
   */
  storeAhead(route: CompiledRoute<Queue>, draft: Draft, ahead: DelayedAhead): boolean {
    if (draft.large !== null || draft.half !== null || draft.schedule !== null) return false;
    const nowMs = this.parts.clock.epochMs();
    const wait = draft.dueMs >= 0 ? Math.ceil(draft.dueMs) : -Math.ceil(draft.delayMs);
    const due = wait >= 0 ? wait : nowMs - wait;
    if (due <= nowMs || due - nowMs > DELAY_MAX_MS) return false;
    const durable = isDurable(draft);
    if (!durable && this.parts.transient.full) return false;
    const [seq, flags] = this.append(route, draft);
    ahead.add(seq, wait, flags | (durable ? DUE_DURABLE : 0), route.keys, draft.origin);
    return true;
  }

  /** They begin to wait; within a commit unit. */
  takeAhead({ seqs, waits, tags, keys, origins }: DelayedAhead): void {
    const { clock, counters, journal } = this.parts;
    const nowMs = clock.epochMs();
    const durable: DelayedRecord[] = [];
    for (let i = 0; i < seqs.length; i++) {
      const seq = seqs[i]!;
      const tag = tags[i]!;
      const wait = waits[i]!;
      const due = wait >= 0 ? wait : nowMs - wait;
      this.heap.add(due, seq, tag);
      if ((tag & DUE_DURABLE) === 0) continue;
      durable.push({ seq, due, flags: tag & 0xff });
      if (durable.length === CHECKPOINT_ENTRIES) journal.delayedMany(durable.splice(0));
    }
    journal.delayedMany(durable);
    for (const [seq, several] of keys) {
      this.keys.set(seq, several);
      journal.delayedKeys(seq, several);
    }
    for (const [seq, origin] of origins) this.origins.set(seq, origin);
    counters.delayed += seqs.length;
    this.arm();
  }

  /** None of them will ever wait. */
  forgetAhead({ seqs, tags }: DelayedAhead): void {
    const { retainers, store } = this.parts;
    for (let i = 0; i < seqs.length; i++) {
      retainers.forget(seqs[i]!);
      store.release(seqs[i]!, entryFlagsOf(tags[i]!));
    }
  }

  /** Nothing of it is kept. */
  discard(draft: Draft): void {
    (draft.large as StoredBody | null)?.finish();
  }

  /** Keeps a message, durably, until `letGo` or `drop`; returns its number, or -1 if its large body does not outlive the broker. */
  hold(route: CompiledRoute<Queue>, draft: Draft): number {
    if (!isDurable(draft)) {
      this.discard(draft);
      return -1;
    }
    const [seq, flags] = this.store(route, draft, HELD);
    this.held.set(seq, flags | DUE_DURABLE);
    this.parts.publishFlow.watch(true);
    return seq;
  }

  /** What was held is delayed from now on. @param due epoch milliseconds */
  letGo(seq: number, due: number): void {
    const tag = this.held.get(seq);
    if (tag === undefined) return;
    this.held.delete(seq);
    this.parts.journal.delayed(seq, due, tag & 0xff);
    this.heap.add(due, seq, tag);
    this.parts.counters.delayed++;
    if (due <= this.parts.clock.epochMs()) this.slices.start();
    else this.arm();
  }

  /** What was held is not wanted any more. */
  drop(seq: number): void {
    const tag = this.held.get(seq);
    if (tag === undefined) return;
    this.held.delete(seq);
    this.keys.delete(seq);
    this.origins.delete(seq);
    this.parts.retainers.forget(seq);
    this.parts.journal.delayOver([seq]);
    this.parts.store.release(seq, entryFlagsOf(tag));
  }

  /** Shows what is held; false: it must be read first, or it is gone. */
  showHeld(seq: number, view: MessageView): boolean {
    const tag = this.held.get(seq);
    return tag !== undefined && this.parts.store.view(seq, entryFlagsOf(tag), view);
  }

  /** Reads what is held. @param done may look at it until the turn's end; with why not, which has been told */
  loadHeld(seq: number, done: (error: Error | undefined) => void): void {
    this.parts.store.load(seq, entryFlagsOf(this.held.get(seq) ?? 0), (error) => {
      if (error !== undefined) this.parts.unreadable.delayed(seq, error);
      done(error);
    });
  }

  /** Publishes what is held, which `view` shows, and goes on holding it. @param assurance that of what is published */
  publishHeld(seq: number, view: MessageView, assurance: Assurance): void {
    this.sendOn(seq, this.held.get(seq) ?? 0, view, assurance, 0);
  }

  /** Writes it down; returns its number and the flags of its record. */
  private store(route: CompiledRoute<Queue>, draft: Draft, due: number): [seq: number, flags: number] {
    const { journal, passports } = this.parts;
    const [seq, flags] = this.append(route, draft);
    const durable = draft.durably;
    // Where it would go now: who has it noted what happens to messages wants to know of this one from here on.
    const { targets } = route.perMessage ? this.parts.publisher.resolved(route, draft) : route;
    if (targets.some((queue) => queue.settings.passport)) {
      passports.kept(seq, durable, draft, due === HELD ? -1 : due);
    }
    if (durable) {
      journal.delayed(seq, due, flags);
      if (route.keys !== null) journal.delayedKeys(seq, route.keys);
    }
    if (route.keys !== null) this.keys.set(seq, route.keys);
    if (draft.origin !== '') this.origins.set(seq, draft.origin);
    return [seq, flags];
  }

  /** Stores it, in no queue; what it waits for is not written down. */
  private append(route: CompiledRoute<Queue>, draft: Draft): [seq: number, flags: number] {
    const { parts } = this;
    const body = draft.large as StoredBody | null;
    const durable = isDurable(draft);
    const { retain } = draft;
    if (retain && durable) parts.retainers.note(parts.store.nextSeq, draft.retainer);
    draft.retain = false; // not before it is due
    const seq = parts.store.append(draft, route, durable, 0);
    draft.retain = retain;
    draft.seq = seq;
    draft.durably = durable;
    draft.routed = 1;
    parts.store.addReferences(seq, durable, 1);
    body?.finish();
    const flags =
      (body === null ? 0 : DELAYED_LARGE) |
      (retain ? DELAYED_RETAIN : 0) |
      (route.keys === null ? 0 : DELAYED_SEVERAL_KEYS);
    return [seq, flags];
  }

  private arm(): void {
    if (this.heap.size === 0) return;
    const { due, unseenDue } = this.heap;
    // What has to be read is read before that.
    const at = Math.min(due, unseenDue - READ_AHEAD_MS, this.absent.due - READ_LEAD_MS);
    if (this.timer.scheduled && this.armedFor <= at) return;
    const { clock } = this.parts;
    const ms = Math.min(WAIT_MAX_MS, at - clock.epochMs());
    // A little before its time, then finely: a tick would be most of what it is late.
    if (ms > TICK_MS) clock.schedule(this.timer, ms - TICK_MS);
    else clock.scheduleFine(this.timer, Math.max(0, ms));
    this.armedFor = at;
  }

  private wait(ms: number): void {
    this.armedFor = Number.NEGATIVE_INFINITY;
    this.parts.clock.schedule(this.timer, Math.max(0, ms));
  }

  /** Routes some of what is due; true when there is nothing more to do until a timer or a read. */
  private release(): boolean {
    const { parts, heap } = this;
    if (parts.log.failed !== undefined || parts.lifecycle.stopping) return true;
    if (parts.publishFlow.on || parts.log.full) {
      this.wait(RETRY_MS);
      return true;
    }
    const nowMs = parts.clock.epochMs();
    const looked = this.look(nowMs);
    let bytes = 0;
    let count = 0;
    let absent = false;
    while (heap.size > 0 && heap.due <= nowMs && count < RELEASED_A_UNIT && bytes < RELEASED_BYTES_A_UNIT) {
      const shown = this.ahead.view(parts.store, heap.seq, entryFlagsOf(heap.tag), this.view);
      absent = shown === 'absent';
      if (absent) break;
      if (shown === 'unreadable') {
        this.unreadable.push({ due: heap.due, seq: heap.seq, tag: heap.tag });
        heap.shift();
        continue;
      }
      if (count++ === 0) parts.units.begin();
      bytes += this.publish();
    }
    if (count > 0) {
      if (this.overSeqs.length > 0) parts.journal.delayOver(this.overSeqs);
      this.overSeqs = [];
      parts.units.end();
    }
    if (absent && looked) {
      // What is under way may bring it.
      if (!this.ahead.reading) this.readAgain();
      if (this.ahead.reading) return true;
    }
    if (!looked || (heap.size > 0 && heap.due <= nowMs)) return false;
    this.arm();
    return true;
  }

  /** The head of the heap, which `view` shows, is routed and is over. Returns its bytes. */
  private publish(): number {
    const { parts, heap, view } = this;
    const { seq, tag } = heap;
    heap.shift();
    this.sendOn(seq, tag, view, view.assurance, view.seq);
    this.keys.delete(seq);
    if (this.origins.size > 0) this.origins.delete(seq);
    parts.retainers.forget(seq);
    this.ahead.done(seq);
    if ((tag & DUE_DURABLE) !== 0) this.overSeqs.push(seq);
    parts.store.release(seq, entryFlagsOf(tag));
    return view.propsEnd - view.propsStart + view.bodyLength;
  }

  /** Routes what `view` shows as if it were published now. @param continues the number of the message that ends with it, 0 for none */
  private sendOn(seq: number, tag: number, view: MessageView, assurance: Assurance, continues: number): void {
    const { parts } = this;
    const { draft } = this.republished;
    const keys = this.keys.get(seq);
    const exchange = view.exchange();
    if (exchange !== '' && !parts.exchanges.has(exchange)) {
      parts.counters.droppedDelayed++;
      parts.dropped.tell('exchange-gone', '', view);
    } else {
      const route =
        keys === undefined
          ? parts.router.route(exchange, view.spelling, view.head, view.keyStart, view.keyEnd, parts.vhost)
          : parts.router.routeAll(exchange, view.spelling, keys, parts.vhost);
      this.republished.fill(view, (tag & DELAYED_RETAIN) !== 0);
      draft.assurance = assurance;
      draft.continues = continues;
      draft.origin = this.origins.get(seq) ?? '';
      if (draft.retain) draft.retainer = parts.retainers.of(seq);
      parts.publisher.publish(route, draft, true);
      parts.subscriberFlow.nobodyWaits();
    }
    draft.large = null;
  }

  /** Looks at some of what is due soon, and has it read where it must be; false: there is more to look at. */
  private look(nowMs: number): boolean {
    const { ahead, heap, absent } = this;
    const room = Math.min(LOOKED_A_TURN, ahead.room - absent.count);
    const before = absent.count;
    const copying = nowMs < this.pressedToMs;
    const all = room > 0 && heap.look(nowMs + READ_AHEAD_MS, room, copying ? this.foundPressed : this.found);
    if (absent.count > before) this.pressedToMs = nowMs + PRESSED_MS;
    if (absent.count === 0) return all;
    const full = absent.count >= ahead.room;
    if (!all && !full) return false;
    if (!ahead.reading && (full || absent.due - READ_LEAD_MS <= nowMs)) this.readAhead();
    // What there is no room for is looked at when what is under way has been read.
    return all || ahead.reading;
  }

  private readonly found = (due: number, seq: number, tag: number): void => {
    const flags = entryFlagsOf(tag);
    if (!this.parts.store.view(seq, flags, this.view)) this.absent.add(due, seq, flags);
  };

  private readonly foundPressed = (due: number, seq: number, tag: number): void => {
    const flags = entryFlagsOf(tag);
    if (!this.ahead.copy(this.parts.store, seq, flags)) this.absent.add(due, seq, flags);
  };

  /** Reads what was found to be on the disk. */
  private readAhead(): void {
    const { absent, heap } = this;
    this.absent = new Absent();
    // What others have brought into memory may be over by now.
    if (heap.size > 0) absent.dropBefore(heap.due, heap.seq);
    if (absent.count > 0) this.read(absent.seqs, absent.flags);
  }

  /** The earliest was in memory when it was looked at, and is no more; nor are others, perhaps. */
  private readAgain(): void {
    const { ahead, heap } = this;
    const { seqs, tags } = heap.earliest(Number.POSITIVE_INFINITY, TOGETHER_MAX);
    const absent: number[] = [];
    const flags: number[] = [];
    for (let i = 0; i < seqs.length; i++) {
      const seq = seqs[i]!;
      if (ahead.has(seq) || this.parts.store.view(seq, entryFlagsOf(tags[i]!), this.view)) continue;
      absent.push(seq);
      flags.push(entryFlagsOf(tags[i]!));
    }
    if (absent.length > 0) this.read(absent, flags);
  }

  private read(seqs: readonly number[], flags: readonly number[]): void {
    this.ahead.read(this.parts.store, seqs, flags, () => {
      if (!this.parts.lifecycle.stopping) this.slices.start();
    });
  }

  stop(): void {
    this.parts.clock.cancel(this.timer);
    this.ahead.stop();
  }

  // -------------------------------------------------------------------------------------- checkpoints, compaction

  /** The messages it needs. */
  forEach(visit: (seq: number) => void): void {
    this.heap.forEach(visit);
    for (const seq of this.held.keys()) visit(seq);
    for (const { seq } of this.unreadable) visit(seq);
  }

  /** Writes down what waits, in slices: each is exact at its own place in the log. */
  *checkpoint(journal: Journal): Generator<void> {
    const { dues, seqs, tags } = this.heap.snapshot();
    for (let from = 0; from < seqs.length; from += CHECKPOINT_ENTRIES) {
      const entries: DelayedRecord[] = [];
      for (let i = from; i < Math.min(seqs.length, from + CHECKPOINT_ENTRIES); i++) {
        const seq = seqs[i]!;
        const due = dues[i]!;
        const tag = tags[i]!;
        if ((tag & DUE_DURABLE) !== 0 && this.heap.isPending(due, seq)) entries.push({ seq, due, flags: tag & 0xff });
      }
      journal.delayedMany(entries);
      yield;
    }
    this.heap.forgetSnapshot();
    const held = [...this.held.keys()];
    for (let from = 0; from < held.length; from += CHECKPOINT_ENTRIES) {
      const entries: DelayedRecord[] = [];
      for (const seq of held.slice(from, from + CHECKPOINT_ENTRIES)) {
        // What was let go meanwhile has said so itself.
        const tag = this.held.get(seq);
        if (tag !== undefined) entries.push({ seq, due: HELD, flags: tag & 0xff });
      }
      journal.delayedMany(entries);
      yield;
    }
    const lost = this.unreadable.filter(({ tag }) => (tag & DUE_DURABLE) !== 0);
    journal.delayedMany(lost.map(({ seq, due, tag }) => ({ seq, due, flags: tag & 0xff })));
    for (const [seq, keys] of [...this.keys]) {
      // A transient message's keys are passed over at recovery, as its message is.
      if (this.keys.has(seq)) journal.delayedKeys(seq, keys);
      yield;
    }
  }

  // ----------------------------------------------------------------------------------------------------- recovery

  /** Every message that waits, as queues have entries: to count who is referred to. */
  forEachEntry(visit: VisitEntry): void {
    this.heap.forEach((seq, tag) => {
      visit(seq, entryFlagsOf(tag));
    });
    for (const [seq, tag] of this.held) visit(seq, entryFlagsOf(tag));
  }

  /** Everything else is there: what came due meanwhile may go. */
  begin(): void {
    this.arm();
  }
}

/** Whether it outlives the broker: as its body does, if that is there already. */
function isDurable(draft: Draft): boolean {
  const body = draft.large as StoredBody | null;
  return body !== null ? body.durable : draft.outlives;
}
