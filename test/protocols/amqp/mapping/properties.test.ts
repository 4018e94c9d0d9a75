/** Basic properties: the list on the wire, what the broker reads from it, and the neutral form. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BasicProperties,
  PropertyScan,
  readProperties,
  writeProperties,
} from '../../../../protocols/amqp/codec/properties.ts';
import { readTable } from '../../../../protocols/amqp/codec/table.ts';
import { amqpDialect } from '../../../../protocols/amqp/mapping/dialect.ts';
import { fromNeutral, toNeutral } from '../../../../protocols/amqp/mapping/properties.ts';
import { WireProperties } from '../../../../protocols/amqp/mapping/wire-properties.ts';
import { AmqpStats } from '../../../../protocols/amqp/stats.ts';
import { ByteSink } from '../../../../src/message/byte-sink.ts';
import { encodeAnnotations, withDeath } from '../../../../src/message/deaths/annotations.ts';
import { AT_LEAST_ONCE, MessageView, SLASH } from '../../../../src/message/message.ts';
import type { Properties } from '../../../../src/message/properties.ts';
import { textOf } from '../../../../src/message/text.ts';
import { headers, text } from '../codec/arbitraries.ts';

const octet = fc.integer({ min: 0, max: 255 });
const basic: fc.Arbitrary<BasicProperties> = fc.record(
  {
    contentType: text,
    contentEncoding: text,
    headers,
    deliveryMode: octet,
    priority: octet,
    correlationId: text,
    replyTo: text,
    expiration: text,
    messageId: text,
    timestampS: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    type: text,
    userId: text,
    appId: text,
    clusterId: text,
  },
  { requiredKeys: [] },
);

function encode(properties: BasicProperties): Buffer {
  const sink = new ByteSink();
  expect(writeProperties(sink, properties)).toBe(0);
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

function viewOf(properties: Buffer, dialect = amqpDialect.id): MessageView {
  const view = new MessageView();
  view.dialect = dialect;
  view.props = properties;
  view.propsEnd = properties.length;
  view.head = Buffer.from('xkey');
  view.exchangeEnd = 1;
  view.keyStart = 1;
  view.keyEnd = 4;
  return view;
}

function wireOf(wire: WireProperties, view: MessageView, neutral?: Properties): BasicProperties {
  wire.of({ properties: (v) => neutral ?? amqpDialect.decode(v), timeLeftMs: () => neutral?.expiryMs }, view);
  return readProperties(wire.buffer, wire.start, wire.end);
}

describe('properties on the wire', () => {
  test('every combination comes back as it went', () => {
    fc.assert(
      fc.property(basic, (properties) => {
        const bytes = encode(properties);
        expect(readProperties(bytes, 0, bytes.length)).toEqual(properties);
      }),
      { numRuns: 500 },
    );
  });

  test('the scan finds what the broker must know, among any others', () => {
    const scan = new PropertyScan();
    fc.assert(
      fc.property(basic, (properties) => {
        const bytes = encode(properties);
        scan.read(bytes, 0, bytes.length);
        expect(scan.deliveryMode).toBe(properties.deliveryMode ?? 0);
        expect(scan.priority).toBe(properties.priority ?? -1);
        expect(scan.expires ? textOf(bytes, scan.expirationStart, scan.expirationEnd) : undefined).toBe(
          properties.expiration,
        );
        expect(scan.claimsUser ? textOf(bytes, scan.userIdStart, scan.userIdEnd) : undefined).toBe(properties.userId);
        expect(textOf(bytes, scan.replyToStart, scan.replyToEnd)).toBe(properties.replyTo ?? '');
        expect(readTable(bytes, scan.headersStart, scan.headersEnd)).toEqual(properties.headers ?? []);
        expect(scan.grouped).toBe(properties.headers?.some(({ name }) => name === 'JMSXGroupID') ?? false);
        expect(scan.copies).toBe(properties.headers?.some(({ name }) => name === 'CC' || name === 'BCC') ?? false);
      }),
      { numRuns: 500 },
    );
  });

  test('damaged properties are refused alike by the scan and by reading', () => {
    const scan = new PropertyScan();
    fc.assert(
      fc.property(basic, fc.nat(), octet, fc.integer({ min: 0, max: 3 }), (properties, at, value, cut) => {
        const whole = encode(properties);
        whole[at % whole.length] = value;
        const bytes = whole.subarray(0, Math.max(0, whole.length - cut));
        const outcome = (act: () => void): string => {
          try {
            act();
            return 'fine';
          } catch (error) {
            return (error as Error).name;
          }
        };
        const read = outcome(() => readProperties(bytes, 0, bytes.length));
        expect(['fine', 'SyntaxFault']).toContain(read);
        expect(outcome(() => scan.read(bytes, 0, bytes.length))).toBe(read);
      }),
      { numRuns: 2000 },
    );
  });

  test('a text that does not fit a short string is left out and counted', () => {
    const sink = new ByteSink();
    expect(writeProperties(sink, { messageId: 'x'.repeat(256), type: 'kept' })).toBe(1);
    expect(readProperties(sink.buffer, 0, sink.length)).toEqual({ type: 'kept' });
  });
});

describe('the neutral form', () => {
  test('everything but delivery mode and cluster id survives the way there and back', () => {
    fc.assert(
      fc.property(basic, (given) => {
        const properties = { ...given };
        delete properties.clusterId;
        // When it expires is what the broker knows.
        delete properties.expiration;
        // An id that is no text is no short string.
        if (properties.correlationId?.isWellFormed() === false) delete properties.correlationId;
        // Names that carry what AMQP has no field for are read as that, and come back behind the others: see below.
        const headers = properties.headers?.filter(({ name }) => name !== 'JMSXGroupID');
        if (headers === undefined || headers.length === 0) delete properties.headers;
        else properties.headers = headers;
        const back = fromNeutral(toNeutral(properties), properties.deliveryMode === 2);
        expect(back).toEqual({ ...properties, deliveryMode: properties.deliveryMode === 2 ? 2 : 1 });
      }),
    );
  });

  test('bytes as correlation id travel in a header when they are no short string', () => {
    const binary = Buffer.from([0xff, 0]);
    const there = fromNeutral({ correlationId: binary, headers: [] }, false);
    expect(there.correlationId).toBeUndefined();
    expect(there.headers).toEqual([{ name: 'x-correlation-id', value: { type: 'bytes', value: binary } }]);
    expect(toNeutral(there)).toEqual({ correlationId: binary, headers: [] });
    expect(fromNeutral({ correlationId: Buffer.from('abc'), headers: [] }, false).correlationId).toBe('abc');
    const long = 'x'.repeat(300);
    expect(toNeutral(fromNeutral({ correlationId: long, headers: [] }, false)).correlationId).toBe(long);
  });

  test('a reply address outside the default exchange, and a group, survive', () => {
    const given: Properties = { replyTo: { exchange: 'amq.topic', key: 'a.b' }, groupId: 'g', headers: [] };
    const there = fromNeutral(given, true);
    expect(there.replyTo).toBe('a.b');
    expect(toNeutral(there)).toEqual(given);
  });
});

describe('properties on their way to a client', () => {
  test('the bytes of an AMQP publisher are not touched', () => {
    const wire = new WireProperties(new AmqpStats());
    const bytes = encode({ contentType: 'a/b', headers: [{ name: 'h', value: null }] });
    wire.of({ properties: () => expect.fail('decoded'), timeLeftMs: () => undefined }, viewOf(bytes));
    expect(wire.buffer).toBe(bytes);
  });

  test('a message without properties says how it was sent', () => {
    const wire = new WireProperties(new AmqpStats());
    const view = viewOf(Buffer.alloc(0), 2);
    expect(wireOf(wire, view)).toEqual({ deliveryMode: 1 });
    view.assurance = AT_LEAST_ONCE;
    expect(wireOf(wire, view)).toEqual({ deliveryMode: 2 });
  });

  test("another protocol's properties are converted once, and again when they differ", () => {
    const wire = new WireProperties(new AmqpStats());
    let conversions = 0;
    const source = {
      properties: (view: MessageView): Properties => {
        conversions++;
        return { messageId: view.props.toString(), headers: [] };
      },
      timeLeftMs: () => undefined,
    };
    const id = (view: MessageView): string | undefined => {
      wire.of(source, view);
      return readProperties(wire.buffer, wire.start, wire.end).messageId;
    };
    expect(id(viewOf(Buffer.from('one'), 3))).toBe('one');
    expect(id(viewOf(Buffer.from('one'), 3))).toBe('one');
    expect(conversions).toBe(1);
    expect(id(viewOf(Buffer.from('two'), 3))).toBe('two');
    expect(id(viewOf(Buffer.from('one'), 2))).toBe('one');
    expect(conversions).toBe(3);
  });

  test('death records are shown, newest first, in place of any that the publisher sent', () => {
    const wire = new WireProperties(new AmqpStats());
    const bytes = encode({
      expiration: '100',
      clusterId: 'kept',
      headers: [
        { name: 'mine', value: { type: 'int16', value: 1 } },
        { name: 'x-death', value: 'forged' },
      ],
    });
    const view = viewOf(bytes);
    const first = withDeath(undefined, {
      queue: 'work',
      reason: 'expired',
      timeS: 5,
      exchange: 'ex',
      routingKeys: ['k'],
      originalExpirationMs: 100,
    });
    const both = withDeath(first, { queue: 'retry', reason: 'rejected', timeS: 6, exchange: '', routingKeys: ['r'] });
    view.notes = encodeAnnotations(both);
    view.notesEnd = view.notes.length;
    const shown = wireOf(wire, view);
    expect(shown.expiration).toBeUndefined();
    expect(shown.clusterId).toBe('kept');
    expect(shown.headers?.map((h) => h.name)).toEqual([
      'mine',
      'x-death',
      'x-first-death-exchange',
      'x-first-death-queue',
      'x-first-death-reason',
    ]);
    const deaths = shown.headers?.[1]?.value as unknown as { value: { value: { name: string; value: unknown }[] }[] };
    const plain = deaths.value.map((d) => Object.fromEntries(d.value.map((f) => [f.name, f.value])));
    expect(plain).toEqual([
      {
        count: { type: 'int64', value: 1n },
        reason: 'rejected',
        queue: 'retry',
        time: { type: 'timestamp', value: 6n },
        exchange: '',
        'routing-keys': { type: 'list', value: ['r'] },
      },
      {
        count: { type: 'int64', value: 1n },
        reason: 'expired',
        queue: 'work',
        time: { type: 'timestamp', value: 5n },
        exchange: 'ex',
        'routing-keys': { type: 'list', value: ['k'] },
        'original-expiration': '100',
      },
    ]);
  });

  test('a key too long for a short string comes whole in a header, and is counted', () => {
    const stats = new AmqpStats();
    const view = viewOf(Buffer.alloc(0), 2);
    view.spelling = SLASH;
    const topic = `a/${'b'.repeat(300)}`;
    view.head = Buffer.from(topic);
    view.exchangeEnd = 0;
    view.keyStart = 0;
    view.keyEnd = view.head.length;
    expect(wireOf(new WireProperties(stats), view, { headers: [] }).headers).toEqual([
      { name: 'x-mqtt-topic', value: topic },
    ]);
    expect(stats.lossyConversions).toBe(1);
  });

  test('annotations that cannot be read cost the death headers, not the message', () => {
    const stats = new AmqpStats();
    const view = viewOf(encode({ messageId: 'm' }));
    view.notes = Buffer.from('{broken');
    view.notesEnd = view.notes.length;
    expect(wireOf(new WireProperties(stats), view)).toEqual({ messageId: 'm' });
    expect(stats.lossyConversions).toBe(1);
  });
});
