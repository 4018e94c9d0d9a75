import * as fc from 'fast-check';
import * as oracle from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { MalformedPacket } from '../../../../protocols/mqtt/codec/packet.ts';
import { PacketReader } from '../../../../protocols/mqtt/codec/reader.ts';
import { INLINE_BODY_BYTES } from '../../../../src/message/message.ts';
import { Recorder } from './recorder.ts';

const MiB = 1024 * 1024;

function reader(): { reader: PacketReader; recorder: Recorder } {
  const recorder = new Recorder();
  return { reader: new PacketReader(recorder, 128 * MiB, MiB), recorder };
}

/** Feeds `bytes` in the given pieces, each in a buffer that is overwritten afterwards. */
function feed(target: PacketReader, bytes: Buffer, cuts: readonly number[]): void {
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut <= at || cut > bytes.length) continue;
    const chunk = Buffer.from(bytes.subarray(at, cut));
    expect(target.read(chunk, 0, chunk.length)).toBe(chunk.length);
    chunk.fill(0xee);
    at = cut;
  }
}

const connect = oracle.generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'c', clean: true });
const topic = fc.string({ minLength: 1, maxLength: 40 }).map((text) => text.replace(/[#+\0]/g, '_'));
const packet: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .record({ topic, qos: fc.constantFrom(0, 1, 2), id: fc.integer({ min: 1, max: 65535 }), size: fc.nat(300) })
    .map(({ topic, qos, id, size }) =>
      oracle.generate({
        cmd: 'publish',
        topic,
        payload: Buffer.alloc(size, 'x'),
        qos: qos as 0 | 1 | 2,
        messageId: id,
        dup: false,
        retain: false,
      }),
    ),
  fc.integer({ min: 1, max: 65535 }).map((messageId) => oracle.generate({ cmd: 'puback', messageId })),
  fc.constant(oracle.generate({ cmd: 'pingreq' })),
  fc
    .record({ topic, id: fc.integer({ min: 1, max: 65535 }) })
    .map(({ topic, id }) => oracle.generate({ cmd: 'subscribe', messageId: id, subscriptions: [{ topic, qos: 1 }] })),
);

describe('the packet reader', () => {
  it('gives the same packets however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 12 }), fc.array(fc.nat(2000), { maxLength: 20 }), (packets, cuts) => {
        const bytes = Buffer.concat([connect, ...packets]);
        const whole = reader();
        feed(whole.reader, bytes, []);
        const cut = reader();
        feed(
          cut.reader,
          bytes,
          [...cuts].sort((a, b) => a - b),
        );
        expect(cut.recorder.packets).toEqual(whole.recorder.packets);
        expect(whole.recorder.packets.length).toBe(packets.length + 1);
        expect(cut.reader.midPacket).toBe(false);
      }),
    );
  });

  it('gives the same packets byte by byte, with bodies on both sides of what is held in one piece', () => {
    const sizes = [
      0,
      1,
      126,
      127,
      128,
      16_383,
      INLINE_BODY_BYTES - 1,
      INLINE_BODY_BYTES,
      INLINE_BODY_BYTES + 1,
      300_000,
    ];
    const publishes = sizes.map((size, i) =>
      oracle.generate({
        cmd: 'publish',
        topic: `t/${i}`,
        payload: Buffer.alloc(size, i),
        qos: (i % 3) as 0 | 1 | 2,
        messageId: i + 1,
        dup: false,
        retain: false,
      }),
    );
    const bytes = Buffer.concat([connect, ...publishes]);
    const whole = reader();
    feed(whole.reader, bytes, []);
    const cut = reader();
    const chunk = Buffer.alloc(1);
    for (const byte of bytes) {
      chunk[0] = byte;
      cut.reader.read(chunk, 0, 1);
    }
    expect(whole.recorder.packets.length).toBe(sizes.length + 1);
    expect(whole.recorder.packets.map((p) => p.large)).toEqual([false, ...sizes.map((n) => n > INLINE_BODY_BYTES)]);
    expect(cut.recorder.packets.length).toBe(whole.recorder.packets.length);
    for (const [i, expected] of whole.recorder.packets.entries()) {
      const got = cut.recorder.packets[i]!;
      expect([got.first, got.large, got.content === expected.content]).toEqual([expected.first, expected.large, true]);
    }
  });

  it('stops between two packets when it is halted, and takes up there', () => {
    const recorder = new Recorder();
    const target = new PacketReader(recorder, MiB, MiB);
    const original = recorder.packet.bind(recorder);
    recorder.packet = (...args): void => {
      original(...args);
      target.halted = true;
    };
    const ping = oracle.generate({ cmd: 'pingreq' });
    const bytes = Buffer.concat([connect, ping, ping]);
    let at = target.read(bytes, 0, bytes.length);
    expect(at).toBe(connect.length);
    target.halted = false;
    at = target.read(bytes, at, bytes.length);
    expect(at).toBe(connect.length + ping.length);
    target.halted = false;
    expect(target.read(bytes, at, bytes.length)).toBe(bytes.length);
    expect(recorder.packets.length).toBe(3);
  });

  it.each([
    ['a first packet that is not CONNECT', Buffer.of(0xc0, 0)],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a remaining length of five bytes', Buffer.of(0x10, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ['a CONNECT over its bound', Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f)],
    ['a PUBLISH over its bound', Buffer.concat([connect, Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f)])],
  ])('refuses %s', (_, bytes) => {
    const { reader: target } = reader();
    expect(() => target.read(bytes, 0, bytes.length)).toThrow(MalformedPacket);
  });

  it('allocates by what arrives, not by what is announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const targets: PacketReader[] = [];
    for (let i = 0; i < 200; i++) {
      const { reader: target } = reader();
      const bytes = Buffer.concat([connect, Buffer.of(0x82, 0xff, 0xff, 0x3f, 0, 1)]); // SUBSCRIBE of 1 MiB, 2 bytes here
      target.read(bytes, 0, bytes.length);
      targets.push(target);
    }
    expect(targets.every((target) => target.midPacket)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * MiB);
  });

  it('survives anything: a fault is a MalformedPacket and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (junk, greeted) => {
        const { reader: target } = reader();
        const bytes = greeted ? Buffer.concat([connect, junk]) : Buffer.from(junk);
        try {
          target.read(bytes, 0, bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedPacket);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
