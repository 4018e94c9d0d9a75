/** The queue's side of a consumer: a `DeliverySink` for each basic.consume, and one for each basic.get. */
import type {
  CancelReason,
  ChannelCounts,
  Consumer,
  DeliverySink,
  MessageView,
  OverdueReason,
  Session,
  TagWindow,
} from '../../../src/api/index.ts';
import { TELL_ACQUIRED, TELL_ATTEMPTS } from '../mapping/wire-properties.ts';
import type { AmqpLimits } from '../options.ts';
import type { DeliveryWriter } from './delivery-writer.ts';
import type { Holder, Unsettled } from './unsettled.ts';

/** The channel as a consumer sees it. */
export interface ConsumerChannel {
  /** Where its deliveries get their tags. */
  readonly tags: TagWindow<Holder>;
  readonly unsettled: Unsettled;
  readonly session: Pick<Session, 'compat'>;
  readonly host: { readonly limits: Pick<AmqpLimits, 'consumerTimeoutMs'> };
  /** Its client hears when a consumer is no more. */
  readonly tellsCancels: boolean;
  readonly writer: DeliveryWriter;
  readonly counts: ChannelCounts;
  /** The consumer is no more, though its client has not cancelled it. */
  consumerEnded(consumer: ChannelConsumer): void;
  /** A delivery has been held for longer than it may be: the channel is closed, and what it holds goes back. */
  tooLate(limitMs: number): void;
}

export class ChannelConsumer implements DeliverySink, Holder {
  readonly tag: string;
  /** The tag as a short string, its length byte included. */
  readonly tagBytes: Buffer;
  readonly noAck: boolean;
  gone = false;
  consumer: Consumer | undefined = undefined;
  private readonly channel: ConsumerChannel;

  constructor(channel: ConsumerChannel, tag: string, noAck: boolean) {
    this.channel = channel;
    this.tag = tag;
    this.noAck = noAck;
    const bytes = Buffer.from(tag, 'utf8');
    this.tagBytes = Buffer.concat([Buffer.from([bytes.length]), bytes]);
  }

  attached(consumer: Consumer): void {
    this.consumer = consumer;
  }

  deliver(view: MessageView, slot: number): void {
    const { counts, tags, writer } = this.channel;
    if (this.noAck) counts.deliveredSettled++;
    else counts.delivered++;
    if (view.redelivered) counts.redelivered++;
    const tag = this.noAck ? tags.skip() : tags.push(this, slot);
    const came = view.attempts > 0 || view.subscriptionData > 0;
    const told =
      came && this.consumer?.tellsAttempts === true ? (view.attempts > 0 ? TELL_ATTEMPTS : 0) | TELL_ACQUIRED : 0;
    writer.deliver(this.tagBytes, tag, view, told);
  }

  cancelled(reason: CancelReason): void {
    if (reason === 'queue-deleted') this.gone = true;
    this.channel.consumerEnded(this);
  }

  get holdMs(): number {
    return this.channel.host.limits.consumerTimeoutMs;
  }

  /**
   * A lease that runs out costs the client nothing but the delivery. A timeout costs it its channel, up to RabbitMQ 4.2; since 4.3 it hears
   * that its consumer is cancelled, if it is one and the client can (`rabbit_channel:handle_queue_actions`, `released`).
   */
  overdue(slots: readonly number[], why: OverdueReason, limitMs: number): readonly number[] {
    const { channel, consumer } = this;
    const taken = channel.unsettled.letGo(this, slots);
    if (why === 'lease' || taken.length === 0) return taken;
    if (channel.session.compat !== 'rabbitmq-4' || !channel.tellsCancels || consumer?.active !== true) {
      channel.tooLate(limitMs);
    } else {
      consumer.cancel();
      channel.consumerEnded(this);
    }
    return taken;
  }
}

/** One basic.get under way, and then the holder of what it took. */
export class Getter implements DeliverySink, Holder {
  gone = false;
  consumer: Consumer | undefined = undefined;
  private readonly channel: ConsumerChannel;
  private readonly noAck: boolean;

  constructor(channel: ConsumerChannel, noAck: boolean) {
    this.channel = channel;
    this.noAck = noAck;
  }

  attached(consumer: Consumer): void {
    this.consumer = consumer;
  }

  deliver(view: MessageView, slot: number): void {
    const { counts, tags, writer } = this.channel;
    if (this.noAck) counts.gotSettled++;
    else counts.got++;
    if (view.redelivered) counts.redelivered++;
    const tag = this.noAck ? tags.skip() : tags.push(this, slot);
    // As RabbitMQ has it: here the first time is told as well.
    const tells = this.consumer?.tellsAttempts === true;
    writer.getOk(tag, view, tells ? TELL_ATTEMPTS | (view.acquired > 0 ? TELL_ACQUIRED : 0) : 0);
  }

  cancelled(): void {
    this.gone = true;
  }

  get holdMs(): number {
    return this.channel.host.limits.consumerTimeoutMs;
  }

  /** There is no consumer whose end could be told. */
  overdue(slots: readonly number[], why: OverdueReason, limitMs: number): readonly number[] {
    const taken = this.channel.unsettled.letGo(this, slots);
    if (why === 'timeout' && taken.length > 0) this.channel.tooLate(limitMs);
    return taken;
  }
}
