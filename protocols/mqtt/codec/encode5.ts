/**
 * Control packets of 5.0 to bytes, where they differ from those of 3.1.1: they carry a reason code and properties.
 *
 *     CONNACK     flags, reason code, properties
 *     PUBACK …    packet identifier, then reason code if it is not 0; and `duplicate: true` for what was taken before
 *     SUBACK …    packet identifier, properties, a reason code for each filter
 *     DISCONNECT  reason code, properties
 *     AUTH        reason code, properties
 */
import type { Output } from '../../../src/api/index.ts';
import { varintBytes, writeVarint } from './fields.ts';
import { AUTH, CONNACK, DISCONNECT, PUBREL } from './packet.ts';
import { AUTHENTICATION_DATA, AUTHENTICATION_METHOD, USER_PROPERTY } from './properties/property-table.ts';
import type { PropertyWriter } from './properties/property-writer.ts';

/** `properties` is null for none. */
export function writeConnack5(
  output: Output,
  sessionPresent: boolean,
  reason: number,
  properties: PropertyWriter | null,
): void {
  const at = begin(output, CONNACK << 4, 2, properties);
  output.buffer[at] = sessionPresent ? 1 : 0;
  output.buffer[at + 1] = reason;
  writeProperties(output.buffer, at + 2, properties);
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP with a reason that is not success. */
export function writeAck5(output: Output, type: number, packetId: number, reason: number): void {
  const at = output.reserve(5);
  const buffer = output.buffer;
  buffer[at] = type === PUBREL ? (PUBREL << 4) | 2 : type << 4;
  buffer[at + 1] = 3;
  buffer[at + 2] = packetId >>> 8;
  buffer[at + 3] = packetId;
  buffer[at + 4] = reason;
}

/** The user property `duplicate: true`, behind a reason code of success. */
const REPEAT = Buffer.concat([
  Buffer.from([0, 18, USER_PROPERTY, 0, 9]),
  Buffer.from('duplicate'),
  Buffer.from([0, 4]),
  Buffer.from('true'),
]);
/** How long `writeRepeatAck5`'s packet is. */
export const REPEAT_ACK_BYTES = 4 + REPEAT.length;

/** PUBACK or PUBREC of a message that was taken before: it is safe, and says that it is not taken again. */
export function writeRepeatAck5(output: Output, type: number, packetId: number): void {
  const at = output.reserve(REPEAT_ACK_BYTES);
  const buffer = output.buffer;
  buffer[at] = type << 4;
  buffer[at + 1] = 2 + REPEAT.length;
  buffer[at + 2] = packetId >>> 8;
  buffer[at + 3] = packetId;
  REPEAT.copy(buffer, at + 4);
}

/** SUBACK and UNSUBACK. */
export function writeReasons(output: Output, type: number, packetId: number, reasons: readonly number[]): void {
  const remaining = 3 + reasons.length;
  const at = output.reserve(1 + varintBytes(remaining) + remaining);
  const buffer = output.buffer;
  buffer[at] = type << 4;
  let next = writeVarint(buffer, at + 1, remaining);
  buffer[next++] = packetId >>> 8;
  buffer[next++] = packetId;
  buffer[next++] = 0;
  for (let i = 0; i < reasons.length; i++) buffer[next++] = reasons[i]!;
}

export function writeDisconnect(output: Output, reason: number, properties: PropertyWriter | null): void {
  const at = begin(output, DISCONNECT << 4, 1, properties);
  output.buffer[at] = reason;
  writeProperties(output.buffer, at + 1, properties);
}

/** How long a packet is that has so many bytes beside its properties, fixed header not counted, and so many of properties. */
export function packetBytes(fixed: number, propertiesLength: number): number {
  const remaining = fixed + varintBytes(propertiesLength) + propertiesLength;
  return 1 + varintBytes(remaining) + remaining;
}

/** How long a DISCONNECT with these properties is. */
export function disconnectBytes(properties: PropertyWriter): number {
  return packetBytes(1, properties.length);
}

/** How long a CONNACK is. */
export function connackBytes(properties: PropertyWriter): number {
  return packetBytes(2, properties.length);
}

/** How long a SUBACK or UNSUBACK with so many reason codes is. */
export function reasonsBytes(count: number): number {
  return packetBytes(2 + count, 0);
}

/**
 * False if it were longer than `bytesMax`: then nothing is written.
 * @param properties used to write with; cleared first
 */
export function writeAuth(
  output: Output,
  reason: number,
  method: string,
  data: Buffer | undefined,
  properties: PropertyWriter,
  bytesMax: number,
): boolean {
  properties.clear();
  properties.field(AUTHENTICATION_METHOD, method);
  if (data !== undefined) properties.field(AUTHENTICATION_DATA, data);
  if (packetBytes(1, properties.length) > bytesMax) return false;
  const at = begin(output, AUTH << 4, 1, properties);
  output.buffer[at] = reason;
  writeProperties(output.buffer, at + 1, properties);
  return true;
}

/** Claims room for a packet of `fixed` bytes and its properties; returns where the variable header begins. */
function begin(output: Output, first: number, fixed: number, properties: PropertyWriter | null): number {
  const length = properties === null ? 0 : properties.length;
  const remaining = fixed + varintBytes(length) + length;
  const at = output.reserve(1 + varintBytes(remaining) + remaining);
  output.buffer[at] = first;
  return writeVarint(output.buffer, at + 1, remaining);
}

function writeProperties(buffer: Buffer, at: number, properties: PropertyWriter | null): void {
  const length = properties === null ? 0 : properties.length;
  const next = writeVarint(buffer, at, length);
  if (properties !== null) properties.buffer.copy(buffer, next, 0, length);
}
