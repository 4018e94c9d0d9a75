import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Protocol } from '../../src/api/index.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { DETECT_BYTES_MAX, Detection, detect } from '../../src/transport/detection.ts';
import { RecordingProtocol } from '../support/recording.ts';

const FIRST = new RecordingProtocol('first', 'SAME-ONE');
const SECOND = new RecordingProtocol('second', 'SAME-TWO');

it('any cut of a stream is found to be the same protocol, and hands on the same bytes', () => {
  const stream = fc.tuple(fc.constantFrom(FIRST, SECOND), fc.string({ maxLength: 20 }), fc.array(fc.nat(30)));
  fc.assert(
    fc.property(stream, ([protocol, rest, cuts]) => {
      const bytes = Buffer.from((protocol === FIRST ? 'SAME-ONE' : 'SAME-TWO') + rest);
      const found: [Protocol, string][] = [];
      const detection = new Detection(
        [FIRST, SECOND],
        new ManualClock(),
        (p, first) => void found.push([p, first.toString('hex')]),
        () => expect.unreachable(),
      );
      const handedOn: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        if (found.length > 0) break;
        const piece = Buffer.from(bytes.subarray(at, Math.max(at, Math.min(cut, bytes.length))));
        at += piece.length;
        handedOn.push(Buffer.from(piece));
        detection.data(piece);
        // The chunk is the transport's: it may be used again as soon as the call has returned.
        piece.fill(0);
      }
      expect(found).toEqual([[protocol, Buffer.concat(handedOn).toString('hex')]]);
    }),
  );
});

it('who has not said what it speaks is a stranger', () => {
  const detection = new Detection(
    [FIRST, SECOND],
    new ManualClock(),
    () => {},
    () => {},
  );
  detection.data(Buffer.from('SAME-'));
  expect(detection.authenticated).toBe(false);
});

it('gives up after 16 bytes that tell nothing', () => {
  const undecided = { ...FIRST, detect: () => undefined } as unknown as Protocol;
  expect(detect([undecided], Buffer.alloc(DETECT_BYTES_MAX - 1))).toBeUndefined();
  expect(detect([undecided], Buffer.alloc(DETECT_BYTES_MAX))).toBeNull();
});

it('gives up at once when nobody can claim the stream any more', () => {
  expect(detect([FIRST, SECOND], Buffer.from('SAMBA'))).toBeNull();
});

it('its timer is gone once it has decided or the client has left', () => {
  const clock = new ManualClock();
  let gaveUp = 0;
  const make = () =>
    new Detection(
      [FIRST],
      clock,
      () => {},
      () => void gaveUp++,
    );
  make().data(Buffer.from('SAME-ONE'));
  make().closed();
  clock.advance(60_000);
  expect(gaveUp).toBe(0);
});
