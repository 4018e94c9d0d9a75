/**
 * The writer of one client's deliveries: pushes of messages, and elements of lists. Large bodies go out piece by piece, and what is
 * written meanwhile waits behind them (`BodySender`).
 */
import { type Backpressure, BodySender, type MessageView, type Output, type Session } from '../../../src/api/index.ts';
import type { Adapter, Channel } from '../adapter.ts';
import { ReplyWriter } from '../codec/reply.ts';
import { REDIS_DIALECT } from '../mapping/names.ts';

const MESSAGE = Buffer.from('message');
const PATTERN_MESSAGE = Buffer.from('pmessage');
/** Large bodies that may wait for one subscriber. */
const BODIES_MAX = 32;

export interface DeliveryWriterOwner {
  /** A large body cannot be read back; nothing that makes sense can follow. */
  bodyLost(): void;
  /** No large body is under way any more. */
  bodiesSent(): void;
}

export class DeliveryWriter implements Backpressure {
  readonly reply: ReplyWriter;
  private readonly sender: BodySender;
  private readonly output: Output;
  private readonly adapter: Adapter;

  constructor(adapter: Adapter, output: Output, owner: DeliveryWriterOwner) {
    this.adapter = adapter;
    this.output = output;
    this.sender = new BodySender(output, {
      bodyReadable: () => this.sender.pump(),
      bodiesSent: () => owner.bodiesSent(),
      bodyLost: () => {
        adapter.stats.bodiesUnreadable++;
        owner.bodyLost();
      },
    });
    this.reply = new ReplyWriter(this.sender);
  }

  get congested(): boolean {
    return this.sender.busy || this.output.congested;
  }

  /** A large body is under way. */
  get busy(): boolean {
    return this.sender.busy;
  }

  /** A subscriber has so much unsent that what comes is dropped. */
  get overflowing(): boolean {
    if (!this.congested) return false;
    const bytes = this.output.pendingBytes + this.sender.pendingBytes;
    return bytes > this.adapter.options.unsentBytesMax || this.sender.bodies > BODIES_MAX;
  }

  /** @param pattern null: the channel itself was subscribed to */
  message(pattern: Buffer | null, { bytes }: Channel, view: MessageView, session: Session): void {
    const { reply } = this;
    reply.push(pattern === null ? 3 : 4);
    reply.bulk(pattern === null ? MESSAGE : PATTERN_MESSAGE);
    if (pattern !== null) reply.bulk(pattern);
    reply.bulk(bytes);
    this.body(view, session);
  }

  /** The body, as a bulk string. */
  body(view: MessageView, session: Session): void {
    const { reply } = this;
    if (view.large === null) {
      reply.bulk(view.body, view.bodyStart, view.bodyEnd, view.memory);
      return;
    }
    reply.bulkHead(view.bodyLength);
    this.sender.send(session.readBody(view.large));
    reply.bulkTail();
    this.sender.pump();
  }

  /** Counts it if it has properties: Redis has no place for any. */
  countLossy(view: MessageView): void {
    if (view.propsEnd === view.propsStart || view.dialect === REDIS_DIALECT.id) return;
    this.adapter.stats.lossyConversions++;
    view.lossy = true;
  }

  drained(): void {
    this.sender.pump();
  }

  close(): void {
    this.sender.close();
  }
}
