/**
 * Finding out which files make up a log, before anything is read in order: which segment is the last, how far everything
 * is known to have been on disk, and whether a file is missing, foreign or newer.
 *
 * Only the headers and the last segment are read. Nothing is changed before it is clear that the log can be used.
 */
import { join } from 'node:path';
import { BatchHeader, findBatch } from './batch.ts';
import { type LogEvent, LogRefused } from './events.ts';
import { type FileSystem, readFully } from './files.ts';
import {
  FORMAT_VERSION,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from './segment.ts';
import { RESERVE_NAME } from './segment-files.ts';

export interface SurveyOptions {
  readonly files: FileSystem;
  readonly directory: string;
  report(event: LogEvent): void;
}

/** A file with a segment's name. */
export interface Found {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
  readonly blockBytes: number;
  /** Undefined if it is unreadable. */
  readonly header: SegmentHeader | undefined;
}

/** A segment of the log, and the number of the first batch in it. */
export interface Link {
  readonly found: Found;
  readonly firstBatch: number;
}

/** What the batches of one segment say. */
export interface Scan {
  /** Sound ones. */
  readonly batches: number;
  /** Something that looks like a batch is there, sound or not. */
  readonly traces: boolean;
  readonly synced: number;
  readonly oldest: number;
  readonly firstBatch: number;
  readonly logId: Buffer | undefined;
}

export class Survey {
  logId: Buffer | undefined = undefined;
  /** The log's segments from the oldest needed one to the last; empty if there is no log. */
  chain: Link[] = [];
  /** Everything up to this batch is known to have been on disk. */
  synced = 0;
  /** No segment has had this number. */
  nextSegment = 1;
  hasReserve = false;
  /** There is not one segment file. */
  fresh = true;
  /** Files to be removed once the new segment, which does not need them, is on disk. */
  readonly obsolete: string[] = [];
  /** Bytes of files that were set aside. */
  damagedBytes = 0;

  private readonly options: SurveyOptions;
  private readonly defaultBlockBytes: number;
  private readonly header = new BatchHeader();
  private readonly damaged: Found[] = [];

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
      this.chain = await this.follow(found, tail, scan);
    }
    for (const { path, sizeBytes } of this.damaged) {
      const as = `${path}.damaged`;
      await this.options.files.rename(path, as);
      this.damagedBytes += sizeBytes;
      this.options.report({ kind: 'set-aside', file: path, as });
    }
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
  private async findTail(found: readonly Found[]): Promise<{ tail?: Found; scan?: Scan }> {
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
  private async scan(found: Found): Promise<Scan> {
    let batches = 0;
    let traces = false;
    let synced = 0;
    let oldest = found.header?.oldest ?? 0;
    let highest = 0;
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
          if (header.number > highest) {
            highest = header.number;
            oldest = header.oldest;
          }
          at = header.end;
        }
      }
    } finally {
      await file.close();
    }
    return { batches, traces, synced, oldest, firstBatch, logId };
  }

  /** Follows the links back from the tail to the oldest segment that is needed; refuses when one is missing. */
  private async follow(found: readonly Found[], tail: Found, scan: Scan): Promise<Link[]> {
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
}
