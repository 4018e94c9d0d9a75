/**
 * Reads runs (`runs.ts`): finds out by a part's directory where the records lie that a reader will ask for next, has those beside each other read
 * in one go, and notes which record is where. Every batch is verified; what is not sound, or not there, is left to whoever asks for that record.
 */
import type { Waiting } from '../blocks/block.ts';
import type { SegmentBlock } from '../blocks/segment.ts';
import { align8, BatchHeader, readBatch } from '../format/batch.ts';
import type { Directory } from '../format/directory.ts';
import { eachSequenced, RecordRef } from '../format/record.ts';
import type { SegmentFiles } from '../write/segment-files.ts';
import type { Directories } from './directories.ts';
import { RUN_BYTES_MAX, Run, type Runs } from './runs.ts';
import { MERGE_PART } from './wanted.ts';

export interface RunReadsOptions {
  readonly logId: Buffer;
  readonly files: SegmentFiles;
  readonly directories: Directories;
  readonly runs: Runs;
  /** It is asked for otherwise, or in memory. */
  known(seq: number): boolean;
  /** This one is to be read: `read`. */
  planned(run: Run): void;
  /** A record that is waited for is there. */
  found(waiting: Waiting): void;
  /** It is not, or lies elsewhere by now. */
  missing(waiting: readonly Waiting[]): void;
}

export class RunReads {
  private readonly options: RunReadsOptions;
  private readonly header = new BatchHeader();
  private readonly ref = new RecordRef();

  constructor(options: RunReadsOptions) {
    this.options = options;
  }

  /**
   * Asks for records of a block that lies by group; their numbers go up. Those that its directory does not name are passed over.
   * @param useSeq when this one is looked at, `onUse` is called
   */
  ask(block: SegmentBlock, seqs: readonly number[], useSeq: number, onUse: (() => void) | undefined): void {
    const { directories } = this.options;
    const directory = directories.get(block);
    if (directory !== undefined) {
      this.plan(directory, block, seqs, useSeq, onUse);
      return;
    }
    directories.load(block, (error) => {
      const loaded = error === undefined ? directories.get(block) : undefined;
      if (loaded === undefined || block.gone) return;
      const left = seqs.filter((seq) => !this.options.known(seq));
      this.plan(loaded, block, left, useSeq, onUse);
    });
  }

  private plan(
    directory: Directory,
    block: SegmentBlock,
    seqs: readonly number[],
    useSeq: number,
    onUse: (() => void) | undefined,
  ): void {
    const gap = block.segment.blockBytes / MERGE_PART;
    let some: number[] = [];
    let from = 0;
    let to = 0;
    const end = (): void => {
      if (some.length === 0) return;
      const run = new Run(block, from, to, some);
      if (onUse !== undefined && some.includes(useSeq)) {
        run.useSeq = useSeq;
        run.onUse = onUse;
      }
      this.options.runs.add(run);
      this.options.planned(run);
      some = [];
    };
    for (const seq of seqs) {
      const batch = directory.find(seq);
      if (batch < 0) continue;
      const [begins, ends] = [directory.startOf(batch), directory.endOf(batch)];
      // Mostly they lie in the order of their numbers: they are of one group.
      const near = some.length > 0 && begins >= from && begins <= to + gap && ends - from <= RUN_BYTES_MAX;
      if (!near) {
        end();
        from = begins;
        to = ends;
      }
      to = Math.max(to, ends);
      some.push(seq);
    }
    end();
  }

  /** Reads it; `done` is called when that is over, however it went. */
  read(run: Run, done: () => void): void {
    const { runs, files } = this.options;
    if (run.left === 0 || run.stale) {
      this.giveUp(run);
      done();
      return;
    }
    const bytes = run.to - run.from;
    const buffer = runs.begin(run);
    files.read(run.block.segment, run.block.position + run.from, buffer, bytes, (error, n) => {
      if (error !== undefined || run.left === 0 || run.stale) this.giveUp(run);
      else this.look(run, n);
      done();
    });
  }

  /** Nothing is known of it any more. */
  private giveUp(run: Run): void {
    const { runs, missing } = this.options;
    runs.remove(run);
    runs.giveUp(run);
    const waiting = run.waiting.splice(0);
    if (waiting.length > 0) missing(waiting);
  }

  private look(run: Run, length: number): void {
    const { logId, runs, found, missing } = this.options;
    const { header, ref } = this;
    const { buffer } = run;
    const { number } = run.block.segment;
    for (let at = 0; at < length && readBatch(buffer, at, length, logId, number, header); at = align8(header.end)) {
      eachSequenced(buffer, header.payloadStart, header.end, ref, this.noteRecord, run);
    }
    const waiting = run.waiting.splice(0);
    const lost = run.noted();
    for (const seq of lost) if (runs.of(seq) === run) runs.drop(seq);
    const unanswered: Waiting[] = [];
    for (const one of waiting) {
      if (runs.of(one.seq) === run) found(one);
      else unanswered.push(one);
    }
    if (unanswered.length > 0) missing(unanswered);
  }

  private readonly noteRecord = (run: Run): void => run.note(this.ref);
}
