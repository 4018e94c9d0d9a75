/**
 * One consumer of a channel, or the holder of what `basic.get` took: hears from the queue and knows its channel.
 */
import type { Consumer, DeliverySink, MessageView } from '../../../src/api/index.ts';
import type { Channel } from '../channel/channel.ts';
import { BASIC_CANCEL } from '../codec/constants.ts';
import { endReplies } from './direct-replies.ts';

/** Who holds unsettled deliveries: what `Unsettled` points to. */
export interface Holder {
  readonly consumer: Consumer | undefined;
  /** The queue is gone, and what was held with it: there is nothing to settle. */
  readonly gone: boolean;
}

export class ChannelConsumer implements DeliverySink, Holder {
  readonly tag: string;
  /** The tag as a short string, its length byte included. */
  readonly tagBytes: Buffer;
  readonly noAck: boolean;
  gone = false;
  consumer: Consumer | undefined = undefined;
  private readonly channel: Channel;

  constructor(channel: Channel, tag: string, noAck: boolean) {
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
    this.channel.deliver(this, view, slot);
  }

  cancelled(reason: 'queue-deleted' | 'operator'): void {
    if (reason === 'queue-deleted') this.gone = true;
    const channel = this.channel;
    channel.consumers.delete(this.tag);
    if (channel.replies?.sink === this) endReplies(channel);
    // What it held no longer counts against a limit that the channel's consumers share.
    channel.wake();
    // Only to clients that said they understand it. [consumer_cancel_notify]
    if (!channel.connection.clientCan('consumer_cancel_notify')) return;
    // Who has deleted the queue hears that it is done first.
    channel.connection.notices.add(() => {
      if (channel.isOpen) channel.send(channel.begin(BASIC_CANCEL).shortString(this.tag).bit(true));
    });
  }
}

/** One basic.get under way, and then the holder of what it took. */
export class Getter implements DeliverySink, Holder {
  gone = false;
  consumer: Consumer | undefined = undefined;
  private readonly channel: Channel;
  private readonly noAck: boolean;

  constructor(channel: Channel, noAck: boolean) {
    this.channel = channel;
    this.noAck = noAck;
  }

  attached(consumer: Consumer): void {
    this.consumer = consumer;
  }

  deliver(view: MessageView, slot: number): void {
    this.channel.deliverGot(this, view, slot, this.noAck);
  }

  cancelled(): void {
    this.gone = true;
  }
}
