/**
 * Records of what became of single messages in a queue.
 *
 * ```
 * 137 settled    u32 queue, u32 count, count × u48 sequence number
 * 138 returned   u32 queue, u48 sequence number, u32 flags: back to its place
 * 142 enqueued   u32 queue, u48 sequence number, u32 flags: a retained message that a later subscription gets
 * 150 dying      u32 queue, u48 sequence number, u32 flags, u8 reason (0 rejected, 1 expired, 2 maxlen, 3 delivery_limit):
 *                it has died, and what becomes of it is still to be published
 * 153 retry      u32 queue, u48 sequence number, u32 flags, u48 epoch milliseconds: it failed, and is tried again then
 * 159 deferred   as retry, then u8 length, so many bytes of UTF-8: it is parked under that token, until then at most
 * ```
 *
 * The flags are those of `queue/entry-flags.ts`.
 */

import { readU32, readU48, writeU32, writeU48 } from '../../../message/bytes.ts';
import { DEATH_REASONS, type DeathReason } from '../../../message/deaths/deaths.ts';
import type { QueueEntryFlags } from '../../../queue/entry-flags.ts';
import type { RecordOutput } from './record-output.ts';
import {
  RECORD_DEFERRED,
  RECORD_DYING,
  RECORD_ENQUEUED,
  RECORD_RETRY,
  RECORD_RETURNED,
  RECORD_SETTLED,
} from './types.ts';

/** Settlements in one record at most, so that no record outgrows a block. */
const SETTLED_MAX = 16_384;
const SETTLED_HEAD_BYTES = 8;
const SEQ_BYTES = 6;
const ENTRY_BYTES = 14;

/** One message in one queue. */
export interface EntryRecord {
  /** The queue's number. */
  readonly queue: number;
  readonly seq: number;
  readonly flags: QueueEntryFlags;
}

/** @param seqs its first `count` are written: an array that is used again and again */
export function writeSettled(out: RecordOutput, queue: number, seqs: Float64Array, count: number): void {
  const most = Math.min(SETTLED_MAX, Math.floor((out.recordBytesMax - SETTLED_HEAD_BYTES) / SEQ_BYTES));
  for (let from = 0; from < count; from += most) {
    const n = Math.min(most, count - from);
    const at = out.append(RECORD_SETTLED, SETTLED_HEAD_BYTES + n * SEQ_BYTES);
    const { buffer } = out;
    writeU32(buffer, at, queue);
    writeU32(buffer, at + 4, n);
    for (let i = 0; i < n; i++) writeU48(buffer, at + SETTLED_HEAD_BYTES + i * SEQ_BYTES, seqs[from + i]!);
  }
}

export function readSettled(buffer: Buffer, start: number, visit: (seq: number) => void): void {
  const count = readU32(buffer, start + 4);
  for (let i = 0; i < count; i++) visit(readU48(buffer, start + SETTLED_HEAD_BYTES + i * SEQ_BYTES));
}

/** The number of the queue that any record of this file, and one of `contents.ts`, is about. */
export function readQueueNumber(buffer: Buffer, start: number): number {
  return readU32(buffer, start);
}

export function writeReturned(out: RecordOutput, queue: number, seq: number, flags: QueueEntryFlags): void {
  writeEntry(out, out.append(RECORD_RETURNED, ENTRY_BYTES), queue, seq, flags);
}

export function writeEnqueued(out: RecordOutput, queue: number, seq: number, flags: QueueEntryFlags): void {
  writeEntry(out, out.append(RECORD_ENQUEUED, ENTRY_BYTES), queue, seq, flags);
}

function writeEntry(out: RecordOutput, at: number, queue: number, seq: number, flags: QueueEntryFlags): void {
  const { buffer } = out;
  writeU32(buffer, at, queue);
  writeU48(buffer, at + 4, seq);
  writeU32(buffer, at + 10, flags);
}

/** Of returned, enqueued, dying and retry. */
export function readEntry(buffer: Buffer, start: number): EntryRecord {
  return { queue: readU32(buffer, start), seq: readU48(buffer, start + 4), flags: readU32(buffer, start + 10) };
}

export function writeDying(
  out: RecordOutput,
  queue: number,
  seq: number,
  flags: QueueEntryFlags,
  reason: DeathReason,
): void {
  const at = out.append(RECORD_DYING, ENTRY_BYTES + 1);
  writeEntry(out, at, queue, seq, flags);
  out.buffer[at + ENTRY_BYTES] = DEATH_REASONS.indexOf(reason);
}

/** What it died of, beside `readEntry`; undefined for a reason that this version does not know. */
export function readDeathReason(buffer: Buffer, start: number): DeathReason | undefined {
  return DEATH_REASONS[buffer[start + ENTRY_BYTES]!];
}

/** @param dueMs epoch milliseconds */
export function writeRetry(out: RecordOutput, queue: number, seq: number, flags: QueueEntryFlags, dueMs: number): void {
  const at = out.append(RECORD_RETRY, ENTRY_BYTES + 6);
  writeEntry(out, at, queue, seq, flags);
  writeU48(out.buffer, at + ENTRY_BYTES, dueMs);
}

/** When it is tried again, in epoch milliseconds, beside `readEntry`. */
export function readRetryTime(buffer: Buffer, start: number): number {
  return readU48(buffer, start + ENTRY_BYTES);
}

/** @param token of 255 bytes at most */
export function writeDeferred(
  out: RecordOutput,
  queue: number,
  seq: number,
  flags: QueueEntryFlags,
  dueMs: number,
  token: string,
): void {
  const bytes = Buffer.from(token);
  const at = out.append(RECORD_DEFERRED, ENTRY_BYTES + 7 + bytes.length);
  writeEntry(out, at, queue, seq, flags);
  const { buffer } = out;
  writeU48(buffer, at + ENTRY_BYTES, dueMs);
  buffer[at + ENTRY_BYTES + 6] = bytes.length;
  bytes.copy(buffer, at + ENTRY_BYTES + 7);
}

/** Of a deferred one, beside `readEntry` and `readRetryTime`. */
export function readDeferralToken(buffer: Buffer, start: number): string {
  const at = start + ENTRY_BYTES + 7;
  return buffer.utf8Slice(at, at + buffer[at - 1]!);
}
