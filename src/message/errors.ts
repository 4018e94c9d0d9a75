/**
 * Operational errors: what a client asked for cannot be done. Each has a stable code; an adapter turns code and text
 * into its protocol's own form (reply code, reason code, ERROR frame). Corruption is reported by the log; a programmer's
 * error is an assertion and never one of these.
 */
export type ErrorCode =
  /** an exchange, queue, consumer or vhost that does not exist */
  | 'not-found'
  /** exists with other settings, is in use, is not empty; a bad argument */
  | 'precondition-failed'
  /** exclusive to another connection, or has an exclusive consumer */
  | 'resource-locked'
  /** not permitted to this identity */
  | 'access-refused'
  /** never permitted: reserved names, the default exchange */
  | 'not-allowed'
  /** known, and not built */
  | 'not-implemented'
  /** the client broke a rule of its protocol or exceeded a bound */
  | 'invalid'
  /** the broker cannot take it now: disk, memory, shutting down */
  | 'unavailable'
  /** the broker's own fault */
  | 'internal';

export class BrokerError extends Error {
  readonly code: ErrorCode;

  /** @param message without a trailing full stop, in RabbitMQ's words where it has words for it, as `no queue 'q' in vhost '/'` */
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'BrokerError';
    this.code = code;
  }
}

/** An operator's limit leaves no room for what a client asked for. */
export class LimitError extends BrokerError {
  /** Which: as it is counted (`entrepot_limit_refusals_total`). */
  readonly limit: string;
  /** It is in the counts by protocol already. */
  readonly counted: boolean;

  constructor(code: ErrorCode, limit: string, message: string, counted = false) {
    super(code, message);
    this.limit = limit;
    this.counted = counted;
  }
}
