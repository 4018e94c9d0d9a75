/** Class basic, all but publishing: consuming, getting, settling. [§1.8] */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED } from '../../../src/api/index.ts';
import type { Channel } from '../channel/channel.ts';
import { unimplementedMethod } from '../channel/method-errors.ts';
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
import { FieldsFault } from '../codec/fault.ts';
import type { FieldReader } from '../codec/reader.ts';
import { AmqpError, unknownTag } from '../connection/errors.ts';
import { WAITS_FOR_REPLY } from '../connection/reading-hold.ts';
import { consumeArguments } from './consume-arguments.ts';
import { ChannelConsumer, Getter } from './consumer.ts';
import { consumeReplies, endReplies, REPLY_TO } from './direct-replies.ts';

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
      const tag = tagOf(fields);
      const requeue = fields.bit();
      fields.finish();
      channel.settle(tag, false, refusal(requeue));
      return;
    }
    case BASIC_NACK: {
      const tag = tagOf(fields);
      const multiple = fields.bit();
      const requeue = fields.bit();
      fields.finish();
      channel.settle(tag, multiple, refusal(requeue));
      return;
    }
    case BASIC_RECOVER:
    case BASIC_RECOVER_ASYNC:
      recover(channel, fields, method === BASIC_RECOVER);
      return;
    default:
      throw unimplementedMethod();
  }
}

/** basic.ack, straight from the bytes: u64 delivery tag | u8 multiple */
export function acknowledge(channel: Channel, buffer: Buffer, start: number, end: number): void {
  if (end - start !== 9) throw new FieldsFault(buffer, start, end);
  const high = buffer.readUInt32BE(start);
  if (high > TAG_HIGH_MAX) throw unknownTag(buffer.readBigUInt64BE(start));
  const tag =
    high * 0x1_0000_0000 +
    (((buffer[start + 4]! << 24) | (buffer[start + 5]! << 16) | (buffer[start + 6]! << 8) | buffer[start + 7]!) >>> 0);
  channel.settle(tag, (buffer[start + 8]! & 1) !== 0, ACCEPTED);
}

/** Delivery tags are counted from 1, so one that a number cannot hold has never been given. */
const TAG_HIGH_MAX = 0x1f_ffff;

function tagOf(fields: FieldReader): number {
  const at = fields.take(8);
  const high = fields.buffer.readUInt32BE(at);
  if (high > TAG_HIGH_MAX) throw unknownTag(fields.buffer.readBigUInt64BE(at));
  return high * 0x1_0000_0000 + fields.buffer.readUInt32BE(at + 4);
}

/** With requeue it is a failed attempt, without it is a dead letter. */
function refusal(requeue: boolean): Outcome {
  return requeue ? MODIFIED : REJECTED;
}

function qos(channel: Channel, fields: FieldReader): void {
  const size = fields.uint32();
  const count = fields.uint16();
  const global = fields.bit();
  fields.finish();
  if (size !== 0) throw new AmqpError('NOT_IMPLEMENTED', `prefetch_size!=0 (${size})`);
  // RabbitMQ's meaning of `global`: all consumers of this channel together, against each new consumer.
  if (global) {
    channel.shared.limit = count;
    channel.wake();
  } else {
    channel.prefetch = count;
    if (channel.connection.client.qosOfRunning) {
      for (const { consumer, noAck } of channel.consumers.values()) if (!noAck) consumer?.setPrefetch(count);
    }
    // And asking for the one gives up the other.
    if (channel.shared.limit > 0) {
      channel.shared.limit = 0;
      channel.wake();
    }
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
  fields.finish();
  const { consumers, connection, session } = channel;
  if (given !== '' && consumers.has(given)) {
    throw new AmqpError('NOT_ALLOWED', `attempt to reuse consumer tag '${given}'`);
  }
  const most = connection.limits.consumersPerChannelMax;
  if (consumers.size >= most) throw new AmqpError('NOT_ALLOWED', `reached maximum (${most}) of consumers per channel`);
  const tag = given === '' ? channel.newConsumerTag() : given;
  const sink = new ChannelConsumer(channel, tag, noAck);
  if (queue === REPLY_TO) consumeReplies(channel, sink);
  else {
    session.consume(
      queue,
      {
        tag,
        settled: noAck,
        exclusive,
        prefetch: noAck ? 0 : channel.prefetch,
        arguments: args,
        ...consumeArguments(args, queue, session.vhost),
        shared: channel.shared,
      },
      sink,
      channel,
    );
  }
  consumers.set(tag, sink);
  // Before the first delivery, which comes at the end of this turn at the earliest.
  if (!noWait) channel.send(channel.begin(BASIC_CONSUME_OK).shortString(tag));
}

function cancel(channel: Channel, fields: FieldReader): void {
  const tag = fields.shortString();
  const noWait = fields.bit();
  fields.finish();
  const consumer = channel.consumers.get(tag);
  if (consumer !== undefined) {
    channel.consumers.delete(tag);
    // What it holds stays this channel's, to be acknowledged or to go back with the channel.
    consumer.consumer?.cancel();
    if (channel.replies?.sink === consumer) endReplies(channel);
  }
  if (!noWait) channel.send(channel.begin(BASIC_CANCEL_OK).shortString(tag));
}

function get(channel: Channel, fields: FieldReader): void {
  fields.uint16();
  const queue = channel.queueName(fields.shortString());
  const noAck = fields.bit();
  fields.finish();
  const getter = new Getter(channel, noAck);
  let waits = false;
  channel.getter = getter;
  channel.session.get(queue, noAck, getter, (result) => {
    channel.getter = null;
    if (channel.isOpen) {
      if (result === undefined) channel.send(channel.begin(BASIC_GET_EMPTY).shortString(''));
      else channel.countGot(result);
    }
    if (waits) channel.connection.unblock(WAITS_FOR_REPLY);
  });
  // A message that must be fetched from the disk first: nothing may overtake its answer.
  if (channel.getter === getter) {
    waits = true;
    channel.connection.block(WAITS_FOR_REPLY);
  }
}

function recover(channel: Channel, fields: FieldReader, reply: boolean): void {
  const requeue = fields.bit();
  fields.finish();
  if (!requeue) throw new AmqpError('NOT_IMPLEMENTED', 'requeue=false');
  channel.recover(() => {
    if (reply && channel.isOpen) channel.send(channel.begin(BASIC_RECOVER_OK));
  });
}
