/** What is published again and again is published in the name of whoever began it, who must be one that may, each time. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { header, RawClient } from '../protocols/stomp/raw-client.ts';
import { startTestBroker } from '../support/broker.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { ALL, type RuledBroker, startRuledBroker } from './harness.ts';

let clock: ManualClock;
let broker: RuledBroker;
beforeEach(async () => {
  clock = new ManualClock();
  broker = await startRuledBroker({ clock });
});
afterEach(() => broker.stop());

const open = (user: string): Promise<RawClient> =>
  RawClient.open(broker.ports.stomp, '1.2', { login: user, passcode: 'p' });

/** What has come by now. */
async function come(client: RawClient): Promise<string[]> {
  await client.confirmed('SEND', { destination: '/topic/nobody' });
  return client.frames.splice(0).map(({ body }) => body.toString());
}

const EVERY_SECOND = { persistent: 'true', AMQ_SCHEDULED_PERIOD: '1000', AMQ_SCHEDULED_REPEAT: '-1' };

test.each([
  ['a queue', { destination: '/queue/q' }, { write: '' }],
  ['a topic', { destination: '/topic/t.1' }, { topics: [{ exchange: 'amq.topic', write: 'z', read: '.*' }] }],
  ['a vhost', { destination: '/queue/q' }, undefined],
])('%s that its maker may not reach any more gets nothing of it, until he may again', async (_, where, taken) => {
  broker.rules.set('u', {});
  const reader = await open('admin');
  await reader.confirmed('SUBSCRIBE', { id: '1', destination: where.destination });
  const maker = await open('u');
  await maker.confirmed('SEND', { ...where, ...EVERY_SECOND }, 'tick');
  await maker.leave();
  clock.advance(1_040);
  expect(await come(reader)).toEqual(['tick']);
  broker.rules.set('u', taken);
  clock.advance(1_000);
  expect(await come(reader)).toEqual([]);
  broker.rules.set('u', ALL);
  clock.advance(1_000);
  expect(await come(reader)).toEqual(['tick']);
});

test("a user sees and ends his own, and nobody else's", async () => {
  for (const user of ['u', 'v']) broker.rules.set(user, {});
  const [u, v] = [await open('u'), await open('v')];
  await u.confirmed('SEND', { destination: '/queue/q', ...EVERY_SECOND }, "u's");
  const management = { destination: '/topic/ActiveMQ.Scheduler.Management' };
  const browse = { ...management, AMQ_SCHEDULER_ACTION: 'BROWSE', 'reply-to': '/temp-queue/jobs' };
  await v.confirmed('SUBSCRIBE', { id: '1', destination: '/temp-queue/jobs' });
  await v.confirmed('SEND', browse);
  expect(await come(v)).toEqual([]);
  await u.confirmed('SUBSCRIBE', { id: '1', destination: '/temp-queue/jobs' });
  await u.confirmed('SEND', browse);
  const id = header(await u.take('MESSAGE'), 'scheduledJobId')!;
  await v.confirmed('SEND', { ...management, AMQ_SCHEDULER_ACTION: 'REMOVE', scheduledJobId: id });
  await v.confirmed('SEND', { ...management, AMQ_SCHEDULER_ACTION: 'REMOVEALL' });
  await u.confirmed('SEND', browse);
  expect(header(await u.take('MESSAGE'), 'scheduledJobId')).toBe(id);
});

test('who may not publish to the management topic manages nothing', async () => {
  broker.rules.set('u', { topics: [{ exchange: 'amq.topic', write: '^mine', read: '.*' }] });
  const client = await open('u');
  const headers = { destination: '/topic/ActiveMQ.Scheduler.Management', AMQ_SCHEDULER_ACTION: 'REMOVEALL' };
  expect(header(await client.refused('SEND', headers), 'message')).toBe('access_refused');
});

test('an operator lists and ends them over HTTP', async () => {
  await withTemporaryDirectory(async (data) => {
    const one = await startTestBroker({ data, clock });
    try {
      const client = await RawClient.open(one.ports.stomp);
      await client.confirmed('SEND', { destination: '/queue/q', ...EVERY_SECOND }, 'x');
      const base = `http://127.0.0.1:${one.ports.http}/v1/vhosts/%2F/schedules`;
      const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` };
      const listed = (await (await fetch(base, { headers })).json()) as {
        total: number;
        schedules: { id: string; routingKey: string; periodMs: number; fired: number }[];
      };
      expect(listed).toMatchObject({
        total: 1,
        schedules: [{ routingKey: 'q', periodMs: 1_000, repeat: -1, fired: 0 }],
      });
      const path = `${base}/${listed.schedules[0]!.id}`;
      expect((await fetch(path, { method: 'DELETE', headers })).status).toBe(204);
      expect((await fetch(path, { method: 'DELETE', headers })).status).toBe(404);
      client.cut();
    } finally {
      await one.close();
    }
  });
});
