/**
 * Records of what happened to messages of queues that have it noted (`passports/`): in the unit of what happened, and in a checkpoint.
 *
 * ```
 * 157 passport events   u8 flags, u16 count of parties, count × party, then to the end: event
 *
 * party   4 × (u16 bytes, UTF-8): protocol, user, client, consumer
 * event   u8 what, u32 queue, u48 sequence number, u48 epoch milliseconds, u16 party + 1 (0: the broker itself), f64 detail
 *
 * flags   bit 0   the first of a checkpoint's
 *         bit 1   of a checkpoint: all of them together replace what was known before the first, once the last is there
 *         bit 2   the last of a checkpoint's
 *         (an earlier build has bit 0 alone: whatever was known before is replaced)
 * ```
 */
import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../../message/bytes.ts';
import type { Party } from '../../../queue/passport-notes.ts';
import type { PassportEvent } from '../../passports/events.ts';
import type { RecordOutput } from './record-output.ts';
import { RECORD_PASSPORT_EVENTS } from './types.ts';

const HEAD_BYTES = 3;
const EVENT_BYTES = 27;
const FIRST = 1;
const OF_CHECKPOINT = 2;
const LAST = 4;
/** Of a party's names: they come from clients. */
const NAME_BYTES_MAX = 512;

/** Which part of a checkpoint's events these are. */
export interface CheckpointPart {
  readonly first: boolean;
  readonly last: boolean;
}

/** Writes them all, in as many records as it takes; none for none, unless they are a checkpoint's. @param part null: they are not */
export function writePassportEvents(
  out: RecordOutput,
  events: readonly PassportEvent[],
  part: CheckpointPart | null = null,
): void {
  let from = 0;
  let flags = part === null ? 0 : OF_CHECKPOINT | (part.first ? FIRST : 0);
  do {
    const numbers = new Map<Party, number>();
    const texts: Buffer[] = [];
    let bytes = HEAD_BYTES;
    let to = from;
    for (; to < events.length; to++) {
      const { by } = events[to]!;
      let more = EVENT_BYTES;
      let text: Buffer | null = null;
      if (by !== null && !numbers.has(by)) {
        text = partyBytes(by);
        more += text.length;
      }
      if (bytes + more > out.recordBytesMax || numbers.size === 0xffff) break;
      if (by !== null && text !== null) {
        numbers.set(by, numbers.size + 1);
        texts.push(text);
      }
      bytes += more;
    }
    if (to === from && flags === 0) return;
    let at = out.append(RECORD_PASSPORT_EVENTS, bytes);
    const { buffer } = out;
    buffer[at] = flags | (part?.last === true && to === events.length ? LAST : 0);
    writeU16(buffer, at + 1, texts.length);
    at += HEAD_BYTES;
    for (const text of texts) at += text.copy(buffer, at);
    for (; from < to; from++, at += EVENT_BYTES) {
      const { what, queue, seq, atMs, by, detail } = events[from]!;
      buffer[at] = what;
      writeU32(buffer, at + 1, queue);
      writeU48(buffer, at + 5, seq);
      writeU48(buffer, at + 11, atMs);
      writeU16(buffer, at + 17, by === null ? 0 : numbers.get(by)!);
      buffer.writeDoubleLE(detail, at + 19);
    }
    flags &= ~FIRST;
  } while (from < events.length);
}

function partyBytes({ protocol, user, client, consumer }: Party): Buffer {
  const pieces: Buffer[] = [];
  for (const name of [protocol, user, client, consumer]) {
    const text = Buffer.from(name, 'utf8').subarray(0, NAME_BYTES_MAX);
    const length = Buffer.alloc(2);
    writeU16(length, 0, text.length);
    pieces.push(length, text);
  }
  return Buffer.concat(pieces);
}

export interface PassportRecord {
  readonly events: readonly PassportEvent[];
  /** Null: it is no checkpoint's. */
  readonly part: CheckpointPart | null;
}

export function readPassportEvents(buffer: Buffer, start: number, end: number): PassportRecord {
  const parties: Party[] = [];
  let at = start + HEAD_BYTES;
  const name = (): string => {
    const from = at + 2;
    at = from + readU16(buffer, at);
    return buffer.utf8Slice(from, at);
  };
  for (let left = readU16(buffer, start + 1); left > 0; left--) {
    parties.push({ protocol: name(), user: name(), client: name(), consumer: name() });
  }
  const events: PassportEvent[] = [];
  for (; at + EVENT_BYTES <= end; at += EVENT_BYTES) {
    const party = readU16(buffer, at + 17);
    events.push({
      what: buffer[at]!,
      queue: readU32(buffer, at + 1),
      seq: readU48(buffer, at + 5),
      atMs: readU48(buffer, at + 11),
      by: party === 0 ? null : (parties[party - 1] ?? null),
      detail: buffer.readDoubleLE(at + 19),
      durable: true,
    });
  }
  const flags = buffer[start]!;
  // An earlier build's first record replaces what was known by itself.
  const part = (flags & (OF_CHECKPOINT | FIRST)) === 0 ? null : { first: (flags & FIRST) !== 0, last: isLast(flags) };
  return { events, part };
}

function isLast(flags: number): boolean {
  return (flags & LAST) !== 0 || (flags & OF_CHECKPOINT) === 0;
}
