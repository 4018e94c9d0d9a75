/**
 * Offline reading: a log is verified or dumped without being opened. Nothing is changed, repaired, or made safe. For tools
 * that a person runs while the broker is not running. Of one that is running they see what is on the disk as they read, and a
 * write that is under way looks like a torn end to them; who has the directory is for the caller to find out.
 *
 * `verifyLog` does all that a start does, with the same judgement, and also reads what a start takes on trust: every batch of
 * the segments before the checkpoint. `dumpLog` shows every sound record of every segment that belongs to the log, in order.
 */

import { ResidentBlocks } from '../blocks/resident-blocks.ts';
import type { SegmentBlock } from '../blocks/segment.ts';
import type { LogEvent, RecoveryReport } from '../events.ts';
import { type FileSystem, type LogFile, readFully } from '../files/files.ts';
import { align8, BatchHeader, findBatch } from '../format/batch.ts';
import { readDirectory } from '../format/directory.ts';
import {
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';
import { GROUPED_VERSION, SEGMENT_HEADER_BYTES } from '../format/segment.ts';
import type { FoundSegment } from '../recover/found-segment.ts';
import { recoverLog } from '../recover/recovery.ts';
import { Survey } from '../recover/survey.ts';

const DEFAULT_BLOCK_BYTES = 1024 * 1024;

export interface OfflineOptions {
  readonly files: FileSystem;
  /** The log's own directory, the one with the segments. */
  readonly directory: string;
}

export interface Verified {
  /** What a start would find in what it replays; `clean` and `fresh` as it would see them. */
  readonly recovery: RecoveryReport;
  /** What is wrong, or was left behind, in the order found; `recovered` is not among them. */
  readonly events: readonly LogEvent[];
  /** Segments, and in those that a start does not replay: batches, records with a number, bytes. */
  readonly segments: number;
  /** The number of the newest one; 0 if there is none. A broker that is running writes to it. */
  readonly newestSegment: number;
  readonly olderBatches: number;
  readonly olderRecords: number;
  readonly olderBytes: number;
  /** Nothing is damaged. A torn tail is no damage: nothing in it was ever confirmed. */
  readonly sound: boolean;
}

/** Throws LogRefused, with the reason, for a log that a start would refuse. */
export async function verifyLog(options: OfflineOptions): Promise<Verified> {
  const files = withoutWriting(options.files);
  const { directory } = options;
  const events: LogEvent[] = [];
  const report = (event: LogEvent): void => {
    if (event.kind !== 'recovered') events.push(event);
  };
  const recovered = await recoverLog(
    { files, directory, report, replay: () => {} },
    new ResidentBlocks<SegmentBlock>(DEFAULT_BLOCK_BYTES, 0),
  );
  const survey = await surveyed({ files, directory });
  const older = { batches: 0, records: 0, bytes: 0 };
  const named = new Set(recovered.segments.map(({ number }) => number));
  for (const found of survey.older) {
    if (!named.has(found.number)) continue; // a leftover
    const next = survey.older.find(({ number }) => number > found.number) ?? survey.chain[0]?.found;
    await check(files, survey.logId, found, next?.header?.previous === found.number ? next : undefined, older, report);
  }
  // The last one is not among the recovery's while nothing in it has been settled by a stop.
  const segments = [...survey.older, ...survey.chain.map(({ found }) => found)].map(({ number }) => number);
  return {
    recovery: recovered.report,
    events,
    segments: new Set([...segments, ...named]).size,
    newestSegment: Math.max(0, ...segments, ...named),
    olderBatches: older.batches,
    olderRecords: older.records,
    olderBytes: older.bytes,
    sound: !events.some(({ kind }) => UNSOUND.has(kind)),
  };
}

const UNSOUND: ReadonlySet<LogEvent['kind']> = new Set([
  'rot',
  'header-rot',
  'directory-rot',
  'incomplete-unit',
  'checkpoint-damaged',
]);

/** Reads every batch of a segment that a start would not read, and reports numbers that are not there. */
async function check(
  files: FileSystem,
  logId: Buffer | undefined,
  found: FoundSegment,
  next: FoundSegment | undefined,
  counts: { batches: number; records: number; bytes: number },
  report: (event: LogEvent) => void,
): Promise<void> {
  const compacted = (found.header?.generation ?? 0) > 0;
  let expected = compacted ? 1 : (found.header?.firstBatch ?? 0);
  const missing = (to: number, offset: number): void => {
    report({ kind: 'rot', segment: found.number, offset, batches: to - expected, bytes: 0 });
  };
  let offset = SEGMENT_HEADER_BYTES;
  // Between batches there are directories, of the batches since the one before.
  const grouped = found.header?.version === GROUPED_VERSION;
  const gaps: Gap[] = [];
  await walk(files, logId, found, (buffer, header, position) => {
    if (position > offset) gaps.push({ from: offset, to: position, damaged: header.number !== expected });
    if (expected > 0 && header.number > expected) missing(header.number, offset);
    expected = header.number + 1;
    offset = position + align8(header.end) - header.at;
    counts.batches++;
    counts.bytes += header.payloadBytes;
    eachRecord(buffer, header, (type) => {
      if (type < UNSEQUENCED) counts.records++;
    });
  });
  const end = next?.header?.firstBatch ?? 0;
  if (!compacted && expected < end) missing(end, offset);
  // A rewritten segment ends with its last batch, or the directory of it.
  if (grouped)
    await checkDirectories(
      files,
      logId,
      found,
      [...gaps, { from: offset, to: found.sizeBytes, damaged: false }],
      report,
    );
  else if (compacted && offset < found.sizeBytes) missing(expected + 1, offset);
}

/** What lies between two batches. */
interface Gap {
  readonly from: number;
  readonly to: number;
  /** A batch was there. */
  readonly damaged: boolean;
}

async function checkDirectories(
  files: FileSystem,
  logId: Buffer | undefined,
  found: FoundSegment,
  gaps: readonly Gap[],
  report: (event: LogEvent) => void,
): Promise<void> {
  const generation = found.header?.generation ?? 0;
  const file = await files.open(found.path, 'read');
  try {
    let part: number | undefined = SEGMENT_HEADER_BYTES;
    for (const { from, to, damaged } of gaps) {
      const buffer = Buffer.allocUnsafeSlow(to - from);
      const length = await readFully(file, buffer, buffer.length, from);
      const segment = { number: found.number, generation };
      const sound =
        part === undefined || readDirectory(buffer, 0, length, logId ?? null, segment, from - part) !== undefined;
      if (!damaged && !sound) report({ kind: 'directory-rot', segment: found.number, offset: from });
      part = damaged ? undefined : to;
    }
  } finally {
    await file.close();
  }
}

/** One record as `dumpLog` shows it; the same object each time. */
export interface DumpedRecord {
  segment: number;
  /** Where in the file its batch begins, and that batch's number. */
  offset: number;
  batch: number;
  /** Below 250 the owner's. */
  type: number;
  /** 0 for a record without a number. */
  seq: number;
  buffer: Buffer;
  start: number;
  end: number;
}

/**
 * Calls `visit` for every sound record of the log, in the order they were written; of segments before the checkpoint too,
 * though a start would not replay those. Returns early when `visit` returns false. Throws LogRefused as a start would.
 */
export async function dumpLog(
  options: OfflineOptions,
  visit: (record: Readonly<DumpedRecord>) => boolean | undefined,
): Promise<void> {
  const files = withoutWriting(options.files);
  const survey = await surveyed({ files, directory: options.directory });
  const record: DumpedRecord = {
    segment: 0,
    offset: 0,
    batch: 0,
    type: 0,
    seq: 0,
    buffer: Buffer.alloc(0),
    start: 0,
    end: 0,
  };
  let goOn = true;
  const { chain } = survey;
  const segments = [...survey.older, ...chain.map(({ found }) => found)];
  for (const found of segments) {
    // What lies behind the number with which the next segment begins was torn off.
    const at = chain.findIndex((link) => link.found === found);
    const limit = at < 0 ? Number.POSITIVE_INFINITY : (chain[at + 1]?.firstBatch ?? Number.POSITIVE_INFINITY);
    await walk(files, survey.logId, found, (buffer, header, position) => {
      if (!goOn || header.number >= limit) return;
      record.segment = found.number;
      record.offset = position;
      record.batch = header.number;
      record.buffer = buffer;
      eachRecord(buffer, header, (type, seq, start, end) => {
        if (!goOn) return;
        record.type = type;
        record.seq = seq;
        record.start = start;
        record.end = end;
        goOn = visit(record) !== false;
      });
    });
    if (!goOn) return;
  }
}

async function surveyed(options: OfflineOptions): Promise<Survey> {
  const survey = new Survey({ ...options, report: () => {} }, DEFAULT_BLOCK_BYTES);
  await survey.run();
  return survey;
}

/** Calls `visit` for each sound batch of a file whose number goes up; `position` is where in the file it begins. */
async function walk(
  files: FileSystem,
  logId: Buffer | undefined,
  found: FoundSegment,
  visit: (buffer: Buffer, header: BatchHeader, position: number) => void,
): Promise<void> {
  const { blockBytes, sizeBytes } = found;
  const header = new BatchHeader();
  // Two blocks' room: in a compacted segment a batch may cross from one to the next.
  const buffer = Buffer.allocUnsafeSlow(2 * blockBytes);
  const file = await files.open(found.path, 'read');
  try {
    let lowest = 0;
    let from = SEGMENT_HEADER_BYTES;
    for (let block = 0; block < sizeBytes; block += blockBytes) {
      const length = await readFully(file, buffer, buffer.length, block);
      let at = Math.max(0, from - block);
      while (at < blockBytes && findBatch(buffer, at, length, logId ?? null, found.number, lowest, header)) {
        if (header.at >= blockBytes) break; // it is the next block's
        visit(buffer, header, block + header.at);
        lowest = header.number + 1;
        at = align8(header.end);
      }
      from = block + Math.max(at, blockBytes);
    }
  } finally {
    await file.close();
  }
}

function eachRecord(
  buffer: Buffer,
  header: BatchHeader,
  visit: (type: number, seq: number, start: number, end: number) => void,
): void {
  for (let at = header.payloadStart; at < header.end; ) {
    const type = buffer[at]!;
    const payloadBytes = payloadBytesAt(buffer, at);
    const start = at + (type < UNSEQUENCED ? SEQUENCED_HEADER_BYTES : UNSEQUENCED_HEADER_BYTES);
    visit(type, type < UNSEQUENCED ? sequenceAt(buffer, at) : 0, start, start + payloadBytes);
    at = start + payloadBytes;
  }
}

/** The same files, of which nothing can be changed: what would change them does nothing. */
function withoutWriting(files: FileSystem): FileSystem {
  const nothing = async (): Promise<void> => {};
  return {
    async open(path) {
      const file = await files.open(path, 'read');
      const reading: LogFile = {
        path,
        write: (_buffers, _position, done) => done(new Error(`${path} is only being looked at`)),
        read: (into, offset, bytes, position, done) => file.read(into, offset, bytes, position, done),
        sync: (done) => done(undefined),
        sizeBytes: () => file.sizeBytes(),
        truncate: nothing,
        close: () => file.close(),
      };
      return reading;
    },
    list: (directory) => files.list(directory),
    readText: (path) => files.readText(path),
    makeDirectory: nothing,
    syncDirectory: nothing,
    rename: nothing,
    remove: nothing,
    removeDirectory: nothing,
    createExclusive: async () => false,
  };
}
