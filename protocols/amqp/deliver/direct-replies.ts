/**
 * Direct reply-to: a client consumes from `amq.rabbitmq.reply-to`, names that as the reply-to of its requests, and answers
 * come straight to it. https://www.rabbitmq.com/docs/direct-reply-to
 *
 * Each channel that listens gets an address of its own, `amq.rabbitmq.reply-to.<secret>`: a queue in memory that is its
 * alone and goes with it. So any protocol can answer, a mandatory answer to someone who has gone is returned, and an answer
 * in flight is never lost to a full socket. Requests are stored with that address in place of the short one.
 */

import { randomBytes } from 'node:crypto';
import { BrokerError, MARK_NOW, type QueueInfo, type Session } from '../../../src/api/index.ts';
import type { Channel } from '../channel/channel.ts';
import { AmqpError } from '../connection/errors.ts';
import type { ChannelConsumer } from './consumer.ts';

export const REPLY_TO = 'amq.rabbitmq.reply-to';
const REPLY_TO_BYTES = Buffer.from(REPLY_TO, 'latin1');
const SECRET_BYTES = 16;

export interface Replies {
  readonly address: string;
  readonly sink: ChannelConsumer;
}

export function isReplyAddress(queue: string): boolean {
  return queue.startsWith(REPLY_TO);
}

/** Whether a reply-to property, `buffer[start, end)`, is the short form. */
export function isShortForm(buffer: Buffer, start: number, end: number): boolean {
  return (
    end - start === REPLY_TO_BYTES.length && buffer.compare(REPLY_TO_BYTES, 0, REPLY_TO_BYTES.length, start, end) === 0
  );
}

/** The address that a request of this channel is to carry. */
export function replyAddress(channel: Channel): string {
  if (channel.replies === null) {
    throw new AmqpError('PRECONDITION_FAILED', 'fast reply consumer does not exist');
  }
  return channel.replies.address;
}

/** A responder looks whether the requester is still there. Whatever the declare says, it is a passive one. */
export function findReplyAddress(session: Session, name: string): QueueInfo {
  if (name !== REPLY_TO && !session.queueExists(name)) {
    throw new BrokerError('not-found', `no queue '${name}' in vhost '${session.vhost}'`);
  }
  return { name, messages: 0, consumers: 1, mark: MARK_NOW };
}

export function consumeReplies(channel: Channel, sink: ChannelConsumer): void {
  if (!sink.noAck) throw new AmqpError('PRECONDITION_FAILED', 'reply consumer cannot acknowledge');
  if (channel.replies !== null) throw new AmqpError('PRECONDITION_FAILED', 'reply consumer already set');
  const { session } = channel;
  const address = `${REPLY_TO}.${randomBytes(SECRET_BYTES).toString('base64url')}`;
  session.declareQueue(address, {
    durable: false,
    exclusive: true,
    autoDelete: true,
    arguments: [],
    ownUse: true,
  });
  channel.replies = { address, sink };
  const { tag } = sink;
  session.consume(address, { tag, settled: true, exclusive: false, prefetch: 0, arguments: [] }, sink, channel);
}

/** Nobody listens there any more; the queue goes with its consumer. */
export function endReplies(channel: Channel): void {
  channel.replies = null;
}
