/** Another implementation of MQTT 5.0, to compare with, and what both are given: packets and properties by chance. */
import * as fc from 'fast-check';
import * as oracle from 'mqtt-packet';
import { expect } from 'vitest';
import { varintBytes, writeVarint } from '../../../../protocols/mqtt/codec/fields.ts';
import type { MessageProperties } from '../../../../protocols/mqtt/codec/properties/message-properties.ts';
import { Turn } from '../../../../src/clock/turn.ts';
import { Output } from '../../../../src/transport/output.ts';

export const WILL_LIMITS = { topicLevelsMax: 1000, propertiesSizeMax: 65_536 };
export const FIVE = { protocolVersion: 5 };
export const generate = (packet: oracle.Packet): Buffer => oracle.generate(packet, FIVE);

/** Takes the fixed header off. */
export function content(packet: Buffer): Buffer {
  let at = 1;
  while (packet[at++]! >= 0x80);
  return packet.subarray(at);
}

/** What another implementation makes of bytes that were written here. */
export function parsed(write: (output: Output) => void): oracle.Packet {
  const chunks: Buffer[] = [];
  const output = new Output(
    { unsentBytes: 0, writeAll: (buffers) => chunks.push(...buffers.map((b) => Buffer.from(b))) > 0 },
    new Turn(),
  );
  write(output);
  output.flush();
  const found: oracle.Packet[] = [];
  const parser = oracle.parser(FIVE);
  parser.on('packet', (packet) => found.push(packet));
  parser.on('error', (error) => {
    throw error;
  });
  parser.parse(Buffer.concat(chunks));
  expect(found.length).toBe(1);
  return found[0]!;
}

/** The oracle's view of stored property bytes: it is given them as those of a PUBLISH. */
export function readBack(properties: MessageProperties): object {
  const bytes = properties.buffer.subarray(properties.start, properties.end);
  const length = Buffer.alloc(varintBytes(bytes.length));
  writeVarint(length, 0, bytes.length);
  const rest = Buffer.concat([Buffer.from([0, 1, 0x74]), length, bytes]);
  const remaining = Buffer.alloc(varintBytes(rest.length));
  writeVarint(remaining, 0, rest.length);
  const parser = oracle.parser(FIVE);
  let found: oracle.Packet | undefined;
  parser.on('packet', (packet) => {
    found = packet;
  });
  parser.parse(Buffer.concat([Buffer.of(0x30), remaining, rest]));
  return (found as oracle.IPublishPacket).properties ?? {};
}

export const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((t) => t.replaceAll('\0', '_'));
export const topic = text.map((t) => `t${t.replace(/[#+]/g, '_')}`);
export const bytes = fc.uint8Array({ maxLength: 100 }).map((b) => Buffer.from(b));
export const id = fc.integer({ min: 1, max: 65535 });
export const u16 = fc.integer({ min: 1, max: 65535 });
export const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
export const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
// The other one takes an empty value for none when there are several.
export const value = text.map((t) => `v${t}`);
export const userProperties = fc
  .dictionary(
    text.map((t) => `k${t}`),
    fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 3 })),
    { maxKeys: 4 },
  )
  .filter((it) => Object.keys(it).length > 0)
  .map((it) => ({ ...it }));
export const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
/** Leaves out what is undefined. */
export const given = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

export const ofMessage = {
  payloadFormatIndicator: some(fc.boolean()),
  messageExpiryInterval: some(u32),
  contentType: some(text),
  responseTopic: some(topic),
  correlationData: some(bytes),
  userProperties: some(userProperties),
};
