/**
 * DISCONNECT [section 3.14] and AUTH [MQTT 5.0, section 3.15] from a client. Both have the same form in 5.0:
 *
 *     1  reason code      may be left out, with all that follows: 0
 *     m  properties       may be left out: none
 *
 * In 3.1.1 a DISCONNECT is empty.
 */
import { AUTH, DISCONNECT, MalformedPacket } from './packet.ts';
import { PropertyReader, propertiesEnd, propertiesStart } from './properties/property-reader.ts';
import {
  AUTHENTICATION_DATA,
  AUTHENTICATION_METHOD,
  SERVER_REFERENCE,
  SESSION_EXPIRY,
} from './properties/property-table.ts';
import {
  ADMINISTRATIVE_ACTION,
  CONTINUE_AUTHENTICATION,
  DISCONNECT_WITH_WILL,
  IMPLEMENTATION_SPECIFIC_ERROR,
  MESSAGE_RATE_TOO_HIGH,
  NORMAL_DISCONNECTION,
  PACKET_TOO_LARGE,
  PAYLOAD_FORMAT_INVALID,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
  REAUTHENTICATE,
  RECEIVE_MAXIMUM_EXCEEDED,
  SUCCESS,
  TOPIC_ALIAS_INVALID,
  TOPIC_NAME_INVALID,
  UNSPECIFIED_ERROR,
} from './reasons.ts';

/** What a client may say when it leaves [MQTT 5.0, table 3-10]. */
const DISCONNECT_REASONS: ReadonlySet<number> = new Set([
  NORMAL_DISCONNECTION,
  DISCONNECT_WITH_WILL,
  UNSPECIFIED_ERROR,
  0x81,
  PROTOCOL_ERROR,
  IMPLEMENTATION_SPECIFIC_ERROR,
  TOPIC_NAME_INVALID,
  RECEIVE_MAXIMUM_EXCEEDED,
  TOPIC_ALIAS_INVALID,
  PACKET_TOO_LARGE,
  MESSAGE_RATE_TOO_HIGH,
  QUOTA_EXCEEDED,
  ADMINISTRATIVE_ACTION,
  PAYLOAD_FORMAT_INVALID,
]);
const AUTH_REASONS: ReadonlySet<number> = new Set([SUCCESS, CONTINUE_AUTHENTICATION, REAUTHENTICATE]);

export interface Disconnect {
  readonly reason: number;
  /** Seconds, undefined to leave it as CONNECT had it. */
  readonly sessionExpiryS: number | undefined;
}

export function decodeDisconnect(buffer: Buffer, start: number, end: number): Disconnect {
  let sessionExpiryS: number | undefined;
  const reader = open(DISCONNECT, DISCONNECT_REASONS, buffer, start, end);
  while (reader?.next()) {
    if (reader.id === SESSION_EXPIRY) sessionExpiryS = reader.number;
    else if (reader.id === SERVER_REFERENCE) {
      throw new MalformedPacket('a server reference from a client [MQTT5 3.14.2.2.5]', PROTOCOL_ERROR);
    }
  }
  return { reason: start === end ? NORMAL_DISCONNECTION : buffer[start]!, sessionExpiryS };
}

export interface Auth {
  readonly reason: number;
  readonly method: string;
  readonly data: Buffer | undefined;
}

export function decodeAuth(buffer: Buffer, start: number, end: number): Auth {
  let method: string | undefined;
  let data: Buffer | undefined;
  const reader = open(AUTH, AUTH_REASONS, buffer, start, end);
  while (reader?.next()) {
    if (reader.id === AUTHENTICATION_METHOD) method = buffer.toString('utf8', reader.start, reader.end);
    else if (reader.id === AUTHENTICATION_DATA) data = Buffer.from(buffer.subarray(reader.start, reader.end));
  }
  if (method === undefined) {
    throw new MalformedPacket('an AUTH without a method [MQTT5 3.15.2.2.2]', PROTOCOL_ERROR);
  }
  return { reason: start === end ? SUCCESS : buffer[start]!, method, data };
}

/** Checks the reason code and the frame of the properties; undefined if there are none. */
function open(
  type: number,
  reasons: ReadonlySet<number>,
  buffer: Buffer,
  start: number,
  end: number,
): PropertyReader | undefined {
  if (start === end) return undefined;
  const reason = buffer[start]!;
  if (!reasons.has(reason)) {
    throw new MalformedPacket(`reason code 0x${reason.toString(16)} in packet type ${type}`, PROTOCOL_ERROR);
  }
  if (end - start === 1) return undefined;
  const propsEnd = propertiesEnd(buffer, start + 1, end);
  if (propsEnd !== end) throw new MalformedPacket(`a packet of type ${type} longer than its fields`);
  const reader = new PropertyReader();
  reader.begin(buffer, propertiesStart(buffer, start + 1), propsEnd, type);
  return reader;
}
