/**
 * Direct reply-to: a client consumes from `amq.rabbitmq.reply-to`, names that as the reply-to of its requests, and answers
 * come straight to it. https://www.rabbitmq.com/docs/direct-reply-to
 *
 * Each channel that listens gets an address of its own, `amq.rabbitmq.reply-to.<secret>`: a queue in memory that is its
 * alone and goes with it. So any protocol can answer, a mandatory answer to someone who has gone is returned, and an answer
 * in flight is never lost to a full socket. Requests are stored with that address in place of the short one.
 */
import { randomBytes } from 'node:crypto';
import {
  type Backpressure,
  BrokerError,
  type DeliverySink,
  MARK_NOW,
  type QueueInfo,
  type Session,
} from '../../../src/api/index.ts';
import { AmqpError } from '../connection/errors.ts';

export const REPLY_TO = 'amq.rabbitmq.reply-to';
const REPLY_TO_BYTES = Buffer.from(REPLY_TO, 'latin1');
const SECRET_BYTES = 16;

/** A consumer of direct replies. */
export interface ReplyConsumer extends DeliverySink {
  readonly tag: string;
  readonly noAck: boolean;
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

/**
 * A responder looks whether the requester is still there. Whatever the declare says, it is a passive one.
 * @throws BrokerError not-found
 */
export function findReplyAddress(session: Session, name: string): QueueInfo {
  if (name !== REPLY_TO && !session.queueExists(name)) {
    throw new BrokerError('not-found', `no queue '${name}' in vhost '${session.vhost}'`);
  }
  return { name, messages: 0, consumers: 1, mark: MARK_NOW };
}

/** One channel's direct replies: at most one consumer, and its address. */
export class DirectReplies {
  private readonly session: Session;
  private consumer: ReplyConsumer | null = null;
  private listensAt = '';

  constructor(session: Session) {
    this.session = session;
  }

  /**
   * The address that a request of this channel is to carry.
   * @throws AmqpError PRECONDITION_FAILED if the channel does not listen
   */
  get address(): string {
    if (this.consumer === null) throw new AmqpError('PRECONDITION_FAILED', 'fast reply consumer does not exist');
    return this.listensAt;
  }

  /** @throws AmqpError PRECONDITION_FAILED if there is a consumer already, or this one would have to acknowledge */
  consume(consumer: ReplyConsumer, output: Backpressure): void {
    if (!consumer.noAck) throw new AmqpError('PRECONDITION_FAILED', 'reply consumer cannot acknowledge');
    if (this.consumer !== null) throw new AmqpError('PRECONDITION_FAILED', 'reply consumer already set');
    const { session } = this;
    const address = `${REPLY_TO}.${randomBytes(SECRET_BYTES).toString('base64url')}`;
    session.declareQueue(address, {
      durable: false,
      exclusive: true,
      autoDelete: true,
      arguments: [],
      ownUse: true,
    });
    this.consumer = consumer;
    this.listensAt = address;
    const { tag } = consumer;
    session.consume(address, { tag, settled: true, exclusive: false, prefetch: 0, arguments: [] }, consumer, output);
  }

  /** If this is its consumer, nobody listens there any more; the queue goes with its consumer. */
  ended(consumer: ReplyConsumer): void {
    if (this.consumer === consumer) this.consumer = null;
  }

  /** Nobody listens there any more. */
  end(): void {
    this.consumer = null;
  }
}
