/**
 * Writes the frames of one channel: deliveries, returned messages, replies. They go to the connection's output, or behind
 * the large body that the channel sends, which nothing of the same channel may interrupt. [§4.2.6]
 */
import {
  type BodyReader,
  BodySender,
  type BodySenderOwner,
  type GetResult,
  type MessageView,
  type Output,
  type Session,
} from '../../../src/api/index.ts';
import { BASIC_RETURN, REPLY } from '../codec/constants.ts';
import type { MethodWriter } from '../codec/method-writer.ts';
import { AmqpError } from '../connection/errors.ts';
import type { WireProperties } from '../mapping/wire-properties.ts';
import { bodyFraming } from './body-framing.ts';
import { type CountPlace, writeBody, writeDeliver, writeGetOk, writeHeader } from './content-frames.ts';

/** The connection as writing sees it. */
export interface DeliveryHost {
  readonly session: Session;
  readonly output: Output;
  /** Builds method frames; one for all channels. */
  readonly writer: MethodWriter;
  readonly wire: WireProperties;
  /** What fits into one frame, as agreed; it does not change any more. */
  readonly payloadBytesMax: number;
  /** A large body may have something to send. */
  pumpSoon(): void;
  /** An error that costs the client its connection. */
  fail(error: AmqpError, method: number): void;
}

export interface DeliveryWriterOwner {
  /** No large body is under way any more. */
  bodiesSent(): void;
}

/** A mandatory message that no queue took. */
export interface ReturnedMessage {
  readonly exchange: Buffer;
  readonly key: Buffer;
  readonly props: Buffer;
  readonly body: Buffer;
  /** Set when the body is not in `body`. Whoever gets it sends it or closes it. */
  readonly large: BodyReader | null;
}

export class DeliveryWriter implements BodySenderOwner {
  /** The channel's number. */
  readonly id: number;
  /** Where the channel's frames go now: the connection's output, or what is sent behind a large body. */
  out: Output;
  /** Its large bodies; the connection's `BodyPump` has the senders of its channels take turns. */
  readonly bodies: BodySender;
  private readonly host: DeliveryHost;
  private readonly owner: DeliveryWriterOwner;
  private readonly count: CountPlace = { buffer: Buffer.alloc(0), at: 0 };

  constructor(id: number, host: DeliveryHost, owner: DeliveryWriterOwner) {
    this.id = id;
    this.host = host;
    this.owner = owner;
    this.out = host.output;
    this.bodies = new BodySender(host.output, this, bodyFraming(id, host.payloadBytesMax));
  }

  /** Starts a method frame; give it to `send`. */
  begin(method: number): MethodWriter {
    return this.host.writer.begin(this.id, method);
  }

  send(frame: MethodWriter): void {
    const bytes = frame.end();
    this.out.append(bytes, 0, bytes.length);
  }

  /**
   * basic.deliver. [§1.8.3.11]
   * @param consumerTag as a short string, its length byte included
   * @param counts of its attempts that are to be told: TELL_ATTEMPTS, TELL_ACQUIRED
   */
  deliver(consumerTag: Buffer, deliveryTag: number, view: MessageView, counts: number): void {
    const { session, wire, payloadBytesMax } = this.host;
    wire.of(session, view, counts);
    writeDeliver(this.out, this.id, consumerTag, deliveryTag, view, wire, payloadBytesMax);
    if (view.large !== null) this.sendBody(session.readBody(view.large));
  }

  /** basic.get-ok; `countGot` follows. [§1.8.3.12] */
  getOk(deliveryTag: number, view: MessageView, counts: number): void {
    const { session, wire, payloadBytesMax } = this.host;
    wire.of(session, view, counts);
    writeGetOk(this.out, this.id, deliveryTag, view, wire, payloadBytesMax, this.count);
    if (view.large !== null) this.sendBody(session.readBody(view.large));
  }

  /** basic.get-ok says how many messages are left; that is known only after the message was taken. */
  countGot(result: GetResult): void {
    this.count.buffer.writeUInt32BE(Math.min(result.remaining, 0xffff_ffff), this.count.at);
    this.count.buffer = Buffer.alloc(0);
  }

  /** basic.return: gives a mandatory message back that no queue took. [§1.8.3.9] */
  returned(message: ReturnedMessage): void {
    const { props, body, large } = message;
    this.send(
      this.begin(BASIC_RETURN)
        .uint16(REPLY.NO_ROUTE)
        .shortString('NO_ROUTE')
        .shortString(message.exchange.utf8Slice())
        .shortString(message.key.utf8Slice()),
    );
    writeHeader(this.out, this.id, large?.length ?? body.length, props, 0, props.length);
    if (large !== null) this.sendBody(large);
    else writeBody(this.out, this.id, body, 0, body.length, this.host.payloadBytesMax);
  }

  // -- large bodies

  /** A large body is under way: consumers of this channel wait. */
  get sendingBody(): boolean {
    return this.bodies.busy;
  }

  /** Bytes that wait behind large bodies. */
  get heldBytes(): number {
    return this.bodies.pendingBytes;
  }

  bodyReadable(): void {
    this.host.pumpSoon();
  }

  bodiesSent(): void {
    this.out = this.host.output;
    this.owner.bodiesSent();
  }

  bodyLost(error: Error): void {
    // Half a content cannot be taken back on this channel, so the connection ends.
    this.host.fail(new AmqpError('INTERNAL_ERROR', `a message body could not be read back: ${error.message}`), 0);
  }

  /** Gives up the bodies that are not sent. */
  close(): void {
    this.bodies.close();
  }

  /** Sends `body` behind the header frame that was just written. */
  private sendBody(body: BodyReader): void {
    this.bodies.send(body);
    this.out = this.bodies.out;
    this.host.pumpSoon();
  }
}
