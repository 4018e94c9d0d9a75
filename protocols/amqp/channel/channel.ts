/**
 * One channel: what it receives (`intake`), what it sends (`out`), its consumers and what they hold.
 *
 *     channel.open --> [OPEN] --channel.close--> [GONE] --the outbox is empty--> forgotten
 *                        |                         ^
 *                        +--an error: we close--> [CLOSING] --channel.close-ok--+
 *
 * While CLOSING, everything but close and close-ok is swallowed: the client did not know yet when it sent it.
 * What a channel holds goes back (RELEASED) as soon as it is left, not when the client has answered.
 */
import { randomBytes } from 'node:crypto';
import {
  type Backpressure,
  type BodyReader,
  type GetResult,
  type MessageView,
  type Outcome,
  RELEASED,
  type Session,
  type SharedCredit,
} from '../../../src/api/index.ts';
import { CHANNEL_CLOSE } from '../codec/constants.ts';
import type { MethodWriter } from '../codec/writer.ts';
import type { Connection } from '../connection/connection.ts';
import { AmqpError, unknownTag } from '../connection/errors.ts';
import { AckWatch } from '../deliver/ack-timeout.ts';
import { Outbox, type OutboxOwner } from '../deliver/body-sender.ts';
import type { ChannelConsumer, Getter, Holder } from '../deliver/consumer.ts';
import { type CountPlace, type FrameOut, writeDeliver, writeGetOk } from '../deliver/content-frames.ts';
import { endReplies, type Replies, replyAddress } from '../deliver/direct-replies.ts';
import { Unsettled } from '../deliver/unsettled.ts';
import type { Confirms } from '../publish/confirms.ts';
import { Intake, type IntakeOwner } from '../publish/content-assembler.ts';
import type { TransactionState } from '../publish/transaction.ts';

export const OPEN = 0;
export const CLOSING = 1;
export const GONE = 2;

export class Channel implements Backpressure, OutboxOwner, IntakeOwner {
  readonly id: number;
  readonly connection: Connection;
  readonly session: Session;
  state: 0 | 1 | 2 = OPEN;
  /** Where this channel's frames go now. */
  out: FrameOut;
  readonly intake: Intake;
  readonly consumers = new Map<string, ChannelConsumer>();
  readonly unsettled = new Unsettled<Holder>();
  readonly watch = new AckWatch();
  /** basic.qos of consumers to come, and of all consumers of this channel together. 0: no limit. */
  prefetch = 0;
  readonly shared: SharedCredit;
  confirms: Confirms | null = null;
  transaction: TransactionState | null = null;
  /** Its own address for direct replies, once it listens there. */
  replies: Replies | null = null;
  /** A basic.get that is not answered yet. */
  getter: Getter | null = null;
  /** The queue that an empty name means: the one declared last. */
  lastQueue = '';
  private readonly outbox: Outbox;
  private readonly count: CountPlace = { buffer: Buffer.alloc(0), at: 0 };
  /** What an error says it was about. */
  method = 0;

  constructor(connection: Connection, session: Session, id: number) {
    this.connection = connection;
    this.session = session;
    this.id = id;
    this.shared = session.sharedCredit(0);
    this.out = connection.output;
    this.intake = new Intake(this, connection.limits.bodySizeMax);
    this.outbox = new Outbox(id, connection.output, connection.payloadBytesMax, this);
  }

  get isOpen(): boolean {
    return this.state === OPEN;
  }

  /** Consumers of this channel wait: the socket is full, or a large body is on its way. */
  get congested(): boolean {
    return this.connection.output.congested || this.outbox.busy;
  }

  /** Bytes that wait behind a large body. */
  get heldBytes(): number {
    return this.outbox.heldBytes;
  }

  get sendingBody(): boolean {
    return this.outbox.busy;
  }

  // -- sending

  /** Starts a method frame; give it to `send`. */
  begin(method: number): MethodWriter {
    return this.connection.writer.begin(this.id, method);
  }

  send(frame: MethodWriter): void {
    const bytes = frame.end();
    this.out.append(bytes, 0, bytes.length);
  }

  deliver(consumer: ChannelConsumer, view: MessageView, slot: number): void {
    const tag = consumer.noAck ? this.unsettled.skip() : this.unsettled.push(consumer, slot);
    const wire = this.connection.wire;
    wire.of(this.session, view, view.attempts > 0 && consumer.consumer?.tellsAttempts === true ? view.attempts : -1);
    const payloadMax = this.connection.payloadBytesMax;
    writeDeliver(this.out, this.id, consumer.tagBytes, tag, view, wire, payloadMax);
    if (view.large !== null) this.sendBody(this.session.readBody(view.large));
  }

  deliverGot(getter: Getter, view: MessageView, slot: number, noAck: boolean): void {
    const tag = noAck ? this.unsettled.skip() : this.unsettled.push(getter, slot);
    const wire = this.connection.wire;
    // As RabbitMQ has it: here the first time is told as well.
    wire.of(this.session, view, getter.consumer?.tellsAttempts === true ? view.attempts : -1);
    writeGetOk(this.out, this.id, tag, view, wire, this.connection.payloadBytesMax, this.count);
    if (view.large !== null) this.sendBody(this.session.readBody(view.large));
  }

  /** basic.get-ok says how many messages are left; that is known only after the message was taken. */
  countGot(result: GetResult): void {
    this.count.buffer.writeUInt32BE(Math.min(result.remaining, 0xffff_ffff), this.count.at);
    this.count.buffer = Buffer.alloc(0);
  }

  /** Sends `body` behind the header frame that was just written. */
  sendBody(body: BodyReader): void {
    this.outbox.send(body);
    this.out = this.outbox.out;
    this.connection.pumpSoon();
  }

  /** Writes one frame of a large body; false if that cannot be done now. */
  stepBody(): boolean {
    return this.outbox.step();
  }

  outboxReady(): void {
    this.connection.pumpSoon();
  }

  outboxIdle(): void {
    this.out = this.connection.output;
    if (this.state === GONE) this.connection.channels.forget(this);
    else this.wake();
  }

  outboxFailed(error: Error): void {
    // Half a content cannot be taken back on this channel, so the connection ends.
    this.connection.fail(new AmqpError('INTERNAL_ERROR', `a message body could not be read back: ${error.message}`), 0);
  }

  // -- settling

  /** Ends the delivery `tag`, and with `multiple` all before it. 0 with `multiple`: all there are. [§1.8.3.13.1] */
  settle(tag: number, multiple: boolean, outcome: Outcome): void {
    const unsettled = this.unsettled;
    if (!multiple) {
      if (!unsettled.take(tag)) throw unknownTag(tag);
      this.settleOne(tag, outcome);
    } else {
      // As RabbitMQ has it: even with `multiple` the tag itself must be one that is held.
      if (tag !== 0 && !unsettled.has(tag)) throw unknownTag(tag);
      this.settleUntil(tag === 0 ? unsettled.lastTag : tag, (next) => this.settleOne(next, outcome));
      return;
    }
    this.shareCredit();
  }

  /** Takes out all there are up to this tag: in parts, if they are many. */
  private settleUntil(until: number, settle: (tag: number) => void, done: () => void = () => {}): void {
    const { unsettled, connection } = this;
    const { share } = connection;
    share.run(
      () => {
        for (let next = unsettled.first(); next !== 0 && next <= until; next = unsettled.first()) {
          unsettled.take(next);
          settle(next);
          share.work.spend(1);
          if (share.work.over) return false;
        }
        return true;
      },
      () => {
        this.shareCredit();
        done();
      },
    );
  }

  /** Everything that is held goes back to its queue, to be delivered again. */
  recover(done: () => void): void {
    const back = (): void => this.settleHeld(this.unsettled.holder!, this.unsettled.slot, RELEASED);
    this.settleUntil(this.unsettled.lastTag, back, done);
  }

  private settleOne(tag: number, outcome: Outcome): void {
    const holder = this.unsettled.holder!;
    if (this.transaction !== null) this.transaction.settle(tag, holder, this.unsettled.slot, outcome);
    else this.settleHeld(holder, this.unsettled.slot, outcome);
  }

  private settleHeld(holder: Holder, slot: number, outcome: Outcome): void {
    if (holder.gone) return;
    holder.consumer?.settle(slot, outcome);
  }

  /** Credit that came back to a limit which several consumers share serves any of them. */
  shareCredit(): void {
    if (this.shared.limit > 0) this.wake();
  }

  wake(): void {
    if (this.state !== OPEN) return;
    this.connection.share.work.spend(this.consumers.size >>> 3);
    for (const consumer of this.consumers.values()) consumer.consumer?.wake();
  }

  /** Carries out what is left of a frame whose operation took more than one turn. */
  goOn(rest: () => void): void {
    if (this.state === OPEN) this.connection.goOn(this.id, rest);
  }

  // -- names

  queueName(name: string): string {
    if (name !== '') return name;
    if (this.lastQueue === '') throw new AmqpError('NOT_FOUND', 'no previously declared queue');
    return this.lastQueue;
  }

  lost(): void {
    this.connection.stats.lossyConversions++;
  }

  /** What `amq.rabbitmq.reply-to` means on this channel. */
  replyAddress(): string {
    return replyAddress(this);
  }

  newConsumerTag(): string {
    return `amq.ctag-${randomBytes(16).toString('base64url')}`;
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
    const { share } = this.connection;
    let next = 0;
    share.run(() => {
      while (next < consumers.length) {
        consumers[next++]!.consumer?.cancel();
        share.work.spend(2);
        if (share.work.over) return false;
      }
      return true;
    });
    const back = (): void => this.settleHeld(this.unsettled.holder!, this.unsettled.slot, outcome);
    this.settleUntil(this.unsettled.lastTag, back, done);
  }

  /** Gives up what was begun. Its consumers and what they hold are left to whoever ends its session, or to `release`. */
  private abandon(): void {
    this.state = CLOSING;
    if (this.intake.abandon()) {
      this.connection.channels.openContents--;
      this.connection.stats.bodiesAbandoned++;
    }
    if (this.transaction !== null) {
      this.transaction.rollback();
      this.transaction = null;
      this.connection.channels.transactional--;
    }
    this.confirms?.close();
    this.confirms = null;
    endReplies(this);
    this.getter?.consumer?.cancel();
  }

  /** The connection is gone: no more bytes for anyone. What consumers hold goes back with the session. */
  dispose(): void {
    if (this.state === OPEN) this.abandon();
    this.state = GONE;
    this.outbox.close();
  }
}
