/** The live tail: a sample of what comes by, beside real publishers. */
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { clientOf } from './client.ts';
import { expectAccessible, inBrowser } from './harness.ts';

const EVIL = '<img src=x onerror=alert(1)>';

inBrowser('the live tail', (desk) => {
  const client = clientOf(desk);

  /** So many messages by one key, all taken. */
  async function flood(exchange: string, key: string, number: number): Promise<void> {
    for (let i = 0; i < number; i++) client.channel.publish(exchange, key, Buffer.from(`${EVIL} ${i}`));
    await client.channel.waitForConfirms();
  }

  test('of an exchange shows what comes by a key, and says how many it left out', async () => {
    await client.channel.assertExchange('news', 'topic');
    const page = await desk.page({ at: 'tail' });
    await page.getByRole('textbox', { name: 'Exchange' }).fill('news');
    await page.getByRole('textbox', { name: 'Key' }).fill('eu.#');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByText('Nothing has come yet.').waitFor();
    const rows = page.locator('.tail tbody tr');
    // The page may still be subscribing: until it has, what is published is nobody's.
    while ((await rows.count()) === 0) await flood('news', 'eu.first', 1);
    await flood('news', 'us.a', 1);
    await flood('news', 'eu.flood', 3_000);
    await page.getByText(/^[\d,]{3,} not shown$/).waitFor();
    await rows.filter({ hasText: 'eu.flood' }).first().waitFor();
    expect(await rows.count()).toBeLessThanOrEqual(200);
    expect(await rows.filter({ hasText: 'us.a' }).count()).toBe(0);
    expect(await page.locator('img').count()).toBe(0);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('stopped', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Start again' }).click();
    await page.getByText('live', { exact: true }).waitFor();
  });

  test('of an MQTT filter shows what is published to it', async () => {
    const publisher = await connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest' });
    const page = await desk.page({ at: 'tail?kind=mqtt&name=plant%2F%2B%2Ftemperature' });
    const rows = page.locator('.tail tbody tr');
    await page.getByText('Nothing has come yet.').waitFor();
    while ((await rows.count()) === 0) await publisher.publishAsync('plant/1/temperature', '21', { qos: 1 });
    expect(await rows.first().innerText()).toContain('plant/1/temperature');
    await page.goto(`${desk.url}#/tail?kind=exchange&name=amq.topic&key=hall.%23`);
    expect(await page.getByRole('textbox', { name: 'Exchange' }).inputValue()).toBe('amq.topic');
    expect(await page.getByRole('textbox', { name: 'Key' }).inputValue()).toBe('hall.#');
    await publisher.endAsync();
  });

  test('of a queue takes nothing from it, and stands still while it is paused', async () => {
    await client.channel.assertQueue('watched');
    await client.send('watched', ['before']);
    const page = await desk.page({ at: 'tail?kind=queue&name=watched' });
    const rows = page.locator('.tail tbody tr');
    await page.getByText('Nothing has come yet.').waitFor();
    while ((await rows.count()) === 0) await client.send('watched', ['after']);
    expect(await rows.filter({ hasText: 'before' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('paused', { exact: true }).waitFor();
    await client.send('watched', ['meanwhile']);
    await page.getByText(/^[1-9][\d,]* not shown$/).waitFor();
    expect(await rows.filter({ hasText: 'meanwhile' }).count()).toBe(0);
    expect(await client.channel.checkQueue('watched')).toMatchObject({ consumerCount: 0 });
    await page.getByRole('button', { name: 'Go on' }).click();
    while ((await rows.filter({ hasText: 'later' }).count()) === 0) await client.send('watched', ['later']);
    await expectAccessible(page);
  });

  test('of what one may not read is refused in words', async () => {
    await desk.user('outsider', 'management', ['', '', '^none$']);
    const page = await desk.page({
      as: 'outsider',
      at: 'tail?kind=exchange&name=amq.topic&key=%23',
      allowed: [/status of 403/],
    });
    await page
      .getByRole('alert')
      .getByText(/refused/)
      .waitFor();
    await page.getByText('stopped', { exact: true }).waitFor();
  });
});
