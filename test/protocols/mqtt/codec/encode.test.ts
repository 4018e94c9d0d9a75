import * as fc from 'fast-check';
import * as oracle from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import {
  publishByte,
  publishHeadLength,
  publishLength,
  writeAck,
  writeConnack,
  writePingresp,
  writePublishHead,
  writeSuback,
} from '../../../../protocols/mqtt/codec/encode.ts';
import { writeConnack5 } from '../../../../protocols/mqtt/codec/encode5.ts';
import { PUBACK, PUBCOMP, PUBREC, PUBREL, UNSUBACK } from '../../../../protocols/mqtt/codec/packet.ts';
import { Turn } from '../../../../src/clock/turn.ts';
import { Output } from '../../../../src/transport/output.ts';

/** What `write` puts into an output. */
function written(write: (output: Output) => void): Buffer {
  const taken: Buffer[] = [];
  const sink = {
    unsentBytes: 0,
    writeAll(buffers: Buffer[]): boolean {
      for (const buffer of buffers) taken.push(Buffer.from(buffer));
      return true;
    },
  };
  const output = new Output(sink, new Turn());
  write(output);
  output.flush();
  return Buffer.concat(taken);
}

function parsed(bytes: Buffer, protocolVersion: 4 | 5 = 4): oracle.Packet {
  const packets: oracle.Packet[] = [];
  const parser = oracle.parser({ protocolVersion });
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (error) => {
    throw error;
  });
  parser.parse(bytes);
  expect(packets.length).toBe(1);
  return packets[0]!;
}

describe('what the adapter writes is read by another implementation', () => {
  it('CONNACK', () => {
    expect(parsed(written((o) => writeConnack(o, true, 0)))).toMatchObject({ sessionPresent: true, returnCode: 0 });
    expect(parsed(written((o) => writeConnack(o, false, 4)))).toMatchObject({ sessionPresent: false, returnCode: 4 });
    expect(
      parsed(
        written((o) => writeConnack5(o, false, 0x84, null)),
        5,
      ),
    ).toMatchObject({ sessionPresent: false, reasonCode: 0x84 });
  });

  it('acknowledgements', () => {
    const types = [
      [PUBACK, 'puback'],
      [PUBREC, 'pubrec'],
      [PUBREL, 'pubrel'],
      [PUBCOMP, 'pubcomp'],
      [UNSUBACK, 'unsuback'],
    ] as const;
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.integer({ min: 1, max: 65535 }), ([type, cmd], messageId) => {
        expect(parsed(written((o) => writeAck(o, type, messageId)))).toMatchObject({ cmd, messageId });
      }),
    );
    expect(parsed(written(writePingresp))).toMatchObject({ cmd: 'pingresp' });
  });

  it('SUBACK, short and long', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 2, 0x80), { minLength: 1, maxLength: 400 }), (codes) => {
        expect(parsed(written((o) => writeSuback(o, 7, codes)))).toMatchObject({ messageId: 7, granted: codes });
      }),
    );
  });

  it('PUBLISH, at every length of the remaining length', () => {
    const sizes = fc.oneof(
      fc.nat(300),
      fc.integer({ min: 16_300, max: 16_500 }),
      fc.integer({ min: 2_097_100, max: 2_097_200 }),
    );
    const topics = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 90 })
      .map((t) => `t${t.replace(/[#+\0]/g, '_')}`);
    fc.assert(
      fc.property(
        topics,
        sizes,
        fc.constantFrom(0, 1, 2),
        fc.boolean(),
        fc.boolean(),
        (text, size, qos, dup, retain) => {
          const topic = Buffer.from(text);
          const id = qos === 0 ? 0 : 513;
          const remaining = publishLength(topic.length, qos, size);
          const head = publishHeadLength(remaining, size);
          const bytes = Buffer.alloc(head + size, 0x61);
          const first = publishByte(qos, dup && qos > 0, retain);
          expect(writePublishHead(bytes, 0, first, remaining, topic, 0, topic.length, id)).toBe(head);
          const packet = parsed(bytes) as oracle.IPublishPacket;
          expect(packet).toMatchObject({ cmd: 'publish', topic: text, qos, dup: dup && qos > 0, retain });
          expect(packet.payload.length).toBe(size);
          if (qos > 0) expect(packet.messageId).toBe(513);
        },
      ),
      { numRuns: 60 },
    );
  });
});
