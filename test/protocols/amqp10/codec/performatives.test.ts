/** Performatives: what is written is read back; what is missing, or of the wrong type, is told by name. [AMQP 1.0 §2.7, §3.5, §4.5] */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type DeliveryState,
  readDeliveryState,
  stateValue,
} from '../../../../protocols/amqp10/codec/delivery-state.ts';
import * as descriptors from '../../../../protocols/amqp10/codec/descriptors.ts';
import { descriptorCode } from '../../../../protocols/amqp10/codec/descriptors.ts';
import { DecodeFault, FieldFault } from '../../../../protocols/amqp10/codec/faults.ts';
import { FieldReader } from '../../../../protocols/amqp10/codec/field-reader.ts';
import {
  type Attach,
  attachValue,
  beginValue,
  detachValue,
  endingValue,
  openValue,
  readAttach,
  readBegin,
  readDetach,
  readEnding,
  readOpen,
} from '../../../../protocols/amqp10/codec/performatives.ts';
import {
  Disposition,
  dispositionValue,
  Flow,
  flowValue,
  Transfer,
  transferValue,
} from '../../../../protocols/amqp10/codec/transfers.ts';
import { writeValue } from '../../../../protocols/amqp10/codec/value-writer.ts';
import { type AmqpValue, composite, symbolMap } from '../../../../protocols/amqp10/codec/values.ts';
import { ByteSink } from '../../../../src/message/byte-sink.ts';
import { anyValue } from './arbitraries.ts';

function encoded(value: AmqpValue): Buffer {
  const sink = new ByteSink();
  writeValue(sink, value);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

/** A reader behind the descriptor of a performative, which is that of `code`. */
function fieldsOf(value: AmqpValue, code: number, payload = ''): FieldReader {
  const fields = new FieldReader();
  const bytes = Buffer.concat([encoded(value), Buffer.from(payload)]);
  fields.values.begin(bytes, 0, bytes.length);
  expect(descriptorCode(fields.values.descriptor())).toBe(code);
  return fields;
}

const uints = fc.oneof(fc.constantFrom(0, 1, 255, 256, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }));
const names = fc.string({ unit: 'grapheme', maxLength: 40 });
const symbols = fc.array(fc.string({ unit: 'binary-ascii', maxLength: 20 }), { maxLength: 3 });
const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const maps = fc
  .array(fc.tuple(fc.string({ unit: 'binary-ascii', maxLength: 8 }), anyValue), { maxLength: 3 })
  .map((entries) => symbolMap(entries));

const errors = fc.record({
  condition: fc.string({ unit: 'binary-ascii', maxLength: 30 }),
  description: maybe(names),
  info: maybe(maps),
});

const outcomes: fc.Arbitrary<DeliveryState> = fc.oneof(
  fc.constantFrom<DeliveryState[]>({ kind: 'accepted' }, { kind: 'released' }),
  fc.record({ kind: fc.constant('rejected' as const), error: maybe(errors) }),
  fc.record({
    kind: fc.constant('modified' as const),
    deliveryFailed: fc.boolean(),
    undeliverableHere: fc.boolean(),
    messageAnnotations: maybe(maps),
  }),
);

const states: fc.Arbitrary<DeliveryState> = fc.oneof(
  outcomes,
  fc.record({ kind: fc.constant('received' as const), sectionNumber: uints, sectionOffset: uints }),
  fc.record({ kind: fc.constant('declared' as const), txnId: bytes(32) }),
  fc.record({ kind: fc.constant('transactional' as const), txnId: bytes(32), outcome: maybe(outcomes) }),
);

const terminus = {
  address: maybe(names),
  durable: fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2),
  expiryPolicy: fc.constantFrom(
    'link-detach' as const,
    'session-end' as const,
    'connection-close' as const,
    'never' as const,
  ),
  timeoutS: uints,
  dynamic: fc.boolean(),
  dynamicNodeProperties: maybe(maps),
  capabilities: symbols,
};
const sources = fc.record({
  ...terminus,
  distributionMode: maybe(fc.constantFrom('copy', 'move')),
  filter: maybe(maps),
  defaultOutcome: maybe(outcomes.map(stateValue)),
  outcomes: symbols,
});
const targets = fc.oneof(
  fc.record(terminus),
  fc.record({ coordinator: fc.constant(true as const), capabilities: symbols }),
);

describe('what is written is read back', () => {
  test('open', () => {
    const opens = fc.record({
      containerId: names,
      hostname: maybe(names),
      maxFrameSize: uints,
      channelMax: fc.integer({ min: 0, max: 0xffff }),
      idleTimeOutMs: maybe(fc.integer({ min: 1, max: 0xffff_ffff })),
      outgoingLocales: symbols,
      incomingLocales: symbols,
      offeredCapabilities: symbols,
      desiredCapabilities: symbols,
      properties: maybe(maps),
    });
    fc.assert(
      fc.property(opens, (open) => {
        expect(readOpen(fieldsOf(openValue(open), descriptors.OPEN))).toEqual(open);
      }),
    );
  });

  test('begin', () => {
    const begins = fc.record({
      remoteChannel: maybe(fc.integer({ min: 0, max: 0xffff })),
      nextOutgoingId: uints,
      incomingWindow: uints,
      outgoingWindow: uints,
      handleMax: uints,
      offeredCapabilities: symbols,
      desiredCapabilities: symbols,
      properties: maybe(maps),
    });
    fc.assert(
      fc.property(begins, (begin) => {
        expect(readBegin(fieldsOf(beginValue(begin), descriptors.BEGIN))).toEqual(begin);
      }),
    );
  });

  test('attach, with its source and target, and what is unsettled', () => {
    const attaches: fc.Arbitrary<Attach> = fc.record({
      name: names,
      handle: uints,
      role: fc.boolean(),
      sndSettleMode: fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2),
      rcvSettleMode: fc.constantFrom<(0 | 1)[]>(0, 1),
      source: maybe(sources),
      target: maybe(targets),
      unsettled: fc.array(fc.tuple(bytes(32), fc.option(states, { nil: null })), { maxLength: 3 }),
      incompleteUnsettled: fc.boolean(),
      initialDeliveryCount: uints,
      maxMessageSize: maybe(uints),
      offeredCapabilities: symbols,
      desiredCapabilities: symbols,
      properties: maybe(maps),
    });
    fc.assert(
      fc.property(attaches, (attach) => {
        expect(readAttach(fieldsOf(attachValue(attach), descriptors.ATTACH))).toEqual(attach);
      }),
    );
  });

  test('detach, end and close', () => {
    const detaches = fc.record({ handle: uints, closed: fc.boolean(), error: maybe(errors) });
    fc.assert(
      fc.property(detaches, (detach) => {
        expect(readDetach(fieldsOf(detachValue(detach), descriptors.DETACH))).toEqual(detach);
        const ending = endingValue(descriptors.END, detach.error);
        expect(readEnding(fieldsOf(ending, descriptors.END), 'end')).toEqual(detach.error);
      }),
    );
  });

  test('delivery states', () => {
    fc.assert(
      fc.property(states, (state) => {
        const written = encoded(stateValue(state));
        expect(readDeliveryState(written, 0, written.length)).toEqual(state);
      }),
    );
  });

  test('transfer, which leaves the reader at its payload', () => {
    const transfers = fc.record({
      handle: uints,
      deliveryId: maybe(uints),
      tag: maybe(bytes(32)),
      messageFormat: maybe(uints),
      settled: maybe(fc.boolean()),
      more: maybe(fc.constant(true)),
      state: maybe(states),
      aborted: maybe(fc.constant(true)),
    });
    const transfer = new Transfer();
    fc.assert(
      fc.property(transfers, (made) => {
        const fields = fieldsOf(transferValue(made), descriptors.TRANSFER, 'payload');
        transfer.read(fields);
        expect(fields.values.buffer.toString('latin1', fields.values.at)).toBe('payload');
        expect(transfer.handle).toBe(made.handle);
        expect(transfer.deliveryId).toBe(made.deliveryId ?? -1);
        expect(transfer.hasTag ? transfer.tag() : undefined).toEqual(made.tag);
        expect(transfer.messageFormat).toBe(made.messageFormat ?? 0);
        expect(transfer.settled).toBe(made.settled ?? null);
        expect(transfer.more).toBe(made.more ?? false);
        expect(transfer.state).toEqual(made.state ?? null);
        expect(transfer.aborted).toBe(made.aborted ?? false);
      }),
    );
  });

  test('flow and disposition', () => {
    const flows = fc.record({
      nextIncomingId: uints,
      incomingWindow: uints,
      nextOutgoingId: uints,
      outgoingWindow: uints,
      handle: uints,
      deliveryCount: uints,
      linkCredit: uints,
      available: uints,
      drain: fc.boolean(),
      echo: fc.boolean(),
    });
    const flow = new Flow();
    fc.assert(
      fc.property(flows, (made) => {
        flow.read(fieldsOf(flowValue(made), descriptors.FLOW));
        expect(flow).toMatchObject(made);
      }),
    );
    const dispositions = fc.record({
      role: fc.boolean(),
      first: uints,
      last: uints,
      settled: fc.boolean(),
      state: maybe(states),
    });
    const disposition = new Disposition();
    fc.assert(
      fc.property(dispositions, (made) => {
        disposition.read(fieldsOf(dispositionValue(made), descriptors.DISPOSITION));
        expect(disposition).toMatchObject({ ...made, state: made.state ?? null });
      }),
    );
  });
});

describe('what is wrong is told by name', () => {
  test('a field that must be there', () => {
    expect(() => readOpen(fieldsOf(composite(descriptors.OPEN, []), descriptors.OPEN))).toThrow(
      'container-id of open must be there',
    );
    expect(() => readDetach(fieldsOf(composite(descriptors.DETACH, []), descriptors.DETACH))).toThrow(
      'detach must have the field handle',
    );
  });

  test('a field of another type', () => {
    const open = composite(descriptors.OPEN, [true]);
    expect(() => readOpen(fieldsOf(open, descriptors.OPEN))).toThrow(
      'container-id of open must be a string, not a value of code 0x41',
    );
  });

  test('a value that a field may not have', () => {
    const attach = composite(descriptors.ATTACH, ['l', { type: 'uint', value: 0 }, true, { type: 'ubyte', value: 3 }]);
    expect(() => readAttach(fieldsOf(attach, descriptors.ATTACH))).toThrow(FieldFault);
  });

  test('a delivery tag of more than 32 bytes', () => {
    const long = transferValue({ handle: 0, tag: Buffer.alloc(33) });
    expect(() => new Transfer().read(fieldsOf(long, descriptors.TRANSFER))).toThrow(DecodeFault);
  });

  test('fields that a later version may have appended are passed over', () => {
    const detach = composite(descriptors.DETACH, [{ type: 'uint', value: 1 }, true, null, 'more']);
    expect(readDetach(fieldsOf(detach, descriptors.DETACH))).toMatchObject({ handle: 1, closed: true });
  });

  test('a descriptor may be the symbol of its type', () => {
    const value: AmqpValue = {
      type: 'described',
      descriptor: { type: 'symbol', value: 'amqp:released:list' },
      value: { type: 'list', value: [] },
    };
    const written = encoded(value);
    expect(readDeliveryState(written, 0, written.length)).toEqual({ kind: 'released' });
  });
});
