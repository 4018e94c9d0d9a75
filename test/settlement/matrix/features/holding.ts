/** Deliveries that are held, parked and pulled, and what comes again and again. */
import { expect } from 'vitest';
import { untilAsked } from '../../../support/until.ts';
import type { Scene } from '../scene.ts';
import type { Delivery } from '../sides/side.ts';
import { StompSide } from '../sides/stomp.ts';
import { type Feature, readable, reading } from './feature.ts';

const SILENT = "what is in flight is the session's, sent again when the client is back [MQTT-4.4.0-1]";

async function endAll(deliveries: readonly Delivery[], how: 'accept' | 'fail'): Promise<void> {
  for (const delivery of deliveries) await delivery.end(how);
}

/** What is answered once a time is up, however short that is. */
async function answered<T>(scene: Scene, asked: Promise<T>): Promise<T> {
  let open = true;
  const close = (): void => {
    open = false;
  };
  asked.then(close, close);
  while (open) await scene.pass(20);
  return asked;
}

export const HOLDING: readonly Feature[] = [
  {
    name: 'lease: renewed, run out',
    async run(cell) {
      const { scene, protocol } = cell;
      // Over HTTP a pull says how long it holds what it takes.
      const queue = await readable(cell, 'leased', protocol === 'HTTP' ? {} : { 'x-lease': 1_000 });
      await scene.put(queue, 'held');
      return reading(cell, queue, async (reader) => {
        const first = await reader.next();
        for (let i = 0; i < 3; i++) {
          await scene.pass(700);
          expect(await reader.renew!()).toBe(true);
        }
        expect((await scene.count(queue)) + reader.waiting).toBe(0);
        await scene.pass(1_300);
        // Too late, and harmless; but a reader that has let one run out gets no more before it says something.
        await first.end('accept');
        const again = await reader.next();
        expect(again.body).toBe('held');
        await again.end('accept');
        await untilAsked(async () => (await scene.count(queue)) === 0, 'its end');
        return 'held three times as long, then given back';
      });
    },
  },
  {
    name: 'parked under a token, for a time',
    async run(cell) {
      const { scene } = cell;
      const queue = await readable(cell, 'parking', { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 });
      await scene.put(queue, 'odd');
      return reading(cell, queue, async (reader) => {
        const odd = await reader.next();
        await odd.park!('k', 60_000);
        await scene.put(queue, 'other');
        const other = await reader.next();
        expect(other.body).toBe('other');
        await other.end('accept');
        await scene.pass(1_000);
        expect((await scene.count(queue)) + reader.waiting).toBe(0);
        await reader.claim!('k');
        const claimed = await reader.next();
        expect([claimed.body, claimed.header('x-opt-deferral-token')]).toEqual(['odd', 'k']);
        await claimed.park!('', 400);
        await scene.pass(200);
        expect((await scene.count(queue)) + reader.waiting).toBe(0);
        await scene.pass(300);
        const back = await reader.next();
        expect(back.body).toBe('odd');
        // Neither was a failed attempt: the queue allows for one.
        expect(back.header('x-delivery-count') ?? '0').toBe('0');
        await back.end('accept');
        return 'asked for by its token, back at its time';
      });
    },
  },
  {
    name: 'consumer timeout',
    none: { 'MQTT 5': SILENT, HTTP: 'a pull always has a lease' },
    async run(cell) {
      const { scene } = cell;
      const queue = await readable(cell, 'timeout', { 'x-consumer-timeout': 1_000 });
      await scene.put(queue, 'held');
      return reading(cell, queue, async (reader) => {
        await reader.next();
        await scene.pass(900);
        expect(await scene.count(queue)).toBe(0);
        await scene.pass(400);
        expect(await reader.told!()).toMatch(/timeout|not acknowledged within 1000 ms/i);
        await scene.until(queue, 1);
        return cell.protocol === 'STOMP' ? 'told by ERROR, given back' : 'told by the end of the channel, given back';
      });
    },
  },
  {
    name: 'pulled, many at once',
    none: {
      'MQTT 5': 'the broker sends: Receive Maximum 1 is the nearest',
      STOMP: 'the broker sends: prefetch-count 1 is the nearest',
    },
    async run(cell) {
      const { scene, side } = cell;
      const queue = await readable(cell, 'pulled');
      expect(await answered(scene, side.pull!(queue, 2, 0))).toEqual([]);
      for (const body of ['a', 'b', 'c']) await scene.put(queue, body);
      const two = await side.pull!(queue, 2, 0);
      expect(two.map(({ body }) => body)).toEqual(['a', 'b']);
      await two[0]!.end('fail');
      await two[1]!.end('accept');
      const rest = await side.pull!(queue, 3, 0);
      expect(rest.map(({ body }) => body)).toEqual(['a', 'c']);
      await endAll(rest, 'accept');
      if (cell.protocol !== 'HTTP') return 'basic.get, one by one';
      const asked = side.pull!(queue, 2, 20_000);
      await scene.put(queue, 'late');
      const late = await asked;
      expect(late.map(({ body }) => body)).toEqual(['late']);
      await endAll(late, 'accept');
      return 'at once, or waited for';
    },
  },
  {
    name: 'what a schedule brings',
    async run(cell) {
      const { scene, protocol } = cell;
      const queue = await readable(cell, 'scheduled');
      const maker = await StompSide.open(scene);
      const headers = { AMQ_SCHEDULED_DELAY: 200, AMQ_SCHEDULED_PERIOD: 400, AMQ_SCHEDULED_REPEAT: 2 };
      // A destination escapes what is between its slashes.
      expect(await maker.publish(encodeURIComponent(queue), 'tick', { headers })).toBe('taken');
      await maker.close();
      const list = (): Promise<{ total: number }> => scene.v1('/schedules');
      expect((await list()).total).toBe(1);
      return reading(cell, queue, async (reader) => {
        const jobs = new Set<string | undefined>();
        for (const ms of [250, 400, 400]) {
          expect((await scene.count(queue)) + reader.waiting).toBe(0);
          await scene.pass(ms);
          const tick = await reader.next();
          expect(tick.body).toBe('tick');
          jobs.add(tick.header('scheduledJobId'));
          await tick.end('accept');
        }
        expect([jobs.size, jobs.has(undefined)]).toEqual([1, false]);
        await untilAsked(async () => (await list()).total === 0, 'the end of the schedule');
        return protocol === 'STOMP' ? 'made, three came, it ended' : 'three came, it ended';
      });
    },
  },
];
