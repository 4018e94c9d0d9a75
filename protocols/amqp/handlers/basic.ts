/** Class basic, all but publishing: consuming, getting, settling. [§1.8] */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED } from '../../../src/api.ts';
import type { Channel } from '../channel.ts';
import {
  BASIC_CANCEL,
  BASIC_CANCEL_OK,
  BASIC_CONSUME,
  BASIC_CONSUME_OK,
  BASIC_GET,
  BASIC_GET_EMPTY,
  BASIC_NACK,
  BASIC_QOS,
  BASIC_QOS_OK,
  BASIC_RECOVER,
  BASIC_RECOVER_ASYNC,
  BASIC_RECOVER_OK,
  BASIC_REJECT,
} from '../codec/constants.ts';
import { SyntaxFault } from '../codec/fault.ts';
import type { FieldReader } from '../codec/reader.ts';
import { ChannelConsumer, Getter } from '../consumer.ts';
import { AmqpError } from '../errors.ts';
import { WAITS_FOR_REPLY } from '../holding.ts';
import { unknownMethod } from './unknown.ts';

export function basicMethod(channel: Channel, method: number, fields: FieldReader): void {
  switch (method) {
    case BASIC_QOS:
      qos(channel, fields);
      return;
    case BASIC_CONSUME:
      consume(channel, fields);
      return;
    case BASIC_CANCEL:
      cancel(channel, fields);
      return;
    case BASIC_GET:
      get(channel, fields);
      return;
    case BASIC_REJECT: {
      const tag = fields.uint64();
      channel.settle(tag, false, refusal(fields.bit()));
      return;
    }
    case BASIC_NACK: {
      const tag = fields.uint64();
      const multiple = fields.bit();
      channel.settle(tag, multiple, refusal(fields.bit()));
      return;
    }
    case BASIC_RECOVER:
    case BASIC_RECOVER_ASYNC:
      recover(channel, fields, method === BASIC_RECOVER);
      return;
    default:
      throw unknownMethod(method);
  }
}

/** basic.ack, straight from the bytes: u64 delivery tag | u8 multiple */
export function acknowledge(channel: Channel, buffer: Buffer, start: number, end: number): void {
  if (end - start < 9) throw new SyntaxFault('basic.ack is too short');
  const tag =
    buffer.readUInt32BE(start) * 0x1_0000_0000 +
    (((buffer[start + 4]! << 24) | (buffer[start + 5]! << 16) | (buffer[start + 6]! << 8) | buffer[start + 7]!) >>> 0);
  channel.settle(tag, (buffer[start + 8]! & 1) !== 0, ACCEPTED);
}

/** With requeue it is a failed attempt, without it is a dead letter. */
function refusal(requeue: boolean): Outcome {
  return requeue ? MODIFIED : REJECTED;
}

function qos(channel: Channel, fields: FieldReader): void {
  const size = fields.uint32();
  const count = fields.uint16();
  const global = fields.bit();
  if (size !== 0) throw new AmqpError('NOT_IMPLEMENTED', `prefetch_size!=0 (${size})`);
  // RabbitMQ's meaning of `global`: all consumers of this channel together, against each new consumer.
  if (global) {
    channel.shared.limit = count;
    channel.wake();
  } else {
    channel.prefetch = count;
  }
  channel.send(channel.begin(BASIC_QOS_OK));
}

function consume(channel: Channel, fields: FieldReader): void {
  fields.uint16();
  const queue = channel.queueName(fields.shortString());
  const given = fields.shortString();
  // no-local is accepted and without effect, as in RabbitMQ.
  fields.bit();
  const noAck = fields.bit();
  const exclusive = fields.bit();
  const noWait = fields.bit();
  const args = fields.table();
  const { consumers, connection } = channel;
  if (given !== '' && consumers.has(given)) {
    throw new AmqpError('NOT_ALLOWED', `attempt to reuse consumer tag '${given}'`);
  }
  const most = connection.limits.consumersPerChannelMax;
  if (consumers.size >= most) throw new AmqpError('NOT_ALLOWED', `reached maximum (${most}) of consumers per channel`);
  const tag = given === '' ? channel.newConsumerTag() : given;
  const sink = new ChannelConsumer(channel, tag, noAck);
  sink.consumer = channel.session.consume(
    queue,
    {
      tag,
      settled: noAck,
      exclusive,
      prefetch: noAck ? 0 : channel.prefetch,
      arguments: args,
      ...(!noAck && { shared: channel.shared }),
    },
    sink,
    channel,
  );
  consumers.set(tag, sink);
  // Before the first delivery, which comes at the end of this turn at the earliest.
  if (!noWait) channel.send(channel.begin(BASIC_CONSUME_OK).shortString(tag));
}

function cancel(channel: Channel, fields: FieldReader): void {
  const tag = fields.shortString();
  const noWait = fields.bit();
  const consumer = channel.consumers.get(tag);
  if (consumer !== undefined) {
    channel.consumers.delete(tag);
    // What it holds stays this channel's, to be acknowledged or to go back with the channel.
    consumer.consumer?.cancel();
  }
  if (!noWait) channel.send(channel.begin(BASIC_CANCEL_OK).shortString(tag));
}

function get(channel: Channel, fields: FieldReader): void {
  fields.uint16();
  const queue = channel.queueName(fields.shortString());
  const noAck = fields.bit();
  const getter = new Getter(channel, noAck);
  let answered = false;
  let waits = false;
  channel.session.get(queue, noAck, getter, (result, consumer) => {
    answered = true;
    getter.consumer = consumer;
    if (channel.isOpen) {
      if (result === undefined) channel.send(channel.begin(BASIC_GET_EMPTY).shortString(''));
      else channel.countGot(result);
    }
    if (waits) channel.connection.unblock(WAITS_FOR_REPLY);
  });
  // A message that must be fetched from the disk first: nothing may overtake its answer.
  if (!answered) {
    waits = true;
    channel.connection.block(WAITS_FOR_REPLY);
  }
}

function recover(channel: Channel, fields: FieldReader, reply: boolean): void {
  if (!fields.bit()) throw new AmqpError('NOT_IMPLEMENTED', 'requeue=false');
  channel.recover();
  if (reply) channel.send(channel.begin(BASIC_RECOVER_OK));
}
