/** What stands around every page: keys, colours, the menu of a telephone, what the browser remembers, and what is said of pages that are not there. */
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

inBrowser('the frame', (desk) => {
  test('keys lead to pages and to the search of a list, and are told; nothing is taken from who is typing', async () => {
    const page = await desk.page();
    await page.keyboard.press('g');
    await page.keyboard.press('q');
    await page.getByRole('heading', { name: 'Queues' }).waitFor();
    await page.keyboard.press('f');
    const search = page.getByRole('searchbox', { name: 'Search queues' });
    await expect.poll(() => search.evaluate((one) => one === document.activeElement)).toBe(true);
    await page.keyboard.type('g e?');
    expect(await search.inputValue()).toBe('g e?');
    await page.getByText('Nothing is called «g e?».').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('status').getByText('g q: Queues').waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('e');
    await page.getByRole('heading', { name: 'Exchanges' }).waitFor();
  });

  test('the first stop of the keyboard leads past the menu', async () => {
    const page = await desk.page();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  });

  test('a dialog holds the focus, is closed with a key, and gives it back', async () => {
    const page = await desk.page({ at: 'exchanges' });
    const opens = page.getByRole('button', { name: 'Declare an exchange' });
    await opens.click();
    const inside = () => page.evaluate(() => document.activeElement?.closest('dialog') != null);
    await expect.poll(inside).toBe(true);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await opens.evaluate((one) => one === document.activeElement)).toBe(true);
  });

  test('colours and columns are as they were left', async () => {
    const page = await desk.page({ at: 'queues', colorScheme: 'light' });
    await desk.api('PUT', '/api/queues/%2F/there', {});
    await page.getByRole('button', { name: /^Colours/ }).click();
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await expect.poll(background).toBe('rgb(16, 20, 22)');
    await page.getByText('Columns').click();
    await page.getByLabel('Bytes ready').check();
    await page.getByLabel('Consumers').uncheck();
    await page.reload();
    await page.getByRole('columnheader', { name: 'Bytes ready' }).waitFor();
    expect(await page.getByRole('columnheader', { name: 'Consumers' }).count()).toBe(0);
    expect(await background()).toBe('rgb(16, 20, 22)');
  });

  test('on a telephone the menu is opened, leads to a page, and closes', async () => {
    const page = await desk.page({ viewport: { width: 390, height: 800 } });
    const menu = page.getByRole('navigation', { name: 'Pages' });
    expect(await menu.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Menu' }).click();
    await expectAccessible(page);
    await menu.getByRole('link', { name: 'Policies' }).click();
    await page.getByRole('heading', { name: 'Policies' }).waitFor();
    expect(await menu.isVisible()).toBe(false);
  });

  test('of an address that leads nowhere it says so', async () => {
    const page = await desk.page({ at: 'nowhere/%E0%A4%A' });
    await page.getByText('There is no page «nowhere».').waitFor();
    await expectAccessible(page);
  });

  test('a page that cannot be loaded is told, and loaded once it can be', async () => {
    const page = await desk.page({ allowed: [/Failed to load resource|ERR_FAILED|dynamically imported/] });
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.route('**/assets/policies-*.js', (route) => route.abort());
    await page.goto(`${desk.url}#/policies`);
    await page.getByText('This page could not be loaded').waitFor();
    await page.unroute('**/assets/policies-*.js');
    await page.getByRole('button', { name: 'Load the console again' }).click();
    await page.getByRole('heading', { name: 'Policies' }).waitFor();
  });

  test('a fault of one page is told there, and spoils no other', async () => {
    const page = await desk.page({ allowed: [/TypeError/] });
    await page.route('**/api/queues?*page_size=50*', (route) => route.fulfill({ json: { items: [null] } }));
    await page.goto(`${desk.url}#/queues`);
    await page.getByRole('heading', { name: 'A fault of this page' }).waitFor();
    await page.getByRole('button', { name: 'To the overview' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
});
