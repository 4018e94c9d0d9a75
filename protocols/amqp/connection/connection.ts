/**
 * One client's connection: bytes in, frames to their channels, and every way in which it can end. [§4]
 *
 *     [GREETING] --AMQP 0 0 9 1--> [HANDSHAKE] --open-ok--> [RUNNING] --connection.close--> close-ok, [ENDED]
 *         | another header            | refused, too slow       | an error, shutdown, kicked
 *         v                           v                         v
 *      AMQP 0 0 9 1, [ENDED]       [ENDED]                  [CLOSING] --close-ok, or too slow--> [ENDED]
 *
 * Parsing can be held up (`block`): while a reply waits for the log, while publishing is held back, while the client does
 * not read what it asked for, while others have their turn. Then the rest of the chunk is kept, the transport is paused, and everything goes on with
 * `unblock`. Deliveries and confirms go out meanwhile.
 */
import {
  type BrokerServices,
  type ConnectionHandler,
  MARK_NOW,
  type Mark,
  type Output,
  type Session,
  type SessionClient,
  type Share,
  type Transport,
} from '../../../src/api/index.ts';
import { Channels } from '../channel/channels.ts';
import { Notices } from '../channel/notices.ts';
import { CONNECTION_CLOSE_OK, FRAME_OVERHEAD_BYTES } from '../codec/constants.ts';
import { FieldReader } from '../codec/reader.ts';
import type { MethodWriter } from '../codec/writer.ts';
import { BodyPump } from '../deliver/body-pump.ts';
import type { WireProperties } from '../mapping/properties.ts';
import type { AmqpLimits, AmqpStats } from '../options.ts';
import { Routes } from '../publish/routes.ts';
import { ClientProperties } from './client-properties.ts';
import { Clockwork, type ClockworkOwner } from './connection-timers.ts';
import { Outlet } from './connection-writer.ts';
import { AmqpError, asAmqpError } from './errors.ts';
import { closingFrame, handshakeFrame, runningFrame } from './frame-dispatch.ts';
import { Inflow, type InflowOwner } from './frame-input.ts';
import { Greeting, Handshake } from './handshake.ts';
import { OUTPUT_FULL, WAITS_FOR_REPLY } from './reading-hold.ts';

const GREETING = 0;
const HANDSHAKE = 1;
const RUNNING = 2;
const CLOSING = 3;
const ENDED = 4;

/** Frames before the login: enough for its credentials. */
const FRAME_BYTES_BEFORE_LOGIN = 16 * 1024;

export class Connection implements ConnectionHandler, SessionClient, ClockworkOwner, InflowOwner {
  readonly transport: Transport;
  readonly output: Output;
  readonly broker: BrokerServices;
  readonly limits: AmqpLimits;
  readonly stats: AmqpStats;
  readonly wire: WireProperties;
  readonly share: Share;
  readonly fields = new FieldReader();
  readonly channels = new Channels();
  readonly notices: Notices;
  /** What fits into one frame, as agreed. */
  payloadBytesMax = FRAME_BYTES_BEFORE_LOGIN - FRAME_OVERHEAD_BYTES;
  channelMax = 0;
  /** Set once the handshake is done. */
  session: Session | null = null;
  routes: Routes | null = null;
  /** What it says of itself. */
  client = new ClientProperties([]);
  private state: 0 | 1 | 2 | 3 | 4 = GREETING;
  private greeting: Greeting | null = new Greeting();
  private handshake: Handshake | null = null;
  private readonly inflow: Inflow;
  private readonly outlet: Outlet;
  private readonly pump: BodyPump;
  private readonly clockwork: Clockwork;

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
    this.share = broker.turn.work.share(() => this.inflow.turnCame());
    this.outlet = new Outlet(this.output);
    this.notices = new Notices(broker.turn);
    this.inflow = new Inflow(this, transport, broker.clock, { ...limits, frameBytesMax: FRAME_BYTES_BEFORE_LOGIN });
    this.pump = new BodyPump(broker.turn, this.output, () => this.channels);
    this.clockwork = new Clockwork(broker.clock, limits, this);
    stats.connectionsOpened++;
  }

  // -- bytes in

  data(chunk: Buffer): void {
    if (this.state === ENDED) return;
    this.clockwork.heard();
    let rest = chunk;
    if (this.greeting !== null) {
      const used = this.greeting.take(chunk);
      if (this.greeting.accepted === undefined) return;
      if (!this.greeting.accepted) {
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
      if (used === chunk.length) return;
      rest = chunk.subarray(used);
    }
    this.inflow.push(rest);
  }

  get heldBytes(): number {
    return this.inflow.heldBytes + this.channels.unfinishedBytes;
  }

  get authenticated(): boolean {
    return this.session !== null;
  }

  exceeded(reason: string): void {
    this.fail(new AmqpError('RESOURCE_ERROR', reason), 0);
  }

  /** The bytes that drafts point into are about to go. */
  parsed(): void {
    this.channels.own();
    const { output } = this;
    if (output.congested && output.pendingBytes + this.channels.heldBytes > this.limits.unsentSizeMax) {
      this.block(OUTPUT_FULL);
    }
  }

  /** False: not now, the same frame again later. */
  handle(type: number, channelId: number, buffer: Buffer, start: number, end: number): boolean {
    try {
      if (this.state === RUNNING) return runningFrame(this, type, channelId, buffer, start, end);
      if (this.state === HANDSHAKE) handshakeFrame(this, this.handshake!, type, channelId, buffer, start, end);
      else if (this.state === CLOSING) closingFrame(this, type, channelId, buffer, start, end);
    } catch (error) {
      this.fault(error, channelId);
    }
    return true;
  }

  frameError(reason: string): void {
    this.fail(new AmqpError('FRAME_ERROR', reason), 0);
    // What follows cannot be understood, so there is no close-ok to wait for.
    this.end();
  }

  // -- the handshake's results

  clientCan(capability: string): boolean {
    return this.client.can(capability);
  }

  tuned(channelMax: number, frameSizeMax: number, heartbeatS: number): void {
    this.channelMax = channelMax;
    this.payloadBytesMax = frameSizeMax - FRAME_OVERHEAD_BYTES;
    this.inflow.parser.payloadBytesMax = this.payloadBytesMax;
    this.clockwork.tuned(heartbeatS);
  }

  running(session: Session): void {
    this.session = session;
    this.routes = new Routes(session);
    this.handshake = null;
    this.state = RUNNING;
    this.clockwork.running();
  }

  // -- bytes out

  get writer(): MethodWriter {
    return this.outlet.writer;
  }

  /** Sends a method on channel 0. */
  sendFrame(frame: MethodWriter): void {
    this.outlet.send(frame);
  }

  pumpSoon(): void {
    this.pump.soon();
  }

  drained(): void {
    if (this.state !== RUNNING) return;
    this.pump.soon();
    this.channels.wake();
    this.unblock(OUTPUT_FULL);
  }

  heartbeatDue(): void {
    this.outlet.heartbeat();
  }

  deadlinePassed(): void {
    if (this.state < RUNNING) {
      this.stats.handshakesTimedOut++;
      this.broker.reportMistake(this.transport, 'it did not log in in time');
    }
    this.end();
  }

  watchAcks(): void {
    this.stats.acknowledgementsTimedOut += this.channels.closeOverdue(this.limits.consumerTimeoutMs);
  }

  heartbeatMissed(): void {
    this.stats.heartbeatsMissed++;
    this.broker.reportMistake(this.transport, 'its heartbeats did not come');
    this.left(false);
    this.state = ENDED;
    this.transport.destroy();
  }

  get deaf(): boolean {
    return this.inflow.held;
  }

  // -- holding up (inflow.ts)

  get ended(): boolean {
    return this.state === ENDED;
  }

  get isRunning(): boolean {
    return this.state === RUNNING;
  }

  get congested(): boolean {
    return this.session?.congested === true;
  }

  maySettleNow(channelId: number): boolean {
    const channel = this.channels.get(channelId);
    // In a transaction the order counts.
    return channel?.isOpen === true && channel.transaction === null;
  }

  /** @param reason WAITS_FOR_REPLY */
  block(reason: number): void {
    if (reason === WAITS_FOR_REPLY) this.notices.hold();
    if (this.state < CLOSING) this.inflow.block(reason);
  }

  unblock(reason: number): void {
    if (reason === WAITS_FOR_REPLY) this.notices.replied();
    this.inflow.unblock(reason);
  }

  /** Calls `reply` as soon as what `mark` stands for is safe; until then nothing more is parsed. */
  whenSafe(mark: Mark, reply: () => void): void {
    if (mark === MARK_NOW) {
      reply();
      return;
    }
    this.block(WAITS_FOR_REPLY);
    this.session!.whenSafe(mark, (failed) => {
      if (this.state !== RUNNING) return;
      if (failed) {
        this.fail(new AmqpError('INTERNAL_ERROR', 'the log could not make it safe'), 0);
        return;
      }
      reply();
      this.unblock(WAITS_FOR_REPLY);
    });
  }

  /** True, and nothing more is parsed for now, if the broker wants no messages at the moment. */
  holdBack(): boolean {
    if (!this.session!.congested) return false;
    this.inflow.holdBack();
    return true;
  }

  uncongested(): void {
    this.inflow.goOn();
  }

  tellBlocked(blocked: boolean): boolean {
    if (this.state !== RUNNING || !this.clientCan('connection.blocked')) return false;
    if (blocked) this.outlet.blocked(this.session!.shortage);
    else this.outlet.unblocked();
    return true;
  }

  // -- the end

  /** Turns what a frame's handling has thrown into what the client is told. */
  private fault(thrown: unknown, channelId: number): void {
    const error = asAmqpError(thrown);
    if (error.reply === 'INTERNAL_ERROR') {
      this.stats.internalErrors++;
      if (thrown instanceof Error) this.broker.reportFault(thrown, this.transport);
    }
    const channel = this.state === RUNNING ? this.channels.get(channelId) : undefined;
    const about = error.about ?? channel?.method ?? 0;
    if (error.hard || channel === undefined || !channel.isOpen) {
      this.fail(error, about);
      return;
    }
    this.stats.channelErrors++;
    this.broker.reportChannelMistake(this.transport, channelId, error.replyText);
    channel.fail(error, about);
  }

  /** Carries out what is left of a frame whose operation took more than one turn. */
  goOn(channelId: number, rest: () => void): void {
    try {
      rest();
    } catch (error) {
      this.fault(error, channelId);
    }
  }

  /** An error that costs the client this connection. */
  fail(error: AmqpError, method: number): void {
    if (this.state >= CLOSING) return;
    this.stats.connectionErrors++;
    this.broker.reportMistake(this.transport, error.replyText);
    this.close(error.replyCode, error.replyText, method);
  }

  /** Sends connection.close and waits a while for the answer. */
  close(replyCode: number, replyText: string, method: number): void {
    if (this.state >= CLOSING) return;
    this.left(true);
    this.state = CLOSING;
    this.outlet.close(replyCode, replyText, method);
    this.clockwork.closing();
    // The answer must be heard, whatever was being waited for.
    this.inflow.release();
  }

  /** The client has closed in order. */
  closedByClient(): void {
    this.left(true);
    this.sendFrame(this.writer.begin(0, CONNECTION_CLOSE_OK));
    this.end();
  }

  shutdown(reason: string): void {
    this.forced(reason);
  }

  kicked(reason: string): void {
    this.forced(reason);
  }

  private forced(reason: string): void {
    if (this.state < RUNNING) this.end();
    else this.close(320, `CONNECTION_FORCED - ${reason}`, 0);
  }

  /** Nothing more is read; what was written goes out. */
  end(): void {
    if (this.state === ENDED) return;
    this.left(true);
    this.state = ENDED;
    this.inflow.finish();
    this.transport.end();
  }

  closed(): void {
    this.left(false);
    this.state = ENDED;
    this.stats.connectionsClosed++;
    this.inflow.finish();
    this.clockwork.stop();
  }

  /** Gives everything back to the broker, once. */
  private left(inOrder: boolean): void {
    this.clockwork.stop();
    this.pump.close();
    this.inflow.close();
    this.handshake?.abandon();
    this.handshake = null;
    const session = this.session;
    if (session === null) return;
    this.session = null;
    this.channels.end();
    session.close(inOrder);
  }
}
