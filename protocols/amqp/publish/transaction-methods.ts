/** Class tx. [§1.9] */
import { MARK_REFUSED } from '../../../src/api/index.ts';
import type { Channel } from '../channel/channel.ts';
import { unimplementedMethod } from '../channel/method-errors.ts';
import { replyWhenSafe } from '../channel/reply.ts';
import { TX_COMMIT, TX_COMMIT_OK, TX_ROLLBACK, TX_ROLLBACK_OK, TX_SELECT, TX_SELECT_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/reader.ts';
import { AmqpError } from '../connection/errors.ts';
import { sendReturn } from './publish.ts';
import { TransactionState } from './transaction.ts';

export function txMethod(channel: Channel, method: number, fields: FieldReader): void {
  fields.finish();
  switch (method) {
    case TX_SELECT:
      if (channel.confirms !== null) {
        throw new AmqpError('PRECONDITION_FAILED', 'cannot switch from confirm to tx mode');
      }
      if (channel.transaction === null) {
        channel.transaction = new TransactionState(channel);
        channel.connection.channels.transactional++;
      }
      channel.send(channel.begin(TX_SELECT_OK));
      return;
    case TX_COMMIT: {
      const mark = transactionOf(channel).commit((message) => sendReturn(channel, message));
      if (mark === MARK_REFUSED) throw new AmqpError('PRECONDITION_FAILED', 'partial tx completion');
      replyWhenSafe(channel, mark, false, () => channel.send(channel.begin(TX_COMMIT_OK)));
      return;
    }
    case TX_ROLLBACK:
      transactionOf(channel).rollback();
      channel.send(channel.begin(TX_ROLLBACK_OK));
      return;
    default:
      throw unimplementedMethod();
  }
}

function transactionOf(channel: Channel): TransactionState {
  if (channel.transaction === null) throw new AmqpError('PRECONDITION_FAILED', 'channel is not transactional');
  return channel.transaction;
}
