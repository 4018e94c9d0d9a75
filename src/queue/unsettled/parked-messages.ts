/**
 * Parked messages: out of a queue for a while, neither ready nor unsettled. They are nobody's to take, and not to be forgotten.
 *
 * - not yet safe: an exactly-once message whose publish is not on disk yet;
 * - dying: it has died, and what becomes of it is still to be carried out;
 * - retrying: it has failed, and is tried again at a time;
 * - unreadable: the log cannot give it back.
 */
import type { DeathReason } from '../../message/deaths/deaths.ts';
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';

export class ParkedMessages {
  private readonly entries = new Map<number, QueueEntryFlags>();
  /** Of those that are dying: what of. */
  private readonly reasons = new Map<number, DeathReason>();
  /** Of those that are retrying: when, epoch milliseconds. */
  private readonly dueMs = new Map<number, number>();

  get size(): number {
    return this.entries.size;
  }

  add(seq: number, flags: QueueEntryFlags): void {
    this.entries.set(seq, flags);
  }

  /** Undefined if it is not here. */
  flagsOf(seq: number): QueueEntryFlags | undefined {
    return this.entries.get(seq);
  }

  /** Takes one out; returns its flags, undefined if it is not here. */
  take(seq: number): QueueEntryFlags | undefined {
    const flags = this.entries.get(seq);
    if (flags === undefined) return undefined;
    this.entries.delete(seq);
    if (this.reasons.size > 0) this.reasons.delete(seq);
    if (this.dueMs.size > 0) this.dueMs.delete(seq);
    return flags;
  }

  /** Takes some one out; undefined if there is none. */
  takeAny(): [seq: number, flags: QueueEntryFlags] | undefined {
    for (const entry of this.entries) {
      this.take(entry[0]);
      return entry;
    }
    return undefined;
  }

  /** It is dying; false if that was known. */
  setDying(seq: number, reason: DeathReason): boolean {
    if (this.reasons.has(seq)) return false;
    this.reasons.set(seq, reason);
    return true;
  }

  isDying(seq: number): boolean {
    return this.reasons.has(seq);
  }

  /** @param dueMs epoch milliseconds */
  setRetrying(seq: number, dueMs: number): void {
    this.dueMs.set(seq, dueMs);
  }

  /** When one is tried again, epoch milliseconds; undefined if it is not retrying. */
  retriesAtMs(seq: number): number | undefined {
    return this.dueMs.get(seq);
  }

  forEach(visit: VisitEntry): void {
    for (const [seq, flags] of this.entries) visit(seq, flags);
  }

  forEachDying(visit: (seq: number, flags: QueueEntryFlags, reason: DeathReason) => void): void {
    for (const [seq, reason] of this.reasons) visit(seq, this.entries.get(seq)!, reason);
  }

  forEachRetrying(visit: (seq: number, flags: QueueEntryFlags, dueMs: number) => void): void {
    for (const [seq, dueMs] of this.dueMs) visit(seq, this.entries.get(seq)!, dueMs);
  }
}
