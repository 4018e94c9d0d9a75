/**
 * Control packets of 3.1 and 3.1.1 to bytes, straight into a connection's output; those that 5.0 writes otherwise are
 * in `encode5.ts`.
 */
import type { Output } from '../../../src/api/index.ts';
import { varintBytes, writeVarint } from './fields.ts';
import { CONNACK, DUP_FLAG, PINGRESP, PUBLISH, PUBREL, RETAIN_FLAG, SUBACK } from './packet.ts';

/** CONNACK: flags (bit 0: session present), return code. */
export function writeConnack(output: Output, sessionPresent: boolean, returnCode: number): void {
  const at = output.reserve(4);
  const buffer = output.buffer;
  buffer[at] = CONNACK << 4;
  buffer[at + 1] = 2;
  buffer[at + 2] = sessionPresent ? 1 : 0;
  buffer[at + 3] = returnCode;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK: a type and a packet identifier. */
export function writeAck(output: Output, type: number, packetId: number): void {
  const at = output.reserve(4);
  const buffer = output.buffer;
  buffer[at] = type === PUBREL ? (PUBREL << 4) | 2 : type << 4;
  buffer[at + 1] = 2;
  buffer[at + 2] = packetId >>> 8;
  buffer[at + 3] = packetId;
}

export function writeSuback(output: Output, packetId: number, codes: readonly number[]): void {
  const remaining = 2 + codes.length;
  const at = output.reserve(1 + varintBytes(remaining) + remaining);
  const buffer = output.buffer;
  buffer[at] = SUBACK << 4;
  let next = writeVarint(buffer, at + 1, remaining);
  buffer[next++] = packetId >>> 8;
  buffer[next++] = packetId;
  for (let i = 0; i < codes.length; i++) buffer[next++] = codes[i]!;
}

export function writePingresp(output: Output): void {
  const at = output.reserve(2);
  output.buffer[at] = PINGRESP << 4;
  output.buffer[at + 1] = 0;
}

/** Byte 1 of a PUBLISH. */
export function publishByte(qos: number, dup: boolean, retain: boolean): number {
  return (PUBLISH << 4) | (dup ? DUP_FLAG : 0) | (qos << 1) | (retain ? RETAIN_FLAG : 0);
}

/** The remaining length of a PUBLISH. */
export function publishLength(topicLength: number, qos: number, bodyLength: number): number {
  return 2 + topicLength + (qos > 0 ? 2 : 0) + bodyLength;
}

/** Bytes of a PUBLISH before its body. */
export function publishHeadLength(remaining: number, bodyLength: number): number {
  return 1 + varintBytes(remaining) + remaining - bodyLength;
}

/**
 * Writes everything of a PUBLISH that comes before its body; returns where the body begins.
 * @param packetId 0 for QoS 0
 */
export function writePublishHead(
  buffer: Buffer,
  at: number,
  first: number,
  remaining: number,
  topic: Buffer,
  topicStart: number,
  topicEnd: number,
  packetId: number,
): number {
  buffer[at] = first;
  let next = writeVarint(buffer, at + 1, remaining);
  const length = topicEnd - topicStart;
  buffer[next++] = length >>> 8;
  buffer[next++] = length;
  if (length <= 48) {
    for (let i = topicStart; i < topicEnd; i++) buffer[next++] = topic[i]!;
  } else {
    topic.copy(buffer, next, topicStart, topicEnd);
    next += length;
  }
  if (packetId !== 0) {
    buffer[next++] = packetId >>> 8;
    buffer[next++] = packetId;
  }
  return next;
}
