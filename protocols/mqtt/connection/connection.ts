/**
 * One client's connection: what it may say when, and when it is over.
 *
 *                 first packet is CONNECT            CONNACK 0
 *     WAITING ------------------------> OPENING -------------------> OPEN
 *        |                               |    ^                        |
 *        | 10 s, anything else           |    | AUTH (5.0)             | DISCONNECT (the will is discarded),
 *        v                               |  AUTHENTICATING             | error, silence, take-over, stop
 *     CLOSED <---------------------------+---------------- CLOSED <----+ (the will is published)
 *                 CONNACK with a refusal
 *
 * MQTT 3.1.1 gives a server no word for an error after CONNACK: it closes the network connection [MQTT-4.8.0-1]. 5.0 has
 * DISCONNECT, which is sent before that [MQTT5-4.13.1-1].
 */
import {
  type AddressTable,
  BrokerError,
  type BrokerServices,
  type ConnectionHandler,
  MARK_NOW,
  type Mark,
  type Output,
  type Session,
  type SessionClient,
  type Share,
  Timer,
  type Transport,
} from '../../../src/api/index.ts';
import type { MqttAdapter } from '../adapter.ts';
import type { Will } from '../codec/connect.ts';
import { writePingresp } from '../codec/encode.ts';
import {
  AUTH,
  CONNECT,
  DISCONNECT,
  LEVEL_3_1,
  LEVEL_5,
  MalformedPacket,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from '../codec/packet.ts';
import { type PacketHandler, PacketReader } from '../codec/reader.ts';
import {
  ADMINISTRATIVE_ACTION,
  KEEP_ALIVE_TIMEOUT,
  NOT_AUTHORIZED_5,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
  SERVER_SHUTTING_DOWN,
  SESSION_TAKEN_OVER,
  SUCCESS,
  UNSPECIFIED_ERROR,
} from '../codec/reasons.ts';
import { puback, pubcomp, pubrec, pubrel } from '../deliver/acknowledge.ts';
import { DeliveryWriter } from '../deliver/delivery-writer.ts';
import type { PublishEncoder5 } from '../deliver/publish-encoder5.ts';
import { type Granted, subscribe, unsubscribe } from '../deliver/subscribe.ts';
import { type Arriving, publishBegin, publishEnd, publishPiece } from '../publish/large-publish.ts';
import { publish } from '../publish/publish.ts';
import type { PublishTarget } from '../publish/publish-target.ts';
import { connectionLost } from '../publish/publish-will.ts';
import type { ClientSession } from '../session/client-session.ts';
import { Answers } from './answers.ts';
import { type Authentication, auth, authenticating } from './authentication.ts';
import { disconnect, sayGoodbye } from './disconnect.ts';
import { HOLD_CONGESTED, HOLD_OPENING, HOLD_OUTPUT, HOLD_RATE, Intake, type IntakeHost } from './intake.ts';
import type { Terms } from './negotiated-options.ts';
import { connect, finishConnect, refuse } from './opening.ts';
import { PacketRateLimit } from './rate-limits.ts';

const AN_ERROR_OF_OURS = 'an error of the broker';
/** What packets cost that are not just a message or an answer, whatever they then do (`src/clock/work.ts`). */
const CONNECT_UNITS = 40;
const SUBSCRIBE_UNITS = 8;

const WAITING = 0;
const OPENING = 1;
const OPEN = 2;
const CLOSED = 3;
/** A CONNECT of 5.0 waits for AUTH packets. */
const AUTHENTICATING = 4;

export class Connection implements ConnectionHandler, PacketHandler, SessionClient, IntakeHost {
  readonly adapter: MqttAdapter;
  readonly transport: Transport;
  readonly broker: BrokerServices;
  readonly share: Share;
  readonly intake: Intake;
  readonly reader: PacketReader;
  /** The rest is set once CONNECT has been accepted; before that no packet is looked at. */
  session!: Session;
  client!: ClientSession;
  outbound!: DeliveryWriter;
  level = 0;
  /** The client is a bridge, and says so; before 5.0 only. See `Version`. */
  bridge = false;
  /** The longest packet that the client takes, whole. */
  packetSizeMax = Number.POSITIVE_INFINITY;
  /** Null before 5.0. */
  terms: Terms | null = null;
  /** How messages are written to a client of 5.0; null before. */
  form5: PublishEncoder5 | null = null;
  /** Of a client of 5.0 that has named a mechanism. */
  authentication: Authentication | null = null;
  will: Will | undefined = undefined;
  /** Whether CONNACK says that there was a session. */
  sessionPresent = false;
  /** Whether it says which identifier the client was given. */
  identifierAssigned = false;
  /** Seconds, 0 for none: as the client asked for it, and as it is. */
  keepAliveAsked = 0;
  keepAliveS = 0;
  /** A PUBLISH whose large body is arriving. */
  arriving: Arriving | null = null;
  /** Whose its messages are, for subscriptions with No Local; '' where its version has no such thing. */
  origin = '';
  /** Where the last topic led; see publish/publish-target.ts. */
  lastTarget: PublishTarget | null = null;
  /** Those of a publisher that has used several topics. */
  targets: AddressTable<PublishTarget> | null = null;
  private state = WAITING;
  private answers: Answers | null = null;
  private lastHeardMs = 0;
  private silenceMaxMs = 0;
  private readonly timer: Timer;
  /** Null unless the rate of packets is bounded. */
  private pace: PacketRateLimit | null = null;

  constructor(adapter: MqttAdapter, transport: Transport, broker: BrokerServices) {
    this.adapter = adapter;
    this.transport = transport;
    this.broker = broker;
    const { packetSizeMax, controlSizeMax, propertiesSizeMax } = adapter.limits;
    this.reader = new PacketReader(this, packetSizeMax, controlSizeMax, propertiesSizeMax);
    this.share = broker.turn.work.share(() => this.intake.turnCame());
    this.intake = new Intake(this.share, this.reader, transport, this);
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
    this.adapter.stats.bytesReceived += chunk.length;
    this.intake.data(chunk);
  }

  get heldBytes(): number {
    return this.reader.heldBytes + this.intake.heldBytes;
  }

  get authenticated(): boolean {
    return this.state === OPEN;
  }

  exceeded(reason: string): void {
    this.broken(reason, QUOTA_EXCEEDED);
  }

  drained(): void {
    if (this.state === CLOSED) return;
    if (this.state === OPEN) this.outbound.drained();
    this.intake.unhold(HOLD_OUTPUT);
  }

  chunkRead(): void {
    // Heard is what was read, not what has come: it may have waited.
    this.lastHeardMs = this.broker.clock.monotonicMs();
    // A client that asks and does not listen is not read either.
    if (this.state === OPEN && this.transport.output.congested) {
      if (this.outbound.pendingBytes > 2 * this.adapter.limits.unsentBytesMax) this.intake.hold(HOLD_OUTPUT);
    }
  }

  closed(): void {
    this.finish(false, true);
  }

  shutdown(reason: string): void {
    this.broken(reason, SERVER_SHUTTING_DOWN);
  }

  // ---------------------------------------------------------------------------------------------------- the packets

  packet(first: number, buffer: Buffer, start: number, end: number): void {
    const type = first >> 4;
    this.count(type);
    if (this.state !== OPEN) {
      if (this.state === AUTHENTICATING) {
        this.state = OPENING;
        authenticating(this, first, buffer, start, end);
      } else {
        this.state = OPENING;
        connect(this, buffer, start, end);
      }
      this.intake.packetTaken(CONNECT_UNITS);
      return;
    }
    if (type === PUBLISH) {
      publish(this, first, buffer, start, end);
      this.intake.packetTaken(1);
      return;
    }
    const flags = first & 15;
    const expected = type === PUBREL || type === SUBSCRIBE || type === UNSUBSCRIBE ? 2 : 0;
    // 3.1 lets these be marked as sent again.
    if (flags !== expected && !(this.level === LEVEL_3_1 && (flags & ~8) === expected)) {
      throw new MalformedPacket(`flags ${flags} on packet type ${type} [MQTT-2.2.2-2]`);
    }
    let units = 1;
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
        units = SUBSCRIBE_UNITS;
        subscribe(this, buffer, start, end);
        break;
      case UNSUBSCRIBE:
        units = SUBSCRIBE_UNITS;
        unsubscribe(this, buffer, start, end);
        break;
      case PINGREQ:
        if (start !== end) throw new MalformedPacket('a PINGREQ that is not empty');
        writePingresp(this.output);
        break;
      case DISCONNECT:
        disconnect(this, buffer, start, end);
        break;
      case AUTH:
        if (this.terms === null) throw new MalformedPacket('AUTH before 5.0');
        auth(this, buffer, start, end);
        break;
      case CONNECT:
        throw new MalformedPacket('a second CONNECT [MQTT-3.1.0-2]', PROTOCOL_ERROR);
      default:
        throw new MalformedPacket(`packet type ${type} from a client [MQTT 2.2.1]`, PROTOCOL_ERROR);
    }
    this.intake.packetTaken(units);
  }

  private count(type: number): void {
    const { stats } = this.adapter;
    stats.packetsReceived++;
    if (type === PUBLISH) stats.publishesReceived++;
    if (this.pace !== null) this.pace.packet();
  }

  bodyBegin(first: number, buffer: Buffer, start: number, end: number, bodyLength: number): void {
    this.count(PUBLISH);
    if (this.state !== OPEN) throw new MalformedPacket('PUBLISH while the client is not let in', PROTOCOL_ERROR);
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
  answer(type: number, packetId: number, mark: Mark, reason = SUCCESS): void {
    this.answers ??= new Answers(this);
    this.answers.push(type, packetId, mark, reason);
  }

  answerGranted(granted: Granted, mark: Mark): void {
    this.answers ??= new Answers(this);
    this.answers.pushGranted(granted, mark);
  }

  awaitRecord(packetId: number): void {
    this.answer(PUBLISH, packetId, this.session.mark());
  }

  awaitRelease(packetId: number, reason = SUCCESS): void {
    this.answerRelease(packetId, this.client.kept ? this.session.mark() : MARK_NOW, reason);
  }

  /** Sends PUBREL once `mark` is safe. */
  answerRelease(packetId: number, mark: Mark, reason = SUCCESS): void {
    this.answer(PUBREL, packetId, mark, reason);
  }

  uncongested(): void {
    this.intake.unhold(HOLD_CONGESTED);
  }

  // --------------------------------------------------------------------------------------------------- coming and going

  /** CONNECT has been accepted, and what it promises is safe. */
  established(): void {
    const { adapter, client, session } = this;
    const form = this.form5 ?? adapter.form3;
    const receiveMax = this.terms === null ? 65_535 : this.terms.wishes.receiveMax;
    this.outbound = new DeliveryWriter(adapter, this.transport.output, session, client, this, form, receiveMax);
    if (this.terms !== null) this.outbound.packetSizeMax = this.terms.wishes.packetSizeMax;
    this.state = OPEN;
    adapter.stats.connected++;
    finishConnect(this);
    try {
      client.attach(session, this.outbound);
    } catch (error) {
      this.fail(error);
      return;
    }
    const { packetRateMax } = adapter.limits;
    if (packetRateMax > 0)
      this.pace = new PacketRateLimit(
        packetRateMax,
        this.broker.clock,
        () => this.slowDown(),
        () => this.intake.unhold(HOLD_RATE),
      );
    this.intake.unhold(HOLD_OPENING);
  }

  private slowDown(): void {
    this.adapter.stats.paced++;
    this.intake.hold(HOLD_RATE);
  }

  /** @param keepAliveS seconds, 0 for none; silence of one and a half of it ends the connection [MQTT-3.1.2-24] */
  keepAlive(keepAliveS: number): void {
    this.broker.clock.cancel(this.timer);
    this.keepAliveS = keepAliveS;
    this.silenceMaxMs = keepAliveS * 1500;
    if (keepAliveS > 0) this.broker.clock.schedule(this.timer, this.silenceMaxMs);
  }

  private timeOut(): void {
    if (this.state !== OPEN) {
      this.adapter.stats.handshakeTimeouts++;
      this.broker.reportMistake(this.transport, 'no CONNECT came in time');
      this.finish(false, true);
      this.transport.destroy();
      return;
    }
    // What is not being read cannot be heard.
    const nowMs = this.broker.clock.monotonicMs();
    if (this.intake.holds !== 0) this.lastHeardMs = nowMs;
    const silentMs = nowMs - this.lastHeardMs;
    if (silentMs < this.silenceMaxMs) {
      this.broker.clock.schedule(this.timer, this.silenceMaxMs - silentMs);
      return;
    }
    this.adapter.stats.keepAliveTimeouts++;
    this.broken('nothing was heard for one and a half keep alive periods', KEEP_ALIVE_TIMEOUT);
  }

  /** The client of a CONNECT has been sent a challenge, and is listened to again. */
  challenged(): void {
    this.state = AUTHENTICATING;
    this.intake.unhold(HOLD_OPENING);
  }

  /** Refuses a CONNECT. @param reason of 5.0 */
  refuseConnect(reason: number): void {
    refuse(this, reason);
  }

  /** A CONNECT has been refused, and its answer written. */
  refused(): void {
    this.adapter.stats.refused++;
    this.finish(false, true);
    this.transport.end();
  }

  /** DISCONNECT has come. @param withWill the client asks for its will all the same */
  left(withWill: boolean): void {
    this.finish(true, withWill);
    this.transport.end();
  }

  /** Ends a connection that cannot go on. */
  broken(why: string, reason: number): void {
    if (this.state === CLOSED) return;
    if (reason !== SERVER_SHUTTING_DOWN && reason !== ADMINISTRATIVE_ACTION) {
      this.broker.reportMistake(this.transport, why);
    }
    if (this.state === OPEN) sayGoodbye(this, reason, why);
    this.finish(false, true);
    this.transport.end();
  }

  kicked(reason: string): void {
    this.broken(reason, ADMINISTRATIVE_ACTION);
  }

  takenOver(): void {
    this.adapter.stats.takenOver++;
    this.broken('the client identifier connected again [MQTT-3.1.4-2]', SESSION_TAKEN_OVER);
  }

  /** Ends the connection because of an error. */
  fail(error: unknown): void {
    if (this.state === CLOSED) return;
    let reason = UNSPECIFIED_ERROR;
    let why = AN_ERROR_OF_OURS;
    if (error instanceof MalformedPacket) {
      reason = error.reason;
      why = error.message;
      this.adapter.stats.protocolErrors++;
    } else if (error instanceof BrokerError) {
      if (error.code === 'access-refused') reason = NOT_AUTHORIZED_5;
      why = error.message;
      this.adapter.stats.protocolErrors++;
    } else {
      this.adapter.stats.internalErrors++;
      this.broker.reportFault(error, this.transport);
    }
    if (why !== AN_ERROR_OF_OURS) this.broker.reportMistake(this.transport, why);
    if (this.state === OPEN) sayGoodbye(this, reason, why);
    else if (this.level === LEVEL_5) {
      this.refuseConnect(reason); // [MQTT5-3.1.4-1]
      return;
    }
    this.finish(false, true);
    // What was answered before still leaves.
    this.transport.end();
  }

  /**
   * Everything but the transport: once, whoever ends the connection.
   * @param inOrder DISCONNECT has come
   * @param withWill the will is to be published
   */
  private finish(inOrder: boolean, withWill: boolean): void {
    if (this.state === CLOSED) return;
    const admitted = this.session !== undefined;
    this.state = CLOSED;
    this.broker.clock.cancel(this.timer);
    this.intake.close();
    this.pace?.close();
    this.arriving?.writer?.abort();
    this.arriving = null;
    if (!admitted) return;
    const { session, client } = this;
    try {
      this.answers?.close();
      this.outbound?.close();
      if (client !== undefined && client.host === this) connectionLost(this, inOrder, withWill);
    } catch (error) {
      this.adapter.stats.internalErrors++;
      this.broker.reportFault(error, this.transport);
    }
    session.close(inOrder);
  }
}
