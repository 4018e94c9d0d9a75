/**
 * A directory: in a part of a segment that was written again in the order of groups, which batch holds which record. It lies right
 * behind the part's last batch, begins at a multiple of eight and is as long as one.
 *
 *     offset  bytes
 *     0       4      magic "EPD1"
 *     4       4      CRC-32 of everything from offset 8 on
 *     8       8      log id
 *     16      4      segment number
 *     20      4      generation of the segment
 *     24      4      length, bytes
 *     28      4      bytes of the batches before it
 *     32      6      the lowest number in them
 *     38      2      zero
 *     40      4      stretches: numbers that follow one another without a gap
 *     44      4      batches
 *     48      4      records
 *     52      4      zero
 *     56      8 each stretches, upwards: u32 its first number less the lowest, u32 how many records are in those before it
 *     …       2 each batches, in their order: their lengths in units of eight bytes
 *     …       2 each records, upwards by number: the batch, counted from 0
 *
 * Two bytes a record, wherever its number comes from: read for one message it costs less than the search for it would.
 */
import { crc32 } from 'node:zlib';
import { align8 } from './batch.ts';

const MAGIC = 0x31445045; // "EPD1", little-endian
export const DIRECTORY_HEADER_BYTES = 56;
const STRETCH_BYTES = 8;
/** Batches that one can tell apart. */
export const DIRECTORY_BATCHES_MAX = 0x10000;
const GONE = 0xffff_ffff;

/** What a directory says: of a part whose batches begin at 0. */
export class Directory {
  readonly firstSeq: number;
  /** Of each stretch: its first number less `firstSeq`, and the records before it; the last one is where all end. */
  private readonly starts: Uint32Array;
  private readonly ranks: Uint32Array;
  /** Where each batch begins; the last one is where all end. */
  private readonly positions: Uint32Array;
  private readonly batchOf: Uint16Array;

  constructor(
    firstSeq: number,
    stretches: { readonly starts: Uint32Array; readonly ranks: Uint32Array },
    positions: Uint32Array,
    batchOf: Uint16Array,
  ) {
    this.firstSeq = firstSeq;
    this.starts = stretches.starts;
    this.ranks = stretches.ranks;
    this.positions = positions;
    this.batchOf = batchOf;
  }

  /** The batch that holds a number, counted from 0; -1 if it says that none does. */
  find(seq: number): number {
    const { starts, ranks, firstSeq } = this;
    const relative = seq - firstSeq;
    if (relative < 0) return -1;
    let low = 0;
    let high = starts.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= relative) low = middle + 1;
      else high = middle - 1;
    }
    if (high < 0) return -1;
    const rank = ranks[high]! + relative - starts[high]!;
    return rank < ranks[high + 1]! ? this.batchOf[rank]! : -1;
  }

  get batches(): number {
    return this.positions.length - 1;
  }

  /** Where a batch begins, bytes from the beginning of the part. */
  startOf(batch: number): number {
    return this.positions[batch]!;
  }

  /** Where it ends. */
  endOf(batch: number): number {
    return this.positions[batch + 1]!;
  }

  /** What it takes in memory. */
  get memoryBytes(): number {
    return 4 * (this.starts.length + this.ranks.length + this.positions.length) + 2 * this.batchOf.length + 200;
  }

  /** What it takes in a file. */
  get fileBytes(): number {
    return align8(
      DIRECTORY_HEADER_BYTES + STRETCH_BYTES * this.starts.length + 2 * (this.batches + this.batchOf.length),
    );
  }

  /** Writes it into `buffer` from `at` on. */
  write(buffer: Buffer, at: number, logId: Buffer, segment: number, generation: number): void {
    const { starts, ranks, positions, batchOf } = this;
    const end = at + this.fileBytes;
    buffer.fill(0, at, end);
    buffer.writeUInt32LE(MAGIC, at);
    logId.copy(buffer, at + 8, 0, 8);
    buffer.writeUInt32LE(segment, at + 16);
    buffer.writeUInt32LE(generation, at + 20);
    buffer.writeUInt32LE(end - at, at + 24);
    buffer.writeUInt32LE(positions[positions.length - 1]!, at + 28);
    buffer.writeUIntLE(this.firstSeq, at + 32, 6);
    buffer.writeUInt32LE(starts.length, at + 40);
    buffer.writeUInt32LE(this.batches, at + 44);
    buffer.writeUInt32LE(batchOf.length, at + 48);
    let to = at + DIRECTORY_HEADER_BYTES;
    for (let i = 0; i < starts.length; i++, to += STRETCH_BYTES) {
      buffer.writeUInt32LE(starts[i]!, to);
      buffer.writeUInt32LE(ranks[i]!, to + 4);
    }
    for (let i = 0; i < this.batches; i++, to += 2) {
      buffer.writeUInt16LE((positions[i + 1]! - positions[i]!) / 8, to);
    }
    for (let i = 0; i < batchOf.length; i++, to += 2) {
      const batch = batchOf[i]!;
      buffer[to] = batch;
      buffer[to + 1] = batch >>> 8;
    }
    buffer.writeUInt32LE(crc32(buffer.subarray(at + 8, end)), at + 4);
  }
}

/** Finds out a directory from records as they lie: batch by batch, in any order of their numbers. */
export class DirectoryBuilder {
  private seqs: Float64Array;
  private batchOf: Uint16Array;
  private count = 0;
  private readonly ends: number[] = [0];

  /** @param records how many there will be; more are as good */
  constructor(records: number) {
    this.seqs = new Float64Array(Math.max(16, records));
    this.batchOf = new Uint16Array(Math.max(16, records));
  }

  /** The last batch is this long, its header and what fills it up to a multiple of eight included. */
  batch(bytes: number): void {
    this.ends.push(this.ends[this.ends.length - 1]! + bytes);
  }

  get batches(): number {
    return this.ends.length - 1;
  }

  /** Records of the batch that is told next. */
  record(seq: number): void {
    if (this.count === this.seqs.length) {
      const [seqs, batchOf] = [new Float64Array(2 * this.count), new Uint16Array(2 * this.count)];
      seqs.set(this.seqs);
      batchOf.set(this.batchOf);
      this.seqs = seqs;
      this.batchOf = batchOf;
    }
    this.seqs[this.count] = seq;
    this.batchOf[this.count++] = this.batches;
  }

  /** Undefined: a number comes twice, or they are too far apart. */
  build(): Directory | undefined {
    const { count } = this;
    let first = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) first = Math.min(first, this.seqs[i]!);
    // Number and batch in one: the engine sorts numbers much faster than it calls back.
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = (this.seqs[i]! - first) * DIRECTORY_BATCHES_MAX + this.batchOf[i]!;
    keys.sort();
    const seqs = new Float64Array(count);
    const batchOf = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const key = keys[i]!;
      const relative = Math.floor(key / DIRECTORY_BATCHES_MAX);
      seqs[i] = first + relative;
      batchOf[i] = key - relative * DIRECTORY_BATCHES_MAX;
    }
    return directoryOf(seqs, batchOf, this.ends);
  }
}

/**
 * A directory of these numbers, which go up, and the batch of each.
 * @param ends where the batches end, after a 0: one lies right behind the other
 * @returns undefined: a number comes twice, they are too far apart, or there are too many batches
 */
export function directoryOf(
  seqs: ArrayLike<number>,
  batchOf: Uint16Array,
  ends: readonly number[],
): Directory | undefined {
  const count = seqs.length;
  const first = seqs[0]!;
  if (count === 0 || seqs[count - 1]! - first >= GONE || ends.length - 1 > DIRECTORY_BATCHES_MAX) return undefined;
  const starts: number[] = [];
  const ranks: number[] = [];
  let before = -2;
  for (let rank = 0; rank < count; rank++) {
    const relative = seqs[rank]! - first;
    if (relative === before) return undefined;
    if (relative !== before + 1) {
      starts.push(relative);
      ranks.push(rank);
    }
    before = relative;
  }
  ranks.push(count);
  const stretches = { starts: Uint32Array.from(starts), ranks: Uint32Array.from(ranks) };
  return new Directory(first, stretches, Uint32Array.from(ends), batchOf);
}

/** What is there says that it is a directory of this log and segment, this long; 0 if it does not. It is not verified. */
export function directoryBytesAt(
  buffer: Buffer,
  at: number,
  end: number,
  logId: Buffer | null,
  segment: number,
): number {
  if (at + DIRECTORY_HEADER_BYTES > end || buffer.readUInt32LE(at) !== MAGIC) return 0;
  if (buffer.readUInt32LE(at + 16) !== segment) return 0;
  if (logId !== null && buffer.compare(logId, 0, 8, at + 8, at + 16) !== 0) return 0;
  return buffer.readUInt32LE(at + 24);
}

/** Reads the directory of a part with `batchBytes` of batches; undefined if no sound one begins at `at`. */
export function readDirectory(
  buffer: Buffer,
  at: number,
  limit: number,
  logId: Buffer | null,
  segment: { readonly number: number; readonly generation: number },
  batchBytes: number,
): Directory | undefined {
  const length = directoryBytesAt(buffer, at, limit, logId, segment.number);
  const end = at + length;
  if (length < DIRECTORY_HEADER_BYTES || end > limit) return undefined;
  if (crc32(buffer.subarray(at + 8, end)) !== buffer.readUInt32LE(at + 4)) return undefined;
  if (buffer.readUInt32LE(at + 20) !== segment.generation || buffer.readUInt32LE(at + 28) !== batchBytes)
    return undefined;
  const stretches = buffer.readUInt32LE(at + 40);
  const batches = buffer.readUInt32LE(at + 44);
  const records = buffer.readUInt32LE(at + 48);
  const needed = DIRECTORY_HEADER_BYTES + STRETCH_BYTES * stretches + 2 * (batches + records);
  if (align8(needed) !== length || stretches === 0 || records === 0) return undefined;
  const starts = new Uint32Array(stretches);
  const ranks = new Uint32Array(stretches + 1);
  let from = at + DIRECTORY_HEADER_BYTES;
  for (let i = 0; i < stretches; i++, from += STRETCH_BYTES) {
    starts[i] = buffer.readUInt32LE(from);
    ranks[i] = buffer.readUInt32LE(from + 4);
    // They go up, or a search in them leads anywhere.
    if (
      ranks[i]! >= records ||
      (i === 0 ? ranks[0] !== 0 : ranks[i]! <= ranks[i - 1]! || starts[i]! <= starts[i - 1]!)
    ) {
      return undefined;
    }
  }
  ranks[stretches] = records;
  const positions = new Uint32Array(batches + 1);
  for (let i = 0; i < batches; i++, from += 2) positions[i + 1] = positions[i]! + 8 * buffer.readUInt16LE(from);
  if (positions[batches] !== batchBytes) return undefined;
  const batchOf = new Uint16Array(records);
  for (let i = 0; i < records; i++, from += 2) {
    batchOf[i] = buffer[from]! | (buffer[from + 1]! << 8);
    if (batchOf[i]! >= batches) return undefined;
  }
  return new Directory(buffer.readUIntLE(at + 32, 6), { starts, ranks }, positions, batchOf);
}
