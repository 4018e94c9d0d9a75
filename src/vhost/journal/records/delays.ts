/**
 * Records of messages that are not to be routed yet (`timers/delays.ts`).
 *
 * ```
 * 147 delayed        u32 count, count × (u48 sequence number, u48 epoch milliseconds when due, u8 flags): in no queue
 * 148 delay over     u32 count, count × u48 sequence number: routed under another number, or nowhere any more
 * 149 delayed keys   u48 sequence number, u16 count, count × (u16 bytes, key)
 *
 * flags   bit 0   its body is large
 *         bit 1   to be retained when due
 *         bit 2   it has several keys
 * ```
 */
import { copyBytes, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../../message/bytes.ts';
import { bytesOf, textOf } from '../../../message/text.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_DELAY_OVER, RECORD_DELAYED, RECORD_DELAYED_KEYS } from './types.ts';

/** Flags of a delayed message; the upper five bits of their byte are free. */
export const DELAYED_LARGE = 1;
export const DELAYED_RETAIN = 2;
export const DELAYED_SEVERAL_KEYS = 4;

const DELAYED_BYTES = 13;
const SEQ_BYTES = 6;

export interface DelayedRecord {
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly due: number;
  readonly flags: number;
}

export interface DelayedKeysRecord {
  readonly seq: number;
  readonly keys: readonly string[];
}

export function writeDelayed(out: RecordOutput, seq: number, due: number, flags: number): void {
  const at = out.append(RECORD_DELAYED, 4 + DELAYED_BYTES);
  writeU32(out.buffer, at, 1);
  writeOne(out.buffer, at + 4, seq, due, flags);
}

/** Writes them all, in as many records as it takes; none for none. */
export function writeDelayedMany(out: RecordOutput, messages: readonly DelayedRecord[]): void {
  const most = Math.floor((out.recordBytesMax - 4) / DELAYED_BYTES);
  for (let from = 0; from < messages.length; from += most) {
    const n = Math.min(most, messages.length - from);
    const at = out.append(RECORD_DELAYED, 4 + n * DELAYED_BYTES);
    const { buffer } = out;
    writeU32(buffer, at, n);
    for (let i = 0; i < n; i++) {
      const { seq, due, flags } = messages[from + i]!;
      writeOne(buffer, at + 4 + i * DELAYED_BYTES, seq, due, flags);
    }
  }
}

function writeOne(buffer: Buffer, at: number, seq: number, due: number, flags: number): void {
  writeU48(buffer, at, seq);
  writeU48(buffer, at + 6, due);
  buffer[at + 12] = flags;
}

/** @param visit gets the epoch milliseconds when each is due */
export function readDelayed(
  buffer: Buffer,
  start: number,
  visit: (seq: number, due: number, flags: number) => void,
): void {
  const count = readU32(buffer, start);
  for (let at = start + 4, i = 0; i < count; i++, at += DELAYED_BYTES) {
    visit(readU48(buffer, at), readU48(buffer, at + 6), buffer[at + 12]!);
  }
}

/** Writes them all, in as many records as it takes; none for none. */
export function writeDelayOver(out: RecordOutput, seqs: readonly number[]): void {
  const most = Math.floor((out.recordBytesMax - 4) / SEQ_BYTES);
  for (let from = 0; from < seqs.length; from += most) {
    const n = Math.min(most, seqs.length - from);
    const at = out.append(RECORD_DELAY_OVER, 4 + n * SEQ_BYTES);
    const { buffer } = out;
    writeU32(buffer, at, n);
    for (let i = 0; i < n; i++) writeU48(buffer, at + 4 + i * SEQ_BYTES, seqs[from + i]!);
  }
}

export function readDelayOver(buffer: Buffer, start: number, visit: (seq: number) => void): void {
  const count = readU32(buffer, start);
  for (let i = 0; i < count; i++) visit(readU48(buffer, start + 4 + i * SEQ_BYTES));
}

export function writeDelayedKeys(out: RecordOutput, { seq, keys }: DelayedKeysRecord): void {
  const all = keys.map(bytesOf);
  const bytes = all.reduce((sum, key) => sum + 2 + key.length, 8);
  const at = out.append(RECORD_DELAYED_KEYS, bytes);
  const { buffer } = out;
  writeU48(buffer, at, seq);
  writeU16(buffer, at + 6, all.length);
  let end = at + 8;
  for (const key of all) {
    writeU16(buffer, end, key.length);
    end = copyBytes(key, 0, key.length, buffer, end + 2);
  }
}

export function readDelayedKeys(buffer: Buffer, start: number): DelayedKeysRecord {
  const count = readU16(buffer, start + 6);
  const keys: string[] = [];
  for (let at = start + 8, i = 0; i < count; i++) {
    const end = at + 2 + readU16(buffer, at);
    keys.push(textOf(buffer, at + 2, end));
    at = end;
  }
  return { seq: readU48(buffer, start), keys };
}
