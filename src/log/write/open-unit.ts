/**
 * The commit unit that is open while records are appended, and the marks in batch headers that keep it whole: `joined` bytes at
 * the front of a payload go on with a unit that an earlier batch began, and from `open` on the payload belongs to one that goes
 * on in the next batch (`format/batch.ts`).
 */
import type { BatchHeader } from '../format/batch.ts';

export class OpenUnit {
  /** Units within units are one. */
  private depth = 0;
  /** Records of the unit are in an earlier batch. */
  private spans = false;
  /** Where in the open batch's payload the unit begins. */
  private at = 0;
  /** The open batch begins with records of a unit that spans. */
  private joining = false;
  private joined = 0;

  get isOpen(): boolean {
    return this.depth > 0;
  }

  /** @param payloadBytes what the open batch holds so far; 0 if none is open */
  begin(payloadBytes: number): void {
    if (this.depth++ > 0) return;
    this.spans = false;
    this.at = payloadBytes;
  }

  /** False: the unit goes on, for it was within another one. */
  end(payloadBytes: number): boolean {
    if (--this.depth > 0) return false;
    if (this.joining) {
      this.joined = payloadBytes;
      this.joining = false;
    }
    this.spans = false;
    return true;
  }

  batchOpened(): void {
    this.at = 0;
    this.joining = this.depth > 0 && this.spans;
    this.joined = 0;
  }

  /** Fills in the header's marks; its payload is complete. */
  batchClosed(header: BatchHeader): void {
    const { payloadBytes } = header;
    header.joined = this.joining ? payloadBytes : this.joined;
    header.open = payloadBytes;
    if (this.depth === 0) return;
    const opensAt = this.joining ? 0 : this.at;
    if (opensAt < payloadBytes) {
      header.open = opensAt;
      this.spans = true;
    }
  }
}
