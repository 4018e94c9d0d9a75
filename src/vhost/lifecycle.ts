/**
 * The lifecycle of a vhost. Its parts look at it before they do anything by themselves.
 *
 * ```
 * open ── the broker begins to stop ──▶ stopping ── the last checkpoint is written ──▶ stopped
 * ```
 */
export class Lifecycle {
  /**
   * No message is taken any more, and what is too much or too old stays: the next start carries it out. What is under way is
   * still put into the last checkpoint.
   */
  stopping = false;
  /** Nothing is written down any more. */
  stopped = false;
}
