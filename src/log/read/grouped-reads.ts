/**
 * Reads of parts that lie in the order of groups: their directories say which batches hold what is wanted, those that lie beside each other are
 * read in one, and what is wanted is taken out of them.
 *
 *     wanted ──directory there──▶ pieces ──read──▶ found
 *        │ └──not there──▶ loaded ──▶ planned again
 *        └──it says nothing of it, or what is wrong──▶ made anew, once ──▶ planned again ──still──▶ lost
 */
import type { SegmentBlock } from '../blocks/segment.ts';
import { align8, BatchHeader, readBatch } from '../format/batch.ts';
import type { Directory } from '../format/directory.ts';
import { eachSequenced, RecordRef } from '../format/record.ts';
import type { Directories, DirectoriesOptions } from './directories.ts';
import { MERGE_PART, type Piece, type Wanted, WINDOW_BYTES } from './wanted.ts';

export interface GroupedReadsOptions extends DirectoriesOptions {
  readonly directories: Directories;
  /** A record that is wanted by its number; undefined: nobody wants it. */
  wantedBy(seq: number): Wanted | undefined;
  /** These are to be read. */
  read(piece: Piece): void;
  /** `ref` points at it. */
  found(one: Wanted, ref: RecordRef): void;
  failed(one: Wanted, error: Error): void;
  /** More is known of where these lie. */
  planAgain(wanted: readonly Wanted[]): void;
}

export class GroupedReads {
  private readonly options: GroupedReadsOptions;
  private readonly directories: Directories;
  private readonly batch = new BatchHeader();
  private readonly ref = new RecordRef();

  constructor(options: GroupedReadsOptions) {
    this.options = options;
    this.directories = options.directories;
  }

  /** Finds out where these lie, which are all in one part. */
  plan(block: SegmentBlock, wanted: readonly Wanted[]): void {
    const directory = this.directories.get(block);
    if (directory !== undefined) this.planBy(directory, block, wanted);
    else this.directories.load(block, (error) => this.told(wanted, error));
  }

  private told(wanted: readonly Wanted[], error: Error | undefined): void {
    if (error === undefined) this.options.planAgain(wanted);
    else for (const one of wanted) this.options.failed(one, error);
  }

  private planBy(directory: Directory, block: SegmentBlock, wanted: readonly Wanted[]): void {
    const found: { batch: number; one: Wanted }[] = [];
    const missing: Wanted[] = [];
    for (const one of wanted) {
      const batch = directory.find(one.seq);
      if (batch < 0) missing.push(one);
      else found.push({ batch, one });
    }
    found.sort((a, b) => a.batch - b.batch);
    const { generation, blockBytes } = block.segment;
    let last: Piece | undefined;
    for (const { batch, one } of found) {
      const [from, to] = [directory.startOf(batch), directory.endOf(batch)];
      if (last === undefined || from > last.to + blockBytes / MERGE_PART || to > last.from + WINDOW_BYTES) {
        if (last !== undefined) this.options.read(last);
        last = { block, from, to, wanted: [], generation, directory };
      } else last.to = Math.max(last.to, to);
      last.wanted.push(one);
      one.piece = last;
    }
    if (last !== undefined) this.options.read(last);
    if (missing.length > 0) this.mistrust(directory, block, missing);
  }

  /** Takes what is wanted out of the batches that were read. */
  take(piece: Piece, directory: Directory, buffer: Buffer, length: number, error: Error | undefined): void {
    const { block, wanted } = piece;
    const { batch, ref } = this;
    const { number } = block.segment;
    if (error !== undefined) {
      for (const one of wanted) this.options.failed(one, error);
      return;
    }
    const { logId } = this.options;
    for (let at = 0; at < length && readBatch(buffer, at, length, logId, number, batch); at = align8(batch.end)) {
      eachSequenced(buffer, batch.payloadStart, batch.end, ref, this.takeRecord, piece);
    }
    const missing = wanted.filter((one) => one.piece === piece);
    if (missing.length > 0) this.mistrust(directory, block, missing);
  }

  private readonly takeRecord = (piece: Piece): void => {
    const one = this.options.wantedBy(this.ref.seq);
    if (one === undefined || one.piece !== piece) return;
    one.piece = undefined;
    this.options.found(one, this.ref);
  };

  /** A directory says nothing of these, or what is wrong: it is made anew of all that there is, once. */
  private mistrust(directory: Directory, block: SegmentBlock, wanted: readonly Wanted[]): void {
    if (!this.directories.isMadeAnew(directory)) {
      this.directories.makeAnew(block, (error) => this.told(wanted, error));
      return;
    }
    for (const one of wanted) {
      this.options.failed(one, new Error(`record ${one.seq} is lost: its batch is damaged`));
    }
  }
}
