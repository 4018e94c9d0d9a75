/**
 * Records of the small durable facts that adapters keep (`AdapterState`).
 *
 * ```
 * 139 state put       u16 key bytes, key, value
 * 140 state deleted   key
 * ```
 */
import { copyBytes, readU16, writeU16 } from '../../../message/bytes.ts';
import { type RecordOutput, readText, writeText } from './record-output.ts';
import { RECORD_STATE, RECORD_STATE_DELETED } from './types.ts';

export interface StateRecord {
  readonly key: string;
  /** When read: a view of the bytes it was read from, to be copied by who keeps it. */
  readonly value: Buffer;
}

export function writeState(out: RecordOutput, { key, value }: StateRecord): void {
  const keyBytes = Buffer.from(key, 'utf8');
  const at = out.append(RECORD_STATE, 2 + keyBytes.length + value.length);
  const { buffer } = out;
  writeU16(buffer, at, keyBytes.length);
  const end = copyBytes(keyBytes, 0, keyBytes.length, buffer, at + 2);
  copyBytes(value, 0, value.length, buffer, end);
}

export function readState(buffer: Buffer, start: number, end: number): StateRecord {
  const keyEnd = start + 2 + readU16(buffer, start);
  return { key: buffer.utf8Slice(start + 2, keyEnd), value: buffer.subarray(keyEnd, end) };
}

export function writeStateDeleted(out: RecordOutput, key: string): void {
  writeText(out, RECORD_STATE_DELETED, key);
}

export function readStateDeleted(buffer: Buffer, start: number, end: number): string {
  return readText(buffer, start, end);
}
