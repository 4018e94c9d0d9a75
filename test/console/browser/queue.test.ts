/** A queue and its messages in the console, beside real clients. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { bodies, clientOf } from './client.ts';
import { expectAccessible, inBrowser } from './harness.ts';

const EVIL = '<img src=x onerror=alert(1)>';

inBrowser('a queue', (desk) => {
  const client = clientOf(desk);
  const at = (name: string, rest = ''): string => `queues/%2F/${encodeURIComponent(name)}${rest}`;

  test('shows how it goes, its features and where each setting comes from', async () => {
    await desk.api('PUT', '/api/policies/%2F/short', {
      pattern: '^told$',
      definition: { 'message-ttl': 5000, 'max-length': 10 },
      'apply-to': 'queues',
    });
    await client.channel.assertQueue('told', { durable: true, arguments: { 'x-message-ttl': 60_000 } });
    await client.send('told', ['1', '2', '3']);
    const page = await desk.page({ at: at('told') });
    await page.getByRole('heading', { name: 'told' }).waitFor();
    await page.locator('.figure', { hasText: /^3ready$/ }).waitFor();
    const row = page.getByRole('row', { name: /message-ttl/ });
    await row.getByText('5 s (5,000 ms)').waitFor();
    expect(await row.innerText()).toContain('policy short');
    expect(await row.innerText()).toContain('argument: 1 min (60,000 ms)');
    expect(await page.getByRole('row', { name: /max-length/ }).innerText()).toContain('policy short');
    await expectAccessible(page);
  });

  test('is paused and resumed, purged, and deleted by who types its name', async () => {
    await client.channel.assertQueue('worked on');
    await client.send('worked on', ['1', '2']);
    const page = await desk.page({ at: at('worked on') });
    await act(page, 'Pause');
    await page.getByText('paused', { exact: true }).waitFor();
    await act(page, 'Resume');
    await page.getByText('paused', { exact: true }).waitFor({ state: 'detached' });
    await act(page, 'Purge');
    await page.locator('.figure', { hasText: /^0ready$/ }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    const word = dialog.getByRole('button', { name: 'Delete' });
    expect(await word.isDisabled()).toBe(true);
    await dialog.getByRole('textbox').fill('worked on');
    await expectAccessible(page);
    await word.click();
    await page.getByText('worked on is deleted.').waitFor();
    await page.getByRole('heading', { name: 'Queues' }).waitFor();
    await expect(desk.api('GET', '/api/queues/%2F/worked%20on')).rejects.toThrow('404');
  });

  test('shows its bindings, binds and unbinds', async () => {
    await client.channel.assertExchange('news', 'topic');
    await client.channel.assertQueue('bound');
    const page = await desk.page({ at: at('bound', '?tab=routing') });
    await page.getByRole('button', { name: 'Bind', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Exchange').fill('news');
    await dialog.getByLabel('Routing key').fill('eu.#');
    await dialog.getByRole('button', { name: 'Bind' }).click();
    await page.getByRole('row', { name: /news.*eu\.#/ }).waitFor();
    await expectAccessible(page);
    client.channel.publish('news', 'eu.a', Buffer.from('x'));
    await client.channel.waitForConfirms();
    expect(await client.channel.checkQueue('bound')).toMatchObject({ messageCount: 1 });
    await page.getByRole('button', { name: 'Unbind news eu.#' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unbind' }).click();
    await page.getByRole('row', { name: /eu\.#/ }).waitFor({ state: 'detached' });
  });

  test('shows who consumes and what is held', async () => {
    await client.channel.assertQueue('busy');
    await client.send('busy', ['held']);
    const held = new Promise((resolve) => client.channel.consume('busy', resolve, { consumerTag: EVIL }));
    await held;
    const page = await desk.page({ at: at('busy', '?tab=consumers') });
    await page.getByRole('cell', { name: EVIL }).waitFor();
    await page.getByRole('heading', { name: 'What they hold: 1' }).waitFor();
    expect((await page.getByRole('row', { name: EVIL }).innerText()).split('\t')[5]).toBe('1');
    await page
      .getByRole('row', { name: EVIL })
      .getByRole('link', { name: /^(a few seconds|\d+ s)$/ })
      .waitFor();
    await expectAccessible(page);
    await client.channel.cancel(EVIL);
    client.channel.nackAll(false);
  });

  test('that is not there is said', async () => {
    const page = await desk.page({ at: at('nowhere'), allowed: [/status of 404/] });
    await page.getByText('There is no such queue.').waitFor();
  });

  test('a message is published to it', async () => {
    await client.channel.assertQueue('written to');
    const page = await desk.page({ at: at('written to') });
    await page.getByRole('button', { name: 'Publish' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Body').fill('hello');
    await dialog.getByLabel('Headers').fill('{"region": "eu"');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await dialog.getByText('The headers are no JSON.').waitFor();
    await dialog.getByLabel('Headers').fill('{"region": "eu"}');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Sent, and taken by a queue.').waitFor();
    const got = await client.channel.get('written to', { noAck: true });
    expect(got).toMatchObject({ content: Buffer.from('hello'), properties: { headers: { region: 'eu' } } });
  });

  test('offers nothing that its user may not do', async () => {
    await desk.user('reader', 'management', ['', '', '^open$']);
    await client.channel.assertQueue('open');
    await client.channel.assertQueue('shut');
    const page = await desk.page({ as: 'reader', at: at('open') });
    await page.getByRole('button', { name: 'Purge' }).waitFor();
    for (const name of ['Publish', 'Pause', 'Delete']) {
      expect(await page.getByRole('button', { name }).count(), name).toBe(0);
    }
    await page.goto(`${desk.url}#/${at('shut', '?tab=messages')}`);
    await page.getByText('asks for the permission to read this queue').waitFor();
    expect(await page.getByRole('button', { name: 'Purge' }).count()).toBe(0);
    await expectAccessible(page);
  });
});

inBrowser('messages of a queue', (desk) => {
  const client = clientOf(desk);
  const at = (name: string): string => `queues/%2F/${encodeURIComponent(name)}?tab=messages`;

  test('are looked at newest or oldest first, searched, and stay where they are', async () => {
    await client.channel.assertQueue('looked at');
    for (let i = 0; i < 120; i++) {
      const headers = { region: i % 2 === 0 ? 'eu' : 'us' };
      client.channel.sendToQueue('looked at', Buffer.from(`order ${i}`), { headers });
    }
    await client.channel.waitForConfirms();
    const page = await desk.page({ at: at('looked at'), allowed: [/status of 400/] });
    await page.getByText('50 shown; scanned 50 of 120').waitFor();
    expect(await page.locator('tbody tr').first().innerText()).toContain('order 119');
    await page.getByRole('button', { name: 'Look further' }).click();
    await page.getByText('100 shown; scanned 100 of 120').waitFor();
    await page.getByRole('button', { name: 'Look further' }).click();
    await page.getByText('120 shown; scanned 120 of 120').waitFor();
    await page.getByLabel('First').selectOption('oldest');
    await page.locator('tbody tr').first().getByText('order 0', { exact: true }).waitFor();
    await page.getByLabel('Text in the body').fill('order 11');
    await page.getByLabel('Selector').fill("region = 'us'");
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByText('6 shown; scanned 120 of 120').waitFor();
    await expectAccessible(page);
    await page.getByLabel('Selector').fill('region =');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByRole('alert').waitFor();
    expect(await client.channel.checkQueue('looked at')).toMatchObject({ messageCount: 120 });
  });

  test('a long search says how far it has come while it goes on, and is stopped', async () => {
    await client.channel.assertQueue('deep');
    const page = await desk.page({ at: at('deep') });
    await page.getByText('There is no message here.').waitFor();
    let asked = 0;
    await page.route('**/queues/deep/messages?*text=*', (route) =>
      route.fulfill({ json: { messages: [], scanned: 1_000, of: 10_000_000, missed: 0, next: `newest:${++asked}` } }),
    );
    await page.getByLabel('Text in the body').fill('needle');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByText(/^0 shown; scanned \d{2,},000 of 10,000,000$/).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('None of those that were looked at is like that.').waitFor();
    await page.getByRole('button', { name: 'Look further' }).waitFor();
    const stopped = asked;
    await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
    expect(asked).toBe(stopped);
  });

  test('are opened as text, JSON, hex, MessagePack and what else they may be, and nothing in them is run', async () => {
    await client.channel.assertQueue(EVIL);
    const body = JSON.stringify({ [EVIL]: EVIL, big: 1, deep: { list: [1, 2] } }).replace(
      '"big":1',
      '"big":12345678901234567890',
    );
    client.channel.sendToQueue(EVIL, Buffer.from(body), { headers: { [EVIL]: EVIL }, messageId: EVIL });
    client.channel.sendToQueue(EVIL, Buffer.from('81a16101', 'hex'), { contentType: 'application/msgpack' });
    await client.channel.waitForConfirms();
    const page = await desk.page({ at: at(EVIL) });
    await page.getByRole('heading', { name: EVIL }).waitFor();
    await page.locator('tbody tr').nth(1).getByRole('button').click();
    await page.getByText('12345678901234567890', { exact: true }).waitFor();
    await page.locator('.tree').getByText(JSON.stringify(EVIL)).waitFor();
    await page.locator('.headers dt').getByText(EVIL).waitFor();
    await expectAccessible(page);
    for (const [form, said] of [
      ['Text', body],
      ['Hex', '00000000  7b 22'],
      ['MessagePack', 'This is no MessagePack'],
      ['CBOR', 'This is no CBOR'],
    ] as const) {
      await page.getByRole('button', { name: form, exact: true }).click();
      await page.locator('.body').getByText(said).first().waitFor();
    }
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const stream = await (await download).createReadStream();
    expect(Buffer.concat(await stream.toArray()).toString()).toBe(body);
    await page.locator('tbody tr').first().getByRole('button').click();
    await page.locator('.tree-leaf', { hasText: 'a: 1' }).waitFor();
    expect(await page.locator('img').count()).toBe(0);
  });

  test('are shown whole when one asks for it, as far as a page takes in', async () => {
    await client.channel.assertQueue('long bodies');
    await client.send('long bodies', ['x'.repeat(100_000), 'y'.repeat(2_000_000)]);
    const page = await desk.page({ at: at('long bodies') });
    await page.locator('tbody tr').nth(1).getByRole('button').click();
    const shown = async (): Promise<number> => (await page.locator('.body pre').innerText()).length;
    await expect.poll(shown).toBe(64 * 1024);
    await page.getByRole('button', { name: '34,464 characters more' }).click();
    await expect.poll(shown).toBe(100_000);
    await page.getByRole('button', { name: 'Close the message' }).click();
    await page.locator('.opened').waitFor({ state: 'detached' });
    await page.locator('tbody tr').first().getByRole('button').click();
    await page.getByText('These are the first 1.0 MiB of 1.9 MiB.').waitFor();
    expect(await page.getByRole('button', { name: 'Edit and send again' }).isDisabled()).toBe(true);
  });

  test('are downloaded whole, however long', async () => {
    await client.channel.assertQueue('long');
    const body = Buffer.alloc(3 * 1024 * 1024 + 5, 'long, ');
    client.channel.sendToQueue('long', body);
    await client.channel.waitForConfirms();
    const page = await desk.page({ at: at('long') });
    await page.locator('tbody tr').first().getByRole('button').click();
    await page.getByText('These are the first 1.0 MiB of 3.0 MiB.').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download all 3.0 MiB' }).click();
    const stream = await (await download).createReadStream();
    expect(Buffer.concat(await stream.toArray()).equals(body)).toBe(true);
  });

  test('are edited and sent again', async () => {
    await client.channel.assertQueue('mended');
    client.channel.sendToQueue('mended', Buffer.from('wrong'), { messageId: 'm', headers: { a: 1 }, persistent: true });
    await client.channel.waitForConfirms();
    const page = await desk.page({ at: at('mended') });
    await page.locator('tbody tr').first().getByRole('button').click();
    await page.getByRole('button', { name: 'Edit and send again' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByLabel('Routing key').inputValue()).toBe('mended');
    await dialog.getByLabel('Body').fill('right');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Sent, and taken by a queue.').waitFor();
    expect(await client.channel.get('mended', { noAck: true })).toMatchObject({ content: Buffer.from('wrong') });
    expect(await client.channel.get('mended', { noAck: true })).toMatchObject({
      content: Buffer.from('right'),
      properties: { messageId: 'm', headers: { a: 1 }, deliveryMode: 2 },
    });
  });

  test('are moved and copied one by one, and all that a search finds', async () => {
    await client.channel.assertQueue('from');
    await client.channel.assertQueue('to');
    await client.send('from', ['a1', 'a2', 'b1', 'b2', 'b3']);
    const page = await desk.page({ at: at('from'), allowed: [/status of 404/] });
    for (const body of ['a2', 'b2']) await page.getByRole('row', { name: body }).getByRole('checkbox').check();
    await page.getByText('2 chosen').waitFor();
    await page.getByRole('button', { name: 'Move', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Queue', { exact: true }).fill('to');
    await dialog.getByRole('button', { name: 'Move' }).click();
    await page.getByText('2 messages moved.').waitFor();
    expect(await bodies(desk, 'to')).toEqual(['a2', 'b2']);
    expect(await bodies(desk, 'from')).toEqual(['a1', 'b1', 'b3']);
    await page.getByLabel('Text in the body').fill('b');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByText('2 shown; scanned 3 of 3').waitFor();
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await dialog.getByLabel('Queue', { exact: true }).fill('to');
    await dialog.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('2 messages copied.').waitFor();
    expect(await bodies(desk, 'to')).toEqual(['a2', 'b2', 'b1', 'b3']);
    await page.getByRole('button', { name: 'Move all' }).click();
    await dialog.getByLabel('Queue', { exact: true }).fill('nowhere');
    await dialog.getByRole('button', { name: 'Move' }).click();
    await dialog.getByRole('alert').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('row', { name: 'b3' }).getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('One message removed.').waitFor();
    expect(await bodies(desk, 'from')).toEqual(['a1', 'b1']);
  });
});

/** Asks, and says yes. */
async function act(page: Page, word: string): Promise<void> {
  await page.getByRole('button', { name: word }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: word }).click();
  await dialog.waitFor({ state: 'detached' });
}
