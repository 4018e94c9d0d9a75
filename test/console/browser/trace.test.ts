/** Routes explained, passports and dropped messages in the console. */
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { clientOf } from './client.ts';
import { expectAccessible, inBrowser } from './harness.ts';

const EVIL = '<img src=x onerror=alert(1)>';

inBrowser('route and trace', (desk) => {
  const client = clientOf(desk);

  test('an address is explained: bindings, queues, and who may', async () => {
    await desk.user('poor', 'management', ['', '^nothing$', '']);
    await client.channel.assertExchange('shop', 'topic');
    await client.channel.assertQueue(EVIL);
    await client.channel.bindQueue(EVIL, 'shop', 'orders.#');
    const page = await desk.page({ at: 'trace' });
    await page.getByLabel('Exchange').fill('shop');
    await page.getByLabel('Routing key').fill('orders.new');
    await page.getByRole('button', { name: 'Show the way' }).click();
    await page.getByText('One queue would get it.').waitFor();
    await page.getByRole('region', { name: 'Bindings that match' }).getByText('orders.#').waitFor();
    await page.getByRole('region', { name: 'Queues and subscriptions' }).getByText(EVIL).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Ask of every user' }).click();
    const who = page.getByRole('region', { name: 'Who may send it' });
    await who.getByRole('row', { name: /poor/ }).getByText('may not').waitFor();
    await who.getByRole('row', { name: /guest/ }).getByText('may', { exact: true }).waitFor();
    await page.getByLabel('Published by').fill('poor');
    await page.getByRole('button', { name: 'Show the way' }).click();
    await page.getByText('poor may not send it').waitFor();
    expect(await page.locator('img').count()).toBe(0);
  });

  test('a topic of MQTT leads to its subscribers, and to nobody where nobody is', async () => {
    const subscriber = await connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest', clientId: 'looker' });
    await subscriber.subscribeAsync('plant/+/temperature', { qos: 1 });
    const page = await desk.page({ at: 'trace' });
    await page.getByLabel('Protocol').selectOption('mqtt');
    await page.getByLabel('Topic').fill('plant/1/temperature');
    await page.getByRole('button', { name: 'Show the way' }).click();
    await page.getByText('One queue would get it.').waitFor();
    await page.getByLabel('Topic').fill('elsewhere');
    await page.getByRole('button', { name: 'Show the way' }).click();
    await page.getByText('Nobody would get it').waitFor();
    await subscriber.endAsync();
  });

  test('a filter is explained to who would subscribe to it: what is retained, and how it would be queued', async () => {
    const publisher = await connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest' });
    await publisher.publishAsync('kept/1', EVIL, { retain: true, qos: 1 });
    await publisher.endAsync();
    const page = await desk.page({ at: 'trace' });
    await page.getByLabel('Protocol').selectOption('mqtt');
    await page.getByLabel('To', { exact: true }).selectOption('subscribe');
    await page.getByLabel('Filter').fill('kept/+');
    await page.getByRole('button', { name: 'Show what comes' }).click();
    await page.getByText('one message', { exact: true }).waitFor();
    await page.getByText('kept.1').waitFor();
    await expectAccessible(page);
  });

  test('a message’s passport tells its way, by its id and by its number', async () => {
    const { channel } = client;
    await channel.assertQueue('noted.dead', { arguments: { 'x-passport': true } });
    await channel.assertQueue('noted', {
      arguments: { 'x-passport': true, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'noted.dead' },
    });
    channel.sendToQueue('noted', Buffer.from('x'), { messageId: EVIL, persistent: true });
    await channel.waitForConfirms();
    const got = await channel.get('noted');
    if (got === false) throw new Error('nothing came');
    channel.nack(got, false, false);
    await channel.checkQueue('noted');
    const page = await desk.page({ at: 'trace?tab=passport' });
    await page.getByLabel('Message id').fill(EVIL);
    await page.getByRole('button', { name: 'Show its passport' }).click();
    const steps = page.locator('.timeline');
    for (const step of ['published', 'delivered', 'rejected', 'died']) {
      await steps.getByText(step, { exact: true }).first().waitFor();
    }
    await steps.getByText('a consumer rejected it').waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'noted.dead' }).first().click();
    await page.getByText('It was rejected by a consumer in noted').waitFor();
    await page.getByRole('link', { name: 'Its passport' }).click();
    await steps.getByText('published', { exact: true }).first().waitFor();
  });

  test('a message that nobody knows is said to be none', async () => {
    const page = await desk.page({ at: 'trace?tab=passport&id=nobody' });
    await page.getByText('Nothing is known of it.').waitFor();
  });

  test('what was dropped is told with its reason, and found by it', async () => {
    const { channel } = client;
    await channel.assertExchange('void', 'fanout');
    channel.publish('void', EVIL, Buffer.from('x'));
    await channel.assertQueue('short', { maxLength: 1 });
    await client.send('short', ['1', '2']);
    const page = await desk.page({ at: 'trace?tab=dropped' });
    const rows = page.getByRole('region', { name: 'Dropped messages' }).locator('tbody tr');
    await rows.filter({ hasText: EVIL }).getByText('nothing is bound to its address').waitFor();
    await expectAccessible(page);
    await page.getByLabel('Why').selectOption('maxlen');
    await rows.filter({ hasText: EVIL }).waitFor({ state: 'detached' });
    await rows.filter({ hasText: 'short' }).first().waitFor();
  });

  test('shows to who has no tag monitoring where it would go, and no more', async () => {
    await desk.user('plain', 'management', ['', '.*', '']);
    const page = await desk.page({ as: 'plain', at: 'trace?protocol=amqp&address=&key=nowhere' });
    await page.getByText('Nobody would get it').waitFor();
    expect(await page.getByRole('button', { name: 'Ask of every user' }).count()).toBe(0);
    expect(await page.getByLabel('Published by').count()).toBe(0);
    await page.getByRole('link', { name: 'Where one went' }).click();
    await page.getByText('This is for users with the tag monitoring.').waitFor();
    await expectAccessible(page);
  });

  test('what goes by headers is shown for those of a message', async () => {
    await desk.api('PUT', '/api/exchanges/%2F/painted', { type: 'headers' });
    await desk.api('PUT', '/api/queues/%2F/red%20ones', {});
    await desk.api('POST', '/api/bindings/%2F/e/painted/q/red%20ones', { arguments: { colour: 'red' } });
    const page = await desk.page({ at: 'trace/%2F?protocol=amqp&address=painted' });
    await page.getByLabel('Headers').fill('{"colour": "red"}');
    await page.getByRole('button', { name: 'Show the way' }).click();
    await page.getByRole('link', { name: 'red ones' }).first().waitFor();
    await expectAccessible(page);
  });
});
