/** Methods of class confirm: RabbitMQ's publisher confirms. https://www.rabbitmq.com/docs/confirms */
import type { MethodChannel } from '../channel/method-channel.ts';
import { CONFIRM_SELECT, CONFIRM_SELECT_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { AmqpError } from '../connection/errors.ts';
import { unimplementedMethod } from '../connection/method-errors.ts';
import { type ConfirmChannel, Confirms } from './confirms.ts';
import type { TransactionState } from './transaction.ts';

/** The channel as confirm mode sees it. */
export interface ConfirmModeChannel extends MethodChannel {
  confirms: Confirms | null;
  /** Not null in transaction mode, which excludes confirms. */
  readonly transaction: TransactionState | null;
  readonly writer: ConfirmChannel;
  readonly counts: { confirmed: number };
}

export function confirmMethod(channel: ConfirmModeChannel, method: number, fields: FieldReader): void {
  if (method !== CONFIRM_SELECT) throw unimplementedMethod();
  const noWait = fields.bit();
  fields.finish();
  if (channel.transaction !== null) {
    throw new AmqpError('PRECONDITION_FAILED', 'cannot switch from tx to confirm mode');
  }
  channel.confirms ??= new Confirms(channel.writer, channel.session, channel.counts);
  if (!noWait) channel.send(channel.begin(CONFIRM_SELECT_OK));
}
