/**
 * Rewriting segments of which most is dead: what somebody still refers to is copied into a new file, which takes the old
 * one's name. Numbers stay, so nobody notices but whoever reads a block just then, and that read is done again.
 *
 *     idle ──look: a segment is mostly dead──▶ asking what is live ──▶ copying, block by block ──▶ synced, renamed
 *       ▲                                                                                             │
 *       └──── blocks point into the new file, and its table is in the log ◀───────────────────────────┘
 *
 * Only segments before the last checkpoint on the disk: nothing in them is ever replayed, so records without a number can
 * go. A crash leaves the old file, or the new one, whose generation tells a start that the checkpoint's table is out of date.
 *
 * Copying is paid for in bytes: so many as are appended meanwhile and half as many again, so that it keeps up with any
 * load and takes no more than it must; and a little every tick when nothing is being written.
 *
 * Refuses: to touch a segment in which something is damaged, or of which the owner does not know what it refers to.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { BlockTable } from '../blocks/block-table.ts';
import type { ResidentBlocks } from '../blocks/resident-blocks.ts';
import type { Segment, SegmentBlock } from '../blocks/segment.ts';
import type { FileSystem, LogFile } from '../files/files.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, readBatch, sealBatch } from '../format/batch.ts';
import {
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';
import { FORMAT_VERSION, readSegmentHeader, SEGMENT_HEADER_BYTES, writeSegmentHeader } from '../format/segment.ts';
import type { LiveIn } from '../options.ts';
import type { SegmentFiles } from '../write/segment-files.ts';

export const COMPACTING_SUFFIX = '.compacting';
const LOOK_MS = 1000;
const TICK_MS = 20;
/** Blocks that may be copied in a tick in which nothing is written, and that may be saved up. */
const IDLE_BLOCKS = 2;
const CREDIT_BLOCKS = 4;
const SYNC_BYTES = 4 * 1024 * 1024;
/** A rewrite must win at least this part of a segment. */
const GAIN_MIN = 1 / 64;

export interface CompactionOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly clock: Clock;
  readonly logId: Buffer;
  readonly segmentBytes: number;
  readonly blockBytes: number;
  readonly segmentFiles: SegmentFiles;
  readonly residents: ResidentBlocks<SegmentBlock>;
  readonly table: BlockTable<SegmentBlock>;
  readonly liveIn: LiveIn;
  /** Segments that may be rewritten. */
  candidates(): Iterable<Segment>;
  /** A flush is under way, or waits for room. */
  busy(): boolean;
  /** Everything that has been let go of until now is on the disk as such. Rejects if the log fails or is closed. */
  whenSynced(): Promise<void>;
  /** The segment lies in a new file now. */
  swapped(segment: Segment): void;
  /** The segment is not being rewritten any more, however that went. */
  over(segment: Segment): void;
}

/** Where a block's records are in the new file. */
interface Moved {
  readonly block: SegmentBlock;
  readonly position: number;
  readonly end: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly records: number;
  readonly sequencedBytes: number;
}

export class Compaction {
  /** Segments rewritten so far, and the bytes that it won. */
  rewritten = 0;
  wonBytes = 0;
  private readonly options: CompactionOptions;
  private running: Promise<void> | undefined = undefined;
  private stopped = false;
  private credit = 0;
  private waiting: (() => void) | undefined = undefined;
  /** Ends the waiting for the owner's answer. */
  private abort: (error: Error) => void = () => {};
  private readonly looking = new Timer(() => this.look());
  private readonly ticking = new Timer(() => this.tick());
  private readonly header = new BatchHeader();

  constructor(options: CompactionOptions) {
    this.options = options;
  }

  /** Something was let go: look for a segment worth rewriting within a second. */
  lookSoon(): void {
    if (!this.stopped && this.running === undefined && !this.looking.scheduled) {
      this.options.clock.schedule(this.looking, LOOK_MS);
    }
  }

  /** Looks now, if none is being rewritten. */
  look(): void {
    if (this.stopped || this.running !== undefined) return;
    let best: Segment | undefined;
    let bestGain = this.options.segmentBytes * GAIN_MIN;
    for (const segment of this.options.candidates()) {
      const gain = gainOf(segment);
      if (gain > bestGain && gain * 2 > segment.diskBytes - segment.overheadBytes) {
        best = segment;
        bestGain = gain;
      }
    }
    if (best === undefined) return;
    const segment = best;
    segment.compacting = true;
    this.running = this.rewrite(segment)
      .then(
        (done) => {
          segment.compactable = done;
          return true;
        },
        () => false, // no room, or a disk that fails: not again before something else is let go
      )
      .then((done) => {
        segment.compacting = false;
        this.running = undefined;
        this.options.over(segment);
        if (done) this.look();
      });
  }

  /** False: this segment is not to be rewritten. */
  private async rewrite(segment: Segment): Promise<boolean> {
    const { files } = this.options;
    const isLive = await this.ask(segment);
    const path = segment.path + COMPACTING_SUFFIX;
    const file = await files.open(path, 'create');
    let renamed = false;
    try {
      const moved: Moved[] = [];
      const end = await this.copy(segment, isLive, file, moved);
      if (end === 0 || segment.live === 0) return end > 0;
      await sync(file);
      // What let go of records must outlive them: after a crash they would be asked for again.
      await this.options.whenSynced();
      if (this.stopped) throw new Error('the log is being closed');
      await files.rename(path, segment.path);
      renamed = true;
      file.path = segment.path;
      try {
        await files.syncDirectory(this.options.directory);
      } finally {
        // The name leads to the new file, safe or not: with the old one, what is written later would be in a file without a name.
        this.swap(segment, file, end, moved);
      }
      return true;
    } finally {
      if (!renamed) {
        await file.close();
        await files.remove(path);
      }
    }
  }

  private ask(segment: Segment): Promise<(seq: number) => boolean> {
    const first = segment.blocks[0]!.firstSeq;
    const last = segment.blocks[segment.blocks.length - 1]!.lastSeq;
    return new Promise((resolve, reject) => {
      this.abort = reject;
      this.options.liveIn(first, last, resolve);
    });
  }

  /** Returns where the new file ends; 0 if this segment had better stay as it is. */
  private async copy(
    segment: Segment,
    isLive: (seq: number) => boolean,
    file: LogFile,
    moved: Moved[],
  ): Promise<number> {
    await write(file, await this.headerOf(segment), 0);
    let position = SEGMENT_HEADER_BYTES;
    let unsynced = 0;
    const out = Buffer.allocUnsafeSlow(segment.blockBytes + BATCH_HEADER_BYTES);
    for (const block of segment.blocks) {
      await this.afford(block.end);
      if (this.stopped) throw new Error('the log is being closed');
      if (block.live === 0) continue;
      const bytes = block.resident ? block.buffer : await this.read(segment, block);
      const kept = this.filter(segment, block, bytes, isLive, out, moved.length + 1);
      if (kept === undefined) return 0;
      if (kept.records === 0) {
        if (block.live > 0) return 0; // somebody refers to it whom the owner does not know of
        continue;
      }
      moved.push({ ...kept, block, position });
      await write(file, out.subarray(0, kept.end), position);
      position += kept.end;
      unsynced += kept.end;
      if (unsynced >= SYNC_BYTES) {
        await sync(file);
        unsynced = 0;
      }
    }
    return position;
  }

  /** The same header, one generation on. */
  private async headerOf(segment: Segment): Promise<Buffer> {
    const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
    // Also opens the file: what is read while the names change is read from the old one.
    const n = await this.readAt(segment, 0, buffer);
    const known = readSegmentHeader(buffer, n);
    const { number, blockBytes, generation, firstBatch } = segment;
    writeSegmentHeader(buffer, {
      version: FORMAT_VERSION,
      previous: 0,
      firstSeq: 0,
      checkpoint: 0,
      beganAtMs: 0,
      firstBatch,
      ...known,
      logId: this.options.logId,
      number,
      blockBytes,
      generation: generation + 1,
    });
    return buffer;
  }

  private async read(segment: Segment, block: SegmentBlock): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(block.end);
    const n = await this.readAt(segment, block.position, buffer);
    return buffer.subarray(0, n);
  }

  private readAt(segment: Segment, position: number, into: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.options.segmentFiles.read(segment, position, into, into.length, (error, n) => {
        if (error !== undefined) reject(error);
        else resolve(n);
      });
    });
  }

  /** Copies what is live of a block into one batch at the start of `out`; undefined if the block is damaged. */
  private filter(
    segment: Segment,
    block: SegmentBlock,
    bytes: Buffer,
    isLive: (seq: number) => boolean,
    out: Buffer,
    number: number,
  ): Omit<Moved, 'block' | 'position'> | undefined {
    const { header } = this;
    const logId = this.options.logId;
    const limit = Math.min(block.end, bytes.length);
    let to = BATCH_HEADER_BYTES;
    let records = 0;
    let firstSeq = -1;
    let lastSeq = -1;
    for (let at = block.start; at < block.end; at = align8(header.end)) {
      if (!readBatch(bytes, at, limit, logId, segment.number, header)) return undefined;
      for (let from = header.payloadStart; from < header.end; ) {
        const length = payloadBytesAt(bytes, from);
        if (bytes[from]! >= UNSEQUENCED) {
          from += UNSEQUENCED_HEADER_BYTES + length;
          continue;
        }
        const next = from + SEQUENCED_HEADER_BYTES + length;
        const seq = sequenceAt(bytes, from);
        if (isLive(seq)) {
          bytes.copy(out, to, from, next);
          to += next - from;
          records++;
          if (firstSeq < 0) firstSeq = seq;
          lastSeq = seq;
        }
        from = next;
      }
    }
    const batch = new BatchHeader();
    batch.payloadBytes = to - BATCH_HEADER_BYTES;
    batch.number = number;
    batch.open = batch.payloadBytes;
    batch.records = records;
    batch.generation = segment.generation + 1;
    sealBatch(out, logId, segment.number, batch);
    const end = align8(to);
    out.fill(0, to, end);
    return { end, firstSeq, lastSeq, records, sequencedBytes: batch.payloadBytes };
  }

  /** From here on the segment is the new file. */
  private swap(segment: Segment, file: LogFile, end: number, moved: readonly Moved[]): void {
    const { residents, table, segmentFiles } = this.options;
    this.wonBytes += segment.diskBytes - end;
    this.rewritten++;
    segment.generation++;
    segmentFiles.replace(segment, { handle: file, preparedBytes: end, reading: 0 });
    for (const block of segment.blocks) {
      block.gone = true;
      if (block.resident) residents.evict(block);
    }
    segment.blocks.length = 0;
    for (const { block, position, ...there } of moved) {
      block.gone = false;
      block.position = position;
      block.end = there.end;
      block.takenTo = there.end;
      block.flushedTo = there.end;
      block.firstSeq = there.firstSeq;
      block.lastSeq = there.lastSeq;
      block.records = there.records;
      block.sequencedBytes = there.sequencedBytes;
      segment.blocks.push(block);
    }
    table.dropWhere((block) => block.gone);
    segment.fileBytes = end;
    segment.overheadBytes = 0;
    segment.overheadBytes = gainOf(segment); // what another rewrite now would not win
    this.options.swapped(segment);
  }

  // -- pace

  /** So many bytes were appended and written. */
  appended(bytes: number): void {
    if (this.running === undefined) return;
    this.grant(bytes * 1.5);
  }

  private grant(bytes: number): void {
    this.credit = Math.min(this.credit + bytes, CREDIT_BLOCKS * this.options.blockBytes);
    const { waiting } = this;
    if (this.credit <= 0 || waiting === undefined) return;
    this.waiting = undefined;
    waiting();
  }

  /** Waits until so much may be read and written. */
  private async afford(bytes: number): Promise<void> {
    while (this.credit <= 0 && !this.stopped) {
      await new Promise<void>((go) => {
        this.waiting = go;
        if (!this.ticking.scheduled) this.options.clock.schedule(this.ticking, TICK_MS);
      });
    }
    this.credit -= bytes;
  }

  private tick(): void {
    if (this.waiting === undefined) return;
    if (!this.options.busy()) this.grant(IDLE_BLOCKS * this.options.blockBytes);
    if (this.waiting !== undefined) this.options.clock.schedule(this.ticking, TICK_MS);
  }

  /** Gives up what is under way; `done` is called when nothing is any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.options.clock.cancel(this.looking);
    this.options.clock.cancel(this.ticking);
    this.waiting?.();
    this.abort(new Error('the log is being closed'));
    await this.running;
  }
}

/** What a rewrite would win. */
function gainOf(segment: Segment): number {
  return segment.diskBytes - segment.overheadBytes - segment.liveBytes;
}

function write(file: LogFile, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write([bytes], position, (error) => (error !== undefined ? reject(error) : resolve()));
  });
}

function sync(file: LogFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => (error !== undefined ? reject(error) : resolve()));
  });
}
