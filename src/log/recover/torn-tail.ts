/** Torn tails: the remains of a flush that did not finish, measured for the report. None of it was ever confirmed. */
import type { Segment } from '../blocks/segment.ts';
import { type LogFile, readFully } from '../files/files.ts';
import { BATCH_HEADER_BYTES, BatchHeader, findBatch, isForeignBatch } from '../format/batch.ts';

/** A range of a segment's file, bytes. */
export interface TornRange {
  readonly offset: number;
  readonly batches: number;
  readonly bytes: number;
}

/** Where the log ends: at `at` of block `index`, whose bytes have been read already. */
export interface TornAt {
  readonly index: number;
  readonly at: number;
  readonly buffer: Buffer;
  readonly length: number;
  /** The number of the first batch that does not count. */
  readonly expected: number;
}

/** Counts the sound batches from there on: later ones of the same flush that reached the disk. */
export async function measureTail(
  segment: Segment,
  file: LogFile,
  sizeBytes: number,
  logId: Buffer | null,
  torn: TornAt,
): Promise<TornRange> {
  const { blockBytes } = segment;
  const { index, at, expected } = torn;
  const header = new BatchHeader();
  const offset = index * blockBytes + at;
  let end = offset;
  let batches = 0;
  const buffer = Buffer.allocUnsafe(blockBytes);
  for (let i = index; i * blockBytes < sizeBytes; i++) {
    const bytes = i === index ? torn.buffer : buffer;
    const length = i === index ? torn.length : await readFully(file, buffer, blockBytes, i * blockBytes);
    let from = i === index ? at : 0;
    while (findBatch(bytes, from, length, logId, segment.number, expected, header)) {
      batches++;
      from = header.end;
      end = i * blockBytes + header.end;
    }
  }
  return { offset, batches, bytes: end - offset };
}

/** Looks for the beginning of an unsound batch behind `firmAt`, where the last sound one ends; undefined if there is none. */
export async function findTrace(
  segment: Segment,
  file: LogFile,
  firmAt: number,
  sizeBytes: number,
): Promise<TornRange | undefined> {
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
    return { offset, batches: 1, bytes: Math.min(bytes, blockBytes, sizeBytes - offset) };
  }
  return undefined;
}
