/**
 * Marks and publisher confirms: how a client hears that what it sent is safe.
 */

/**
 * When something is safe: the number of the log flush that covers it. It means nothing in another vhost. Compare it with MARK_NOW
 * and MARK_REFUSED only; hand it to a `ConfirmRing` or to `Session.whenSafe`.
 */
export type Mark = number;
/** Nothing to wait for: transient, unroutable, or already on disk. */
export const MARK_NOW: Mark = 0;
/** The broker did not take it (a log that has failed, no room, a full queue), and the publisher must be told so. */
export const MARK_REFUSED: Mark = -1;

/** The adapter's side of a `ConfirmRing`. Called at the end of a turn or of a flush, never within a call of the session's. */
export interface ConfirmSink {
  /** The entry pushed with this id is safe, or was refused. Entries come in the order in which they were pushed. */
  confirm(id: number, refused: boolean): void;
  /** No more for now: write what was gathered. Called after one or more `confirm`. */
  confirmEnd(): void;
}

/**
 * The answers that one publisher waits for, in order: an entry comes out when it is safe or refused, and so are all before it.
 * Made with `Session.confirms`; closed with the session.
 */
export interface ConfirmRing {
  /** Entries that wait. */
  readonly size: number;
  /**
   * Adds an entry. One that need not wait comes out at the end of this turn, never inside `push`.
   * @param id the adapter's own number for it, which `ConfirmSink.confirm` gets; any that a double holds
   * @param publish false: it answers something else than a message that came in, and is not counted as a confirm. Default true
   */
  push(id: number, mark: Mark, publish?: boolean): void;
  /** Forgets all entries; the sink is not called again. */
  close(): void;
  readonly closed: boolean;
}
