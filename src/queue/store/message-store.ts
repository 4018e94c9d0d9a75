/**
 * The messages of a vhost, wherever they lie: the durable log or the transient store, both addressed by sequence number.
 * It ties the stores' bytes to the storage form of a message, and keeps count of who still needs what.
 */
import type { TurnClock } from '../../clock/turn-clock.ts';
import { RecordRef } from '../../log/format/record.ts';
import type { Sequence } from '../../log/sequence.ts';
import type { ReadOrder, RecordStore } from '../../log/store.ts';
import type { AddressBytes } from '../../message/address-bytes.ts';
import { encodeAnnotations } from '../../message/deaths/annotations.ts';
import type { Draft, MessageView } from '../../message/message.ts';
import { type Extents, messageBytes, readMessage, writeMessage } from '../../message/storage.ts';
import {
  assuranceOf,
  attemptsOf,
  FLAG_DELIVERED,
  FLAG_DURABLE,
  FLAG_LARGE,
  FLAG_RETAINED,
  subscriptionDataOf,
} from '../entry-flags.ts';
import { type CopyOwner, OwnedCopies } from './owned-copies.ts';
import { StoredBody } from './stored-body.ts';

/** Record types with a sequence number (below 128). They are written into the log and never change. */
export const RECORD_MESSAGE = 1;
export const RECORD_EXTENT = 2;

/** Messages that are needed though not all of their queues have them yet. */
export interface UnplacedMessages {
  forEach(visit: (seq: number) => void): void;
  /** The queue is about to be written down: what the log says it has is put into it. */
  giveTo(queue: object): void;
}

export class MessageStore {
  /** Of transactions that are being prepared, and of those that are under way to very many queues. */
  readonly unplaced = new Set<UnplacedMessages>();
  readonly durable: RecordStore;
  readonly transient: RecordStore;
  private readonly sequence: Sequence;
  private readonly time: TurnClock;
  private readonly ref = new RecordRef();
  /** Messages whose bodies lie in extents, by sequence number: few, and large. */
  private readonly large = new Map<number, StoredBody>();
  /** Every large body that somebody needs or is writing. */
  private readonly bodies = new Set<StoredBody>();
  private serial = 0;
  /** Copies that are needed: one for each queue that has a message, for a delay, for a topic that retains it. */
  copies = 0;
  /** Null as long as nobody may only have so many. */
  private owned: OwnedCopies | null = null;

  /** What the next message gets. */
  get nextSeq(): number {
    return this.sequence.next;
  }

  constructor(durable: RecordStore, transient: RecordStore, sequence: Sequence, time: TurnClock) {
    this.durable = durable;
    this.transient = transient;
    this.sequence = sequence;
    this.time = time;
  }

  /**
   * Appends a message and returns its sequence number. It has no references yet: `addReferences` must follow in the same
   * call stack.
   * @param targetList number of the list of durable queues, 0 for none
   */
  append(draft: Draft, address: AddressBytes, durable: boolean, targetList: number): number {
    const body = draft.large as StoredBody | null;
    const notes = draft.annotations === null ? null : encodeAnnotations(draft.annotations);
    const bytes = messageBytes(draft, address.end - address.start, notes, body);
    const seq = this.sequence.next++;
    if (this.owned !== null) this.owned.came(seq, draft.continues);
    const store = durable ? this.durable : this.transient;
    const at = store.appendSequenced(RECORD_MESSAGE, seq, bytes);
    writeMessage(store.buffer, at, draft, address, targetList, this.time.epochMs(), notes, body);
    if (body !== null) this.large.set(seq, body);
    return seq;
  }

  /** `n` queues (or the retained index) now need this message. */
  addReferences(seq: number, durable: boolean, n: number): void {
    this.copies += n;
    if (this.owned !== null) this.owned.took(seq, n);
    (durable ? this.durable : this.transient).addLive(seq, n);
    const body = this.large.size === 0 ? undefined : this.large.get(seq);
    if (body !== undefined) body.hold(n);
  }

  /** Whose copies what is stored from now on makes; null: nobody's. */
  set owner(owner: CopyOwner | null) {
    if (owner !== null) this.owned ??= new OwnedCopies();
    if (this.owned !== null) this.owned.by = owner;
  }

  /** The vhost is gone, and with it all that anybody has here. */
  disown(): void {
    this.owned?.forget();
  }

  /** What nobody got after all: none of `n` needs it any more. */
  releaseUnplaced(seq: number, durable: boolean, n: number): void {
    this.copies -= n;
    if (this.owned !== null) this.owned.released(seq, n);
    (durable ? this.durable : this.transient).release(seq, n);
  }

  /** One of them does not need it any more. */
  release(seq: number, flags: number): void {
    this.copies--;
    if (this.owned !== null) this.owned.released(seq, 1);
    ((flags & FLAG_DURABLE) !== 0 ? this.durable : this.transient).release(seq, 1);
    if ((flags & FLAG_LARGE) !== 0) this.releaseLarge(seq);
  }

  private releaseLarge(seq: number): void {
    this.large.get(seq)?.letGo(1);
  }

  /** Keeps a large body in the books until nobody needs it. */
  private watch(body: StoredBody): StoredBody {
    this.bodies.add(body);
    body.onGone = () => {
      this.bodies.delete(body);
      // A dead letter shares the body of what it was: there may be several names for it.
      for (const [seq, other] of this.large) if (other === body) this.large.delete(seq);
    };
    return body;
  }

  isLarge(seq: number): boolean {
    return this.large.size > 0 && this.large.has(seq);
  }

  /** Points `view` at the message; false if it must be loaded first. */
  view(seq: number, flags: number, view: MessageView): boolean {
    const store = (flags & FLAG_DURABLE) !== 0 ? this.durable : this.transient;
    if (!store.locate(seq, this.ref)) return false;
    readMessage(this.ref.buffer, this.ref.start, view);
    view.memory = this.ref.memory;
    this.complete(seq, flags, view);
    return true;
  }

  /** What is in memory of the message, copied out for `viewCopy`; undefined if it must be loaded first. */
  copy(seq: number, flags: number): Buffer | undefined {
    const store = (flags & FLAG_DURABLE) !== 0 ? this.durable : this.transient;
    if (!store.locate(seq, this.ref)) return undefined;
    return Buffer.from(this.ref.buffer.subarray(this.ref.start, this.ref.end));
  }

  /** As `view`, of a message that was copied out before. */
  viewCopy(copy: Buffer, seq: number, flags: number, view: MessageView): void {
    readMessage(copy, 0, view);
    this.complete(seq, flags, view);
  }

  private complete(seq: number, flags: number, view: MessageView): void {
    view.seq = seq;
    view.serial = ++this.serial;
    if ((flags & FLAG_LARGE) !== 0) view.large = this.large.get(seq) ?? null;
    view.redelivered = (flags & FLAG_DELIVERED) !== 0;
    view.attempts = attemptsOf(flags);
    view.effectiveAssurance = assuranceOf(flags);
    view.retained = (flags & FLAG_RETAINED) !== 0;
    view.subscriptionData = subscriptionDataOf(flags);
  }

  /** A serial for a view that was made without the store. */
  nextSerial(): number {
    return ++this.serial;
  }

  /** @param order what the caller will ask for next, of this store or the other */
  load(seq: number, flags: number, done: (error: Error | undefined) => void, order?: ReadOrder): void {
    ((flags & FLAG_DURABLE) !== 0 ? this.durable : this.transient).load(seq, done, order);
  }

  /** A body that will arrive in pieces; `mayGrow` is asked before each is stored. */
  openBody(length: number, durable: boolean, mayGrow: () => boolean = () => true): StoredBody {
    const store = durable ? this.durable : this.transient;
    const body = new StoredBody(store, durable, this.sequence, length, RECORD_EXTENT);
    body.mayGrow = mayGrow;
    return this.watch(body);
  }

  /** At recovery: a message that is still needed has its body in these extents. */
  recoverBody(seq: number, extents: Extents): void {
    this.large.set(seq, this.watch(StoredBody.recovered(this.durable, this.sequence, extents, RECORD_EXTENT)));
  }

  /** Messages with large bodies, and where those are. */
  forEachLarge(visit: (seq: number, extents: Extents, durable: boolean) => void): void {
    for (const [seq, body] of this.large) visit(seq, body, body.durable);
  }

  extentsOf(seq: number): Extents | undefined {
    return this.large.get(seq);
  }

  /** The extents that are needed, those of bodies that are still arriving among them. */
  forEachExtent(visit: (seq: number) => void): void {
    for (const body of this.bodies) for (const seq of body.seqs) visit(seq);
  }
}
