/**
 * CONNECT [MQTT 3.1.1 and 5.0, section 3.1]:
 *
 *     2 + n  protocol name, `MQTT` or `MQIsdp`
 *     1      protocol level
 *     1      flags: user name, password, will retain, will QoS (2 bits), will, clean session, reserved 0
 *     2      keep alive, seconds
 *     m      properties         } 5.0 only
 *     2 + n  client identifier
 *     m      will properties    } if the will flag is set; 5.0 only
 *     2 + n  will topic         } if the will flag is set
 *     2 + n  will message       }
 *     2 + n  user name            if its flag is set
 *     2 + n  password             if its flag is set
 *
 * It throws MalformedPacket on anything that the specification forbids or that does not add up to the last byte, and
 * decides nothing about sessions or permissions.
 */
import { fieldEnd, text, u16 } from './fields.ts';
import { CONNECT, LEVEL_3_1, LEVEL_3_1_1, LEVEL_5, MalformedPacket } from './packet.ts';
import { MessageProperties, NO_PROPERTIES } from './properties/message-properties.ts';
import { PropertyReader, propertiesEnd, propertiesStart } from './properties/property-reader.ts';
import {
  AUTHENTICATION_DATA,
  AUTHENTICATION_METHOD,
  MAXIMUM_PACKET_SIZE,
  RECEIVE_MAXIMUM,
  REQUEST_PROBLEM_INFORMATION,
  REQUEST_RESPONSE_INFORMATION,
  SESSION_EXPIRY,
  TOPIC_ALIAS_MAXIMUM,
  WILL,
} from './properties/property-table.ts';
import { checkTopicName, type Qos } from './publish.ts';
import { PROTOCOL_ERROR } from './reasons.ts';

export interface Will {
  readonly topic: Buffer;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Seconds to wait after the connection is lost; 0 before 5.0. */
  readonly delayS: number;
  readonly properties: MessageProperties;
}

/** A session that is kept for good. */
export const EXPIRY_NEVER_S = 0xffff_ffff;

/** The properties of a CONNECT of 5.0 [MQTT5 3.1.2.11], defaults filled in. */
export interface ConnectProperties {
  /** Seconds that the session outlives its connection; EXPIRY_NEVER_S for good. */
  readonly sessionExpiryS: number;
  /** QoS 1 and 2 messages the client takes unanswered. */
  readonly receiveMax: number;
  /** The longest packet the client takes, whole. */
  readonly packetSizeMax: number;
  /** The highest topic alias the client takes; 0: none. */
  readonly topicAliasMax: number;
  readonly wantsResponseInformation: boolean;
  /** May be sent reason strings and user properties wherever the specification has room for them. */
  readonly wantsProblemInformation: boolean;
  readonly authMethod: string | undefined;
  readonly authData: Buffer | undefined;
}

export interface Connect {
  readonly level: number;
  /** @see Version */
  readonly bridge: boolean;
  readonly clean: boolean;
  /** Seconds, 0 for none. */
  readonly keepAliveS: number;
  readonly clientId: string;
  readonly will: Will | undefined;
  readonly user: string | undefined;
  readonly password: Buffer | undefined;
  /** Undefined before 5.0. */
  readonly properties: ConnectProperties | undefined;
}

/** The protocol version that a CONNECT asks for. */
export interface Version {
  /** LEVEL_3_1, LEVEL_3_1_1 or LEVEL_5; 0 for one that there is not. */
  readonly level: number;
  /** The highest bit of the level is set: before 5.0, that is how a bridge between brokers says what it is. */
  readonly bridge: boolean;
}

const BRIDGE_BIT = 0x80;

/**
 * Looks no further: what follows the version depends on it. An unknown protocol name is malformed [MQTT-3.1.2-1]; each of
 * the two names has levels of its own. A bridge of 5.0 says by its subscriptions what it wants, and has no level of its own.
 */
export function decodeVersion(buffer: Buffer, start: number, end: number): Version {
  const nameEnd = start + 2 + u16(buffer, start, end);
  if (nameEnd + 1 > end) throw new MalformedPacket('a CONNECT that ends within its protocol name');
  const name = buffer.toString('latin1', start + 2, nameEnd);
  if (name !== 'MQTT' && name !== 'MQIsdp') throw new MalformedPacket('an unknown protocol name [MQTT-3.1.2-1]');
  const asked = buffer[nameEnd]!;
  const level = asked & ~BRIDGE_BIT;
  const known = name === 'MQIsdp' ? level === LEVEL_3_1 : level === LEVEL_3_1_1 || asked === LEVEL_5;
  return { level: known ? level : 0, bridge: known && asked !== level };
}

/** Bounds on a will. */
export interface WillLimits {
  readonly topicLevelsMax: number;
  readonly propertiesSizeMax: number;
}

export function decodeConnect(buffer: Buffer, start: number, end: number, limits: WillLimits): Connect {
  const { level, bridge } = decodeVersion(buffer, start, end);
  let at = start + 3 + u16(buffer, start, end);
  if (at + 3 > end) throw new MalformedPacket('a CONNECT that ends within its header');
  const flags = buffer[at]!;
  const keepAliveS = (buffer[at + 1]! << 8) | buffer[at + 2]!;
  at += 3;
  if ((flags & 0x01) !== 0) throw new MalformedPacket('the reserved flag of CONNECT is set [MQTT-3.1.2-3]');
  const willFlag = (flags & 0x04) !== 0;
  const willQos = (flags >> 3) & 3;
  if (!willFlag && (flags & 0x38) !== 0) throw new MalformedPacket('will flags without a will [MQTT-3.1.2-11]');
  if (willQos === 3) throw new MalformedPacket('will QoS 3 [MQTT-3.1.2-14]');
  const userFlag = (flags & 0x80) !== 0;
  const passwordFlag = (flags & 0x40) !== 0;
  if (passwordFlag && !userFlag && level !== LEVEL_5) {
    throw new MalformedPacket('a password without a user name [MQTT-3.1.2-22]');
  }
  let properties: ConnectProperties | undefined;
  if (level === LEVEL_5) {
    const propsEnd = propertiesEnd(buffer, at, end);
    properties = decodeConnectProperties(buffer, propertiesStart(buffer, at), propsEnd);
    at = propsEnd;
  }

  const idEnd = fieldEnd(buffer, at, end);
  const clientId = text(buffer, at + 2, idEnd, 'client identifier [MQTT-3.1.3-4]');
  at = idEnd;

  let will: Will | undefined;
  if (willFlag) {
    let willProperties = NO_PROPERTIES;
    if (level === LEVEL_5) {
      const propsEnd = propertiesEnd(buffer, at, end);
      const taken = new MessageProperties();
      taken.take(new PropertyReader(), buffer, propertiesStart(buffer, at), propsEnd, WILL, limits.propertiesSizeMax);
      willProperties = taken;
      at = propsEnd;
    }
    const topicEnd = fieldEnd(buffer, at, end);
    checkTopicName(buffer, at + 2, topicEnd, limits.topicLevelsMax);
    const payloadEnd = fieldEnd(buffer, topicEnd, end);
    // Copies: the will outlives the chunk it came in.
    will = {
      topic: Buffer.from(buffer.subarray(at + 2, topicEnd)),
      payload: Buffer.from(buffer.subarray(topicEnd + 2, payloadEnd)),
      qos: willQos as Qos,
      retain: (flags & 0x20) !== 0,
      delayS: willProperties.willDelayS,
      properties: willProperties.copy(),
    };
    at = payloadEnd;
  }
  let user: string | undefined;
  if (userFlag) {
    const userEnd = fieldEnd(buffer, at, end);
    user = text(buffer, at + 2, userEnd, 'user name [MQTT-3.1.3-11]');
    at = userEnd;
  }
  let password: Buffer | undefined;
  if (passwordFlag) {
    const passwordEnd = fieldEnd(buffer, at, end);
    password = Buffer.from(buffer.subarray(at + 2, passwordEnd));
    at = passwordEnd;
  }
  if (at !== end) throw new MalformedPacket('a CONNECT longer than its fields');
  return { level, bridge, clean: (flags & 0x02) !== 0, keepAliveS, clientId, will, user, password, properties };
}

function decodeConnectProperties(buffer: Buffer, start: number, end: number): ConnectProperties {
  let sessionExpiryS = 0;
  let receiveMax = 65_535;
  let packetSizeMax = 0xffff_ffff;
  let topicAliasMax = 0;
  let wantsResponseInformation = false;
  let wantsProblemInformation = true;
  let authMethod: string | undefined;
  let authData: Buffer | undefined;
  const reader = new PropertyReader();
  reader.begin(buffer, start, end, CONNECT);
  while (reader.next()) {
    switch (reader.id) {
      case SESSION_EXPIRY:
        sessionExpiryS = reader.number;
        break;
      case RECEIVE_MAXIMUM:
        receiveMax = reader.number;
        break;
      case MAXIMUM_PACKET_SIZE:
        packetSizeMax = reader.number;
        break;
      case TOPIC_ALIAS_MAXIMUM:
        topicAliasMax = reader.number;
        break;
      case REQUEST_RESPONSE_INFORMATION:
        wantsResponseInformation = reader.number === 1;
        break;
      case REQUEST_PROBLEM_INFORMATION:
        wantsProblemInformation = reader.number === 1;
        break;
      case AUTHENTICATION_METHOD:
        authMethod = buffer.toString('utf8', reader.start, reader.end);
        break;
      case AUTHENTICATION_DATA:
        authData = Buffer.from(buffer.subarray(reader.start, reader.end));
        break;
      default: // user properties of CONNECT have no meaning of their own
    }
  }
  if (authData !== undefined && authMethod === undefined) {
    throw new MalformedPacket('authentication data without a method [MQTT5 3.1.2.11.10]', PROTOCOL_ERROR);
  }
  return {
    sessionExpiryS,
    receiveMax,
    packetSizeMax,
    topicAliasMax,
    wantsResponseInformation,
    wantsProblemInformation,
    authMethod,
    authData,
  };
}
