/** The overview in a browser: what flows, waits and fails, live; away and back; and what it shows to whom. */
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { expect, it } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

inBrowser('the overview', (desk) => {
  it('shows live what clients of several protocols send, what waits, grows and fails', async () => {
    const client = await amqp.connect(desk.amqpUrl);
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('grows');
    await channel.assertQueue('short', { arguments: { 'x-max-length': 1 } });
    const sensor = await mqtt.connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest' });
    const page = await desk.page();
    await page.getByText('All is well').waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    const sending = setInterval(() => {
      for (let i = 0; i < 20; i++) channel.sendToQueue('grows', Buffer.alloc(100));
      channel.sendToQueue('short', Buffer.from('x'));
      void sensor.publishAsync('plant/1', 'y', { qos: 1 });
    }, 200);
    try {
      const protocols = page.getByRole('region', { name: 'What flows by protocol' });
      await expect
        .poll(() => protocols.getByRole('row', { name: /amqp 1 [1-9]\d*/ }).count(), { timeout: 15_000 })
        .toBe(1);
      await protocols.getByRole('row', { name: /mqtt 1 [1-9]/ }).waitFor();
      await page.getByRole('row', { name: /dropped The oldest of too many/ }).waitFor();
      await page.getByRole('row', { name: /grows [\d,]+ [1-9]/ }).waitFor();
      await channel.assertQueue('made-meanwhile');
      await page.getByText('queue made-meanwhile made').waitFor();
      await page.locator('.plots canvas').nth(2).waitFor();
      await page.getByRole('button', { name: 'bytes' }).click();
      await page.getByText('In, bytes a second').waitFor();
      await page.getByRole('button', { name: '1 h' }).click();
      await page.getByRole('heading', { name: 'The last hour' }).waitFor();
      await expectAccessible(page);
    } finally {
      clearInterval(sending);
    }
    await sensor.endAsync(true);
    await client.close();
  });

  it('shows names as text, and goes to the queue', async () => {
    const client = await amqp.connect(desk.amqpUrl);
    const channel = await client.createChannel();
    const page = await desk.page();
    await page.getByText('Nothing has happened').waitFor();
    const name = '<img src=x onerror=alert(1)>';
    await channel.assertQueue(name);
    await page.getByRole('link', { name }).click();
    await page.waitForURL(/queues\/%2F\/%3Cimg/);
    await client.close();
  });

  it('shows a user without the tag monitoring her vhosts, and nothing of the machine', async () => {
    await desk.user('ann', 'management', ['', '', '']);
    const page = await desk.page({ as: 'ann' });
    await page.getByText('All is well').waitFor();
    await page.getByText('connections', { exact: true }).waitFor();
    for (const heading of ['Disk and memory', 'By protocol', 'Lately']) {
      expect(await page.getByRole('heading', { name: heading }).count()).toBe(0);
    }
    expect(await page.getByRole('button', { name: '1 h' }).count()).toBe(0);
    await expectAccessible(page);
  });

  it('keeps no more points of a chart and no more rows than it should, however long it is open', async () => {
    const page = await desk.page({
      before: async (opened) => {
        // An hour of the broker's words in one answer: a figure each five seconds, and what happens.
        const glance = (i: number) => ({
          ...{ at: new Date(i * 5_000).toISOString(), sampledAt: new Date(i * 5_000).toISOString() },
          ...{ vhosts: 1, queues: 1, exchanges: 1, consumers: 1, connections: 1 },
          flow: { in: i, out: i, accepted: i },
          waiting: { ready: i, unsettled: 0, delayed: 0, retrying: 0, undelivered: 0 },
          ...{ failing: [], alarms: [], protocols: [] },
        });
        const told = (events: readonly string[]) => ({
          contentType: 'text/event-stream',
          body: events.join(''),
        });
        await opened.route('**/v1/overview/live', (route) =>
          route.fulfill(
            told(Array.from({ length: 720 }, (_, i) => `event: overview\ndata: ${JSON.stringify(glance(i))}\n\n`)),
          ),
        );
        await opened.route('**/v1/events', (route) =>
          route.fulfill(
            told(
              Array.from(
                { length: 5_000 },
                (_, i) =>
                  `event: queue-made\ndata: ${JSON.stringify({ at: new Date().toISOString(), vhost: '/', queue: `q${i}` })}\n\n`,
              ),
            ),
          ),
        );
      },
    });
    await page.getByText('queue q4999 made').first().waitFor();
    expect(await page.locator('.lately li').count()).toBe(50);
    expect(await page.locator('*').count()).toBeLessThan(1_500);
  });
});
