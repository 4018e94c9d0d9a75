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
import type { Tables } from '../format/own-records.ts';
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
      await readCompacted(file, logId, found, segment);
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
    finishBlock(block);
  }
}

/** A compacted segment: each batch is a block of its own, and they lie one behind the other. */
async function readCompacted(
  file: LogFile,
  logId: Buffer | null,
  found: FoundSegment,
  segment: Segment,
): Promise<void> {
  const { blockBytes, sizeBytes } = found;
  const header = new BatchHeader();
  const buffer = Buffer.allocUnsafeSlow(2 * blockBytes); // so that what begins in the first half is there whole
  for (let position = SEGMENT_HEADER_BYTES; position < sizeBytes; ) {
    const length = await readFully(file, buffer, buffer.length, position);
    let at = 0;
    while (at < blockBytes && findBatch(buffer, at, length, logId, segment.number, 0, header)) {
      segment.generation = header.generation;
      const block = new SegmentBlock(segment, segment.blocks.length, position + header.at);
      block.sequencedBytes = indexBatch(block, buffer, header);
      at = align8(header.end);
      block.end = at - header.at;
      finishBlock(block);
    }
    position += Math.max(at, blockBytes);
  }
}

function finishBlock(block: SegmentBlock): void {
  block.records = block.count;
  markOnDisk(block);
  if (block.firstSeq >= 0) block.segment.blocks.push(block);
  block.evict();
}
