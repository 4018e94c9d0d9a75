/**
 * The record of where messages of a queue belong that keeps groups in order, or serves tenants in turn. A checkpoint has it, since the
 * keys are in the messages and those are not read then; what comes after it is read anyway.
 *
 * ```
 * 158 places   u32 queue, u8 flags, u16 bytes, tenant, u16 bytes, group, u32 count, u48 first sequence number,
 *              count - 1 × gap to the next one: seven bits a byte, low first
 *
 * flags        bit 0   they are of a group
 *              bit 1   their groups end with them: says nothing of where they belong
 * ```
 */
import { copyBytes, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../../message/bytes.ts';
import { bytesOf, textOf } from '../../../message/text.ts';
import type { MessagePlace } from '../../../queue/order/queue-order.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_PLACES } from './types.ts';

const GROUPED = 1;
const CLOSES = 2;
const HEAD_BYTES = 19;
const GAP_BYTES_MAX = 7;
/** Messages in one record at most. */
const PLACES_MAX = 8192;

export interface PlacesRecord {
  /** The queue's number. */
  readonly queue: number;
  readonly place: MessagePlace;
  /** In ascending order. */
  readonly seqs: readonly number[];
}

/** Writes them all, in as many records as it takes; none for none. */
export function writePlaces(out: RecordOutput, { queue, place, seqs }: PlacesRecord): void {
  const tenant = bytesOf(place.tenant);
  const group = bytesOf(place.group ?? '');
  const head = HEAD_BYTES + tenant.length + group.length;
  const most = Math.max(1, Math.min(PLACES_MAX, Math.floor((out.recordBytesMax - head) / GAP_BYTES_MAX)));
  for (let from = 0; from < seqs.length; from += most) {
    const to = Math.min(seqs.length, from + most);
    let bytes = head;
    for (let i = from + 1; i < to; i++) bytes += gapBytes(seqs[i]! - seqs[i - 1]!);
    let at = out.append(RECORD_PLACES, bytes);
    const { buffer } = out;
    writeU32(buffer, at, queue);
    buffer[at + 4] = (place.group === null ? 0 : GROUPED) | (place.closes ? CLOSES : 0);
    at = writeKey(buffer, at + 5, tenant);
    at = writeKey(buffer, at, group);
    writeU32(buffer, at, to - from);
    writeU48(buffer, at + 4, seqs[from]!);
    at += 10;
    for (let i = from + 1; i < to; i++) at = writeGap(buffer, at, seqs[i]! - seqs[i - 1]!);
  }
}

function writeKey(buffer: Buffer, at: number, key: Buffer): number {
  writeU16(buffer, at, key.length);
  return copyBytes(key, 0, key.length, buffer, at + 2);
}

function gapBytes(gap: number): number {
  let bytes = 1;
  for (let rest = gap; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

function writeGap(buffer: Buffer, from: number, gap: number): number {
  let at = from;
  let rest = gap;
  while (rest >= 0x80) {
    buffer[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buffer[at++] = rest;
  return at;
}

export function readPlaces(buffer: Buffer, start: number): PlacesRecord {
  const queue = readU32(buffer, start);
  const flags = buffer[start + 4]!;
  let at = start + 5;
  const tenantEnd = at + 2 + readU16(buffer, at);
  const tenant = textOf(buffer, at + 2, tenantEnd);
  at = tenantEnd + 2 + readU16(buffer, tenantEnd);
  const group = (flags & GROUPED) === 0 ? null : textOf(buffer, tenantEnd + 2, at);
  const count = readU32(buffer, at);
  let seq = readU48(buffer, at + 4);
  at += 10;
  const seqs = [seq];
  while (seqs.length < count) {
    let unit = 1;
    for (; buffer[at]! >= 0x80; at++) {
      seq += (buffer[at]! & 0x7f) * unit;
      unit *= 0x80;
    }
    seq += buffer[at++]! * unit;
    seqs.push(seq);
  }
  return { queue, place: { tenant, group, closes: (flags & CLOSES) !== 0 }, seqs };
}
