/** Methods of class queue. [§1.7] */
import {
  BrokerError,
  DOT,
  MARK_NOW,
  type Mark,
  type QueueInfo,
  type QueueOptions,
  type Session,
} from '../../../src/api/index.ts';
import type { MethodChannel } from '../channel/method-channel.ts';
import {
  QUEUE_BIND,
  QUEUE_BIND_OK,
  QUEUE_DECLARE,
  QUEUE_DECLARE_OK,
  QUEUE_DELETE,
  QUEUE_DELETE_OK,
  QUEUE_PURGE,
  QUEUE_PURGE_OK,
  QUEUE_UNBIND,
  QUEUE_UNBIND_OK,
} from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { ClientsMistake } from '../connection/errors.ts';
import { unimplementedMethod } from '../connection/method-errors.ts';
import { findReplyAddress, isReplyAddress } from '../deliver/direct-replies.ts';
import { withoutLineBreaks } from './names.ts';

/** The channel as the methods of class queue see it. */
export interface QueueChannel extends MethodChannel {
  /** The queue that an empty name means: the one declared last on the channel. */
  lastQueue: string;
  /**
   * The queue that is meant by this name.
   * @throws AmqpError NOT_FOUND for an empty one before any was declared
   */
  queueName(name: string): string;
}

export function queueMethod(channel: QueueChannel, method: number, fields: FieldReader): void {
  switch (method) {
    case QUEUE_DECLARE:
      declare(channel, fields);
      return;
    case QUEUE_BIND:
      bind(channel, fields);
      return;
    case QUEUE_UNBIND:
      unbind(channel, fields);
      return;
    case QUEUE_PURGE:
      purge(channel, fields);
      return;
    case QUEUE_DELETE:
      remove(channel, fields);
      return;
    default:
      throw unimplementedMethod();
  }
}

function declare(channel: QueueChannel, fields: FieldReader): void {
  fields.uint16();
  const name = withoutLineBreaks(fields.shortString());
  const passive = fields.bit();
  const durable = fields.bit();
  const exclusive = fields.bit();
  const autoDelete = fields.bit();
  const noWait = fields.bit();
  const args = fields.table();
  fields.finish();
  const { session } = channel;
  const info = isReplyAddress(name)
    ? findReplyAddress(session, name)
    : passive
      ? session.passiveQueue(name)
      : declared(session, name, { durable, exclusive, autoDelete, arguments: args });
  channel.lastQueue = info.name;
  channel.replyWhenSafe(info.mark, noWait, () =>
    channel.send(channel.begin(QUEUE_DECLARE_OK).shortString(info.name).uint32(info.messages).uint32(info.consumers)),
  );
}

function bind(channel: QueueChannel, fields: FieldReader): void {
  const { queue, exchange, key } = ends(channel, fields);
  const noWait = fields.bit();
  const args = fields.table();
  fields.finish();
  const mark = channel.session.bindQueue(queue, exchange, key, { spelling: DOT, arguments: args });
  channel.replyWhenSafe(mark, noWait, () => channel.send(channel.begin(QUEUE_BIND_OK)));
}

function unbind(channel: QueueChannel, fields: FieldReader): void {
  const { queue, exchange, key } = ends(channel, fields);
  const args = fields.table();
  fields.finish();
  const { session } = channel;
  let mark: Mark = MARK_NOW;
  try {
    mark = session.unbindQueue(queue, exchange, key, { spelling: DOT, arguments: args });
  } catch (error) {
    // What does not exist is not bound either, which is no error (as RabbitMQ has it).
    if (!(error instanceof BrokerError) || error.code !== 'not-found') throw error;
  }
  channel.replyWhenSafe(mark, false, () => channel.send(channel.begin(QUEUE_UNBIND_OK)));
}

/** RabbitMQ 4.3 has no transient queues any more that several connections share (`rabbit_amqqueue`: `transient_nonexcl_queues`). */
function declared(session: Session, name: string, options: QueueOptions): QueueInfo {
  if (session.compat !== 'rabbitmq-4' || options.durable || options.exclusive)
    return session.declareQueue(name, options);
  throw new ClientsMistake(
    `Feature \`transient_nonexcl_queues\` is deprecated: queue '${name}' must be durable or exclusive (compat: rabbitmq-4)`,
  );
}

/** What queue.bind and queue.unbind have in common. */
function ends(channel: QueueChannel, fields: FieldReader): { queue: string; exchange: string; key: string } {
  fields.uint16();
  const given = withoutLineBreaks(fields.shortString());
  const queue = channel.queueName(given);
  const exchange = withoutLineBreaks(fields.shortString());
  const key = fields.shortString();
  // Neither queue nor key given: the last queue's name is both. [§1.7.2.3.2]
  return { queue, exchange, key: given === '' && key === '' ? queue : key };
}

function purge(channel: QueueChannel, fields: FieldReader): void {
  fields.uint16();
  const queue = channel.queueName(fields.shortString());
  const noWait = fields.bit();
  fields.finish();
  channel.session.purgeQueue(queue, ({ messages, mark }) => {
    channel.resumeMethod(() =>
      channel.replyWhenSafe(mark, noWait, () => channel.send(channel.begin(QUEUE_PURGE_OK).uint32(messages))),
    );
  });
}

function remove(channel: QueueChannel, fields: FieldReader): void {
  fields.uint16();
  const queue = channel.queueName(withoutLineBreaks(fields.shortString()));
  const ifUnused = fields.bit();
  const ifEmpty = fields.bit();
  const noWait = fields.bit();
  fields.finish();
  const { messages, mark } = channel.session.deleteQueue(queue, ifUnused, ifEmpty);
  channel.replyWhenSafe(mark, noWait, () => channel.send(channel.begin(QUEUE_DELETE_OK).uint32(messages)));
}
