/** The channel as the handler of an ordinary method sees it: it asks the session, and replies. */
import type { Mark, Session } from '../../../src/api/index.ts';
import type { MethodWriter } from '../codec/method-writer.ts';

export interface MethodChannel {
  readonly session: Session;
  /** Neither closed nor being closed. */
  readonly isOpen: boolean;
  /** Starts a method frame on this channel; give it to `send`. */
  begin(method: number): MethodWriter;
  send(frame: MethodWriter): void;
  /**
   * Sends a reply that promises something durable, not before the log has it; until then nothing more is parsed. With
   * `noWait` nobody wants a reply, and so nothing waits either.
   * @throws AmqpError INTERNAL_ERROR for MARK_REFUSED
   */
  replyWhenSafe(mark: Mark, noWait: boolean, reply: () => void): void;
  /** Carries out what is left of a method whose operation took more than one turn, unless the channel is closed by then. */
  resumeMethod(rest: () => void): void;
}
