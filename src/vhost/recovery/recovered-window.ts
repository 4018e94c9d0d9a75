/** A recovered deduplication window: the ids that the log has, before there is anything that takes messages. */
import type { DeduplicationWindow, PublisherEntry, WindowEntry } from '../../deduplication/window.ts';

/** So many times as many as the window keeps are read before the oldest are left out. */
const SLACK = 2;

export class RecoveredWindow {
  private readonly ids = new Map<string, WindowEntry>();
  private readonly publishers = new Map<string, PublisherEntry>();
  /** Ids that go with their messages, by these. */
  private readonly present = new Map<number, string>();

  /** @param size ids that the window keeps at most */
  admitted(entries: readonly WindowEntry[], size: number): void {
    for (const entry of entries) {
      const before = this.ids.get(entry.id);
      if (before?.whilePresent === true) this.present.delete(before.seq);
      this.ids.set(entry.id, entry);
      if (entry.whilePresent) this.present.set(entry.seq, entry.id);
    }
    if (this.ids.size > SLACK * size + entries.length) this.trim(size);
  }

  publishersAdmitted(publishers: readonly PublisherEntry[]): void {
    for (const publisher of publishers) this.publishers.set(publisher.name, publisher);
  }

  /** A message has left the queue. */
  left(seq: number): void {
    const id = this.present.get(seq);
    if (id === undefined) return;
    this.present.delete(seq);
    this.ids.delete(id);
  }

  clear(): void {
    this.ids.clear();
    this.present.clear();
    this.publishers.clear();
  }

  private trim(size: number): void {
    const sorted = this.inOrder();
    for (const { id, seq } of sorted.slice(0, sorted.length - size)) {
      this.ids.delete(id);
      this.present.delete(seq);
    }
  }

  private inOrder(): WindowEntry[] {
    return [...this.ids.values()].sort((a, b) => a.seq - b.seq);
  }

  /** @param nowMs epoch milliseconds */
  restore(window: DeduplicationWindow, nowMs: number): void {
    const publishers = [...this.publishers.values()].sort((a, b) => a.seq - b.seq);
    window.restore(this.inOrder(), publishers, nowMs);
  }
}
