/**
 * Segments before the one where replay begins. Nothing in them is replayed: a start needs to know only which numbers lie in
 * which of their blocks, and reads that from the checkpoint's tables. A segment that was compacted after its table was
 * written, or whose header is unreadable, is read through.
 *
 *     named by a table ──file there, same generation──▶ used as the table says
 *                      ──file there, another one──────▶ read through
 *                      ──no file──────────────────────▶ refused
 *     named by none ───────────────────────────────────▶ a leftover: removed
 */
import { join } from 'node:path';
import { indexBatch } from '../blocks/block.ts';
import { coldBlock, markOnDisk, Segment, SegmentBlock } from '../blocks/segment.ts';
import { LogRefused } from '../events.ts';
import { type LogFile, readFully } from '../files/files.ts';
import { align8, BatchHeader, findBatch } from '../format/batch.ts';
import { directoryBytesAt } from '../format/directory.ts';
import type { Tables } from '../format/own-records.ts';
import { eachSequenced, RecordRef } from '../format/record.ts';
import { SEGMENT_HEADER_BYTES, segmentName } from '../format/segment.ts';
import type { FoundSegment, SurveyOptions } from './found-segment.ts';
import type { Survey } from './survey.ts';

/** Adds to `obsolete` the files that nothing speaks of. */
export async function readOlder(
  options: SurveyOptions,
  logId: Buffer | null,
  survey: Survey,
  tables: Tables,
  obsolete: string[],
): Promise<Segment[]> {
  const replayFrom = survey.chain[0]!.found.number;
  const segments: Segment[] = [];
  const byNumber = new Map(survey.older.map((found) => [found.number, found]));
  for (const table of tables.bySegment.values()) {
    if (table.segment >= replayFrom) continue; // read as a whole
    const found = byNumber.get(table.segment);
    if (found === undefined) {
      throw new LogRefused(
        `${join(options.directory, segmentName(table.segment))} is missing: messages in it are still needed`,
      );
    }
    byNumber.delete(table.segment);
    const segment = new Segment(found.number, found.path, found.blockBytes);
    segment.sealed = true;
    segment.fileBytes = found.sizeBytes;
    if (found.header !== undefined && found.header.generation === table.generation) {
      segment.generation = table.generation;
      for (const entry of table.entries) segment.blocks.push(coldBlock(segment, entry));
    } else await readThrough(options, logId, found, segment);
    segments.push(segment);
  }
  for (const { path } of byNumber.values()) {
    obsolete.push(path);
    options.report({ kind: 'leftover', file: path });
  }
  return segments.sort((a, b) => a.number - b.number);
}

/** Finds out from a segment's batches which numbers lie where. */
async function readThrough(
  options: SurveyOptions,
  logId: Buffer | null,
  found: FoundSegment,
  segment: Segment,
): Promise<void> {
  if (found.header === undefined) options.report({ kind: 'header-rot', segment: found.number });
  const file = await options.files.open(found.path, 'read');
  try {
    if ((found.header?.generation ?? 0) === 0) await readWritten(file, logId, found, segment);
    if (segment.generation > 0 || (found.header?.generation ?? 0) > 0) {
      segment.blocks.length = 0;
      await readRewritten(file, logId, found, segment);
    }
  } finally {
    await file.close();
  }
}

/** A segment as it was written: batches keep to blocks. */
async function readWritten(file: LogFile, logId: Buffer | null, found: FoundSegment, segment: Segment): Promise<void> {
  const { blockBytes, sizeBytes } = found;
  const header = new BatchHeader();
  const buffer = Buffer.allocUnsafeSlow(blockBytes);
  for (let index = 0; index * blockBytes < sizeBytes; index++) {
    const length = await readFully(file, buffer, blockBytes, index * blockBytes);
    const block = new SegmentBlock(segment, index);
    for (let at = block.start; findBatch(buffer, at, length, logId, segment.number, 0, header); ) {
      segment.generation = header.generation;
      block.sequencedBytes += indexBatch(block, buffer, header);
      at = align8(header.end);
      block.end = at;
    }
    block.records = block.count;
    finishBlock(block);
  }
}

/**
 * A rewritten segment: batches lie one behind the other. Each is a block of its own; but those before a directory, or whose numbers do not
 * go up, are a part in the order of groups.
 */
async function readRewritten(
  file: LogFile,
  logId: Buffer | null,
  found: FoundSegment,
  segment: Segment,
): Promise<void> {
  const { blockBytes, sizeBytes } = found;
  const header = new BatchHeader();
  const ref = new RecordRef();
  const buffer = Buffer.allocUnsafeSlow(2 * blockBytes); // so that what begins in the first half is there whole
  /** Blocks since the last directory. */
  let part: SegmentBlock[] = [];
  const endPart = (directoryBytes: number): void => {
    const all = part;
    part = [];
    const ordered = all.every((block, i) => i === 0 || block.firstSeq > all[i - 1]!.lastSeq) && all.every(isOrdered);
    if (all.length === 0 || (directoryBytes === 0 && ordered)) {
      for (const block of all) finishBlock(block);
      return;
    }
    const grouped = joined(segment, all);
    grouped.directoryBytes = directoryBytes;
    finishBlock(grouped);
    segment.settled = true;
  };
  let directoryEnd = 0;
  for (let position = SEGMENT_HEADER_BYTES; position < sizeBytes; ) {
    const length = await readFully(file, buffer, buffer.length, position);
    let at = 0;
    while (at < blockBytes) {
      const directoryBytes = directoryBytesAt(buffer, at, length, logId, segment.number);
      const batches = part[part.length - 1];
      if (directoryBytes > 0 && batches !== undefined && batches.position + batches.end === position + at) {
        // Whether it is sound shows when it is read.
        endPart(directoryBytes);
        directoryEnd = position + at + directoryBytes;
        at += directoryBytes;
        continue;
      }
      const there = findBatch(buffer, at, length, logId, segment.number, 0, header);
      if (!there || position + header.at < directoryEnd) break;
      segment.generation = header.generation;
      const block = new SegmentBlock(segment, 0, position + header.at);
      eachSequenced(buffer, header.payloadStart, header.end, ref, count, { block, ref });
      block.sequencedBytes = header.payloadBytes;
      at = align8(header.end);
      block.end = at - header.at;
      if (block.records > 0) part.push(block);
    }
    position += Math.max(at, blockBytes);
  }
  endPart(0);
}

/** Numbers of a batch do not come in their order. */
const unordered = new WeakSet<SegmentBlock>();
const isOrdered = (block: SegmentBlock): boolean => !unordered.has(block);

function count({ block, ref: { seq } }: { readonly block: SegmentBlock; readonly ref: RecordRef }): void {
  if (seq < block.lastSeq) unordered.add(block);
  if (block.firstSeq < 0 || seq < block.firstSeq) block.firstSeq = seq;
  block.lastSeq = Math.max(block.lastSeq, seq);
  block.records++;
}

/** One block of several that lie one behind the other. */
function joined(segment: Segment, blocks: readonly SegmentBlock[]): SegmentBlock {
  const [first, last] = [blocks[0]!, blocks[blocks.length - 1]!];
  const all = new SegmentBlock(segment, 0, first.position);
  all.end = last.position + last.end - first.position;
  all.grouped = true;
  all.firstSeq = first.firstSeq;
  for (const block of blocks) {
    all.firstSeq = Math.min(all.firstSeq, block.firstSeq);
    all.lastSeq = Math.max(all.lastSeq, block.lastSeq);
    all.records += block.records;
    all.sequencedBytes += block.sequencedBytes;
  }
  return all;
}

function finishBlock(block: SegmentBlock): void {
  markOnDisk(block);
  block.index = block.segment.blocks.length;
  if (block.firstSeq >= 0) block.segment.blocks.push(block);
  block.evict();
}
