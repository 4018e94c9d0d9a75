/** `ActiveMQ.DLQ`: what was given up, and what has expired. */
import { expect } from 'vitest';
import type { Message, Subscription } from '../clients/client.ts';
import { scenario, topic } from '../scenario.ts';

/** The next with this body: the queue is shared by all that runs beside. */
async function find(subscription: Subscription, body: string): Promise<Message> {
  for (;;) {
    const message = await subscription.next();
    if (message.body.toString() === body) return message;
  }
}

export const deadLetters = topic('dead letters', [
  scenario('what a consumer gives up lies in ActiveMQ.DLQ', 'activemq:message redelivery and DLQ', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const dead = await client.subscribe('/queue/ActiveMQ.DLQ', { selector: `mine = '${queue}'` });
    const subscription = await client.subscribe(queue, { ack: 'client-individual' });
    await client.send(queue, 'given up', { persistent: 'true', mine: queue });
    await client.nack(await subscription.next());
    const message = await find(dead, 'given up');
    expect([message.headers['original-destination'], message.headers['originalExpiration']]).toEqual([queue, '0']);
  }),

  scenario('what has expired lies there too, and says so', 'activemq:message redelivery and DLQ', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const dead = await client.subscribe('/queue/ActiveMQ.DLQ', { selector: `mine = '${queue}'` });
    const headers = { persistent: 'true', mine: queue, expires: String(Date.now() + 300) };
    await client.send(queue, 'expired', headers);
    await new Promise((resolve) => {
      setTimeout(resolve, 600);
    });
    // There it looks at what is old when somebody asks for it.
    await client.subscribe(queue);
    const message = await find(dead, 'expired');
    expect(message.headers['dlqDeliveryFailureCause']).toMatch(/Message Expired\. Expiration:\d+/);
    expect(Number(message.headers['originalExpiration'])).toBeGreaterThan(0);
  }),

  scenario('what was not to be kept and has expired is gone', 'activemq:message redelivery and DLQ', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const dead = await client.subscribe('/queue/ActiveMQ.DLQ', { selector: `mine = '${queue}'` });
    await client.send(queue, 'gone', { mine: queue, expires: String(Date.now() - 1) });
    const subscription = await client.subscribe(queue, { ack: 'client-individual' });
    await client.send(queue, 'given up', { persistent: 'true', mine: queue });
    await client.nack(await subscription.next());
    expect((await dead.next()).body.toString()).toBe('given up');
  }),
]);
