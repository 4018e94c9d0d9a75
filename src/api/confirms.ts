/**
 * Marks and publisher confirms: how a client hears that what it sent is safe.
 */

/**
 * How safe something is: the number of the log flush that covers it. Compare it with nothing; hand it to a `ConfirmRing`
 * or to `Session.whenSafe`.
 */
export type Mark = number;
/** Nothing to wait for: transient, unroutable, or already on disk. */
export const MARK_NOW: Mark = 0;
/** The broker did not take it, and the publisher must be told so. */
export const MARK_REFUSED: Mark = -1;

/** Tells a publisher, in order, what has become of what it handed over. Made with `Session.confirms`. */
export interface ConfirmSink {
  /** The entry pushed with this id is safe, or was refused. Entries come in the order they were pushed. */
  confirm(id: number, refused: boolean): void;
  /** No more for now: write what was gathered. */
  confirmEnd(): void;
}

export interface ConfirmRing {
  /** Entries that wait. */
  readonly size: number;
  /** Adds an entry. Entries that need not wait come out at the end of this turn, never inside `push`. */
  push(id: number, mark: Mark): void;
  /** Forgets all entries; the sink is not called again. */
  close(): void;
  readonly closed: boolean;
}
