/** «Try it»: the page as a client over WebSocket, beside clients elsewhere. */
import mqtt from 'mqtt';
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

const MARKUP = '<img src=x onerror=alert(1)>';

inBrowser('trying it', (desk) => {
  test('what the page publishes over MQTT comes to others, and what others publish comes to the page, as text', async () => {
    const other = await mqtt.connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest' });
    const heard: string[] = [];
    other.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
    await other.subscribeAsync('try/#');
    const page = await desk.page({ at: 'try' });
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByText('connected', { exact: true }).waitFor();
    await page.getByLabel('Topic or filter').fill('try/it');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await page.getByLabel('Body').fill('from the page');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('.came').getByText('from the page').waitFor();
    await expect.poll(() => heard).toEqual(['try/it from the page']);
    await other.publishAsync('try/it', MARKUP);
    await page.locator('.came').getByText(MARKUP).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    await page.getByRole('heading', { name: 'What came: 2' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('Nothing yet.').waitFor();
    await page.getByLabel('Retained').check();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('.came').getByText('from the page').waitFor();
    await expect.poll(async () => (await desk.api<{ total: number }>('GET', '/v1/vhosts/%2F/retained')).total).toBe(1);
    await page.getByRole('button', { name: 'Disconnect' }).click();
    await page.getByText('not connected').waitFor();
    await other.endAsync();
  });

  test('a queue takes and hands out over STOMP', async () => {
    const page = await desk.page({ at: 'try' });
    await page.getByLabel('Protocol').selectOption('stomp');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByText('connected', { exact: true }).waitFor();
    await page.getByLabel('Destination').fill('/queue/tried');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await page.locator('.came').getByText('Hello').waitFor();
    await expect
      .poll(async () => (await desk.api<{ messages: number }>('GET', '/api/queues/%2F/tried')).messages)
      .toBe(0);
  });

  test('what the broker refuses is said in its words', async () => {
    await desk.user('mute', 'management', ['', '', '']);
    const page = await desk.page({ as: 'mute', at: 'try' });
    await page.getByLabel('Protocol').selectOption('stomp');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByText('connected', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page
      .getByRole('alert')
      .getByText(/ACCESS_REFUSED|refused|denied/i)
      .waitFor();
    await page.getByText('not connected').waitFor();
  });

  test('the same stands there as a program, in five languages', async () => {
    const page = await desk.page({ at: 'try' });
    await page.getByLabel('Topic or filter').fill('plant/1/t');
    for (const [language, word] of [
      ['Python', 'paho'],
      ['Java', 'MqttClient'],
      ['Go', 'package main'],
      ['C#', 'MQTTnet'],
      ['JavaScript', 'connectAsync'],
    ]) {
      await page.getByRole('button', { name: language!, exact: true }).click();
      const code = await page.locator('pre code').innerText();
      expect(code).toContain(word);
      expect(code).toContain('"plant/1/t"');
    }
  });
});
