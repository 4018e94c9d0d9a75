/** Pages that are open for an hour in front of a broker with 50,000 messages a second: the hour goes by in seconds, and takes no memory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grew, hour, LIVE_PAGES, StandIn } from '../../../bench/console/hour.ts';
import { CHROMIUM, Desk } from './harness.ts';

const HOUR_SECONDS = 3_600;
/** The clock is wound on by so much at a time; `bench/console-memory.ts` takes two seconds. */
const STEP_SECONDS = 120;

describe.skipIf(CHROMIUM === undefined)('an hour of live data', { timeout: 120_000 }, () => {
  const desk = new Desk();
  let standIn: StandIn;
  beforeAll(async () => {
    await desk.start();
    standIn = await StandIn.start(desk.broker.httpPort);
    for (let i = 0; i < 60; i++) await desk.api('PUT', `/api/queues/%2F/jobs.${i}`, {});
  }, 120_000);
  afterAll(async () => {
    await standIn?.stop();
    await desk.stop();
  });

  // Of the lists, which ask every few seconds, one.
  test.each(LIVE_PAGES.filter(({ name, step }) => step !== undefined || name === 'a queue'))(
    'leaves $name as large as it was',
    async ({ at, step }) => {
      const measured = await hour({
        ...{ executablePath: CHROMIUM!, url: standIn.url, login: ['guest', 'guest'], at },
        ...{ seconds: HOUR_SECONDS, stepSeconds: STEP_SECONDS },
        ...(step !== undefined && { step: (second: number) => step(standIn, second, STEP_SECONDS) }),
      });
      expect(grew(measured), JSON.stringify(measured)).toBeUndefined();
    },
  );
});
