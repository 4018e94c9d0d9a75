/** CONNECT [MQTT 3.1.1, section 3.1] and its answer. */
import { randomUUID } from 'node:crypto';
import type { Refusal } from '../../../src/api.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import type { Session } from '../../../src/session.ts';
import { type Connect, decodeConnect, decodeLevel } from '../codec/decode.ts';
import { writeConnack, writeConnack5 } from '../codec/encode.ts';
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
import { type Connection, HOLD_OPENING } from '../connection.ts';
import { splitUserName } from '../mapping.ts';
import { CLIENT_ID_BYTES_MAX } from '../options.ts';
import { ClientSession } from '../session/client.ts';
import { clientsOf } from '../session/registry.ts';
import { getSession } from '../session/store.ts';

/** MQTT 5's reason code "unsupported protocol version". */
const UNSUPPORTED_PROTOCOL_VERSION_5 = 0x84;

export function connect(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const level = decodeLevel(buffer, start, end);
  if (level !== LEVEL_3_1_1 && level !== LEVEL_3_1) {
    // [MQTT-3.1.2-2]; a client of version 5 reads only its own form.
    if (level === LEVEL_5) writeConnack5(connection.output, UNSUPPORTED_PROTOCOL_VERSION_5);
    else writeConnack(connection.output, false, UNACCEPTABLE_PROTOCOL_VERSION);
    connection.refuse();
    return;
  }
  const request = decodeConnect(buffer, start, end, connection.adapter.limits.topicLevelsMax);
  connection.level = level;
  // A client that gives no identifier cannot come back to its session [MQTT-3.1.3-8]; 3.1 wants one in any case.
  const unnamed = request.clientId === '';
  if (
    (unnamed && (!request.clean || level === LEVEL_3_1)) ||
    Buffer.byteLength(request.clientId) > CLIENT_ID_BYTES_MAX
  ) {
    refuse(connection, IDENTIFIER_REJECTED);
    return;
  }
  connection.hold(HOLD_OPENING);
  const { vhost, user } = splitUserName(request.user);
  const { address, port } = connection.transport.remote;
  connection.broker.open(
    {
      client: `mqtt ${address}:${port}`,
      loopback: connection.transport.loopback,
      user,
      password: request.password,
      vhost,
    },
    connection,
    (result) => {
      if (connection.closing) {
        if (!('refused' in result)) result.close(true);
      } else if ('refused' in result) refuse(connection, returnCodeOf(result));
      else admit(connection, result, request);
    },
  );
}

function returnCodeOf(refusal: Refusal): number {
  switch (refusal.refused) {
    // The user name names the vhost, so a wrong one is a wrong user name.
    case 'credentials':
    case 'vhost-not-found':
      return BAD_USER_NAME_OR_PASSWORD;
    case 'forbidden':
      return NOT_AUTHORIZED;
    case 'unavailable':
      return SERVER_UNAVAILABLE;
  }
}

function refuse(connection: Connection, returnCode: number): void {
  writeConnack(connection.output, false, returnCode); // session present is 0 [MQTT-3.2.2-4]
  connection.refuse();
}

/** The client is who it says: finds or makes its session, then answers once that is safe. */
function admit(connection: Connection, session: Session, request: Connect): void {
  connection.session = session;
  try {
    const stored = openSession(connection, session, request);
    connection.keepAlive(request.keepAliveS);
    connection.will = request.will;
    if (request.clean && !stored) connection.established();
    else connection.answer(CONNACK, 0, session.mark());
  } catch (error) {
    // Nothing was promised yet, and the will not taken.
    if (error instanceof BrokerError) refuse(connection, SERVER_UNAVAILABLE);
    else connection.fail(error);
  }
}

/** Returns whether something durable was there or was made. */
function openSession(connection: Connection, session: Session, request: Connect): boolean {
  const { adapter } = connection;
  const clients = clientsOf(connection.broker, session);
  const id = request.clientId === '' ? `auto-${randomUUID()}` : request.clientId;
  let client = clients.clients.get(id);
  client?.host?.takenOver();
  client = clients.clients.get(id); // a clean session has just ended
  const stored = getSession(clients.state, id) !== undefined;
  if (client === undefined && stored) {
    client = new ClientSession(adapter, clients, id, true);
    client.restore(session);
  }
  if (request.clean && client !== undefined) {
    session.beginUnit();
    try {
      client.end(session, true); // [MQTT-3.1.2-6]
    } finally {
      session.endUnit();
    }
    client = undefined;
  }
  connection.sessionPresent = client !== undefined; // [MQTT-3.2.2-1] [MQTT-3.2.2-2]
  client ??= new ClientSession(adapter, clients, id, !request.clean);
  client.host = connection;
  connection.client = client;
  clients.clients.set(id, client);
  if (!stored) client.save(session);
  return stored || client.kept;
}

/** Writes CONNACK 0. 3.1 has no session present flag. */
export function finishConnect(connection: Connection): void {
  writeConnack(connection.output, connection.sessionPresent && connection.level !== LEVEL_3_1, CONNECTION_ACCEPTED);
}
