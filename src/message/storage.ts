/**
 * The storage form of a message: the payload of one MESSAGE record. Little endian.
 *
 * ```
 *  0  u8   dialect            whose property bytes these are
 *  1  u8   flags              bits 0-1 assurance, 2 retain, 3 body in extents, 4 slash-spelled key, 5 may belong to a group, 6 its
 *                            user id is its publisher's
 *  2  u16  priority           0xffff: not given
 *  4  u32  target list        which durable queues took it (a TARGETS record); 0: none or transient
 *  8  u16  exchange bytes
 * 10  u16  key bytes
 * 12  u32  property bytes
 * 16  u32  annotation bytes
 * 20  u32  body bytes         of the whole body, also when it lies in extents
 * 24  u48  arrived at         epoch milliseconds
 * 30  u48  expires at         epoch milliseconds, 0: never
 * 36  exchange | key | annotations | properties | body, or extents: u32 count, then count × (u48 sequence number, u32 bytes)
 * ```
 *
 * A fixed head of 36 bytes makes a view a dozen loads, and nothing is decoded that a consumer of the same protocol copies.
 */
import type { AddressBytes } from './address-bytes.ts';
import { copyBytes, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from './bytes.ts';
import { encodeAnnotations } from './deaths/annotations.ts';
import { type Assurance, DOT, type Draft, type MessageView, SLASH, type Spelling } from './message.ts';

export const MESSAGE_HEAD_BYTES = 36;
const EXTENT_BYTES = 10;
const RETAIN_FLAG = 0b100;
const EXTENTS_FLAG = 0b1000;
const SLASH_FLAG = 0b1_0000;
const GROUPED_FLAG = 0b10_0000;
const USER_FLAG = 0b100_0000;
const NO_PRIORITY = 0xffff;
const NO_NOTES = Buffer.alloc(0);

export const TARGET_LIST_AT = 4;

/** Where a large body's pieces are. */
export interface Extents {
  readonly length: number;
  readonly seqs: readonly number[];
  readonly sizes: readonly number[];
}

/** Bytes that `writeMessage` will fill. */
export function messageBytes(
  draft: Draft,
  addressBytes: number,
  notes: Buffer | null,
  extents: Extents | null,
): number {
  return (
    MESSAGE_HEAD_BYTES +
    addressBytes +
    (notes === null ? 0 : notes.length) +
    (draft.propsEnd - draft.propsStart) +
    (extents === null ? draft.bodyEnd - draft.bodyStart : 4 + extents.seqs.length * EXTENT_BYTES)
  );
}

export function writeMessage(
  target: Buffer,
  at: number,
  draft: Draft,
  address: AddressBytes,
  targetList: number,
  arrivedAtMs: number,
  notes: Buffer | null,
  extents: Extents | null,
): void {
  target[at] = draft.dialect;
  target[at + 1] =
    draft.assurance |
    (draft.retain ? RETAIN_FLAG : 0) |
    (extents !== null ? EXTENTS_FLAG : 0) |
    (address.spelling === SLASH ? SLASH_FLAG : 0) |
    (draft.grouped ? GROUPED_FLAG : 0) |
    (draft.userChecked ? USER_FLAG : 0);
  writeU16(target, at + 2, draft.priority < 0 ? NO_PRIORITY : draft.priority);
  writeU32(target, at + 4, targetList);
  writeU16(target, at + 8, address.keyStart - address.start);
  writeU16(target, at + 10, address.end - address.keyStart);
  writeU32(target, at + 12, draft.propsEnd - draft.propsStart);
  writeU32(target, at + 16, notes === null ? 0 : notes.length);
  writeU32(target, at + 20, extents === null ? draft.bodyEnd - draft.bodyStart : extents.length);
  writeU48(target, at + 24, arrivedAtMs);
  writeU48(target, at + 30, draft.ttlMs < 0 ? 0 : arrivedAtMs + draft.ttlMs);
  let end = copyBytes(address.bytes, address.start, address.end, target, at + MESSAGE_HEAD_BYTES);
  if (notes !== null) end = copyBytes(notes, 0, notes.length, target, end);
  end = copyBytes(draft.props, draft.propsStart, draft.propsEnd, target, end);
  if (extents === null) {
    copyBytes(draft.body, draft.bodyStart, draft.bodyEnd, target, end);
    return;
  }
  writeU32(target, end, extents.seqs.length);
  end += 4;
  for (let i = 0; i < extents.seqs.length; i++, end += EXTENT_BYTES) {
    writeU48(target, end, extents.seqs[i]!);
    writeU32(target, end + 6, extents.sizes[i]!);
  }
}

/** Points `view` at the stored message in `buffer[start, end)`. Delivery fields are left alone; `large` becomes null. */
export function readMessage(buffer: Buffer, start: number, view: MessageView): void {
  const flags = buffer[start + 1]!;
  view.dialect = buffer[start]!;
  view.assurance = (flags & 3) as Assurance;
  view.retain = (flags & RETAIN_FLAG) !== 0;
  view.grouped = (flags & GROUPED_FLAG) !== 0;
  view.userChecked = (flags & USER_FLAG) !== 0;
  const priority = readU16(buffer, start + 2);
  view.priority = priority === NO_PRIORITY ? -1 : priority;
  view.arrivedAtMs = readU48(buffer, start + 24);
  view.expiresAtMs = readU48(buffer, start + 30);
  let at = start + MESSAGE_HEAD_BYTES;
  view.head = buffer;
  view.exchangeStart = at;
  view.exchangeEnd = at += readU16(buffer, start + 8);
  // Older builds have put the flag on queues' names, too.
  view.spelling = at > view.exchangeStart ? spellingOf(buffer, start) : DOT;
  view.keyStart = at;
  view.keyEnd = at += readU16(buffer, start + 10);
  view.notes = buffer;
  view.notesStart = at;
  view.notesEnd = at += readU32(buffer, start + 16);
  view.props = buffer;
  view.propsStart = at;
  view.propsEnd = at += readU32(buffer, start + 12);
  view.bodyLength = readU32(buffer, start + 20);
  view.body = buffer;
  view.bodyStart = at;
  view.bodyEnd = (flags & EXTENTS_FLAG) !== 0 ? at : at + view.bodyLength;
  view.memory = null;
  view.large = null;
}

/** How the stored message's key is spelled, as it was written down. */
export function spellingOf(buffer: Buffer, start: number): Spelling {
  return (buffer[start + 1]! & SLASH_FLAG) !== 0 ? SLASH : DOT;
}

export function targetListOf(buffer: Buffer, start: number): number {
  return readU32(buffer, start + TARGET_LIST_AT);
}

/** The extents of a stored message, or null if its body is in the record. */
export function readExtents(buffer: Buffer, start: number): Extents | null {
  if ((buffer[start + 1]! & EXTENTS_FLAG) === 0) return null;
  let at =
    start +
    MESSAGE_HEAD_BYTES +
    readU16(buffer, start + 8) +
    readU16(buffer, start + 10) +
    readU32(buffer, start + 16) +
    readU32(buffer, start + 12);
  const count = readU32(buffer, at);
  at += 4;
  const seqs: number[] = [];
  const sizes: number[] = [];
  for (let i = 0; i < count; i++, at += EXTENT_BYTES) {
    seqs.push(readU48(buffer, at));
    sizes.push(readU32(buffer, at + 6));
  }
  return { length: readU32(buffer, start + 20), seqs, sizes };
}

/** Points `view` at a message that was not stored: a direct delivery straight from the publisher's bytes. */
export function viewDraft(draft: Draft, address: AddressBytes, arrivedAtMs: number, view: MessageView): void {
  view.seq = 0;
  view.dialect = draft.dialect;
  view.spelling = address.spelling;
  view.assurance = draft.assurance;
  view.retain = draft.retain;
  view.grouped = draft.grouped;
  view.userChecked = draft.userChecked;
  view.priority = draft.priority;
  view.arrivedAtMs = arrivedAtMs;
  view.expiresAtMs = draft.ttlMs < 0 ? 0 : arrivedAtMs + draft.ttlMs;
  view.head = address.bytes;
  view.exchangeStart = address.start;
  view.exchangeEnd = address.keyStart;
  view.keyStart = address.keyStart;
  view.keyEnd = address.end;
  view.notes = draft.annotations === null ? NO_NOTES : encodeAnnotations(draft.annotations);
  view.notesStart = 0;
  view.notesEnd = view.notes.length;
  view.props = draft.props;
  view.propsStart = draft.propsStart;
  view.propsEnd = draft.propsEnd;
  view.body = draft.body;
  view.bodyStart = draft.bodyStart;
  view.bodyEnd = draft.bodyEnd;
  view.bodyLength = draft.large === null ? draft.bodyEnd - draft.bodyStart : draft.large.length;
  view.memory = null;
  view.large = draft.large;
}
