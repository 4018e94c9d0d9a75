/** AMQP 1.0: conversations that use every performative, both kinds of links, messages of every shape, in several frames. */

import * as descriptors from '../../../protocols/amqp10/codec/descriptors.ts';
import { FrameWriter } from '../../../protocols/amqp10/codec/frame-writer.ts';
import {
  type Attach,
  attachValue,
  beginValue,
  detachValue,
  endingValue,
  openValue,
} from '../../../protocols/amqp10/codec/performatives.ts';
import { saslInitValue } from '../../../protocols/amqp10/codec/sasl.ts';
import { PLAIN_SOURCE, PLAIN_TERMINUS } from '../../../protocols/amqp10/codec/terminus.ts';
import {
  dispositionValue,
  flowValue,
  type TransferFields,
  transferValue,
} from '../../../protocols/amqp10/codec/transfers.ts';
import { writeValue } from '../../../protocols/amqp10/codec/value-writer.ts';
import {
  type AmqpValue,
  composite,
  described,
  symbol,
  symbolMap,
  uint,
  ulong,
} from '../../../protocols/amqp10/codec/values.ts';
import { type Amqp10Protocol, amqp10 } from '../../../protocols/amqp10/index.ts';
import { ByteSink } from '../../../src/message/byte-sink.ts';
import type { FuzzTarget } from '../target.ts';

const frames = new FrameWriter();
const sink = new ByteSink();

const frame = (value: AmqpValue, payload?: Uint8Array, type = 0): Buffer =>
  Buffer.from(frames.frame(0, value, payload, type));

function bytes(...values: readonly AmqpValue[]): Buffer {
  sink.clear();
  for (const value of values) writeValue(sink, value);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

const none = { offeredCapabilities: [], desiredCapabilities: [] };
const prelude = [
  Buffer.from('AMQP\x03\x01\0\0', 'latin1'),
  frame(saslInitValue({ mechanism: 'PLAIN', initialResponse: Buffer.from('\0guest\0guest') }), undefined, 1),
  Buffer.from('AMQP\0\x01\0\0', 'latin1'),
  frame(
    openValue({
      ...{ containerId: 'fuzz', maxFrameSize: 4096, channelMax: 10, idleTimeOutMs: 60_000 },
      ...{
        outgoingLocales: ['en-US'],
        incomingLocales: [],
        offeredCapabilities: [],
        desiredCapabilities: ['ANONYMOUS-RELAY'],
      },
      properties: symbolMap([['product', 'fuzz']]),
    }),
  ),
  frame(beginValue({ nextOutgoingId: 0, incomingWindow: 1000, outgoingWindow: 1000, handleMax: 100, ...none })),
];

const attach = (handle: number, more: Partial<Attach>): Buffer =>
  frame(
    attachValue({
      ...{ name: `link-${handle}`, handle, role: false, sndSettleMode: 2, rcvSettleMode: 0, unsettled: [] },
      ...{ incompleteUnsettled: false, initialDeliveryCount: 0, ...none, ...more },
    } as Attach),
  );
const target = (address: string) => ({ target: { ...PLAIN_TERMINUS, address } });
const source = (address: string, more: object = {}) => ({ role: true, source: { ...PLAIN_SOURCE, address, ...more } });
const transfer = (fields: TransferFields, payload: Buffer): Buffer => frame(transferValue(fields), payload);
const flow = (handle: number, linkCredit: number, drain = false): Buffer =>
  frame(
    flowValue({
      ...{ nextIncomingId: 0, incomingWindow: 1000, nextOutgoingId: 0, outgoingWindow: 1000 },
      ...{ handle, deliveryCount: 0, linkCredit, drain },
    }),
  );

const header = composite(descriptors.HEADER, [true, { type: 'ubyte', value: 5 }, uint(60_000), true, uint(1)]);
const annotations = described(
  descriptors.MESSAGE_ANNOTATIONS,
  symbolMap([
    ['x-opt-delivery-delay', uint(1)],
    ['plain', true],
  ]),
);
const properties = composite(descriptors.PROPERTIES, [
  ...[
    ulong(7),
    { type: 'binary', value: Buffer.from('guest') } as const,
    '/queues/fuzzed',
    'subject',
    '/queues/answers',
  ],
  ...[{ type: 'uuid', value: Buffer.alloc(16, 7) } as const, symbol('text/plain'), symbol('gzip')],
  ...[
    { type: 'timestamp', value: 4_102_444_800_000n } as const,
    { type: 'timestamp', value: 5n } as const,
    'group',
    uint(3),
    'rg',
  ],
]);
const application = described(descriptors.APPLICATION_PROPERTIES, {
  type: 'map',
  value: [
    ['text', 'x'],
    ['n', { type: 'double', value: 1.5 }],
    ['x-half-message', null],
  ],
});
const data = described(descriptors.DATA, { type: 'binary', value: Buffer.from('the body') });
const sequence = described(descriptors.AMQP_SEQUENCE, { type: 'list', value: [true, 'x'] });
const value = (inner: AmqpValue) => described(descriptors.AMQP_VALUE, inner);
const footer = described(descriptors.FOOTER, symbolMap([['sum', uint(1)]]));
const messages = [
  bytes(header, annotations, properties, application, data, footer),
  bytes(data, data, data),
  bytes(sequence, sequence),
  bytes(value('text')),
  bytes(value({ type: 'map', value: [['a', { type: 'list', value: [null, { type: 'char', value: 97 }] }]] })),
  bytes(value({ type: 'array', code: 0xa3, descriptors: [], value: [symbol('a'), symbol('b')] })),
  Buffer.alloc(0),
];

const send = messages.map((message, i) =>
  transfer({ handle: 0, deliveryId: i, tag: Buffer.from([i]), messageFormat: 0 }, message),
);
const long = bytes(header, described(descriptors.DATA, { type: 'binary', value: Buffer.alloc(3000, 'l') }));
const inParts = [
  transfer({ handle: 0, deliveryId: 20, tag: Buffer.from('p'), more: true }, long.subarray(0, 1000)),
  transfer({ handle: 0, more: true }, long.subarray(1000, 2000)),
  transfer({ handle: 0 }, long.subarray(2000)),
  transfer({ handle: 0, deliveryId: 21, tag: Buffer.from('q'), more: true }, long.subarray(0, 1000)),
  transfer({ handle: 0, aborted: true }, Buffer.alloc(0)),
];
const selector = symbolMap([['s', described(0x468c_0000_0004 as number, "text = 'x'")]]);
const settle = [
  frame(dispositionValue({ role: true, first: 0, last: 2, settled: true, state: { kind: 'accepted' } })),
  frame(
    dispositionValue({ role: true, first: 3, settled: true, state: { kind: 'rejected', error: { condition: 'a:b' } } }),
  ),
  frame(dispositionValue({ role: true, first: 4, state: { kind: 'released' } })),
  frame(
    dispositionValue({
      ...{ role: true, first: 5, last: 9, settled: true },
      state: {
        kind: 'modified',
        deliveryFailed: true,
        undeliverableHere: false,
        messageAnnotations: symbolMap([['x', true]]),
      },
    }),
  ),
];
const end = [
  frame(detachValue({ handle: 0, closed: true })),
  frame(endingValue(descriptors.END)),
  frame(endingValue(descriptors.CLOSE)),
];

export const amqp10Target: FuzzTarget = {
  name: 'amqp10',
  protocol: () => amqp10({ messageSizeMax: 64 * 1024, sessionsMax: 8, linksPerSessionMax: 32 }),
  conversations: [
    { prelude: [], packets: [...prelude, ...end.slice(1)] },
    { prelude, packets: [attach(0, target('fuzzed')), ...send, ...end], weight: 3 },
    { prelude, packets: [attach(0, target('/exchanges/amq.topic/a.b')), ...inParts, ...end] },
    {
      prelude,
      packets: [
        attach(0, { target: PLAIN_TERMINUS }),
        transfer({ handle: 0, deliveryId: 0, tag: Buffer.from('t'), settled: true }, messages[0]!),
        ...end,
      ],
    },
    {
      prelude,
      packets: [
        attach(0, target('fuzzed')),
        ...send,
        attach(1, source('fuzzed')),
        flow(1, 50),
        ...settle,
        flow(1, 50, true),
        frame(detachValue({ handle: 1, closed: false })),
        ...end,
      ],
      weight: 3,
    },
    {
      prelude,
      packets: [
        attach(1, source('fuzzed', { filter: selector, distributionMode: 'copy' })),
        flow(1, 10, true),
        attach(2, source('a.*', { capabilities: ['topic', 'shared', 'global'], durable: 2, expiryPolicy: 'never' })),
        attach(3, { role: true, source: { ...PLAIN_SOURCE, dynamic: true } }),
        attach(4, { role: true }),
        flow(2, 1),
        ...end.slice(1),
      ],
    },
  ],
  dictionary: [
    ...['amqp:accepted:list', 'amqp:data:binary', 'fuzzed', '/queues/', '/exchanges/', 'topic://', 'amqp10-'].map(
      (text) => Buffer.from(text),
    ),
    ...[
      '00',
      '005370',
      '005375a0',
      '005377',
      '45',
      'd0ffffffff',
      'f000000005ffffffff40',
      'c1',
      'e0',
      'b1ffffffff',
      '40',
      '43',
      '80ffffffffffffffff',
      '70ffffffff',
      '83',
    ].map((hex) => Buffer.from(hex, 'hex')),
  ],
  repair: (packet) => {
    if (packet.length < 8 || packet.toString('latin1', 0, 4) === 'AMQP') return packet;
    const repaired = Buffer.from(packet);
    repaired.writeUInt32BE(repaired.length, 0);
    if (repaired[4]! < 2 || repaired[4]! * 4 > repaired.length) repaired[4] = 2;
    return repaired;
  },
  internalErrors: (protocol) => (protocol as Amqp10Protocol).stats.internalErrors,
  complaints: (protocol) => {
    const { connectionErrors, sessionErrors, authenticationsFailed } = (protocol as Amqp10Protocol).stats;
    return connectionErrors + sessionErrors + authenticationsFailed;
  },
};
