/**
 * A client whose CONNECT has been accepted: its broker session, its MQTT session, what was agreed with it, the way its
 * packets come in and messages go out. Handlers take it; all of it is there as long as it is.
 *
 * It begins a little before CONNACK, which may have to wait until the session is safe, and ends with the connection.
 */
import {
  type Clock,
  MARK_NOW,
  type Mark,
  type ReadGate,
  RouteMemo,
  respelled,
  type Session,
  type Share,
  type Transport,
} from '../../../src/api/index.ts';
import type { Will } from '../codec/connect.ts';
import { PUBLISH, PUBREL } from '../codec/packet.ts';
import { SESSION_TAKEN_OVER, SUCCESS } from '../codec/reasons.ts';
import type { AdapterContext } from '../context.ts';
import { ControlRequests, type Requester } from '../control/requests.ts';
import { type DeliveryHost, DeliveryWriter } from '../deliver/delivery-writer.ts';
import type { PublishEncoder } from '../deliver/publish-encoder.ts';
import type { ArrivingPublish } from '../publish/arriving-publish.ts';
import { HeldPublishes } from '../publish/held-publishes.ts';
import type { PublishTarget } from '../publish/publish-target.ts';
import { publishWill } from '../publish/publish-will.ts';
import { ReceiveQuota } from '../publish/receive-quota.ts';
import type { TopicAliases } from '../publish/topic-aliases.ts';
import type { MqttSession } from '../session/mqtt-session.ts';
import type { SessionConnection } from '../session/ports.ts';
import { type AnsweredClient, Answers, type LongAnswer } from './answers.ts';
import type { Authentication } from './authentication.ts';
import type { NegotiatedOptions } from './negotiated-options.ts';
import { CONGESTED } from './pause-reasons.ts';

/** The ways in which a connection ends from within; `Connection` in fact. None does anything to one that has ended. */
export interface ConnectionControl {
  readonly ended: boolean;
  /** Something has thrown: the client's mistake (MalformedPacket, BrokerError), or our own. */
  fail(error: unknown): void;
  /** Ends a connection that cannot go on; 5.0 is told. @param reason a reason code of 5.0 */
  disconnect(why: string, reason: number): void;
  /** DISCONNECT has come. @param withWill the client asks for its will all the same */
  left(withWill: boolean): void;
}

/** What a client is made of. */
export interface ClientParts {
  readonly context: AdapterContext;
  readonly transport: Transport;
  readonly gate: ReadGate;
  readonly control: ConnectionControl;
  readonly session: Session;
  readonly mqttSession: MqttSession;
  readonly options: NegotiatedOptions;
  readonly encoder: PublishEncoder;
  /** Of a client of 5.0 that has named a mechanism. */
  readonly authentication: Authentication | null;
  readonly clock: Clock;
}

export class ConnectedClient implements SessionConnection, DeliveryHost, AnsweredClient, Requester {
  readonly context: AdapterContext;
  readonly session: Session;
  readonly mqttSession: MqttSession;
  readonly writer: DeliveryWriter;
  readonly gate: ReadGate;
  readonly options: NegotiatedOptions;
  /** As in `options`: for the hot path. */
  readonly level: number;
  /** Whose its messages are, for subscriptions with No Local; '' where its version has no such thing. */
  readonly origin: string;
  /** Null before 5.0. */
  readonly quota: ReceiveQuota | null;
  /** Where its last topics led. */
  readonly targets = new RouteMemo<PublishTarget>();
  lastTarget: PublishTarget | null = null;
  /** Topic aliases it has given; null before the first. */
  aliases: TopicAliases | null = null;
  /** A PUBLISH whose large body is arriving. */
  arriving: ArrivingPublish | null = null;
  will: Will | undefined = undefined;
  /** Its publishes that have to wait; null before the first, and before 5.0. */
  held: HeldPublishes | null = null;
  readonly authentication: Authentication | null;
  readonly control: ConnectionControl;
  readonly transport: Transport;
  private readonly clock: Clock;
  private answers: Answers | null = null;
  private commands: ControlRequests | null = null;

  constructor(parts: ClientParts) {
    const { context, transport, session, mqttSession, options, encoder } = parts;
    const { limits, stats, topics } = context;
    this.context = context;
    this.clock = parts.clock;
    this.session = session;
    this.mqttSession = mqttSession;
    this.options = options;
    this.level = options.level;
    this.gate = parts.gate;
    this.control = parts.control;
    this.transport = transport;
    this.authentication = parts.authentication;
    this.origin = options.v5 || options.bridge ? mqttSession.queue : '';
    this.quota = options.v5 ? new ReceiveQuota(limits.receiveMax) : null;
    const { packetSizeMax, receiveMax } = options.asked;
    const inFlightMax = Math.min(limits.inflightMax, receiveMax);
    const { unsentBytesMax } = limits;
    const delivery = { stats, topics, unsentBytesMax, inFlightMax, packetSizeMax };
    this.writer = new DeliveryWriter(delivery, transport.output, session, mqttSession, this, encoder);
  }

  get ended(): boolean {
    return this.control.ended;
  }

  /** Its part of the budget of work. */
  get share(): Share {
    return this.gate.share;
  }

  // --------------------------------------------------------------------------------------------- commands to the broker

  get requests(): ControlRequests {
    this.commands ??= new ControlRequests(this);
    return this.commands;
  }

  filters(): Iterable<string> {
    return this.mqttSession.subscriptions.filters();
  }

  mayReceive(topic: string): boolean {
    return this.session.mayReceive(this.context.limits.exchange, respelled(topic));
  }

  sendOwn(topic: string, payload: string): void {
    this.writer.direct.publishOwn(topic, payload, false);
  }

  fault(error: unknown): void {
    this.control.fail(error);
  }

  // ------------------------------------------------------------------------------------------ what must be safe first

  /**
   * Answers with `type` and `packetId` once `mark` is safe, in order with all other answers.
   * @param repeat it is a message that was taken before
   */
  answer(type: number, packetId: number, mark: Mark, reason = SUCCESS, repeat = false): void {
    this.answers ??= new Answers(this, this.context.limits.receiveMax);
    this.answers.push(type, packetId, mark, reason, repeat);
  }

  answerLong(answer: LongAnswer, mark: Mark): void {
    this.answers ??= new Answers(this, this.context.limits.receiveMax);
    this.answers.pushLong(answer, mark);
  }

  awaitRecord(packetId: number): void {
    this.answer(PUBLISH, packetId, this.session.mark());
  }

  awaitRelease(packetId: number, reason = SUCCESS): void {
    this.answerRelease(packetId, this.mqttSession.kept ? this.session.mark() : MARK_NOW, reason);
  }

  /** Sends PUBREL once `mark` is safe. */
  answerRelease(packetId: number, mark: Mark, reason = SUCCESS): void {
    this.answer(PUBREL, packetId, mark, reason);
  }

  // ------------------------------------------------------------------------------------------------------- the end

  disconnect(why: string, reason: number): void {
    this.control.disconnect(why, reason);
  }

  takenOver(): void {
    this.context.stats.takenOver++;
    this.disconnect('the client identifier connected again [MQTT-3.1.4-2]', SESSION_TAKEN_OVER);
  }

  /** Publishing has to wait: nothing more is read. */
  hold(): void {
    if (!this.options.v5) {
      this.gate.pause(CONGESTED);
      return;
    }
    const { clock, context } = this;
    this.held ??= new HeldPublishes(this, clock, () => context.stats.heldRefused++);
    this.held.hold();
  }

  /** It need not wait any more. */
  uncongested(): void {
    if (this.held === null) this.gate.resume(CONGESTED);
    else this.held.over();
  }

  /** The body that was arriving will not come any more. */
  abortArriving(): void {
    this.arriving?.writer?.abort();
    this.arriving = null;
  }

  /**
   * The connection is gone: what becomes of the will [section 3.1.2.5], and of the session.
   * @param inOrder DISCONNECT has come
   * @param withWill the will is to be published
   */
  close(inOrder: boolean, withWill: boolean): void {
    this.answers?.close();
    this.held?.close();
    this.writer.close();
    const { mqttSession, session } = this;
    if (mqttSession.connection !== this) return;
    mqttSession.expiryS = this.options.sessionExpiryS;
    const ends = mqttSession.ended || !mqttSession.kept || mqttSession.expiryS === 0;
    if (this.will !== undefined) {
      // Published and forgotten at once, or neither.
      if (mqttSession.kept) session.beginUnit();
      this.closeWill(this.will, ends, withWill);
      if (mqttSession.kept) session.endUnit();
    }
    if (ends) mqttSession.end(session, inOrder);
    else mqttSession.park(session, inOrder);
  }

  private closeWill(will: Will, sessionEnds: boolean, withWill: boolean): void {
    const { mqttSession, session } = this;
    const { expiryS, id, queue } = mqttSession;
    const { wills } = mqttSession.services;
    if (!withWill)
      wills.discard(id); // [MQTT-3.1.2-10]
    else if (sessionEnds || will.delayS === 0) {
      session.ofBegun(() => publishWill(this.context, session, will, queue)); // [MQTT-3.1.2-8]
      wills.discard(id);
    } else wills.defer(id, session.identity, will, Math.min(will.delayS, expiryS));
  }
}
