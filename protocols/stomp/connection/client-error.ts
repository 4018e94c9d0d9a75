/** The ERROR frame that a client is sent for an error, and what the operator is told of it. */
import { BrokerError } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';

export interface ClientError {
  /** The `message` header of the ERROR frame. */
  readonly title: string;
  /** Its body. */
  readonly detail: string;
  /** More headers, each `name:value` in its escaped form. */
  readonly headers: readonly string[];
  /** For the operator's log. */
  readonly mistake: string;
}

/** Undefined for an error that is no client's doing. */
export function clientErrorOf(error: unknown): ClientError | undefined {
  if (error instanceof FrameError) {
    const { title, message, headers } = error;
    return { title, detail: message, headers, mistake: `${title}: ${message}` };
  }
  if (error instanceof BrokerError) {
    const { message } = error;
    const title = error.code.replaceAll('-', '_');
    return { title, detail: `${title.toUpperCase()} - ${message}`, headers: [], mistake: message };
  }
  return undefined;
}
