/** The broker's heartbeats, on a clock that the test moves by hand: a strict client may wait for one interval and no longer. */
import { expect, test } from 'vitest';
import { TICK_MS } from '../../../../src/clock/clock.ts';
import { harness } from '../harness.ts';
import { method, u8, u16, u32 } from '../wire.ts';

const INTERVAL_S = 2;
const tuneOk = method(0, 10, 31, u16(2047), u32(131_072), u16(INTERVAL_S));
const qos = method(1, 60, 10, u32(0), u16(1), u8(0));
const HEARTBEAT = 8;

test.each([
  ['idle', []],
  ['after a reply right behind a heartbeat', [1_020, 3_040, 5_000]],
  ['after a reply right before a heartbeat', [980, 2_980, 4_960]],
  ['between replies that come now and then', [500, 1_900, 2_040, 3_300, 4_700, 6_100]],
])('a client hears something every half interval: %s', (_, asksAtMs) => {
  const s = harness({ tuneOk });
  let lastMs = 0;
  let beats = 0;
  for (let nowMs = TICK_MS; nowMs <= 10_000; nowMs += TICK_MS) {
    s.clock.advance(TICK_MS);
    if (asksAtMs.includes(nowMs)) s.send(qos);
    else if (nowMs % 400 === 0) s.handler.data(Buffer.from([HEARTBEAT, 0, 0, 0, 0, 0, 0, 0xce]));
    const frames = s.frames();
    beats += frames.filter(({ type }) => type === HEARTBEAT).length;
    if (frames.length > 0) lastMs = nowMs;
    expect(nowMs - lastMs).toBeLessThanOrEqual((INTERVAL_S * 1_000) / 2);
  }
  expect(beats).toBe(10);
});

test('a client that does not read is sent no heap of heartbeats', () => {
  const s = harness({ tuneOk });
  s.unsentBytes = 100_000_000;
  s.send(qos);
  s.frames();
  expect(s.output.congested).toBe(true);
  s.clock.advance(1_000);
  expect(s.frames()).toEqual([]);
});
