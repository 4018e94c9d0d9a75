/**
 * The record of where a large body lies, by which a checkpoint repeats what the message's own record says.
 *
 * ```
 * 146 large body   u48 sequence number of the message, u32 bytes, u32 count, count × (u48 extent, u32 bytes)
 * ```
 */
import { readU32, readU48, writeU32, writeU48 } from '../../../message/bytes.ts';
import type { Extents } from '../../../message/storage.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_LARGE } from './types.ts';

const HEAD_BYTES = 14;
const EXTENT_BYTES = 10;

export interface LargeBodyRecord {
  /** Of the message. */
  readonly seq: number;
  readonly extents: Extents;
}

export function writeLargeBody(out: RecordOutput, { seq, extents }: LargeBodyRecord): void {
  const count = extents.seqs.length;
  let at = out.append(RECORD_LARGE, HEAD_BYTES + count * EXTENT_BYTES);
  const { buffer } = out;
  writeU48(buffer, at, seq);
  writeU32(buffer, at + 6, extents.length);
  writeU32(buffer, at + 10, count);
  at += HEAD_BYTES;
  for (let i = 0; i < count; i++, at += EXTENT_BYTES) {
    writeU48(buffer, at, extents.seqs[i]!);
    writeU32(buffer, at + 6, extents.sizes[i]!);
  }
}

export function readLargeBody(buffer: Buffer, start: number): LargeBodyRecord {
  const count = readU32(buffer, start + 10);
  const seqs: number[] = [];
  const sizes: number[] = [];
  for (let at = start + HEAD_BYTES, i = 0; i < count; i++, at += EXTENT_BYTES) {
    seqs.push(readU48(buffer, at));
    sizes.push(readU32(buffer, at + 6));
  }
  return { seq: readU48(buffer, start), extents: { length: readU32(buffer, start + 6), seqs, sizes } };
}
