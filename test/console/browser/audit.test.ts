/** The audit log: what was done and refused is there, with names as text, for administrators. */
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

const MARKUP = '<img src=x onerror=alert(1)>';

inBrowser('the audit log', (desk) => {
  test('tells who has changed what and who was refused, finds it, and shows names as text', async () => {
    await desk.user('clerk', 'management');
    const page = await desk.page({ at: 'audit' });
    await desk.api('PUT', `/api/queues/%2F/${encodeURIComponent(MARKUP)}`, { durable: true });
    await page.goto(`${desk.url}#/queues`);
    await page.goto(`${desk.url}#/audit?search=onerror`);
    const row = page.getByRole('row').filter({ hasText: 'queue declared' });
    await row.getByRole('link', { name: MARKUP }).waitFor();
    expect(await row.textContent()).toMatch(/guest.*queue declared.*done.*durable: true.*127\.0\.0\.1:\d+/);
    expect(await page.locator('main img').count()).toBe(0);

    const clerk = await desk.page({ as: 'clerk', at: 'audit', allowed: [/status of 40/] });
    await clerk.getByText('for users with the tag administrator').waitFor();
    expect(await clerk.getByRole('link', { name: /Audit log/ }).count()).toBe(0);
    const login = { authorization: `Basic ${btoa('clerk:clerk')}` };
    await fetch(`${desk.url}api/queues/%2F/precious`, { method: 'DELETE', headers: login });
    await page.goto(`${desk.url}#/audit`);
    await page.getByRole('combobox', { name: 'Outcome' }).selectOption('failed');
    await page.getByLabel('Only this user’s').fill('clerk');
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    expect(await page.getByRole('row').last().textContent()).toMatch(/clerk.*queue deleted.*precious.*failed/);
    await expectAccessible(page);
  });
});
