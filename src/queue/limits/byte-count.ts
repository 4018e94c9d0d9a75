/**
 * The count of the bytes of bodies that wait in a queue with a limit on them. No size is kept for what waits: it is read when a
 * message leaves. For what may come back, and is not read then, a size is kept by its sequence number.
 *
 * After a restart, or when a limit comes late, what waits has to be read once. That is done in pieces while the queue
 * goes on: numbers up to `counted`, and those after `last`, are in the total; those in between not yet.
 *
 * ```
 * ──── in the total ────│ counted ─── to be read ───▶│ last ──── in the total ────▶
 * ```
 */

/** Reads the size of a message: `done(-1)` if it cannot be read. Synchronously where it is in memory. */
export type SizeOf = (seq: number, flags: number, done: (bytes: number) => void) => void;

/** Messages read in one go. */
const READ_AT_ONCE = 256;

export class ByteCount {
  /** Bytes that are known to wait. */
  total = 0;
  private counted = Number.POSITIVE_INFINITY;
  private last = Number.NEGATIVE_INFINITY;
  /** Left before they were read. */
  private readonly early = new Set<number>();
  /** Sizes of those that are not waiting, and may: on their way in, unsettled, or parked. */
  private readonly absent = new Map<number, number>();
  private seqs: number[] = [];
  private flagSets: number[] = [];
  private next = 0;
  private reading = false;

  /** It is on its way in. */
  expected(seq: number, bytes: number): void {
    this.absent.set(seq, bytes);
  }

  /** It waits, for the first time or again. */
  entered(seq: number): void {
    const bytes = this.absent.get(seq);
    if (bytes === undefined) return;
    this.absent.delete(seq);
    if (this.includes(seq)) this.total += bytes;
    else this.early.delete(seq);
  }

  /** It does not wait any more. @param held it may come back */
  left(seq: number, bytes: number, held: boolean): void {
    if (this.includes(seq)) this.total -= bytes;
    else this.early.add(seq);
    if (held) this.absent.set(seq, bytes);
  }

  /** It is done with, and will not come back. */
  forget(seq: number): void {
    this.absent.delete(seq);
  }

  /** Nothing waits. */
  emptied(): void {
    this.total = 0;
    this.stopReading();
  }

  private includes(seq: number): boolean {
    return seq <= this.counted || seq > this.last;
  }

  /** Everything is in the total. */
  get complete(): boolean {
    return this.seqs.length === 0;
  }

  /** What waits now, in any order: it is read from the next call of `read` on. */
  begin(waiting: readonly (readonly [seq: number, flags: number])[]): void {
    if (waiting.length === 0) return;
    const ordered = [...waiting].sort((a, b) => a[0] - b[0]);
    this.seqs = ordered.map(([seq]) => seq);
    this.flagSets = ordered.map(([, flags]) => flags);
    this.next = 0;
    this.counted = this.seqs[0]! - 1;
    this.last = this.seqs[this.seqs.length - 1]!;
  }

  /** Reads a few. `later` is called when more can be read, or all is done, if that is not at once. */
  read(sizeOf: SizeOf, later: () => void): void {
    if (this.reading) return;
    for (let n = 0; n < READ_AT_ONCE && this.next < this.seqs.length; n++) {
      const seq = this.seqs[this.next]!;
      if (this.early.delete(seq)) {
        this.pass(seq);
        continue;
      }
      let answered = false;
      this.reading = true;
      sizeOf(seq, this.flagSets[this.next]!, (bytes) => {
        this.reading = false;
        if (this.seqs[this.next] !== seq) return; // everything went meanwhile
        if (!this.early.delete(seq) && bytes > 0) this.total += bytes;
        this.pass(seq);
        if (answered) later();
        answered = true;
      });
      if (!answered) {
        answered = true;
        return;
      }
    }
    if (this.next < this.seqs.length) later();
    else this.stopReading();
  }

  private pass(seq: number): void {
    this.counted = seq;
    this.next++;
    if (this.next === this.seqs.length) this.stopReading();
  }

  private stopReading(): void {
    this.seqs = [];
    this.flagSets = [];
    this.next = 0;
    this.early.clear();
    this.counted = Number.POSITIVE_INFINITY;
    this.last = Number.NEGATIVE_INFINITY;
  }
}
