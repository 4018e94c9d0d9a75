/**
 * Recovery: reads a log back batch by batch, hands the records of whole units to the owner in the order they were written
 * (`unit-replay.ts`), and says in numbers what it could not use and why (`tally.ts`). Which files to read is found out by
 * `survey.ts`. One block is read and replayed at a time, and the event loop runs in between.
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
import { type LogFile, readFully, syncFile } from '../files/files.ts';
import { align8, BatchHeader, findBatch, readBatch } from '../format/batch.ts';
import { SEGMENT_HEADER_BYTES } from '../format/segment.ts';
import type { LogReplica } from '../replica.ts';
import type { ChainLink, SurveyOptions } from './found-segment.ts';
import { readOlder } from './older-segments.ts';
import { Survey } from './survey.ts';
import { RecoveryTally } from './tally.ts';
import { findTrace, measureTail, type TornAt } from './torn-tail.ts';
import { type Replay, UnitReplay } from './unit-replay.ts';

export interface RecoveryOptions extends SurveyOptions {
  readonly replay: Replay;
  /** See `LogOptions.replica`. */
  readonly replica?: LogReplica;
}

/** A log that was read back, and where it goes on. */
export interface RecoveredLog {
  /** Undefined if there was no log. */
  readonly logId: Buffer | undefined;
  /** In order; the caller's to add to. */
  readonly segments: Segment[];
  /** Those of their blocks that hold sequenced records, in order. */
  readonly blocks: readonly SegmentBlock[];
  /** The segment where the last complete checkpoint begins; 0 for a new log. */
  readonly checkpoint: number;
  /** Files to be removed once the new segment, which does not need them, is on disk. */
  readonly obsolete: readonly string[];
  readonly nextBatch: number;
  readonly nextSegment: number;
  /** The highest sequence number that was ever given out, as far as the log knows. */
  readonly lastSeq: number;
  /** Names of the files that hold room and nothing else. */
  readonly spares: readonly string[];
  readonly report: RecoveryReport;
}

/**
 * Reads a log back and replays it. As many blocks as `residents` has room for stay in memory.
 * @throws LogRefused for a log that cannot be used as it is, and the file system's errors
 */
export async function recoverLog(
  options: RecoveryOptions,
  residents: ResidentBlocks<SegmentBlock>,
): Promise<RecoveredLog> {
  const survey = new Survey(options, residents.blockBytes);
  await survey.run();
  const walk = new Recovery(options, residents, survey);
  const recovered = await walk.run();
  options.report({ kind: 'recovered', ...recovered.report });
  return recovered;
}

class Recovery {
  private readonly options: RecoveryOptions;
  private readonly residents: ResidentBlocks<SegmentBlock>;
  private readonly survey: Survey;
  private readonly logId: Buffer | null;
  private readonly tally: RecoveryTally;
  private readonly units: UnitReplay;
  private readonly header = new BatchHeader();
  private readonly segments: Segment[] = [];
  private readonly blocks: SegmentBlock[] = [];
  private readonly obsolete: string[];
  private nextBatch = 1;
  private lastSeq = 0;
  /** A block's bytes that nobody kept, for the next one. */
  private spare: Buffer | undefined = undefined;

  constructor(options: RecoveryOptions, residents: ResidentBlocks<SegmentBlock>, survey: Survey) {
    this.options = options;
    this.residents = residents;
    this.survey = survey;
    this.logId = survey.logId ?? null;
    this.obsolete = [...survey.obsolete];
    this.tally = new RecoveryTally((event) => options.report(event));
    this.tally.droppedBytes = survey.damagedBytes;
    this.units = new UnitReplay(options.replay.bind(options), this.tally);
  }

  async run(): Promise<RecoveredLog> {
    const { survey, tally, units, obsolete, nextBatch } = this;
    const { logId, nextSegment, spares, fresh, chain } = survey;
    if (chain.length === 0) {
      tally.clean = fresh;
      const report = tally.summary(fresh, 0);
      return {
        logId,
        segments: [],
        blocks: [],
        checkpoint: 0,
        obsolete,
        nextBatch,
        nextSegment,
        lastSeq: 0,
        spares,
        report,
      };
    }
    units.checkpoint = chain[0]!.found.number;
    await this.replaySegments(chain);
    const older = await readOlder(this.options, this.logId, survey, units.tables, obsolete);
    const blocks = older.flatMap((segment) => segment.blocks);
    for (const block of blocks) if (block.lastSeq > this.lastSeq) this.lastSeq = block.lastSeq;
    const segments = [...older, ...this.segments];
    return {
      logId,
      segments,
      blocks: [...blocks, ...this.blocks],
      checkpoint: this.segments.length === 0 ? 0 : units.checkpoint, // without any, the log begins anew
      obsolete,
      nextBatch: this.nextBatch,
      nextSegment,
      lastSeq: this.lastSeq,
      spares,
      report: tally.summary(fresh, segments.length),
    };
  }

  private async replaySegments(chain: readonly ChainLink[]): Promise<void> {
    const { tally, units } = this;
    const { synced } = this.survey;
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
      const { batches } = tally;
      const file = await this.options.files.open(found.path, 'update');
      try {
        const next = await this.replaySegment(segment, file, found.sizeBytes, expected, limit);
        // What was only in the page cache when the last life ended is from now on taken to be on disk: make it so.
        await syncFile(file);
        if (found.header === undefined && tally.batches > batches) tally.headerRot(found.number);
        expected = Math.abs(next);
        if (next < 0) break;
      } finally {
        await file.close();
      }
      if (limit !== Number.POSITIVE_INFINITY && expected < limit) {
        // The segment after this one says that more was here.
        const rotten = Math.min(limit, synced + 1) - expected;
        if (rotten > 0) this.lost(found.number, found.sizeBytes, rotten, 0);
        expected += Math.max(0, rotten);
        if (expected < limit) {
          this.dropped(found.number, found.sizeBytes, limit - expected, 0);
          break;
        }
      }
    }
    units.dropHeld(chain[chain.length - 1]!.found.number);
    this.nextBatch = expected;
    for (const { found } of chain.slice(this.segments.length)) {
      // The same flush went on here, and it did not finish.
      this.dropped(found.number, 0, 1, found.sizeBytes);
      this.obsolete.push(found.path);
    }
    // Others have their batches, too.
    if (this.options.replica !== undefined) return;
    // Segments of lives in which nothing happened: as if they had not been, their batch numbers included.
    while (this.segments.length > 0 && this.segments[this.segments.length - 1]!.meaningfulRecords === 0) {
      const empty = this.segments[this.segments.length - 1]!;
      if (tally.damaged) break;
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
  ): Promise<number> {
    const { blockBytes } = segment;
    const { header, logId } = this;
    const { synced } = this.survey;
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
        (readBatch(buffer, at, length, logId, segment.number, header) && header.number >= expected) ||
        findBatch(buffer, at, length, logId, segment.number, expected, header)
      ) {
        if (header.number >= limit) break;
        if (header.number > expected) {
          const missing = header.number - expected;
          if (header.number - 1 > synced) {
            // Not all that is missing was on disk: everything from here on was one flush that did not finish.
            const rotten = Math.max(0, synced + 1 - expected);
            if (rotten > 0) this.lost(segment.number, firmAt, rotten, 0);
            expected += rotten;
            await this.tornAt(segment, file, sizeBytes, { index, at, expected, buffer, length });
            ended = true;
            break;
          }
          this.lost(segment.number, firmAt, missing, index * blockBytes + header.at - firmAt);
          expected = header.number;
        }
        block.sequencedBytes += indexBatch(block, buffer, header);
        if (block.lastSeq > this.lastSeq) this.lastSeq = block.lastSeq;
        this.units.accept(segment, buffer, header);
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
      const trace = await findTrace(segment, file, firmAt, sizeBytes);
      if (trace !== undefined) this.dropped(segment.number, trace.offset, trace.batches, trace.bytes);
    }
    return expected;
  }

  /** Batches that had been on disk and are not readable. */
  private lost(segment: number, offset: number, batches: number, bytes: number): void {
    this.units.interrupted(segment);
    this.tally.lost(segment, offset, batches, bytes);
  }

  /** Batches of a flush that did not finish. */
  private dropped(segment: number, offset: number, batches: number, bytes: number): void {
    this.units.dropHeld(segment);
    this.tally.dropped(segment, offset, batches, bytes);
  }

  /** The log ends here, though later batches of the unfinished flush are there. */
  private async tornAt(segment: Segment, file: LogFile, sizeBytes: number, torn: TornAt): Promise<void> {
    const { offset, batches, bytes } = await measureTail(segment, file, sizeBytes, this.logId, torn);
    this.dropped(segment.number, offset, batches, bytes);
  }

  private keep(block: SegmentBlock, buffer: Buffer): void {
    markOnDisk(block);
    if (block.firstSeq >= 0) {
      this.blocks.push(block);
      block.segment.blocks.push(block);
      block.records = block.count;
      if (this.residents.bytes + buffer.length <= this.residents.budgetBytes) {
        block.buffer = buffer;
        block.resident = true;
        this.residents.admit(block);
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
    if (!this.units.holds(buffer)) this.spare = buffer;
  }
}
