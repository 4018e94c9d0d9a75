/** Packets of 5.0, beside another implementation, and by hand where that is lenient. */
import * as fc from 'fast-check';
import * as oracle from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { acknowledgedReason, decodeAcknowledgement } from '../../../../protocols/mqtt/codec/acknowledgement.ts';
import { decodeConnect } from '../../../../protocols/mqtt/codec/connect.ts';
import { decodeAuth, decodeDisconnect } from '../../../../protocols/mqtt/codec/disconnect-auth.ts';
import {
  writeAck5,
  writeAuth,
  writeConnack5,
  writeDisconnect,
  writeReasons,
} from '../../../../protocols/mqtt/codec/encode5.ts';
import { varint, varintBytes, writeVarint } from '../../../../protocols/mqtt/codec/fields.ts';
import { MessageProperties } from '../../../../protocols/mqtt/codec/message-properties.ts';
import { MalformedPacket } from '../../../../protocols/mqtt/codec/packet.ts';
import { PropertyReader } from '../../../../protocols/mqtt/codec/property-reader.ts';
import * as ids from '../../../../protocols/mqtt/codec/property-table.ts';
import { PropertyWriter } from '../../../../protocols/mqtt/codec/property-writer.ts';
import { decodePublish, decodePublishProperties, PublishFields } from '../../../../protocols/mqtt/codec/publish.ts';
import { PacketReader } from '../../../../protocols/mqtt/codec/reader.ts';
import { decodeSubscribe, decodeUnsubscribe } from '../../../../protocols/mqtt/codec/subscriptions.ts';
import { filterMatches } from '../../../../protocols/mqtt/codec/text.ts';
import { Turn } from '../../../../src/clock/turn.ts';
import { INLINE_BODY_BYTES } from '../../../../src/message/message.ts';
import { dotted } from '../../../../src/message/spelling.ts';
import { filterLevels, hiddenByReserve, keyLevels, matches } from '../../../../src/routing/levels.ts';
import { Output } from '../../../../src/transport/output.ts';
import { Recorder } from './recorder.ts';

const WILL_LIMITS = { topicLevelsMax: 1000, propertiesSizeMax: 65_536 };
const FIVE = { protocolVersion: 5 };
const generate = (packet: oracle.Packet): Buffer => oracle.generate(packet, FIVE);

/** Takes the fixed header off. */
function content(packet: Buffer): Buffer {
  let at = 1;
  while (packet[at++]! >= 0x80);
  return packet.subarray(at);
}

/** What another implementation makes of bytes that were written here. */
function parsed(write: (output: Output) => void): oracle.Packet {
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
function readBack(properties: MessageProperties): object {
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

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((t) => t.replaceAll('\0', '_'));
const topic = text.map((t) => `t${t.replace(/[#+]/g, '_')}`);
const bytes = fc.uint8Array({ maxLength: 100 }).map((b) => Buffer.from(b));
const id = fc.integer({ min: 1, max: 65535 });
const u16 = fc.integer({ min: 1, max: 65535 });
const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
// The other one takes an empty value for none when there are several.
const value = text.map((t) => `v${t}`);
const userProperties = fc
  .dictionary(
    text.map((t) => `k${t}`),
    fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 3 })),
    { maxKeys: 4 },
  )
  .filter((it) => Object.keys(it).length > 0)
  .map((it) => ({ ...it }));
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
/** Leaves out what is undefined. */
const given = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

const ofMessage = {
  payloadFormatIndicator: some(fc.boolean()),
  messageExpiryInterval: some(u32),
  contentType: some(text),
  responseTopic: some(topic),
  correlationData: some(bytes),
  userProperties: some(userProperties),
};

describe('CONNECT', () => {
  it('reads what another implementation writes', () => {
    const request = fc.record({
      clientId: text.map((t) => `c${t}`), // the other one wants it for a session that is kept
      clean: fc.boolean(),
      keepalive: fc.nat(65535),
      username: some(text.map((t) => `u${t}`)),
      password: some(bytes.filter((b) => b.length > 0)),
      properties: fc.record({
        sessionExpiryInterval: some(u32),
        receiveMaximum: some(u16),
        maximumPacketSize: some(u32),
        topicAliasMaximum: some(u16),
        requestResponseInformation: some(fc.boolean()),
        requestProblemInformation: some(fc.boolean()),
        userProperties: some(userProperties),
        authenticationMethod: some(text),
      }),
      will: some(
        fc.record({
          topic,
          payload: bytes,
          qos,
          retain: fc.boolean(),
          properties: fc.record({ ...ofMessage, willDelayInterval: some(u32) }),
        }),
      ),
    });
    fc.assert(
      fc.property(request, ({ will, properties, ...rest }) => {
        if (rest.username === undefined) rest.password = undefined; // which the other one wants, and 5.0 does not
        const packet = {
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 5,
          ...given(rest),
          properties: given(properties),
          ...(will === undefined ? {} : { will: { ...will, properties: given(will.properties) } }),
        } as oracle.IConnectPacket;
        const buffer = content(generate(packet));
        const got = decodeConnect(buffer, 0, buffer.length, WILL_LIMITS);
        expect([got.clean, got.keepAliveS, got.clientId, got.user, got.password]).toEqual([
          rest.clean,
          rest.keepalive,
          rest.clientId,
          rest.username,
          rest.password,
        ]);
        expect(got.properties).toEqual({
          sessionExpiryS: properties.sessionExpiryInterval ?? 0,
          receiveMax: properties.receiveMaximum ?? 65_535,
          packetSizeMax: properties.maximumPacketSize ?? 0xffff_ffff,
          topicAliasMax: properties.topicAliasMaximum ?? 0,
          wantsResponseInformation: properties.requestResponseInformation ?? false,
          wantsProblemInformation: properties.requestProblemInformation ?? true,
          authMethod: properties.authenticationMethod,
          authData: undefined,
        });
        if (will === undefined) expect(got.will).toBeUndefined();
        else {
          expect([got.will!.topic.toString(), got.will!.payload, got.will!.qos]).toEqual([
            will.topic,
            will.payload,
            will.qos,
          ]);
          expect(got.will!.delayS).toBe(will.properties.willDelayInterval ?? 0);
          expect(got.will!.properties.expiryS).toBe(will.properties.messageExpiryInterval ?? -1);
          const { willDelayInterval: _d, messageExpiryInterval: _e, ...kept } = given(will.properties);
          expect(readBack(got.will!.properties)).toEqual(kept);
        }
      }),
    );
  });
});

describe('PUBLISH', () => {
  it('keeps what is stored and takes out what is not, as another implementation has written it', () => {
    const publish = fc.record({
      topic,
      payload: bytes,
      qos,
      messageId: id,
      retain: fc.boolean(),
      properties: fc.record({ ...ofMessage, topicAlias: some(u16) }),
    });
    const fields = new PublishFields();
    const properties = new MessageProperties();
    fc.assert(
      fc.property(publish, (p) => {
        const packet = generate({ cmd: 'publish', dup: false, ...p, properties: given(p.properties) } as oracle.Packet);
        const buffer = content(packet);
        decodePublish(packet[0]!, buffer, 0, buffer.length, 5, fields);
        decodePublishProperties(buffer, buffer.length, fields, properties, 65_536);
        expect(buffer.subarray(fields.bodyStart)).toEqual(p.payload);
        const { topicAlias, messageExpiryInterval, ...kept } = p.properties;
        expect([properties.alias, properties.expiryS]).toEqual([topicAlias ?? 0, messageExpiryInterval ?? -1]);
        expect(properties.text).toBe(kept.payloadFormatIndicator ?? false);
        expect(properties.hasUserProperties).toBe(kept.userProperties !== undefined);
        expect(readBack(properties)).toEqual(given(kept));
      }),
    );
  });
});

describe('SUBSCRIBE, UNSUBSCRIBE and acknowledgements', () => {
  it('read what another implementation writes', () => {
    const subscription = fc.record({
      topic,
      qos,
      nl: fc.boolean(),
      rap: fc.boolean(),
      rh: fc.constantFrom(0, 1, 2),
    });
    const request = fc.record({
      messageId: id,
      subscriptions: fc.array(subscription, { minLength: 1, maxLength: 5 }),
      subscriptionIdentifier: some(fc.integer({ min: 1, max: 268_435_455 })),
      userProperties: some(userProperties),
    });
    fc.assert(
      fc.property(request, ({ messageId, subscriptions, ...properties }) => {
        const s = content(
          generate({ cmd: 'subscribe', messageId, subscriptions, properties: given(properties) } as oracle.Packet),
        );
        expect(decodeSubscribe(s, 0, s.length, 10, 5)).toEqual({
          packetId: messageId,
          identifier: properties.subscriptionIdentifier ?? 0,
          selector: '',
          subscriptions: subscriptions.map((sub) => ({
            filter: sub.topic,
            qos: sub.qos,
            noLocal: sub.nl,
            retainAsPublished: sub.rap,
            retainHandling: sub.rh,
          })),
        });
        const filters = subscriptions.map((sub) => sub.topic);
        const u = content(generate({ cmd: 'unsubscribe', messageId, unsubscriptions: filters }));
        expect(decodeUnsubscribe(u, 0, u.length, 10, 5)).toEqual({ packetId: messageId, filters });
      }),
    );
  });

  it.each<['puback' | 'pubrec' | 'pubrel' | 'pubcomp', number, number[]]>([
    ['puback', 4, [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]],
    ['pubrec', 5, [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]],
    ['pubrel', 6, [0, 0x92]],
    ['pubcomp', 7, [0, 0x92]],
  ])('%s with each of its reasons, and no other', (cmd, type, reasons) => {
    for (let reason = 0; reason < 256; reason++) {
      const buffer = Buffer.concat([Buffer.of(1, 2, reason, 4), Buffer.from('1f000178', 'hex')]);
      const shorter = buffer.subarray(0, 3);
      if (!reasons.includes(reason)) {
        for (const b of [buffer, shorter])
          expect(() => decodeAcknowledgement(type, b, 0, b.length, 5)).toThrow(MalformedPacket);
        continue;
      }
      for (const b of [buffer, shorter]) {
        expect(decodeAcknowledgement(type, b, 0, b.length, 5)).toBe(258);
        expect(acknowledgedReason(b, 0, b.length)).toBe(reason);
      }
      const theirs = content(generate({ cmd, messageId: 258, reasonCode: reason } as oracle.Packet));
      expect(decodeAcknowledgement(type, theirs, 0, theirs.length, 5)).toBe(258);
    }
  });
});

describe('DISCONNECT and AUTH', () => {
  it('read what another implementation writes', () => {
    const d = content(
      generate({ cmd: 'disconnect', reasonCode: 4, properties: { sessionExpiryInterval: 9, reasonString: 'x' } }),
    );
    expect(decodeDisconnect(d, 0, d.length)).toEqual({ reason: 4, sessionExpiryS: 9 });
    expect(decodeDisconnect(d, 0, 0)).toEqual({ reason: 0, sessionExpiryS: undefined });
    expect(decodeDisconnect(Buffer.of(0x98), 0, 1)).toEqual({ reason: 0x98, sessionExpiryS: undefined });
    const properties = { authenticationMethod: 'M', authenticationData: Buffer.from('data') };
    const a = content(generate({ cmd: 'auth', reasonCode: 0x18, properties }));
    expect(decodeAuth(a, 0, a.length)).toEqual({ reason: 0x18, method: 'M', data: Buffer.from('data') });
  });

  it('are refused without what they need, with what they may not have, or cut', () => {
    for (const hex of ['8e', '00021c', '0005', '001c000178', '00051100000005']) {
      const buffer = Buffer.from(hex, 'hex');
      if (hex === '00051100000005') expect(decodeDisconnect(buffer, 0, buffer.length).sessionExpiryS).toBe(5);
      else expect(() => decodeDisconnect(buffer, 0, buffer.length)).toThrow(MalformedPacket);
    }
    for (const hex of ['', '18', '1800', '1805160002aabb', '7f0415000178']) {
      const buffer = Buffer.from(hex, 'hex');
      expect(() => decodeAuth(buffer, 0, buffer.length)).toThrow(MalformedPacket);
    }
  });
});

describe('properties', () => {
  const reader = new PropertyReader();
  const walk = (packet: number, hex: string): number => {
    const buffer = Buffer.from(hex, 'hex');
    reader.begin(buffer, 0, buffer.length, packet);
    let count = 0;
    while (reader.next()) count++;
    return count;
  };
  /** One valid value of each identifier. */
  const values: Record<number, string> = {
    1: '01',
    2: '00000001',
    3: '000161',
    8: '000161',
    9: '0001ff',
    11: '01',
    17: '00000000',
    18: '000161',
    19: '0001',
    21: '000161',
    22: '0001ff',
    23: '01',
    24: '00000000',
    25: '00',
    26: '000161',
    28: '000161',
    31: '000161',
    33: '0001',
    34: '0000',
    35: '0001',
    36: '01',
    37: '00',
    38: '00016100016a',
    39: '00000001',
    40: '00',
    41: '01',
    42: '01',
  };
  /** MQTT 5.0, table 2-4, by packet: a will is 0. */
  const allowed: Record<number, number[]> = {
    0: [1, 2, 3, 8, 9, 24, 38],
    1: [17, 21, 22, 23, 25, 33, 34, 38, 39],
    2: [17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42],
    3: [1, 2, 3, 8, 9, 11, 35, 38],
    4: [31, 38],
    5: [31, 38],
    6: [31, 38],
    7: [31, 38],
    8: [11, 38],
    9: [31, 38],
    10: [38],
    11: [31, 38],
    14: [17, 28, 31, 38],
    15: [21, 22, 31, 38],
  };
  const hex = (n: number): string => n.toString(16).padStart(2, '0');

  it('are those of each packet, once, except user properties', () => {
    for (const [packet, list] of Object.entries(allowed)) {
      for (let property = 0; property < 256; property++) {
        const one = hex(property) + (values[property] ?? '00');
        if (!list.includes(property)) {
          expect(() => walk(Number(packet), one), `${packet} ${property}`).toThrow(MalformedPacket);
          continue;
        }
        expect(walk(Number(packet), one), `${packet} ${property}`).toBe(1);
        if (property === 38) expect(walk(Number(packet), one + one)).toBe(2);
        else {
          expect(() => walk(Number(packet), one + one)).toThrow(expect.objectContaining({ reason: 0x82 }));
        }
        // Cut anywhere, it is malformed.
        for (let cut = 2; cut < one.length; cut += 2) {
          expect(() => walk(Number(packet), one.slice(0, cut))).toThrow(MalformedPacket);
        }
      }
    }
  });

  it.each<[string, number, string, number]>([
    ['a payload format of 2', 3, '0102', 0x82],
    ['a receive maximum of 0', 1, '210000', 0x82],
    ['a packet size of 0', 1, '2700000000', 0x82],
    ['a subscription identifier of 0', 8, '0b00', 0x82],
    ['a flag of 2', 1, '1702', 0x82],
    ['a text that is not UTF-8', 3, '030001ff', 0x81],
    ['a text with U+0000', 3, '03000100', 0x81],
    ['a surrogate', 3, '030003eda080', 0x81],
    ['an overlong form', 3, '030002c080', 0x81],
    ['a name that is not UTF-8', 3, '260001ff000161', 0x81],
    ['an identifier in two bytes', 3, 'a600000161000161', 0x81],
    ['an integer in more bytes than it needs', 8, '0b8000', 0x81],
    ['an integer of five bytes', 8, '0bffffffff01', 0x81],
  ])('refuse %s', (_, packet, bytesOf, reason) => {
    expect(() => walk(packet, bytesOf)).toThrow(expect.objectContaining({ reason }));
  });

  it('of a message refuse what a client may not send', () => {
    const take = (hexBytes: string): void => {
      const buffer = Buffer.from(hexBytes, 'hex');
      new MessageProperties().take(new PropertyReader(), buffer, 0, buffer.length, 3, 65_536);
    };
    expect(() => take('0b05')).toThrow(expect.objectContaining({ reason: 0x82 }));
    expect(() => take('230000')).toThrow(expect.objectContaining({ reason: 0x94 }));
    expect(() => take('080001' + '2b')).toThrow(expect.objectContaining({ reason: 0x82 }));
    expect(() => take('080003' + '612f23')).toThrow(expect.objectContaining({ reason: 0x82 }));
  });

  it('that are taken out leave the others as they were', () => {
    const buffer = Buffer.from(
      '26000161000162' + '0200000005' + '03000161' + '230007' + '26000161000162' + '0101',
      'hex',
    );
    const properties = new MessageProperties();
    properties.take(new PropertyReader(), buffer, 0, buffer.length, 3, 65_536);
    expect(properties.buffer.toString('hex', properties.start, properties.end)).toBe(
      '26000161000162' + '03000161' + '26000161000162' + '0101',
    );
  });
});

describe('what is written', () => {
  it('is read by another implementation', () => {
    const writer = new PropertyWriter();
    writer.integer(ids.SESSION_EXPIRY, 0xffff_fffe);
    writer.integer(ids.RECEIVE_MAXIMUM, 5);
    writer.integer(ids.MAXIMUM_PACKET_SIZE, 70_000);
    writer.field(ids.ASSIGNED_CLIENT_IDENTIFIER, 'é');
    writer.pair('a', 'b');
    expect(parsed((o) => writeConnack5(o, true, 0, writer))).toMatchObject({
      sessionPresent: true,
      reasonCode: 0,
      properties: {
        sessionExpiryInterval: 0xffff_fffe,
        receiveMaximum: 5,
        maximumPacketSize: 70_000,
        assignedClientIdentifier: 'é',
        userProperties: { a: 'b' },
      },
    });
    expect(parsed((o) => writeAck5(o, 6, 258, 0x92))).toMatchObject({
      cmd: 'pubrel',
      messageId: 258,
      reasonCode: 0x92,
    });
    expect(parsed((o) => writeReasons(o, 9, 7, [0, 2, 0x8f]))).toMatchObject({
      cmd: 'suback',
      messageId: 7,
      granted: [0, 2, 0x8f],
    });
    expect(parsed((o) => writeReasons(o, 11, 7, [0x11]))).toMatchObject({
      cmd: 'unsuback',
      messageId: 7,
      granted: [0x11],
    });
    writer.clear();
    writer.field(ids.REASON_STRING, 'x'.repeat(200));
    expect(parsed((o) => writeDisconnect(o, 0x8e, writer))).toMatchObject({
      cmd: 'disconnect',
      reasonCode: 0x8e,
      properties: { reasonString: 'x'.repeat(200) },
    });
    expect(parsed((o) => writeAuth(o, 0x18, 'M', Buffer.from([1, 2]), writer, 100))).toMatchObject({
      cmd: 'auth',
      reasonCode: 0x18,
      properties: { authenticationMethod: 'M', authenticationData: Buffer.from([1, 2]) },
    });
  });

  it('has variable byte integers as they are read, in as few bytes as can be', () => {
    for (const value of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]) {
      const buffer = Buffer.alloc(5);
      const end = writeVarint(buffer, 0, value);
      expect([end, varint(buffer, 0, end)]).toEqual([varintBytes(value), value]);
      expect(() => varint(buffer, 0, end - 1)).toThrow(MalformedPacket);
    }
  });

  it('leaves out what is too long for a field', () => {
    const writer = new PropertyWriter();
    expect(writer.field(ids.CONTENT_TYPE, 'x'.repeat(65_536))).toBe(false);
    expect(writer.pair('x'.repeat(65_536), '')).toBe(false);
    expect(writer.pair('', 'x'.repeat(65_536))).toBe(false);
    expect(writer.length).toBe(0);
    expect(writer.field(ids.CONTENT_TYPE, 'x'.repeat(65_535))).toBe(true);
  });
});

describe('the packet reader', () => {
  const MiB = 1024 * 1024;
  const connect = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'c', clean: true });
  const reader = () => {
    const recorder = new Recorder();
    const target = new PacketReader(recorder, 16 * MiB, MiB);
    target.properties = true;
    return { recorder, target };
  };

  it('finds the body of a long PUBLISH behind its properties, wherever the stream is cut', () => {
    const publish = (size: number, valueBytes: number): Buffer =>
      generate({
        cmd: 'publish',
        topic: 'topic',
        payload: Buffer.alloc(size, 'b'),
        qos: 1,
        messageId: 5,
        dup: false,
        retain: false,
        properties: { userProperties: { name: 'v'.repeat(valueBytes) } },
      });
    const sizes = [INLINE_BODY_BYTES - 100, INLINE_BODY_BYTES, INLINE_BODY_BYTES + 1, 200_000];
    for (const valueBytes of [0, 100, 200, 20_000, 60_000]) {
      const stream = Buffer.concat([connect, ...sizes.map((size) => publish(size, valueBytes))]);
      const whole = reader();
      whole.target.read(stream, 0, stream.length);
      expect(whole.recorder.packets.map((p) => p.large)).toEqual([false, ...sizes.map((n) => n > INLINE_BODY_BYTES)]);
      const cut = reader();
      // Every byte of the heads, then in large pieces.
      for (let at = 0; at < stream.length; ) {
        const size = at % 7 === 0 ? 1 : 1 + (at % 97);
        const chunk = Buffer.from(stream.subarray(at, at + size));
        cut.target.read(chunk, 0, chunk.length);
        chunk.fill(0xee);
        at += size;
      }
      expect(cut.recorder.packets.length).toBe(whole.recorder.packets.length);
      for (const [i, expected] of whole.recorder.packets.entries()) {
        const got = cut.recorder.packets[i]!;
        expect([got.first, got.large, got.content === expected.content]).toEqual([
          expected.first,
          expected.large,
          true,
        ]);
      }
    }
  });

  it('refuses properties over their bound and beyond their packet before they are there', () => {
    for (const [lengthBytes, reason] of [
      [[0x81, 0x80, 0x04], 0x97],
      [[0xff, 0xff, 0xff, 0x7f], 0x81],
      [[0xff, 0xff, 0xff, 0xff], 0x81],
    ] as const) {
      const { target } = reader();
      target.read(connect, 0, connect.length);
      const head = Buffer.from([0x30, 0x80, 0x80, 0x20, 0, 1, 0x74, ...lengthBytes]);
      expect(() => target.read(head, 0, head.length)).toThrow(expect.objectContaining({ reason }));
    }
  });
});

it('whatever is accepted here of a damaged packet, another implementation accepts too', () => {
  const properties: oracle.IPublishPacket['properties'] = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 5,
    contentType: 'c',
    responseTopic: 'r',
    correlationData: Buffer.from('d'),
    userProperties: { a: 'b' },
  };
  const packet = generate({
    cmd: 'publish',
    topic: 'topic',
    payload: 'x',
    qos: 1,
    messageId: 5,
    dup: false,
    retain: false,
    properties,
  });
  let accepted = 0;
  fc.assert(
    fc.property(fc.integer({ min: 2, max: packet.length - 1 }), fc.nat(255), (at, value) => {
      const damaged = Buffer.from(packet);
      damaged[at] = value;
      const fields = new PublishFields();
      const buffer = content(damaged);
      try {
        decodePublish(damaged[0]!, buffer, 0, buffer.length, 5, fields);
        decodePublishProperties(buffer, buffer.length, fields, new MessageProperties(), 65_536);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedPacket);
        return;
      }
      accepted++;
      let theirs: Error | undefined;
      const parser = oracle.parser(FIVE);
      parser.on('error', (error) => {
        theirs = error;
      });
      parser.parse(damaged);
      // It refuses a topic of no bytes, which an alias may stand for; that is looked at later here.
      if (fields.topicStart < fields.topicEnd) expect(theirs).toBeUndefined();
    }),
    { numRuns: 3000 },
  );
  expect(accepted).toBeGreaterThan(100);
});

it('filters match topics as the core has it', () => {
  const level = fc.constantFrom('', 'a', 'b.', '$x', '*');
  const filterLevel = fc.oneof(level, fc.constant('+'));
  const filter = fc
    .tuple(fc.array(filterLevel, { maxLength: 4 }), fc.boolean())
    .map(([levels, all]) => [...levels, ...(all || levels.length === 0 ? ['#'] : [])].join('/'))
    .filter((it) => it !== '');
  const name = fc
    .array(level, { minLength: 1, maxLength: 4 })
    .map((levels) => levels.join('/'))
    .filter((it) => it !== '');
  fc.assert(
    fc.property(filter, name, (f, t) => {
      const wanted = filterLevels(f, 1);
      const key = keyLevels(dotted(t, 1));
      expect(filterMatches(f, t)).toBe(matches(wanted, key) && !hiddenByReserve(wanted, key));
    }),
    { numRuns: 2000 },
  );
});
