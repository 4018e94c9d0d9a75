/**
 * A segment's header and the name of its file. A segment is one file of the log, made of blocks; a file that is used again
 * gets a new number, so nothing that is left in it from before can pass for new.
 *
 * Header, at the start of the first block:
 *
 *     offset  bytes
 *     0       8      magic "ENTREPOT"
 *     8       2      format version: 2, or 3 for a segment that was written again in the order of groups
 *     10      2      header length, 64
 *     12      4      block length
 *     16      8      log id: random, the same for all segments of a log
 *     24      4      segment number
 *     28      4      number of the segment before, 0 for none
 *     32      6      number of the first batch in it
 *     38      6      sequence numbers in it are at least this
 *     44      4      the segment where replay could begin when this one was begun
 *     48      6      when it was begun, milliseconds since the epoch
 *     54      4      generation: 0 as written, one more each time it was compacted
 *     58      2      zero
 *     60      4      CRC-32 of the 60 bytes before
 *
 * The magic, the version and this checksum keep their places in every version, so that a newer one can be told from a
 * damaged one.
 */
import { crc32 } from 'node:zlib';

export const FORMAT_VERSION = 2;
/** Of segments written again in the order of groups, which nothing else differs in: what has none of them, an earlier version reads. */
export const GROUPED_VERSION = 3;
export const SEGMENT_HEADER_BYTES = 64;
const MAGIC = Buffer.from('ENTREPOT', 'latin1');

export interface SegmentHeader {
  readonly version: number;
  readonly blockBytes: number;
  readonly logId: Buffer;
  readonly number: number;
  readonly previous: number;
  readonly firstBatch: number;
  readonly firstSeq: number;
  readonly checkpoint: number;
  readonly beganAtMs: number;
  readonly generation: number;
}

export function writeSegmentHeader(buffer: Buffer, header: SegmentHeader): void {
  buffer.fill(0, 0, SEGMENT_HEADER_BYTES);
  MAGIC.copy(buffer, 0);
  buffer.writeUInt16LE(header.version, 8);
  buffer.writeUInt16LE(SEGMENT_HEADER_BYTES, 10);
  buffer.writeUInt32LE(header.blockBytes, 12);
  header.logId.copy(buffer, 16, 0, 8);
  buffer.writeUInt32LE(header.number, 24);
  buffer.writeUInt32LE(header.previous, 28);
  buffer.writeUIntLE(header.firstBatch, 32, 6);
  buffer.writeUIntLE(header.firstSeq, 38, 6);
  buffer.writeUInt32LE(header.checkpoint, 44);
  buffer.writeUIntLE(header.beganAtMs, 48, 6);
  buffer.writeUInt32LE(header.generation, 54);
  buffer.writeUInt32LE(crc32(buffer.subarray(0, 60)), 60);
}

/** Undefined if there is no sound header. Only `version` means anything if it is neither of the two above. */
export function readSegmentHeader(buffer: Buffer, length: number): SegmentHeader | undefined {
  if (length < SEGMENT_HEADER_BYTES || buffer.compare(MAGIC, 0, 8, 0, 8) !== 0) return undefined;
  if (crc32(buffer.subarray(0, 60)) !== buffer.readUInt32LE(60)) return undefined;
  return {
    version: buffer.readUInt16LE(8),
    blockBytes: buffer.readUInt32LE(12),
    logId: Buffer.from(buffer.subarray(16, 24)),
    number: buffer.readUInt32LE(24),
    previous: buffer.readUInt32LE(28),
    firstBatch: buffer.readUIntLE(32, 6),
    firstSeq: buffer.readUIntLE(38, 6),
    checkpoint: buffer.readUInt32LE(44),
    beganAtMs: buffer.readUIntLE(48, 6),
    generation: buffer.readUInt32LE(54),
  };
}

const NAME = /^([0-9]{10})\.log$/;

export function segmentName(number: number): string {
  return `${String(number).padStart(10, '0')}.log`;
}

/** The number in a segment's file name; 0 if it is not one. */
export function segmentNumber(name: string): number {
  const match = NAME.exec(name);
  return match === null ? 0 : Number(match[1]);
}
