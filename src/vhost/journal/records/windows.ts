/**
 * Records of deduplication windows (`deduplication/window.ts`): in the unit of the message that was admitted, and in a checkpoint.
 *
 * ```
 * 154 ids admitted          window, u32 count, count × (u8 flags, u48 sequence number, u48 epoch ms when forgotten or 0, u16 bytes, id)
 * 155 publishers admitted   window, u32 count, count × (u48 sequence number, u48 epoch ms when forgotten or 0, u64 highest number + 1,
 *                           u16 bytes, name, u16 count, count × u64 number below the highest that was not taken)
 * 156 window cleared        window: whatever it knew is forgotten
 *
 * window   u32 queue; 0: an exchange, whose name comes behind: u8 bytes, name; then u32 ids that it keeps at most
 *
 * flags    bit 0   forgotten when its message leaves the queue
 * ```
 */
import type { AdmittedId, PublisherEntry, WindowEntry } from '../../../deduplication/window.ts';
import { copyBytes, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../../message/bytes.ts';
import { bytesOf, textOf } from '../../../message/text.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_IDS_ADMITTED, RECORD_PUBLISHERS_ADMITTED, RECORD_WINDOW_CLEARED } from './types.ts';

/** Whose window it is: a queue's number, or an exchange's name. */
export type WindowOwner = number | string;

export interface WindowRecord {
  readonly owner: WindowOwner;
  /** Ids that it keeps at most. */
  readonly size: number;
}

export interface IdsRecord extends WindowRecord {
  readonly entries: readonly WindowEntry[];
}

/** The same, as it is written. */
export interface AdmittedIds extends WindowRecord {
  readonly entries: readonly AdmittedId[];
}

export interface PublishersRecord extends WindowRecord {
  readonly publishers: readonly PublisherEntry[];
}

const WHILE_PRESENT = 1;
const ID_HEAD_BYTES = 15;
const PUBLISHER_HEAD_BYTES = 24;

function headBytes(owner: WindowOwner): number {
  return typeof owner === 'number' ? 8 : 9 + Buffer.byteLength(owner);
}

function writeHead(buffer: Buffer, at: number, owner: WindowOwner, size: number): number {
  let to = at + 4;
  if (typeof owner === 'number') writeU32(buffer, at, owner);
  else {
    writeU32(buffer, at, 0);
    const bytes = buffer.utf8Write(owner, to + 1);
    buffer[to] = bytes;
    to += 1 + bytes;
  }
  writeU32(buffer, to, size);
  return to + 4;
}

/** One, as a publish writes it. */
export function writeIdAdmitted(out: RecordOutput, owner: WindowOwner, size: number, admitted: AdmittedId): void {
  const { bytes, start, end } = admitted;
  let at = out.append(RECORD_IDS_ADMITTED, headBytes(owner) + 4 + ID_HEAD_BYTES + end - start);
  const { buffer } = out;
  at = writeHead(buffer, at, owner, size);
  writeU32(buffer, at, 1);
  copyBytes(bytes, start, end, buffer, writeEntryHead(buffer, at + 4, admitted, end - start));
}

function writeEntryHead(
  buffer: Buffer,
  at: number,
  { seq, untilMs, whilePresent }: Pick<WindowEntry, 'seq' | 'untilMs' | 'whilePresent'>,
  bytes: number,
): number {
  buffer[at] = whilePresent ? WHILE_PRESENT : 0;
  writeU48(buffer, at + 1, seq);
  writeU48(buffer, at + 7, untilMs);
  writeU16(buffer, at + 13, bytes);
  return at + ID_HEAD_BYTES;
}

/** Writes them all, in as many records as it takes; none for none. */
export function writeIdsAdmitted(out: RecordOutput, { owner, size, entries }: AdmittedIds): void {
  const head = headBytes(owner) + 4;
  for (let from = 0; from < entries.length; ) {
    let bytes = head;
    let to = from;
    while (to < entries.length && (to === from || bytes + entryBytes(entries[to]!) <= out.recordBytesMax)) {
      bytes += entryBytes(entries[to++]!);
    }
    let at = out.append(RECORD_IDS_ADMITTED, bytes);
    const { buffer } = out;
    at = writeHead(buffer, at, owner, size);
    writeU32(buffer, at, to - from);
    at += 4;
    for (; from < to; from++) {
      const entry = entries[from]!;
      at = writeEntryHead(buffer, at, entry, entry.end - entry.start);
      at = copyBytes(entry.bytes, entry.start, entry.end, buffer, at);
    }
  }
}

function entryBytes({ start, end }: AdmittedId): number {
  return ID_HEAD_BYTES + end - start;
}

export function writePublishersAdmitted(out: RecordOutput, { owner, size, publishers }: PublishersRecord): void {
  for (const publisher of publishers) {
    const name = bytesOf(publisher.name);
    const { open } = publisher;
    const bytes = headBytes(owner) + 4 + PUBLISHER_HEAD_BYTES + name.length + 8 * open.length;
    let at = out.append(RECORD_PUBLISHERS_ADMITTED, bytes);
    const { buffer } = out;
    at = writeHead(buffer, at, owner, size);
    writeU32(buffer, at, 1);
    writeU48(buffer, at + 4, publisher.seq);
    writeU48(buffer, at + 10, publisher.untilMs);
    buffer.writeBigUInt64LE(BigInt.asUintN(64, publisher.highest + 1n), at + 16);
    writeU16(buffer, at + 24, name.length);
    at = copyBytes(name, 0, name.length, buffer, at + 26);
    writeU16(buffer, at, open.length);
    at += 2;
    for (const number of open) at = buffer.writeBigUInt64LE(number, at);
  }
}

export function writeWindowCleared(out: RecordOutput, owner: WindowOwner): void {
  const at = out.append(RECORD_WINDOW_CLEARED, headBytes(owner));
  writeHead(out.buffer, at, owner, 0);
}

/** Whose window a record is about; of all three. */
export function readWindow(buffer: Buffer, start: number): WindowRecord {
  const queue = readU32(buffer, start);
  if (queue !== 0) return { owner: queue, size: readU32(buffer, start + 4) };
  const end = start + 5 + buffer[start + 4]!;
  return { owner: buffer.utf8Slice(start + 5, end), size: readU32(buffer, end) };
}

function behindHead(buffer: Buffer, start: number): number {
  return start + (readU32(buffer, start) === 0 ? 9 + buffer[start + 4]! : 8);
}

export function readIdsAdmitted(buffer: Buffer, start: number): IdsRecord {
  const entries: WindowEntry[] = [];
  let at = behindHead(buffer, start);
  const count = readU32(buffer, at);
  at += 4;
  for (let i = 0; i < count; i++) {
    const from = at + ID_HEAD_BYTES;
    const end = from + readU16(buffer, at + 13);
    entries.push({
      id: textOf(buffer, from, end),
      seq: readU48(buffer, at + 1),
      untilMs: readU48(buffer, at + 7),
      whilePresent: (buffer[at]! & WHILE_PRESENT) !== 0,
    });
    at = end;
  }
  return { ...readWindow(buffer, start), entries };
}

export function readPublishersAdmitted(buffer: Buffer, start: number): PublishersRecord {
  const publishers: PublisherEntry[] = [];
  let at = behindHead(buffer, start);
  const count = readU32(buffer, at);
  at += 4;
  for (let i = 0; i < count; i++) {
    const seq = readU48(buffer, at);
    const untilMs = readU48(buffer, at + 6);
    const highest = buffer.readBigUInt64LE(at + 12) - 1n;
    const nameEnd = at + 22 + readU16(buffer, at + 20);
    const name = textOf(buffer, at + 22, nameEnd);
    const open: bigint[] = [];
    const opens = readU16(buffer, nameEnd);
    at = nameEnd + 2;
    for (let j = 0; j < opens; j++, at += 8) open.push(buffer.readBigUInt64LE(at));
    publishers.push({ name, seq, untilMs, highest, open });
  }
  return { ...readWindow(buffer, start), publishers };
}
