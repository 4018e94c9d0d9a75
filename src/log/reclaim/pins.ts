/**
 * Segments whose files somebody copies while the log goes on: none of them is reclaimed, rewritten or used again before it is let go.
 *
 *     hold ──nothing is being reclaimed or rewritten──▶ pin (what is on the disk at this moment) ──▶ let go, segment by segment
 *                                                         └──the disk is full: all are let go, and the copy is worth nothing──▶ lost
 *
 * What is pinned is what a start would find if the process were killed now: whole files of the segments before the one that was last
 * flushed, and that one up to where the flush ended.
 */
import type { Segment } from '../blocks/segment.ts';

export interface PinnedFile {
  readonly path: string;
  /** So much of it, from its start; undefined: all. */
  readonly bytes: number | undefined;
}

export class LogPin {
  /** Oldest first. */
  readonly files: readonly PinnedFile[];
  private readonly segments: (Segment | undefined)[];
  private readonly pins: Pins;
  /** The log needed the room: what has been read since is not to be relied on. */
  lost = false;

  /** @param bytes of the last one */
  constructor(pins: Pins, segments: readonly Segment[], bytes: number) {
    this.pins = pins;
    this.segments = [...segments];
    this.files = segments.map(({ path }, at) => ({ path, bytes: at === segments.length - 1 ? bytes : undefined }));
  }

  /** The file at this place in `files` has been copied. */
  release(at: number): void {
    const segment = this.segments[at];
    this.segments[at] = undefined;
    if (segment !== undefined) this.pins.unpin(segment);
  }

  releaseAll(): void {
    for (let at = 0; at < this.segments.length; at++) this.release(at);
    this.pins.forget(this);
  }
}

export class Pins {
  /** Nothing is to be begun: somebody is about to pin. */
  held = 0;
  private readonly taken = new Set<LogPin>();
  private readonly onFree: () => void;

  /** @param onFree what could not be reclaimed or rewritten may be so now */
  constructor(onFree: () => void) {
    this.onFree = onFree;
  }

  hold(): void {
    this.held++;
  }

  letGo(): void {
    this.held--;
    this.onFree();
  }

  pin(segments: readonly Segment[], bytes: number): LogPin {
    for (const segment of segments) segment.pins++;
    const pin = new LogPin(this, segments, bytes);
    this.taken.add(pin);
    return pin;
  }

  unpin(segment: Segment): void {
    if (--segment.pins === 0) this.onFree();
  }

  forget(pin: LogPin): void {
    this.taken.delete(pin);
  }

  /** Room is needed more than copies are. */
  lose(): void {
    for (const pin of [...this.taken]) {
      pin.lost = true;
      pin.releaseAll();
    }
  }
}
