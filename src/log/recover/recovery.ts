/**
 * Reading a log back: verifies every batch, hands every record of whole units to the owner in the order they were
 * written, and says in numbers what it could not use and why. Which files to read is found out by `survey.ts`. One block
 * is read and replayed at a time, and the event loop runs in between.
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

import { indexBatch } from '../blocks/block.ts';
import type { ResidentBlocks } from '../blocks/resident-blocks.ts';
import { markOnDisk, Segment, SegmentBlock } from '../blocks/segment.ts';
import type { RecoveryReport } from '../events.ts';
import { type LogFile, readFully } from '../files/files.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, findBatch, isForeignBatch, readBatch } from '../format/batch.ts';
import {
  RECORD_CHECKPOINT_BEGIN,
  RECORD_CHECKPOINT_END,
  RECORD_GONE,
  RECORD_START,
  RECORD_STOP,
  RECORD_TABLE,
  Tables,
} from '../format/own-records.ts';
import {
  LOG_OWN,
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';
import { SEGMENT_HEADER_BYTES } from '../format/segment.ts';
import { readOlder } from './older-segments.ts';
import { type Link, Survey, type SurveyOptions } from './survey.ts';

export interface RecoveryOptions extends SurveyOptions {
  replay(type: number, seq: number, buffer: Buffer, start: number, end: number): void;
}

/** Part of a unit that waits for the rest of it. */
interface Held {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
}

export class Recovery {
  logId: Buffer | undefined = undefined;
  segments: Segment[] = [];
  blocks: SegmentBlock[] = [];
  /** The segment where the last complete checkpoint begins; 0 for a new log. */
  checkpoint = 0;
  /** Files to be removed once the new segment, which does not need them, is on disk. */
  readonly obsolete: string[] = [];
  nextBatch = 1;
  nextSegment = 1;
  lastSeq = 0;
  /** Names of the files that hold room and nothing else. */
  spares: readonly string[] = [];
  report: RecoveryReport;

  private readonly options: RecoveryOptions;
  private readonly residence: ResidentBlocks<SegmentBlock>;
  private readonly header = new BatchHeader();
  private readonly tables = new Tables();
  /** The checkpoint that is being read; 0 if none is, or a part of it was not readable. */
  private checkpointing = 0;
  private spare: Buffer | undefined = undefined;
  private held: Held[] = [];
  private holding = false;
  private synced = 0;
  private clean = false;
  private batches = 0;
  private records = 0;
  private bytes = 0;
  private droppedBatches = 0;
  private droppedBytes = 0;
  private rottenBatches = 0;
  private rottenBytes = 0;

  constructor(options: RecoveryOptions, residence: ResidentBlocks<SegmentBlock>) {
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
    const survey = new Survey(this.options, this.residence.blockBytes);
    await survey.run();
    this.logId = survey.logId;
    this.nextSegment = survey.nextSegment;
    this.spares = survey.spares;
    this.obsolete.push(...survey.obsolete);
    this.droppedBytes += survey.damagedBytes;
    this.synced = survey.synced;
    if (survey.chain.length > 0) {
      this.checkpoint = survey.chain[0]!.found.number;
      await this.replaySegments(survey.chain);
      await this.addOlder(survey);
    } else this.clean = survey.fresh;
    this.finish(survey.fresh);
  }

  private finish(fresh: boolean): void {
    this.report = this.makeReport(fresh);
    this.options.report({ kind: 'recovered', ...this.report });
  }

  /** Segments before the checkpoint are not replayed: what lies in them is known from its tables. */
  private async addOlder(survey: Survey): Promise<void> {
    const older = await readOlder(this.options, this.logId ?? null, survey, this.tables, this.obsolete);
    const segments: Segment[] = [];
    const blocks: SegmentBlock[] = [];
    for (const segment of older) {
      segments.push(segment);
      for (const block of segment.blocks) {
        blocks.push(block);
        if (block.lastSeq > this.lastSeq) this.lastSeq = block.lastSeq;
      }
    }
    this.segments = [...segments, ...this.segments];
    this.blocks = [...blocks, ...this.blocks];
  }

  private async replaySegments(chain: readonly Link[]): Promise<void> {
    let expected = chain[0]!.firstBatch;
    for (let i = 0; i < chain.length; i++) {
      const { found } = chain[i]!;
      const segment = new Segment(found.number, found.path, found.blockBytes);
      segment.sealed = true;
      segment.fileBytes = found.sizeBytes;
      this.segments.push(segment);
      if (found.header !== undefined && found.header.firstSeq - 1 > this.lastSeq)
        this.lastSeq = found.header.firstSeq - 1;
      const limit = chain[i + 1]?.firstBatch ?? Number.POSITIVE_INFINITY;
      segment.firstBatch = expected;
      const batches = this.batches;
      const file = await this.options.files.open(found.path, 'update');
      try {
        const next = await this.replaySegment(segment, file, found.sizeBytes, expected, limit);
        // What was only in the page cache when the last life ended is from now on taken to be on disk: make it so.
        await new Promise<void>((resolve, reject) => file.sync((e) => (e ? reject(e) : resolve())));
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
        const rotten = Math.min(limit, this.synced + 1) - expected;
        if (rotten > 0) this.lost(found.number, found.sizeBytes, rotten, 0);
        expected += Math.max(0, rotten);
        if (expected < limit) {
          this.dropped(found.number, found.sizeBytes, limit - expected, 0);
          break;
        }
      }
    }
    this.dropHeld(chain[chain.length - 1]!.found.number);
    this.nextBatch = expected;
    for (const { found } of chain.slice(this.segments.length)) {
      // The same flush went on here, and it did not finish.
      this.dropped(found.number, 0, 1, found.sizeBytes);
      this.obsolete.push(found.path);
    }
    // Segments of lives in which nothing happened: as if they had not been, their batch numbers included.
    while (this.segments.length > 0 && this.segments[this.segments.length - 1]!.meaningfulRecords === 0) {
      const empty = this.segments[this.segments.length - 1]!;
      if (this.rottenBatches > 0 || this.droppedBatches > 0) break;
      this.segments.pop();
      this.nextBatch = empty.firstBatch;
      this.obsolete.push(empty.path);
    }
    if (this.segments.length === 0) this.checkpoint = 0; // the log begins anew
  }

  /** Returns the number of the next batch; negated if the log ends here. */
  private async replaySegment(
    segment: Segment,
    file: LogFile,
    sizeBytes: number,
    expected: number,
    limit: number,
  ): Promise<number> {
    const { blockBytes } = segment;
    const { header, logId, synced } = this;
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
    this.checkpointing = 0;
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
    block.sequencedBytes += indexBatch(block, buffer, header);
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
        segment.meaningfulRecords++;
        this.options.replay(type, sequenceAt(buffer, at), buffer, start, start + payloadBytes);
        at = start + payloadBytes;
        continue;
      }
      const start = at + UNSEQUENCED_HEADER_BYTES;
      at = start + payloadBytes;
      if (type < LOG_OWN) {
        this.clean = false;
        this.records++;
        segment.meaningfulRecords++;
        this.options.replay(type, 0, buffer, start, at);
      } else {
        this.clean = type === RECORD_STOP;
        if (type !== RECORD_START && type !== RECORD_STOP) {
          segment.meaningfulRecords++;
          this.own(segment, type, buffer, start, at);
        }
      }
    }
  }

  private own(segment: Segment, type: number, buffer: Buffer, start: number, end: number): void {
    if (type === RECORD_CHECKPOINT_BEGIN) this.checkpointing = segment.number;
    else if (type === RECORD_TABLE) this.tables.read(buffer, start);
    else if (type === RECORD_GONE) this.tables.readGone(buffer, start, end);
    else if (type === RECORD_CHECKPOINT_END && buffer.readUInt32LE(start) === this.checkpointing) {
      this.checkpoint = this.checkpointing;
    }
  }

  private keep(block: SegmentBlock, buffer: Buffer): void {
    markOnDisk(block);
    if (block.firstSeq >= 0) {
      this.blocks.push(block);
      block.segment.blocks.push(block);
      block.records = block.count;
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
