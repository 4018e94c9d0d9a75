/**
 * The record of who has had a message retained, or has asked for that of a delayed one; it comes before the message's own.
 *
 * ```
 * 160 retainer   u48 sequence number, u32 bytes of the user's name, user, client id
 * ```
 */
import { copyBytes, readU32, readU48, writeU32, writeU48 } from '../../../message/bytes.ts';
import type { Retainer } from '../../../message/message.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_RETAINER } from './types.ts';

const HEAD_BYTES = 10;

export interface RetainerRecord {
  readonly seq: number;
  readonly retainer: Retainer;
}

export function writeRetainer(out: RecordOutput, { seq, retainer }: RetainerRecord): void {
  const user = Buffer.from(retainer.user, 'utf8');
  const clientId = Buffer.from(retainer.clientId, 'utf8');
  const at = out.append(RECORD_RETAINER, HEAD_BYTES + user.length + clientId.length);
  const { buffer } = out;
  writeU48(buffer, at, seq);
  writeU32(buffer, at + 6, user.length);
  const end = copyBytes(user, 0, user.length, buffer, at + HEAD_BYTES);
  copyBytes(clientId, 0, clientId.length, buffer, end);
}

export function readRetainer(buffer: Buffer, start: number, end: number): RetainerRecord {
  const at = start + HEAD_BYTES;
  const middle = at + readU32(buffer, start + 6);
  const retainer = { user: buffer.utf8Slice(at, middle), clientId: buffer.utf8Slice(middle, end) };
  return { seq: readU48(buffer, start), retainer };
}
