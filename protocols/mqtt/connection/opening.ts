/**
 * CONNECT [section 3.1] and its answer.
 *
 *     decode -> identifier, redirection -> who is it (Broker.open) -> its session -> safe -> CONNACK 0
 *
 * A refusal is said in the form of the client's version: a return code before 5.0, a reason code from then on.
 */
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { BrokerError, type Credentials, type Refusal, type Session } from '../../../src/api/index.ts';
import {
  type Connect,
  type ConnectProperties,
  decodeConnect,
  decodeVersion,
  EXPIRY_NEVER_S,
} from '../codec/connect.ts';
import { writeConnack } from '../codec/encode.ts';
import { connackBytes, writeConnack5 } from '../codec/encode5.ts';
import {
  BAD_USER_NAME_OR_PASSWORD,
  CONNACK,
  CONNECTION_ACCEPTED,
  IDENTIFIER_REJECTED,
  LEVEL_3_1,
  LEVEL_3_1_1,
  LEVEL_5,
  NOT_AUTHORIZED,
  SERVER_UNAVAILABLE,
  UNACCEPTABLE_PROTOCOL_VERSION,
} from '../codec/packet.ts';
import {
  ASSIGNED_CLIENT_IDENTIFIER,
  AUTHENTICATION_DATA,
  AUTHENTICATION_METHOD,
  MAXIMUM_PACKET_SIZE,
  type PropertyWriter,
  RECEIVE_MAXIMUM,
  RESPONSE_INFORMATION,
  SERVER_KEEP_ALIVE,
  SERVER_REFERENCE,
  SESSION_EXPIRY,
  TOPIC_ALIAS_MAXIMUM,
} from '../codec/properties.ts';
import {
  BAD_AUTHENTICATION_METHOD,
  BAD_USER_NAME_OR_PASSWORD_5,
  CLIENT_IDENTIFIER_NOT_VALID,
  CONNECTION_RATE_EXCEEDED,
  NOT_AUTHORIZED_5,
  PAYLOAD_FORMAT_INVALID,
  SERVER_MOVED,
  SERVER_UNAVAILABLE_5,
  SUCCESS,
  UNSUPPORTED_PROTOCOL_VERSION_5,
  USE_ANOTHER_SERVER,
} from '../codec/reasons.ts';
import { PublishEncoder5 } from '../deliver/publish-encoder5.ts';
import { queueOf, splitUserName } from '../mapping/names.ts';
import { CLIENT_ID_BYTES_MAX } from '../options.ts';
import { publishWill } from '../publish/publish-will.ts';
import { ClientSession } from '../session/client-session.ts';
import { getSession } from '../session/session-records.ts';
import { registryOf } from '../session/session-registry.ts';
import { beginAuthentication } from './authentication.ts';
import type { Connection } from './connection.ts';
import { HOLD_OPENING } from './intake.ts';
import { Terms } from './negotiated-options.ts';

/** The longest identifier of 3.1, in characters [MQTT 3.1, section 3.1]. */
const CLIENT_ID_LENGTH_MAX_3_1 = 23;

export function connect(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { adapter } = connection;
  const { level, bridge } = decodeVersion(buffer, start, end);
  if (level === 0) {
    refuse(connection, UNSUPPORTED_PROTOCOL_VERSION_5); // [MQTT-3.1.2-2]
    return;
  }
  connection.level = level;
  connection.bridge = bridge;
  const request = decodeConnect(buffer, start, end, adapter.limits);
  connection.transport.label = request.clientId;
  if (request.properties !== undefined) connection.packetSizeMax = request.properties.packetSizeMax;
  const { will } = request;
  if (will?.properties.text === true && adapter.limits.checkPayloadFormat && !isUtf8(will.payload)) {
    refuse(connection, PAYLOAD_FORMAT_INVALID);
    return;
  }
  if (!mayHaveIdentifier(request)) {
    refuse(connection, CLIENT_IDENTIFIER_NOT_VALID);
    return;
  }
  if (!adapter.connectRate.take(connection.broker.clock.monotonicMs())) {
    adapter.stats.connectRateRefused++;
    refuse(connection, CONNECTION_RATE_EXCEEDED);
    return;
  }
  const { redirect } = adapter.limits;
  if (redirect !== null) {
    refuse(connection, redirect.permanent ? SERVER_MOVED : USE_ANOTHER_SERVER);
    return;
  }
  if (request.properties?.authMethod !== undefined) {
    beginAuthentication(connection, request);
    return;
  }
  connection.intake.hold(HOLD_OPENING);
  const { credentials, vhost } = credentialsOf(connection, request);
  connection.broker.open({ ...credentials, vhost }, connection, (result) => {
    if (connection.closing) {
      if (!('refused' in result)) result.close(true);
    } else if ('refused' in result) refuse(connection, reasonOf(result));
    else admit(connection, result, request);
  });
}

export function credentialsOf(
  connection: Connection,
  request: Connect,
): { credentials: Credentials; vhost: string | undefined } {
  const { vhost, user } = splitUserName(request.user);
  const { loopback, remote } = connection.transport;
  const client = `mqtt ${remote.address}:${remote.port}`;
  // A name of no length is none, and its password then means nothing: clients of Mosquitto rely on it.
  if (user === '') return { credentials: { client, loopback, user: undefined, password: undefined }, vhost };
  return { credentials: { client, loopback, user, password: request.password }, vhost };
}

/** Whether a client of this version may have this identifier, or none. */
function mayHaveIdentifier({ level, bridge, clean, clientId }: Connect): boolean {
  if (Buffer.byteLength(clientId) > CLIENT_ID_BYTES_MAX) return false;
  if (level === LEVEL_5) return true; // it is told what it is given [MQTT5-3.1.3-6]
  // One that gives no identifier cannot come back to its session [MQTT-3.1.3-8]; 3.1 wants one in any case.
  if (level === LEVEL_3_1_1) return clientId !== '' || clean;
  // A bridge's is made of the names of its host and its connection, which are longer than that.
  return clientId !== '' && (bridge || clientId.length <= CLIENT_ID_LENGTH_MAX_3_1);
}

export function reasonOf(refusal: Refusal): number {
  switch (refusal.refused) {
    // The user name names the vhost, so a wrong one is a wrong user name.
    case 'credentials':
    case 'vhost-not-found':
      return BAD_USER_NAME_OR_PASSWORD_5;
    case 'forbidden':
      return NOT_AUTHORIZED_5;
    case 'unavailable':
      return SERVER_UNAVAILABLE_5;
  }
}

/** The return codes of 3.1 and 3.1.1, by reason. */
const RETURN_CODES: ReadonlyMap<number, number> = new Map([
  [UNSUPPORTED_PROTOCOL_VERSION_5, UNACCEPTABLE_PROTOCOL_VERSION],
  [CLIENT_IDENTIFIER_NOT_VALID, IDENTIFIER_REJECTED],
  [BAD_USER_NAME_OR_PASSWORD_5, BAD_USER_NAME_OR_PASSWORD],
  [NOT_AUTHORIZED_5, NOT_AUTHORIZED],
]);

const SAID_BY_BROKER: ReadonlySet<number> = new Set([
  BAD_USER_NAME_OR_PASSWORD_5,
  NOT_AUTHORIZED_5,
  BAD_AUTHENTICATION_METHOD,
]);

/** Writes CONNACK with a refusal, and ends the connection. @param reason of 5.0 */
export function refuse(connection: Connection, reason: number): void {
  const { adapter, output } = connection;
  // Who was not let in because of who it is has been written down by the broker.
  if (!SAID_BY_BROKER.has(reason)) {
    connection.broker.reportMistake(connection.transport, `CONNECT refused with reason 0x${reason.toString(16)}`);
  }
  // Session present is 0 [MQTT-3.2.2-4].
  if (connection.level === LEVEL_5) {
    const { writer } = adapter;
    writer.clear();
    if (adapter.limits.redirect !== null) writer.field(SERVER_REFERENCE, adapter.limits.redirect.to);
    if (connackBytes(writer) > connection.packetSizeMax) writer.clear();
    if (connackBytes(writer) <= connection.packetSizeMax) writeConnack5(output, false, reason, writer);
  } else writeConnack(output, false, RETURN_CODES.get(reason) ?? SERVER_UNAVAILABLE);
  connection.refused();
}

/** The client is who it says: finds or makes its session, then answers once that is safe. */
export function admit(connection: Connection, session: Session, request: Connect): void {
  connection.session = session;
  try {
    const stored = openSession(connection, session, request);
    connection.keepAlive(keepAliveOf(connection, request));
    if (request.properties !== undefined) agree(connection, session, request, request.properties);
    if (connection.terms !== null && connackOf(connection, connection.terms) === null) {
      // It cannot be let in with what it has to know left out.
      connection.will = undefined;
      const why = 'it takes no packet as long as the CONNACK it would need [MQTT5-3.1.2-24]';
      connection.broker.reportMistake(connection.transport, why);
      connection.refused();
    } else if (stored) connection.answer(CONNACK, 0, session.mark());
    else connection.established();
  } catch (error) {
    // Nothing was promised yet, and the will not taken.
    connection.will = undefined;
    if (error instanceof BrokerError) refuse(connection, SERVER_UNAVAILABLE_5);
    else connection.fail(error);
  }
}

/** How long the session outlives the connection. */
function expiryOf(connection: Connection, request: Connect): number {
  const asked = request.properties?.sessionExpiryS ?? (request.clean ? 0 : EXPIRY_NEVER_S);
  return Math.min(asked, connection.adapter.limits.sessionExpiryMaxS);
}

function keepAliveOf(connection: Connection, { keepAliveS }: Connect): number {
  const { keepAliveMaxS } = connection.adapter.limits;
  return keepAliveMaxS > 0 && (keepAliveS === 0 || keepAliveS > keepAliveMaxS) ? keepAliveMaxS : keepAliveS;
}

/** Returns whether something durable was there or was made. */
function openSession(connection: Connection, session: Session, request: Connect): boolean {
  const { adapter } = connection;
  const clients = registryOf(adapter, connection.broker, session);
  const id = request.clientId === '' ? `auto-${randomUUID()}` : request.clientId;
  const expiryS = expiryOf(connection, request);
  clients.clients.get(id)?.host?.takenOver();
  // One that was not kept has just ended.
  let client = clients.find(session, id);
  const before = client === undefined ? undefined : getSession(clients.state, id);
  const due = clients.wills.take(id);
  if (client === undefined || request.clean) {
    session.beginUnit();
    try {
      // The former session ends, or has ended, and with it the time its will could wait [MQTT5-3.1.3-9].
      if (due !== undefined) publishWill(adapter, session, due.will, queueOf(id));
      client?.end(session, true); // [MQTT-3.1.2-6]
    } finally {
      session.endUnit();
    }
    client = undefined;
  }
  connection.sessionPresent = client !== undefined; // [MQTT-3.2.2-1] [MQTT-3.2.2-2]
  client ??= new ClientSession(adapter, clients, id, expiryS);
  client.expiryS = expiryS;
  client.host = connection;
  connection.client = client;
  if (connection.level === LEVEL_5 || connection.bridge) connection.origin = client.queue;
  clients.clients.set(id, client);
  clients.stay(id);
  const known = connection.sessionPresent && before?.expiryS === expiryS && before.endsAtMs === 0;
  if (!known) client.save(session);
  connection.will = request.will;
  if (request.will !== undefined && client.kept) clients.wills.arm(id, session.user, request.will);
  return before !== undefined || client.kept;
}

/** What is agreed with a client of 5.0. */
function agree(connection: Connection, session: Session, request: Connect, wishes: ConnectProperties): void {
  const { adapter, broker, client } = connection;
  const { limits } = adapter;
  connection.terms = new Terms(wishes, client.expiryS, limits.receiveMax, limits.topicAliasMax);
  connection.reader.properties = true;
  connection.form5 = new PublishEncoder5(adapter, session, wishes.packetSizeMax, wishes.topicAliasMax, broker.clock);
  connection.keepAliveAsked = request.keepAliveS;
  connection.identifierAssigned = request.clientId === '';
}

/** Writes CONNACK 0. 3.1 has no session present flag. */
export function finishConnect(connection: Connection): void {
  const { level, output, sessionPresent, terms } = connection;
  if (terms === null) {
    writeConnack(output, sessionPresent && level !== LEVEL_3_1, CONNECTION_ACCEPTED);
    return;
  }
  writeConnack5(output, sessionPresent, SUCCESS, connackOf(connection, terms));
}

/** What may be left out of CONNACK, one after the other, if it is longer than the client takes [MQTT5-3.1.2-24]. */
const LEAVES_OUT = ['nothing', 'response information', 'topic aliases', 'packet size'] as const;

/** The properties of CONNACK 0; null if there is no room for what the client must be told. */
function connackOf(connection: Connection, terms: Terms): PropertyWriter | null {
  for (let out = 0; out < LEAVES_OUT.length; out++) {
    const writer = writeAgreed(connection, terms, out);
    if (connackBytes(writer) <= connection.packetSizeMax) return writer;
  }
  return null;
}

/** @param out how many of `LEAVES_OUT` are left out */
function writeAgreed(connection: Connection, terms: Terms, out: number): PropertyWriter {
  const { adapter, authentication, client } = connection;
  const { limits, writer } = adapter;
  const { wishes } = terms;
  writer.clear();
  if (terms.sessionExpiryS !== wishes.sessionExpiryS) writer.integer(SESSION_EXPIRY, terms.sessionExpiryS);
  if (limits.receiveMax < 65_535) writer.integer(RECEIVE_MAXIMUM, limits.receiveMax);
  if (out < 3) writer.integer(MAXIMUM_PACKET_SIZE, limits.packetSizeMax + FIXED_HEADER_BYTES_MAX);
  if (out < 2 && limits.topicAliasMax > 0) writer.integer(TOPIC_ALIAS_MAXIMUM, limits.topicAliasMax);
  if (connection.identifierAssigned) writer.field(ASSIGNED_CLIENT_IDENTIFIER, client.id);
  if (connection.keepAliveS !== connection.keepAliveAsked) writer.integer(SERVER_KEEP_ALIVE, connection.keepAliveS);
  if (out < 1 && wishes.wantsResponseInformation && limits.responseTopicPrefix !== '') {
    writer.field(RESPONSE_INFORMATION, limits.responseTopicPrefix + client.id);
  }
  if (authentication !== null) {
    writer.field(AUTHENTICATION_METHOD, authentication.method); // [MQTT5-4.12.0-5]
    if (authentication.data !== undefined) writer.field(AUTHENTICATION_DATA, authentication.data);
  }
  return writer;
}

/** Packet sizes are counted whole; the bound is on what follows the fixed header. */
const FIXED_HEADER_BYTES_MAX = 5;
