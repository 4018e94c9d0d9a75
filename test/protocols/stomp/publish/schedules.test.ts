/** ActiveMQ's scheduler under a clock of the test's: messages that come again and again, what is refused, and the management of both. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { withTemporaryDirectory } from '../../../support/directory.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await StompHarness.start({}, { clock });
});
afterEach(() => harness.stop());

const schedules = () => harness.broker.vhostsByName.get('/')!.schedules;
const ids = (): string[] => [...schedules().all()].map(({ id }) => id);

const schedule = (client: RawClient, more: Record<string, string>, body = 'x'): Promise<void> =>
  client.confirmed('SEND', { destination: '/queue/q', persistent: 'true', ...more }, body);

/** Time passes, and everything that has come by then is taken. */
async function passed(client: RawClient, ms: number): Promise<string[]> {
  clock.advance(ms);
  // Its receipt comes after what was published before.
  for (const _ of [1, 2]) await client.confirmed('SEND', { destination: '/topic/nobody', persistent: 'true' });
  return client.frames.splice(0).map(({ body }) => body.toString());
}

describe('a schedule', () => {
  test('fires after its delay, then once a period, as often as it says, and is gone', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    await schedule(client, { AMQ_SCHEDULED_DELAY: '1000', AMQ_SCHEDULED_PERIOD: '500', AMQ_SCHEDULED_REPEAT: '2' });
    expect(await passed(client, 900)).toEqual([]);
    expect(await passed(client, 140)).toEqual(['x']);
    expect(await passed(client, 400)).toEqual([]);
    expect(await passed(client, 100)).toEqual(['x']);
    expect(ids()).toHaveLength(1);
    expect(await passed(client, 500)).toEqual(['x']);
    expect(ids()).toEqual([]);
    expect(await passed(client, 10_000)).toEqual([]);
  });

  test('without a delay begins after its period', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/t.*' });
    await schedule(client, { destination: '/topic/t.1', AMQ_SCHEDULED_PERIOD: '500', AMQ_SCHEDULED_REPEAT: '-1' });
    expect(await passed(client, 400)).toEqual([]);
    for (let n = 0; n < 20; n++) expect(await passed(client, n === 0 ? 140 : 500)).toEqual(['x']);
  });

  test('says what it comes of, and nothing that would begin another', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    await schedule(client, {
      AMQ_SCHEDULED_PERIOD: '100',
      AMQ_SCHEDULED_REPEAT: '1',
      mine: 'kept',
      scheduledJobId: 'forged',
    });
    const [id] = ids();
    clock.advance(140);
    const frame = await client.next('MESSAGE');
    expect(frame.lines.filter(([name]) => /^AMQ_|JobId|mine|persistent/.test(name))).toEqual([
      ['persistent', 'true'],
      ['scheduledJobId', id],
      ['mine', 'kept'],
    ]);
  });

  test('by a calendar has a run of messages each time', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    const headers = { AMQ_SCHEDULED_CRON: '*/10 * * * *', AMQ_SCHEDULED_DELAY: '1000', AMQ_SCHEDULED_PERIOD: '1000' };
    await schedule(client, { ...headers, AMQ_SCHEDULED_REPEAT: '2' });
    const toTick = 600_000 - (clock.epochMs() % 600_000);
    expect(await passed(client, toTick)).toEqual([]);
    for (let run = 0; run < 2; run++) {
      for (let n = 0; n < 3; n++) expect(await passed(client, n === 0 ? 1_040 : 1_000)).toEqual(['x']);
      expect(await passed(client, 600_000 - 3_040)).toEqual([]);
    }
  });

  test('that fell behind comes once, and then at its own times; its number stays', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    await schedule(client, { AMQ_SCHEDULED_PERIOD: '1000', AMQ_SCHEDULED_REPEAT: '3' });
    expect(await passed(client, 5_540)).toEqual(['x']);
    expect(await passed(client, 400)).toEqual([]);
    for (let n = 0; n < 3; n++) expect(await passed(client, n === 0 ? 100 : 1_000)).toEqual(['x']);
    expect(ids()).toEqual([]);
  });

  test('begins with the commit of its transaction, and large bodies come again too', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    const body = 'y'.repeat(300_000);
    await client.confirmed('BEGIN', { transaction: 'a' });
    const headers = { AMQ_SCHEDULED_PERIOD: '100', AMQ_SCHEDULED_REPEAT: '1', transaction: 'a' };
    await schedule(client, { ...headers, 'content-length': `${body.length}` }, body);
    expect(ids()).toEqual([]);
    await client.confirmed('COMMIT', { transaction: 'a' });
    expect(ids()).toHaveLength(1);
    for (const _ of [1, 2]) {
      clock.advance(120);
      expect((await client.next('MESSAGE')).body.toString()).toBe(body);
    }
  });

  test('of a large body that was not to be kept is kept all the same', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    const body = 'y'.repeat(200_000);
    const headers = { AMQ_SCHEDULED_PERIOD: '100', AMQ_SCHEDULED_REPEAT: '1', persistent: 'false' };
    await schedule(client, headers, body);
    for (const _ of [1, 2]) {
      clock.advance(120);
      expect((await client.next('MESSAGE')).body.toString()).toBe(body);
    }
  });

  test('goes on after a restart, and has forgotten nothing of how often it has fired', async () => {
    await withTemporaryDirectory(async (data) => {
      await harness.stop();
      harness = await StompHarness.start({}, { clock, dataDirectory: data });
      const client = await harness.open();
      await schedule(client, { AMQ_SCHEDULED_PERIOD: '1000', AMQ_SCHEDULED_REPEAT: '2' });
      clock.advance(1_040);
      await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
      await client.next('MESSAGE');
      await harness.stop();
      clock.advance(10_000);
      harness = await StompHarness.start({}, { clock, dataDirectory: data });
      const again = await harness.open();
      await again.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
      clock.advance(20);
      expect((await again.next('MESSAGE')).body.toString()).toBe('x');
      clock.advance(1_020);
      expect((await again.next('MESSAGE')).body.toString()).toBe('x');
      expect(ids()).toEqual([]);
      await harness.stop();
      harness = await StompHarness.start({}, { clock });
    });
  });

  test('is one of so many at most', async () => {
    await harness.stop();
    harness = await StompHarness.start({}, { clock, vhosts: [{ name: '/', limits: { schedules: 1 } }] });
    const client = await harness.open();
    const headers = { AMQ_SCHEDULED_PERIOD: '1000', AMQ_SCHEDULED_REPEAT: '-1' };
    await schedule(client, headers);
    const error = await client.refused('SEND', { destination: '/queue/q', ...headers, receipt: 'r' }, 'x');
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual(['Not stored', 'r']);
    expect(harness.broker.vhostsByName.get('/')!.counters.refusedSchedules).toBe(1);
  });
});

describe('their management', () => {
  const MANAGEMENT = '/topic/ActiveMQ.Scheduler.Management';
  const two = async (client: RawClient): Promise<string[]> => {
    await schedule(client, { AMQ_SCHEDULED_PERIOD: '1000', AMQ_SCHEDULED_REPEAT: '-1' }, 'often');
    await schedule(client, { AMQ_SCHEDULED_CRON: '0 0 1 1 *' }, 'yearly');
    return ids();
  };

  test('shows what is scheduled, with the headers that it was scheduled by', async () => {
    const client = await harness.open();
    const [often, yearly] = await two(client);
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/temp-queue/jobs' });
    const headers = { destination: MANAGEMENT, AMQ_SCHEDULER_ACTION: 'BROWSE', 'reply-to': '/temp-queue/jobs' };
    await client.confirmed('SEND', headers);
    const shown = [await client.take('MESSAGE'), await client.take('MESSAGE')].map((frame) => [
      frame.body.toString(),
      header(frame, 'scheduledJobId'),
      header(frame, 'AMQ_SCHEDULED_PERIOD'),
      header(frame, 'AMQ_SCHEDULED_REPEAT'),
      header(frame, 'AMQ_SCHEDULED_CRON'),
    ]);
    expect(shown).toEqual([
      ['often', often, '1000', '-1', undefined],
      ['yearly', yearly, undefined, undefined, '0 0 1 1 *'],
    ]);
    const soon = { AMQ_SCHEDULER_ACTION_START_TIME: '0', AMQ_SCHEDULER_ACTION_END_TIME: `${clock.epochMs() + 5_000}` };
    await client.confirmed('SEND', { ...headers, ...soon });
    expect((await client.take('MESSAGE')).body.toString()).toBe('often');
    expect(client.frames).toEqual([]);
    expect(ids()).toHaveLength(2);
  });

  test('removes one, or all', async () => {
    const client = await harness.open();
    const [often] = await two(client);
    await client.confirmed('SEND', { destination: MANAGEMENT, AMQ_SCHEDULER_ACTION: 'REMOVE', scheduledJobId: often! });
    expect([...schedules().all()].map(({ cron }) => cron)).toEqual(['0 0 1 1 *']);
    await client.confirmed('SEND', { destination: MANAGEMENT, AMQ_SCHEDULER_ACTION: 'REMOVEALL' });
    expect(ids()).toEqual([]);
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    expect(await passed(client, 5_000)).toEqual([]);
  });

  test.each([
    ['an action that is none', { AMQ_SCHEDULER_ACTION: 'PAUSE' }, 'Invalid header'],
    ['BROWSE with nowhere to show it', { AMQ_SCHEDULER_ACTION: 'BROWSE' }, 'Missing Header'],
    ['REMOVE of nothing in particular', { AMQ_SCHEDULER_ACTION: 'REMOVE' }, 'Missing Header'],
  ])('refuses %s', async (_, headers, message) => {
    const client = await harness.open();
    const error = await client.refused('SEND', { destination: MANAGEMENT, ...headers });
    expect(header(error, 'message')).toBe(message);
  });
});
