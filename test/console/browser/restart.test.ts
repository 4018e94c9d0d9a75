/** The broker stops and starts again while a page is open: it says so, and comes back by itself. */
import { expect, it } from 'vitest';
import { inBrowser } from './harness.ts';

inBrowser('a broker that restarts', (desk) => {
  it('is missed in so many words, and taken up again without anybody doing anything', async () => {
    const page = await desk.page({ allowed: [/ERR_|Failed to load/] });
    await page.getByText('live', { exact: true }).waitFor();
    const missed = page.getByText('away', { exact: true }).waitFor();
    const told = page.getByRole('alert').filter({ hasText: 'asked again' }).first().waitFor();
    await desk.broker.restart();
    await Promise.all([missed, told]);
    await page.getByText('live', { exact: true }).waitFor();
    await expect.poll(() => page.getByRole('alert').count(), { timeout: 15_000 }).toBe(0);
    expect(await page.getByRole('button', { name: 'Sign out' }).count()).toBe(1);
  });

  it('leaves what a list and a queue show, says that it is old, and goes on; a tail ends and can be begun again', async () => {
    await desk.api('PUT', '/api/queues/%2F/kept', { durable: true });
    const allowed = [/ERR_|Failed to load/];
    const list = await desk.page({ at: 'queues', allowed });
    const queue = await desk.page({ at: 'queues/%2F/kept', allowed });
    const tail = await desk.page({ at: 'tail?kind=exchange&name=amq.topic&key=%23', allowed });
    await list.getByRole('link', { name: 'kept' }).waitFor();
    await queue.getByRole('button', { name: 'Purge' }).waitFor();
    await tail.getByText('live', { exact: true }).waitFor();
    await desk.broker.kill();
    for (const page of [list, queue]) await page.getByRole('alert').getByText('asked again').waitFor();
    await list.getByRole('link', { name: 'kept' }).waitFor();
    await queue.locator('.figure', { hasText: /^0ready$/ }).waitFor();
    await tail.getByText('stopped', { exact: true }).waitFor();
    await desk.broker.restart();
    for (const page of [list, queue]) {
      await expect.poll(() => page.getByRole('alert').count(), { timeout: 30_000 }).toBe(0);
    }
    await list.getByRole('link', { name: 'kept' }).waitFor();
    await tail.getByRole('button', { name: 'Start again' }).click();
    await tail.getByText('live', { exact: true }).waitFor();
  });
});
