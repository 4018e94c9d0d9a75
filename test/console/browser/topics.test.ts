/** The tree of topics, live. */
import mqtt from 'mqtt';
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

const MARKUP = '<img src=x onerror=alert(1)>';

inBrowser('topics', (desk) => {
  test('are a tree with the last value of each, those retained marked, and go on when a message comes', async () => {
    const client = await mqtt.connectAsync(desk.mqttUrl, { username: 'guest', password: 'guest' });
    await client.publishAsync('plant/1/t', '20.5', { qos: 1, retain: true });
    const page = await desk.page({ at: 'topics' });
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByText('1 topics, 1 messages').first().click();
    await page.getByText('1', { exact: true }).click();
    await page.getByText('20.5').waitFor();
    await page.getByText('retained', { exact: true }).waitFor();
    await client.publishAsync('plant/1/t', '21', { qos: 1 });
    await client.publishAsync('plant/2/name', MARKUP, { qos: 1 });
    await page.getByText('21', { exact: true }).waitFor();
    await page.getByText('2', { exact: true }).click();
    await page.getByText(MARKUP).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    await page.getByRole('heading', { name: /^2 topics, 3 messages/ }).waitFor();
    await expectAccessible(page);
    await page.getByLabel('Filter').fill('plant/2/#');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('Nothing has come yet, and nothing is retained.').waitFor();
    // The page may still be subscribing.
    while ((await page.getByText('2', { exact: true }).count()) === 0) {
      await client.publishAsync('plant/1/t', 'not this', { qos: 1 });
      await client.publishAsync('plant/2/name', 'this', { qos: 1 });
    }
    await page.getByText('2', { exact: true }).click();
    await page.getByText('this', { exact: true }).waitFor();
    expect(await page.getByText('not this').count()).toBe(0);
    await page.getByRole('button', { name: 'Begin anew' }).click();
    await page.getByText('Nothing has come yet, and nothing is retained.').waitFor();
    await client.endAsync();
  });

  test('who may not read them is told so', async () => {
    await desk.user('blind', 'management', ['', '', '']);
    const page = await desk.page({ as: 'blind', at: 'topics', allowed: [/status of 403/] });
    await page
      .getByRole('alert')
      .getByText(/may not|refused/)
      .waitFor();
  });
});
