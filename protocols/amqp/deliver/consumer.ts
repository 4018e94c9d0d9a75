/** The queue's side of a consumer: a `DeliverySink` for each basic.consume, and one for each basic.get. */
import type { CancelReason, ChannelCounts, Consumer, DeliverySink, MessageView } from '../../../src/api/index.ts';
import type { DeliveryWriter } from './delivery-writer.ts';
import type { TagWindow } from './tag-window.ts';
import type { Holder } from './unsettled.ts';

/** The channel as a consumer sees it. */
export interface ConsumerChannel {
  /** Where its deliveries get their tags. */
  readonly tags: TagWindow<Holder>;
  readonly writer: DeliveryWriter;
  readonly counts: { -readonly [N in keyof ChannelCounts]: number };
  /** The consumer is no more, though its client has not cancelled it. */
  consumerEnded(consumer: ChannelConsumer): void;
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
    const tellsAttempts = view.attempts > 0 && this.consumer?.tellsAttempts === true;
    writer.deliver(this.tagBytes, tag, view, tellsAttempts ? view.attempts : -1);
  }

  cancelled(reason: CancelReason): void {
    if (reason === 'queue-deleted') this.gone = true;
    this.channel.consumerEnded(this);
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
    writer.getOk(tag, view, this.consumer?.tellsAttempts === true ? view.attempts : -1);
  }

  cancelled(): void {
    this.gone = true;
  }
}
