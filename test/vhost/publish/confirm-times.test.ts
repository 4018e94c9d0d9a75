/** How long confirms take is counted, each from the turn that its message came in; refusals and answers to other things are not. */
import { expect, it } from 'vitest';
import { MARK_REFUSED } from '../../../src/api/index.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import { ProtocolTraffic } from '../../../src/metrics/traffic.ts';
import { Confirms } from '../../../src/vhost/publish/confirms.ts';

it('counts a confirm by how long it took', () => {
  const clock = new ManualClock();
  const turn = new Turn(clock);
  const confirms = new Confirms(turn, clock);
  const traffic = new ProtocolTraffic('one');
  const heard: number[] = [];
  const ring = confirms.ring({ confirm: (id) => heard.push(id), confirmEnd() {} }, traffic);
  ring.push(1, 1);
  ring.push(2, 1);
  ring.push(3, 1, false);
  turn.end();
  clock.advance(30);
  ring.push(4, 2);
  ring.push(5, MARK_REFUSED);
  for (let id = 6; id < 40; id++) ring.push(id, 2); // it grows
  turn.end();
  clock.advance(3);
  expect([traffic.receivedConfirm, traffic.confirmed]).toEqual([38, 0]);
  confirms.advance(1);
  expect([traffic.confirmed, traffic.confirmTimes.sum]).toEqual([2, 66]);
  clock.advance(1);
  confirms.advance(2);
  expect(heard).toHaveLength(39);
  expect([traffic.confirmed, traffic.confirmTimes.count]).toEqual([37, 37]);
  expect(traffic.confirmTimes.sum).toBe(66 + 35 * 4);
});
