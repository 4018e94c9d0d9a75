/**
 * Finding out which files make up a log, before anything is read in order: which segment is the last, how far everything
 * is known to have been on disk, and whether a file is missing, foreign or newer.
 *
 * Only the headers and the last segment are read. Nothing is changed before it is clear that the log can be used.
 */
import { join } from 'node:path';
import { type LogEvent, LogRefused } from '../events.ts';
import { type FileSystem, readFully } from '../files/files.ts';
import { align8, BatchHeader, findBatch, readBatch } from '../format/batch.ts';
import { RECORD_CHECKPOINT_BEGIN, RECORD_CHECKPOINT_END } from '../format/own-records.ts';
import { payloadBytesAt, SEQUENCED_HEADER_BYTES, UNSEQUENCED, UNSEQUENCED_HEADER_BYTES } from '../format/record.ts';
import {
  FORMAT_VERSION,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from '../format/segment.ts';
import { COMPACTING_SUFFIX } from '../reclaim/compaction.ts';
import { isSpareName, RESERVE_NAME } from '../write/disk-space.ts';

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
  /** Where replay may begin, according to the last of them that says so. */
  readonly checkpoint: number;
  readonly firstBatch: number;
  /** Compactions it went through. */
  readonly generation: number;
  readonly logId: Buffer | undefined;
}

export class Survey {
  logId: Buffer | undefined = undefined;
  /** The segments to be replayed, from the one where a checkpoint begins to the last; empty if there is no log. */
  chain: Link[] = [];
  /** Segment files older than that: needed if the checkpoint says so. */
  older: Found[] = [];
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
      this.chain = await this.choose(found, tail, scan);
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
  private async look(): Promise<Found[]> {
    const { files, directory } = this.options;
    const found: Found[] = [];
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
        if (header !== undefined && header.version !== FORMAT_VERSION) {
          throw new LogRefused(
            `${path} has format version ${header.version}, ${header.version > FORMAT_VERSION ? 'written by a newer version' : 'from before the first release'}; this one reads version ${FORMAT_VERSION}`,
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

  /**
   * Finds the segment to begin with: where the last checkpoint known to be on disk begins; if that one is damaged, an older
   * or newer one that is whole, together with every segment from there on. Refuses when there is none.
   */
  private async choose(found: readonly Found[], tail: Found, scan: Scan): Promise<Link[]> {
    const named = new Set<number>();
    for (let number = scan.checkpoint; number > 0 && !named.has(number); ) {
      named.add(number);
      const file = found.find((candidate) => candidate.number === number);
      number = file === undefined ? 0 : (file.header?.checkpoint ?? (await this.scan(file)).checkpoint);
    }
    let reason: string | undefined;
    const others = found.map(({ number }) => number).filter((number) => !named.has(number) && number <= tail.number);
    for (const start of [...named, ...others.reverse()]) {
      const chain = await this.follow(found, start, tail);
      const wrong = typeof chain === 'string' ? chain : await this.verify(chain, found[0]!);
      if (typeof chain !== 'string' && wrong === undefined) {
        if (start !== scan.checkpoint) {
          this.options.report({ kind: 'checkpoint-damaged', segment: scan.checkpoint, instead: start });
        }
        return chain;
      }
      reason ??= wrong;
    }
    throw new LogRefused(reason ?? `${this.options.directory}: no checkpoint is there to begin with`);
  }

  /** Follows the links back from the tail to `start`; or says which segment is not there. */
  private async follow(found: readonly Found[], start: number, tail: Found): Promise<Link[] | string> {
    const byNumber = new Map(found.map((file) => [file.number, file]));
    const chain: Link[] = [];
    let file: Found = tail;
    for (;;) {
      let previous: number;
      if (file.header !== undefined) {
        previous = file.header.previous;
        chain.unshift({ found: file, firstBatch: file.header.firstBatch });
        if (file.header.generation > 0) return `${file.path} was compacted: what it said about older messages is gone`;
      } else {
        // Its batches say what its header does not, all but the link: that is to the file before.
        const { number } = file;
        const { firstBatch, generation } = await this.scan(file);
        chain.unshift({ found: file, firstBatch });
        if (generation > 0) return `${file.path} was compacted: what it said about older messages is gone`;
        previous = found.filter((other) => other.number < number).at(-1)?.number ?? 0;
      }
      if (file.number === start) return chain;
      const path = join(this.options.directory, segmentName(previous < start ? start : previous));
      if (previous < start) return `${path} is missing: the log begins with it`;
      const before = byNumber.get(previous);
      if (before === undefined) return `${path} is missing: segment ${file.number} goes on where it ended`;
      file = before;
    }
  }

  /** Looks whether a whole checkpoint begins the chain; says what is wrong if not. The first segment of all needs none. */
  private async verify(chain: readonly Link[], oldest: Found): Promise<string | undefined> {
    const first = chain[0]!.found;
    if (first.header === undefined ? first === oldest : first.header.previous === 0) return undefined;
    const damaged = `${first.path}: the checkpoint that begins there is damaged, and no other can take its place`;
    let expected = chain[0]!.firstBatch;
    let begun = false;
    for (const { found, firstBatch } of chain) {
      if (firstBatch !== expected) return damaged;
      for await (const batch of this.batches(found)) {
        if (batch.header.number !== expected) return damaged;
        expected++;
        for (const { type, start } of unsequencedRecords(batch)) {
          if (!begun) {
            if (type !== RECORD_CHECKPOINT_BEGIN) return damaged;
            begun = true;
          }
          if (type === RECORD_CHECKPOINT_END && batch.buffer.readUInt32LE(start) === first.number) return undefined;
        }
      }
    }
    return damaged;
  }

  /** The sound batches of a segment, in order; the same object each time. */
  private async *batches(found: Found): AsyncGenerator<{ readonly buffer: Buffer; readonly header: BatchHeader }> {
    const { blockBytes, sizeBytes } = found;
    const buffer = Buffer.allocUnsafeSlow(blockBytes);
    const batch = { buffer, header: new BatchHeader() };
    const file = await this.options.files.open(found.path, 'read');
    try {
      for (let index = 0; index * blockBytes < sizeBytes; index++) {
        const length = await readFully(file, buffer, blockBytes, index * blockBytes);
        let at = index === 0 ? SEGMENT_HEADER_BYTES : 0;
        while (readBatch(buffer, at, length, this.logId ?? null, found.number, batch.header)) {
          yield batch;
          at = align8(batch.header.end);
        }
      }
    } finally {
      await file.close();
    }
  }

  /** Files that are neither replayed nor older than what is: nothing is in them. */
  private sortOut(found: readonly Found[], tail: Found): void {
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

function* unsequencedRecords(batch: { readonly buffer: Buffer; readonly header: BatchHeader }) {
  const { buffer, header } = batch;
  const record = { type: 0, start: 0 };
  for (let at = header.payloadStart; at < header.end; ) {
    const type = buffer[at]!;
    const payloadBytes = payloadBytesAt(buffer, at);
    at += type < UNSEQUENCED ? SEQUENCED_HEADER_BYTES : UNSEQUENCED_HEADER_BYTES;
    if (type >= UNSEQUENCED) {
      record.type = type;
      record.start = at;
      yield record;
    }
    at += payloadBytes;
  }
}
