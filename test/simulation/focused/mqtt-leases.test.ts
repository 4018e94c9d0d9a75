/** A bounded number of random histories of shared subscriptions whose members lease what they get, and planted bugs, which must show. */
import { describe, expect, it } from 'vitest';
import { UnsettledPackets } from '../../../protocols/mqtt/session/unsettled.ts';
import type { QueueConsumer } from '../../../src/queue/dispatch/consumer.ts';
import { DeliverySlots } from '../../../src/queue/unsettled/delivery-slots.ts';
import { HoldLimits } from '../../../src/queue/unsettled/hold-limits.ts';
import { HoldWatch } from '../../../src/queue/unsettled/hold-watch.ts';
import { runMqttLeases } from './mqtt-leases.ts';
import { firstWrong, plant } from './planting.ts';

const HISTORIES = Number(process.env['ENTREPOT_SIMULATE_MQTT_LEASES'] ?? 80);

describe('leases of shared subscriptions', () => {
  it(`let nobody else hold what was renewed, through ${HISTORIES} histories`, { timeout: 600_000 }, async () => {
    const sum = { delivered: 0, renewed: 0, tooLate: 0, expired: 0, deaths: 0 };
    const wrong: string[] = [];
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const report = await runMqttLeases(seed);
      for (const name of ['delivered', 'renewed', 'tooLate', 'expired'] as const) sum[name] += report[name];
      sum.deaths += report.faults.kills + report.faults.powerLosses;
      if (report.failures.length > 0) wrong.push(`seed ${seed}: ${report.failures[0]}`);
    }
    expect(wrong).toEqual([]);
    for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(HISTORIES / 2);
  });

  it('would be found out if they ran out early', { timeout: 120_000 }, async () => {
    plant(HoldWatch.prototype, 'tick', (tick) => {
      return function (this: HoldWatch, nowMs, order) {
        tick.call(this, nowMs * 1.2, order);
      };
    });
    expect(await firstWrong(runMqttLeases)).toMatch(/too early|refused, of what was held/);
  });

  it('would be found out if a renewal were confirmed and forgotten', { timeout: 120_000 }, async () => {
    plant(DeliverySlots.prototype, 'renew', () => () => {});
    expect(await firstWrong(runMqttLeases)).toMatch(/too early|refused, of what was held|though it was accepted/);
  });

  it('would be found out if what was lost could be renewed', { timeout: 120_000 }, async () => {
    plant(UnsettledPackets.prototype, 'renew', () => () => true);
    expect(await firstWrong(runMqttLeases)).toMatch(/confirmed, of what was lost|too early/);
  });

  it('would be found out if an identifier were free before its answer', { timeout: 120_000 }, async () => {
    plant(UnsettledPackets.prototype, 'letGo', (letGo) => {
      return function (this: UnsettledPackets, consumer, slots) {
        const gone = letGo.call(this, consumer, slots);
        const { window } = this;
        for (let place = 0; place < window.places; place++) {
          if (window.consumers[place] === consumer && gone.includes(window.slots[place]!)) this.free(place);
        }
        consumer.handle?.answered(gone.length);
        return gone;
      };
    });
    expect(await firstWrong(runMqttLeases)).toMatch(/waits for its answer|had not answered|refused, of what was held/);
  });

  it('would be found out if who has not answered got more', { timeout: 120_000 }, async () => {
    type Attaching = { takeBack(consumer: QueueConsumer, slots: readonly number[]): void };
    plant(HoldLimits.prototype as unknown as Attaching, 'takeBack', (takeBack) => {
      return function (this: Attaching, consumer, slots) {
        takeBack.call(this, consumer, slots);
        consumer.unanswered = 0;
      };
    });
    expect(await firstWrong(runMqttLeases)).toMatch(/had not answered/);
  });

  it('would be found out if nothing were taken back', { timeout: 120_000 }, async () => {
    plant(UnsettledPackets.prototype, 'letGo', () => () => []);
    expect(await firstWrong(runMqttLeases)).toMatch(/confirmed, of what was lost/);
  });
});
