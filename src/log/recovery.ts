/**
 * Reading a log back: finds its segments, verifies every batch, hands every record of whole units to the owner in the
 * order they were written, and says in numbers what it could not use and why.
 *
 * Batches are numbered without gaps, and each says up to which number everything was known to be on disk when it was
 * written. So when batch n is not where it should be, the rest of the log decides what that means:
 *
 *     no later batch known to follow a sync of n  ──▶ torn tail: the log ends before n. Never confirmed; dropped.
 *     a later batch says that n was on disk       ──▶ rot: n is lost and reported; what follows is kept.
 *
 * Nothing is repaired in place and nothing in a segment of an earlier life is written again: appending goes on in a new
 * segment, whose header says where the one before ended. What a torn tail left behind can therefore never come back.
 */
import { join } from 'node:path';
import { align8, BATCH_HEADER_BYTES, BatchHeader, findBatch, isForeignBatch, readBatch } from './batch.ts';
import type { Residence } from './blocks.ts';
import { type FileSystem, type LogFile, readFully } from './files.ts';
import {
  LOG_OWN,
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from './record.ts';
import {
  FORMAT_VERSION,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  Segment,
  SegmentBlock,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from './segment.ts';
import { RESERVE_NAME } from './segment-files.ts';

/** The log's own records. All are unsequenced. */
export const RECORD_START = 250; // a life begins: epoch milliseconds (6 bytes)
export const RECORD_STOP = 251; // it ended in order, everything before is on disk: epoch milliseconds (6)
export const RECORD_SNAPSHOT_END = 252; // the owner's snapshot is complete: the segment in which it began (4)

/** The directory cannot be used as it is; nothing in it was changed. */
export class LogRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LogRefused';
  }
}

export type LogEvent =
  /** The last batches were not (wholly) written when the broker stopped. Nothing in them was ever confirmed. */
  | {
      readonly kind: 'torn-tail';
      readonly segment: number;
      readonly offset: number;
      readonly batches: number;
      readonly bytes: number;
    }
  /** Batches that had been on disk are unreadable now. `records` is unknown by nature. */
  | {
      readonly kind: 'rot';
      readonly segment: number;
      readonly offset: number;
      readonly batches: number;
      readonly bytes: number;
    }
  /** A segment's header is unreadable; its batches were used all the same. */
  | { readonly kind: 'header-rot'; readonly segment: number }
  /** A commit unit whose other half is missing: none of it was used. */
  | { readonly kind: 'incomplete-unit'; readonly segment: number; readonly bytes: number }
  /** A file that is no part of the log any more: an empty, dead or never begun segment. */
  | { readonly kind: 'leftover'; readonly file: string }
  /** A file whose content is unreadable from the first batch on; kept under the new name. */
  | { readonly kind: 'set-aside'; readonly file: string; readonly as: string }
  | ({ readonly kind: 'recovered' } & RecoveryReport);

export interface RecoveryReport {
  /** No log was there before. */
  readonly fresh: boolean;
  /** The broker had been stopped in order: everything it wrote is here. */
  readonly clean: boolean;
  readonly segments: number;
  readonly batches: number;
  /** The owner's records that were replayed. */
  readonly records: number;
  readonly bytes: number;
  readonly droppedBatches: number;
  readonly droppedBytes: number;
  readonly rottenBatches: number;
  readonly rottenBytes: number;
}

export interface RecoveryOptions {
  readonly files: FileSystem;
  readonly directory: string;
  replay(type: number, seq: number, buffer: Buffer, start: number, end: number): void;
  report(event: LogEvent): void;
}

interface Found {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
  readonly header: SegmentHeader | undefined;
}

/** A segment of the log, and the number of the first batch in it. */
interface Link {
  readonly found: Found;
  readonly firstBatch: number;
}

/** Part of a unit that waits for the rest of it. */
interface Held {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
}

interface TailScan {
  readonly batches: number;
  /** Something that looks like a batch is there, sound or not. */
  readonly traces: boolean;
  readonly synced: number;
  readonly oldest: number;
  readonly firstBatch: number;
  readonly logId: Buffer | undefined;
}

export class Recovery {
  logId: Buffer | undefined = undefined;
  readonly segments: Segment[] = [];
  readonly blocks: SegmentBlock[] = [];
  /** Files to be removed once the new segment, which does not need them, is on disk. */
  readonly obsolete: string[] = [];
  nextBatch = 1;
  nextSegment = 1;
  lastSeq = 0;
  hasReserve = false;
  report: RecoveryReport;

  private readonly options: RecoveryOptions;
  private readonly residence: Residence<SegmentBlock>;
  private readonly header = new BatchHeader();
  private spare: Buffer | undefined = undefined;
  private held: Held[] = [];
  private holding = false;
  private clean = false;
  private batches = 0;
  private records = 0;
  private bytes = 0;
  private droppedBatches = 0;
  private droppedBytes = 0;
  private rottenBatches = 0;
  private rottenBytes = 0;

  constructor(options: RecoveryOptions, residence: Residence<SegmentBlock>) {
    this.options = options;
    this.residence = residence;
    this.report = this.makeReport(true);
  }

  private makeReport(fresh: boolean): RecoveryReport {
    return {
      fresh,
      clean: this.clean,
      segments: this.segments.length,
      batches: this.batches,
      records: this.records,
      bytes: this.bytes,
      droppedBatches: this.droppedBatches,
      droppedBytes: this.droppedBytes,
      rottenBatches: this.rottenBatches,
      rottenBytes: this.rottenBytes,
    };
  }

  async run(): Promise<void> {
    const found = await this.look();
    for (const { number } of found) if (number >= this.nextSegment) this.nextSegment = number + 1;
    const { tail, scan } = await this.findTail(found);
    if (tail === undefined || scan === undefined) {
      this.clean = found.length === 0;
      this.finish(found.length === 0);
      return;
    }
    this.logId ??= scan.logId;
    const chain = await this.chain(found, tail, scan);
    await this.replaySegments(chain, tail, scan);
    this.finish(false);
  }

  private finish(fresh: boolean): void {
    this.report = this.makeReport(fresh);
    this.options.report({ kind: 'recovered', ...this.report });
  }

  /** Lists the segment files and reads their headers. */
  private async look(): Promise<Found[]> {
    const { files, directory } = this.options;
    const found: Found[] = [];
    for (const name of await files.list(directory)) {
      if (name === RESERVE_NAME) this.hasReserve = true;
      const number = segmentNumber(name);
      if (number === 0) continue;
      const path = join(directory, name);
      const file = await files.open(path, 'read');
      try {
        const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
        let header = readSegmentHeader(buffer, await readFully(file, buffer, SEGMENT_HEADER_BYTES, 0));
        if (header !== undefined && header.version !== FORMAT_VERSION) {
          throw new LogRefused(
            `${path} has format version ${header.version}, written by a newer version; this one reads version ${FORMAT_VERSION}`,
          );
        }
        // A used file that was renamed for its next use, which never came.
        if (header !== undefined && header.number !== number) header = undefined;
        found.push({ number, path, sizeBytes: await file.sizeBytes(), header });
      } finally {
        await file.close();
      }
    }
    found.sort((a, b) => a.number - b.number);
    for (const { header, path } of found) {
      if (header === undefined) continue;
      this.logId ??= header.logId;
      if (!this.logId.equals(header.logId)) {
        throw new LogRefused(
          `${path} belongs to log ${header.logId.toString('hex')}, the segments before it to log ${this.logId.toString('hex')}`,
        );
      }
    }
    return found;
  }

  /** The last segment that has a sound batch. Those after it were never begun, or nothing of them reached the disk. */
  private async findTail(found: readonly Found[]): Promise<{ tail?: Found; scan?: TailScan }> {
    for (let i = found.length - 1; i >= 0; i--) {
      const file = found[i]!;
      const scan = await this.scan(file);
      if (scan.batches > 0) return { tail: file, scan };
      if (scan.traces || file.header !== undefined) {
        // Perhaps a torn first flush, perhaps a whole segment gone bad: kept for whoever wants to look.
        const as = `${file.path}.damaged`;
        await this.options.files.rename(file.path, as);
        this.droppedBytes += file.sizeBytes;
        this.options.report({ kind: 'set-aside', file: file.path, as });
      } else {
        this.obsolete.push(file.path);
        this.options.report({ kind: 'leftover', file: file.path });
      }
    }
    return {};
  }

  /** Looks through one segment for the highest known sync and the oldest needed segment. */
  private async scan(found: Found): Promise<TailScan> {
    let batches = 0;
    let traces = false;
    let synced = 0;
    let oldest = found.header?.oldest ?? 0;
    let highest = 0;
    let firstBatch = found.header?.firstBatch ?? 0;
    let { logId } = this;
    const { header } = this;
    const blockBytes = this.blockBytes(found);
    const file = await this.options.files.open(found.path, 'read');
    try {
      const buffer = this.borrow(blockBytes);
      for (let index = 0; index * blockBytes < found.sizeBytes; index++) {
        const length = await readFully(file, buffer, blockBytes, index * blockBytes);
        let at = index === 0 ? SEGMENT_HEADER_BYTES : 0;
        if (
          !traces &&
          length >= at + 20 &&
          buffer.readUInt32LE(at) !== 0 &&
          buffer.readUInt32LE(at + 16) === found.number
        ) {
          traces = true;
        }
        while (findBatch(buffer, at, length, logId ?? null, found.number, firstBatch, header)) {
          if (logId === undefined) logId = Buffer.from(buffer.subarray(header.at + 8, header.at + 16));
          if (batches++ === 0 && found.header === undefined) firstBatch = header.number;
          if (header.synced > synced) synced = header.synced;
          if (header.number > highest) {
            highest = header.number;
            oldest = header.oldest;
          }
          at = header.end;
        }
      }
      this.lend(buffer);
    } finally {
      await file.close();
    }
    return { batches, traces, synced, oldest, firstBatch, logId };
  }

  /** Follows the links back from the tail to the oldest segment that is needed; refuses when one is missing. */
  private async chain(found: readonly Found[], tail: Found, scan: TailScan): Promise<Link[]> {
    const byNumber = new Map(found.map((file) => [file.number, file]));
    const chain: Link[] = [];
    let file: Found = tail;
    for (;;) {
      let previous: number;
      if (file.header !== undefined) {
        previous = file.header.previous;
        chain.unshift({ found: file, firstBatch: file.header.firstBatch });
      } else {
        // Its batches say what its header does not, all but the link: that is to the file before.
        const { number } = file;
        chain.unshift({ found: file, firstBatch: (await this.scan(file)).firstBatch });
        previous = found.filter((other) => other.number < number).at(-1)?.number ?? 0;
      }
      if (previous === 0 || previous < scan.oldest) break;
      const before = byNumber.get(previous);
      if (before === undefined) {
        throw new LogRefused(
          `${join(this.options.directory, segmentName(previous))} is missing: segment ${file.number} goes on where it ended`,
        );
      }
      file = before;
    }
    if (scan.oldest > 0 && !chain.some((link) => link.found.number === scan.oldest) && scan.oldest <= tail.number) {
      throw new LogRefused(
        `${join(this.options.directory, segmentName(scan.oldest))} is missing: the log begins with it`,
      );
    }
    for (const file of found) {
      if (file.number > tail.number || chain.some((link) => link.found === file)) continue;
      this.obsolete.push(file.path);
      this.options.report({ kind: 'leftover', file: file.path });
    }
    return chain;
  }

  private async replaySegments(chain: readonly Link[], tail: Found, scan: TailScan): Promise<void> {
    const first = chain[0]!;
    let expected = first.firstBatch;
    // A unit may have begun in a segment that is gone by right: it was whole on disk before that segment could go.
    this.holding = (first.found.header?.previous ?? 0) > 0;
    for (let i = 0; i < chain.length; i++) {
      const { found } = chain[i]!;
      const segment = new Segment(found.number, found.path, this.blockBytes(found));
      this.segments.push(segment);
      if (found.header !== undefined && found.header.firstSeq - 1 > this.lastSeq)
        this.lastSeq = found.header.firstSeq - 1;
      const limit = chain[i + 1]?.firstBatch ?? Number.POSITIVE_INFINITY;
      segment.firstBatch = expected;
      const batches = this.batches;
      const file = await this.options.files.open(found.path, 'update');
      try {
        const next = await this.replaySegment(segment, file, found.sizeBytes, expected, limit, scan.synced);
        // What was only in the page cache when the last life ended is from now on taken to be on disk: make it so.
        if (i >= chain.length - 2) {
          await new Promise<void>((resolve, reject) => file.sync((e) => (e ? reject(e) : resolve())));
        }
        if (found.header === undefined && this.batches > batches) {
          this.options.report({ kind: 'header-rot', segment: found.number });
          this.clean = false;
        }
        expected = Math.abs(next);
        if (next < 0) break;
      } finally {
        await file.close();
      }
      if (limit !== Number.POSITIVE_INFINITY && expected < limit) {
        // The segment after this one says that more was here.
        const rotten = Math.min(limit, scan.synced + 1) - expected;
        if (rotten > 0) this.lost(found.number, found.sizeBytes, rotten, 0);
        expected += Math.max(0, rotten);
        if (expected < limit) {
          this.dropped(found.number, found.sizeBytes, limit - expected, 0);
          break;
        }
      }
    }
    this.dropHeld(tail.number);
    this.nextBatch = expected;
    for (const { found } of chain.slice(this.segments.length)) {
      // The same flush went on here, and it did not finish.
      this.dropped(found.number, 0, 1, found.sizeBytes);
      this.obsolete.push(found.path);
    }
    // Segments of lives in which nothing happened: as if they had not been, their batch numbers included.
    while (this.segments.length > 0 && this.segments[this.segments.length - 1]!.ownerRecords === 0) {
      const empty = this.segments[this.segments.length - 1]!;
      if (this.rottenBatches > 0 || this.droppedBatches > 0) break;
      this.segments.pop();
      this.nextBatch = empty.firstBatch;
      this.obsolete.push(empty.path);
    }
  }

  /** Returns the number of the next batch; negated if the log ends here. */
  private async replaySegment(
    segment: Segment,
    file: LogFile,
    sizeBytes: number,
    expected: number,
    limit: number,
    synced: number,
  ): Promise<number> {
    const { blockBytes } = segment;
    const { header } = this;
    const { logId } = this;
    // Where reading last stood on firm ground, for reports.
    let firmAt = SEGMENT_HEADER_BYTES;
    for (let index = 0; index * blockBytes < sizeBytes; index++) {
      if (expected >= limit) break;
      const buffer = this.borrow(blockBytes);
      const length = await readFully(file, buffer, blockBytes, index * blockBytes);
      const block = new SegmentBlock(segment, index);
      let at = index === 0 ? SEGMENT_HEADER_BYTES : 0;
      let ended = false;
      while (
        (readBatch(buffer, at, length, logId ?? null, segment.number, header) && header.number >= expected) ||
        findBatch(buffer, at, length, logId ?? null, segment.number, expected, header)
      ) {
        if (header.number >= limit) break;
        if (header.number > expected) {
          const missing = header.number - expected;
          if (header.number - 1 > synced) {
            // Not all that is missing was on disk: everything from here on was one flush that did not finish.
            const rotten = Math.max(0, synced + 1 - expected);
            if (rotten > 0) this.lost(segment.number, firmAt, rotten, 0);
            expected += rotten;
            await this.torn(segment, file, sizeBytes, index, at, expected, buffer, length);
            ended = true;
            break;
          }
          this.lost(segment.number, firmAt, missing, index * blockBytes + header.at - firmAt);
          expected = header.number;
        }
        this.accept(buffer, block, header);
        expected++;
        at = align8(header.end);
        firmAt = index * blockBytes + at;
        block.end = at;
      }
      this.keep(block, buffer);
      if (ended) return -expected;
    }
    if (limit === Number.POSITIVE_INFINITY) {
      if (expected <= synced) {
        this.lost(segment.number, firmAt, synced + 1 - expected, 0);
        expected = synced + 1;
      }
      await this.tornTrace(segment, file, firmAt, sizeBytes);
    }
    return expected;
  }

  /** Batches that had been on disk and are not readable. */
  private lost(segment: number, offset: number, batches: number, bytes: number): void {
    this.dropHeld(segment);
    this.clean = false;
    this.rottenBatches += batches;
    this.rottenBytes += bytes;
    this.options.report({ kind: 'rot', segment, offset, batches, bytes });
  }

  /** The log ends at `at` of block `index`, though later batches of the unfinished flush are there. */
  private async torn(
    segment: Segment,
    file: LogFile,
    sizeBytes: number,
    index: number,
    at: number,
    expected: number,
    first: Buffer,
    firstLength: number,
  ): Promise<void> {
    const { blockBytes } = segment;
    const header = new BatchHeader();
    let end = index * blockBytes + at;
    let batches = 0;
    const buffer = Buffer.allocUnsafe(blockBytes);
    for (let i = index; i * blockBytes < sizeBytes; i++) {
      const bytes = i === index ? first : buffer;
      const length = i === index ? firstLength : await readFully(file, buffer, blockBytes, i * blockBytes);
      let from = i === index ? at : 0;
      while (findBatch(bytes, from, length, this.logId ?? null, segment.number, expected, header)) {
        batches++;
        from = header.end;
        end = i * blockBytes + header.end;
      }
    }
    const offset = index * blockBytes + at;
    this.dropped(segment.number, offset, batches, end - offset);
  }

  /** No sound batch follows; if there are bytes of an unsound one at the end, says so. */
  private async tornTrace(segment: Segment, file: LogFile, firmAt: number, sizeBytes: number): Promise<void> {
    const { blockBytes } = segment;
    const probe = Buffer.alloc(BATCH_HEADER_BYTES);
    const nextBlock = Math.ceil(firmAt / blockBytes) * blockBytes;
    // A batch goes on right behind the last one or at the start of the next block.
    for (const offset of firmAt === nextBlock ? [nextBlock] : [firmAt, nextBlock]) {
      if (offset >= sizeBytes || (offset !== nextBlock && nextBlock - offset < BATCH_HEADER_BYTES)) continue;
      const n = await readFully(file, probe, BATCH_HEADER_BYTES, offset);
      // Behind the last batch of every flush there are zeros. At the start of a block there may be what a former use of the
      // file left.
      if (n === 0 || probe.subarray(0, n).every((byte) => byte === 0)) continue;
      if (offset === nextBlock && n >= 20 && isForeignBatch(probe, segment.number)) continue;
      const bytes = n < BATCH_HEADER_BYTES ? n : BATCH_HEADER_BYTES + probe.readUInt32LE(20);
      this.dropped(segment.number, offset, 1, Math.min(bytes, blockBytes, sizeBytes - offset));
      return;
    }
  }

  private dropped(segment: number, offset: number, batches: number, bytes: number): void {
    this.dropHeld(segment);
    this.clean = false;
    this.droppedBatches += batches;
    this.droppedBytes += bytes;
    this.options.report({ kind: 'torn-tail', segment, offset, batches, bytes });
  }

  /** Takes a sound batch in: index for look-ups, then its units as far as they are whole. */
  private accept(buffer: Buffer, block: SegmentBlock, header: BatchHeader): void {
    const { payloadStart, payloadBytes, joined, open } = header;
    this.batches++;
    this.bytes += BATCH_HEADER_BYTES + payloadBytes;
    indexBatch(block, buffer, header);
    if (block.lastSeq > this.lastSeq) this.lastSeq = block.lastSeq;
    const through = joined === payloadBytes && open < payloadBytes; // the unit neither begins nor ends here
    if (joined > 0) {
      if (this.holding) {
        this.held.push({ buffer, from: payloadStart, to: payloadStart + joined });
        if (!through) {
          for (const { buffer: bytes, from, to } of this.held) this.replay(block.segment, bytes, from, to);
          this.held = [];
          this.holding = false;
        }
      } else {
        this.options.report({ kind: 'incomplete-unit', segment: block.segment.number, bytes: joined });
        this.droppedBytes += joined;
      }
    } else if (this.holding) this.dropHeld(block.segment.number);
    if (through) return;
    this.replay(block.segment, buffer, payloadStart + joined, payloadStart + open);
    if (open < payloadBytes) {
      this.holding = true;
      this.held.push({ buffer, from: payloadStart + open, to: payloadStart + payloadBytes });
    }
  }

  private dropHeld(segment: number): void {
    if (!this.holding) return;
    let bytes = 0;
    for (const { from, to } of this.held) bytes += to - from;
    this.held = [];
    this.holding = false;
    if (bytes === 0) return;
    this.droppedBytes += bytes;
    this.options.report({ kind: 'incomplete-unit', segment, bytes });
  }

  private replay(segment: Segment, buffer: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const type = buffer[at]!;
      const payloadBytes = payloadBytesAt(buffer, at);
      if (type < UNSEQUENCED) {
        const start = at + SEQUENCED_HEADER_BYTES;
        this.clean = false;
        this.records++;
        segment.ownerRecords++;
        this.options.replay(type, sequenceAt(buffer, at), buffer, start, start + payloadBytes);
        at = start + payloadBytes;
        continue;
      }
      const start = at + UNSEQUENCED_HEADER_BYTES;
      at = start + payloadBytes;
      if (type < LOG_OWN) {
        this.clean = false;
        this.records++;
        segment.ownerRecords++;
        this.options.replay(type, 0, buffer, start, at);
      } else if (type === RECORD_SNAPSHOT_END) {
        const number = buffer.readUInt32LE(start);
        const began = this.segments.find((candidate) => candidate.number === number);
        if (began !== undefined) began.standalone = true;
      } else this.clean = type === RECORD_STOP;
    }
  }

  private keep(block: SegmentBlock, buffer: Buffer): void {
    block.sealed = true;
    block.takenTo = block.end;
    block.flushedTo = block.end;
    if (block.firstSeq >= 0) {
      this.blocks.push(block);
      if (this.residence.bytes + buffer.length <= this.residence.budgetBytes) {
        block.buffer = buffer;
        block.resident = true;
        this.residence.admit(block);
        return;
      }
      block.evict();
    }
    this.lend(buffer);
  }

  private blockBytes(found: Found): number {
    return found.header?.blockBytes ?? this.residence.blockBytes;
  }

  private borrow(bytes: number): Buffer {
    const { spare } = this;
    this.spare = undefined;
    return spare?.length === bytes ? spare : Buffer.allocUnsafeSlow(bytes);
  }

  private lend(buffer: Buffer): void {
    // Units that wait for their other half still need their bytes.
    if (!this.held.some((held) => held.buffer === buffer)) this.spare = buffer;
  }
}

/** Enters the sequenced records of a sound batch into its block's index. */
export function indexBatch(block: SegmentBlock, buffer: Buffer, header: BatchHeader): void {
  const { end } = header;
  let at = header.payloadStart;
  while (at < end) {
    const payloadBytes = payloadBytesAt(buffer, at);
    if (buffer[at]! < UNSEQUENCED) {
      block.add(sequenceAt(buffer, at), at);
      at += SEQUENCED_HEADER_BYTES + payloadBytes;
    } else at += UNSEQUENCED_HEADER_BYTES + payloadBytes;
  }
}
