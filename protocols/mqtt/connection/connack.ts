/**
 * CONNACK [section 3.2]: a refusal, in the form of the client's version (a return code before 5.0, a reason code from then
 * on), or an acceptance with what the client has to know.
 */
import type { Output } from '../../../src/api/index.ts';
import type { Connect } from '../codec/connect.ts';
import { writeConnack } from '../codec/encode.ts';
import { connackBytes, writeConnack5 } from '../codec/encode5.ts';
import {
  BAD_USER_NAME_OR_PASSWORD,
  CONNECTION_ACCEPTED,
  IDENTIFIER_REJECTED,
  LEVEL_3_1,
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
  RECEIVE_MAXIMUM,
  RESPONSE_INFORMATION,
  SERVER_KEEP_ALIVE,
  SERVER_REFERENCE,
  SESSION_EXPIRY,
  TOPIC_ALIAS_MAXIMUM,
} from '../codec/properties/property-table.ts';
import type { PropertyWriter } from '../codec/properties/property-writer.ts';
import {
  BAD_USER_NAME_OR_PASSWORD_5,
  CLIENT_IDENTIFIER_NOT_VALID,
  NOT_AUTHORIZED_5,
  SUCCESS,
  UNSUPPORTED_PROTOCOL_VERSION_5,
} from '../codec/reasons.ts';
import type { AdapterContext } from '../context.ts';
import type { Authentication } from './authentication.ts';
import type { NegotiatedOptions } from './negotiated-options.ts';

/** The return codes of 3.1 and 3.1.1, by reason. */
const RETURN_CODES: ReadonlyMap<number, number> = new Map([
  [UNSUPPORTED_PROTOCOL_VERSION_5, UNACCEPTABLE_PROTOCOL_VERSION],
  [CLIENT_IDENTIFIER_NOT_VALID, IDENTIFIER_REJECTED],
  [BAD_USER_NAME_OR_PASSWORD_5, BAD_USER_NAME_OR_PASSWORD],
  [NOT_AUTHORIZED_5, NOT_AUTHORIZED],
]);

/** Packet sizes are counted whole; the bound is on what follows the fixed header. */
const FIXED_HEADER_BYTES_MAX = 5;

/**
 * Writes a refusal; to a client of 5.0 nothing, if it takes no packet as long as that.
 * @param level 0 for one that there is not
 * @param reason a reason code of 5.0
 */
export function writeRefusal(
  context: AdapterContext,
  output: Output,
  level: number,
  packetSizeMax: number,
  reason: number,
): void {
  // Session present is 0 [MQTT-3.2.2-4].
  if (level !== LEVEL_5) {
    writeConnack(output, false, RETURN_CODES.get(reason) ?? SERVER_UNAVAILABLE);
    return;
  }
  const { limits, writer } = context;
  writer.clear();
  if (limits.redirect !== null) writer.field(SERVER_REFERENCE, limits.redirect.to);
  if (connackBytes(writer) > packetSizeMax) writer.clear();
  if (connackBytes(writer) <= packetSizeMax) writeConnack5(output, false, reason, writer);
}

/** What an acceptance says. */
export interface Acceptance {
  readonly request: Connect;
  readonly options: NegotiatedOptions;
  /** The client's own identifier, or the one that it is given. */
  readonly clientId: string;
  readonly sessionPresent: boolean;
  readonly authentication: Authentication | null;
}

/** Whether the client takes a CONNACK with what it must be told. */
export function acceptanceFits(context: AdapterContext, acceptance: Acceptance): boolean {
  return !acceptance.options.v5 || propertiesOf(context, acceptance) !== null;
}

/** Writes CONNACK 0, which fits. 3.1 has no session present flag. */
export function writeAcceptance(context: AdapterContext, output: Output, acceptance: Acceptance): void {
  const { options, sessionPresent } = acceptance;
  if (options.v5) writeConnack5(output, sessionPresent, SUCCESS, propertiesOf(context, acceptance));
  else writeConnack(output, sessionPresent && options.level !== LEVEL_3_1, CONNECTION_ACCEPTED);
}

/** What may be left out of CONNACK, one after the other, if it is longer than the client takes [MQTT5-3.1.2-24]. */
const LEAVES_OUT = ['nothing', 'response information', 'topic aliases', 'packet size'] as const;

/** The properties of CONNACK 0; null if there is no room for what the client must be told. */
function propertiesOf(context: AdapterContext, acceptance: Acceptance): PropertyWriter | null {
  for (let out = 0; out < LEAVES_OUT.length; out++) {
    const writer = writeProperties(context, acceptance, out);
    if (connackBytes(writer) <= acceptance.options.asked.packetSizeMax) return writer;
  }
  return null;
}

/** @param out how many of `LEAVES_OUT` are left out */
function writeProperties(context: AdapterContext, acceptance: Acceptance, out: number): PropertyWriter {
  const { limits, writer } = context;
  const { authentication, clientId, options, request } = acceptance;
  const { asked, keepAliveS, sessionExpiryS } = options;
  writer.clear();
  if (sessionExpiryS !== asked.sessionExpiryS) writer.integer(SESSION_EXPIRY, sessionExpiryS);
  if (limits.receiveMax < 65_535) writer.integer(RECEIVE_MAXIMUM, limits.receiveMax);
  if (out < 3) writer.integer(MAXIMUM_PACKET_SIZE, limits.packetSizeMax + FIXED_HEADER_BYTES_MAX);
  if (out < 2 && limits.topicAliasMax > 0) writer.integer(TOPIC_ALIAS_MAXIMUM, limits.topicAliasMax);
  if (request.clientId === '') writer.field(ASSIGNED_CLIENT_IDENTIFIER, clientId);
  if (keepAliveS !== request.keepAliveS) writer.integer(SERVER_KEEP_ALIVE, keepAliveS);
  if (out < 1 && asked.wantsResponseInformation && limits.responseTopicPrefix !== '') {
    writer.field(RESPONSE_INFORMATION, limits.responseTopicPrefix + clientId);
  }
  if (authentication !== null) {
    writer.field(AUTHENTICATION_METHOD, authentication.method); // [MQTT5-4.12.0-5]
    if (authentication.data !== undefined) writer.field(AUTHENTICATION_DATA, authentication.data);
  }
  return writer;
}
