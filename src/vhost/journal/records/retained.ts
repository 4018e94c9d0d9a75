/**
 * The record of a retained message, by which a checkpoint repeats what is retained.
 *
 * ```
 * 141 retained   u48 sequence number, u8 flags, u48 epoch milliseconds of its expiry or 0, u32 bytes it counts for, key
 *
 * flags   bit 0      the key is slash-spelled, as older builds wrote it
 *         bits 1-2   assurance
 *         bit 3      its body is large
 *         bit 4      expiry and bytes are there; older builds wrote neither
 * ```
 *
 * The key is in bytes, which need not be UTF-8, and dotted.
 */
import { copyBytes, readU32, readU48, writeU32, writeU48 } from '../../../message/bytes.ts';
import type { Assurance, Spelling } from '../../../message/message.ts';
import { dotted } from '../../../message/spelling.ts';
import { bytesOf, textOf } from '../../../message/text.ts';
import { RetainedMessage } from '../../../queue/store/retained-index.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_RETAINED } from './types.ts';

const SLASH_FLAG = 1;
const ASSURANCE_SHIFT = 1;
const LARGE_FLAG = 8;
const LONG_FLAG = 16;
const SHORT_HEAD_BYTES = 7;
const LONG_HEAD_BYTES = 17;

export function writeRetained(out: RecordOutput, message: RetainedMessage): void {
  const key = bytesOf(message.key);
  const at = out.append(RECORD_RETAINED, LONG_HEAD_BYTES + key.length);
  const { buffer } = out;
  writeU48(buffer, at, message.seq);
  buffer[at + 6] = (message.assurance << ASSURANCE_SHIFT) | (message.large ? LARGE_FLAG : 0) | LONG_FLAG;
  writeU48(buffer, at + 7, message.expiresAtMs);
  writeU32(buffer, at + 13, message.bytes);
  copyBytes(key, 0, key.length, buffer, at + LONG_HEAD_BYTES);
}

export function readRetained(buffer: Buffer, start: number, end: number): RetainedMessage {
  const flags = buffer[start + 6]!;
  const long = (flags & LONG_FLAG) !== 0;
  const text = textOf(buffer, start + (long ? LONG_HEAD_BYTES : SHORT_HEAD_BYTES), end);
  const key = dotted(text, (flags & SLASH_FLAG) as Spelling);
  const assurance = ((flags >> ASSURANCE_SHIFT) & 3) as Assurance;
  const expiresAtMs = long ? readU48(buffer, start + 7) : 0;
  const bytes = long ? readU32(buffer, start + 13) : 0;
  const seq = readU48(buffer, start);
  return new RetainedMessage(seq, key, assurance, (flags & LARGE_FLAG) !== 0, bytes, expiresAtMs);
}
