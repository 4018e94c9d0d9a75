/**
 * One client's connection: what it may say when, and when it is over.
 *
 *                 first packet is CONNECT            CONNACK 0
 *     WAITING ------------------------> OPENING -------------------> OPEN
 *        |                                 |                           |
 *        | 10 s, anything else             | CONNACK 1 to 5            | DISCONNECT (the will is discarded),
 *        v                                 v                           | error, silence, take-over, stop
 *     CLOSED <----------------------- CLOSED <-------------------------+ (the will is published)
 *
 * While a CONNECT is being answered, or publishing is held back, or the client does not read its answers, the stream is
 * not parsed: the reader is halted, the rest of the chunk is kept, and the transport is paused.
 *
 * MQTT 3.1.1 gives a server no word for an error after CONNACK: it closes the network connection [MQTT-4.8.0-1].
 */
import {
  type ConfirmRing,
  type ConfirmSink,
  MARK_NOW,
  type Mark,
  type Route,
  type SessionClient,
} from '../../src/api.ts';
import type { Broker } from '../../src/broker.ts';
import { Timer } from '../../src/clock/clock.ts';
import { BrokerError } from '../../src/message/errors.ts';
import type { ConnectionHandler, Transport } from '../../src/protocol.ts';
import type { AddressTable } from '../../src/routing/address-table.ts';
import type { Session } from '../../src/session.ts';
import type { Output } from '../../src/transport/output.ts';
import type { MqttAdapter } from './adapter.ts';
import type { Will } from './codec/decode.ts';
import { writeAck, writePingresp } from './codec/encode.ts';
import {
  CONNACK,
  CONNECT,
  DISCONNECT,
  LEVEL_3_1,
  MalformedPacket,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBACK,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from './codec/packet.ts';
import { type PacketHandler, PacketReader } from './codec/reader.ts';
import { Outbound } from './delivery/outbound.ts';
import { puback, pubcomp, pubrec, pubrel } from './handlers/acknowledge.ts';
import { connect, finishConnect } from './handlers/connect.ts';
import { type Arriving, publish, publishBegin, publishEnd, publishPiece, publishWill } from './handlers/publish.ts';
import { finishSubscribe, type Granted, subscribe, unsubscribe } from './handlers/subscribe.ts';
import type { ClientSession } from './session/client.ts';

const WAITING = 0;
const OPENING = 1;
const OPEN = 2;
const CLOSED = 3;

/** Why the stream is not parsed: bits of `Connection.holds`. */
export const HOLD_OPENING = 1;
/** The broker takes no publishes now. */
export const HOLD_CONGESTED = 2;
/** More answers wait for the log than a client may have under way. */
export const HOLD_CONFIRMS = 4;
/** The client does not read what it is sent. */
export const HOLD_OUTPUT = 8;

export class Connection implements ConnectionHandler, PacketHandler, SessionClient, ConfirmSink {
  readonly adapter: MqttAdapter;
  readonly transport: Transport;
  readonly broker: Broker;
  /** The rest is set once CONNECT has been accepted; before that no packet is looked at. */
  session!: Session;
  client!: ClientSession;
  outbound!: Outbound;
  level = 0;
  will: Will | undefined = undefined;
  /** Whether CONNACK says that there was a session. */
  sessionPresent = false;
  /** A PUBLISH whose large body is arriving. */
  arriving: Arriving | null = null;
  /** SUBACKs that wait, in the order of their entries in the ring. */
  readonly granted: Granted[] = [];
  /** The last topic's route, and those of others by hash; see handlers/publish.ts. */
  lastRoute: Route | null = null;
  /** Those of a publisher that has used several topics. */
  routes: AddressTable<Route> | null = null;
  private state = WAITING;
  private holds = 0;
  private reading = false;
  private rest: Buffer | null = null;
  private ring: ConfirmRing | null = null;
  private lastHeardMs = 0;
  private silenceMaxMs = 0;
  private readonly timer: Timer;
  private readonly reader: PacketReader;

  constructor(adapter: MqttAdapter, transport: Transport, broker: Broker) {
    this.adapter = adapter;
    this.transport = transport;
    this.broker = broker;
    this.reader = new PacketReader(this, adapter.limits.packetSizeMax, adapter.limits.controlSizeMax);
    this.timer = new Timer(() => this.timeOut());
    broker.clock.schedule(this.timer, adapter.limits.handshakeTimeoutMs);
  }

  /** Where packets to the client are written now. */
  get output(): Output {
    return this.state === OPEN ? this.outbound.out : this.transport.output;
  }

  get closing(): boolean {
    return this.state === CLOSED;
  }

  // ----------------------------------------------------------------------------------------------------- the stream

  data(chunk: Buffer): void {
    if (this.state === CLOSED) return;
    this.lastHeardMs = this.broker.clock.monotonicMs();
    if (this.holds !== 0) this.keep(chunk, 0);
    else this.read(chunk);
  }

  drained(): void {
    if (this.state === CLOSED) return;
    if (this.state === OPEN) this.outbound.drained();
    this.unhold(HOLD_OUTPUT);
  }

  closed(): void {
    this.finish(false);
  }

  shutdown(_reason: string): void {
    this.finish(false);
    this.transport.end();
  }

  /** Stops parsing for one more reason. */
  hold(reason: number): void {
    if (this.holds === 0) {
      this.reader.halted = true;
      this.transport.pause();
    }
    this.holds |= reason;
  }

  /** A reason to stop parsing has gone. */
  unhold(reason: number): void {
    if ((this.holds & reason) === 0 || this.state === CLOSED) return;
    this.holds &= ~reason;
    if (this.holds !== 0) return;
    this.reader.halted = false;
    if (!this.reading && this.rest !== null) {
      const rest = this.rest;
      this.rest = null;
      this.read(rest);
      if (this.holds !== 0 || this.isClosed()) return;
    }
    this.transport.resume();
  }

  private read(chunk: Buffer): void {
    this.reading = true;
    try {
      const at = this.reader.read(chunk, 0, chunk.length);
      if (at < chunk.length && !this.isClosed()) this.keep(chunk, at);
    } catch (error) {
      this.fail(error);
    }
    this.reading = false;
    // A client that asks and does not listen is not read either.
    if (this.state === OPEN && this.transport.output.congested) {
      if (this.outbound.pendingBytes > 2 * this.adapter.limits.unsentBytesMax) this.hold(HOLD_OUTPUT);
    }
  }

  private keep(chunk: Buffer, at: number): void {
    const part = chunk.subarray(at);
    this.rest = this.rest === null ? Buffer.from(part) : Buffer.concat([this.rest, part]);
  }

  private isClosed(): boolean {
    return this.state === CLOSED;
  }

  // ---------------------------------------------------------------------------------------------------- the packets

  packet(first: number, buffer: Buffer, start: number, end: number): void {
    const type = first >> 4;
    if (this.state !== OPEN) {
      this.state = OPENING;
      connect(this, buffer, start, end);
      return;
    }
    if (type === PUBLISH) {
      publish(this, first, buffer, start, end);
      return;
    }
    const flags = first & 15;
    const expected = type === PUBREL || type === SUBSCRIBE || type === UNSUBSCRIBE ? 2 : 0;
    // 3.1 lets these be marked as sent again.
    if (flags !== expected && !(this.level === LEVEL_3_1 && (flags & ~8) === expected)) {
      throw new MalformedPacket(`flags ${flags} on packet type ${type} [MQTT-2.2.2-2]`);
    }
    switch (type) {
      case PUBACK:
        puback(this, buffer, start, end);
        break;
      case PUBREC:
        pubrec(this, buffer, start, end);
        break;
      case PUBREL:
        pubrel(this, buffer, start, end);
        break;
      case PUBCOMP:
        pubcomp(this, buffer, start, end);
        break;
      case SUBSCRIBE:
        subscribe(this, buffer, start, end);
        break;
      case UNSUBSCRIBE:
        unsubscribe(this, buffer, start, end);
        break;
      case PINGREQ:
        if (start !== end) throw new MalformedPacket('a PINGREQ that is not empty');
        writePingresp(this.output);
        break;
      case DISCONNECT:
        if (start !== end) throw new MalformedPacket('a DISCONNECT that is not empty');
        this.finish(true); // discards the will [MQTT-3.14.4-3]
        this.transport.end();
        break;
      case CONNECT:
        throw new MalformedPacket('a second CONNECT [MQTT-3.1.0-2]');
      default:
        throw new MalformedPacket(`packet type ${type} from a client [MQTT 2.2.1]`);
    }
  }

  bodyBegin(first: number, buffer: Buffer, start: number, end: number, bodyLength: number): void {
    publishBegin(this, first, buffer, start, end, bodyLength);
  }

  bodyPiece(buffer: Buffer, start: number, end: number): void {
    publishPiece(this, buffer, start, end);
  }

  bodyEnd(): void {
    publishEnd(this);
  }

  // --------------------------------------------------------------------------------------------- what must be safe first

  /** Answers with `type` and `packetId` once `mark` is safe, in order with all other answers. */
  answer(type: number, packetId: number, mark: Mark): void {
    this.ring ??= this.session.confirms(this);
    this.ring.push((type << 16) | packetId, mark);
    if (this.ring.size >= this.adapter.limits.receiveMax) this.hold(HOLD_CONFIRMS);
  }

  confirm(entry: number, refused: boolean): void {
    if (this.state === CLOSED) return;
    if (refused) {
      // 3.1.1 has no refusal of a PUBLISH: unanswered and closed, the client knows that it must send again.
      this.broken('the broker could not store what it was sent');
      return;
    }
    const type = entry >>> 16;
    const packetId = entry & 0xffff;
    if (type === CONNACK) this.established();
    else if (type === SUBACK) finishSubscribe(this, this.granted.shift()!);
    else if (type === PUBLISH) this.outbound.recorded(packetId);
    else writeAck(this.output, type, packetId);
  }

  confirmEnd(): void {
    if (this.ring !== null && this.ring.size < this.adapter.limits.receiveMax) this.unhold(HOLD_CONFIRMS);
  }

  awaitRecord(packetId: number): void {
    this.answer(PUBLISH, packetId, this.session.mark());
  }

  awaitRelease(packetId: number): void {
    this.answerRelease(packetId, this.client.kept ? this.session.mark() : MARK_NOW);
  }

  /** Sends PUBREL once `mark` is safe. */
  answerRelease(packetId: number, mark: Mark): void {
    this.answer(PUBREL, packetId, mark);
  }

  uncongested(): void {
    this.unhold(HOLD_CONGESTED);
  }

  // --------------------------------------------------------------------------------------------------- coming and going

  /** CONNECT has been accepted, and what it promises is safe. */
  established(): void {
    this.outbound = new Outbound(this.adapter, this.transport.output, this.session, this.client, this);
    this.state = OPEN;
    this.adapter.stats.connected++;
    finishConnect(this);
    try {
      this.client.attach(this.session, this.outbound);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.unhold(HOLD_OPENING);
  }

  /** @param keepAliveS seconds, 0 for none; silence of one and a half of it ends the connection [MQTT-3.1.2-24] */
  keepAlive(keepAliveS: number): void {
    this.broker.clock.cancel(this.timer);
    this.silenceMaxMs = keepAliveS * 1500;
    if (keepAliveS > 0) this.broker.clock.schedule(this.timer, this.silenceMaxMs);
  }

  private timeOut(): void {
    if (this.state !== OPEN) {
      this.adapter.stats.handshakeTimeouts++;
      this.finish(false);
      this.transport.destroy();
      return;
    }
    // What is not being read cannot be heard.
    const silentMs = this.holds !== 0 ? 0 : this.broker.clock.monotonicMs() - this.lastHeardMs;
    if (silentMs < this.silenceMaxMs) {
      this.broker.clock.schedule(this.timer, this.silenceMaxMs - silentMs);
      return;
    }
    this.adapter.stats.keepAliveTimeouts++;
    this.broken('keep alive timeout');
  }

  /** Refuses a CONNECT whose answer has been written. */
  refuse(): void {
    this.adapter.stats.refused++;
    this.finish(false);
    this.transport.end();
  }

  /** Ends a connection that cannot go on; the client is not to blame. */
  broken(_why: string): void {
    if (this.state === CLOSED) return;
    this.finish(false);
    this.transport.end();
  }

  kicked(reason: string): void {
    this.broken(reason);
  }

  takenOver(): void {
    this.adapter.stats.takenOver++;
    this.broken('the client identifier connected again [MQTT-3.1.4-2]');
  }

  /** Ends the connection because of an error. */
  fail(error: unknown): void {
    if (this.state === CLOSED) return;
    if (error instanceof MalformedPacket || error instanceof BrokerError) this.adapter.stats.protocolErrors++;
    else this.adapter.stats.internalErrors++;
    this.finish(false);
    // What was answered before still leaves.
    this.transport.end();
  }

  /** Everything but the transport: once, whoever ends the connection. `inOrder`: DISCONNECT has come. */
  private finish(inOrder: boolean): void {
    if (this.state === CLOSED) return;
    const admitted = this.session !== undefined;
    this.state = CLOSED;
    this.broker.clock.cancel(this.timer);
    this.reader.close();
    this.rest = null;
    this.arriving?.writer?.abort();
    this.arriving = null;
    if (!admitted) return;
    const { session, client } = this;
    try {
      if (!inOrder && this.will !== undefined) publishWill(this, this.will);
      this.ring?.close();
      this.outbound?.close();
      if (client !== undefined && client.host === this) {
        if (client.kept) client.park(session, inOrder);
        else client.end(session, inOrder);
      }
    } catch {
      this.adapter.stats.internalErrors++;
    }
    session.close(inOrder);
  }
}
