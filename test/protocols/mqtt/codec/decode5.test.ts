/** Packets of 5.0 from a client, beside another implementation, and by hand where that is lenient. */
import * as fc from 'fast-check';
import * as oracle from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { acknowledgedReason, decodeAcknowledgement } from '../../../../protocols/mqtt/codec/acknowledgement.ts';
import { decodeConnect } from '../../../../protocols/mqtt/codec/connect.ts';
import { decodeAuth, decodeDisconnect } from '../../../../protocols/mqtt/codec/disconnect-auth.ts';
import { MalformedPacket } from '../../../../protocols/mqtt/codec/packet.ts';
import { MessageProperties } from '../../../../protocols/mqtt/codec/properties/message-properties.ts';
import { decodePublish, decodePublishProperties, PublishFields } from '../../../../protocols/mqtt/codec/publish.ts';
import { decodeSubscribe, decodeUnsubscribe } from '../../../../protocols/mqtt/codec/subscriptions.ts';
import {
  bytes,
  content,
  FIVE,
  generate,
  given,
  id,
  ofMessage,
  qos,
  readBack,
  some,
  text,
  topic,
  u16,
  u32,
  userProperties,
  WILL_LIMITS,
} from './oracle5.ts';

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

it('CONNECT may bring a password without a user name [MQTT 5.0, 3.1.2.9]', () => {
  const buffer = Buffer.from([0, 4, ...Buffer.from('MQTT'), 5, 0x42, 0, 0, 0, 0, 1, 0x63, 0, 1, 0x70]);
  const { user, password } = decodeConnect(buffer, 0, buffer.length, WILL_LIMITS);
  expect([user, password]).toEqual([undefined, Buffer.from('p')]);
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
          wishes: null,
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
