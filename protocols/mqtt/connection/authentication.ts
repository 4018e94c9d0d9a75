/**
 * Enhanced authentication [MQTT 5.0, section 4.12]: the client names a mechanism in CONNECT, and AUTH packets go back and
 * forth until the broker knows who it is. A connected client may prove itself anew with the same mechanism.
 *
 *     client                          broker
 *     CONNECT method, data   ──▶
 *                            ◀──      AUTH 0x18 method, data      } as often as the mechanism needs
 *     AUTH 0x18 method, data ──▶                                  }
 *                            ◀──      CONNACK 0 method, data
 *
 *     AUTH 0x19 method, data ──▶      …the same, ending with AUTH 0 instead of CONNACK
 */
import type { AuthExchange, AuthStep, Credentials } from '../../../src/api/index.ts';
import type { Connect } from '../codec/connect.ts';
import { decodeAuth } from '../codec/disconnect-auth.ts';
import { writeAuth } from '../codec/encode5.ts';
import { AUTH, DISCONNECT, MalformedPacket } from '../codec/packet.ts';
import {
  BAD_AUTHENTICATION_METHOD,
  CONTINUE_AUTHENTICATION,
  NOT_AUTHORIZED_5,
  PACKET_TOO_LARGE,
  PROTOCOL_ERROR,
  REAUTHENTICATE,
  SUCCESS,
} from '../codec/reasons.ts';
import type { Connection } from './connection.ts';
import { HOLD_OPENING } from './intake.ts';
import { admit, credentialsOf, reasonOf, refuse } from './opening.ts';

const NOTHING = Buffer.alloc(0);

/** What a connection with a method is about, and has proved. */
export interface Authentication {
  readonly method: string;
  /** Null when none is under way. */
  exchange: AuthExchange | null;
  /** The CONNECT that waits for it; null for one that is connected. */
  request: Connect | null;
  readonly credentials: Credentials;
  readonly vhost: string | undefined;
  /** The last word of the first exchange, for CONNACK. */
  data: Buffer | undefined;
}

/** CONNECT names a method. */
export function beginAuthentication(connection: Connection, request: Connect): void {
  const { authMethod, authData } = request.properties!;
  const { credentials, vhost } = credentialsOf(connection, request);
  const exchange = connection.broker.beginAuthentication(authMethod!, credentials);
  if (exchange === undefined) {
    refuse(connection, BAD_AUTHENTICATION_METHOD);
    return;
  }
  connection.authentication = { method: authMethod!, exchange, request, credentials, vhost, data: undefined };
  step(connection, connection.authentication, authData ?? NOTHING);
}

/** A packet while CONNECT waits for its authentication: AUTH and DISCONNECT are all that may come [MQTT5-3.1.2-30]. */
export function authenticating(
  connection: Connection,
  first: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (first === DISCONNECT << 4) {
    connection.left(false);
    return;
  }
  if (first !== AUTH << 4) throw new MalformedPacket('neither AUTH nor DISCONNECT [MQTT5-3.1.2-30]', PROTOCOL_ERROR);
  const { reason, method, data } = decodeAuth(buffer, start, end);
  const authentication = connection.authentication!;
  if (reason !== CONTINUE_AUTHENTICATION || method !== authentication.method) {
    throw new MalformedPacket('an AUTH of another method or reason [MQTT5-4.12.0-5]', PROTOCOL_ERROR);
  }
  step(connection, authentication, data ?? NOTHING);
}

/** AUTH from a client that is connected. */
export function auth(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { reason, method, data } = decodeAuth(buffer, start, end);
  const { authentication } = connection;
  if (authentication === null || method !== authentication.method) {
    throw new MalformedPacket('a method that CONNECT did not have [MQTT5-4.12.1-1]', PROTOCOL_ERROR);
  }
  if (reason === REAUTHENTICATE) {
    const { credentials } = authentication;
    authentication.exchange = connection.broker.beginAuthentication(method, credentials) ?? null;
  } else if (reason !== CONTINUE_AUTHENTICATION) throw new MalformedPacket('an AUTH that ends', PROTOCOL_ERROR);
  if (authentication.exchange === null) throw new MalformedPacket('an AUTH out of place', PROTOCOL_ERROR);
  step(connection, authentication, data ?? NOTHING);
}

function step(connection: Connection, authentication: Authentication, data: Buffer): void {
  connection.intake.hold(HOLD_OPENING);
  authentication.exchange!.step(data, (result) => {
    if (connection.closing) return;
    if (authentication.request !== null) stepped(connection, authentication, authentication.request, result);
    else steppedAgain(connection, authentication, result);
  });
}

function stepped(connection: Connection, authentication: Authentication, request: Connect, result: AuthStep): void {
  if ('challenge' in result) {
    if (say(connection, CONTINUE_AUTHENTICATION, authentication.method, result.challenge)) connection.challenged();
    return;
  }
  authentication.exchange = null;
  authentication.request = null;
  if ('refused' in result) {
    refuse(connection, reasonOf(result));
    return;
  }
  authentication.data = result.data;
  const entered = connection.broker.enter(result.identity, authentication.vhost, connection);
  if ('refused' in entered) refuse(connection, reasonOf(entered));
  else admit(connection, entered, request);
}

function steppedAgain(connection: Connection, authentication: Authentication, result: AuthStep): void {
  if ('challenge' in result) {
    say(connection, CONTINUE_AUTHENTICATION, authentication.method, result.challenge);
  } else {
    authentication.exchange = null;
    // Whoever proves to be somebody else has a session that is not theirs.
    if ('refused' in result || result.identity.user !== connection.session.user) {
      connection.broken('not authenticated again [MQTT5-4.12.1-2]', NOT_AUTHORIZED_5);
      return;
    }
    say(connection, SUCCESS, authentication.method, result.data);
  }
  connection.intake.unhold(HOLD_OPENING);
}

/** False if the client takes no packet as long as that: then the connection has ended. */
function say(connection: Connection, reason: number, method: string, data: Buffer | undefined): boolean {
  const { adapter, output, packetSizeMax } = connection;
  if (writeAuth(output, reason, method, data, adapter.writer, packetSizeMax)) return true;
  connection.fail(new MalformedPacket('an AUTH longer than the client takes', PACKET_TOO_LARGE));
  return false;
}
