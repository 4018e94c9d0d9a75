/** Settlements of a queue's durable messages, gathered until the turn's end: one record for all of them. */

const NO_SEQS = new Float64Array(0);
const ROOM_MIN = 16;
/** Larger room is given back after use. */
const ROOM_KEPT = 65_536;

export class SettlementBatch {
  count = 0;
  /** The first `count` are those gathered. */
  seqs = NO_SEQS;

  add(seq: number): void {
    if (this.count === this.seqs.length) {
      const larger = new Float64Array(Math.max(ROOM_MIN, this.count * 2));
      larger.set(this.seqs);
      this.seqs = larger;
    }
    this.seqs[this.count++] = seq;
  }

  /** They have been written: the room is used again. */
  clear(): void {
    this.count = 0;
    if (this.seqs.length > ROOM_KEPT) this.seqs = NO_SEQS;
  }
}
