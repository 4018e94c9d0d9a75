/** One box for everything: opened with a key, walked with the keyboard, names as text, nothing found that one may not see. */
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

const MARKUP = '<img src=x onerror=alert(1)>';

inBrowser('the search for everything', (desk) => {
  test('finds what there is and where to go, with the keyboard alone', async () => {
    for (const name of ['orders', 'orders.late', MARKUP]) {
      await desk.api('PUT', `/api/queues/%2F/${encodeURIComponent(name)}`, {});
    }
    for (let i = 0; i < 12; i++) await desk.api('PUT', `/api/queues/%2F/many.${i}`, {});
    const page = await desk.page();
    await page.keyboard.press('/');
    const box = page.getByRole('combobox', { name: /Search queues/ });
    await expect.poll(() => box.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.type('orders');
    const found = page.getByRole('group', { name: 'Queues' }).getByRole('option');
    await expect.poll(() => found.allTextContents()).toEqual(['orders', 'orders.late']);
    await expectAccessible(page);
    const active = async (): Promise<string | null> =>
      page.locator(`#${await box.getAttribute('aria-activedescendant')}`).textContent();
    expect(await active()).toBe('orders');
    await page.keyboard.press('ArrowDown');
    await expect.poll(active).toBe('orders.late');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'orders.late' }).waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);

    await page.keyboard.press('/');
    await box.waitFor();
    await page.keyboard.type('onerror');
    await page.getByRole('option', { name: MARKUP }).waitFor();
    expect(await page.locator('dialog img').count()).toBe(0);
    await box.fill('many.');
    await page.getByRole('option', { name: '7 more in the list' }).click();
    await page.getByRole('searchbox', { name: 'Search' }).first().waitFor();
    expect(new URL(page.url()).hash).toBe('#/queues?search=many.');

    await page.keyboard.press('/');
    await box.waitFor();
    await page.keyboard.type('plant/1');
    await page.getByRole('option', { name: 'Where does «plant/1» lead? as an MQTT topic' }).click();
    await page.getByRole('heading', { name: 'Route and trace' }).waitFor();
    await page.keyboard.press('/');
    await box.waitFor();
    await page.keyboard.type('poli');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Policies' }).waitFor();
    await page.keyboard.press('/');
    await box.waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('is there for a finger, and offers nothing that its user may not see', async () => {
    await desk.user('clerk', 'management');
    const page = await desk.page({ as: 'clerk', viewport: { width: 390, height: 800 }, colorScheme: 'dark' });
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('combobox', { name: /Search queues/ }).fill('gue');
    await page.getByText('0 found in the broker').waitFor();
    expect(await page.getByRole('group', { name: 'Users' }).count()).toBe(0);
    await expectAccessible(page);
  });
});
