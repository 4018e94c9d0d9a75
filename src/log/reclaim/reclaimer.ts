/**
 * The reclaiming of whole segments, wherever in the log they are: sealed ones before the last checkpoint that is on the disk,
 * to whose records nobody refers. The log first says so in a record; when that is on the disk, and with it everything that
 * let go of their records, the files go. A crash in between leaves a file that the next start removes.
 */

import type { Segment } from '../blocks/segment.ts';
import { type OwnRecords, RECORD_GONE } from '../format/own-records.ts';

/** Segments in one record at most. */
const GONE_MAX = 128;

export class Reclaimer {
  /** The owner has counted its references: only then does "none" mean that nobody needs a record. */
  counted = false;
  /** It is worth looking: a segment lost its last reference, or a checkpoint became safe. */
  due = false;
  /** Said to be gone in a record that is on its way to the disk. */
  private dropping: Segment[] = [];
  private droppingMark = 0;

  get ready(): boolean {
    return this.due && this.counted && this.dropping.length === 0;
  }

  /** Files wait for a record to be on the disk. */
  get waiting(): boolean {
    return this.dropping.length > 0;
  }

  /** Takes the dead segments out of `segments` and appends a record that says so; `mark` is the flush it will be in. */
  reclaim(log: OwnRecords & { readonly mark: number }, segments: Segment[], checkpoint: number): void {
    this.due = false;
    const dead: Segment[] = [];
    for (const segment of segments) {
      if (segment.number >= checkpoint || dead.length === GONE_MAX) break;
      if (segment.live === 0 && !segment.compacting && segment.pins === 0) dead.push(segment);
    }
    if (dead.length === 0) return;
    const at = log.append(RECORD_GONE, dead.length * 4);
    for (const [i, segment] of dead.entries()) {
      log.buffer.writeUInt32LE(segment.number, at + i * 4);
      segment.gone = true;
      segments.splice(segments.indexOf(segment), 1);
    }
    this.due = dead.length === GONE_MAX;
    this.dropping = dead;
    this.droppingMark = log.mark;
  }

  /** The segments whose files may go now. */
  synced(mark: number): readonly Segment[] {
    const { dropping } = this;
    if (dropping.length === 0 || mark < this.droppingMark) return [];
    this.dropping = [];
    return dropping;
  }
}
