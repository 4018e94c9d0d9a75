/**
 * Memory that is read by others than its owner for a while, a socket that has not taken it yet, say: it is pinned meanwhile, and
 * is not to be written again.
 *
 *     held by nobody ──hold──▶ pinned ──release, the last one──▶ held by nobody: `onFree`, if its owner has given it up
 *
 * What pins a few bytes pins the whole of the memory that they lie in, so what is pinned is counted by the whole.
 */

/** What is shorter is copied: that costs less than a piece of its own in a vectored write. */
export const REFERENCED_BYTES_MIN = 16 * 1024;
/** The default of `PinnedMemory.bytesMax`. */
const PINNED_BYTES_MAX = 64 * 1024 * 1024;

/** Somebody's memory, of which ranges may be pinned. */
export interface Pinnable {
  /** The memory that is there now. */
  pinned(): PinnedMemory;
}

export class PinnedMemory {
  /** Bytes of all memory that is pinned now. */
  static bytes = 0;
  /** All pins of the process together; what would go over it is copied instead. 0: nothing that is not shared is pinned. */
  static bytesMax = PINNED_BYTES_MAX;
  /** Bodies that were copied because of that. */
  static refused = 0;
  /** How much memory a pin keeps. */
  readonly bytes: number;
  /** All of it is wanted by whoever pins it: many that pin the same save memory. */
  readonly shared: boolean;
  /** What becomes of it when the last pin has gone. Null: its owner has it still. */
  onFree: (() => void) | null;
  private pins = 0;

  constructor(bytes: number, shared = false, onFree: (() => void) | null = null) {
    this.bytes = bytes;
    this.shared = shared;
    this.onFree = onFree;
  }

  get isPinned(): boolean {
    return this.pins > 0;
  }

  /** One more of these would be too much. */
  get exceeds(): boolean {
    return this.pins === 0 && PinnedMemory.bytes + this.bytes > PinnedMemory.bytesMax;
  }

  hold(): void {
    if (this.pins++ === 0) PinnedMemory.bytes += this.bytes;
  }

  release(): void {
    if (--this.pins > 0) return;
    PinnedMemory.bytes -= this.bytes;
    const { onFree } = this;
    this.onFree = null;
    onFree?.();
  }
}
