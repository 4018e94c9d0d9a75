/** Delayed messages of a transaction that are stored before its commit (`Delays.storeAhead`): nobody knows of them until all begin to wait at once. */
export class DelayedAhead {
  readonly seqs: number[] = [];
  /** Epoch milliseconds; below 0: so many milliseconds after the commit. */
  readonly waits: number[] = [];
  /** Their tags in the heap. */
  readonly tags: number[] = [];
  /** All keys of the messages that have several. */
  readonly keys = new Map<number, readonly string[]>();
  readonly origins = new Map<number, string>();

  /** @param keys null for one @param origin '' for none */
  add(seq: number, wait: number, tag: number, keys: readonly string[] | null, origin: string): void {
    this.seqs.push(seq);
    this.waits.push(wait);
    this.tags.push(tag);
    if (keys !== null) this.keys.set(seq, keys);
    if (origin !== '') this.origins.set(seq, origin);
  }
}
