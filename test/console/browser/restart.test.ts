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
});
