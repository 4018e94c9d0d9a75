/** Class confirm: RabbitMQ's publisher confirms. */
import type { Channel } from '../channel/channel.ts';
import { unimplementedMethod } from '../channel/method-errors.ts';
import { CONFIRM_SELECT, CONFIRM_SELECT_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/reader.ts';
import { AmqpError } from '../connection/errors.ts';
import { Confirms } from './confirms.ts';

export function confirmMethod(channel: Channel, method: number, fields: FieldReader): void {
  if (method !== CONFIRM_SELECT) throw unimplementedMethod();
  const noWait = fields.bit();
  fields.finish();
  if (channel.transaction !== null) {
    throw new AmqpError('PRECONDITION_FAILED', 'cannot switch from tx to confirm mode');
  }
  channel.confirms ??= new Confirms(channel, channel.session);
  if (!noWait) channel.send(channel.begin(CONFIRM_SELECT_OK));
}
