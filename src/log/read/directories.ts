/**
 * Directories of parts that lie in the order of groups (`format/directory.ts`): read when the first record of a part is wanted, and kept
 * for the next ones, those used last, within a bound.
 *
 *     (none) ──load──▶ read ──sound──▶ kept ──others need the room──▶ (none)
 *                       └──unsound, or it has led nowhere──▶ made anew: the whole part is read, batch by batch
 *
 * One that was made anew is believed: what it does not name is not there.
 */
import type { SegmentBlock } from '../blocks/segment.ts';
import type { LogEvent } from '../events.ts';
import { align8, BatchHeader, findBatch, readBatch } from '../format/batch.ts';
import { type Directory, DirectoryBuilder, readDirectory } from '../format/directory.ts';
import { eachSequenced, RecordRef } from '../format/record.ts';
import type { SegmentFiles } from '../write/segment-files.ts';

const BYTES_MAX = 4 * 1024 * 1024;
/** Longer ones are damaged. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

type Done = (error: Error | undefined) => void;

interface Kept {
  readonly directory: Directory;
  /** Of the segment. */
  readonly generation: number;
}

export interface DirectoriesOptions {
  readonly logId: Buffer;
  readonly files: SegmentFiles;
  report(event: LogEvent): void;
}

export class Directories {
  /** In the order in which they were used. */
  private readonly kept = new Map<SegmentBlock, Kept>();
  private bytes = 0;
  private readonly madeAnew = new WeakSet<Directory>();
  private readonly loading = new Map<SegmentBlock, Done[]>();
  private readonly options: DirectoriesOptions;
  private readonly header = new BatchHeader();
  private readonly ref = new RecordRef();

  constructor(options: DirectoriesOptions) {
    this.options = options;
  }

  /** Undefined: it must be loaded first. */
  get(block: SegmentBlock): Directory | undefined {
    const kept = this.kept.get(block);
    if (kept === undefined) return undefined;
    this.kept.delete(block);
    if (kept.generation !== block.segment.generation || block.gone) {
      this.bytes -= kept.directory.memoryBytes;
      return undefined;
    }
    this.kept.set(block, kept);
    return kept.directory;
  }

  isMadeAnew(directory: Directory): boolean {
    return this.madeAnew.has(directory);
  }

  /** Calls back when it can be had by `get`; with an error if the file cannot be read. Who asks meanwhile shares the read. */
  load(block: SegmentBlock, done: Done): void {
    this.share(block, done, () => this.read(block));
  }

  /** The same, with one that is made of the batches themselves. */
  makeAnew(block: SegmentBlock, done: Done): void {
    const kept = this.get(block);
    if (kept !== undefined && this.madeAnew.has(kept)) {
      done(undefined);
      return;
    }
    this.share(block, done, () => this.rebuild(block));
  }

  private share(block: SegmentBlock, done: Done, begin: () => Promise<void>): void {
    const waiting = this.loading.get(block);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    this.loading.set(block, [done]);
    begin().then(
      () => this.loaded(block, undefined),
      (error: Error) => this.loaded(block, error),
    );
  }

  private loaded(block: SegmentBlock, error: Error | undefined): void {
    const waiting = this.loading.get(block) ?? [];
    this.loading.delete(block);
    for (const done of waiting) done(error);
  }

  private async read(block: SegmentBlock): Promise<void> {
    const { segment, end, directoryBytes, position } = block;
    const { generation } = segment;
    if (directoryBytes > 0 && directoryBytes <= FILE_BYTES_MAX) {
      const buffer = Buffer.allocUnsafeSlow(directoryBytes);
      const length = await this.readAt(block, position + end, buffer, directoryBytes);
      if (segment.generation !== generation) return; // it lies elsewhere now, with another one
      const directory = readDirectory(buffer, 0, length, this.options.logId, segment, end);
      if (directory !== undefined) {
        this.keep(block, directory);
        return;
      }
    }
    await this.rebuild(block);
  }

  /** Reads all batches of a part, a block's length at a time. */
  private async rebuild(block: SegmentBlock): Promise<void> {
    const { segment, position } = block;
    const { generation, blockBytes, number } = segment;
    const { logId, report } = this.options;
    const { header, ref } = this;
    report({ kind: 'directory-rot', segment: number, offset: position + block.end });
    const builder = new DirectoryBuilder(block.records);
    // What begins in the first half is there whole.
    const buffer = Buffer.allocUnsafeSlow(2 * blockBytes);
    let known = 0;
    for (let from = 0; from < block.end; ) {
      const length = await this.readAt(block, position + from, buffer, Math.min(buffer.length, block.end - from));
      if (segment.generation !== generation || block.gone) return;
      let at = 0;
      while (at < blockBytes && at < length) {
        if (
          !readBatch(buffer, at, length, logId, number, header) &&
          !findBatch(buffer, at, length, logId, number, 0, header)
        ) {
          at = Math.max(at, blockBytes);
          break;
        }
        if (from + header.at > known) {
          report({
            kind: 'rot',
            segment: number,
            offset: position + known,
            batches: 1,
            bytes: from + header.at - known,
          });
          builder.batch(from + header.at - known);
        }
        eachSequenced(buffer, header.payloadStart, header.end, ref, () => builder.record(ref.seq), undefined);
        at = align8(header.end);
        builder.batch(at - header.at);
        known = from + at;
      }
      from += Math.max(at, Math.min(blockBytes, length), 8);
    }
    if (known < block.end) {
      report({ kind: 'rot', segment: number, offset: position + known, batches: 1, bytes: block.end - known });
    }
    const directory = builder.build();
    if (directory === undefined) throw new Error(`segment ${number} is damaged: no message of its part can be found`);
    this.madeAnew.add(directory);
    this.keep(block, directory);
  }

  private keep(block: SegmentBlock, directory: Directory): void {
    const before = this.kept.get(block);
    if (before !== undefined) this.bytes -= before.directory.memoryBytes;
    this.kept.delete(block);
    this.kept.set(block, { directory, generation: block.segment.generation });
    this.bytes += directory.memoryBytes;
    for (const [other, { directory: old }] of this.kept) {
      if (this.bytes <= BYTES_MAX || other === block) break;
      this.kept.delete(other);
      this.bytes -= old.memoryBytes;
    }
  }

  private readAt(block: SegmentBlock, position: number, into: Buffer, bytes: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.options.files.read(block.segment, position, into, bytes, (error, n) => {
        if (error !== undefined) reject(error);
        else resolve(n);
      });
    });
  }
}
