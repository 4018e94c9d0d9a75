/**
 * Whose the copies of messages are, for publishers that may have so many waiting: a copy counts from when it is stored until nobody
 * needs it any more, wherever it went meanwhile. What is published again for a message (a dead letter, one that is due) is its
 * publisher's, too. Kept in memory, for messages of such publishers alone, and so no longer than the broker runs.
 */

/** What has so many copies: a user, a listener, a connection. */
export interface CopyHolder {
  copies: number;
}

/** All that a publisher's copies count for. */
export type CopyOwner = readonly CopyHolder[];

export class OwnedCopies {
  /** Whose what is stored now is; null: nobody's who has such a limit. */
  by: CopyOwner | null = null;
  private stored: CopyOwner | null = null;
  private storedSeq = 0;
  private readonly owners = new Map<number, CopyOwner>();
  /** Copies beyond the first, of messages that have several. */
  private readonly more = new Map<number, number>();

  /** A message is stored. @param continues the number that it had before, 0 for a new one */
  came(seq: number, continues: number): void {
    this.storedSeq = seq;
    this.stored = this.by ?? (continues === 0 ? null : (this.owners.get(continues) ?? null));
  }

  /** So many copies more are needed of it. */
  took(seq: number, copies: number): void {
    let owner = this.owners.get(seq);
    let more = copies;
    if (owner === undefined) {
      if (seq !== this.storedSeq || this.stored === null || copies === 0) return;
      owner = this.stored;
      this.owners.set(seq, owner);
      more--;
    }
    if (more > 0) this.more.set(seq, (this.more.get(seq) ?? 0) + more);
    for (const holder of owner) holder.copies += copies;
  }

  /** So many are not. */
  released(seq: number, copies: number): void {
    const owner = this.owners.get(seq);
    if (owner === undefined) return;
    for (const holder of owner) holder.copies -= copies;
    const left = (this.more.size === 0 ? 0 : (this.more.get(seq) ?? 0)) - copies;
    if (left > 0) this.more.set(seq, left);
    else {
      this.more.delete(seq);
      if (left < 0) this.owners.delete(seq);
    }
  }

  /** All of them are gone at once. */
  forget(): void {
    for (const [seq, owner] of this.owners) {
      for (const holder of owner) holder.copies -= 1 + (this.more.get(seq) ?? 0);
    }
    this.owners.clear();
    this.more.clear();
  }
}
