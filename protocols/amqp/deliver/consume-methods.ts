/** Consuming and getting: basic.consume, cancel, get, qos. [§1.8.3] */
import type { Backpressure, Session, SharedCredit } from '../../../src/api/index.ts';
import { BASIC_CANCEL_OK, BASIC_CONSUME_OK, BASIC_GET_EMPTY, BASIC_QOS_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { AmqpError } from '../connection/errors.ts';
import type { ClientProperties } from '../connection/handshake/client-properties.ts';
import type { AmqpLimits } from '../options.ts';
import { consumeArguments } from './consume-arguments.ts';
import { ChannelConsumer, type ConsumerChannel, Getter } from './consumer.ts';
import { type DirectReplies, REPLY_TO } from './direct-replies.ts';
import type { SettleChannel } from './settle-methods.ts';

/** The connection as consuming sees it. */
export interface ConsumeHost {
  readonly limits: AmqpLimits;
  /** What the client says of itself. */
  readonly client: ClientProperties;
  /** Nothing more is parsed until `replyReady`. */
  awaitReply(): void;
  replyReady(): void;
}

/** The channel as consuming sees it. */
export interface ConsumeChannel extends SettleChannel, ConsumerChannel, Backpressure {
  readonly id: number;
  readonly session: Session;
  readonly host: ConsumeHost;
  readonly consumers: Map<string, ChannelConsumer>;
  /** basic.qos of consumers to come; 0: no limit. */
  prefetch: number;
  /** basic.qos of all consumers of the channel together. */
  readonly sharedCredit: SharedCredit;
  readonly replies: DirectReplies;
  /** A basic.get that is not answered yet. */
  getter: Getter | null;
  /** The queue that is meant by this name: an empty one means the queue declared last. */
  queueName(name: string): string;
  newConsumerTag(): string;
  /** Its consumers look for something to deliver. */
  wake(): void;
}

export function qos(channel: ConsumeChannel, fields: FieldReader): void {
  const size = fields.uint32();
  const count = fields.uint16();
  const global = fields.bit();
  fields.finish();
  if (size !== 0) throw new AmqpError('NOT_IMPLEMENTED', `prefetch_size!=0 (${size})`);
  // RabbitMQ's meaning of `global`: all consumers of this channel together, against each new consumer.
  if (global) {
    channel.sharedCredit.limit = count;
    channel.wake();
  } else {
    channel.prefetch = count;
    if (channel.host.client.qosOfRunning) {
      for (const { consumer, noAck } of channel.consumers.values()) if (!noAck) consumer?.setPrefetch(count);
    }
    // And asking for the one gives up the other.
    if (channel.sharedCredit.limit > 0) {
      channel.sharedCredit.limit = 0;
      channel.wake();
    }
  }
  channel.send(channel.begin(BASIC_QOS_OK));
}

export function consume(channel: ConsumeChannel, fields: FieldReader): void {
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
  const { consumers, session } = channel;
  if (given !== '' && consumers.has(given)) {
    throw new AmqpError('NOT_ALLOWED', `attempt to reuse consumer tag '${given}'`);
  }
  const most = channel.host.limits.consumersPerChannelMax;
  if (consumers.size >= most) throw new AmqpError('NOT_ALLOWED', `reached maximum (${most}) of consumers per channel`);
  const tag = given === '' ? channel.newConsumerTag() : given;
  const sink = new ChannelConsumer(channel, tag, noAck);
  if (queue === REPLY_TO) channel.replies.consume(sink, channel);
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
        shared: channel.sharedCredit,
        channel: channel.id,
      },
      sink,
      channel,
    );
  }
  consumers.set(tag, sink);
  // Before the first delivery, which comes at the end of this turn at the earliest.
  if (!noWait) channel.send(channel.begin(BASIC_CONSUME_OK).shortString(tag));
}

export function cancel(channel: ConsumeChannel, fields: FieldReader): void {
  const tag = fields.shortString();
  const noWait = fields.bit();
  fields.finish();
  const consumer = channel.consumers.get(tag);
  if (consumer !== undefined) {
    channel.consumers.delete(tag);
    // What it holds stays this channel's, to be acknowledged or to go back with the channel.
    consumer.consumer?.cancel();
    channel.replies.ended(consumer);
  }
  if (!noWait) channel.send(channel.begin(BASIC_CANCEL_OK).shortString(tag));
}

export function get(channel: ConsumeChannel, fields: FieldReader): void {
  fields.uint16();
  const queue = channel.queueName(fields.shortString());
  const noAck = fields.bit();
  fields.finish();
  const { host } = channel;
  const getter = new Getter(channel, noAck);
  let waits = false;
  channel.getter = getter;
  channel.session.get(queue, noAck, getter, (result) => {
    channel.getter = null;
    if (channel.isOpen) {
      if (result !== undefined) channel.writer.countGot(result);
      else {
        channel.counts.gotNothing++;
        channel.send(channel.begin(BASIC_GET_EMPTY).shortString(''));
      }
    }
    if (waits) host.replyReady();
  });
  // A message that must be fetched from the disk first: nothing may overtake its answer.
  if (channel.getter === getter) {
    waits = true;
    host.awaitReply();
  }
}
