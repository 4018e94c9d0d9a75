/** `browser:true`: a queue is looked through, and nothing taken. */
import { expect } from 'vitest';
import { frames, scenario, topic } from '../scenario.ts';

export const browsing = topic('browsing', [
  scenario('shows what is there, then says that this was all', 'activemq:stomp browser', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    for (const body of ['1', '2', '3']) await client.send(queue, body, { persistent: 'true' });
    const browser = await client.subscribe(queue, { browser: 'true' });
    expect(await browser.texts(3)).toEqual(['1', '2', '3']);
    const end = await browser.next();
    const { browser: word, destination, subscription } = end.headers;
    expect([word, end.headers['message-id'], destination, subscription, end.body.length]).toEqual([
      'end',
      '0',
      queue,
      browser.id,
      0,
    ]);
    await browser.unsubscribe();
    const reader = await client.subscribe(queue);
    const messages = await reader.take(3);
    expect(messages.map(({ headers }) => headers['redelivered'])).toEqual([undefined, undefined, undefined]);
  }),

  scenario('of an empty queue ends at once', 'activemq:stomp browser', async (t) => {
    const client = await t.client();
    const browser = await client.subscribe(t.queue(), { browser: 'true' });
    expect((await browser.next()).headers['browser']).toBe('end');
  }),

  scenario('shows what a selector takes', 'activemq:stomp browser', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    for (const n of ['1', '2', '3', '4']) await client.send(queue, n, { n });
    const browser = await client.subscribe(queue, { browser: 'true', selector: 'n > 2' });
    expect(await browser.texts(2)).toEqual(['3', '4']);
    expect((await browser.next()).headers['browser']).toBe('end');
  }),

  scenario('shows what a consumer holds as well', 'activemq:stomp browser', async (t) => {
    const queue = t.queue();
    const holder = await t.client();
    await holder.send(queue, 'held');
    const held = await holder.subscribe(queue, { ack: 'client-individual' });
    const message = await held.next();
    const looker = await t.client();
    const browser = await looker.subscribe(queue, { browser: 'true' });
    expect(await browser.texts(1)).toEqual(['held']);
    expect((await browser.next()).headers['browser']).toBe('end');
    await holder.ack(message);
  }),

  scenario('shows nothing that comes later', 'activemq:stomp browser', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const browser = await client.subscribe(queue, { browser: 'true' });
    expect((await browser.next()).headers['browser']).toBe('end');
    await client.send(queue, 'later');
    const reader = await client.subscribe(queue);
    expect(await reader.texts(1)).toEqual(['later']);
    expect(browser.messages).toHaveLength(1);
  }),

  frames('of a topic is refused', 'activemq:stomp browser', async (t) => {
    const client = await t.raw();
    client.send('SUBSCRIBE', { id: '1', destination: t.topic(), browser: 'true' });
    await t.error(client);
  }),
]);
