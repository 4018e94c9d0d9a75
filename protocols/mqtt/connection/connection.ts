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
 * Until it is OPEN its packets are the `Opening`'s; then they are dispatched for the `ConnectedClient`.
 *
 * MQTT 3.1.1 gives a server no word for an error after CONNACK: it closes the network connection [MQTT-4.8.0-1]. 5.0 has
 * DISCONNECT, which is sent before that [MQTT5-4.13.1-1].
 */
import {
  AccessPending,
  type BindingInfo,
  BrokerError,
  type BrokerServices,
  type ConnectionHandler,
  type ConnectionReport,
  LimitError,
  ReadGate,
  type ReadGateOwner,
  type Share,
  type Transport,
} from '../../../src/api/index.ts';
import { LEVEL_3_1, LEVEL_3_1_1, LEVEL_5, MalformedPacket, PUBLISH } from '../codec/packet.ts';
import { type PacketHandler, PacketReader } from '../codec/reader.ts';
import {
  ADMINISTRATIVE_ACTION,
  KEEP_ALIVE_TIMEOUT,
  NOT_AUTHORIZED_5,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
  SERVER_SHUTTING_DOWN,
  UNSPECIFIED_ERROR,
} from '../codec/reasons.ts';
import type { AdapterContext } from '../context.ts';
import { publishBegin, publishEnd, publishPiece } from '../publish/publish-large.ts';
import { knownRegistry } from '../session/session-registry.ts';
import type { ConnectedClient } from './connected-client.ts';
import { ConnectionTimers, type TimersOwner } from './connection-timers.ts';
import { sendDisconnect } from './disconnect.ts';
import { dispatch } from './dispatch.ts';
import { Opening, type OpeningOwner } from './opening.ts';
import { AUTHENTICATING, CONGESTED, OUTPUT, RATE } from './pause-reasons.ts';
import { PacketRateLimit } from './rate-limits.ts';

const AN_ERROR_OF_OURS = 'an error of the broker';
/** What a packet costs before the connection is open, whatever it then does (`src/clock/work.ts`). */
const OPENING_UNITS = 40;

const VERSIONS: Readonly<Record<number, string>> = { [LEVEL_3_1]: '3.1', [LEVEL_3_1_1]: '3.1.1', [LEVEL_5]: '5.0' };

export class Connection implements ConnectionHandler, PacketHandler, OpeningOwner, ReadGateOwner, TimersOwner {
  ended = false;
  clientId?: string;
  /** Null unless the connection is open. */
  private client: ConnectedClient | null = null;
  /** Null once it is open. */
  private opening: Opening | null;
  /** The client from when it is known to the end of the connection: what has to be put away with it. */
  private admittedClient: ConnectedClient | null = null;
  /** Null unless the rate of packets is bounded. */
  private rateLimit: PacketRateLimit | null = null;
  /** Of a packet that waits until it is known whether it is permitted. */
  private waitingBytes = 0;
  readonly transport: Transport;
  private readonly context: AdapterContext;
  private readonly broker: BrokerServices;
  private readonly reader: PacketReader;
  private readonly gate: ReadGate;
  private readonly timers: ConnectionTimers;

  constructor(context: AdapterContext, transport: Transport, broker: BrokerServices) {
    this.context = context;
    this.transport = transport;
    this.broker = broker;
    const { packetSizeMax, controlSizeMax, propertiesSizeMax, handshakeTimeoutMs } = context.limits;
    this.reader = new PacketReader(this, packetSizeMax, controlSizeMax, propertiesSizeMax);
    this.gate = new ReadGate(broker.turn, this.reader, transport, this);
    this.opening = new Opening(context, transport, broker, this.gate, this);
    this.timers = new ConnectionTimers(broker.clock, this, handshakeTimeoutMs);
  }

  // ----------------------------------------------------------------------------------------------------- the stream

  data(chunk: Buffer): void {
    if (this.ended) return;
    this.context.stats.bytesReceived += chunk.length;
    this.gate.data(chunk);
  }

  get heldBytes(): number {
    return this.reader.heldBytes + this.gate.heldBytes + this.waitingBytes;
  }

  get midBody(): boolean {
    return this.reader.midBody;
  }

  get authenticated(): boolean {
    return this.client !== null;
  }

  exceeded(reason: string): void {
    this.disconnect(reason, QUOTA_EXCEEDED);
  }

  drained(): void {
    if (this.ended) return;
    this.client?.writer.drained();
    this.gate.resume(OUTPUT);
  }

  chunkRead(): void {
    this.timers.heard();
    // A client that asks and does not listen is not read either.
    if (this.client !== null && this.transport.output.congested) {
      if (this.client.writer.pendingBytes > 2 * this.context.limits.unsentBytesMax) this.gate.pause(OUTPUT);
    }
  }

  readFailed(error: unknown): void {
    this.fail(error);
  }

  shutdown(reason: string): void {
    this.disconnect(reason, SERVER_SHUTTING_DOWN);
  }

  // ---------------------------------------------------------------------------------------------------- the packets

  packet(first: number, buffer: Buffer, start: number, end: number): void {
    this.count(first >> 4);
    const { client } = this;
    if (client === null) {
      this.opening?.packet(first, buffer, start, end);
      this.gate.frameTaken(OPENING_UNITS);
      return;
    }
    try {
      this.gate.frameTaken(dispatch(client, first, buffer, start, end));
    } catch (error) {
      if (!(error instanceof AccessPending)) throw error;
      const waiting = Buffer.from(buffer.subarray(start, end));
      this.again(error, waiting, () => dispatch(client, first, waiting, 0, waiting.length));
    }
  }

  /** A packet that has changed nothing is carried out again once it is known whether it is permitted. */
  private again(pending: AccessPending, packet: Buffer, carryOut: () => void): void {
    this.waitingBytes = packet.length;
    this.gate.awaitAnswer(pending, () => {
      this.waitingBytes = 0;
      try {
        carryOut();
      } catch (error) {
        if (error instanceof AccessPending) this.again(error, packet, carryOut);
        else this.fail(error);
      }
    });
  }

  private count(type: number): void {
    const { stats } = this.context;
    stats.packetsReceived++;
    if (type === PUBLISH) stats.publishesReceived++;
    if (this.rateLimit !== null) this.rateLimit.packet();
  }

  bodyBegin(first: number, buffer: Buffer, start: number, end: number, bodyLength: number): void {
    this.count(PUBLISH);
    const { client } = this;
    if (client === null) throw new MalformedPacket('PUBLISH while the client is not let in', PROTOCOL_ERROR);
    try {
      publishBegin(client, first, buffer, start, end, bodyLength);
    } catch (error) {
      if (!(error instanceof AccessPending)) throw error;
      const waiting = Buffer.from(buffer.subarray(start, end));
      this.again(error, waiting, () => publishBegin(client, first, waiting, 0, waiting.length, bodyLength));
    }
  }

  bodyPiece(buffer: Buffer, start: number, end: number): void {
    if (this.client !== null) publishPiece(this.client, buffer, start, end);
  }

  bodyEnd(): void {
    if (this.client !== null) publishEnd(this.client);
  }

  // -------------------------------------------------------------------------------------------------- how it goes on

  /** Its part of the budget of work, for its session. */
  get share(): Share {
    return this.gate.share;
  }

  get readPaused(): boolean {
    return this.gate.paused;
  }

  uncongested(): void {
    if (this.admittedClient === null) this.gate.resume(CONGESTED);
    else this.admittedClient.uncongested();
  }

  replaces(user: string, vhost: string): boolean {
    return knownRegistry(this.broker, vhost)?.isConnected(this.clientId ?? '', user) === true;
  }

  admitted(client: ConnectedClient): void {
    this.admittedClient = client;
    this.reader.properties = client.options.v5;
    this.timers.accepted(client.options.keepAliveS);
  }

  opened(client: ConnectedClient): void {
    this.opening = null;
    this.client = client;
    this.timers.opened();
  }

  reading(): void {
    const { packetRateMax } = this.context.limits;
    if (packetRateMax > 0) {
      const { clock } = this.broker;
      const resume = (): void => this.gate.resume(RATE);
      this.rateLimit = new PacketRateLimit(packetRateMax, clock, () => this.slowDown(), resume);
    }
    this.gate.resume(AUTHENTICATING);
  }

  private slowDown(): void {
    this.context.stats.paced++;
    this.gate.pause(RATE);
  }

  // -------------------------------------------------------------------------------------------- what an operator sees

  connectionReport(): ConnectionReport {
    const { admittedClient, clientId = '' } = this;
    const level = admittedClient?.level ?? LEVEL_5;
    return {
      protocol: `MQTT ${VERSIONS[level] ?? ''}`,
      ...(admittedClient?.authentication && { mechanism: admittedClient.authentication.method }),
      properties: [
        { name: 'client_id', value: clientId },
        { name: 'product', value: 'MQTT client' },
      ],
      state: this.ended ? 'closing' : admittedClient?.session.congested === true ? 'blocked' : 'running',
      channelMax: 1,
      frameSizeMax: 0,
      heartbeatS: admittedClient?.options.keepAliveS ?? 0,
      channels: 1,
    };
  }

  // -------------------------------------------------------------------------------------------------------- the end

  /** The client's side is gone. */
  closed(): void {
    this.finish(false, true);
  }

  handshakeTimedOut(): void {
    this.context.stats.handshakeTimeouts++;
    this.broker.reportMistake(this.transport, 'no CONNECT came in time');
    this.finish(false, true);
    this.transport.destroy();
  }

  keepAliveTimedOut(): void {
    this.context.stats.keepAliveTimeouts++;
    this.disconnect('nothing was heard for one and a half keep alive periods', KEEP_ALIVE_TIMEOUT);
  }

  refused(): void {
    this.context.stats.refused++;
    this.finish(false, true);
    this.transport.end();
  }

  left(withWill: boolean): void {
    this.finish(true, withWill);
    this.transport.end();
  }

  accessLost(_queue: string, bindings: readonly BindingInfo[]): void {
    this.admittedClient?.mqttSession.accessLost(bindings);
  }

  kicked(reason: string): void {
    this.disconnect(reason, ADMINISTRATIVE_ACTION);
  }

  expired(reason: string): void {
    this.disconnect(reason, NOT_AUTHORIZED_5);
  }

  disconnect(why: string, reason: number): void {
    if (this.ended) return;
    if (reason !== SERVER_SHUTTING_DOWN && reason !== ADMINISTRATIVE_ACTION) {
      this.broker.reportMistake(this.transport, why);
    }
    if (this.client !== null) sendDisconnect(this.client, reason, why);
    this.finish(false, true);
    this.transport.end();
  }

  fail(error: unknown): void {
    if (this.ended) return;
    let reason = UNSPECIFIED_ERROR;
    let why = AN_ERROR_OF_OURS;
    if (error instanceof MalformedPacket) {
      reason = error.reason;
      why = error.message;
      this.context.stats.protocolErrors++;
    } else if (error instanceof BrokerError) {
      if (error instanceof LimitError) reason = QUOTA_EXCEEDED;
      else if (error.code === 'access-refused') reason = NOT_AUTHORIZED_5;
      why = error.message;
      this.context.stats.protocolErrors++;
    } else {
      this.context.stats.internalErrors++;
      this.broker.reportFault(error, this.transport);
    }
    if (why !== AN_ERROR_OF_OURS) this.broker.reportMistake(this.transport, why);
    if (this.client !== null) sendDisconnect(this.client, reason, why);
    else if (this.opening?.level === LEVEL_5) {
      this.opening.refuse(reason); // [MQTT5-3.1.4-1]
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
    if (this.ended) return;
    const { admittedClient, opening } = this;
    this.ended = true;
    this.client = null;
    this.opening = null;
    this.admittedClient = null;
    this.timers.close();
    this.gate.finish();
    this.reader.close();
    this.rateLimit?.close();
    const session = admittedClient === null ? opening?.session : admittedClient.session;
    if (!session) return;
    try {
      admittedClient?.abortArriving();
      admittedClient?.close(inOrder, withWill);
    } catch (error) {
      this.context.stats.internalErrors++;
      this.broker.reportFault(error, this.transport);
    }
    session.close(inOrder);
  }
}
