/** Frames from a stream: whatever the cuts and the pauses, the same frames. [AMQP 1.0 §2.3] */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameParser, type FrameSink } from '../../../../protocols/amqp10/codec/frame-parser.ts';
import { FrameWriter } from '../../../../protocols/amqp10/codec/frame-writer.ts';
import type { AmqpValue } from '../../../../protocols/amqp10/codec/values.ts';

class Recorder implements FrameSink {
  readonly frames: string[] = [];
  readonly errors: string[] = [];
  /** Called with each frame's number; returns what `frame` shall return. */
  hook: (n: number) => boolean = () => true;

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.hook(this.frames.length)) return false;
    this.frames.push(`${type} ${channel} ${buffer.toString('hex', start, end)}`);
    return true;
  }

  frameGone(): void {}

  frameError(reason: string): void {
    this.errors.push(reason);
  }
}

function frame(type: number, channel: number, body: Uint8Array, doff = 2): Buffer {
  const head = Buffer.alloc(doff * 4, 0xee);
  head.writeUInt32BE(head.length + body.length, 0);
  head[4] = doff;
  head[5] = type;
  head.writeUInt16BE(channel, 6);
  return Buffer.concat([head, body]);
}

const frames = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    channel: fc.integer({ min: 0, max: 0xffff }),
    doff: fc.integer({ min: 2, max: 5 }),
    body: fc.uint8Array({ maxLength: 60 }),
  }),
  { maxLength: 12 },
);

/** Pieces of `stream`, in order; each is a copy that is overwritten afterwards, as a reused read buffer would be. */
function feed(parser: FrameParser, stream: Buffer, sizes: readonly number[]): void {
  let at = 0;
  for (let i = 0; at < stream.length; i++) {
    const piece = Buffer.from(stream.subarray(at, at + sizes[i % sizes.length]!));
    at += piece.length;
    for (let from = 0; from < piece.length; ) {
      const to = parser.read(piece, from, piece.length);
      // Not taken just now: once more.
      parser.halted = false;
      if (to === from && from < piece.length) continue;
      from = to;
    }
    piece.fill(0xaa);
  }
  parser.halted = false;
  parser.read(stream, stream.length, stream.length);
}

describe('frames', () => {
  test('any cut gives the same frames, also where each is refused once before it is taken', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(frames, sizes, fc.boolean(), (made, cuts, refusing) => {
        const stream = Buffer.concat(made.map(({ type, channel, doff, body }) => frame(type, channel, body, doff)));
        const recorder = new Recorder();
        const parser = new FrameParser(recorder, 512);
        let refused = -1;
        if (refusing) {
          recorder.hook = (n) => {
            if (refused === n) return true;
            refused = n;
            parser.halted = true;
            return false;
          };
        }
        feed(parser, stream, cuts);
        expect(recorder.frames).toEqual(
          made.map(({ type, channel, body }) => `${type} ${channel} ${Buffer.from(body).toString('hex')}`),
        );
        expect(recorder.errors).toEqual([]);
        expect(parser.heldBytes).toBe(0);
      }),
    );
  });

  test('what is written is one frame, its payload behind the performative', () => {
    const performative: AmqpValue = { type: 'described', descriptor: 'x', value: { type: 'list', value: [] } };
    const recorder = new Recorder();
    const bytes = new FrameWriter().frame(7, performative, Buffer.from('ab'));
    new FrameParser(recorder, 512).read(bytes, 0, bytes.length);
    expect(recorder.frames).toEqual(['0 7 00a10178456162']);
  });

  test.each([
    ['of 7 bytes', '0000000702000000', 'a frame of 7 bytes whose body begins at byte 8'],
    ['whose body begins within its head', '0000000801000000', 'a frame of 8 bytes whose body begins at byte 4'],
    ['whose body begins behind its end', '0000000803000000', 'a frame of 8 bytes whose body begins at byte 12'],
    ['that is larger than agreed', '0000020102000000', 'a frame of 513 bytes; the largest that may come has 512'],
  ])('a frame %s is refused as soon as its head is there, and nothing is read after it', (_what, head, reason) => {
    for (const cut of [8, 3]) {
      const recorder = new Recorder();
      const parser = new FrameParser(recorder, 512);
      const bytes = Buffer.concat([Buffer.from(head, 'hex'), frame(0, 1, Buffer.from('x'))]);
      parser.read(bytes, 0, cut);
      parser.read(bytes, cut, bytes.length);
      expect(recorder.errors).toEqual([reason]);
      expect(recorder.frames).toEqual([]);
      expect(parser.heldBytes).toBe(0);
    }
  });

  test('no more is kept than has come, whatever a head says', () => {
    const parser = new FrameParser(new Recorder(), 0xffff_ffff);
    const head = Buffer.from('7fffffff0200000000', 'hex');
    parser.read(head, 0, head.length);
    expect(parser.heldBytes).toBe(head.length);
  });
});
