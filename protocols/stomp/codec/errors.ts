/**
 * The error of a frame that cannot be obeyed. Becomes an ERROR frame: `title` is its `message` header, `message` its body. The
 * connection is closed after it, as the specification demands [STOMP 1.2, ERROR].
 *
 * Titles are RabbitMQ's where it has one for the case, for clients tell errors apart by them: `Missing destination`,
 * `Unknown destination`, `Bad transaction`, … Those of the broker itself are its codes, as `not_found`.
 */
export class FrameError extends Error {
  /** A few words; no colon, backslash or line break, because it is written without escaping. */
  readonly title: string;
  /** More headers for the ERROR frame, each `name:value` in its escaped form. */
  readonly headers: readonly string[];

  constructor(title: string, detail: string, headers: readonly string[] = []) {
    super(detail);
    this.name = 'FrameError';
    this.title = title;
    this.headers = headers;
  }
}
