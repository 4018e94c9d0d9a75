/** The sections of a message: found, each where it lies, and refused out of order. [AMQP 1.0 §3.2] */
import fc from 'fast-check';
import rhea from 'rhea';
import { describe, expect, test } from 'vitest';
import * as descriptors from '../../../../protocols/amqp10/codec/descriptors.ts';
import { DecodeFault } from '../../../../protocols/amqp10/codec/faults.ts';
import { MessageSections, NO_BODY, type SectionRange } from '../../../../protocols/amqp10/codec/sections.ts';
import { writeValue } from '../../../../protocols/amqp10/codec/value-writer.ts';
import { type AmqpValue, described, symbolMap } from '../../../../protocols/amqp10/codec/values.ts';
import { ByteSink } from '../../../../src/message/byte-sink.ts';

function section(code: number, value: AmqpValue): Buffer {
  const sink = new ByteSink();
  writeValue(sink, described(code, value));
  return Buffer.from(sink.buffer.subarray(0, sink.length));
}

const list: AmqpValue = { type: 'list', value: [true] };
const map = symbolMap([['a', true]]);
const binary: AmqpValue = { type: 'binary', value: Buffer.from('body') };
const SECTIONS: readonly (readonly [keyof MessageSections, Buffer])[] = [
  ['header', section(descriptors.HEADER, list)],
  ['deliveryAnnotations', section(descriptors.DELIVERY_ANNOTATIONS, map)],
  ['messageAnnotations', section(descriptors.MESSAGE_ANNOTATIONS, map)],
  ['properties', section(descriptors.PROPERTIES, list)],
  ['applicationProperties', section(descriptors.APPLICATION_PROPERTIES, map)],
  ['body', section(descriptors.DATA, binary)],
  ['footer', section(descriptors.FOOTER, map)],
];

function scan(bytes: Buffer): MessageSections {
  const sections = new MessageSections();
  sections.scan(bytes, 0, bytes.length);
  return sections;
}

describe('sections', () => {
  test('any of them, in order: each is where it was put, the others are not there', () => {
    fc.assert(
      fc.property(fc.subarray([...SECTIONS]), (chosen) => {
        const found = scan(Buffer.concat(chosen.map(([, bytes]) => bytes)));
        let at = 0;
        for (const [name, bytes] of SECTIONS) {
          const range = found[name] as SectionRange;
          const there = chosen.some(([other]) => other === name);
          expect(range.present, name).toBe(there);
          if (!there) continue;
          expect([range.start, range.end]).toEqual([at, at + bytes.length]);
          at = range.end;
        }
      }),
    );
  });

  test('two of them the wrong way round, or twice, are refused', () => {
    for (const [i, [, first]] of SECTIONS.entries()) {
      for (const [, second] of SECTIONS[i]![0] === 'footer' ? [] : SECTIONS.slice(0, i)) {
        expect(() => scan(Buffer.concat([first, second]))).toThrow('out of order');
      }
      if (SECTIONS[i]![0] !== 'body') expect(() => scan(Buffer.concat([first, first]))).toThrow('twice');
    }
  });

  test('a body of several data sections is one, and so is one of sequences; a value stands alone', () => {
    const data = section(descriptors.DATA, binary);
    const sequence = section(descriptors.AMQP_SEQUENCE, list);
    const value = section(descriptors.AMQP_VALUE, 'x');
    expect(scan(Buffer.concat([data, data, data]))).toMatchObject({ bodyKind: descriptors.DATA, bodyCount: 3 });
    expect(scan(Buffer.concat([sequence, sequence])).bodyCount).toBe(2);
    expect(scan(value)).toMatchObject({ bodyKind: descriptors.AMQP_VALUE, bodyCount: 1 });
    for (const [a, b] of [
      [data, sequence],
      [value, value],
      [sequence, value],
    ] as const) {
      expect(() => scan(Buffer.concat([a, b]))).toThrow('one kind');
    }
  });

  test('no body at all is let pass', () => {
    expect(scan(Buffer.alloc(0)).bodyKind).toBe(NO_BODY);
  });

  test('a footer before the body, where some clients have it, is let pass; two are not', () => {
    const footer = section(descriptors.FOOTER, map);
    const data = section(descriptors.DATA, binary);
    expect(scan(Buffer.concat([footer, data]))).toMatchObject({ bodyCount: 1, footer: { start: 0 } });
    expect(() => scan(Buffer.concat([footer, data, footer]))).toThrow('twice');
  });

  test('what is no section is refused', () => {
    expect(() => scan(section(0x79, map))).toThrow(DecodeFault);
    expect(() => scan(Buffer.from([0x40]))).toThrow(DecodeFault);
  });

  test('the sections of another client are those that it meant', () => {
    const message = {
      durable: true,
      message_id: 'm',
      message_annotations: { 'x-opt-a': 1 },
      application_properties: { a: 'b' },
      footer: { f: 1 },
      body: rhea.message.data_section(Buffer.from('payload')),
    };
    const bytes = rhea.message.encode(message);
    const found = scan(bytes);
    expect(found).toMatchObject({ bodyKind: descriptors.DATA, bodyCount: 1 });
    for (const name of ['header', 'messageAnnotations', 'properties', 'applicationProperties', 'footer'] as const) {
      expect(found[name].present, name).toBe(true);
    }
    expect(found.deliveryAnnotations.present).toBe(false);
    expect(bytes.toString('latin1', found.body.start, found.body.end)).toContain('payload');
  });
});
