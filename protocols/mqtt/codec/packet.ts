/**
 * The vocabulary of the wire: packet types, the return codes of 3.1 and 3.1.1, and the one error that a codec throws.
 * The reason codes of 5.0 are in `reasons.ts`, its properties in `property-table.ts`. A tag such as [MQTT-3.1.0-1] is a
 * statement of MQTT 3.1.1; [MQTT5-3.1.0-1] is one of 5.0.
 *
 * Every control packet has this form [MQTT 3.1.1, section 2]:
 *
 *      7  6  5  4  3  2  1  0
 *    +-----------+-----------+
 *    |   type    |   flags   |   byte 1
 *    +-----------+-----------+
 *    | c | remaining length  |   1 to 4 bytes, 7 bits each, least significant first; c: another one follows
 *    +-----------------------+
 *    |    variable header    |
 *    |        payload        |   `remaining length` bytes in all
 *    +-----------------------+
 */

import { MALFORMED_PACKET } from './reasons.ts';

export const CONNECT = 1;
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const SUBACK = 9;
export const UNSUBSCRIBE = 10;
export const UNSUBACK = 11;
export const PINGREQ = 12;
export const PINGRESP = 13;
export const DISCONNECT = 14;
/** 5.0 only. */
export const AUTH = 15;

/** Flags of PUBLISH, in byte 1. */
export const RETAIN_FLAG = 0x01;
export const DUP_FLAG = 0x08;

/** Protocol levels in CONNECT. */
export const LEVEL_3_1 = 3;
export const LEVEL_3_1_1 = 4;
export const LEVEL_5 = 5;

/** CONNACK return codes [MQTT 3.1.1, table 3.1]. */
export const CONNECTION_ACCEPTED = 0;
export const UNACCEPTABLE_PROTOCOL_VERSION = 1;
export const IDENTIFIER_REJECTED = 2;
export const SERVER_UNAVAILABLE = 3;
export const BAD_USER_NAME_OR_PASSWORD = 4;
export const NOT_AUTHORIZED = 5;

/** SUBACK return code of a filter that was not granted. */
export const SUBSCRIPTION_FAILED = 0x80;

/** The largest remaining length that four bytes can say. */
export const REMAINING_LENGTH_MAX = 268_435_455;

/**
 * The client's bytes break the specification, or a bound. 3.1.1 answers by closing the network connection
 * [MQTT-4.8.0-1]; 5.0 says why before it does, with `reason` [MQTT5-4.13.1-1].
 */
export class MalformedPacket extends Error {
  readonly reason: number;

  /**
   * @param message what was wrong, with the rule's tag where it has one
   * @param reason the reason code of 5.0; default: malformed packet
   */
  constructor(message: string, reason: number = MALFORMED_PACKET) {
    super(message);
    this.name = 'MalformedPacket';
    this.reason = reason;
  }
}

/**
 * How long the control packet that begins at `start` is, in bytes, fixed header included; 0 if that cannot be told from
 * `buffer[start, end)`.
 */
export function packetExtent(buffer: Buffer, start: number, end: number): number {
  let remaining = 0;
  for (let at = start + 1, shift = 0; at < end && shift < 28; at++, shift += 7) {
    const byte = buffer[at]!;
    remaining |= (byte & 0x7f) << shift;
    if (byte < 0x80) return at + 1 - start + remaining;
  }
  return 0;
}
