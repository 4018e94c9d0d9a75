/**
 * One client's connection: bytes in, and every way in which it can end. [§4]
 *
 *     [GREETING] --AMQP 0 0 9 1--> [HANDSHAKE] --open-ok--> [OPEN] --connection.close--> close-ok, [ENDED]
 *         | another header            | refused, too slow       | an error, shutdown, kicked
 *         v                           v                         v
 *      AMQP 0 0 9 1, [ENDED]       [ENDED]                  [CLOSING] --close-ok, or too slow--> [ENDED]
 *
 * Reading can be paused (`FrameInput`): while a reply waits for the log, while publishing is held back, while the client does
 * not read what it asked for, while others have their turn. Deliveries and confirms go out meanwhile.
 */
import {
  AccessPending,
  type BrokerServices,
  type ChannelCounts,
  type ChannelReport,
  type ConnectionHandler,
  type ConnectionReport,
  type Identity,
  type Output,
  type Refusal,
  type Session,
  type SessionClient,
  type Share,
  type Transport,
} from '../../../src/api/index.ts';
import { channelReport } from '../channel/channel-report.ts';
import { CONNECTION_CLOSE_OK, FRAME_OVERHEAD_BYTES } from '../codec/constants.ts';
import { FieldReader } from '../codec/field-reader.ts';
import type { MethodWriter } from '../codec/method-writer.ts';
import type { WireProperties } from '../mapping/wire-properties.ts';
import type { AmqpLimits } from '../options.ts';
import type { AmqpStats } from '../stats.ts';
import { ConnectionTimers, type ConnectionTimersOwner } from './connection-timers.ts';
import { ConnectionWriter } from './connection-writer.ts';
import { AmqpError, asAmqpError, ClientsMistake, NotLetIn } from './errors.ts';
import { closingFrame, handshakeFrame, openFrame } from './frame-dispatch.ts';
import { AWAITS_REPLY, FrameInput, type FrameInputOwner } from './frame-input.ts';
import { ClientProperties } from './handshake/client-properties.ts';
import { Greeting } from './handshake/greeting.ts';
import { Handshake, type HandshakeHost, type NegotiatedOptions } from './handshake/handshake.ts';
import { OpenConnection, type OpenConnectionHost } from './open-connection.ts';

const GREETING = 0;
const HANDSHAKE = 1;
const OPEN = 2;
const CLOSING = 3;
const ENDED = 4;

/** Frames before the login: enough for its credentials. */
const FRAME_BYTES_BEFORE_LOGIN = 16 * 1024;
const NO_PROPERTIES = new ClientProperties([]);

export class Connection
  implements ConnectionHandler, SessionClient, ConnectionTimersOwner, FrameInputOwner, HandshakeHost, OpenConnectionHost
{
  readonly transport: Transport;
  readonly output: Output;
  readonly broker: BrokerServices;
  readonly limits: AmqpLimits;
  readonly stats: AmqpStats;
  readonly wire: WireProperties;
  readonly fields = new FieldReader();
  readonly input: FrameInput;
  /** What it says of itself. */
  client = NO_PROPERTIES;
  private state: 0 | 1 | 2 | 3 | 4 = GREETING;
  private greeting: Greeting | null = new Greeting();
  /** Set in the state HANDSHAKE. */
  private handshake: Handshake | null = null;
  /** Set in the state OPEN. */
  private open: OpenConnection | null = null;
  private options: NegotiatedOptions | null = null;
  private readonly channelZero: ConnectionWriter;
  private readonly timers: ConnectionTimers;

  constructor(
    transport: Transport,
    broker: BrokerServices,
    limits: AmqpLimits,
    stats: AmqpStats,
    wire: WireProperties,
  ) {
    this.transport = transport;
    this.output = transport.output;
    this.broker = broker;
    this.limits = limits;
    this.stats = stats;
    this.wire = wire;
    this.channelZero = new ConnectionWriter(this.output);
    this.input = new FrameInput(this, transport, broker.clock, broker.turn, limits, FRAME_BYTES_BEFORE_LOGIN);
    this.timers = new ConnectionTimers(broker.clock, limits, this);
    stats.connectionsOpened++;
  }

  // -- bytes in

  data(chunk: Buffer): void {
    if (this.state === ENDED) return;
    this.timers.received();
    const { greeting } = this;
    if (greeting === null) {
      this.input.data(chunk);
      return;
    }
    const used = greeting.take(chunk);
    if (greeting.accepted === undefined) return;
    if (!greeting.accepted) {
      // The header of what is spoken here, and nothing more. [§4.2.2]
      this.stats.headersRefused++;
      this.broker.reportMistake(this.transport, 'it did not begin with the header of AMQP 0-9-1');
      this.output.append(Greeting.header);
      this.end();
      return;
    }
    this.greeting = null;
    this.state = HANDSHAKE;
    this.handshake = new Handshake(this);
    if (used < chunk.length) this.input.data(chunk.subarray(used));
  }

  get heldBytes(): number {
    return this.input.heldBytes + (this.open === null ? 0 : this.open.channels.unfinishedBytes);
  }

  get authenticated(): boolean {
    return this.open !== null;
  }

  exceeded(reason: string): void {
    this.fail(new AmqpError('RESOURCE_ERROR', reason), 0);
  }

  handleFrame(type: number, channelId: number, buffer: Buffer, start: number, end: number): boolean {
    try {
      if (this.open !== null) return openFrame(this.open, type, channelId, buffer, start, end);
      if (this.handshake !== null) {
        handshakeFrame(this.handshake, this.fields, type, channelId, buffer, start, end);
      } else if (this.state === CLOSING) closingFrame(this, type, channelId, buffer, start, end);
    } catch (error) {
      if (error instanceof AccessPending) {
        this.input.awaitAnswer(error);
        return false;
      }
      this.frameFailed(error, channelId);
    }
    return true;
  }

  chunkRead(): void {
    this.open?.chunkRead();
  }

  frameGone(): void {
    this.open?.frameGone();
  }

  frameError(reason: string): void {
    this.fail(new AmqpError('FRAME_ERROR', reason), 0);
    // What follows cannot be understood, so there is no close-ok to wait for.
    this.end();
  }

  readFailed(error: unknown): void {
    this.frameFailed(error, 0);
    this.end();
  }

  // -- the handshake

  get share(): Share {
    return this.input.share;
  }

  awaitReply(): void {
    this.input.pause(AWAITS_REPLY);
  }

  replyReady(): void {
    this.input.resume(AWAITS_REPLY);
  }

  enter(identity: Identity, vhost: string): Session | Refusal {
    return this.broker.enter(identity, vhost, this);
  }

  negotiated(options: NegotiatedOptions): void {
    this.options = options;
    this.input.agreed(options.frameSizeMax - FRAME_OVERHEAD_BYTES);
    this.timers.negotiated(options.heartbeatS);
  }

  opened(session: Session): void {
    this.open = new OpenConnection(this, session, this.broker.turn, this.options!);
    this.handshake = null;
    this.state = OPEN;
    this.timers.opened();
  }

  // -- bytes out

  get writer(): MethodWriter {
    return this.channelZero.writer;
  }

  sendFrame(frame: MethodWriter): void {
    this.channelZero.send(frame);
  }

  drained(): void {
    this.open?.drained();
  }

  // -- timers

  get readPaused(): boolean {
    return this.input.paused;
  }

  heartbeatDue(): void {
    this.channelZero.heartbeat();
  }

  heartbeatMissed(): void {
    this.stats.heartbeatsMissed++;
    this.broker.reportMistake(this.transport, 'its heartbeats did not come');
    this.giveBack(false);
    this.state = ENDED;
    this.transport.destroy();
  }

  deadlinePassed(): void {
    if (this.state < OPEN) {
      this.stats.handshakesTimedOut++;
      this.broker.reportMistake(this.transport, 'it did not log in in time');
    }
    this.end();
  }

  // -- publishing that is held back

  get isOpen(): boolean {
    return this.open !== null;
  }

  get publishCongested(): boolean {
    return this.open?.session.congested === true;
  }

  uncongested(): void {
    this.input.uncongested();
  }

  maySettleNow(channelId: number): boolean {
    const channel = this.open?.channels.get(channelId);
    // In a transaction the order counts.
    return channel?.isOpen === true && channel.transaction === null;
  }

  tellBlocked(blocked: boolean): boolean {
    if (this.open === null || !this.client.can('connection.blocked')) return false;
    if (blocked) this.channelZero.blocked(this.open.session.shortage);
    else this.channelZero.unblocked();
    return true;
  }

  // -- what an operator sees

  connectionReport(): ConnectionReport {
    const { channelMax = 0, frameSizeMax = 0, heartbeatS = 0 } = this.options ?? {};
    return {
      protocol: 'AMQP 0-9-1',
      mechanism: this.client.mechanism,
      properties: this.client.all,
      state: this.state === CLOSING ? 'closing' : this.publishState,
      ...{ channelMax, frameSizeMax, heartbeatS },
      channels: this.open?.channels.size ?? 0,
    };
  }

  private get publishState(): 'running' | 'blocked' | 'flow' {
    if (!this.publishCongested) return 'running';
    return this.open!.session.shortage === 'rate' ? 'flow' : 'blocked';
  }

  *channelReports(): Generator<ChannelReport> {
    const blocked = this.publishState === 'blocked';
    for (const channel of this.open?.channels.all() ?? []) yield channelReport(channel, blocked);
  }

  *channelCounts(): Generator<ChannelCounts> {
    for (const { counts } of this.open?.channels.all() ?? []) yield counts;
  }

  // -- the end

  /** Turns what a frame's handling has thrown into what the client is told. */
  frameFailed(thrown: unknown, channelId: number): void {
    const error = asAmqpError(thrown);
    if (error.reply === 'INTERNAL_ERROR' && !(thrown instanceof ClientsMistake)) {
      this.stats.internalErrors++;
      if (thrown instanceof Error) this.broker.reportFault(thrown, this.transport);
    }
    const channel = this.open?.channels.get(channelId);
    const about = error.about ?? channel?.method ?? 0;
    if (error.hard || channel === undefined || !channel.isOpen) {
      this.fail(error, about);
      return;
    }
    this.stats.channelErrors++;
    this.broker.reportChannelMistake(this.transport, channelId, error.replyText);
    channel.fail(error, about);
  }

  /** An error that costs the client this connection. */
  fail(error: AmqpError, method: number): void {
    if (this.state >= CLOSING) return;
    this.stats.connectionErrors++;
    if (!(error instanceof NotLetIn)) this.broker.reportMistake(this.transport, error.replyText);
    this.close(error.replyCode, error.replyText, method);
  }

  /** Sends connection.close and waits a while for the answer. */
  close(replyCode: number, replyText: string, method: number): void {
    if (this.state >= CLOSING) return;
    this.giveBack(true);
    this.state = CLOSING;
    this.channelZero.close(replyCode, replyText, method);
    this.timers.closing();
    // The answer must be heard, whatever was being waited for.
    this.input.release();
  }

  /** The client has closed in order. */
  closedByClient(): void {
    this.giveBack(true);
    this.sendFrame(this.writer.begin(0, CONNECTION_CLOSE_OK));
    this.end();
  }

  shutdown(reason: string): void {
    this.forced(reason);
  }

  kicked(reason: string): void {
    this.forced(reason);
  }

  expired(reason: string): void {
    if (this.state < OPEN) this.end();
    else this.fail(new AmqpError('NOT_ALLOWED', reason), 0);
  }

  private forced(reason: string): void {
    if (this.state < OPEN) this.end();
    else this.close(320, `CONNECTION_FORCED - ${reason}`, 0);
  }

  /** Nothing more is read; what was written goes out. */
  end(): void {
    if (this.state === ENDED) return;
    this.giveBack(true);
    this.state = ENDED;
    this.input.finish();
    this.transport.end();
  }

  closed(): void {
    this.giveBack(false);
    this.state = ENDED;
    this.stats.connectionsClosed++;
    this.input.finish();
    this.timers.stop();
  }

  /** Gives everything back to the broker, once. */
  private giveBack(inOrder: boolean): void {
    this.timers.stop();
    this.input.close();
    this.handshake?.abandon();
    this.handshake = null;
    const { open } = this;
    this.open = null;
    open?.end(inOrder);
  }
}
