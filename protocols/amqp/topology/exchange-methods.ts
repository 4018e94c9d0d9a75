/** Methods of class exchange. [§1.6, and RabbitMQ's exchange.bind] */
import { DOT } from '../../../src/api/index.ts';
import type { MethodChannel } from '../channel/method-channel.ts';
import {
  EXCHANGE_BIND,
  EXCHANGE_BIND_OK,
  EXCHANGE_DECLARE,
  EXCHANGE_DECLARE_OK,
  EXCHANGE_DELETE,
  EXCHANGE_DELETE_OK,
  EXCHANGE_UNBIND,
  EXCHANGE_UNBIND_OK,
} from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { AmqpError } from '../connection/errors.ts';
import { unimplementedMethod } from '../connection/method-errors.ts';
import { withoutLineBreaks } from './names.ts';

export function exchangeMethod(channel: MethodChannel, method: number, fields: FieldReader): void {
  switch (method) {
    case EXCHANGE_DECLARE:
      declare(channel, fields);
      return;
    case EXCHANGE_DELETE:
      remove(channel, fields);
      return;
    case EXCHANGE_BIND:
    case EXCHANGE_UNBIND:
      bind(channel, fields, method === EXCHANGE_BIND);
      return;
    default:
      throw unimplementedMethod();
  }
}

function declare(channel: MethodChannel, fields: FieldReader): void {
  fields.uint16();
  const name = withoutLineBreaks(fields.shortString());
  const type = fields.shortString();
  const passive = fields.bit();
  const durable = fields.bit();
  const autoDelete = fields.bit();
  const internal = fields.bit();
  const noWait = fields.bit();
  const args = fields.table();
  fields.finish();
  if (passive) {
    if (name === '') throw new AmqpError('ACCESS_REFUSED', 'operation not permitted on the default exchange');
    channel.session.passiveExchange(name);
    if (!noWait) channel.send(channel.begin(EXCHANGE_DECLARE_OK));
    return;
  }
  const mark = channel.session.declareExchange(name, type, { durable, autoDelete, internal, arguments: args });
  channel.replyWhenSafe(mark, noWait, () => channel.send(channel.begin(EXCHANGE_DECLARE_OK)));
}

function remove(channel: MethodChannel, fields: FieldReader): void {
  fields.uint16();
  const name = withoutLineBreaks(fields.shortString());
  const ifUnused = fields.bit();
  const noWait = fields.bit();
  fields.finish();
  const mark = channel.session.deleteExchange(name, ifUnused);
  channel.replyWhenSafe(mark, noWait, () => channel.send(channel.begin(EXCHANGE_DELETE_OK)));
}

function bind(channel: MethodChannel, fields: FieldReader, add: boolean): void {
  fields.uint16();
  const destination = withoutLineBreaks(fields.shortString());
  const source = withoutLineBreaks(fields.shortString());
  const key = fields.shortString();
  const noWait = fields.bit();
  const options = { spelling: DOT, arguments: fields.table() } as const;
  fields.finish();
  const mark = add
    ? channel.session.bindExchange(destination, source, key, options)
    : channel.session.unbindExchange(destination, source, key, options);
  const reply = add ? EXCHANGE_BIND_OK : EXCHANGE_UNBIND_OK;
  channel.replyWhenSafe(mark, noWait, () => channel.send(channel.begin(reply)));
}
