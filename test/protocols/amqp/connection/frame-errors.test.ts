/** Which frames are what they say they are. */
import { expect, test } from 'vitest';
import { FRAME_BODY, FRAME_HEADER, FRAME_HEARTBEAT, FRAME_METHOD } from '../../../../protocols/amqp/codec/constants.ts';
import { isKnown } from '../../../../protocols/amqp/connection/frame-errors.ts';

test.each([
  ['a method', FRAME_METHOD, 4],
  ['a header', FRAME_HEADER, 12],
  ['a body', FRAME_BODY, 0],
] as const)('%s is long enough for what it begins with, wherever in the chunk it lies', (_what, type, least) => {
  for (const start of [0, 7, 100_000]) {
    expect(isKnown(type, start, start + least)).toBe(true);
    if (least > 0) expect(isKnown(type, start, start + least - 1)).toBe(false);
  }
});

test('a heartbeat and what there is not are none of those', () => {
  for (const type of [FRAME_HEARTBEAT, 0, 4, 255]) expect(isKnown(type, 7, 100)).toBe(false);
});
