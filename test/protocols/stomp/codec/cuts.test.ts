/** However the input is cut, the same frames come of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeText } from '../../../../protocols/stomp/codec/escape.ts';
import * as names from '../../../../protocols/stomp/codec/names.ts';
import { COMPLETE, FrameParser, INCOMPLETE_BODY } from '../../../../protocols/stomp/codec/parser.ts';
import { V1_2, type Version } from '../../../../protocols/stomp/codec/version.ts';
import { InputBuffer, JoinBuffer } from '../../../../protocols/stomp/connection/input-buffer.ts';

const BOUNDS = {
  headersMax: 40,
  headerLineSizeMax: 1_000,
  headersSizeMax: 4_000,
  bodySizeMax: 100_000,
  unmeasuredBodySizeMax: 10_000,
};

interface Parsed {
  command: string;
  headers: [string, string][];
  body: string;
}

function taken(parser: FrameParser): Parsed {
  const headers: [string, string][] = [];
  for (let i = 0; i < parser.count; i++) headers.push([parser.nameText(i), parser.valueText(i)]);
  return {
    command: names.COMMAND_TEXT[parser.command]!,
    headers,
    body: parser.buffer.toString('latin1', parser.bodyStart, parser.bodyEnd),
  };
}

/** Feeds the pieces through an input buffer as a connection does. */
function parsePieces(pieces: Buffer[], version: Version): Parsed[] {
  const parser = new FrameParser(BOUNDS);
  const input = new InputBuffer(new JoinBuffer());
  const frames: Parsed[] = [];
  for (const piece of pieces) {
    // A socket's chunk is gone after the call: what the buffer keeps must be its own.
    const chunk = Buffer.from(piece);
    if (input.add(chunk, 0, chunk.length)) {
      let at = input.start;
      for (;;) {
        const result = parser.parse(input.buffer, at, input.end, version);
        if (result !== COMPLETE) {
          const known = result === INCOMPLETE_BODY && parser.contentLength >= 0;
          if (known) input.keepMeasured(parser.start, parser.end - parser.start);
          else input.keepUnmeasured(parser.start, BOUNDS.headersSizeMax);
          break;
        }
        frames.push(taken(parser));
        at = parser.end;
        if (at === input.end) {
          input.used();
          break;
        }
      }
    }
    chunk.fill(0xee);
  }
  return frames;
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', ':', '\\', '\n', '\r', 'é', '€', ' ', '_'), maxLength: 12 });

const frame = fc.record({
  headers: fc.array(
    fc.tuple(
      text.filter((name) => name !== ''),
      text,
    ),
    { maxLength: 8 },
  ),
  body: fc.uint8Array({ maxLength: 300 }),
  measured: fc.boolean(),
  eols: fc.constantFrom('', '\n', '\r\n', '\n\n'),
  lineEnd: fc.constantFrom('\n', '\r\n'),
});

test('any cut of the input gives the same frames', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(2_000), { maxLength: 30 }), (frames, cuts) => {
      const expected: Parsed[] = [];
      const parts: Buffer[] = [];
      for (const { headers, body, measured, eols, lineEnd } of frames) {
        const bytes = Buffer.from(measured ? body : body.map((byte) => byte || 1));
        // A trailing CR of a value would belong to the line's end; 1.2 writes it as an escape.
        const lines = headers.map(([name, value]) => `${escapeText(name)}:${escapeText(value)}${lineEnd}`);
        const all: [string, string][] = headers.map(([name, value]) => [name, value]);
        if (measured) {
          lines.push(`content-length:${bytes.length}${lineEnd}`);
          all.push(['content-length', String(bytes.length)]);
        }
        parts.push(Buffer.from(`${eols}SEND${lineEnd}${lines.join('')}${lineEnd}`), bytes, Buffer.of(0));
        expected.push({ command: 'SEND', headers: all, body: bytes.toString('latin1') });
      }
      const whole = Buffer.concat(parts);
      const places = [...new Set([0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].sort(
        (a, b) => a - b,
      );
      const pieces = places.slice(1).map((place, i) => whole.subarray(places[i], place));
      expect(parsePieces(pieces, V1_2)).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

test('byte by byte gives the same frames', () => {
  const whole = Buffer.from(
    '\n\nSEND\r\na\\c:b\r\ncontent-length:4\n\n\0\0\0x\0\n\r\nBEGIN\ntransaction:t\n\n\0SEND\n\nbody\0',
  );
  const pieces = [...whole].map((byte) => Buffer.of(byte));
  const frames = parsePieces(pieces, V1_2);
  expect(frames).toEqual(parsePieces([whole], V1_2));
  expect(frames.map((f) => [f.command, f.body])).toEqual([
    ['SEND', '\0\0\0x'],
    ['BEGIN', ''],
    ['SEND', 'body'],
  ]);
});

test('frames larger than the shared buffer come through whole', () => {
  const bounds = { ...BOUNDS, unmeasuredBodySizeMax: 1_000_000 };
  const parser = new FrameParser(bounds);
  const input = new InputBuffer(new JoinBuffer());
  const whole = Buffer.from(`SEND\na:b\n\n${'0123456789'.repeat(60_000)}\0DISCONNECT\n\n\0`);
  const seen: string[] = [];
  for (let at = 0; at < whole.length; at += 50_000) {
    const chunk = Buffer.from(whole.subarray(at, at + 50_000));
    if (!input.add(chunk, 0, chunk.length)) continue;
    let from = input.start;
    while (parser.parse(input.buffer, from, input.end, V1_2) === COMPLETE) {
      seen.push(`${names.COMMAND_TEXT[parser.command]} ${parser.bodyEnd - parser.bodyStart}`);
      from = parser.end;
    }
    input.keepUnmeasured(parser.start, 1_000_000);
  }
  expect(seen).toEqual(['SEND 600000', 'DISCONNECT 0']);
});
