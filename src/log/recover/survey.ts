/**
 * The survey of a log's files, before anything is read in order: which of them make up the log, which segment is the last,
 * how far everything is known to have been on disk, and whether a file is missing, foreign or newer.
 *
 * Only the headers and the last segment are read. Nothing is changed before it is clear that the log can be used.
 */
import { join } from 'node:path';
import { LogRefused } from '../events.ts';
import { readFully } from '../files/files.ts';
import { BatchHeader, findBatch } from '../format/batch.ts';
import {
  FORMAT_VERSION,
  GROUPED_VERSION,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentNumber,
} from '../format/segment.ts';
import { COMPACTING_SUFFIX } from '../reclaim/compaction.ts';
import { isSpareName, RESERVE_NAME } from '../write/disk-space.ts';
import { chooseChain } from './chain.ts';
import type { ChainLink, FoundSegment, SegmentScan, SurveyOptions } from './found-segment.ts';

export class Survey {
  logId: Buffer | undefined = undefined;
  /** The segments to be replayed, from the one where a checkpoint begins to the last; empty if there is no log. */
  chain: ChainLink[] = [];
  /** Segment files older than that: needed if the checkpoint says so. */
  older: FoundSegment[] = [];
  /** Everything up to this batch is known to have been on disk. */
  synced = 0;
  /** No segment has had this number. */
  nextSegment = 1;
  /** Names of the files that hold room and nothing else. */
  readonly spares: string[] = [];
  /** There is not one segment file. */
  fresh = true;
  /** Files to be removed once the new segment, which does not need them, is on disk. */
  readonly obsolete: string[] = [];
  /** Bytes of files that were set aside. */
  damagedBytes = 0;

  private readonly options: SurveyOptions;
  private readonly defaultBlockBytes: number;
  private readonly header = new BatchHeader();
  private readonly damaged: FoundSegment[] = [];

  /** @param defaultBlockBytes taken for segments whose header is unreadable */
  constructor(options: SurveyOptions, defaultBlockBytes: number) {
    this.options = options;
    this.defaultBlockBytes = defaultBlockBytes;
  }

  /** Throws LogRefused. */
  async run(): Promise<void> {
    const found = await this.look();
    this.fresh = found.length === 0;
    for (const { number } of found) if (number >= this.nextSegment) this.nextSegment = number + 1;
    const { tail, scan } = await this.findTail(found);
    if (tail !== undefined && scan !== undefined) {
      this.logId ??= scan.logId;
      this.synced = scan.synced;
      this.chain = await chooseChain(this.options, this.logId ?? null, {
        found,
        tail,
        checkpoint: scan.checkpoint,
        scan: (file) => this.scan(file),
      });
      this.sortOut(found, tail);
    }
    for (const { path, sizeBytes } of this.damaged) {
      const as = `${path}.damaged`;
      await this.options.files.rename(path, as);
      this.damagedBytes += sizeBytes;
      this.options.report({ kind: 'set-aside', file: path, as });
    }
  }

  /** Lists the segment files and reads their headers. */
  private async look(): Promise<FoundSegment[]> {
    const { files, directory } = this.options;
    const found: FoundSegment[] = [];
    for (const name of await files.list(directory)) {
      if (name === RESERVE_NAME || isSpareName(name)) this.spares.push(name);
      // Half of a rewritten segment: the one it was to replace is still there.
      if (name.endsWith(COMPACTING_SUFFIX)) this.obsolete.push(join(directory, name));
      const number = segmentNumber(name);
      if (number === 0) continue;
      const path = join(directory, name);
      const file = await files.open(path, 'read');
      try {
        const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
        let header = readSegmentHeader(buffer, await readFully(file, buffer, SEGMENT_HEADER_BYTES, 0));
        if (header !== undefined && header.version !== FORMAT_VERSION && header.version !== GROUPED_VERSION) {
          throw new LogRefused(
            `${path} has format version ${header.version}, ${header.version > FORMAT_VERSION ? 'written by a newer version' : 'from before the first release'}; this one reads versions ${FORMAT_VERSION} and ${GROUPED_VERSION}`,
          );
        }
        // A used file that was renamed for its next use, which never came.
        if (header !== undefined && header.number !== number) header = undefined;
        const blockBytes = header?.blockBytes ?? this.defaultBlockBytes;
        found.push({ number, path, sizeBytes: await file.sizeBytes(), blockBytes, header });
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
  private async findTail(found: readonly FoundSegment[]): Promise<{ tail?: FoundSegment; scan?: SegmentScan }> {
    for (let i = found.length - 1; i >= 0; i--) {
      const file = found[i]!;
      const scan = await this.scan(file);
      if (scan.batches > 0) return { tail: file, scan };
      if (scan.traces || file.header !== undefined) {
        // Perhaps a torn first flush, perhaps a whole segment gone bad: kept for whoever wants to look.
        this.damaged.push(file);
      } else {
        this.obsolete.push(file.path);
        this.options.report({ kind: 'leftover', file: file.path });
      }
    }
    return {};
  }

  /** Looks through one segment for the highest known sync and the oldest needed segment. */
  private async scan(found: FoundSegment): Promise<SegmentScan> {
    let batches = 0;
    let traces = false;
    let synced = 0;
    let checkpoint = found.header?.checkpoint ?? 0;
    let generation = found.header?.generation ?? 0;
    let firstBatch = found.header?.firstBatch ?? 0;
    let { logId } = this;
    const { header } = this;
    const blockBytes = found.blockBytes;
    const file = await this.options.files.open(found.path, 'read');
    try {
      const buffer = Buffer.allocUnsafeSlow(blockBytes);
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
          if (header.checkpoint > checkpoint) checkpoint = header.checkpoint;
          generation = header.generation;
          at = header.end;
        }
      }
    } finally {
      await file.close();
    }
    return { batches, traces, synced, checkpoint, firstBatch, generation, logId };
  }

  /** Files that are neither replayed nor older than what is: nothing is in them. */
  private sortOut(found: readonly FoundSegment[], tail: FoundSegment): void {
    const start = this.chain[0]!.found.number;
    for (const file of found) {
      if (file.number < start) this.older.push(file);
      else if (file.number <= tail.number && !this.chain.some((link) => link.found === file)) {
        this.obsolete.push(file.path);
        this.options.report({ kind: 'leftover', file: file.path });
      }
    }
  }
}
