/** Exchanges, connections, consumers, kept sessions and retained messages in a browser: what is shown, done, and not offered. */
import amqp, { type Channel, type ChannelModel } from 'amqplib';
import mqtt from 'mqtt';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

const HOSTILE = '<img src=x onerror=alert(1)>';

inBrowser('lists of what there is', (desk) => {
  let client: ChannelModel;
  let channel: Channel;
  beforeAll(async () => {
    client = await amqp.connect(desk.amqpUrl, { clientProperties: { connection_name: 'billing' } });
    channel = await client.createChannel();
    await desk.user('ann', 'management', ['^ann', '.*', '.*']);
    await desk.user('mona', 'monitoring', ['', '', '']);
  });
  afterAll(() => client.close());

  async function confirm(page: Page, word: string): Promise<void> {
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: word, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  it('shows an exchange with its bindings both ways, binds, publishes and deletes', async () => {
    await channel.assertExchange('orders', 'topic');
    await channel.assertExchange(HOSTILE, 'fanout');
    await channel.assertQueue('eu');
    await channel.bindQueue('eu', 'orders', 'eu.*');
    await channel.bindExchange('orders', HOSTILE, '');
    const page = await desk.page({ at: 'exchanges' });
    await page.getByRole('link', { name: HOSTILE }).waitFor();
    await expectAccessible(page);
    await page.getByRole('searchbox', { name: 'Search exchanges' }).fill('orders');
    await page.getByText(/^1 of \d+$/).waitFor();
    await page.getByRole('link', { name: 'orders' }).click();
    const out = page.getByRole('region', { name: 'Where it brings messages' });
    await out.getByRole('row', { name: /queue eu eu\.\*/ }).waitFor();
    await page.getByRole('region', { name: 'What brings messages here' }).getByText(HOSTILE).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Bind', exact: true }).click();
    await page.getByLabel('Its name').fill('eu');
    await page.getByLabel('Routing key').fill('us.#');
    await confirm(page, 'Bind');
    await out.getByRole('row', { name: /us\.#/ }).waitFor();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByLabel('Routing key').fill('us.x.y');
    await page.getByLabel('Body').fill('hello');
    await confirm(page, 'Send');
    expect((await channel.get('eu', { noAck: true })) || undefined).toMatchObject({ fields: { routingKey: 'us.x.y' } });
    await page.getByRole('button', { name: 'Unbind eu us.#' }).click();
    await confirm(page, 'Unbind');
    await out.getByRole('row', { name: /us\.#/ }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByLabel(/Type orders to go on/).fill('orders');
    await confirm(page, 'Delete');
    await page.getByRole('heading', { name: 'Exchanges' }).waitFor();
    await expect(channel.checkExchange(HOSTILE)).resolves.toBeDefined();
    expect(await page.getByRole('link', { name: 'orders', exact: true }).count()).toBe(0);
  });

  it('declares an exchange, deletes several, and none of those that are always there', async () => {
    for (const name of ['gone-1', 'gone-2']) await channel.assertExchange(name, 'direct');
    const page = await desk.page({ at: 'exchanges' });
    await page.getByRole('checkbox', { name: 'Choose //amq.topic' }).check();
    await expect.poll(() => page.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true);
    await page.getByRole('checkbox', { name: 'Choose //amq.topic' }).uncheck();
    for (const name of ['gone-1', 'gone-2']) await page.getByRole('checkbox', { name: `Choose //${name}` }).check();
    await page.getByRole('button', { name: 'Delete' }).click();
    await confirm(page, 'Delete');
    await page.getByRole('link', { name: 'gone-1' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Declare an exchange' }).click();
    await page.getByLabel('Name', { exact: true }).fill('made-here');
    await confirm(page, 'Declare');
    await page.getByRole('heading', { name: 'made-here' }).waitFor();
  });

  it('offers nothing that a user may not do to an exchange', async () => {
    await channel.assertExchange('others', 'direct');
    const page = await desk.page({ as: 'mona', at: 'exchanges/%2F/others', allowed: [/status of 404/] });
    await page.getByText('Nothing is bound to it').waitFor();
    // What she may is known once it has been asked.
    await page.waitForLoadState('networkidle');
    for (const name of ['Publish', 'Delete', 'Bind']) {
      expect(await page.getByRole('button', { name, exact: true }).count()).toBe(0);
    }
    await page.goto(`${desk.url}#/exchanges/%2F/not-there`);
    await page.getByRole('alert').waitFor();
  }, 30_000);

  it('shows who is connected, what each does, and closes a connection with a reason', async () => {
    const victim = await amqp.connect(desk.amqpUrl, { clientProperties: { connection_name: HOSTILE } });
    const closed = new Promise<Error>((resolve) => victim.on('close', resolve));
    const own = await victim.createChannel();
    await own.assertQueue('held');
    own.sendToQueue('held', Buffer.from('x'));
    await own.consume('held', () => {}, { consumerTag: 'holder' });
    const page = await desk.page({ at: 'connections' });
    await page.getByRole('row', { name: /billing guest/ }).waitFor();
    await expectAccessible(page);
    await page.getByRole('row', { name: HOSTILE }).getByRole('link').click();
    await page.getByRole('heading', { name: HOSTILE }).waitFor();
    await page.getByRole('region', { name: 'Channels of the connection' }).getByRole('row', { name: /^1 / }).waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'Consumers' }).first().click();
    await page.getByRole('row', { name: /held \/ holder guest .* takes messages 1/ }).waitFor();
    await expectAccessible(page);
    await page.goBack();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByLabel('Reason').fill('floods the others');
    await confirm(page, 'Close it');
    expect((await closed).message).toContain('floods the others');
    await page.getByRole('heading', { name: 'Connections' }).waitFor();
  });

  it('closes several connections at once, each of which hears why', async () => {
    const victims = await Promise.all(
      ['flood-1', 'flood-2'].map((name) => amqp.connect(desk.amqpUrl, { clientProperties: { connection_name: name } })),
    );
    const closed = victims.map((one) => new Promise<Error>((resolve) => one.on('close', resolve)));
    const page = await desk.page({ at: 'connections' });
    for (const name of ['flood-1', 'flood-2']) await page.getByRole('row', { name }).getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByLabel('Reason').fill('maintenance');
    await confirm(page, 'Close them');
    for (const error of await Promise.all(closed)) expect(error.message).toContain('maintenance');
    await page.getByRole('row', { name: 'flood-1' }).waitFor({ state: 'detached' });
    await page.getByRole('row', { name: 'billing' }).waitFor();
  });

  it('shows a user without the tag monitoring her own connections alone', async () => {
    const hers = await amqp.connect(desk.amqpUrl.replace('guest:guest', 'ann:ann'));
    const page = await desk.page({ as: 'ann', at: 'connections' });
    await page.getByText('1 in all').waitFor();
    expect(await page.getByText('billing').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Sessions' }).count()).toBe(0);
    await hers.close();
  });

  it('shows kept sessions with what waits for them, and ends them', async () => {
    const login = { username: 'guest', password: 'guest', clean: false, reconnectPeriod: 0 };
    for (const clientId of ['kept-1', 'kept-2', 'kept-3', 'kept-4']) {
      const kept = await mqtt.connectAsync(desk.mqttUrl, { ...login, clientId });
      await kept.subscribeAsync('plant/+/temp', { qos: 1 });
      await kept.endAsync();
    }
    const sender = await mqtt.connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest' });
    await sender.publishAsync('plant/7/temp', '{"t":21}', { qos: 1, retain: true });
    await sender.endAsync();
    const page = await desk.page({ at: 'sessions' });
    await page.getByRole('row', { name: /kept-2 mqtt guest away/ }).waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'kept-1' }).click();
    await page.getByRole('row', { name: 'plant/+/temp amq.topic at least once' }).waitFor();
    await page.getByText('wait for it').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'End' }).click();
    await confirm(page, 'End');
    for (const name of ['kept-3', 'kept-4']) await page.getByRole('row', { name }).getByRole('checkbox').check();
    await page.getByRole('button', { name: 'End' }).click();
    await confirm(page, 'End');
    await page.getByText('1 in all').waitFor();
    const mona = await desk.page({ as: 'mona', at: 'sessions' });
    await mona.getByRole('link', { name: 'kept-2' }).click();
    await mona.getByRole('heading', { name: 'kept-2' }).waitFor();
    expect(await mona.getByRole('button', { name: 'End' }).count()).toBe(0);
  }, 30_000);

  it('shows retained messages by topic, what is in one, and removes them', async () => {
    const sender = await mqtt.connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest' });
    for (const topic of ['hall/1', 'hall/2', 'hall/3.5']) {
      await sender.publishAsync(topic, JSON.stringify({ of: topic }), { qos: 1, retain: true });
    }
    await sender.endAsync();
    const page = await desk.page({ at: 'retained' });
    await page.getByRole('searchbox', { name: /Search topics/ }).fill('hall.');
    await page.getByRole('link', { name: 'hall/3.5' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('checkbox', { name: 'Choose hall.1' }).check();
    await page.getByRole('checkbox', { name: 'Choose hall.2' }).check();
    await page.getByRole('button', { name: 'Remove' }).click();
    await confirm(page, 'Remove');
    await page.getByText(/^1 of \d+$/).waitFor();
    await page.getByRole('link', { name: 'hall/3.5' }).click();
    await page.getByText('hall/3.5').nth(1).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Remove' }).click();
    await confirm(page, 'Remove');
    await page.getByRole('heading', { name: 'Retained messages' }).waitFor();
    await page.getByRole('link', { name: 'hall/3.5' }).waitFor({ state: 'detached' });
  }, 30_000);
});
