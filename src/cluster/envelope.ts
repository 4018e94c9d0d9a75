/**
 * The bytes of an append. Little-endian, as the log's:
 *
 *     offset  bytes
 *     0       4      magic "EPA1"
 *     4       4      CRC-32 of everything from offset 8 on
 *     8       8      log id
 *     16      6      epoch of the node that leads
 *     22      2      kind: 1 a claim, 2 batches
 *     24      6      number of this append in its epoch: the claim is 0
 *     30      6      number of the first batch in it; of a claim, of the batch that comes next
 *     36      4      checksum of the batch before that; 0 if it is the first of all
 *     40      2      number of parts
 *     42      2      length of the leader's name
 *     44      …      its name, then each part:
 *     +0      4      segment
 *     +4      4      position in the segment's file
 *     +8      4      length
 *     +12     …      the bytes of that place: sealed batches (`log/format/batch.ts`), after the segment's header where the position is 0
 *
 * What is wrong with an append is told in words (`Broken`): nothing of it may be used, and nothing behind it.
 */
import { crc32 } from 'node:zlib';
import type { ReplicaPart } from '../log/replica.ts';

const MAGIC = 0x31415045; // "EPA1", little-endian
const HEADER_BYTES = 44;
export const PART_HEADER_BYTES = 12;
export const LOG_ID_BYTES = 8;
const NAME_BYTES_MAX = 255;

export const CLAIM = 1;
export const BATCHES = 2;

/** An append is not what it should be: nobody may go on behind it. */
export class Broken extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Broken';
  }
}

/** Where in a log an append belongs, and whose it is. */
export interface AppendHead {
  readonly logId: Buffer;
  readonly epoch: number;
  readonly kind: typeof CLAIM | typeof BATCHES;
  readonly number: number;
  readonly firstBatch: number;
  readonly checksumBefore: number;
  readonly owner: string;
}

export interface AppendContent extends AppendHead {
  readonly parts: readonly ReplicaPart[];
}

/** Bytes that an append takes beside those of its parts. */
export function overheadBytes(owner: string, parts: number): number {
  return HEADER_BYTES + Buffer.byteLength(owner) + parts * PART_HEADER_BYTES;
}

/** A copy: the parts' bytes are not needed any more. */
export function writeAppend(head: AppendHead, parts: readonly ReplicaPart[]): Buffer {
  const name = Buffer.from(head.owner, 'utf8');
  if (name.length > NAME_BYTES_MAX) throw new RangeError(`a name of ${name.length} bytes`);
  let bytes = overheadBytes(head.owner, parts.length);
  for (const part of parts) bytes += part.bytes.length;
  const into = Buffer.allocUnsafeSlow(bytes);
  into.writeUInt32LE(MAGIC, 0);
  head.logId.copy(into, 8, 0, LOG_ID_BYTES);
  into.writeUIntLE(head.epoch, 16, 6);
  into.writeUInt16LE(head.kind, 22);
  into.writeUIntLE(head.number, 24, 6);
  into.writeUIntLE(head.firstBatch, 30, 6);
  into.writeUInt32LE(head.checksumBefore, 36);
  into.writeUInt16LE(parts.length, 40);
  into.writeUInt16LE(name.length, 42);
  name.copy(into, HEADER_BYTES);
  let at = HEADER_BYTES + name.length;
  for (const part of parts) {
    into.writeUInt32LE(part.segment, at);
    into.writeUInt32LE(part.position, at + 4);
    into.writeUInt32LE(part.bytes.length, at + 8);
    part.bytes.copy(into, at + PART_HEADER_BYTES);
    at += PART_HEADER_BYTES + part.bytes.length;
  }
  into.writeUInt32LE(crc32(into.subarray(8)), 4);
  return into;
}

/** @throws Broken it is no sound append. The parts' bytes are those of `bytes`. */
export function readAppend(bytes: Buffer): AppendContent {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC)
    throw new Broken('it is no append of this broker');
  if (crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)) throw new Broken('its checksum is wrong');
  const kind = bytes.readUInt16LE(22);
  if (kind !== CLAIM && kind !== BATCHES) throw new Broken(`it is of kind ${kind}, which a newer version may know`);
  const count = bytes.readUInt16LE(40);
  let at = HEADER_BYTES + bytes.readUInt16LE(42);
  const owner = bytes.toString('utf8', HEADER_BYTES, at);
  const parts: ReplicaPart[] = [];
  for (let i = 0; i < count; i++) {
    if (at + PART_HEADER_BYTES > bytes.length) throw new Broken('its parts are longer than it is');
    const length = bytes.readUInt32LE(at + 8);
    const start = at + PART_HEADER_BYTES;
    if (start + length > bytes.length) throw new Broken('its parts are longer than it is');
    parts.push({
      segment: bytes.readUInt32LE(at),
      position: bytes.readUInt32LE(at + 4),
      bytes: bytes.subarray(start, start + length),
    });
    at = start + length;
  }
  if (at !== bytes.length) throw new Broken(`${bytes.length - at} bytes follow its parts`);
  return {
    logId: bytes.subarray(8, 8 + LOG_ID_BYTES),
    epoch: bytes.readUIntLE(16, 6),
    kind,
    number: bytes.readUIntLE(24, 6),
    firstBatch: bytes.readUIntLE(30, 6),
    checksumBefore: bytes.readUInt32LE(36),
    owner,
    parts,
  };
}
