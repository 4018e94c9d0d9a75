import { MARK_NOW, MARK_REFUSED, type Mark } from '../../../src/api/index.ts';
import { AmqpError } from '../connection/errors.ts';
import type { Channel } from './channel.ts';

/**
 * Sends a reply that promises something durable: not before the log has it. With `noWait` nobody wants a reply, and so
 * nothing waits either.
 */
export function replyWhenSafe(channel: Channel, mark: Mark, noWait: boolean, reply: () => void): void {
  if (mark === MARK_REFUSED) throw new AmqpError('INTERNAL_ERROR', 'the broker could not store it');
  if (noWait || mark === MARK_NOW) {
    if (!noWait) reply();
    channel.connection.notices.replied();
    return;
  }
  channel.connection.whenSafe(mark, () => {
    // Nothing is parsed meanwhile, but an error of the log or the operator may have closed the channel.
    if (channel.isOpen) reply();
  });
}
