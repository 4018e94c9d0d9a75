/**
 * The records that the log writes for itself. All are unsequenced, and none is ever handed to the owner.
 *
 *     250  a life begins        u48 epoch ms
 *     251  it ended in order    u48 epoch ms
 *     252  checkpoint begins    u48 epoch ms; always the first record of a segment
 *     253  checkpoint complete  u32 the segment in which it began
 *     254  block table          u32 segment, u32 generation, u32 first entry, u32 entries, then 32 bytes each:
 *                               u32 position, u32 length, u48 first and u48 last sequence number, u32 records,
 *                               u32 bytes of sequenced records, u32 length of the directory behind it, plus 1 where its
 *                               records lie in the order of groups, and 0 where they lie in the order of their numbers
 *     255  segments gone        u32 each: nothing in them is needed; a file that is still there is to be removed
 */

export const RECORD_START = 250;
export const RECORD_STOP = 251;
export const RECORD_CHECKPOINT_BEGIN = 252;
export const RECORD_CHECKPOINT_END = 253;
export const RECORD_TABLE = 254;
export const RECORD_GONE = 255;

const TABLE_HEADER_BYTES = 16;
const TABLE_ENTRY_BYTES = 32;

/** Where own records are appended. */
export interface OwnRecords {
  readonly buffer: Buffer;
  readonly recordBytesMax: number;
  append(type: number, payloadBytes: number): number;
}

/** Writes a record of type START, STOP or CHECKPOINT_BEGIN. */
export function appendMoment(log: OwnRecords, type: number, epochMs: number): void {
  const at = log.append(type, 6);
  log.buffer.writeUIntLE(epochMs, at, 6);
}

/** What a table says of one block. */
export interface TableEntry {
  /** Where in the file it begins, and its length, bytes. */
  readonly position: number;
  readonly end: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Its sequenced records, and the bytes that they take. */
  readonly records: number;
  readonly sequencedBytes: number;
  /** Its records lie in the order of groups; and the length of the directory behind it, 0 for none. */
  readonly grouped: boolean;
  readonly directoryBytes: number;
}

/** A segment as far as its table goes. */
export interface TabledSegment {
  readonly number: number;
  readonly generation: number;
  readonly blocks: readonly TableEntry[];
}

/** Writes down where a sealed segment's blocks lie and which numbers they hold, so that a start need not read them. */
export function appendTable(log: OwnRecords, segment: TabledSegment): void {
  const { blocks } = segment;
  const most = Math.floor((log.recordBytesMax - TABLE_HEADER_BYTES) / TABLE_ENTRY_BYTES);
  let first = 0;
  do {
    const count = Math.min(most, blocks.length - first);
    let at = log.append(RECORD_TABLE, TABLE_HEADER_BYTES + count * TABLE_ENTRY_BYTES);
    const { buffer } = log;
    buffer.writeUInt32LE(segment.number, at);
    buffer.writeUInt32LE(segment.generation, at + 4);
    buffer.writeUInt32LE(first, at + 8);
    buffer.writeUInt32LE(count, at + 12);
    at += TABLE_HEADER_BYTES;
    for (let i = 0; i < count; i++, at += TABLE_ENTRY_BYTES) {
      const block = blocks[first + i]!;
      buffer.writeUInt32LE(block.position, at);
      buffer.writeUInt32LE(block.end, at + 4);
      buffer.writeUIntLE(block.firstSeq, at + 8, 6);
      buffer.writeUIntLE(block.lastSeq, at + 14, 6);
      buffer.writeUInt32LE(block.records, at + 20);
      buffer.writeUInt32LE(block.sequencedBytes, at + 24);
      buffer.writeUInt32LE(block.grouped ? block.directoryBytes + 1 : 0, at + 28);
    }
    first += count;
  } while (first < blocks.length);
}

export interface Table {
  readonly segment: number;
  readonly generation: number;
  readonly entries: TableEntry[];
}

/** Block tables as they are read back: the last one of each segment counts. */
export class Tables {
  readonly bySegment = new Map<number, Table>();

  read(buffer: Buffer, start: number): void {
    const segment = buffer.readUInt32LE(start);
    const generation = buffer.readUInt32LE(start + 4);
    const first = buffer.readUInt32LE(start + 8);
    const count = buffer.readUInt32LE(start + 12);
    let table = this.bySegment.get(segment);
    if (table === undefined || first === 0) {
      table = { segment, generation, entries: [] };
      this.bySegment.set(segment, table);
    }
    for (let i = 0, at = start + TABLE_HEADER_BYTES; i < count; i++, at += TABLE_ENTRY_BYTES) {
      const groups = buffer.readUInt32LE(at + 28);
      table.entries.push({
        position: buffer.readUInt32LE(at),
        end: buffer.readUInt32LE(at + 4),
        firstSeq: buffer.readUIntLE(at + 8, 6),
        lastSeq: buffer.readUIntLE(at + 14, 6),
        records: buffer.readUInt32LE(at + 20),
        sequencedBytes: buffer.readUInt32LE(at + 24),
        grouped: groups > 0,
        directoryBytes: Math.max(0, groups - 1),
      });
    }
  }

  readGone(buffer: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += 4) this.bySegment.delete(buffer.readUInt32LE(at));
  }
}
