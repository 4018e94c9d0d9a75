/**
 * A subscription with `browser:true`, as ActiveMQ has it: what is in a queue is shown and stays there, and after the last message comes one
 * that says so.
 *
 *     MESSAGE …                  for each, to be answered by nothing
 *     MESSAGE browser:end        message-id:0, no body; nothing follows
 */
import type { Backpressure, Browse, BrowseSink, MessageView } from '../../../src/api/index.ts';
import { escapeValue } from '../codec/escape.ts';
import type { DeliveryHead } from './delivery-writer.ts';
import type { SubscriptionClient } from './subscription-consumer.ts';

export interface BrowserRequest {
  readonly id: string | undefined;
  /** What it is found under in `Subscriptions`. */
  readonly key: string;
  readonly queue: string;
  /** The `destination` as the client named it. */
  readonly shownAs: string;
  readonly selector: string | undefined;
}

export class QueueBrowser implements BrowseSink, Backpressure, DeliveryHead {
  readonly key: string;
  readonly number: number;
  readonly opening: Buffer;
  readonly ackOpening = Buffer.alloc(0);
  readonly destination = null;
  /** Its RECEIPT is still to come. */
  awaitsReceipt = false;
  private readonly client: SubscriptionClient;
  private readonly end: Buffer;
  private readonly browse: Browse;
  private shown = 0;

  /** @throws BrokerError as `Session.browse` */
  constructor(client: SubscriptionClient, number: number, { id, key, queue, shownAs, selector }: BrowserRequest) {
    const { version, sessionName, session } = client;
    this.client = client;
    this.key = key;
    this.number = number;
    const idLine = id === undefined ? '' : `subscription:${escapeValue(id, version) ?? ''}\n`;
    this.opening = Buffer.from(`MESSAGE\n${idLine}message-id:${sessionName}.${number}.`);
    this.end = Buffer.from(
      `MESSAGE\n${idLine}message-id:0\nbrowser:end\ndestination:${escapeValue(shownAs, version) ?? ''}\ncontent-length:0\n\n\0\n`,
    );
    this.browse = session.browse(queue, selector, this, this);
  }

  get congested(): boolean {
    return this.awaitsReceipt || this.client.output.congested;
  }

  show(view: MessageView): void {
    const { client } = this;
    client.writer.write(this, view, ++this.shown, -1);
    client.output.wrote = true;
    if (view.large !== null) client.output.writeBody(client.session.readBody(view.large));
  }

  ended(): void {
    const { output } = this.client;
    const { out } = output;
    const at = out.reserve(this.end.length);
    this.end.copy(out.buffer, at);
    output.wrote = true;
  }

  wake(): void {
    this.browse.wake();
  }

  stop(): void {
    this.browse.stop();
  }
}
