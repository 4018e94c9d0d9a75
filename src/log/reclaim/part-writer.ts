/** Writes parts of a segment one behind the other: batches in the order of groups, and behind them which holds what. */
import type { Segment } from '../blocks/segment.ts';
import { type LogFile, syncFile, writeFile } from '../files/files.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, sealBatch } from '../format/batch.ts';
import { type Directory, directoryOf } from '../format/directory.ts';
import { payloadBytesAt, SEQUENCED_HEADER_BYTES } from '../format/record.ts';
import { SEGMENT_HEADER_BYTES } from '../format/segment.ts';
import { batchBytesOf } from '../options.ts';
import type { Part } from './group-part.ts';
import { type CopierOptions, type MovedBlock, SYNC_BYTES } from './rewriting.ts';

export class PartWriter {
  position = SEGMENT_HEADER_BYTES;
  readonly moved: MovedBlock[] = [];
  private readonly options: CopierOptions;
  private readonly segment: Segment;
  private readonly file: LogFile;
  private readonly batchBytes: number;
  private readonly header = new BatchHeader();
  /** What has not been written yet, and where a batch is open in it. */
  private out: Buffer;
  private used = 0;
  private unsynced = 0;
  /** Batches are numbered through the whole segment, from 1. */
  private batch = 1;

  /** @param out as long as a block */
  constructor(options: CopierOptions, segment: Segment, file: LogFile, out: Buffer) {
    this.options = options;
    this.segment = segment;
    this.file = file;
    // Never longer than a block, as everywhere.
    this.batchBytes = Math.min(batchBytesOf(segment.blockBytes), segment.blockBytes - BATCH_HEADER_BYTES - 8);
    this.out = out;
  }

  /** False if it cannot be done. */
  async write(part: Part): Promise<boolean> {
    const { position } = this;
    const order = part.order();
    const { seqs, blocks, count } = part;
    const batchOf = new Uint16Array(count);
    const ends = [0];
    let sequencedBytes = 0;
    let payload = 0;
    let records = 0;
    for (let i = 0; i < count; i++) {
      const which = order[i]!;
      const chunk = part.chunkOf(which);
      const start = part.startOf(which);
      const length = SEQUENCED_HEADER_BYTES + payloadBytesAt(chunk, start);
      if (payload > 0 && payload + length > this.batchBytes) {
        ends.push(ends[ends.length - 1]! + this.seal(payload, records));
        payload = 0;
        records = 0;
      }
      // A batch is begun where it has room whatever comes.
      if (payload === 0) await this.makeRoom(BATCH_HEADER_BYTES + Math.max(length, this.batchBytes) + 8);
      const at = this.used + BATCH_HEADER_BYTES + payload;
      chunk.copy(this.out, at, start, start + length);
      payload += length;
      records++;
      sequencedBytes += length;
      batchOf[which] = ends.length - 1;
    }
    ends.push(ends[ends.length - 1]! + this.seal(payload, records));
    const directory = directoryOf(seqs, batchOf, ends);
    if (directory === undefined) return false;
    const end = this.position + this.used - position;
    const directoryBytes = await this.writeDirectory(directory);
    const known = { position, end, firstSeq: seqs[0]!, lastSeq: seqs[count - 1]!, records: count, sequencedBytes };
    this.moved.push({ ...known, blocks: [...blocks], grouped: true, directoryBytes });
    await this.flush();
    return true;
  }

  private async writeDirectory(directory: Directory): Promise<number> {
    const { segment } = this;
    const { fileBytes } = directory;
    await this.makeRoom(fileBytes);
    directory.write(this.out, this.used, this.options.logId, segment.number, segment.generation + 1);
    this.used += fileBytes;
    return fileBytes;
  }

  /** Ends the batch; returns what it takes. */
  private seal(payload: number, records: number): number {
    const { header, segment, out } = this;
    header.at = this.used;
    header.payloadBytes = payload;
    header.number = this.batch++;
    header.open = payload;
    header.records = records;
    header.generation = segment.generation + 1;
    sealBatch(out, this.options.logId, segment.number, header);
    const end = align8(header.end);
    out.fill(0, header.end, end);
    const bytes = end - this.used;
    this.used = end;
    return bytes;
  }

  private async makeRoom(bytes: number): Promise<void> {
    if (this.used + bytes <= this.out.length) return;
    await this.flush();
    if (bytes > this.out.length) this.out = Buffer.allocUnsafeSlow(bytes);
  }

  private async flush(): Promise<void> {
    const { used, file } = this;
    if (used === 0) return;
    await this.options.afford(0);
    await writeFile(file, this.out.subarray(0, used), this.position);
    this.position += used;
    this.used = 0;
    this.unsynced += used;
    if (this.unsynced < SYNC_BYTES) return;
    await syncFile(file);
    this.unsynced = 0;
  }
}
