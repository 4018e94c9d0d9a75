import { describe, expect, it } from 'vitest';
import { PacketReader } from '../../../../protocols/mqtt/codec/reader.ts';
import { INLINE_BODY_BYTES } from '../../../../src/message/message.ts';
import { generate } from './oracle5.ts';
import { Recorder } from './recorder.ts';

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
