/**
 * A follower's segments: made equal, place by place, to what the shared log says. What is there already and is the same stays; what differs is
 * replaced. Where the shared log ends, what lies behind is cut, unless it proves that the engine has lost something.
 */
import { join } from 'node:path';
import { type FileSystem, type LogFile, readFully, syncFile, writeFile } from '../../log/files/files.ts';
import { readSegmentHeader, SEGMENT_HEADER_BYTES, segmentName, segmentNumber } from '../../log/format/segment.ts';
import type { ReplicaPart } from '../../log/replica.ts';
import type { Report } from '../events.ts';
import type { Cursor } from './cursor.ts';
import { type Own, OwnBatches } from './own-batches.ts';

/** This node's own segments prove that the engine has lost what it had acknowledged. */
export class WentBackwards extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WentBackwards';
  }
}

/** This directory holds another log than the cluster's. */
export class ForeignLog extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ForeignLog';
  }
}

export class OwnSegments {
  private readonly files: FileSystem;
  private readonly directory: string;
  private readonly report: Report;
  private readonly segments = new Map<number, Own>();
  /** What they hold. */
  readonly batches: OwnBatches;
  /** The one that is written to. */
  private current: { readonly own: Own; readonly file: LogFile } | undefined = undefined;
  /** Where the log goes on in it. */
  private end = 0;
  private dirty = false;
  private namesChanged = false;

  constructor(files: FileSystem, directory: string, report: Report) {
    this.files = files;
    this.directory = directory;
    this.report = report;
    this.batches = new OwnBatches(files, this.segments);
  }

  /** @returns the id of the log that is here; undefined: there is none */
  async open(): Promise<Buffer | undefined> {
    await this.files.makeDirectory(this.directory);
    let logId: Buffer | undefined;
    for (const name of await this.files.list(this.directory)) {
      const number = segmentNumber(name);
      if (number === 0) continue;
      const path = join(this.directory, name);
      const { bytes, header } = await this.batches.headerOf(path);
      this.segments.set(number, { number, path, bytes });
      if (header?.number === number) logId ??= header.logId;
      // What was only in the page cache when the last life ended is from now on taken to be on the disk: make it so.
      const file = await this.files.open(path, 'update');
      try {
        await syncFile(file);
      } finally {
        await file.close();
      }
    }
    await this.files.syncDirectory(this.directory);
    return logId;
  }

  // -- what comes from the shared log

  /** Goes on in the segment where our own last batch lies. */
  async resume(segment: number, end: number): Promise<void> {
    const own = this.segments.get(segment)!;
    this.end = end;
    this.current = { own, file: await this.files.open(own.path, 'update') };
  }

  /** Writes a part where it belongs, unless it is there. Not safe before `sync`. */
  async put(part: ReplicaPart): Promise<void> {
    if (part.position === 0) await this.begin(part);
    const { own, file } = this.current!;
    const { bytes, position } = part;
    this.end = position + bytes.length;
    if (position < own.bytes) {
      const there = Buffer.allocUnsafe(Math.min(bytes.length, own.bytes - position));
      const length = await readFully(file, there, there.length, position);
      if (length === bytes.length && there.equals(bytes)) return;
      if (there.subarray(0, length).some((byte) => byte !== 0)) await this.replace(part);
    }
    await writeFile(file, bytes, position);
    own.bytes = Math.max(own.bytes, position + bytes.length);
    this.dirty = true;
  }

  /**
   * Other bytes were here: of a leader that nobody heard of any more, or rotten. What lies behind them is no continuation of what
   * will be here, also where it looks like one.
   */
  private async replace({ segment, position }: ReplicaPart): Promise<void> {
    const { own, file } = this.current!;
    let bytes = own.bytes - position;
    await file.truncate(position);
    own.bytes = position;
    for (const later of [...this.segments.values()]) {
      if (later.number <= segment) continue;
      bytes += later.bytes;
      await this.remove(later);
    }
    this.report({ kind: 'replaced', segment, position, bytes });
  }

  private async begin({ segment, bytes }: ReplicaPart): Promise<void> {
    const { current, end } = this;
    const header = readSegmentHeader(bytes, bytes.length)!;
    let own = this.segments.get(segment);
    const there = own === undefined ? undefined : await this.batches.headBytes(own.path);
    const alike = there?.equals(bytes.subarray(0, SEGMENT_HEADER_BYTES)) === true;
    // Room, and what leaders had written that were deposed here; segments of lives that the shared log knows nothing of.
    const stale = [...this.segments.values()].filter(({ number }) => number > header.previous && number < segment);
    if (own !== undefined && !alike) stale.push(own);
    await this.judge(header.logId, current?.own, end, stale, header.firstBatch, header.blockBytes);
    if (current !== undefined && current.own.bytes > end) {
      await current.file.truncate(end);
      current.own.bytes = end;
      this.dirty = true;
    }
    await this.sync();
    await current?.file.close();
    this.current = undefined;
    for (const each of stale) await this.remove(each);
    if (own !== undefined && alike) {
      this.current = { own, file: await this.files.open(own.path, 'update') };
      return;
    }
    own = { number: segment, path: join(this.directory, segmentName(segment)), bytes: 0 };
    const file = await this.files.open(own.path, 'create');
    this.segments.set(segment, own);
    this.namesChanged = true;
    this.current = { own, file };
  }

  /** All that was put is on the disk. */
  async sync(): Promise<void> {
    if (this.dirty && this.current !== undefined) await syncFile(this.current.file);
    this.dirty = false;
    if (this.namesChanged) await this.files.syncDirectory(this.directory);
    this.namesChanged = false;
  }

  private async remove(own: Own): Promise<void> {
    this.segments.delete(own.number);
    await this.files.remove(own.path);
    // A new file of this name must not turn out to be the old one.
    await this.files.syncDirectory(this.directory);
  }

  /** Nothing in it is needed, as the log says. */
  async gone(segment: number): Promise<void> {
    const own = this.segments.get(segment);
    if (own !== undefined && own !== this.current?.own) await this.remove(own);
  }

  // -- the end

  /**
   * Sound batches of our own that go on right where the shared log ends, in the same segment and in those that follow it; the cursor
   * goes on behind them.
   */
  async tail(logId: Buffer, cursor: Cursor): Promise<ReplicaPart[]> {
    const parts: ReplicaPart[] = [];
    for (;;) {
      if (cursor.segment > 0) {
        for (
          let part = await this.batches.run(logId, cursor);
          part !== undefined;
          part = await this.batches.run(logId, cursor)
        ) {
          cursor.takePart(logId, part);
          parts.push(part);
        }
      }
      const begun = await this.batches.segmentAfter(logId, cursor);
      if (begun === undefined) return parts;
      cursor.takePart(logId, begun);
      parts.push(begun);
      await this.current?.file.close();
      this.current = undefined;
      await this.resume(begun.segment, begun.bytes.length);
    }
  }

  /**
   * The shared log ends at `end` of the segment that is written to, before batch `nextBatch`. Cuts what lies behind.
   * @throws WentBackwards some of it had been acknowledged: nothing is cut
   */
  async cut(logId: Buffer, end: number, nextBatch: number, blockBytes: number): Promise<void> {
    const { current } = this;
    const behind = [...this.segments.values()].filter(({ number }) => number > (current?.own.number ?? 0));
    await this.judge(logId, current?.own, end, behind, nextBatch, blockBytes);
    if (current !== undefined) {
      await current.file.truncate(end);
      current.own.bytes = end;
      await syncFile(current.file);
    }
    for (const segment of behind) await this.remove(segment);
  }

  /**
   * The log goes on with `nextBatch` elsewhere: says what is about to be given up, behind `end` of a segment and in others.
   * @throws WentBackwards some of it had been acknowledged
   */
  private async judge(
    logId: Buffer,
    own: Own | undefined,
    end: number,
    others: readonly Own[],
    nextBatch: number,
    blockBytes: number,
  ): Promise<void> {
    let batches = 0;
    let bytes = 0;
    for (const segment of own === undefined ? others : [own, ...others]) {
      const { header } = await this.batches.headerOf(segment.path);
      await this.batches.eachBatch(
        segment,
        logId,
        segment === own ? end : 0,
        header?.blockBytes ?? blockBytes,
        (batch) => {
          batches++;
          bytes += batch.end - batch.at;
          if (batch.synced < nextBatch) return;
          throw new WentBackwards(
            `the shared log has another batch ${nextBatch}, or none, and batch ${batch.number} in ${segment.path} proves that the one here had been acknowledged`,
          );
        },
      );
    }
    if (batches > 0) this.report({ kind: 'cut', segment: own?.number ?? 0, batches, bytes });
  }

  async close(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    await current?.file.close();
  }
}
