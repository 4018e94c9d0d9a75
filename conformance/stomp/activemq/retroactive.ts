/** `activemq.retroactive`: who comes late gets a topic's last message, if that was to be kept for it. */
import { expect } from 'vitest';
import { scenario, topic } from '../scenario.ts';

export const retroactive = topic('retroactive subscriptions', [
  scenario('the last message that was kept comes first', 'activemq:retained messages', async (t) => {
    const name = t.topic();
    const client = await t.client();
    for (const body of ['old', 'last']) await client.send(name, body, { 'ActiveMQ.Retain': 'true' });
    const late = await client.subscribe(name, { 'activemq.retroactive': 'true' });
    await client.send(name, 'new');
    expect(await late.texts(2)).toEqual(['last', 'new']);
  }),

  scenario('what was not to be kept is gone', 'activemq:retained messages', async (t) => {
    const name = t.topic();
    const client = await t.client();
    await client.send(name, 'gone');
    const late = await client.subscribe(name, { 'activemq.retroactive': 'true' });
    await client.send(name, 'new');
    expect(await late.texts(1)).toEqual(['new']);
  }),
]);
