/** The graph of exchanges, queues and consumers, walked. */
import amqp, { type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

const MARKUP = '<img src=x onerror=alert(1)>';

inBrowser('the topology', (desk) => {
  let client: ChannelModel;
  beforeAll(async () => {
    client = await amqp.connect(desk.amqpUrl);
    const channel = await client.createChannel();
    await channel.assertExchange('orders', 'topic');
    await channel.bindExchange('orders', 'amq.topic', 'plant.#');
    for (const queue of ['invoices', MARKUP]) {
      await channel.assertQueue(queue);
      await channel.bindQueue(queue, 'orders', `new.${queue.length}.#`);
    }
    await channel.consume('invoices', () => {}, { consumerTag: 'printer' });
    await channel.assertExchange('wide', 'fanout');
    for (let i = 0; i < 60; i++) {
      await channel.assertQueue(`wide.${i}`);
      await channel.bindQueue(`wide.${i}`, 'wide', '');
    }
  });
  afterAll(() => client.close());

  test('leads from an exchange to what it is bound to, to a queue, and to its consumers', async () => {
    const page = await desk.page({ at: 'topology' });
    await page.getByRole('link', { name: 'orders' }).click();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await page.getByText('exchange amq.topic to exchange orders: plant.#').waitFor({ state: 'attached' });
    await page.getByRole('link', { name: MARKUP.slice(0, 20) }).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    await expectAccessible(page);
    await page.getByRole('link', { name: 'invoices' }).click();
    await page.getByRole('heading', { name: 'invoices' }).waitFor();
    await page.locator('.graph-node.consumer').getByText('printer', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'orders' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
  });

  test('begins where one says', async () => {
    const page = await desk.page({ at: 'topology' });
    await page.getByLabel('What').selectOption('queue');
    await page.getByLabel('Name').fill('invoices');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('heading', { name: 'invoices' }).waitFor();
    await page.getByRole('link', { name: 'To its page' }).click();
    await page.getByRole('link', { name: 'Routing' }).waitFor();
  });

  test('draws the part one looks at, and counts the rest', async () => {
    const page = await desk.page({ at: 'topology/%2F/exchange/wide' });
    await page.getByText('36 more on the right are not drawn.').waitFor();
    expect(await page.locator('.graph-node.queue').count()).toBe(24);
  });

  test('of what is gone says so', async () => {
    const page = await desk.page({ at: 'topology/%2F/queue/none', allowed: [/status of 404/] });
    await page.getByText('There is none of this name any more.').waitFor();
  });
});
