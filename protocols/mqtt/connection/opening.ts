/**
 * The opening of a connection: CONNECT [section 3.1], who the client is, its session, and CONNACK once that is safe.
 *
 *     CONNECT ─▶ identifier, rate, redirection ─▶ BrokerServices.open ────────────┬─▶ admit ─▶ safe ─▶ CONNACK 0 ─▶ opened
 *                                              └▶ AUTH, back and forth ─▶ enter ──┘
 *     at each step: refuse ─▶ CONNACK with a refusal
 *
 * It is there until CONNACK 0 has been written, and what lasts is in the `ConnectedClient`.
 */
import { randomUUID } from 'node:crypto';
import {
  AccessPending,
  type AuthStep,
  type BindingInfo,
  BrokerError,
  type BrokerServices,
  LimitError,
  type ReadGate,
  type Refusal,
  type Session,
  type SessionClient,
  type Transport,
} from '../../../src/api/index.ts';
import { type Connect, decodeConnect, decodeVersion } from '../codec/connect.ts';
import { decodeAuth } from '../codec/disconnect-auth.ts';
import { writeAuth } from '../codec/encode5.ts';
import { AUTH, CONNACK, DISCONNECT, MalformedPacket } from '../codec/packet.ts';
import {
  BAD_AUTHENTICATION_METHOD,
  BAD_USER_NAME_OR_PASSWORD_5,
  CONTINUE_AUTHENTICATION,
  NOT_AUTHORIZED_5,
  PACKET_TOO_LARGE,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
  SERVER_UNAVAILABLE_5,
  SUCCESS,
  UNSUPPORTED_PROTOCOL_VERSION_5,
} from '../codec/reasons.ts';
import type { AdapterContext } from '../context.ts';
import { PublishEncoder5 } from '../deliver/publish-encoder5.ts';
import { queueOf } from '../mapping/names.ts';
import { meaningOf } from '../mapping/special-topics.ts';
import { resolveTarget } from '../publish/publish-target.ts';
import { getSession } from '../session/session-records.ts';
import { registryOf } from '../session/session-registry.ts';
import { Authentication } from './authentication.ts';
import { type Acceptance, acceptanceFits, writeAcceptance, writeRefusal } from './connack.ts';
import { credentialsOf, reasonOf, refusalOf } from './connect-checks.ts';
import { ConnectedClient, type ConnectionControl } from './connected-client.ts';
import { negotiate } from './negotiated-options.ts';
import { AUTHENTICATING } from './pause-reasons.ts';

const DOLLAR = 0x24;

/** Reasons for which the broker has already told the operator who was not let in, and why. */
const REPORTED_BY_BROKER: ReadonlySet<number> = new Set([
  BAD_USER_NAME_OR_PASSWORD_5,
  NOT_AUTHORIZED_5,
  BAD_AUTHENTICATION_METHOD,
]);

/** The connection that opens; `Connection` in fact. */
export interface OpeningOwner extends ConnectionControl, SessionClient {
  /** Its client identifier, the one that it is given if it has none; set once CONNECT has come. */
  clientId?: string;
  /** The client is who it says, and its session is found or made: from now on it goes with the connection. */
  admitted(client: ConnectedClient): void;
  /** All is safe: CONNACK 0 is written next, and what ends the connection from now on is said with DISCONNECT. */
  opened(client: ConnectedClient): void;
  /** CONNACK 0 has been written, and deliveries have begun: what the client sends is read. */
  reading(client: ConnectedClient): void;
  /** A CONNECT was refused, and its answer, if it gets one, written. */
  refused(): void;
}

export class Opening {
  /** LEVEL_3_1, LEVEL_3_1_1 or LEVEL_5; 0 before CONNECT, and for one that there is not. */
  level = 0;
  /** The broker's session, from when the client is known to when it is the `ConnectedClient`'s. */
  session: Session | null = null;
  /** The longest packet that the client takes, whole. */
  private packetSizeMax = Number.POSITIVE_INFINITY;
  private authentication: Authentication | null = null;
  /** The CONNECT whose client has been sent a challenge; null: none has. */
  private challenged: Connect | null = null;
  private readonly context: AdapterContext;
  private readonly transport: Transport;
  private readonly broker: BrokerServices;
  private readonly gate: ReadGate;
  private readonly owner: OpeningOwner;

  constructor(
    context: AdapterContext,
    transport: Transport,
    broker: BrokerServices,
    gate: ReadGate,
    owner: OpeningOwner,
  ) {
    this.context = context;
    this.transport = transport;
    this.broker = broker;
    this.gate = gate;
    this.owner = owner;
  }

  /** The first packet, which is CONNECT, or one that answers a challenge. @throws MalformedPacket, BrokerError */
  packet(first: number, buffer: Buffer, start: number, end: number): void {
    const { challenged } = this;
    if (challenged === null) this.connect(buffer, start, end);
    else {
      this.challenged = null;
      this.answerToChallenge(challenged, first, buffer, start, end);
    }
  }

  /** Writes CONNACK with a refusal, and ends the connection. @param reason a reason code of 5.0 */
  refuse(reason: number): void {
    if (!REPORTED_BY_BROKER.has(reason)) {
      this.broker.reportMistake(this.transport, `CONNECT refused with reason 0x${reason.toString(16)}`);
    }
    writeRefusal(this.context, this.transport.output, this.level, this.packetSizeMax, reason);
    this.owner.refused();
  }

  // ----------------------------------------------------------------------------------------------------- CONNECT

  private connect(buffer: Buffer, start: number, end: number): void {
    const { limits } = this.context;
    const { level } = decodeVersion(buffer, start, end);
    if (level === 0) {
      this.refuse(UNSUPPORTED_PROTOCOL_VERSION_5); // [MQTT-3.1.2-2]
      return;
    }
    this.level = level;
    const request = decodeConnect(buffer, start, end, limits);
    this.transport.label = request.clientId;
    const { properties } = request;
    if (properties !== undefined) this.packetSizeMax = properties.packetSizeMax;
    const refusal = refusalOf(this.context, request, this.broker.clock.monotonicMs());
    if (refusal !== null) {
      this.refuse(refusal);
      return;
    }
    const clientId = request.clientId === '' ? `auto-${randomUUID()}` : request.clientId;
    this.owner.clientId = clientId;
    const { credentials: said, vhost } = credentialsOf(this.transport, request);
    const credentials = { ...said, clientId };
    if (properties?.authMethod !== undefined) {
      const authentication = new Authentication(this.broker, properties.authMethod, credentials, vhost);
      if (authentication.begin()) this.authenticate(request, authentication, properties.authData);
      else this.refuse(BAD_AUTHENTICATION_METHOD);
      return;
    }
    this.gate.pause(AUTHENTICATING);
    this.broker.open({ ...credentials, vhost }, this.owner, (result) => {
      if (this.owner.ended) {
        if (!('refused' in result)) result.close(true);
      } else if ('refused' in result) this.refuse(reasonOf(result));
      else this.admit(result, request);
    });
  }

  // -------------------------------------------------------------------------------------- enhanced authentication

  /** A packet while CONNECT waits for its authentication: AUTH and DISCONNECT are all that may come [MQTT5-3.1.2-30]. */
  private answerToChallenge(request: Connect, first: number, buffer: Buffer, start: number, end: number): void {
    const { authentication } = this;
    if (first === DISCONNECT << 4) {
      this.owner.left(false);
      return;
    }
    if (first !== AUTH << 4) throw new MalformedPacket('neither AUTH nor DISCONNECT [MQTT5-3.1.2-30]', PROTOCOL_ERROR);
    const { reason, method, data } = decodeAuth(buffer, start, end);
    if (authentication === null || reason !== CONTINUE_AUTHENTICATION || method !== authentication.method) {
      throw new MalformedPacket('an AUTH of another method or reason [MQTT5-4.12.0-5]', PROTOCOL_ERROR);
    }
    this.authenticate(request, authentication, data);
  }

  private authenticate(request: Connect, authentication: Authentication, data: Buffer | undefined): void {
    this.authentication = authentication;
    this.gate.pause(AUTHENTICATING);
    authentication.step(data, (result) => {
      if (!this.owner.ended) this.authenticated(request, authentication, result);
    });
  }

  private authenticated(request: Connect, authentication: Authentication, result: AuthStep): void {
    if ('challenge' in result) {
      this.challenge(request, authentication.method, result.challenge);
      return;
    }
    if ('refused' in result) {
      this.refuse(reasonOf(result));
      return;
    }
    authentication.data = result.data;
    let entered: Session | Refusal;
    try {
      entered = this.broker.enter(result.identity, authentication.vhost, this.owner);
    } catch (error) {
      if (!(error instanceof AccessPending)) throw error;
      error.whenKnown(() => {
        if (!this.owner.ended) this.authenticated(request, authentication, result);
      });
      return;
    }
    if ('refused' in entered) this.refuse(reasonOf(entered));
    else this.admit(entered, request);
  }

  private challenge(request: Connect, method: string, data: Buffer): void {
    const { writer } = this.context;
    const { output } = this.transport;
    if (!writeAuth(output, CONTINUE_AUTHENTICATION, method, data, writer, this.packetSizeMax)) {
      this.owner.fail(new MalformedPacket('an AUTH longer than the client takes', PACKET_TOO_LARGE));
      return;
    }
    this.challenged = request;
    this.gate.resume(AUTHENTICATING);
  }

  // ------------------------------------------------------------------------------------------------------ admission

  /** The client is who it says: finds or makes its session, then answers once that is safe. */
  private admit(session: Session, request: Connect): void {
    this.session = session;
    let client: ConnectedClient | null = null;
    try {
      const lost = this.known(session, request);
      const { context, authentication } = this;
      const registry = registryOf(context, this.broker, session);
      const options = negotiate(request, context.limits);
      if (!this.mayHaveWill(session, request)) return;
      const id = this.owner.clientId!;
      const { mqttSession, present, before } = registry.open(session, id, request.clean, options.sessionExpiryS);
      const encoder = options.v5
        ? new PublishEncoder5(context, session, options.asked, this.broker.clock)
        : context.encoder3;
      // What its user may read may have changed since.
      mqttSession.subscriptions.forget(lost);
      const { gate, owner: control, transport } = this;
      client = new ConnectedClient({
        context,
        transport,
        gate,
        control,
        session,
        mqttSession,
        options,
        encoder,
        authentication,
        clock: this.broker.clock,
      });
      this.owner.admitted(client);
      registry.connected(mqttSession, client);
      const known = present && before?.expiryS === mqttSession.expiryS && before.endsAtMs === 0;
      if (!known) mqttSession.save(session);
      client.will = request.will;
      if (request.will !== undefined && mqttSession.kept) registry.wills.arm(id, session.user, request.will);
      const acceptance = { request, options, clientId: id, sessionPresent: present, authentication };
      this.answer(client, acceptance, before !== undefined || mqttSession.kept);
    } catch (error) {
      if (error instanceof AccessPending) {
        error.whenKnown(() => {
          if (!this.owner.ended) this.admit(session, request);
        });
        return;
      }
      // Nothing was promised yet, and the will not taken.
      if (client !== null) client.will = undefined;
      if (error instanceof LimitError) this.refuse(QUOTA_EXCEEDED);
      else if (error instanceof BrokerError) this.refuse(SERVER_UNAVAILABLE_5);
      else this.owner.fail(error);
    }
  }

  /**
   * Before anything is done, all is to be known that is asked for on the way: about the will, and about what a kept session reads.
   * @returns bindings of a kept session that its user may not read any more, which have gone
   * @throws AccessPending
   */
  private known(session: Session, { clean, will }: Connect): readonly BindingInfo[] {
    if (will !== undefined && will.topic[0] !== DOLLAR) {
      resolveTarget(this.context.limits.exchange, session, will.topic, 0, will.topic.length);
    }
    const id = this.owner.clientId!;
    const kept = clean ? undefined : getSession(session.state, id);
    return kept?.hasQueue === true && kept.user === session.user ? session.adoptQueue(queueOf(id)) : [];
  }

  /** A will that its user may not publish is refused now, rather than when nobody is there to be told. */
  private mayHaveWill(session: Session, { will }: Connect): boolean {
    if (will === undefined) return true;
    const { topic } = will;
    // What nobody may publish is dropped when its time comes, as ever.
    if (topic[0] === DOLLAR && meaningOf(topic.utf8Slice()).reason !== SUCCESS) return true;
    const { reason } = resolveTarget(this.context.limits.exchange, session, topic, 0, topic.length);
    if (reason !== NOT_AUTHORIZED_5) return true;
    const what = topic.utf8Slice();
    this.broker.reportMistake(this.transport, `user '${session.user}' may not publish its will to '${what}'`);
    this.refuse(NOT_AUTHORIZED_5);
    return false;
  }

  /** @param durable the client may only hear of it once it is safe */
  private answer(client: ConnectedClient, acceptance: Acceptance, durable: boolean): void {
    if (!acceptanceFits(this.context, acceptance)) {
      // It cannot be let in with what it has to know left out.
      client.will = undefined;
      const why = 'it takes no packet as long as the CONNACK it would need [MQTT5-3.1.2-24]';
      this.broker.reportMistake(this.transport, why);
      this.owner.refused();
      return;
    }
    const send = (): void => this.accept(client, acceptance);
    if (!durable) send();
    else {
      const refuse = (): void => this.refuse(SERVER_UNAVAILABLE_5);
      client.answerLong({ type: CONNACK, packetId: 0, send, refuse }, client.session.mark());
    }
  }

  private accept(client: ConnectedClient, acceptance: Acceptance): void {
    this.context.stats.connected++;
    this.owner.opened(client);
    writeAcceptance(this.context, client.writer.out, acceptance);
    try {
      client.mqttSession.attach(client.session, client, client.writer);
    } catch (error) {
      this.owner.fail(error);
      return;
    }
    this.owner.reading(client);
  }
}
