/** Dead letters in the console: found, grouped, counted and sent back. */
import { expect, test } from 'vitest';
import { bodies, clientOf } from './client.ts';
import { expectAccessible, inBrowser } from './harness.ts';

const EVIL = '<img src=x onerror=alert(1)>';

inBrowser('dead letters', (desk) => {
  const client = clientOf(desk);

  /** Of a queue and its dead letters: so many that died there for each error. */
  async function die(name: string, errors: Readonly<Record<string, number>>): Promise<void> {
    const { channel } = client;
    await channel.assertQueue(`${name}.dead`);
    await channel.assertQueue(name, {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': `${name}.dead` },
    });
    for (const [error, number] of Object.entries(errors)) {
      for (let i = 0; i < number; i++) channel.sendToQueue(name, Buffer.from(`${error} ${i}`), { headers: { error } });
    }
    await channel.waitForConfirms();
    for (;;) {
      const got = await channel.get(name);
      if (got === false) break;
      channel.nack(got, false, false);
    }
    await channel.checkQueue(name);
  }

  test('are found where queues send them, and grouped by why they died', async () => {
    await die('orders', { timeout: 3, [EVIL]: 2 });
    const page = await desk.page({ at: 'dead-letters' });
    await page
      .getByRole('row', { name: /orders\.dead/ })
      .getByText('5', { exact: true })
      .waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'orders.dead' }).click();
    await page.getByText('All 5 messages').waitFor();
    const rows = page.getByRole('region', { name: 'Dead letters, by where and why they died' }).locator('tbody tr');
    expect(await rows.count()).toBe(2);
    expect((await rows.first().innerText()).split('\t').slice(0, 4)).toEqual(['orders', 'rejected', 'timeout', '3']);
    expect(await rows.nth(1).innerText()).toContain(EVIL);
    expect(await page.locator('img').count()).toBe(0);
    await expectAccessible(page);
    await rows.nth(1).getByRole('link', { name: 'Show' }).click();
    await page.getByText('2 shown; scanned 5 of 5').waitFor();
  });

  test('of any queue are looked at, a part at a time, and looked at again', async () => {
    await client.channel.assertQueue('grave');
    const headers = { 'x-first-death-queue': 'old', 'x-first-death-reason': 'expired' };
    for (let i = 0; i < 1_200; i++) client.channel.sendToQueue('grave', Buffer.from('x'), { headers });
    await client.channel.waitForConfirms();
    const page = await desk.page({ at: 'dead-letters' });
    await page.getByLabel('Any queue').fill('grave');
    await page.getByRole('button', { name: 'Look', exact: true }).click();
    await page.getByText('A sample: the newest 1,000 of 1,200 messages').waitFor();
    await page.getByRole('button', { name: 'Look at more' }).click();
    await page.getByText('All 1,200 messages').waitFor();
    await page
      .getByRole('row', { name: /^old expired/ })
      .getByText('1,200', { exact: true })
      .waitFor();
    await client.channel.purgeQueue('grave');
    await page.getByRole('button', { name: 'Look again' }).click();
    await page.getByText('There is nothing in it.').waitFor();
  });

  test('a group is counted without being moved, then sent back to where it died', async () => {
    await die('bills', { timeout: 3, broken: 2 });
    const page = await desk.page({ at: 'dead-letters/%2F/bills.dead' });
    await page
      .getByRole('row', { name: /broken/ })
      .getByRole('button', { name: 'Redrive these' })
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Count first' }).click();
    await dialog.getByText('2 would be moved.').waitFor();
    await dialog.getByText('2 to bills', { exact: true }).waitFor();
    await expectAccessible(page);
    expect(await bodies(desk, 'bills')).toEqual([]);
    await dialog.getByRole('button', { name: 'Begin' }).click();
    const job = page.getByRole('region', { name: 'Redrives' }).locator('tbody tr').first();
    await job.getByText('done', { exact: true }).waitFor();
    await job.getByRole('button', { name: 'Outcomes' }).click();
    await dialog.getByText('2 in all').waitFor();
    expect(await dialog.getByRole('row', { name: /moved.*bills/ }).count()).toBe(2);
    await expectAccessible(page);
    const saved = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Download 2' }).click();
    const text = Buffer.concat(await (await (await saved).createReadStream()).toArray()).toString();
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { outcome: 'moved', to: 'bills' },
      { outcome: 'moved', to: 'bills' },
    ]);
    await page.keyboard.press('Escape');
    expect(await bodies(desk, 'bills')).toEqual(['broken 0', 'broken 1']);
    expect(await bodies(desk, 'bills.dead')).toHaveLength(3);
  });

  test('a redrive elsewhere is slowed down, stopped, resumed and forgotten', async () => {
    await die('slow', { timeout: 30 });
    await client.channel.assertQueue('elsewhere');
    const page = await desk.page({ at: 'dead-letters/%2F/slow.dead' });
    await page.getByRole('button', { name: 'Redrive', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('To', { exact: true }).selectOption('queue');
    await dialog.getByLabel('Queue', { exact: true }).fill('elsewhere');
    await dialog.getByLabel('Messages a second').fill('1');
    await dialog.getByLabel('Attempts').selectOption('reset');
    await dialog.getByRole('button', { name: 'Begin' }).click();
    const job = page.getByRole('region', { name: 'Redrives' }).locator('tbody tr').filter({ hasText: 'slow.dead' });
    await job.getByRole('button', { name: 'Stop' }).click();
    await job.getByText('stopped', { exact: true }).waitFor();
    const moved = await bodies(desk, 'elsewhere');
    expect(moved.length).toBeLessThan(30);
    await job.getByRole('button', { name: 'Resume' }).click();
    await job
      .getByText('running', { exact: true })
      .or(job.getByText('waiting', { exact: true }))
      .waitFor();
    await job.getByRole('button', { name: 'Forget' }).click();
    await dialog.getByRole('button', { name: 'Forget' }).click();
    await job.waitFor({ state: 'detached' });
  });

  test('are not for who may not read their queue', async () => {
    await die('secret', { timeout: 1 });
    await desk.user('clerk', 'management', ['', '', '^orders']);
    const page = await desk.page({ as: 'clerk', at: 'dead-letters/%2F/secret.dead' });
    await page.getByText('asks for the permission to read this queue').waitFor();
    expect(await page.getByRole('button', { name: 'Redrive' }).count()).toBe(0);
    await expectAccessible(page);
  });
});
