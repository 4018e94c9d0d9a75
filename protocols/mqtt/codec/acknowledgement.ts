/**
 * PUBACK, PUBREC, PUBREL, PUBCOMP [sections 3.4 to 3.7]:
 *
 *     2  packet identifier       all there is in 3.1.1
 *     1  reason code             5.0; may be left out, with all that follows: success
 *     m  properties              5.0; may be left out: none
 */
import { packetIdAt } from './fields.ts';
import { LEVEL_5, MalformedPacket, PUBACK, PUBREC } from './packet.ts';
import { PropertyReader, propertiesEnd, propertiesStart } from './properties/property-reader.ts';
import {
  IMPLEMENTATION_SPECIFIC_ERROR,
  NO_MATCHING_SUBSCRIBERS,
  NOT_AUTHORIZED_5,
  PACKET_IDENTIFIER_IN_USE,
  PACKET_IDENTIFIER_NOT_FOUND,
  PAYLOAD_FORMAT_INVALID,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
  SUCCESS,
  TOPIC_NAME_INVALID,
  UNSPECIFIED_ERROR,
} from './reasons.ts';

const RECEIPT_REASONS: ReadonlySet<number> = new Set([
  SUCCESS,
  NO_MATCHING_SUBSCRIBERS,
  UNSPECIFIED_ERROR,
  IMPLEMENTATION_SPECIFIC_ERROR,
  NOT_AUTHORIZED_5,
  TOPIC_NAME_INVALID,
  PACKET_IDENTIFIER_IN_USE,
  QUOTA_EXCEEDED,
  PAYLOAD_FORMAT_INVALID,
]);
const RELEASE_REASONS: ReadonlySet<number> = new Set([SUCCESS, PACKET_IDENTIFIER_NOT_FOUND]);

/** The packet identifier; the reason code is `acknowledgedReason`'s. */
export function decodePacketId(buffer: Buffer, start: number, end: number): number {
  if (end - start !== 2) throw new MalformedPacket('an acknowledgement that is not two bytes long');
  return packetIdAt(buffer, start, end);
}

/** @param type PUBACK, PUBREC, PUBREL or PUBCOMP */
export function decodeAcknowledgement(type: number, buffer: Buffer, start: number, end: number, level: number): number {
  if (level !== LEVEL_5 || end - start === 2) return decodePacketId(buffer, start, end);
  const packetId = packetIdAt(buffer, start, end);
  const reasons = type === PUBACK || type === PUBREC ? RECEIPT_REASONS : RELEASE_REASONS;
  const reason = buffer[start + 2]!;
  if (!reasons.has(reason)) {
    throw new MalformedPacket(`reason code 0x${reason.toString(16)} in packet type ${type}`, PROTOCOL_ERROR);
  }
  if (end - start > 3) {
    const propsEnd = propertiesEnd(buffer, start + 3, end);
    const reader = new PropertyReader();
    reader.begin(buffer, propertiesStart(buffer, start + 3), propsEnd, type);
    while (reader.next());
    if (propsEnd !== end) throw new MalformedPacket('an acknowledgement longer than its fields');
  }
  return packetId;
}

/** The reason code of an acknowledgement that `decodeAcknowledgement` has accepted. */
export function acknowledgedReason(buffer: Buffer, start: number, end: number): number {
  return end - start > 2 ? buffer[start + 2]! : SUCCESS;
}
