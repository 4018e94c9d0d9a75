/**
 * The records of what a queue holds, as a checkpoint has them, and the commit of a large transaction, whose messages were stored
 * before it.
 *
 * ```
 * 144 positions   u32 queue, u8 kind (0: replaces what is known; 1: more), u32 count, and if count is not 0:
 *                 u48 first, u32 gap bytes, u32 runs of flags, gaps (`queue/positions/packed-positions.ts`),
 *                 runs × (u32 length, u32 flags)
 * 145 held        u32 queue, u32 count, count × (u48 sequence number, u32 flags): not waiting in order
 * ```
 */
import { readU32, readU48, writeU32, writeU48 } from '../../../message/bytes.ts';
import type { VisitEntry } from '../../../queue/entry-flags.ts';
import type { Chunk } from '../../../queue/positions/packed-positions.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_HELD, RECORD_POSITIONS } from './types.ts';

const EMPTY_BYTES = 9;
const POSITIONS_HEAD_BYTES = 23;
const RUN_BYTES = 8;
const HELD_HEAD_BYTES = 8;
const HELD_BYTES = 10;
/** Entries in one record at most, so that no record outgrows a block. */
const HELD_MAX = 16_384;

export interface PositionsRecord {
  /** The queue's number. */
  readonly queue: number;
  /** Whatever was known of what the queue holds is superseded; else these come on top. */
  readonly replaces: boolean;
  /** Null where nothing waits. */
  readonly chunk: Chunk | null;
}

/** Payload bytes of a record with this chunk: not more than `recordBytesMax` may be written. */
export function positionsBytes(chunk: Chunk): number {
  return POSITIONS_HEAD_BYTES + chunk.gaps.length + (chunk.flagRuns.length / 2) * RUN_BYTES;
}

export function writePositions(out: RecordOutput, { queue, replaces, chunk }: PositionsRecord): void {
  let at = out.append(RECORD_POSITIONS, chunk === null ? EMPTY_BYTES : positionsBytes(chunk));
  const { buffer } = out;
  writeU32(buffer, at, queue);
  buffer[at + 4] = replaces ? 0 : 1;
  writeU32(buffer, at + 5, chunk === null ? 0 : chunk.count);
  if (chunk === null) return;
  writeU48(buffer, at + 9, chunk.first);
  writeU32(buffer, at + 15, chunk.gaps.length);
  writeU32(buffer, at + 19, chunk.flagRuns.length / 2);
  buffer.set(chunk.gaps, at + POSITIONS_HEAD_BYTES);
  at += POSITIONS_HEAD_BYTES + chunk.gaps.length;
  for (let i = 0; i < chunk.flagRuns.length; i++) writeU32(buffer, at + i * 4, chunk.flagRuns[i]!);
}

export function readPositions(buffer: Buffer, start: number): PositionsRecord {
  const queue = readU32(buffer, start);
  const replaces = buffer[start + 4] === 0;
  const count = readU32(buffer, start + 5);
  if (count === 0) return { queue, replaces, chunk: null };
  const first = readU48(buffer, start + 9);
  const gapBytes = readU32(buffer, start + 15);
  const flagRuns = new Uint32Array(readU32(buffer, start + 19) * 2);
  const gapsAt = start + POSITIONS_HEAD_BYTES;
  const gaps = Uint8Array.from(buffer.subarray(gapsAt, gapsAt + gapBytes));
  for (let i = 0; i < flagRuns.length; i++) flagRuns[i] = readU32(buffer, gapsAt + gapBytes + i * 4);
  return { queue, replaces, chunk: { count, first, last: lastOf(first, count, gaps), gaps, flagRuns } };
}

/** The last number of a chunk: the first and all gaps, which are seven bits a byte, low first. */
function lastOf(first: number, count: number, gaps: Uint8Array): number {
  if (gaps.length === 0) return first + count - 1;
  let last = first;
  let unit = 1;
  for (const byte of gaps) {
    last += (byte & 0x7f) * unit;
    unit = byte < 0x80 ? 1 : unit * 0x80;
  }
  return last;
}

/** Writes them all, in as many records as it takes; none for none. */
export function writeHeld(out: RecordOutput, queue: number, seqs: readonly number[], flags: readonly number[]): void {
  const most = Math.min(HELD_MAX, Math.floor((out.recordBytesMax - HELD_HEAD_BYTES) / HELD_BYTES));
  for (let from = 0; from < seqs.length; from += most) {
    const n = Math.min(most, seqs.length - from);
    let at = out.append(RECORD_HELD, HELD_HEAD_BYTES + n * HELD_BYTES);
    const { buffer } = out;
    writeU32(buffer, at, queue);
    writeU32(buffer, at + 4, n);
    at += HELD_HEAD_BYTES;
    for (let i = from; i < from + n; i++, at += HELD_BYTES) {
      writeU48(buffer, at, seqs[i]!);
      writeU32(buffer, at + 6, flags[i]!);
    }
  }
}

export function readHeld(buffer: Buffer, start: number, visit: VisitEntry): void {
  const count = readU32(buffer, start + 4);
  for (let at = start + HELD_HEAD_BYTES, i = 0; i < count; i++, at += HELD_BYTES) {
    visit(readU48(buffer, at), readU32(buffer, at + 6));
  }
}
