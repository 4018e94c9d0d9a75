/**
 * The writer of PUBLISH packets into one connection's output: as the client's encoder has them, with large bodies read and
 * sent behind their heads.
 */
import {
  type BodyReader,
  BodySender,
  type BodySenderOwner,
  copyBytes,
  type MessageView,
  type Output,
  REFERENCED_BYTES_MIN,
  type Session,
} from '../../../src/api/index.ts';
import type { MqttStats } from '../stats.ts';
import type { Apart, PublishEncoder } from './publish-encoder.ts';

/** The connection that a writer writes for. */
export interface PublishWriterOwner {
  /** All large bodies are out: whoever was held back by them looks again. */
  bodiesSent(): void;
  /** A large body could not be read back: the stream to the client cannot be continued. */
  bodyLost(): void;
}

export class PublishWriter implements BodySenderOwner {
  /** Where the next packet is written: the connection's output, or what waits behind a large body. */
  out: Output;
  readonly output: Output;
  readonly encoder: PublishEncoder;
  readonly stats: MqttStats;
  private sender: BodySender | null = null;
  private readonly session: Session;
  private readonly owner: PublishWriterOwner;

  constructor(output: Output, encoder: PublishEncoder, stats: MqttStats, session: Session, owner: PublishWriterOwner) {
    this.output = output;
    this.out = output;
    this.encoder = encoder;
    this.stats = stats;
    this.session = session;
    this.owner = owner;
  }

  /** A large body is under way: a packet in the output itself would be taken for a part of it. */
  get midBody(): boolean {
    return this.out !== this.output;
  }

  /** Large bodies that are not out. */
  get bodies(): number {
    return this.sender === null ? 0 : this.sender.bodies;
  }

  /** Bytes that wait in the socket, in the output and behind large bodies. */
  get pendingBytes(): number {
    return this.output.pendingBytes + (this.sender === null ? 0 : this.sender.pendingBytes);
  }

  /**
   * Writes a PUBLISH; false if the client cannot be sent it, which is counted.
   * @param first its first byte
   * @param packetId 0 for none
   * @param identifiers subscription identifiers, encoded; null for none
   */
  publish(view: MessageView, first: number, packetId: number, identifiers: Buffer | null): boolean {
    const headLength = this.encoder.prepare(view, packetId !== 0, identifiers, false);
    if (this.encoder.lossy) {
      this.stats.lossyConversions++;
      view.lossy = true;
    }
    if (headLength < 0) {
      this.stats.oversizeDropped++;
      return false;
    }
    this.writePrepared(view, first, packetId, headLength);
    return true;
  }

  /** Writes what the encoder has prepared, as `headLength` bytes and a body. */
  writePrepared(view: MessageView, first: number, packetId: number, headLength: number): void {
    this.stats.publishesSent++;
    if (this.encoder.apart !== null) {
      this.writeApart(view, first, packetId, headLength, this.encoder.apart);
      return;
    }
    if (view.large !== null) {
      const at = this.out.reserve(headLength);
      this.encoder.write(this.out.buffer, at, first, packetId);
      this.sendBody(this.session.readBody(view.large));
      return;
    }
    if (view.memory !== null && view.bodyLength >= REFERENCED_BYTES_MIN) {
      const at = this.out.reserve(headLength);
      this.encoder.write(this.out.buffer, at, first, packetId);
      this.out.appendBody(view.body, view.bodyStart, view.bodyEnd, view.memory);
      return;
    }
    const at = this.out.reserve(headLength + view.bodyLength);
    const { buffer } = this.out;
    const body = this.encoder.write(buffer, at, first, packetId);
    copyBytes(view.body, view.bodyStart, view.bodyEnd, buffer, body);
  }

  /** The same where what comes before the body is long: it is written from where it lies, and so for every other client. */
  private writeApart(view: MessageView, first: number, packetId: number, headLength: number, apart: Apart): void {
    const at = this.out.reserve(headLength - (apart.end - apart.start));
    this.encoder.write(this.out.buffer, at, first, packetId);
    this.out.appendBody(apart.buffer, apart.start, apart.end, apart.memory);
    if (view.large !== null) this.sendBody(this.session.readBody(view.large));
    else this.out.appendBody(view.body, view.bodyStart, view.bodyEnd, view.memory);
  }

  /** The packet that the encoder has prepared, in memory of its own: all of it, or what comes before its large body. */
  copyPrepared(view: MessageView, first: number, packetId: number, headLength: number): Buffer {
    const inline = view.large === null ? view.bodyEnd - view.bodyStart : 0;
    const bytes = Buffer.allocUnsafe(headLength + inline);
    const { apart } = this.encoder;
    let body = this.encoder.write(bytes, 0, first, packetId);
    if (apart !== null) body = copyBytes(apart.buffer, apart.start, apart.end, bytes, body);
    if (inline > 0) copyBytes(view.body, view.bodyStart, view.bodyEnd, bytes, body);
    return bytes;
  }

  /** Writes a packet that was copied. @param reader its large body; null: it has none */
  writeCopied(bytes: Buffer, reader: BodyReader | null): void {
    this.stats.publishesSent++;
    this.out.append(bytes);
    if (reader !== null) this.sendBody(reader);
  }

  /** Goes on with large bodies: the output has room again. */
  pump(): void {
    this.sender?.pump();
  }

  close(): void {
    this.sender?.close();
  }

  /** The head of a packet has been written to `out`; this is its body. */
  private sendBody(reader: BodyReader): void {
    this.sender ??= new BodySender(this.output, this);
    this.sender.send(reader);
    this.out = this.sender.out;
    this.sender.pump();
  }

  bodyReadable(): void {
    this.pump();
  }

  bodiesSent(): void {
    this.out = this.output;
    this.owner.bodiesSent();
  }

  bodyLost(): void {
    this.owner.bodyLost();
  }
}
