/** What a node's own segments hold, looked at by a follower: nothing is changed here. */
import { type FileSystem, readFully } from '../../log/files/files.ts';
import { align8, BatchHeader, batchEndsAt, findBatch, readBatch } from '../../log/format/batch.ts';
import { readSegmentHeader, SEGMENT_HEADER_BYTES } from '../../log/format/segment.ts';
import type { ReplicaPart } from '../../log/replica.ts';
import type { Cursor, LastBatch } from './cursor.ts';

export interface Own {
  readonly number: number;
  readonly path: string;
  bytes: number;
}

export class OwnBatches {
  private readonly files: FileSystem;
  private readonly segments: ReadonlyMap<number, Own>;

  constructor(files: FileSystem, segments: ReadonlyMap<number, Own>) {
    this.files = files;
    this.segments = segments;
  }

  /** What a file says of itself at its front, and how long it is. */
  async headerOf(path: string) {
    const file = await this.files.open(path, 'read');
    try {
      const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
      const header = readSegmentHeader(buffer, await readFully(file, buffer, SEGMENT_HEADER_BYTES, 0));
      return { header, bytes: await file.sizeBytes() };
    } finally {
      await file.close();
    }
  }

  /** The bytes of its header. */
  async headBytes(path: string): Promise<Buffer> {
    const file = await this.files.open(path, 'read');
    try {
      const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
      await readFully(file, buffer, SEGMENT_HEADER_BYTES, 0);
      return buffer;
    } finally {
      await file.close();
    }
  }

  /** Visits the sound batches of a segment from `from` on; `position`: where in the file the buffer begins. */
  async eachBatch(
    own: Own,
    logId: Buffer,
    from: number,
    blockBytes: number,
    visit: (batch: BatchHeader, buffer: Buffer, position: number) => void,
  ): Promise<void> {
    const file = await this.files.open(own.path, 'read');
    try {
      const header = new BatchHeader();
      const buffer = Buffer.allocUnsafeSlow(blockBytes);
      for (let position = Math.floor(from / blockBytes) * blockBytes; position < own.bytes; position += blockBytes) {
        const length = await readFully(file, buffer, blockBytes, position);
        let at = Math.max(from - position, position === 0 ? SEGMENT_HEADER_BYTES : 0);
        while (findBatch(buffer, at, length, logId, own.number, 0, header)) {
          visit(header, buffer, position);
          at = header.end;
        }
      }
    } finally {
      await file.close();
    }
  }

  /** Looks for a batch of our own of this number and checksum. */
  async find(logId: Buffer, number: number, checksum: number): Promise<LastBatch | undefined> {
    const descending = [...this.segments.values()].sort((a, b) => b.number - a.number);
    for (const own of descending) {
      const { header } = await this.headerOf(own.path);
      if (header === undefined || header.generation > 0 || header.firstBatch > number) continue;
      let found: LastBatch | undefined;
      await this.eachBatch(own, logId, 0, header.blockBytes, (batch, buffer, position) => {
        if (batch.number !== number || buffer.readUInt32LE(batch.at + 4) !== checksum) return;
        const end = position + align8(batch.end);
        found = { number, checksum, segment: own.number, blockBytes: header.blockBytes, end };
      });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The highest number of a batch, whoever wrote it; 0: there is none. */
  async highest(logId: Buffer): Promise<number> {
    let highest = 0;
    for (const own of this.segments.values()) {
      const { header } = await this.headerOf(own.path);
      if (header === undefined || header.generation > 0) continue;
      await this.eachBatch(own, logId, 0, header.blockBytes, ({ number }) => {
        highest = Math.max(highest, number);
      });
    }
    return highest;
  }

  /** A segment of our own begins with the very same bytes: what was before it is gone, or was complete. */
  async beginsAlike(part: ReplicaPart): Promise<boolean> {
    const own = part.position === 0 ? this.segments.get(part.segment) : undefined;
    if (own === undefined || part.bytes.length <= SEGMENT_HEADER_BYTES) return false;
    const length = Math.min(part.bytes.length, align8(batchEndsAt(part.bytes, SEGMENT_HEADER_BYTES)));
    const file = await this.files.open(own.path, 'read');
    try {
      const there = Buffer.alloc(length);
      return (await readFully(file, there, length, 0)) === length && there.equals(part.bytes.subarray(0, length));
    } finally {
      await file.close();
    }
  }

  /**
   * The last batch of our own log, which nobody else has yet; undefined: there is none.
   * @throws Error a kill has left something that only a start can judge
   */
  async last(logId: Buffer): Promise<LastBatch | undefined> {
    for (const own of [...this.segments.values()].sort((a, b) => b.number - a.number)) {
      const { header } = await this.headerOf(own.path);
      if (header === undefined || header.generation > 0) continue;
      const { blockBytes } = header;
      let next = header.firstBatch;
      let found: LastBatch | undefined;
      let torn = false;
      await this.eachBatch(own, logId, 0, blockBytes, (batch, buffer, position) => {
        if (batch.number !== next++) torn = true;
        const checksum = buffer.readUInt32LE(batch.at + 4);
        found = { number: batch.number, checksum, segment: own.number, blockBytes, end: position + align8(batch.end) };
      });
      if (torn) throw new Error(`${own.path} has a gap: start this node without a cluster once, and stop it`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The batches that follow the cursor in its segment, as far as the block goes. */
  async run(logId: Buffer, { segment, end, blockBytes, nextBatch }: Cursor): Promise<ReplicaPart | undefined> {
    const own = this.segments.get(segment)!;
    const file = await this.files.open(own.path, 'read');
    try {
      const nextBlock = Math.ceil(end / blockBytes) * blockBytes;
      for (const position of end === nextBlock ? [end] : [end, nextBlock]) {
        if (position >= own.bytes) continue;
        const buffer = Buffer.allocUnsafe(blockBytes - (position % blockBytes));
        const length = await readFully(file, buffer, buffer.length, position);
        const to = soundTo(buffer, 0, length, logId, segment, nextBatch);
        if (to > 0) return { segment, position, bytes: buffer.subarray(0, to) };
      }
      return undefined;
    } finally {
      await file.close();
    }
  }

  /** The first block of the segment of our own that follows the cursor's. */
  async segmentAfter(logId: Buffer, { segment, nextBatch }: Cursor): Promise<ReplicaPart | undefined> {
    for (const own of [...this.segments.values()].sort((a, b) => a.number - b.number)) {
      if (own.number <= segment) continue;
      const { header } = await this.headerOf(own.path);
      if (header?.previous !== segment || header.firstBatch !== nextBatch || header.generation !== 0) continue;
      if (header.number !== own.number || !header.logId.equals(logId)) continue;
      const file = await this.files.open(own.path, 'read');
      try {
        const buffer = Buffer.allocUnsafe(header.blockBytes);
        const length = await readFully(file, buffer, buffer.length, 0);
        const to = soundTo(buffer, SEGMENT_HEADER_BYTES, length, logId, own.number, nextBatch);
        if (to > SEGMENT_HEADER_BYTES) return { segment: own.number, position: 0, bytes: buffer.subarray(0, to) };
      } finally {
        await file.close();
      }
    }
    return undefined;
  }
}

/** Where the batches end that lie one behind the other from `from` on, numbered from `batch` on. */
function soundTo(buffer: Buffer, from: number, length: number, logId: Buffer, segment: number, batch: number): number {
  const header = new BatchHeader();
  let at = from;
  for (let number = batch; readBatch(buffer, at, length, logId, segment, header); number++) {
    if (header.number !== number || header.generation !== 0) break;
    at = Math.min(length, align8(header.end));
  }
  return at;
}
