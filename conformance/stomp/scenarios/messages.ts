/** SEND, SUBSCRIBE, UNSUBSCRIBE, MESSAGE, RECEIPT: queues and topics. */
import { expect } from 'vitest';
import { until } from '../../support/inbox.ts';
import { texts } from '../clients/client.ts';
import { errorOf, header } from '../clients/frames.ts';
import { frames, scenario, topic } from '../scenario.ts';

export const messages = topic('messages', [
  scenario('a message tells where it came from, its id and its subscription', '1.2 §MESSAGE', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue, { id: 'mine' });
    await client.send(queue, 'hello');
    const { headers, body } = await subscription.next();
    expect(headers['destination']).toBe(queue);
    expect(headers['subscription']).toBe('mine');
    expect(headers['message-id']).toMatch(/./);
    expect(body.toString()).toBe('hello');
  }),

  scenario('message ids differ', '1.2 §MESSAGE', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue);
    for (const body of ['1', '2', '3']) await client.send(queue, body);
    const ids = (await subscription.take(3)).map(({ headers }) => headers['message-id']);
    expect(new Set(ids).size).toBe(3);
  }),

  scenario("the publisher's headers travel", '1.2 §SEND', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue);
    const own = { 'content-type': 'application/json', 'correlation-id': 'c-1', 'x-own': 'yes', type: 't' };
    await client.send(queue, '{}', { ...own, persistent: 'true', priority: '7' });
    expect((await subscription.next()).headers).toMatchObject({ ...own, persistent: 'true', priority: '7' });
  }),

  scenario('a queue keeps what comes before its consumer', 'rabbitmq:queue destinations', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    for (const body of ['1', '2', '3']) await client.send(queue, body, { persistent: 'true' });
    expect(await (await client.subscribe(queue)).texts(3)).toEqual(['1', '2', '3']);
  }),

  scenario('of several consumers of a queue one gets each message', 'rabbitmq:queue destinations', async (t) => {
    const queue = t.queue();
    const clients = [await t.client(), await t.client()];
    const subscriptions = await Promise.all(clients.map((client) => client.subscribe(queue)));
    const bodies = Array.from({ length: 20 }, (_, i) => String(i));
    for (const body of bodies) await clients[0]!.send(queue, body);
    const got = (): string[] => subscriptions.flatMap((subscription) => texts(subscription.messages));
    await until(() => got().length === 20, 'twenty messages');
    expect(got().sort()).toEqual([...bodies].sort());
    for (const subscription of subscriptions) expect(subscription.messages.length).toBeGreaterThan(0);
  }),

  scenario('every subscriber of a topic gets every message, in order', 'rabbitmq:topic destinations', async (t) => {
    const name = t.topic();
    const clients = [await t.client(), await t.client()];
    const subscriptions = await Promise.all(clients.map((client) => client.subscribe(name)));
    const bodies = Array.from({ length: 20 }, (_, i) => String(i));
    for (const body of bodies) await clients[0]!.send(name, body);
    for (const subscription of subscriptions) expect(await subscription.texts(20)).toEqual(bodies);
  }),

  scenario('a topic keeps nothing for who comes later', 'rabbitmq:topic destinations', async (t) => {
    const name = t.topic();
    const client = await t.client();
    await client.send(name, 'early');
    const subscription = await client.subscribe(name);
    await client.send(name, 'late');
    expect(await subscription.texts(1)).toEqual(['late']);
  }),

  scenario('the wildcard * is one level of a topic', 'activemq:wildcards', async (t) => {
    const name = t.topic();
    const client = await t.client();
    const subscription = await client.subscribe(`${name}.*.end`);
    await client.send(`${name}.a.b.end`, 'two levels');
    await client.send(`${name}.end`, 'none');
    await client.send(`${name}.a.end`, 'one');
    const message = await subscription.next();
    expect([message.body.toString(), message.headers['destination']]).toEqual(['one', `${name}.a.end`]);
  }),

  scenario(
    'the wildcard > is any number of levels, with ActiveMQ none as well',
    'activemq:wildcards',
    async (t) => {
      const name = t.topic();
      const client = await t.client();
      const subscription = await client.subscribe(`${name}.>`);
      for (const [key, body] of [
        ['.a', 'one'],
        ['.a.b', 'two'],
        ['', 'none'],
        ['.end', 'end'],
      ] as const) {
        await client.send(`${name}${key}`, body);
      }
      expect(await subscription.texts(4)).toEqual(['one', 'two', 'none', 'end']);
    },
    ['no-activemq-wildcards'],
  ),

  scenario(
    'the wildcard # is any number of levels, also none',
    'rabbitmq:topic destinations',
    async (t) => {
      const name = t.topic();
      const client = await t.client();
      const subscription = await client.subscribe(`${name}.#`);
      for (const [key, body] of [
        ['.a', 'one'],
        ['.a.b', 'two'],
        ['', 'none'],
      ] as const) {
        await client.send(`${name}${key}`, body);
      }
      expect(await subscription.texts(3)).toEqual(['one', 'two', 'none']);
    },
    ['no-exchanges'],
  ),

  scenario('several subscriptions of a connection are told apart by their ids', '1.1 §SUBSCRIBE', async (t) => {
    const client = await t.client();
    const [one, two] = [t.queue('one'), t.queue('two')];
    const first = await client.subscribe(one, { id: 'a' });
    const second = await client.subscribe(two, { id: 'b' });
    await client.send(two, 'to two');
    await client.send(one, 'to one');
    expect(await first.texts(1)).toEqual(['to one']);
    expect(await second.texts(1)).toEqual(['to two']);
  }),

  scenario('after UNSUBSCRIBE nothing more comes', '1.2 §UNSUBSCRIBE', async (t) => {
    const name = t.topic();
    const client = await t.client();
    const ended = await client.subscribe(name);
    const goesOn = await client.subscribe(name);
    await client.send(name, 'first');
    await ended.next();
    await ended.unsubscribe();
    await client.send(name, 'second');
    expect(await goesOn.texts(2)).toEqual(['first', 'second']);
    expect(texts(ended.messages)).toEqual(['first']);
  }),

  frames('a receipt comes for every frame that asks', '1.2 §RECEIPT', async (t) => {
    const client = await t.raw();
    const queue = t.queue();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: queue, ack: 'client' });
    await client.confirmed('SEND', { destination: queue }, 'x');
    const message = await client.take('MESSAGE');
    await client.confirmed('BEGIN', { transaction: 't' });
    await client.confirmed('ABORT', { transaction: 't' });
    await client.confirmed('BEGIN', { transaction: 'u' });
    await client.confirmed('COMMIT', { transaction: 'u' });
    await client.confirmed('ACK', { id: header(message, 'ack')! });
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    await client.confirmed('DISCONNECT');
  }),

  frames('a receipt id goes back as it came', '1.2 §RECEIPT', async (t) => {
    const client = await t.raw();
    client.write(`SEND\ndestination:${t.queue()}\nreceipt:a\\cb\\\\€\n\nx\0`);
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('a\\cb\\\\€');
  }),

  frames('SEND must have a destination', '1.2 §SEND', async (t) => {
    const client = await t.raw();
    client.send('SEND', {}, 'x');
    await errorOf(client);
  }),
  frames('SUBSCRIBE must have a destination', '1.2 §SUBSCRIBE', async (t) => {
    const client = await t.raw();
    client.send('SUBSCRIBE', { id: '1' });
    await errorOf(client);
  }),
  frames('SUBSCRIBE must have an id', '1.2 §SUBSCRIBE', async (t) => {
    const client = await t.raw();
    client.send('SUBSCRIBE', { destination: t.queue(), receipt: 'r' });
    await client.next(t.differs('ids-optional') ? 'RECEIPT' : 'ERROR');
  }),
  frames('an ack mode that is none is refused', '1.2 §SUBSCRIBE ack', async (t) => {
    const client = await t.raw();
    client.send('SUBSCRIBE', { id: '1', destination: t.queue(), ack: 'sometimes', receipt: 'r' });
    await client.next(t.differs('any-ack-mode') ? 'RECEIPT' : 'ERROR');
  }),
  frames('an id cannot be used twice at a time', '1.2 §SUBSCRIBE id', async (t) => {
    const client = await t.raw();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: t.queue('one') });
    client.send('SUBSCRIBE', { id: '1', destination: t.queue('two'), receipt: 'r' });
    await client.next(t.differs('ids-used-twice') ? 'RECEIPT' : 'ERROR');
  }),
  frames('UNSUBSCRIBE of what is not there is refused', '1.2 §UNSUBSCRIBE', async (t) => {
    const client = await t.raw();
    client.send('UNSUBSCRIBE', { id: 'nothing' });
    await errorOf(client);
  }),
  frames('in 1.0 the destination can stand for the id', '1.0 §SUBSCRIBE', async (t) => {
    const client = await t.raw('1.0');
    const queue = t.queue();
    await client.confirmed('SUBSCRIBE', { destination: queue });
    await client.confirmed('SEND', { destination: queue }, 'x');
    const message = await client.take('MESSAGE');
    expect(message.body.toString()).toBe('x');
    await client.confirmed('UNSUBSCRIBE', { destination: queue });
  }),
]);
