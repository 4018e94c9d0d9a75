/**
 * A stored body, too large for one record: appended as extents while it arrives, named by the message's record when it is
 * complete, read back range by range. Until a message names them, extents are invisible, and a crash forgets them.
 *
 * References: one while it is being written, one for each queue that holds the message, one for each reader. The last
 * one to go releases the extents.
 */
import type { BodyReader, BodyWriter } from '../../api/bodies.ts';
import { RecordRef } from '../../log/format/record.ts';
import type { Sequence } from '../../log/sequence.ts';
import type { RecordStore } from '../../log/store.ts';
import { giveBack, takeBuffer } from '../../message/buffer-pool.ts';
import { INLINE_BODY_BYTES } from '../../message/message.ts';
import type { Pinnable } from '../../message/pinned-memory.ts';
import type { Extents } from '../../message/storage.ts';

const EXTENT_BYTES_MIN = 32 * 1024;

export class StoredBody implements BodyWriter, Extents {
  readonly length: number;
  readonly durable: boolean;
  readonly seqs: number[] = [];
  readonly sizes: number[] = [];
  missing: number;
  private stage: Buffer | null = null;
  private staged = 0;
  private references = 1;
  private writing = true;
  /** It was not taken, since what may be lost may take no more: what comes of it is passed over, and it is to be refused. */
  refused = false;
  /** Asked before some of it is stored. False: it is refused. */
  mayGrow: () => boolean = () => true;
  /** Called when nobody needs it any more. */
  onGone: (body: StoredBody) => void = () => {};
  private readonly store: RecordStore;
  private readonly sequence: Sequence;
  private readonly recordType: number;

  constructor(store: RecordStore, durable: boolean, sequence: Sequence, length: number, recordType: number) {
    this.store = store;
    this.durable = durable;
    this.sequence = sequence;
    this.length = length;
    this.missing = length;
    this.recordType = recordType;
  }

  /** A body found in the log. It has no references until its message's queues are counted. */
  static recovered(store: RecordStore, sequence: Sequence, extents: Extents, recordType: number): StoredBody {
    const body = new StoredBody(store, true, sequence, extents.length, recordType);
    body.seqs.push(...extents.seqs);
    body.sizes.push(...extents.sizes);
    for (const seq of body.seqs) store.addLive(seq, 1);
    body.missing = 0;
    body.writing = false;
    body.references = 0;
    return body;
  }

  append(buffer: Buffer, start: number, end: number): void {
    if (end - start > this.missing || !this.writing) throw new Error('more body bytes than were announced');
    this.missing -= end - start;
    let at = start;
    while (at < end) {
      if (this.staged === 0 && end - at >= EXTENT_BYTES_MIN) {
        at = this.appendLong(buffer, at, end);
        continue;
      }
      // Small pieces are gathered: the number of extents is bounded by the body's length, however it arrives.
      this.stage ??= takeBuffer(EXTENT_BYTES_MIN);
      const n = Math.min(end - at, EXTENT_BYTES_MIN - this.staged);
      buffer.copy(this.stage, this.staged, at, at + n);
      this.staged += n;
      at += n;
      if (this.staged === EXTENT_BYTES_MIN || (this.missing === 0 && at === end)) {
        this.appendExtent(this.stage, 0, this.staged);
        this.staged = 0;
      }
    }
    if (this.missing === 0) this.unstage();
  }

  /**
   * Appends extents of the greatest length, or as long as what is left of a block: no eight of the greatest fit into one. Returns where
   * what is too short for an extent begins.
   */
  private appendLong(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (end - at >= EXTENT_BYTES_MIN) {
      const longest = Math.min(end - at, INLINE_BODY_BYTES);
      const room = this.store.roomBytes;
      const n = room >= EXTENT_BYTES_MIN && room < longest ? room : longest;
      this.appendExtent(buffer, at, at + n);
      at += n;
    }
    return at;
  }

  private appendExtent(buffer: Buffer, start: number, end: number): void {
    if (this.refused) return;
    if (!this.mayGrow()) {
      this.refused = true;
      for (const seq of this.seqs) this.store.release(seq, 1);
      this.seqs.length = 0;
      this.sizes.length = 0;
      return;
    }
    const n = end - start;
    const seq = this.sequence.next++;
    const at = this.store.appendSequenced(this.recordType, seq, n);
    buffer.copy(this.store.buffer, at, start, end);
    this.store.addLive(seq, 1);
    this.seqs.push(seq);
    this.sizes.push(n);
  }

  /** The writer's own reference goes: after the message was published, or when it is given up. */
  finish(): void {
    if (!this.writing) return;
    this.writing = false;
    this.unstage();
    this.letGo(1);
  }

  private unstage(): void {
    if (this.stage !== null) giveBack(this.stage);
    this.stage = null;
  }

  abort(): void {
    this.finish();
  }

  hold(n: number): void {
    this.references += n;
  }

  /** The last one to let go releases the extents. */
  letGo(n: number): void {
    this.references -= n;
    if (this.references > 0) return;
    for (const seq of this.seqs) this.store.release(seq, 1);
    this.seqs.length = 0;
    this.onGone(this);
  }

  read(): StoredBodyReader {
    return new StoredBodyReader(this, this.store);
  }
}

class StoredBodyReader implements BodyReader {
  readonly length: number;
  remaining: number;
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  memory: Pinnable | null = null;
  onReady: () => void = () => {};
  onError: (error: Error) => void = () => {};
  private readonly body: StoredBody;
  private readonly store: RecordStore;
  private readonly ref = new RecordRef();
  private extent = 0;
  private offset = 0;
  private loading = false;
  private closed = false;

  constructor(body: StoredBody, store: RecordStore) {
    this.body = body;
    this.store = store;
    this.length = body.length;
    this.remaining = body.length;
    body.hold(1);
  }

  next(maxBytes: number): boolean {
    if (this.closed || this.loading || this.remaining === 0) return false;
    const seq = this.body.seqs[this.extent]!;
    if (!this.store.locate(seq, this.ref)) {
      this.loading = true;
      this.store.load(seq, (error) => {
        this.loading = false;
        if (this.closed) return;
        if (error !== undefined) this.onError(error);
        else this.onReady();
      });
      return false;
    }
    this.buffer = this.ref.buffer;
    this.start = this.ref.start + this.offset;
    this.end = Math.min(this.ref.end, this.start + maxBytes);
    this.memory = this.ref.memory;
    const n = this.end - this.start;
    this.offset += n;
    this.remaining -= n;
    if (this.offset === this.body.sizes[this.extent]!) {
      this.extent++;
      this.offset = 0;
    }
    return true;
  }

  inMemory(bytes: number): boolean {
    if (this.closed || this.loading) return false;
    const { seqs, sizes } = this.body;
    let missing = bytes + this.offset;
    for (let i = this.extent; missing > 0 && i < seqs.length; i++) {
      if (!this.store.locate(seqs[i]!, this.ref)) return false;
      missing -= sizes[i]!;
    }
    return missing <= 0;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.body.letGo(1);
  }
}
