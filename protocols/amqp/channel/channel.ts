/**
 * One channel: what it receives (`assembler`), what it sends (`writer`), its consumers and what they hold (`unsettled`).
 *
 *     channel.open --> [OPEN] --channel.close--> [GONE] --no large body is under way--> forgotten
 *                        |                         ^
 *                        +--an error: we close--> [CLOSING] --channel.close-ok--+
 *
 * While CLOSING, everything but close and close-ok is swallowed: the client did not know yet when it sent it.
 * What a channel holds goes back (RELEASED) as soon as it is left, not when the client has answered.
 */
import { randomBytes } from 'node:crypto';
import {
  type Backpressure,
  ChannelCounts,
  MARK_NOW,
  MARK_REFUSED,
  type Mark,
  type Outcome,
  RELEASED,
  type Session,
  type SharedCredit,
  type TagWindow,
} from '../../../src/api/index.ts';
import { BASIC_CANCEL, CHANNEL_CLOSE } from '../codec/constants.ts';
import type { MethodWriter } from '../codec/method-writer.ts';
import { AmqpError } from '../connection/errors.ts';
import type { ConsumeChannel } from '../deliver/consume-methods.ts';
import type { ChannelConsumer, Getter } from '../deliver/consumer.ts';
import { DeliveryWriter, type DeliveryWriterOwner } from '../deliver/delivery-writer.ts';
import { DirectReplies } from '../deliver/direct-replies.ts';
import { type Holder, Unsettled, type UnsettledOwner } from '../deliver/unsettled.ts';
import type { ConfirmModeChannel } from '../publish/confirm-methods.ts';
import type { Confirms } from '../publish/confirms.ts';
import { ContentAssembler, type ContentOwner } from '../publish/content-assembler.ts';
import type { PublishChannel } from '../publish/publish.ts';
import { TransactionState } from '../publish/transaction.ts';
import type { TransactionChannel } from '../publish/transaction-methods.ts';
import type { QueueChannel } from '../topology/queue-methods.ts';
import type { ChannelHost } from './channel-host.ts';

export const OPEN = 0;
export const CLOSING = 1;
export const GONE = 2;

export class Channel
  implements
    PublishChannel,
    ConfirmModeChannel,
    TransactionChannel,
    ConsumeChannel,
    QueueChannel,
    Backpressure,
    ContentOwner,
    DeliveryWriterOwner,
    UnsettledOwner
{
  readonly id: number;
  readonly host: ChannelHost;
  readonly session: Session;
  state: 0 | 1 | 2 = OPEN;
  readonly writer: DeliveryWriter;
  readonly assembler: ContentAssembler;
  readonly consumers = new Map<string, ChannelConsumer>();
  readonly unsettled: Unsettled;
  readonly tags: TagWindow<Holder>;
  readonly counts = new ChannelCounts();
  /** basic.qos of consumers to come. 0: no limit. */
  prefetch = 0;
  /** basic.qos of all consumers of this channel together. */
  readonly sharedCredit: SharedCredit;
  /** Set in confirm mode. */
  confirms: Confirms | null = null;
  /** Set in transaction mode; `startTransactions` sets it. */
  transaction: TransactionState | null = null;
  readonly replies: DirectReplies;
  /** A basic.get that is not answered yet. */
  getter: Getter | null = null;
  /** The queue that an empty name means: the one declared last. */
  lastQueue = '';
  /** The method that came last, class and method in one number: what an error says it was about. */
  method = 0;

  constructor(host: ChannelHost, id: number) {
    const { session } = host;
    this.host = host;
    this.session = session;
    this.id = id;
    this.sharedCredit = session.sharedCredit(0);
    this.writer = new DeliveryWriter(id, host, this);
    this.assembler = new ContentAssembler(this, host.limits.bodySizeMax);
    this.unsettled = new Unsettled(this, host.share);
    this.tags = this.unsettled.tags;
    this.replies = new DirectReplies(session);
  }

  get isOpen(): boolean {
    return this.state === OPEN;
  }

  /** Consumers of this channel wait: the socket is full, or a large body is on its way. */
  get congested(): boolean {
    return this.host.output.congested || this.writer.sendingBody;
  }

  // -- replies

  begin(method: number): MethodWriter {
    return this.writer.begin(method);
  }

  send(frame: MethodWriter): void {
    this.writer.send(frame);
  }

  replyWhenSafe(mark: Mark, noWait: boolean, reply: () => void): void {
    if (mark === MARK_REFUSED) throw new AmqpError('INTERNAL_ERROR', 'the broker could not store it');
    if (noWait || mark === MARK_NOW) {
      if (!noWait) reply();
      this.host.notices.replied();
      return;
    }
    this.host.whenSafe(mark, () => {
      // Nothing is parsed meanwhile, but an error of the log or the operator may have closed the channel.
      if (this.isOpen) reply();
    });
  }

  resumeMethod(rest: () => void): void {
    if (this.state === OPEN) this.host.resumeMethod(this.id, rest);
  }

  // -- names

  queueName(name: string): string {
    if (name !== '') return name;
    if (this.lastQueue === '') throw new AmqpError('NOT_FOUND', 'no previously declared queue');
    return this.lastQueue;
  }

  newConsumerTag(): string {
    return `amq.ctag-${randomBytes(16).toString('base64url')}`;
  }

  // -- publishing

  get replyAddress(): string {
    return this.replies.address;
  }

  countLossy(): void {
    this.host.stats.lossyConversions++;
  }

  startTransactions(): void {
    if (this.transaction !== null) return;
    this.transaction = new TransactionState(this, this.host);
    this.unsettled.deferred = this.transaction;
    this.host.channels.transactional++;
  }

  // -- consumers

  /** Credit that came back to a limit which several consumers share serves any of them. */
  shareCredit(): void {
    if (this.sharedCredit.limit > 0) this.wake();
  }

  wake(): void {
    if (this.state !== OPEN) return;
    this.host.share.work.spend(this.consumers.size >>> 3);
    for (const consumer of this.consumers.values()) consumer.consumer?.wake();
  }

  tooLate(limitMs: number): void {
    if (!this.isOpen) return;
    this.host.stats.acknowledgementsTimedOut++;
    const text =
      `delivery acknowledgement on channel ${this.id} timed out. Timeout value used: ${limitMs} ms. ` +
      'This timeout value can be configured, see consumers doc guide to learn more';
    this.fail(new AmqpError('PRECONDITION_FAILED', text), 0);
  }

  /** Only to clients that said they understand it. [consumer_cancel_notify] */
  get tellsCancels(): boolean {
    return this.host.client.can('consumer_cancel_notify');
  }

  consumerEnded(consumer: ChannelConsumer): void {
    this.consumers.delete(consumer.tag);
    this.replies.ended(consumer);
    // What it held no longer counts against a limit that the channel's consumers share.
    this.wake();
    if (!this.tellsCancels) return;
    // Who has deleted the queue hears that it is done first.
    this.host.notices.add(() => {
      if (this.isOpen) this.send(this.begin(BASIC_CANCEL).shortString(consumer.tag).bit(true));
    });
  }

  bodiesSent(): void {
    if (this.state === GONE) this.host.channels.forget(this);
    else this.wake();
  }

  // -- the end

  /** An error that costs the client this channel: tell it, and swallow what it sends until it has answered. */
  fail(error: AmqpError, method = this.method): void {
    this.release(RELEASED);
    this.state = CLOSING;
    this.send(
      this.begin(CHANNEL_CLOSE)
        .uint16(error.replyCode)
        .shortString(error.replyText)
        .uint16(method >>> 16)
        .uint16(method & 0xffff),
    );
  }

  /**
   * Lets go of everything: consumers, deliveries, what was begun; in parts, if it is much. Sends nothing.
   * @param done everything has gone back
   */
  release(outcome: Outcome, done: () => void = () => {}): void {
    if (this.state !== OPEN) return;
    this.abandon();
    // First off their queues, so that nothing that goes back comes to one of them again.
    const consumers = [...this.consumers.values()];
    this.consumers.clear();
    for (const { consumer } of consumers) consumer?.suspend();
    const { share } = this.host;
    let next = 0;
    share.run(() => {
      while (next < consumers.length) {
        consumers[next++]!.consumer?.cancel();
        share.work.spend(2);
        if (share.work.over) return false;
      }
      return true;
    });
    this.unsettled.giveBack(outcome, done);
  }

  /** Both sides have closed it: its number is free again as soon as the body that it is sending is out. */
  leave(): void {
    this.state = GONE;
    if (!this.writer.sendingBody) this.host.channels.forget(this);
  }

  /** Gives up what was begun. Its consumers and what they hold are left to whoever ends its session, or to `release`. */
  private abandon(): void {
    this.state = CLOSING;
    if (this.assembler.abandon()) {
      this.host.channels.openContents--;
      this.host.stats.bodiesAbandoned++;
    }
    if (this.transaction !== null) {
      this.transaction.rollback();
      this.transaction = null;
      this.unsettled.deferred = null;
      this.host.channels.transactional--;
    }
    this.confirms?.close();
    this.confirms = null;
    this.replies.end();
    this.getter?.consumer?.cancel();
  }

  /** The connection is gone: no more bytes for anyone. What consumers hold goes back with the session. */
  dispose(): void {
    if (this.state === OPEN) this.abandon();
    this.state = GONE;
    this.writer.close();
  }
}
