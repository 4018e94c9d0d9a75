/**
 * What an operator is called for, counted in clicks from the overview on: the queue that grows, why a message died, 500 of them back, who
 * floods, and an end to it. `docs/console-compared.md` has the same of others. It may not take more than it does.
 */
import amqp, { type ChannelModel } from 'amqplib';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bodies, clientOf } from './client.ts';
import { inBrowser } from './harness.ts';

const QUEUES = 60;
const CLIENTS = 30;
const DEAD = 600;

inBrowser('an operator', (desk) => {
  const client = clientOf(desk);
  const connections: ChannelModel[] = [];
  const work: NodeJS.Timeout[] = [];
  let flooderGone: Promise<unknown>;

  beforeAll(async () => {
    const { channel } = client;
    for (let i = 0; i < QUEUES; i++) await channel.assertQueue(`jobs.${i}`);
    await channel.assertQueue('charges.dead');
    await channel.assertQueue('charges', {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'charges.dead' },
    });
    for (let i = 0; i < DEAD + 5; i++) {
      const error = i < DEAD ? 'bank gateway timed out' : 'card declined';
      channel.sendToQueue('charges', Buffer.from(`charge ${i}`), { headers: { error } });
    }
    await channel.waitForConfirms();
    const { consumerTag } = await channel.consume('charges', (got) => got && channel.nack(got, false, false));
    while ((await channel.checkQueue('charges.dead')).messageCount < DEAD + 5) {
      // Asked again.
    }
    await channel.cancel(consumerTag);
    for (let i = 0; i < CLIENTS; i++) {
      const connection = await amqp.connect(desk.amqpUrl, { clientProperties: { connection_name: `client-${i}` } });
      const own = await connection.createChannel();
      connections.push(connection);
      const floods = i === 17;
      if (floods) flooderGone = new Promise((resolve) => connection.on('close', resolve));
      connection.on('error', () => {});
      own.on('error', () => {});
      const send = (): void => {
        const number = floods ? 20 : 1;
        try {
          for (let n = 0; n < number; n++) own.sendToQueue(floods ? 'jobs.41' : `jobs.${i}`, Buffer.alloc(200));
        } catch {
          // Closed: it is what is tested.
        }
      };
      work.push(setInterval(send, floods ? 20 : 500));
      if (!floods) await own.consume(`jobs.${i}`, () => {}, { noAck: true });
    }
  }, 60_000);
  afterAll(async () => {
    for (const timer of work) clearInterval(timer);
    await Promise.all(connections.map((one) => one.close().catch(() => {})));
  });

  /** Begins on the overview, and counts. */
  async function begin(): Promise<{ page: Page; click(on: Locator): Promise<void>; clicks(): number }> {
    const page = await desk.page();
    await page.getByText('live', { exact: true }).waitFor();
    let clicks = 0;
    return {
      page,
      async click(on) {
        clicks++;
        await on.click();
      },
      clicks: () => clicks,
    };
  }
  const side = (page: Page, name: string): Locator =>
    page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name });

  test('sees the queue that grows at once', async () => {
    const { page, clicks } = await begin();
    const grows = page.getByRole('region', { name: 'Queues that grow most' }).locator('tbody tr').first();
    await expect.poll(() => grows.innerText().catch(() => ''), { timeout: 20_000 }).toMatch(/^jobs\.41\t/);
    expect(clicks()).toBe(0);
  });

  test('sees why messages died with two clicks, and one of them whole with two more', async () => {
    const { page, click, clicks } = await begin();
    await click(side(page, 'Dead letters'));
    await click(page.getByRole('link', { name: 'charges.dead' }));
    const group = page.getByRole('row', { name: /bank gateway timed out/ });
    await group.getByText('rejected').waitFor();
    expect(clicks()).toBe(2);
    await click(group.getByRole('link', { name: 'Show' }));
    await click(page.locator('tbody tr').first().getByRole('button'));
    await page.getByText('It was rejected by a consumer in charges').waitFor();
    expect(clicks()).toBe(4);
  });

  test('sends 500 of them back, of those that died of one thing, with four clicks', async () => {
    const { page, click, clicks } = await begin();
    await click(side(page, 'Dead letters'));
    await click(page.getByRole('link', { name: 'charges.dead' }));
    await click(
      page.getByRole('row', { name: /bank gateway timed out/ }).getByRole('button', { name: 'Redrive these' }),
    );
    await page.getByRole('dialog').getByLabel('At most').fill('500');
    await click(page.getByRole('dialog').getByRole('button', { name: 'Begin' }));
    const job = page.getByRole('region', { name: 'Redrives' }).locator('tbody tr').first();
    await job.getByText('done', { exact: true }).waitFor();
    expect(clicks()).toBe(4);
    expect(await client.channel.checkQueue('charges')).toMatchObject({ messageCount: 500 });
    expect(await bodies(desk, 'charges')).not.toContain('charge 601');
  });

  test('sees who floods with two clicks, and stops her with three more', async () => {
    const { page, click, clicks } = await begin();
    await click(side(page, 'Connections'));
    await click(page.getByRole('button', { name: 'From it' }));
    const first = page.locator('tbody tr').first();
    await expect.poll(() => first.innerText().catch(() => ''), { timeout: 20_000 }).toContain('client-17');
    expect(clicks()).toBe(2);
    await click(first.getByRole('checkbox'));
    await click(page.getByRole('button', { name: 'Close', exact: true }));
    await click(page.getByRole('dialog').getByRole('button', { name: 'Close it' }));
    await flooderGone;
    expect(clicks()).toBe(5);
  });
});
