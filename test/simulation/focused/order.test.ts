/** A bounded number of random histories of queues that keep an order or are fair, and planted bugs, which must show. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Lane } from '../../../src/queue/order/lane.ts';
import { QueueOrder } from '../../../src/queue/order/queue-order.ts';
import { runOrder } from './order.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_ORDER'] ?? 90);

/** What a planted bug reaches into. */
interface Inside {
  retries(seq: number): void;
  gone(seq: number): void;
  restore(...args: unknown[]): void;
  forEachPlaced(visit: (place: unknown, seqs: readonly number[]) => void): void;
  free(lane: Lane): void;
  take(consumer: object | null): void;
  lane: Lane | null;
  takeFrom(holder: unknown, lane: Lane, heir: unknown): void;
  goesOn(lane: Lane): boolean;
}

const inside = QueueOrder.prototype as unknown as Inside;
const whole = Object.getOwnPropertyDescriptors(QueueOrder.prototype);

afterEach(() => {
  Object.defineProperties(QueueOrder.prototype, whole);
});

async function firstWrong(kind: 'groups' | 'strict' | 'fair', histories = 60): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    const { failures } = await runOrder(seed, kind);
    if (failures.length > 0) return failures[0];
  }
  return undefined;
}

describe('order', () => {
  it(`is kept, and tenants are served, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    let deliveries = 0;
    let moves = 0;
    let deaths = 0;
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runOrder(seed);
      deliveries += report.deliveries;
      moves += report.moves;
      deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    expect(deliveries).toBeGreaterThan(20 * HISTORIES);
    expect(moves).toBeGreaterThan(2 * HISTORIES);
    expect(deaths).toBeGreaterThan(HISTORIES);
  });

  it('would be found broken if a retry did not hold its group', { timeout: 120_000 }, async () => {
    const { goesOn } = inside;
    inside.goesOn = function (this: Inside, lane) {
      const { retrying } = lane;
      lane.retrying = 0;
      const goes = goesOn.call(this, lane);
      lane.retrying = retrying;
      return goes;
    };
    expect(await firstWrong('groups')).toMatch(/overtook/);
  });

  it('would be found broken if a restart forgot what belongs to which group', { timeout: 120_000 }, async () => {
    const { restore } = inside;
    inside.restore = function (this: Inside, _places, ...rest) {
      restore.call(this, () => undefined, ...rest);
    };
    expect(await firstWrong('groups')).toMatch(/overtook|was held|came after/);
  });

  it('would be found broken if a checkpoint left out what consumers hold', { timeout: 120_000 }, async () => {
    const { forEachPlaced } = inside;
    inside.forEachPlaced = function (this: Inside & { out: Map<number, Lane> }, visit) {
      const { out } = this;
      this.out = new Map();
      forEachPlaced.call(this, visit);
      this.out = out;
    };
    expect(await firstWrong('groups', 200)).toMatch(/overtook|was held|came after/);
  });

  it('would be found broken if a group moved while something of it is held', { timeout: 120_000 }, async () => {
    const { takeFrom } = inside;
    inside.takeFrom = function (this: Inside, holder, lane, heir) {
      lane.unsettled = 0;
      takeFrom.call(this, holder, lane, heir);
    };
    expect(await firstWrong('groups')).toMatch(/overtook|was held/);
  });

  it('would be found broken if more of a strict queue than one message were under way', {
    timeout: 120_000,
  }, async () => {
    const { goesOn } = inside;
    inside.goesOn = function (this: Inside, lane) {
      const { unsettled } = lane;
      lane.unsettled = 0;
      const goes = goesOn.call(this, lane);
      lane.unsettled = unsettled;
      return goes;
    };
    expect(await firstWrong('strict')).toMatch(/was held|overtook/);
  });

  it('would be found broken if who was served stayed first', { timeout: 120_000 }, async () => {
    const { take } = inside;
    inside.take = function (this: Inside, consumer) {
      const { tenant } = this.lane!;
      const { served } = tenant;
      take.call(this, consumer);
      tenant.served = served;
    };
    expect(await firstWrong('fair')).toMatch(/waits too long/);
  });
});
