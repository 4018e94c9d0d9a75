/**
 * A batch: what one flush wrote of one block, under one checksum. A batch is there whole, or it is not there.
 *
 *     offset  bytes
 *     0       4      magic "EPB1"
 *     4       4      CRC-32 of everything from offset 8 to the end of the payload
 *     8       8      log id
 *     16      4      segment number
 *     20      4      payload length
 *     24      6      batch number: one more than the batch before, over all segments
 *     30      6      the highest batch number known to be on disk when this one was written
 *     36      4      the segment where replay may begin: the last checkpoint known to be complete and on disk began there
 *     40      4      joined: so many bytes at the front of the payload go on with a unit that an earlier batch began
 *     44      4      open: from here on the payload belongs to a unit that goes on in the next batch; the payload length if
 *                    there is none
 *     48      4      number of records
 *     52      4      generation: 0 as written, one more each time the segment was compacted
 *     56      …      payload: records, one after the other
 *
 * A batch begins at a multiple of eight bytes and never crosses a block. Behind the last one of a flush there are as many
 * zeros as a header has, if the block has room: what an earlier use of the file left there is not to be seen. Batch number,
 * log id and segment number together tell a batch from what an earlier use of the same file left behind.
 */
import { crc32 } from 'node:zlib';

export const BATCH_HEADER_BYTES = 56;
const MAGIC = 0x31425045; // "EPB1", little-endian

export function align8(n: number): number {
  return (n + 7) & ~7;
}

/** A batch header's fields; one is used again and again. */
export class BatchHeader {
  /** Where in its block the batch begins. */
  at = 0;
  payloadBytes = 0;
  number = 0;
  synced = 0;
  checkpoint = 0;
  joined = 0;
  open = 0;
  records = 0;
  generation = 0;

  get payloadStart(): number {
    return this.at + BATCH_HEADER_BYTES;
  }

  get end(): number {
    return this.at + BATCH_HEADER_BYTES + this.payloadBytes;
  }
}

/** Writes the header at `header.at` and the checksum over it and the payload, which must be complete. */
export function sealBatch(buffer: Buffer, logId: Buffer, segment: number, header: BatchHeader): void {
  const at = header.at;
  buffer.writeUInt32LE(MAGIC, at);
  logId.copy(buffer, at + 8, 0, 8);
  buffer.writeUInt32LE(segment, at + 16);
  buffer.writeUInt32LE(header.payloadBytes, at + 20);
  buffer.writeUIntLE(header.number, at + 24, 6);
  buffer.writeUIntLE(header.synced, at + 30, 6);
  buffer.writeUInt32LE(header.checkpoint, at + 36);
  buffer.writeUInt32LE(header.joined, at + 40);
  buffer.writeUInt32LE(header.open, at + 44);
  buffer.writeUInt32LE(header.records, at + 48);
  buffer.writeUInt32LE(header.generation, at + 52);
  buffer.writeUInt32LE(crc32(buffer.subarray(at + 8, header.end)), at + 4);
}

/**
 * Reads the batch at `at` if a sound one of this log and segment is there. `limit` is where the block ends. A null
 * `logId` accepts any: only for finding out which log a file belongs to when its header is unreadable.
 */
export function readBatch(
  buffer: Buffer,
  at: number,
  limit: number,
  logId: Buffer | null,
  segment: number,
  header: BatchHeader,
): boolean {
  if (at + BATCH_HEADER_BYTES > limit || buffer.readUInt32LE(at) !== MAGIC) return false;
  if (buffer.readUInt32LE(at + 16) !== segment) return false;
  if (logId !== null && buffer.compare(logId, 0, 8, at + 8, at + 16) !== 0) return false;
  const payloadBytes = buffer.readUInt32LE(at + 20);
  const end = at + BATCH_HEADER_BYTES + payloadBytes;
  if (end > limit) return false;
  if (crc32(buffer.subarray(at + 8, end)) !== buffer.readUInt32LE(at + 4)) return false;
  header.at = at;
  header.payloadBytes = payloadBytes;
  header.number = buffer.readUIntLE(at + 24, 6);
  header.synced = buffer.readUIntLE(at + 30, 6);
  header.checkpoint = buffer.readUInt32LE(at + 36);
  header.joined = buffer.readUInt32LE(at + 40);
  header.open = buffer.readUInt32LE(at + 44);
  header.records = buffer.readUInt32LE(at + 48);
  header.generation = buffer.readUInt32LE(at + 52);
  return true;
}

/** What is there looks like the header of a batch of this log and segment. It is not verified. */
export function isBatchHeader(buffer: Buffer, at: number, limit: number, logId: Buffer, segment: number): boolean {
  if (at + BATCH_HEADER_BYTES > limit || buffer.readUInt32LE(at) !== MAGIC) return false;
  return buffer.readUInt32LE(at + 16) === segment && buffer.compare(logId, 0, 8, at + 8, at + 16) === 0;
}

/** Where the batch at `at` ends, as its header says. */
export function batchEndsAt(buffer: Buffer, at: number): number {
  return at + BATCH_HEADER_BYTES + buffer.readUInt32LE(at + 20);
}

/** What is there looks like a batch of another segment: a former use of the file. */
export function isForeignBatch(buffer: Buffer, segment: number): boolean {
  return buffer.readUInt32LE(0) === MAGIC && buffer.readUInt32LE(16) !== segment;
}

/** Looks for the next sound batch at or after `at` whose number is at least `lowest`: how reading goes on behind damage. */
export function findBatch(
  buffer: Buffer,
  at: number,
  limit: number,
  logId: Buffer | null,
  segment: number,
  lowest: number,
  header: BatchHeader,
): boolean {
  for (let i = align8(at); i + BATCH_HEADER_BYTES <= limit; i += 8) {
    // Byte by byte first: this walks over megabytes of zeros.
    if (buffer[i] !== 0x45 || buffer[i + 1] !== 0x50) continue;
    if (readBatch(buffer, i, limit, logId, segment, header) && header.number >= lowest) return true;
  }
  return false;
}
