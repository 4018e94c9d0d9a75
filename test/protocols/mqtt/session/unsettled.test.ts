/** What a client was sent and has not answered, when its connection goes, its session ends, or the broker starts again. */
import { beforeEach, describe, expect, it } from 'vitest';
import { SubscriptionConsumer } from '../../../../protocols/mqtt/deliver/subscription-consumer.ts';
import {
  DORMANT,
  PUBLISHED_1,
  PUBLISHED_2,
  RECORDING,
  RELEASED,
} from '../../../../protocols/mqtt/session/packet-window.ts';
import { UnsettledPackets } from '../../../../protocols/mqtt/session/unsettled.ts';
import type { MqttStats } from '../../../../protocols/mqtt/stats.ts';
import { ACCEPTED, type AdapterState, RELEASED as BACK, type Consumer, MODIFIED } from '../../../../src/api/index.ts';

let records: string[];
let state: AdapterState;
let stats: { sharedDropped: number };
let settled: [slot: number, outcome: number][];
let unsettled: UnsettledPackets;

beforeEach(() => {
  records = [];
  state = {
    put: (key: string) => void records.push(`+${key}`),
    delete: (key: string) => records.push(`-${key}`) > 0,
  } as unknown as AdapterState;
  stats = { sharedDropped: 0 };
  settled = [];
  unsettled = new UnsettledPackets('client', state, stats as MqttStats);
});

function feed(shared: boolean, active = true): SubscriptionConsumer {
  const made = new SubscriptionConsumer('q', shared, 2, () => {});
  made.handle = {
    active,
    settle: (slot: number, outcome: number) => settled.push([slot, outcome]),
    endFor: (slot: number, outcome: number) => settled.push([slot, outcome]),
  } as unknown as Consumer;
  return made;
}

/** Takes an identifier; returns it. */
function sent(of: SubscriptionConsumer, slot: number, stage: number): number {
  return unsettled.window.ids[unsettled.window.take(of, slot, stage)]!;
}

const stageOf = (id: number): number => {
  const place = unsettled.window.find(id);
  return place < 0 ? 0 : unsettled.window.stages[place]!;
};

describe('when the connection goes', () => {
  it('what is of the session’s own queue stays, and is sent again under its identifier', () => {
    const own = feed(false);
    const [one, two, released] = [sent(own, 7, PUBLISHED_1), sent(own, 8, PUBLISHED_2), sent(own, 9, RELEASED)];
    unsettled.park(false);
    expect([stageOf(one), stageOf(two), stageOf(released)]).toEqual([
      PUBLISHED_1 | DORMANT,
      PUBLISHED_2 | DORMANT,
      RELEASED,
    ]);
    unsettled.prepareAgain();
    expect([...own.again!]).toEqual([
      [7, one],
      [8, two],
    ]);
    expect(settled).toEqual([]);
    const place = unsettled.wake(one);
    expect(unsettled.window.ids[place]).toBe(one);
    expect(stageOf(one)).toBe(PUBLISHED_1);
    expect(unsettled.wake(999)).toBe(-1);
    expect(unsettled.released()).toEqual([released]);
  });

  it('what is of a share goes back, as an attempt unless that was in order; QoS 2 stays', () => {
    for (const inOrder of [true, false]) {
      settled = [];
      unsettled = new UnsettledPackets('client', state, stats as MqttStats);
      const share = feed(true);
      const [one, recording, two] = [
        sent(share, 1, PUBLISHED_1),
        sent(share, 2, RECORDING),
        sent(share, 3, PUBLISHED_2),
      ];
      unsettled.park(inOrder);
      expect(settled).toEqual([
        [1, inOrder ? BACK : MODIFIED],
        [2, BACK],
      ]);
      expect([stageOf(one), stageOf(recording), stageOf(two)]).toEqual([0, 0, PUBLISHED_2 | DORMANT]);
    }
    expect(stats.sharedDropped).toBe(0);
  });

  it('QoS 2 of a share that was left is dropped, counted, and its exchange finished', () => {
    const share = feed(true, false);
    const id = sent(share, 3, PUBLISHED_2);
    unsettled.park(false);
    expect([stageOf(id), stats.sharedDropped, settled]).toEqual([RELEASED, 1, [[3, ACCEPTED]]]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatch(/^\+/);
  });
});

describe('when the session ends', () => {
  it('nothing is held any more: a share gets back what is not sent with QoS 2, the own queue nothing', () => {
    const [own, share] = [feed(false), feed(true)];
    sent(own, 1, PUBLISHED_2);
    sent(share, 2, PUBLISHED_1);
    sent(share, 3, PUBLISHED_2);
    sent(share, 4, RELEASED);
    sent(share, 5, RECORDING);
    unsettled.end(false);
    expect(unsettled.size).toBe(0);
    expect(settled).toEqual([
      [2, MODIFIED],
      [3, ACCEPTED],
      [5, BACK],
    ]);
    expect(stats.sharedDropped).toBe(1);
    // Of QoS 1 there is no record.
    expect(records.filter((record) => record.startsWith('-'))).toHaveLength(4);
  });

  it('in order, what was only sent is no attempt', () => {
    const share = feed(true);
    sent(share, 2, PUBLISHED_1);
    unsettled.end(true);
    expect(settled).toEqual([[2, BACK]]);
  });
});

describe('when a queue goes', () => {
  it('its identifiers are free, all but those that are released; as many as were in use count', () => {
    const [gone, stays] = [feed(false), feed(false)];
    const dormant = sent(gone, 1, PUBLISHED_1);
    unsettled.park(true);
    const [live, released, other] = [sent(gone, 2, PUBLISHED_2), sent(gone, 3, RELEASED), sent(stays, 4, PUBLISHED_1)];
    unsettled.prepareAgain();
    expect(unsettled.forget(gone)).toBe(1);
    expect([stageOf(dormant), stageOf(live), stageOf(released), stageOf(other)]).toEqual([0, 0, RELEASED, PUBLISHED_1]);
    expect(gone.again).toBeNull();
  });
});

describe('after a start', () => {
  const leftovers = {
    outbound: [
      { id: 5, seq: 100 },
      { id: 6, seq: 0 },
      { id: 7, seq: 102 },
    ],
  } as never;

  it('a QoS 2 message goes on under its identifier, and one that was released is released', () => {
    const own = feed(false);
    unsettled.restore(leftovers);
    expect([unsettled.size, unsettled.restoring, unsettled.released()]).toEqual([3, true, [6]]);
    const none = (): never => expect.unreachable();
    expect(unsettled.placeRestored(own, 99, 1, none)).toBe(-1);
    const place = unsettled.placeRestored(own, 100, 1, none);
    expect([unsettled.window.ids[place], unsettled.window.slots[place], unsettled.window.consumers[place]]).toEqual([
      5,
      1,
      own,
    ]);
    expect(stageOf(5)).toBe(PUBLISHED_2);
    expect(unsettled.placeRestored(own, 101, 2, none)).toBe(-1);
    expect(unsettled.restoring).toBe(true);
    expect(unsettled.window.ids[unsettled.placeRestored(own, 102, 3, none)]).toBe(7);
    expect(unsettled.restoring).toBe(false);
    expect(unsettled.placeRestored(own, 103, 4, none)).toBe(-1);
  });

  it('what does not come any more, because a later one has, is released; one of a share says nothing', () => {
    unsettled.restore(leftovers);
    const stale: number[] = [];
    const told = (id: number): void => void stale.push(id);
    expect(unsettled.placeRestored(feed(true), 500, 1, told)).toBe(-1);
    expect([stale, unsettled.restoring]).toEqual([[], true]);
    expect(unsettled.placeRestored(feed(false), 102 + 1, 1, told)).toBe(-1);
    expect([stale.sort(), unsettled.restoring]).toEqual([[5, 7], false]);
    expect(unsettled.released().sort()).toEqual([5, 6, 7]);
    expect(records.every((record) => record.startsWith('+'))).toBe(true);
    expect(records).toHaveLength(2);
  });
});

it('a clean session writes nothing down', () => {
  unsettled = new UnsettledPackets('client', null, stats as MqttStats);
  unsettled.recordSent(1, 2);
  unsettled.recordReleased(1);
  sent(feed(false), 1, PUBLISHED_2);
  unsettled.end(true);
  expect(records).toEqual([]);
});
