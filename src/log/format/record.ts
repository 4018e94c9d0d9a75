/**
 * A record: the smallest thing that a store keeps, and how it is framed. What the payload means is its owner's business.
 *
 *     offset  bytes
 *     0       1      type, 1 to 249 the owner's, 250 and up the log's own, 0 never
 *     1       3      payload length
 *     4       6      sequence number: only for types below 128
 *     4 | 10  …      payload
 *
 * All numbers are little-endian and unaligned: a byte store costs no more than a word store in JavaScript, and a record
 * of 64 bytes feels every byte of padding.
 */

/** 1 to 249; below 128 the record carries a sequence number and can be looked up by it. */
export type RecordType = number;

/** Types from here on carry no sequence number. */
export const UNSEQUENCED = 128;
/** Types from here on are the log's own and are never handed to the owner. */
export const LOG_OWN = 250;

export const SEQUENCED_HEADER_BYTES = 10;
export const UNSEQUENCED_HEADER_BYTES = 4;

/**
 * The largest payload: a body of 128 KiB, as many bytes of properties, and 4 KiB for what the owner adds. About a
 * quarter of a block, so that at worst that much of a block is left empty because the next record did not fit.
 */
export const RECORD_BYTES_MAX = (128 + 128 + 4) * 1024;

import type { Pinnable } from '../../message/pinned-memory.ts';

const NO_BUFFER = Buffer.alloc(0);

/** Where a record lies. Its owner keeps one and hands it to `locate` again and again; nothing is allocated. */
export class RecordRef {
  buffer: Buffer = NO_BUFFER;
  /** The payload is `buffer[start, end)`, valid until the end of the turn. */
  start = 0;
  end = 0;
  seq = 0;
  type = 0;
  /** What `buffer` is of, for who needs the payload for longer. Null: it cannot be pinned. */
  memory: Pinnable | null = null;
}

export function headerBytes(type: number): number {
  return type < UNSEQUENCED ? SEQUENCED_HEADER_BYTES : UNSEQUENCED_HEADER_BYTES;
}

/** Writes the frame of an unsequenced record; returns where its payload begins. */
export function writeHeader(buffer: Buffer, at: number, type: number, payloadBytes: number): number {
  buffer[at] = type;
  buffer[at + 1] = payloadBytes;
  buffer[at + 2] = payloadBytes >>> 8;
  buffer[at + 3] = payloadBytes >>> 16;
  return at + UNSEQUENCED_HEADER_BYTES;
}

/** Writes the frame of a sequenced record; returns where its payload begins. */
export function writeSequencedHeader(
  buffer: Buffer,
  at: number,
  type: number,
  seq: number,
  payloadBytes: number,
): number {
  buffer[at] = type;
  buffer[at + 1] = payloadBytes;
  buffer[at + 2] = payloadBytes >>> 8;
  buffer[at + 3] = payloadBytes >>> 16;
  const low = seq >>> 0; // modulo 2^32, also for numbers beyond it
  buffer[at + 4] = low;
  buffer[at + 5] = low >>> 8;
  buffer[at + 6] = low >>> 16;
  buffer[at + 7] = low >>> 24;
  const high = seq < 4294967296 ? 0 : (seq / 4294967296) >>> 0;
  buffer[at + 8] = high;
  buffer[at + 9] = high >>> 8;
  return at + SEQUENCED_HEADER_BYTES;
}

export function payloadBytesAt(buffer: Buffer, at: number): number {
  return buffer[at + 1]! | (buffer[at + 2]! << 8) | (buffer[at + 3]! << 16);
}

export function sequenceAt(buffer: Buffer, at: number): number {
  const low = (buffer[at + 4]! | (buffer[at + 5]! << 8) | (buffer[at + 6]! << 16) | (buffer[at + 7]! << 24)) >>> 0;
  return low + (buffer[at + 8]! | (buffer[at + 9]! << 8)) * 4294967296;
}

/** Points `ref` at each record with a number in a sound batch's payload, one after the other, and calls `visit` with `context`. */
export function eachSequenced<C>(
  buffer: Buffer,
  from: number,
  to: number,
  ref: RecordRef,
  visit: (context: C) => void,
  context: C,
): void {
  for (let at = from; at < to; ) {
    const type = buffer[at]!;
    const start = at + headerBytes(type);
    const end = start + payloadBytesAt(buffer, at);
    if (type < UNSEQUENCED) {
      ref.buffer = buffer;
      ref.start = start;
      ref.end = end;
      ref.type = type;
      ref.seq = sequenceAt(buffer, at);
      visit(context);
    }
    at = end;
  }
}
