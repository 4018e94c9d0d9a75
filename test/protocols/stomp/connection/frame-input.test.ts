/** Frames are taken once each and in order, however their bytes are cut and wherever the gate is closed between them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Adapter } from '../../../../protocols/stomp/adapter.ts';
import { FrameParser, type ParseResult } from '../../../../protocols/stomp/codec/parser.ts';
import { FrameInput, type FrameInputHost } from '../../../../protocols/stomp/connection/frame-input.ts';
import { JoinBuffer } from '../../../../protocols/stomp/connection/input-buffer.ts';
import { resolveOptions } from '../../../../protocols/stomp/options.ts';
import { ReadGate } from '../../../../src/api/index.ts';
import { Turn } from '../../../../src/clock/turn.ts';

const WAITING = 2;

/** An input behind a gate, which closes before the frames that `waits` says, each once. */
class CountingParser extends FrameParser {
  parses = 0;

  override parse(...args: Parameters<FrameParser['parse']>): ParseResult {
    this.parses++;
    return super.parse(...args);
  }
}

class Reader implements FrameInputHost {
  readonly taken: string[] = [];
  readonly parser = new CountingParser(resolveOptions({}));
  readonly gate: ReadGate;
  private readonly waits: boolean[];

  constructor(waits: readonly boolean[]) {
    const options = resolveOptions({});
    const adapter = { options, parser: this.parser, joinBuffer: new JoinBuffer() } as unknown as Adapter;
    this.waits = [...waits];
    const fail = (error: unknown): never => {
      throw error;
    };
    const owner = { readFailed: fail, chunkRead() {} };
    this.gate = new ReadGate(new Turn(), new FrameInput(adapter, this), { pause() {}, resume() {} }, owner);
  }

  mustWait(): boolean {
    if (this.waits.shift() !== true) return false;
    this.gate.pause(WAITING);
    return true;
  }

  awaitAnswer(): void {}

  take(frame: FrameParser): void {
    this.taken.push(frame.buffer.latin1Slice(frame.bodyStart, frame.bodyEnd));
    if (this.waits.shift() === true) this.gate.pause(WAITING);
  }

  beginLarge(): never {
    throw new Error('no body is that large');
  }

  largeHeldBack(): void {}

  failed(error: unknown): void {
    throw error;
  }
}

test('whatever waits goes on where it stopped', () => {
  const frames = fc.array(fc.record({ bytes: fc.nat(200), measured: fc.boolean() }), { minLength: 1, maxLength: 20 });
  const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 30 });
  const waits = fc.array(fc.boolean(), { maxLength: 60 });
  const resumes = fc.array(fc.boolean(), { maxLength: 60 });
  fc.assert(
    fc.property(frames, cuts, waits, resumes, (shapes, lengths, closed, opened) => {
      const bodies = shapes.map(({ bytes }, i) => `${i}:${'x'.repeat(bytes)}`);
      const wire = Buffer.from(
        shapes
          .map(
            ({ measured }, i) => `SEND\n${measured ? `content-length:${bodies[i]!.length}\n` : ''}\n${bodies[i]}\0\n`,
          )
          .join(''),
      );
      const reader = new Reader(closed);
      const answers = [...opened];
      for (let at = 0, i = 0; at < wire.length; i++) {
        const chunk = Buffer.from(wire.subarray(at, at + lengths[i % lengths.length]!));
        at += chunk.length;
        reader.gate.data(chunk);
        chunk.fill(0xee); // a socket's chunk is gone after the call
        if (answers.shift() !== false) reader.gate.resume(WAITING);
      }
      for (let i = 0; i < 200; i++) reader.gate.resume(WAITING);
      expect(reader.taken).toEqual(bodies);
      expect(reader.gate.heldBytes).toBe(0);
    }),
  );
});

test('a body whose length was told is parsed once it is whole, though it comes byte by byte and is full of NULs', () => {
  const reader = new Reader([]);
  const body = '\0'.repeat(2_000);
  const wire = Buffer.from(`SEND\ncontent-length:${body.length}\n\n${body}\0`);
  reader.gate.data(wire.subarray(0, 40));
  const before = reader.parser.parses;
  for (let at = 40; at < wire.length; at++) reader.gate.data(wire.subarray(at, at + 1));
  expect(reader.taken).toEqual([body]);
  expect(reader.parser.parses - before).toBe(1);
});
