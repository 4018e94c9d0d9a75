/** MQTT 3.1, 3.1.1 and 5.0: conversations with every packet that a client may send, and every property. */
import * as wire from 'mqtt-packet';
import { type MqttProtocol, mqtt } from '../../../protocols/mqtt/index.ts';
import type { FuzzTarget } from '../target.ts';

type Version = 3 | 4 | 5;

const everyMessageProperty: NonNullable<wire.IPublishPacket['properties']> = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 100,
  contentType: 'text/plain',
  responseTopic: 'answers/here',
  correlationData: Buffer.from([0, 1, 255]),
  userProperties: { a: ['1', '2'], 'x-delay': '5', priority: '3', 'message-id': 'm' },
};

function connect(protocolVersion: Version, more: Partial<wire.IConnectPacket> = {}): Buffer {
  return wire.generate({
    cmd: 'connect',
    protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion,
    clientId: 'fuzzed',
    clean: false,
    keepalive: 30,
    ...more,
  });
}

/** What all versions have. */
function everyday(protocolVersion: Version): Buffer[] {
  const packet = (it: wire.Packet): Buffer => wire.generate(it, { protocolVersion });
  const publish = (topic: string, qos: 0 | 1 | 2, messageId: number, more: Partial<wire.IPublishPacket> = {}): Buffer =>
    packet({ cmd: 'publish', topic, qos, messageId, payload: 'payload', dup: false, retain: false, ...more });
  const subscriptions = [
    { topic: 'a/+/c', qos: 0 as const },
    { topic: 'a/#', qos: 1 as const },
    { topic: '#', qos: 2 as const },
    { topic: '$share/group/a/#', qos: 2 as const },
    { topic: '$SYS/#', qos: 0 as const },
  ].map((it) => (protocolVersion === 5 ? { ...it, nl: false, rap: true, rh: 1 as const } : it));
  return [
    packet({ cmd: 'subscribe', messageId: 1, subscriptions }),
    publish('a/b/c', 0, 0),
    publish('a/b/c', 1, 1),
    publish('a/b/c', 2, 2, { retain: true }),
    publish('a/b/c', 2, 2, { dup: true, retain: true }),
    packet({ cmd: 'pubrel', messageId: 2 }),
    packet({ cmd: 'puback', messageId: 1 }),
    packet({ cmd: 'pubrec', messageId: 2 }),
    packet({ cmd: 'pubcomp', messageId: 2 }),
    publish('$queue/nowhere', 1, 3),
    publish('$delayed/5/a/b', 1, 4),
    publish('a/b/c', 1, 5, { payload: '', retain: true }),
    publish('large', 2, 6, { payload: Buffer.alloc(150_000, 'x') }),
    packet({ cmd: 'pubrel', messageId: 6 }),
    packet({ cmd: 'pingreq' }),
    packet({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a/+/c', '$share/group/a/#', 'nothing'] }),
    packet({ cmd: 'disconnect' }),
  ];
}

function five(): Buffer[] {
  const packet = (it: wire.Packet): Buffer => wire.generate(it, { protocolVersion: 5 });
  const publish = (topic: string, qos: 0 | 1 | 2, messageId: number, more: Partial<wire.IPublishPacket> = {}): Buffer =>
    packet({ cmd: 'publish', topic, qos, messageId, payload: 'payload', dup: false, retain: false, ...more });
  const withReason = { reasonCode: 0x80, properties: { reasonString: 'because', userProperties: { a: 'b' } } };
  return [
    packet({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'a/#', qos: 2, nl: true, rap: true, rh: 2 }],
      properties: { subscriptionIdentifier: 268_435_455, userProperties: { a: 'b' } },
    }),
    packet({
      cmd: 'subscribe',
      messageId: 2,
      subscriptions: [{ topic: 'a/b', qos: 1, nl: false, rap: false, rh: 0 }],
      properties: { subscriptionIdentifier: 5 },
    }),
    publish('a/b', 0, 0, { properties: { ...everyMessageProperty, topicAlias: 1 } }),
    publish('', 1, 1, { properties: { topicAlias: 1 } }),
    publish('a/b', 2, 2, { properties: everyMessageProperty, retain: true }),
    packet({ cmd: 'puback', messageId: 1, ...withReason } as wire.Packet),
    packet({ cmd: 'pubrec', messageId: 2, ...withReason } as wire.Packet),
    packet({ cmd: 'pubrel', messageId: 2, reasonCode: 0, properties: { reasonString: 'x' } } as wire.Packet),
    publish('large', 1, 3, { payload: Buffer.alloc(150_000, 'x'), properties: everyMessageProperty }),
    packet({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a/#'], properties: { userProperties: { a: 'b' } } }),
    packet({
      cmd: 'disconnect',
      reasonCode: 4,
      properties: { sessionExpiryInterval: 5, reasonString: 'bye', userProperties: { a: 'b' } },
    }),
  ];
}

const everyConnectProperty: NonNullable<wire.IConnectPacket['properties']> = {
  sessionExpiryInterval: 60,
  receiveMaximum: 10,
  maximumPacketSize: 1_000_000,
  topicAliasMaximum: 10,
  requestResponseInformation: true,
  requestProblemInformation: true,
  userProperties: { a: 'b' },
};
const will = {
  topic: 'a/will',
  payload: Buffer.from('will'),
  qos: 1 as const,
  retain: true,
  properties: {
    willDelayInterval: 5,
    payloadFormatIndicator: true,
    messageExpiryInterval: 100,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Buffer.from('c'),
    userProperties: { a: 'b' },
  },
};
const { properties: _, ...plainWill } = will;

/** Sets the remaining length to what the packet has really become. */
function repair(packet: Buffer): Buffer {
  let at = 1;
  while (at < packet.length && at < 5 && packet[at++]! >= 0x80);
  const length: number[] = [];
  let rest = Math.max(0, packet.length - at);
  do {
    length.push((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([packet.subarray(0, 1), Buffer.from(length), packet.subarray(at)]);
}

export const mqttTarget: FuzzTarget = {
  name: 'mqtt',
  protocol: () => mqtt({ packetSizeMax: 1024 * 1024, checkPayloadFormat: true, responseTopicPrefix: 'answers/' }),
  conversations: [
    { prelude: [connect(4)], packets: everyday(4) },
    { prelude: [connect(3, { clean: true })], packets: everyday(3) },
    { prelude: [connect(5, { properties: everyConnectProperty })], packets: everyday(5) },
    { prelude: [connect(5, { clean: true, properties: { sessionExpiryInterval: 9 } })], packets: five() },
    {
      prelude: [],
      packets: [
        connect(5, { properties: everyConnectProperty, will, username: 'guest', password: Buffer.from('guest') }),
        wire.generate({ cmd: 'pingreq' }),
      ],
    },
    { prelude: [], packets: [connect(4, { will: plainWill }), wire.generate({ cmd: 'disconnect' })] },
  ],
  dictionary: [
    '00',
    '0000',
    '0001',
    'ffff',
    'ffffff7f',
    '80808001',
    'c080', // overlong
    'eda080', // a surrogate
    'efbfbf', // U+FFFF
    'efbbbf', // a byte order mark
    '0100',
    '0200000000',
    '03000161',
    '0800012b',
    '09000100',
    '0b00',
    '0bffffff7f',
    '11ffffffff',
    '1500055343524d',
    '16000178',
    '1700',
    '1800000005',
    '1900',
    '1c000161',
    '1f000161',
    '210000',
    '2200ff',
    '230000',
    '230001',
    '26000161000162',
    '2700000000',
    '2b',
    '23',
    '2f',
    '24',
  ]
    .map((hex) => Buffer.from(hex, 'hex'))
    .concat(
      ['$share/', '$share/g/#', '$SYS/broker', '$queue/', '$delayed/1/', '#', '+/+'].map((it) => Buffer.from(it)),
    ),
  repair,
  internalErrors: (protocol) => (protocol as MqttProtocol).stats.internalErrors,
  complaints: (protocol) => {
    const { protocolErrors, refused, handshakeTimeouts, willsDropped } = (protocol as MqttProtocol).stats;
    return protocolErrors + refused + handshakeTimeouts + willsDropped;
  },
};
