/**
 * The part of a connection that exists between connection.open-ok and its end: the session, the channels and what they share.
 * Before and after there is none of it, so no handler has to ask.
 */
import {
  BodyPump,
  MARK_NOW,
  type Mark,
  type Output,
  type Session,
  type Share,
  type Turn,
} from '../../../src/api/index.ts';
import type { ChannelOpener } from '../channel/channel-methods.ts';
import { Channels } from '../channel/channels.ts';
import { Notices } from '../channel/notices.ts';
import { FRAME_OVERHEAD_BYTES } from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import type { MethodWriter } from '../codec/method-writer.ts';
import type { WireProperties } from '../mapping/wire-properties.ts';
import type { AmqpLimits } from '../options.ts';
import { Routes } from '../publish/routes.ts';
import type { AmqpStats } from '../stats.ts';
import type { ConnectionMethodHost } from './connection-methods.ts';
import { AmqpError } from './errors.ts';
import { AWAITS_REPLY, type FrameInput, OUTPUT_FULL } from './frame-input.ts';
import type { ClientProperties } from './handshake/client-properties.ts';
import type { NegotiatedOptions } from './handshake/handshake.ts';

/** The connection on which an open connection runs. */
export interface OpenConnectionHost {
  readonly input: FrameInput;
  readonly output: Output;
  readonly writer: MethodWriter;
  readonly fields: FieldReader;
  readonly limits: AmqpLimits;
  readonly stats: AmqpStats;
  readonly wire: WireProperties;
  readonly client: ClientProperties;
  sendFrame(frame: MethodWriter): void;
  closedByClient(): void;
  fail(error: AmqpError, method: number): void;
  /** What carrying out a frame of this channel has thrown ends the channel, or the connection. */
  frameFailed(thrown: unknown, channelId: number): void;
}

export class OpenConnection implements ChannelOpener, ConnectionMethodHost {
  readonly session: Session;
  readonly routes: Routes;
  readonly channels: Channels;
  readonly notices: Notices;
  readonly output: Output;
  readonly writer: MethodWriter;
  readonly fields: FieldReader;
  readonly wire: WireProperties;
  readonly stats: AmqpStats;
  readonly share: Share;
  readonly payloadBytesMax: number;
  readonly channelMax: number;
  private readonly pump: BodyPump;
  private readonly input: FrameInput;
  private readonly host: OpenConnectionHost;
  private ended = false;

  constructor(host: OpenConnectionHost, session: Session, turn: Turn, negotiated: NegotiatedOptions) {
    this.host = host;
    this.session = session;
    this.channels = new Channels(session);
    this.routes = new Routes(session);
    this.notices = new Notices(turn);
    this.output = host.output;
    this.writer = host.writer;
    this.fields = host.fields;
    this.wire = host.wire;
    this.stats = host.stats;
    this.input = host.input;
    this.share = host.input.share;
    this.payloadBytesMax = negotiated.frameSizeMax - FRAME_OVERHEAD_BYTES;
    this.channelMax = negotiated.channelMax;
    this.pump = new BodyPump(turn, host.output, () => this.channels.bodySenders());
  }

  get limits(): AmqpLimits {
    return this.host.limits;
  }

  get client(): ClientProperties {
    return this.host.client;
  }

  // -- replies

  sendFrame(frame: MethodWriter): void {
    this.host.sendFrame(frame);
  }

  awaitReply(): void {
    this.notices.hold();
    this.input.pause(AWAITS_REPLY);
  }

  replyReady(): void {
    this.notices.replied();
    this.input.resume(AWAITS_REPLY);
  }

  whenSafe(mark: Mark, reply: () => void): void {
    if (mark === MARK_NOW) {
      reply();
      return;
    }
    this.awaitReply();
    this.session.whenSafe(mark, (failed) => {
      if (this.ended) return;
      if (failed) {
        this.fail(new AmqpError('INTERNAL_ERROR', 'the log could not make it safe'), 0);
        return;
      }
      reply();
      this.replyReady();
    });
  }

  resumeMethod(channelId: number, rest: () => void): void {
    try {
      rest();
    } catch (error) {
      this.host.frameFailed(error, channelId);
    }
  }

  // -- what goes in and out

  holdBack(): boolean {
    if (!this.session.congested) return false;
    this.input.holdBack();
    return true;
  }

  pumpSoon(): void {
    this.pump.soon();
  }

  /** The socket has room again. */
  drained(): void {
    this.pump.soon();
    this.channels.wake();
    this.input.resume(OUTPUT_FULL);
  }

  /** The memory of a frame is about to be used for something else. */
  frameGone(): void {
    this.channels.detachFromChunk();
  }

  /** Bytes have been parsed that are about to go; a client that does not read what it asked for is not read either. */
  chunkRead(): void {
    this.channels.detachFromChunk();
    const { output } = this;
    if (output.congested && output.pendingBytes + this.channels.heldBytes > this.limits.unsentSizeMax) {
      this.input.pause(OUTPUT_FULL);
    }
  }

  // -- the end

  closedByClient(): void {
    this.host.closedByClient();
  }

  fail(error: AmqpError, method: number): void {
    this.host.fail(error, method);
  }

  /** Gives everything back to the broker. */
  end(inOrder: boolean): void {
    this.ended = true;
    this.pump.close();
    this.channels.end();
    this.session.close(inOrder);
  }
}
