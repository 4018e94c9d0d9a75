/** The frame parser behind a read gate: whatever the cuts and the pauses, the same frames. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameParser, type FrameSink } from '../../../../protocols/amqp/codec/frame-parser.ts';
import { Turn } from '../../../../src/clock/turn.ts';
import { ReadGate } from '../../../../src/transport/read-gate.ts';

interface Frame {
  type: number;
  channel: number;
  payload: string;
}

class Recorder implements FrameSink {
  frames: Frame[] = [];
  errors: string[] = [];
  /** Called with each frame's number; returns what `frame` shall return. */
  hook: (n: number) => boolean = () => true;

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.hook(this.frames.length)) return false;
    this.frames.push({ type, channel, payload: buffer.subarray(start, end).toString('hex') });
    return true;
  }

  frameGone(): void {}

  frameError(reason: string): void {
    this.errors.push(reason);
  }
}

/** A reason to pause. */
const PAUSED = 2;
const NO_TRANSPORT = { pause(): void {}, resume(): void {} };

function gateOf(parser: FrameParser): ReadGate {
  const owner = {
    chunkRead(): void {},
    readFailed(error: unknown): void {
      throw error;
    },
  };
  return new ReadGate(new Turn(), parser, NO_TRANSPORT, owner);
}

function read(parser: FrameParser, bytes: Buffer): void {
  expect(parser.read(bytes, 0, bytes.length)).toBe(bytes.length);
}

function encode(type: number, channel: number, payload: Uint8Array): Buffer {
  const buffer = Buffer.alloc(8 + payload.length);
  buffer[0] = type;
  buffer.writeUInt16BE(channel, 1);
  buffer.writeUInt32BE(payload.length, 3);
  buffer.set(payload, 7);
  buffer[7 + payload.length] = 0xce;
  return buffer;
}

const frames = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    channel: fc.integer({ min: 0, max: 65535 }),
    payload: fc.uint8Array({ maxLength: 60 }),
  }),
  { maxLength: 12 },
);
const cuts = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 40 });

/** Pieces of `stream`, in order; each is a copy that is overwritten afterwards, as a reused read buffer would be. */
function feed(parser: FrameParser, stream: Buffer, sizes: number[]): void {
  let at = 0;
  for (let i = 0; at < stream.length; i++) {
    const size = Math.max(i >= sizes.length * 3 ? 1 : 0, sizes[i % sizes.length]!);
    const piece = Buffer.from(stream.subarray(at, at + size));
    at += size;
    read(parser, piece);
    piece.fill(0xaa);
  }
}

describe('cutting a stream into frames', () => {
  test('any cut gives the same frames', () => {
    fc.assert(
      fc.property(frames, cuts, (given, sizes) => {
        const recorder = new Recorder();
        const parser = new FrameParser(recorder, 4096);
        feed(parser, Buffer.concat(given.map((f) => encode(f.type, f.channel, f.payload))), sizes);
        expect(recorder.errors).toEqual([]);
        expect(recorder.frames).toEqual(given.map((f) => ({ ...f, payload: Buffer.from(f.payload).toString('hex') })));
        expect(parser.heldBytes).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  test('pausing, refusing and going on lose and repeat nothing, wherever they happen', () => {
    fc.assert(
      fc.property(
        frames,
        cuts,
        fc.array(fc.constantFrom('on', 'pause after', 'refuse', 'pause and go'), { minLength: 1, maxLength: 8 }),
        (given, sizes, plan) => {
          const recorder = new Recorder();
          const parser = new FrameParser(recorder, 4096);
          const gate = gateOf(parser);
          let step = 0;
          recorder.hook = () => {
            const action = plan[step++ % plan.length];
            if (action === 'on') return true;
            gate.pause(PAUSED);
            if (action === 'pause and go') gate.resume(PAUSED);
            return action !== 'refuse';
          };
          const stream = Buffer.concat(given.map((f) => encode(f.type, f.channel, f.payload)));
          let at = 0;
          for (let i = 0; at < stream.length; i++) {
            const size = Math.max(1, sizes[i % sizes.length]!);
            gate.data(Buffer.from(stream.subarray(at, at + size)));
            at += size;
            // A plan that only refuses would go on for ever.
            for (let tries = 0; gate.paused && tries < 100; tries++) gate.resume(PAUSED);
          }
          recorder.hook = () => true;
          gate.resume(PAUSED);
          expect(recorder.frames).toEqual(
            given.map((f) => ({ ...f, payload: Buffer.from(f.payload).toString('hex') })),
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  test('a frame larger than agreed is an error as soon as its size is known', () => {
    for (const cut of [1, 6, 7, 8]) {
      const recorder = new Recorder();
      const parser = new FrameParser(recorder, 4096);
      const head = Buffer.from([3, 0, 1, 0xff, 0xff, 0xff, 0xff, 0]);
      read(parser, Buffer.from(head.subarray(0, cut)));
      if (cut < 8) read(parser, Buffer.from(head.subarray(cut)));
      expect(recorder.errors.length, `cut at ${cut}`).toBe(1);
      expect(parser.heldBytes).toBe(0);
    }
  });

  test('the largest frame agreed passes, and eight bytes more, as with RabbitMQ; one above that does not', () => {
    const most = new Recorder();
    read(new FrameParser(most, 4096), encode(3, 1, Buffer.alloc(4096)));
    expect(most.frames.length).toBe(1);
    const more = new Recorder();
    read(new FrameParser(more, 4096), encode(3, 1, Buffer.alloc(4097)));
    expect(more.errors).toEqual(['type 3, all octets = <<>>: {frame_too_large,4097,4088}']);
    expect(more.frames).toEqual([]);
  });

  test('an error is the last thing that is heard, also when the chunk that completed the bad frame goes on', () => {
    const bad = encode(1, 0, Buffer.from('abcd'));
    bad[bad.length - 1] = 0;
    const bytes = Buffer.concat([bad, encode(1, 0, Buffer.from('late')), encode(1, 0, Buffer.alloc(5000))]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const recorder = new Recorder();
      const parser = new FrameParser(recorder, 4096);
      read(parser, Buffer.from(bytes.subarray(0, cut)));
      read(parser, Buffer.from(bytes.subarray(cut)));
      expect([recorder.frames.length, recorder.errors.length], `cut at ${cut}`).toEqual([0, 1]);
    }
  });

  test('a frame without its end octet is an error, and nothing after it is handed on', () => {
    const bad = encode(1, 0, Buffer.from('abcd'));
    bad[bad.length - 1] = 0;
    const recorder = new Recorder();
    const parser = new FrameParser(recorder, 4096);
    read(parser, Buffer.concat([encode(1, 0, Buffer.from('good')), bad, encode(1, 0, Buffer.from('late'))]));
    read(parser, encode(1, 0, Buffer.from('later')));
    expect(recorder.frames.map((f) => Buffer.from(f.payload, 'hex').toString())).toEqual(['good']);
    expect(recorder.errors.length).toBe(1);
  });

  test('what is kept of a frame that was cut can be copied before its memory is used for another', () => {
    class Keeper extends Recorder {
      kept: Buffer = Buffer.alloc(0);
      override frame(type: number, _channel: number, buffer: Buffer, start: number, end: number): boolean {
        if (type === 2) this.kept = buffer.subarray(start, end);
        return true;
      }
      override frameGone(): void {
        this.kept = Buffer.from(this.kept);
      }
    }
    const keeper = new Keeper();
    const parser = new FrameParser(keeper, 128 * 1024);
    const long = Buffer.alloc(50_000, 'properties');
    const header = encode(2, 1, long);
    read(parser, header.subarray(0, 30_000));
    // The end of the first, and the beginning of the next, which is kept as well: in the same memory.
    read(parser, Buffer.concat([header.subarray(30_000), encode(3, 1, Buffer.alloc(60_000, 'b')).subarray(0, 59_000)]));
    expect(keeper.kept.equals(long)).toBe(true);
  });

  test('an announced giant that never comes holds only what has come', () => {
    const parser = new FrameParser(new Recorder(), 128 * 1024 * 1024);
    read(parser, Buffer.from([3, 0, 1, 0x07, 0, 0, 0, 1, 2, 3]));
    expect(parser.heldBytes).toBe(10);
  });
});
