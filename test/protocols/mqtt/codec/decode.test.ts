import * as fc from 'fast-check';
import * as oracle from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { decodePacketId } from '../../../../protocols/mqtt/codec/acknowledgement.ts';
import { decodeConnect, decodeVersion } from '../../../../protocols/mqtt/codec/connect.ts';
import { MalformedPacket } from '../../../../protocols/mqtt/codec/packet.ts';
import { NO_PROPERTIES } from '../../../../protocols/mqtt/codec/properties/message-properties.ts';
import { decodePublish, PublishFields } from '../../../../protocols/mqtt/codec/publish.ts';
import { decodeSubscribe, decodeUnsubscribe } from '../../../../protocols/mqtt/codec/subscriptions.ts';
import { sharedFilter } from '../../../../protocols/mqtt/codec/text.ts';

/** Takes the fixed header off. */
function content(packet: Buffer): { first: number; buffer: Buffer } {
  let at = 1;
  while (packet[at++]! >= 0x80);
  return { first: packet[0]!, buffer: packet.subarray(at) };
}

const WILL_LIMITS = { topicLevelsMax: 1000, propertiesSizeMax: 65_536 };
const id = fc.integer({ min: 1, max: 65535 });
const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((t) => t.replaceAll('\0', '_'));
const topic = text.map((t) => `t${t.replace(/[#+]/g, '_')}`);
const payload = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);

describe('CONNECT', () => {
  it('reads what another implementation writes', () => {
    const request = fc.record({
      protocolVersion: fc.constantFrom<3 | 4>(3, 4),
      clientId: text.map((t) => `c${t}`),
      clean: fc.boolean(),
      keepalive: fc.nat(65535),
      username: fc.option(text.map((t) => `u${t}`)),
      password: fc.option(payload.filter((b) => b.length > 0)),
      will: fc.option(fc.record({ topic, payload, qos, retain: fc.boolean() })),
    });
    fc.assert(
      fc.property(request, (r) => {
        const { buffer } = content(
          oracle.generate({
            cmd: 'connect',
            protocolId: r.protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
            protocolVersion: r.protocolVersion,
            clientId: r.clientId,
            clean: r.clean,
            keepalive: r.keepalive,
            ...(r.username === null ? {} : { username: r.username }),
            ...(r.username === null || r.password === null ? {} : { password: r.password }),
            ...(r.will === null ? {} : { will: r.will }),
          }),
        );
        expect(decodeConnect(buffer, 0, buffer.length, WILL_LIMITS)).toEqual({
          level: r.protocolVersion,
          bridge: false,
          clean: r.clean,
          keepAliveS: r.keepalive,
          clientId: r.clientId,
          user: r.username ?? undefined,
          password: r.username === null ? undefined : (r.password ?? undefined),
          will:
            r.will === null
              ? undefined
              : {
                  ...r.will,
                  topic: Buffer.from(r.will.topic),
                  delayS: 0,
                  properties: NO_PROPERTIES,
                },
        });
      }),
    );
  });

  const name = [0, 4, 0x4d, 0x51, 0x54, 0x54];
  it.each<[string, number[]]>([
    ['the reserved flag', [...name, 4, 0x03, 0, 0, 0, 1, 0x63]],
    ['a will QoS without a will', [...name, 4, 0x0a, 0, 0, 0, 1, 0x63]],
    ['will retain without a will', [...name, 4, 0x22, 0, 0, 0, 1, 0x63]],
    ['will QoS 3', [...name, 4, 0x1e, 0, 0, 0, 1, 0x63, 0, 1, 0x74, 0, 0]],
    ['a password without a user name', [...name, 4, 0x42, 0, 0, 0, 1, 0x63, 0, 1, 0x70]],
    ['bytes after its fields', [...name, 4, 0x02, 0, 0, 0, 1, 0x63, 0]],
    ['a missing user name', [...name, 4, 0x82, 0, 0, 0, 1, 0x63]],
    ['a client identifier that is not UTF-8', [...name, 4, 0x02, 0, 0, 0, 1, 0xff]],
    ['a client identifier with U+0000', [...name, 4, 0x02, 0, 0, 0, 1, 0]],
    ['a wildcard in the will topic', [...name, 4, 0x06, 0, 0, 0, 1, 0x63, 0, 1, 0x23, 0, 0]],
    ['an empty will topic', [...name, 4, 0x06, 0, 0, 0, 1, 0x63, 0, 0, 0, 0]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeConnect(Buffer.from(bytes), 0, bytes.length, WILL_LIMITS)).toThrow(MalformedPacket);
  });

  it('refuses an unknown protocol name', () => {
    expect(() => decodeVersion(Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x55, 4]), 0, 7)).toThrow(MalformedPacket);
  });

  const older = [0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70];
  it.each<[string, number[], number, { level: number; bridge: boolean }]>([
    ['MQTT', name, 4, { level: 4, bridge: false }],
    ['MQTT', name, 5, { level: 5, bridge: false }],
    ['MQTT', name, 0x84, { level: 4, bridge: true }],
    ['MQTT', name, 0x85, { level: 0, bridge: false }],
    ['MQTT', name, 3, { level: 0, bridge: false }],
    ['MQTT', name, 6, { level: 0, bridge: false }],
    ['MQTT', name, 0x83, { level: 0, bridge: false }],
    ['MQIsdp', older, 3, { level: 3, bridge: false }],
    ['MQIsdp', older, 0x83, { level: 3, bridge: true }],
    ['MQIsdp', older, 4, { level: 0, bridge: false }],
    ['MQIsdp', older, 0x84, { level: 0, bridge: false }],
  ])('tells the versions of %s apart: %j %i', (_, named, level, version) => {
    const buffer = Buffer.from([...named, level]);
    expect(decodeVersion(buffer, 0, buffer.length)).toEqual(version);
  });
});

describe('PUBLISH', () => {
  it('reads what another implementation writes', () => {
    const publish = fc.record({ topic, payload, qos, id, dup: fc.boolean(), retain: fc.boolean() });
    fc.assert(
      fc.property(publish, (p) => {
        const dup = p.dup && p.qos > 0;
        const { first, buffer } = content(oracle.generate({ cmd: 'publish', ...p, dup, messageId: p.id }));
        const fields = new PublishFields();
        decodePublish(first, buffer, 0, buffer.length, 4, fields);
        expect(buffer.toString('utf8', fields.topicStart, fields.topicEnd)).toBe(p.topic);
        expect(buffer.subarray(fields.bodyStart)).toEqual(p.payload);
        expect([fields.qos, fields.retain]).toEqual([p.qos, p.retain]);
        expect(fields.packetId).toBe(p.qos === 0 ? 0 : p.id);
      }),
    );
  });

  it.each<[string, number, number[]]>([
    ['QoS 3', 0x36, [0, 1, 0x61, 0, 1]],
    ['DUP with QoS 0', 0x38, [0, 1, 0x61]],
    ['packet identifier 0', 0x32, [0, 1, 0x61, 0, 0]],
    ['an end within the topic', 0x30, [0, 3, 0x61]],
    ['an end within the topic length', 0x30, [0]],
    ['an end within the packet identifier', 0x32, [0, 1, 0x61, 0]],
  ])('refuses %s', (_, first, bytes) => {
    const fields = new PublishFields();
    // What lies behind the packet must not be taken for part of it.
    const buffer = Buffer.concat([Buffer.from(bytes), Buffer.alloc(16, 1)]);
    expect(() => decodePublish(first, buffer, 0, bytes.length, 4, fields)).toThrow(MalformedPacket);
  });
});

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  const filter = fc
    .array(fc.oneof(fc.constant('+'), topic), { minLength: 1, maxLength: 5 })
    .chain((levels) => fc.boolean().map((all) => [...levels, ...(all ? ['#'] : [])].join('/')));

  it('read what another implementation writes', () => {
    const subscriptions = fc.array(fc.record({ topic: filter, qos }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(id, subscriptions, (messageId, subs) => {
        const s = content(oracle.generate({ cmd: 'subscribe', messageId, subscriptions: subs })).buffer;
        expect(decodeSubscribe(s, 0, s.length, 10, 4)).toEqual({
          packetId: messageId,
          identifier: 0,
          wishes: null,
          subscriptions: subs.map((sub) => ({
            filter: sub.topic,
            qos: sub.qos,
            noLocal: false,
            retainAsPublished: false,
            retainHandling: 0,
          })),
        });
        const filters = subs.map((sub) => sub.topic);
        const u = content(oracle.generate({ cmd: 'unsubscribe', messageId, unsubscriptions: filters })).buffer;
        expect(decodeUnsubscribe(u, 0, u.length, 10, 4)).toEqual({ packetId: messageId, filters });
      }),
    );
  });

  const sub = (filterText: string, ...qosBytes: number[]): Buffer => {
    const bytes = Buffer.from(filterText);
    return Buffer.concat([Buffer.of(0, 1, bytes.length >> 8, bytes.length), bytes, Buffer.from(qosBytes)]);
  };
  it.each<[string, Buffer]>([
    ['no filter', Buffer.of(0, 1)],
    ['packet identifier 0', Buffer.of(0, 0, 0, 1, 0x61, 0)],
    ['an empty filter', sub('', 0)],
    ['QoS 3', sub('a', 3)],
    ['reserved bits', sub('a', 0x80)],
    ['a missing QoS', sub('a')],
    ['# before the end', sub('a/#/b', 0)],
    ['# that shares its level', sub('a#', 0)],
    ['+ that shares its level', sub('a/b+', 0)],
    ['U+0000', sub('a\0', 0)],
    ['a surrogate', Buffer.of(0, 1, 0, 3, 0xed, 0xa0, 0x80, 0)],
  ])('refuse %s', (_, bytes) => {
    expect(() => decodeSubscribe(bytes, 0, bytes.length, 10, 4)).toThrow(MalformedPacket);
  });

  it('refuse more filters than the bound', () => {
    const bytes = Buffer.concat([Buffer.of(0, 1), ...Array.from({ length: 11 }, () => Buffer.of(0, 1, 0x61, 0))]);
    expect(() => decodeSubscribe(bytes, 0, bytes.length, 10, 4)).toThrow(/more than 10/);
  });
});

describe('acknowledgements', () => {
  it.each([
    [Buffer.of(0), 'one byte'],
    [Buffer.of(0, 1, 0), 'three bytes'],
    [Buffer.of(0, 0), 'identifier 0'],
  ])('refuse %s', (bytes) => {
    expect(() => decodePacketId(bytes, 0, bytes.length)).toThrow(MalformedPacket);
  });
});

describe('any bytes', () => {
  it('decode or are malformed, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (junk) => {
        const buffer = Buffer.from(junk);
        const fields = new PublishFields();
        const decoders = [
          () => decodeConnect(buffer, 0, buffer.length, WILL_LIMITS),
          () => decodePublish(0x30 | (buffer[0] ?? 0), buffer, 0, buffer.length, 4, fields),
          () => decodeSubscribe(buffer, 0, buffer.length, 10, 4),
          () => decodeUnsubscribe(buffer, 0, buffer.length, 10, 4),
          () => decodePacketId(buffer, 0, buffer.length),
        ];
        for (const decode of decoders) {
          try {
            decode();
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedPacket);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('shared filters', () => {
  it.each([
    ['a/b', undefined],
    ['$share', undefined],
    ['$shared/g/f', undefined],
    ['$share/g/a/+/#', { group: 'g', filter: 'a/+/#' }],
    ['$share/g//x', { group: 'g', filter: '/x' }],
    ['$share/g', 'invalid'],
    ['$share/g/', 'invalid'],
    ['$share//a', 'invalid'],
    ['$share/+/a', 'invalid'],
  ])('%s', (filter, expected) => {
    expect(sharedFilter(filter)).toEqual(expected);
  });
});
