/**
 * The table of the properties of MQTT 5.0 [section 2.2.2]: identifiers, types, which packet may have which, and what its
 * number may be. `PropertyReader` and `PropertyWriter` go by it.
 *
 *     +------------------------+ +----+-------+ +----+-------+
 *     | length, 1 to 4 bytes   | | id | value | | id | value | …
 *     +------------------------+ +----+-------+ +----+-------+
 *                                     by type:  byte      1 byte
 *                                               u16, u32  2, 4 bytes, most significant first
 *                                               varint    1 to 4 bytes
 *                                               text      2 bytes of length, UTF-8
 *                                               binary    2 bytes of length, any bytes
 *                                               pair      two texts: name, value
 *
 *      id  name                              type    in
 *      01  payload format indicator          byte    PUBLISH, will
 *      02  message expiry interval           u32     PUBLISH, will
 *      03  content type                      text    PUBLISH, will
 *      08  response topic                    text    PUBLISH, will
 *      09  correlation data                  binary  PUBLISH, will
 *      0b  subscription identifier           varint  PUBLISH (from a server, several), SUBSCRIBE
 *      11  session expiry interval           u32     CONNECT, CONNACK, DISCONNECT
 *      12  assigned client identifier        text    CONNACK
 *      13  server keep alive                 u16     CONNACK
 *      15  authentication method             text    CONNECT, CONNACK, AUTH
 *      16  authentication data               binary  CONNECT, CONNACK, AUTH
 *      17  request problem information       byte    CONNECT
 *      18  will delay interval               u32     will
 *      19  request response information      byte    CONNECT
 *      1a  response information              text    CONNACK
 *      1c  server reference                  text    CONNACK, DISCONNECT
 *      1f  reason string                     text    CONNACK, PUBACK to PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH
 *      21  receive maximum                   u16     CONNECT, CONNACK
 *      22  topic alias maximum               u16     CONNECT, CONNACK
 *      23  topic alias                       u16     PUBLISH
 *      24  maximum QoS                       byte    CONNACK
 *      25  retain available                  byte    CONNACK
 *      26  user property                     pair    all, any number of them, in order
 *      27  maximum packet size               u32     CONNECT, CONNACK
 *      28  wildcard subscription available   byte    CONNACK
 *      29  subscription identifier available byte    CONNACK
 *      2a  shared subscription available     byte    CONNACK
 */
import {
  AUTH,
  CONNACK,
  CONNECT,
  DISCONNECT,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBACK,
  SUBSCRIBE,
  UNSUBACK,
  UNSUBSCRIBE,
} from '../packet.ts';

export const PAYLOAD_FORMAT = 0x01;
export const MESSAGE_EXPIRY = 0x02;
export const CONTENT_TYPE = 0x03;
export const RESPONSE_TOPIC = 0x08;
export const CORRELATION_DATA = 0x09;
export const SUBSCRIPTION_IDENTIFIER = 0x0b;
export const SESSION_EXPIRY = 0x11;
export const ASSIGNED_CLIENT_IDENTIFIER = 0x12;
export const SERVER_KEEP_ALIVE = 0x13;
export const AUTHENTICATION_METHOD = 0x15;
export const AUTHENTICATION_DATA = 0x16;
export const REQUEST_PROBLEM_INFORMATION = 0x17;
export const WILL_DELAY = 0x18;
export const REQUEST_RESPONSE_INFORMATION = 0x19;
export const RESPONSE_INFORMATION = 0x1a;
export const SERVER_REFERENCE = 0x1c;
export const REASON_STRING = 0x1f;
export const RECEIVE_MAXIMUM = 0x21;
export const TOPIC_ALIAS_MAXIMUM = 0x22;
export const TOPIC_ALIAS = 0x23;
export const MAXIMUM_QOS = 0x24;
export const RETAIN_AVAILABLE = 0x25;
export const USER_PROPERTY = 0x26;
export const MAXIMUM_PACKET_SIZE = 0x27;
export const WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28;
export const SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29;
export const SHARED_SUBSCRIPTION_AVAILABLE = 0x2a;

/** Where a will's properties are: in CONNECT, but not CONNECT's own. Packet types use the places 1 to 15. */
export const WILL = 0;

/** Types of values; ABSENT where there is no such property. From TEXT on a value has a length of its own. */
export const ABSENT = 0;
export const BYTE = 1;
export const U16 = 2;
export const U32 = 3;
export const VARINT = 4;
export const TEXT = 5;
export const BINARY = 6;
export const PAIR = 7;

/** Identifiers are below this. */
export const IDS = 0x2b;
/** By identifier: the type of its value. */
export const TYPES = new Uint8Array(IDS);
/** By identifier: a bit for each packet type that may have it. */
export const PACKETS = new Uint16Array(IDS);
/** By identifier: what a number may be. */
export const MINIMUM = new Uint8Array(IDS);
export const MAXIMUM = new Float64Array(IDS).fill(0xffff_ffff);

function define(id: number, type: number, packets: readonly number[], minimum = 0, maximum = 0xffff_ffff): void {
  TYPES[id] = type;
  for (const packet of packets) PACKETS[id]! |= 1 << packet;
  MINIMUM[id] = minimum;
  MAXIMUM[id] = maximum;
}

const ACKNOWLEDGEMENTS = [PUBACK, PUBREC, PUBREL, PUBCOMP];

define(PAYLOAD_FORMAT, BYTE, [PUBLISH, WILL], 0, 1);
define(MESSAGE_EXPIRY, U32, [PUBLISH, WILL]);
define(CONTENT_TYPE, TEXT, [PUBLISH, WILL]);
define(RESPONSE_TOPIC, TEXT, [PUBLISH, WILL]);
define(CORRELATION_DATA, BINARY, [PUBLISH, WILL]);
define(SUBSCRIPTION_IDENTIFIER, VARINT, [PUBLISH, SUBSCRIBE], 1);
define(SESSION_EXPIRY, U32, [CONNECT, CONNACK, DISCONNECT]);
define(ASSIGNED_CLIENT_IDENTIFIER, TEXT, [CONNACK]);
define(SERVER_KEEP_ALIVE, U16, [CONNACK]);
define(AUTHENTICATION_METHOD, TEXT, [CONNECT, CONNACK, AUTH]);
define(AUTHENTICATION_DATA, BINARY, [CONNECT, CONNACK, AUTH]);
define(REQUEST_PROBLEM_INFORMATION, BYTE, [CONNECT], 0, 1);
define(WILL_DELAY, U32, [WILL]);
define(REQUEST_RESPONSE_INFORMATION, BYTE, [CONNECT], 0, 1);
define(RESPONSE_INFORMATION, TEXT, [CONNACK]);
define(SERVER_REFERENCE, TEXT, [CONNACK, DISCONNECT]);
define(REASON_STRING, TEXT, [CONNACK, ...ACKNOWLEDGEMENTS, SUBACK, UNSUBACK, DISCONNECT, AUTH]);
define(RECEIVE_MAXIMUM, U16, [CONNECT, CONNACK], 1);
define(TOPIC_ALIAS_MAXIMUM, U16, [CONNECT, CONNACK]);
define(TOPIC_ALIAS, U16, [PUBLISH]); // 0 is refused with a code of its own
define(MAXIMUM_QOS, BYTE, [CONNACK], 0, 1);
define(RETAIN_AVAILABLE, BYTE, [CONNACK], 0, 1);
define(USER_PROPERTY, PAIR, [
  WILL,
  CONNECT,
  CONNACK,
  PUBLISH,
  ...ACKNOWLEDGEMENTS,
  SUBSCRIBE,
  SUBACK,
  UNSUBSCRIBE,
  UNSUBACK,
  DISCONNECT,
  AUTH,
]);
define(MAXIMUM_PACKET_SIZE, U32, [CONNECT, CONNACK], 1);
define(WILDCARD_SUBSCRIPTION_AVAILABLE, BYTE, [CONNACK], 0, 1);
define(SUBSCRIPTION_IDENTIFIER_AVAILABLE, BYTE, [CONNACK], 0, 1);
define(SHARED_SUBSCRIPTION_AVAILABLE, BYTE, [CONNACK], 0, 1);
