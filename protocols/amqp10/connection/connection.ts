/**
 * One client's connection: bytes in, and every way in which it can end. [§2.4]
 *
 *     [HANDSHAKE] --open, open--> [OPEN] --close--> close, [ENDED]
 *         | refused, too slow       | an error, shutdown, kicked: close
 *         v                         v
 *      [ENDED]                  [CLOSING] --close, or too slow--> [ENDED]
 */
import {
  AccessPending,
  type BrokerServices,
  type ChannelCounts,
  type ConnectionHandler,
  type ConnectionReport,
  type Identity,
  type Output,
  type AccessPending as Pending,
  type Refusal,
  type Session,
  type SessionClient,
  type Share,
  type Transport,
} from '../../../src/api/index.ts';
import * as descriptors from '../codec/descriptors.ts';
import { FieldReader } from '../codec/field-reader.ts';
import { AMQP_FRAME, SASL_FRAME } from '../codec/frame-parser.ts';
import { endingValue, type Open } from '../codec/performatives.ts';
import type { AmqpEntry } from '../codec/values.ts';
import { toNeutralHeaders } from '../mapping/values.ts';
import type { Amqp10Limits } from '../options.ts';
import type { Amqp10Stats } from '../stats.ts';
import {
  Amqp10Error,
  asAmqp10Error,
  CONNECTION_FORCED,
  FRAMING_ERROR,
  isUnforeseen,
  NOT_ALLOWED,
  RESOURCE_LIMIT_EXCEEDED,
  UNAUTHORIZED_ACCESS,
} from './conditions.ts';
import { ConnectionWriter } from './connection-writer.ts';
import { AWAITS_REPLY, FrameInput, type FrameInputOwner, OUTPUT_FULL } from './frame-input.ts';
import { Handshake, type HandshakeHost, openAnswer } from './handshake.ts';
import { IdleTimers, type IdleTimersOwner } from './idle-timers.ts';
import { OpenConnection, type OpenConnectionHost } from './open-connection.ts';

const HANDSHAKE = 0;
const OPEN = 1;
const CLOSING = 2;
const ENDED = 3;

/** Frames before the login: enough for its credentials, and for open. */
const FRAME_BYTES_BEFORE_LOGIN = 16 * 1024;

/** Container-ids that clients want for themselves alone, by vhost and name. One for a broker. */
export type Containers = Set<string>;

export class Connection
  implements ConnectionHandler, SessionClient, IdleTimersOwner, FrameInputOwner, HandshakeHost, OpenConnectionHost
{
  readonly transport: Transport;
  readonly output: Output;
  readonly broker: BrokerServices;
  readonly limits: Amqp10Limits;
  readonly stats: Amqp10Stats;
  readonly writer: ConnectionWriter;
  private state: 0 | 1 | 2 | 3 = HANDSHAKE;
  private handshake: Handshake | null;
  private mechanism = '';
  /** Set in the state OPEN. */
  private open: OpenConnection | null = null;
  private said: Open | null = null;
  private claimed: string | null = null;
  private readonly fields = new FieldReader();
  private readonly input: FrameInput;
  private readonly timers: IdleTimers;
  private readonly containers: Containers;

  constructor(
    transport: Transport,
    broker: BrokerServices,
    limits: Amqp10Limits,
    stats: Amqp10Stats,
    containers: Containers,
  ) {
    this.transport = transport;
    this.output = transport.output;
    this.broker = broker;
    this.limits = limits;
    this.stats = stats;
    this.containers = containers;
    this.writer = new ConnectionWriter(this.output);
    this.input = new FrameInput(this, transport, broker.turn, FRAME_BYTES_BEFORE_LOGIN);
    this.timers = new IdleTimers(broker.clock, limits, this);
    this.handshake = new Handshake(this);
    this.input.expectHeader();
    stats.connectionsOpened++;
  }

  // -- bytes in

  data(chunk: Buffer): void {
    if (this.state === ENDED) return;
    this.timers.received = true;
    this.input.data(chunk);
  }

  get heldBytes(): number {
    return this.input.heldBytes + (this.open?.heldBytes ?? 0);
  }

  get authenticated(): boolean {
    return this.open !== null;
  }

  get clientId(): string {
    return this.said?.containerId ?? '';
  }

  get share(): Share {
    return this.input.share;
  }

  nowMs(): number {
    return this.broker.clock.epochMs();
  }

  exceeded(reason: string): void {
    this.fail(new Amqp10Error(RESOURCE_LIMIT_EXCEEDED, reason, 'connection'));
  }

  header(id: number): void {
    this.handshake?.header(id);
  }

  expectHeader(): void {
    this.input.expectHeader();
  }

  handleFrame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    if (type > SASL_FRAME) {
      this.frameError(`there is no type of frame ${type}`);
      return true;
    }
    if (start === end) return true;
    const { fields } = this;
    fields.values.begin(buffer, start, end);
    try {
      if (this.state === CLOSING) this.closingFrame();
      else if (this.open !== null) {
        if (type !== AMQP_FRAME) throw new Amqp10Error(NOT_ALLOWED, 'this is no time for SASL', 'connection');
        this.open.frame(channel, fields, buffer, end);
      } else this.handshake?.frame(type, fields);
    } catch (error) {
      if (error instanceof AccessPending) {
        this.input.awaitAnswer(error);
        return false;
      }
      this.failFor(error);
    }
    return true;
  }

  private closingFrame(): void {
    if (descriptors.descriptorCode(this.fields.values.descriptor()) === descriptors.CLOSE) this.end();
  }

  chunkRead(): void {
    const { output } = this;
    if (output.congested && output.pendingBytes > this.limits.unsentSizeMax) this.input.pause(OUTPUT_FULL);
  }

  frameGone(): void {}

  frameError(reason: string): void {
    if (this.state === HANDSHAKE && this.said === null) this.broker.reportMistake(this.transport, reason);
    this.fail(new Amqp10Error(FRAMING_ERROR, reason, 'connection'));
    // What follows cannot be understood, so there is no close to wait for.
    this.end();
  }

  readFailed(error: unknown): void {
    this.failFor(error);
    this.end();
  }

  awaitAnswer(pending: Pending, again: () => void): void {
    this.input.awaitAnswer(pending, again);
  }

  awaitReply(): void {
    this.input.pause(AWAITS_REPLY);
  }

  replyReady(): void {
    this.input.resume(AWAITS_REPLY);
  }

  // -- the handshake

  enter(identity: Identity, vhost: string | undefined, open: Open): Session | Refusal {
    this.said = open;
    this.transport.label = open.containerId;
    return this.broker.enter(identity, vhost, this);
  }

  claimContainer(session: Session, containerId: string): boolean {
    const key = JSON.stringify([session.vhost, containerId]);
    if (this.containers.has(key)) return false;
    this.containers.add(key);
    this.claimed = key;
    return true;
  }

  opened(session: Session, open: Open): void {
    this.mechanism = this.handshake?.mechanism ?? '';
    this.handshake = null;
    this.state = OPEN;
    this.open = new OpenConnection(this, session, open);
    this.input.agreed(this.limits.frameSizeMax);
    this.timers.opened(open.idleTimeOutMs);
  }

  /** An open that says that it has failed, and close. [Qpid JMS and others look for the property] */
  refuse(error: Amqp10Error): void {
    if (this.state >= CLOSING) return;
    this.writer.send(0, openAnswer(this.limits, [], true));
    this.close(error);
  }

  // -- the client, and timers

  drained(): void {
    this.open?.wake();
    this.input.resume(OUTPUT_FULL);
  }

  uncongested(): void {
    this.open?.wake();
  }

  get isOpen(): boolean {
    return this.open !== null;
  }

  get readPaused(): boolean {
    return this.input.paused;
  }

  keepAlive(): void {
    this.writer.empty();
  }

  silent(): void {
    this.stats.idleTimeouts++;
    this.fail(
      new Amqp10Error(RESOURCE_LIMIT_EXCEEDED, `nothing has come for ${this.limits.idleTimeoutMs} ms`, 'connection'),
    );
    this.end();
  }

  deadlinePassed(): void {
    if (this.state === HANDSHAKE) {
      this.stats.handshakesTimedOut++;
      this.broker.reportMistake(this.transport, 'it did not log in in time');
    }
    this.end();
  }

  // -- what an operator sees

  connectionReport(): ConnectionReport {
    const properties = this.said?.properties;
    const entries: readonly AmqpEntry[] =
      typeof properties === 'object' && properties?.type === 'map' ? properties.value : [];
    return {
      protocol: 'AMQP 1.0',
      mechanism: this.mechanism,
      properties: toNeutralHeaders(entries).headers,
      state: this.state === CLOSING ? 'closing' : this.open?.session.congested === true ? 'blocked' : 'running',
      channelMax: this.limits.sessionsMax,
      frameSizeMax: this.open?.frameBytesMax ?? 0,
      heartbeatS: Math.round((this.said?.idleTimeOutMs ?? 0) / 1000),
      channels: this.open?.sessionCount ?? 0,
    };
  }

  *channelCounts(): Generator<ChannelCounts> {
    if (this.open !== null) yield this.open.counts;
  }

  reportMistake(channel: number, reason: string): void {
    this.broker.reportChannelMistake(this.transport, channel, reason);
  }

  // -- the end

  /** Turns what the handling of a frame has thrown into what the client is told. */
  failFor(thrown: unknown): void {
    const error = asAmqp10Error(thrown);
    if (isUnforeseen(thrown)) {
      this.stats.internalErrors++;
      this.broker.reportFault(thrown, this.transport);
    }
    this.fail(error);
  }

  /** An error that costs the client this connection. */
  fail(error: Amqp10Error): void {
    if (this.state >= CLOSING) return;
    this.stats.connectionErrors++;
    this.broker.reportMistake(this.transport, error.message);
    // Before open there is nothing that could be closed: an open comes first, where the client can read one.
    if (this.state === HANDSHAKE) {
      this.refuse(error);
      return;
    }
    this.close(error);
  }

  /** Sends close and waits a while for the answer. */
  private close(error: Amqp10Error): void {
    if (this.state >= CLOSING) return;
    this.giveBack(true);
    this.state = CLOSING;
    this.writer.send(0, endingValue(descriptors.CLOSE, error.toCondition()));
    this.timers.closing();
    // The answer must be heard, whatever was being waited for.
    this.input.release();
  }

  /** The client has closed in order. */
  closedByClient(): void {
    this.giveBack(true);
    this.writer.send(0, endingValue(descriptors.CLOSE));
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
    else this.close(new Amqp10Error(UNAUTHORIZED_ACCESS, reason, 'connection'));
  }

  private forced(reason: string): void {
    if (this.state < OPEN) this.end();
    else this.close(new Amqp10Error(CONNECTION_FORCED, reason, 'connection'));
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
    if (this.claimed !== null) this.containers.delete(this.claimed);
    this.claimed = null;
    const { open } = this;
    this.open = null;
    open?.end(inOrder);
  }
}
