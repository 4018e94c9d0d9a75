/** Advisory topics: who and what comes and goes. */
import { expect } from 'vitest';
import type { Message, Subscription } from '../clients/client.ts';
import { scenario, topic } from '../scenario.ts';

const ABOUT = '/topic/ActiveMQ.Advisory.';

/** The next that says this: others' clients come and go beside. */
async function find(subscription: Subscription, says: string): Promise<Message> {
  for (;;) {
    const message = await subscription.next();
    expect([message.headers['type'], message.headers['transformation']]).toEqual(['Advisory', 'jms-advisory-json']);
    if (message.body.toString().includes(says)) return message;
  }
}

export const advisories = topic('advisories', [
  scenario('tell of connections that come and go', 'activemq:advisory messages', async (t) => {
    const client = await t.client();
    const heard = await client.subscribe(`${ABOUT}Connection`);
    const other = await t.client();
    await find(heard, '"ConnectionInfo"');
    await other.disconnect();
    await find(heard, '"RemoveInfo"');
  }),

  scenario('tell of queues that are made', 'activemq:advisory messages', async (t) => {
    const client = await t.client();
    const heard = await client.subscribe(`${ABOUT}Queue`);
    const name = t.name('q');
    await client.send(`/queue/${name}`, 'x');
    const { DestinationInfo } = JSON.parse((await find(heard, name)).body.toString());
    expect(DestinationInfo).toMatchObject({
      operationType: 0,
      destination: { '@class': 'ActiveMQQueue', string: name },
    });
  }),

  scenario('tell of topics that are made, and who subscribes to them', 'activemq:advisory messages', async (t) => {
    const client = await t.client();
    const name = t.name('t');
    const made = await client.subscribe(`${ABOUT}Topic`);
    const heard = await client.subscribe(`${ABOUT}Consumer.Topic.${name}`);
    const reader = await client.subscribe(`/topic/${name}`);
    const { DestinationInfo } = JSON.parse((await find(made, `"${name}"`)).body.toString());
    expect(DestinationInfo).toMatchObject({
      operationType: 0,
      destination: { '@class': 'ActiveMQTopic', string: name },
    });
    const came = await find(heard, '"ConsumerInfo"');
    expect([came.headers['consumerCount'], came.body.toString().includes(`"${name}"`)]).toEqual(['1', true]);
    await reader.unsubscribe();
    expect((await find(heard, '"RemoveInfo"')).headers['consumerCount']).toBe('0');
  }),

  scenario('do not tell of who sends: STOMP has no producers', 'activemq:advisory messages', async (t) => {
    const client = await t.client();
    const [queue, other] = [t.name('q'), t.name('q')];
    const heard = await client.subscribe(`${ABOUT}>`);
    for (const to of [`/queue/${queue}`, `/topic/${queue}`]) await client.send(to, 'x');
    await client.subscribe(`/queue/${other}`);
    const topics: (string | undefined)[] = [];
    for (;;) {
      const { headers } = await heard.next();
      if (headers['destination'] === `${ABOUT}Consumer.Queue.${other}`) break;
      topics.push(headers['destination']);
    }
    expect(topics.filter((topic) => topic?.includes('Producer'))).toEqual([]);
  }),

  scenario('tell of consumers of a queue, and how many there are', 'activemq:advisory messages', async (t) => {
    const client = await t.client();
    const name = t.name('q');
    const heard = await client.subscribe(`${ABOUT}Consumer.Queue.${name}`);
    const reader = await client.subscribe(`/queue/${name}`);
    expect((await find(heard, '"ConsumerInfo"')).headers['consumerCount']).toBe('1');
    await reader.unsubscribe();
    expect((await find(heard, '"RemoveInfo"')).headers['consumerCount']).toBe('0');
  }),
]);
