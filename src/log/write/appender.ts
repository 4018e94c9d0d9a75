/**
 * Appends records to the open batch of the block that is being filled, which mirrors its place in the segment's file.
 *
 *     no batch ──append──▶ open batch ──full, or a flush begins──▶ closed: its block is in `dirty` until a flush takes it
 *
 * A batch ends early enough to be read and verified alone when one record of it is wanted, if that is to be expected. A block that is full is sealed and the
 * next one begun; a segment that is full, the next segment. Once the log has failed,
 * everything goes into a scratch block, round and round, and nothing of it is ever written.
 */
import type { Clock } from '../../clock/clock.ts';
import { NO_BYTES } from '../blocks/block.ts';
import { Segment, SegmentBlock } from '../blocks/segment.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, sealBatch } from '../format/batch.ts';
import type { OwnRecords } from '../format/own-records.ts';
import {
  SEQUENCED_HEADER_BYTES,
  UNSEQUENCED_HEADER_BYTES,
  writeHeader,
  writeSequencedHeader,
} from '../format/record.ts';
import { FORMAT_VERSION, SEGMENT_HEADER_BYTES, writeSegmentHeader } from '../format/segment.ts';
import type { LogGeometry } from '../options.ts';
import type { References } from '../reclaim/references.ts';
import type { Checkpoints } from '../recover/checkpoints.ts';
import { SEQUENCE_MAX, type Sequence } from '../sequence.ts';
import type { Flusher } from './flusher.ts';
import { OpenUnit } from './open-unit.ts';

export interface AppenderOptions {
  readonly geometry: LogGeometry;
  readonly logId: Buffer;
  readonly clock: Clock;
  /** Read when a segment begins: numbers in it are at least the next one. */
  readonly sequence: Sequence;
  readonly references: References;
  readonly checkpoints: Checkpoints;
  readonly flusher: Flusher;
  /** The segment to begin with, the one before it (0: none), and the number of the first batch. */
  readonly firstSegment: number;
  readonly previousSegment: number;
  readonly firstBatch: number;
  pathOf(segment: number): string;
  /** See `LogOptions.readAlone`. */
  readAlone(): boolean;
  /** There is something to flush at the end of the turn. */
  wake(): void;
}

export class Appender implements OwnRecords {
  /** The bytes of the block being filled. */
  buffer: Buffer = NO_BYTES;
  /** The number of the flush that will cover everything appended so far. */
  mark = 0;
  block: SegmentBlock;
  segment: Segment;
  readonly recordBytesMax: number;

  // The open batch. `position` is where the next record goes, or the next batch when none is open; `limit` is where the
  // batch has to end while one is open, and 0 otherwise, so that one comparison finds every reason to leave the fast path.
  private position = 0;
  private limit = 0;
  private records = 0;
  private readonly header = new BatchHeader();
  private nextBatch: number;

  private readonly unit = new OpenUnit();

  /** Bytes of unsequenced records, of all and when the block was begun. */
  unsequencedBytes = 0;
  private unsequencedAtBlock = 0;
  /** Bytes of closed batches in this life. */
  private closedBytes = 0;
  /** Blocks with closed batches that no flush has taken, in order. */
  private dirty: SegmentBlock[] = [];
  private failed = false;
  /** Nothing may be appended any more. */
  shut = false;

  private readonly options: AppenderOptions;
  private readonly references: References;
  private readonly blockBytes: number;
  private readonly batchBytesMax: number;
  private readonly longBatchBytesMax: number;

  constructor(options: AppenderOptions) {
    this.options = options;
    this.references = options.references;
    this.blockBytes = options.geometry.blockBytes;
    this.batchBytesMax = options.geometry.batchBytesMax;
    this.longBatchBytesMax = options.geometry.longBatchBytesMax;
    this.recordBytesMax = options.geometry.recordBytesMax;
    this.nextBatch = options.firstBatch;
    this.segment = this.newSegment(options.firstSegment);
    this.block = this.newBlock(this.segment, 0);
    this.fillSegmentHeader(options.previousSegment);
  }

  /** See `RecordStore.roomBytes`: in a batch of its own. */
  get roomBytes(): number {
    return Math.max(0, this.blockBytes - align8(this.position) - BATCH_HEADER_BYTES - SEQUENCED_HEADER_BYTES);
  }

  /** See `RecordStore.append`. */
  append(type: number, payloadBytes: number): number {
    const need = UNSEQUENCED_HEADER_BYTES + payloadBytes;
    if (this.position + need > this.limit || payloadBytes > this.recordBytesMax) this.makeRoom(need);
    const at = this.position;
    this.position = at + need;
    this.records++;
    this.unsequencedBytes += need;
    return writeHeader(this.buffer, at, type, payloadBytes);
  }

  /** See `RecordStore.appendSequenced`. */
  appendSequenced(type: number, seq: number, payloadBytes: number): number {
    const need = SEQUENCED_HEADER_BYTES + payloadBytes;
    if (this.position + need > this.limit || payloadBytes > this.recordBytesMax || this.block.tooFar(seq)) {
      this.makeRoom(need, seq);
    }
    const at = this.position;
    const { block } = this;
    if (block.count === 0) this.firstOfBlock(block, seq);
    else if (seq <= block.lastSeq) throw new RangeError(`record ${seq} comes after record ${block.lastSeq}`);
    block.add(seq, at);
    this.position = at + need;
    this.records++;
    return writeSequencedHeader(this.buffer, at, type, seq, payloadBytes);
  }

  private firstOfBlock(block: SegmentBlock, seq: number): void {
    if (this.failed) return;
    const { table } = this.references;
    if (seq <= table.lastSeq || seq > SEQUENCE_MAX) {
      throw new RangeError(`record ${seq} comes after record ${table.lastSeq}`);
    }
    block.firstSeq = seq;
    block.lastSeq = seq;
    table.push(block);
    block.segment.blocks.push(block);
  }

  /** Everything but the plain case: no batch is open, the block or the segment is full, the log failed. */
  private makeRoom(need: number, seq = 0): void {
    if (this.shut) throw new Error('the log is closed');
    const payloadBytes = need - (seq > 0 ? SEQUENCED_HEADER_BYTES : UNSEQUENCED_HEADER_BYTES);
    if (payloadBytes > this.recordBytesMax) {
      throw new RangeError(`a record of ${payloadBytes} bytes is larger than ${this.recordBytesMax}`);
    }
    if (this.failed) {
      this.block.evict();
      this.block.lastSeq = this.block.firstSeq = -1;
      this.position = 0;
      this.limit = this.buffer.length;
      return;
    }
    for (;;) {
      if (this.limit > 0) {
        if (this.position + need <= this.limit && !this.block.tooFar(seq)) return;
        this.closeBatch();
      }
      if (this.position + BATCH_HEADER_BYTES + need > this.blockBytes || this.block.tooFar(seq)) this.nextBlock();
      this.openBatch(need);
    }
  }

  // -- batches

  /** @param need bytes of the record that is to go into it, which may be longer than a batch gets otherwise */
  private openBatch(need: number): void {
    const { header } = this;
    header.at = this.position;
    this.position += BATCH_HEADER_BYTES;
    const bytesMax = this.options.readAlone() ? this.batchBytesMax : this.longBatchBytesMax;
    this.limit = Math.min(this.blockBytes, this.position + Math.max(need, bytesMax));
    this.records = 0;
    this.unit.batchOpened();
    this.mark = this.options.flusher.nextMark;
    this.options.wake();
  }

  /** Completes the open batch, if there is one: from here on its bytes do not change. */
  closeBatch(): void {
    if (this.limit === 0) return;
    const { header, block } = this;
    const end = this.position;
    header.payloadBytes = end - header.payloadStart;
    header.number = this.nextBatch++;
    header.synced = this.options.flusher.syncedBatch;
    header.checkpoint = this.options.checkpoints.safe;
    header.records = this.records;
    this.unit.batchClosed(header);
    sealBatch(this.buffer, this.options.logId, this.segment.number, header);
    const next = Math.min(align8(end), this.blockBytes);
    this.buffer.fill(0, end, next);
    this.position = next;
    this.limit = 0;
    block.end = next;
    this.closedBytes += next - header.at;
    if (this.dirty[this.dirty.length - 1] !== block) this.dirty.push(block);
  }

  /** Something was appended that no flush has taken. */
  get unflushed(): boolean {
    return this.limit > 0 || this.dirty.length > 0;
  }

  /** Hands over the blocks with closed batches, in order; `next`, which is empty, takes their place. */
  takeDirty(next: SegmentBlock[]): SegmentBlock[] {
    const { dirty } = this;
    this.dirty = next;
    return dirty;
  }

  /** The number of the last closed batch. */
  get lastBatch(): number {
    return this.nextBatch - 1;
  }

  /** Bytes appended in this life, the open batch included. */
  get appendedBytes(): number {
    return this.closedBytes + (this.limit > 0 ? this.position - this.header.at : 0);
  }

  // -- blocks and segments

  private nextBlock(): void {
    this.sealBlock();
    if (this.block.index + 1 < this.options.geometry.blocksPerSegment) {
      this.block = this.newBlock(this.segment, this.block.index + 1);
    } else this.nextSegment();
  }

  private sealBlock(): void {
    const { block } = this;
    block.sealed = true;
    block.records = block.count;
    block.sequencedBytes = Math.max(0, this.position - (this.unsequencedBytes - this.unsequencedAtBlock));
    this.unsequencedAtBlock = this.unsequencedBytes;
    // The rest of the block is written with it, so that a flush over several blocks is one write.
    this.buffer.fill(0, this.position, this.blockBytes);
    this.references.blockSealed(block);
  }

  /** A block to fill, from its start on. */
  private newBlock(segment: Segment, index: number): SegmentBlock {
    const { residents } = this.references;
    const block = new SegmentBlock(segment, index);
    block.buffer = residents.take();
    block.resident = true;
    residents.admit(block);
    this.buffer = block.buffer;
    this.position = 0;
    this.limit = 0;
    return block;
  }

  private nextSegment(): void {
    const { segment } = this;
    segment.sealed = true;
    segment.fileBytes = (this.block.index + 1) * this.blockBytes;
    this.references.segmentSealed(segment);
    this.segment = this.newSegment(segment.number + 1);
    this.block = this.newBlock(this.segment, 0);
    this.fillSegmentHeader(segment.number);
  }

  private newSegment(number: number): Segment {
    const segment = new Segment(number, this.options.pathOf(number), this.blockBytes);
    this.references.segments.push(segment);
    return segment;
  }

  private fillSegmentHeader(previous: number): void {
    const { logId, sequence, checkpoints, clock } = this.options;
    writeSegmentHeader(this.buffer, {
      version: FORMAT_VERSION,
      blockBytes: this.blockBytes,
      logId,
      number: this.segment.number,
      previous,
      firstBatch: this.nextBatch,
      firstSeq: sequence.next,
      checkpoint: checkpoints.safe,
      beganAtMs: clock.epochMs(),
      generation: 0,
    });
    this.position = SEGMENT_HEADER_BYTES;
  }

  /** Ends the segment, unless nothing is in it yet, so that what is appended next is the first of a segment. Between units. */
  beginSegment(): void {
    this.closeBatch();
    if (this.block.index === 0 && this.position === SEGMENT_HEADER_BYTES) return;
    this.sealBlock();
    this.nextSegment();
  }

  // -- units

  get inUnit(): boolean {
    return this.unit.isOpen;
  }

  /** What is appended until `endUnit` is recovered as a whole or not at all. Units within units are one. */
  beginUnit(): void {
    this.unit.begin(this.payloadBytes);
  }

  endUnit(): void {
    if (this.unit.end(this.payloadBytes) && this.unflushed) this.options.wake();
  }

  /** Bytes in the open batch; 0 if none is open. */
  private get payloadBytes(): number {
    return this.limit > 0 ? this.position - this.header.payloadStart : 0;
  }

  // -- the end

  /** What is appended from now on goes into a scratch block; whoever does not look at `Log.failed` may go on. */
  fail(): void {
    this.failed = true;
    this.block = new SegmentBlock(this.segment, -1);
    this.buffer = Buffer.allocUnsafeSlow(this.blockBytes);
    this.position = 0;
    this.limit = 0;
    this.dirty.length = 0;
  }

  /** Bytes of the last segment's file that are used. */
  get usedBytes(): number {
    return this.block.index * this.blockBytes + this.block.end;
  }

  /** Nothing is appended any more; an open batch is forgotten. */
  end(): void {
    this.limit = 0;
  }
}
