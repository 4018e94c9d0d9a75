/** The recovered delays: the messages that wait for their time, as the log says. */
export class RecoveredDelays {
  /** All keys of the messages that have several. */
  readonly keys = new Map<number, readonly string[]>();
  /** By number: due × 8 + flags, since a million of them may wait. */
  private readonly found = new Map<number, number>();

  /** @param due epoch milliseconds */
  delayed(seq: number, due: number, flags: number): void {
    this.found.set(seq, due * 8 + flags);
  }

  setKeys(seq: number, keys: readonly string[]): void {
    this.keys.set(seq, keys);
  }

  over(seq: number): void {
    this.found.delete(seq);
  }

  /** The whole log has been read: what belongs to no message that waits is forgotten. */
  finish(): void {
    for (const seq of [...this.keys.keys()]) if (!this.found.has(seq)) this.keys.delete(seq);
  }

  forEach(visit: (seq: number, due: number, flags: number) => void): void {
    for (const [seq, packed] of this.found) visit(seq, Math.floor(packed / 8), packed % 8);
  }
}
