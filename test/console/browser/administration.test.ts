/** Users, vhosts, policies and definitions: what an administrator does there, and what others are not offered. */
import amqp from 'amqplib';
import { expect, test } from 'vitest';
import { expectAccessible, inBrowser } from './harness.ts';

const MARKUP = '<img src=x onerror=alert(1)>';

inBrowser('administration', (desk) => {
  test('a user is made, gets permissions, tags and another password, and is deleted', async () => {
    const page = await desk.page({ at: 'users' });
    await page.getByRole('button', { name: 'New user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('plant');
    await dialog.getByLabel('Password').fill('first');
    // Whoever is guest makes the user who comes after him.
    await dialog.getByLabel('administrator').uncheck();
    await dialog.getByRole('button', { name: 'Make it' }).click();
    await page.getByRole('heading', { name: 'plant', exact: true }).waitFor();
    await page.getByText('None: it may not enter any vhost.').waitFor();

    const [permissions] = await page.getByRole('button', { name: 'Add' }).all();
    await permissions!.click();
    await dialog.getByLabel('Configure').fill('^plant');
    await dialog.getByLabel('Write').fill('');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Set' }).click();
    await page.getByRole('cell', { name: '^plant' }).waitFor();
    expect(await desk.api('GET', '/api/users/plant/permissions')).toEqual([
      { user: 'plant', vhost: '/', configure: '^plant', write: '', read: '.*' },
    ]);

    await page.getByRole('button', { name: 'Tags' }).click();
    await dialog.getByLabel('monitoring').check();
    await dialog.getByRole('button', { name: 'Set them' }).click();
    await page.locator('.page-head .badge').getByText('monitoring').waitFor();
    // The password is what it was.
    const url = (password: string) => `amqp://plant:${password}@127.0.0.1:${desk.broker.amqpPort}`;
    await (await amqp.connect(url('first'))).close();

    await page.getByRole('button', { name: 'Password' }).click();
    await dialog.getByLabel('Password').fill('second');
    await dialog.getByRole('button', { name: 'Set it' }).click();
    await dialog.waitFor({ state: 'detached' });
    await (await amqp.connect(url('second'))).close();
    await expect(amqp.connect(url('first'))).rejects.toThrow(/ACCESS_REFUSED/);
    expect(await desk.api('GET', '/api/users/plant')).toMatchObject({ tags: ['monitoring'] });

    await page.getByRole('button', { name: 'Delete' }).click();
    expect(await dialog.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true);
    await dialog.getByLabel(/Type/).fill('plant');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Users' }).waitFor();
    await expect(desk.api('GET', '/api/users/plant')).rejects.toThrow(/404/);
  });

  test('permissions are changed and taken back, of names and of topics, and are in force', async () => {
    await desk.user('fitter', 'management', ['', '', '.*']);
    const page = await desk.page({ at: 'users/fitter' });
    const dialog = page.getByRole('dialog');
    const set = async (): Promise<void> => {
      await dialog.getByRole('button', { name: 'Set' }).click();
      await dialog.waitFor({ state: 'detached' });
    };
    await page.getByRole('button', { name: 'Change /', exact: true }).click();
    expect(await dialog.getByLabel('Read').inputValue()).toBe('.*');
    await dialog.getByLabel('Read').fill('^mine');
    await set();
    await page.getByRole('cell', { name: '^mine' }).waitFor();
    await page.getByRole('button', { name: 'Add' }).nth(1).click();
    await dialog.getByLabel('Write').fill('^plant\\.');
    await set();
    expect(await desk.api('GET', '/api/users/fitter/topic-permissions')).toEqual([
      { user: 'fitter', vhost: '/', exchange: 'amq.topic', write: '^plant\\.', read: '.*' },
    ]);
    await page.getByRole('button', { name: 'Remove / amq.topic' }).click();
    await page.getByText('None: every key and topic is free').waitFor();
    await page.getByRole('button', { name: 'Remove /', exact: true }).click();
    await page.getByText('None: it may not enter any vhost.').waitFor();
    expect(await desk.api('GET', '/api/users/fitter/permissions')).toEqual([]);
    expect(await desk.api('GET', '/api/users/fitter/topic-permissions')).toEqual([]);
  });

  test('what a user may do is asked of the broker, which says the rule that decides', async () => {
    await desk.user('clerk', 'management', ['', '', '^orders']);
    const page = await desk.page({ at: 'users/clerk' });
    const form = page.locator('section', { has: page.getByRole('heading', { name: 'May it, and why not' }) });
    await form.getByLabel('Name').fill('payments');
    await form.getByRole('button', { name: 'Ask' }).click();
    await form.getByText('refused', { exact: true }).waitFor();
    await form.getByText(/permission read '\^orders'/).waitFor();
    await form.getByLabel('Name').fill('orders.new');
    await form.getByRole('button', { name: 'Ask' }).click();
    await form.getByText('allowed', { exact: true }).waitFor();
    await expectAccessible(page);
  });

  test('limits of a vhost are set, in force, and taken back', async () => {
    await desk.api('PUT', '/api/vhosts/small', {});
    const page = await desk.page({ at: 'vhosts/small' });
    await page.getByLabel('Most queues').fill('1');
    await page.getByRole('button', { name: 'Set' }).click();
    await page.getByText('The limits are in force.').waitFor();
    await desk.api('PUT', '/api/permissions/small/guest', { configure: '.*', write: '.*', read: '.*' });
    await desk.api('PUT', '/api/queues/small/first', {});
    await expect(desk.api('PUT', '/api/queues/small/second', {})).rejects.toThrow(/limit/);
    await expectAccessible(page);
    await page.getByLabel('Most queues').fill('');
    await page.getByRole('button', { name: 'Set' }).click();
    await expect.poll(() => desk.api('GET', '/v1/vhosts/small/limits')).toEqual({});
    await desk.api('PUT', '/api/queues/small/second', {});
  });

  test('a vhost is made and deleted, and its name is text', async () => {
    const page = await desk.page({ at: 'vhosts' });
    await page.getByRole('button', { name: 'New vhost' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill(MARKUP);
    await dialog.getByRole('button', { name: 'Make it' }).click();
    await page.getByRole('link', { name: MARKUP }).click();
    await page.getByRole('heading', { name: MARKUP }).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByLabel(/Type/).fill(MARKUP);
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Vhosts' }).waitFor();
    await expect(desk.api('GET', `/api/vhosts/${encodeURIComponent(MARKUP)}`)).rejects.toThrow(/404/);
  });

  test('a policy says beforehand which queues it would be for, and is refused in the broker’s words', async () => {
    for (const name of ['invoices.1', 'invoices.2', 'letters']) await desk.api('PUT', `/api/queues/%2F/${name}`, {});
    const page = await desk.page({ at: 'policies', allowed: [/status of 400/] });
    await page.getByRole('button', { name: 'New policy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('short');
    await dialog.getByLabel('Pattern').fill('^invoices');
    await dialog.getByText(/^2 of \d+ queues match now\.$/).waitFor();
    await dialog.getByRole('link', { name: 'invoices.1' }).waitFor();
    await expectAccessible(page);
    await dialog.getByLabel('Settings').fill('{"max-lengh": 5}');
    await dialog.getByRole('button', { name: 'Set' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/max-lengh.*not recognised/)
      .waitFor();
    await dialog.getByLabel('Settings').fill('{"max-length": 5}');
    await dialog.getByRole('button', { name: 'Set' }).click();
    await page.getByRole('cell', { name: 'max-length: 5' }).waitFor();
    expect(await desk.api('GET', '/api/queues/%2F/invoices.1')).toMatchObject({ policy: 'short' });

    await page.getByRole('button', { name: 'Change short' }).click();
    await dialog.getByLabel('Settings').fill('{"message-ttl": 60000}');
    await dialog.getByRole('button', { name: 'Set' }).click();
    await page.getByRole('cell', { name: 'message-ttl: 1 min (60,000 ms)' }).waitFor();

    await page.getByRole('button', { name: 'Delete short' }).click();
    await dialog.getByText('this one now').first().waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('There is no policy in this vhost.').waitFor();
  });

  test('definitions are tried before they are taken over, each item with its outcome', async () => {
    const page = await desk.page({ at: 'definitions' });
    const definitions = {
      queues: [{ name: 'imported', vhost: '/', durable: true, auto_delete: false, arguments: {} }],
      exchanges: [
        {
          name: 'nowhere',
          vhost: 'no such vhost',
          type: 'topic',
          durable: true,
          auto_delete: false,
          internal: false,
          arguments: {},
        },
      ],
      shovels: [],
    };
    const file = (content: string) => ({
      name: 'definitions.json',
      mimeType: 'application/json',
      buffer: Buffer.from(content),
    });
    const input = page.getByLabel(/A file of definitions/);
    await input.setInputFiles(file('{"queues": ['));
    await page.getByRole('alert').getByText('definitions.json is no JSON.').waitFor();
    await input.setInputFiles(file(JSON.stringify(definitions)));
    const row = (name: string) => page.getByRole('row', { name });
    await row('imported').getByText('would be done').waitFor();
    await row('nowhere').getByText('failed').waitFor();
    await expect(desk.api('GET', '/api/queues/%2F/imported')).rejects.toThrow(/404/);
    await expectAccessible(page);

    await input.setInputFiles(file(JSON.stringify({ queues: definitions.queues })));
    await row('nowhere').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Import definitions.json' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
    await page.getByText('definitions.json was imported.').waitFor();
    expect(await desk.api('GET', '/api/queues/%2F/imported')).toMatchObject({ durable: true });

    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download all' }).click();
    expect((await downloading).suggestedFilename()).toBe('definitions.json');
  });

  test('who is no administrator is offered no users, no definitions and no changes', async () => {
    await desk.user('reader', 'management', ['', '', '.*']);
    const page = await desk.page({ as: 'reader', at: 'vhosts/%2F' });
    await page.getByRole('heading', { name: '/', exact: true }).waitFor();
    const side = page.getByRole('navigation', { name: 'Pages' });
    expect(await side.getByRole('link', { name: /Users|Definitions/ }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
    await page.goto(`${desk.url}#/policies`);
    await page.getByText('There is no policy in this vhost.').waitFor();
    expect(await page.getByRole('button', { name: 'New policy' }).count()).toBe(0);
    await page.goto(`${desk.url}#/users`);
    await page.getByText('This page is for users with the tag administrator.').waitFor();
  });
});
