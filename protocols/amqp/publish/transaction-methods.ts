/** Methods of class tx. [§1.9] */
import { MARK_REFUSED } from '../../../src/api/index.ts';
import type { MethodChannel } from '../channel/method-channel.ts';
import { TX_COMMIT, TX_COMMIT_OK, TX_ROLLBACK, TX_ROLLBACK_OK, TX_SELECT, TX_SELECT_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { AmqpError } from '../connection/errors.ts';
import { unimplementedMethod } from '../connection/method-errors.ts';
import type { Confirms } from './confirms.ts';
import type { ReturnSink, TransactionState } from './transaction.ts';

/** The channel as transactions see it. */
export interface TransactionChannel extends MethodChannel {
  /** Not null in confirm mode, which excludes transactions. */
  readonly confirms: Confirms | null;
  readonly transaction: TransactionState | null;
  readonly writer: ReturnSink;
  /** Goes into transaction mode, for good; nothing happens if it is in it. */
  startTransactions(): void;
}

export function txMethod(channel: TransactionChannel, method: number, fields: FieldReader): void {
  fields.finish();
  switch (method) {
    case TX_SELECT:
      if (channel.confirms !== null) {
        throw new AmqpError('PRECONDITION_FAILED', 'cannot switch from confirm to tx mode');
      }
      channel.startTransactions();
      channel.send(channel.begin(TX_SELECT_OK));
      return;
    case TX_COMMIT: {
      const transaction = transactionOf(channel);
      transaction.prepare(() => channel.resumeMethod(() => commit(channel, transaction)));
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

function commit(channel: TransactionChannel, transaction: TransactionState): void {
  const mark = transaction.commit(channel.writer);
  if (mark === MARK_REFUSED) throw new AmqpError('PRECONDITION_FAILED', 'partial tx completion');
  channel.replyWhenSafe(mark, false, () => channel.send(channel.begin(TX_COMMIT_OK)));
}

function transactionOf(channel: TransactionChannel): TransactionState {
  if (channel.transaction === null) throw new AmqpError('PRECONDITION_FAILED', 'channel is not transactional');
  return channel.transaction;
}
