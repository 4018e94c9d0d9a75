/** What clients rely on because both brokers do it, and the words by which they know errors. */
import { expect } from 'vitest';
import { until } from '../../support/inbox.ts';
import { errorOf, header, type RawClient } from '../clients/frames.ts';
import { frames, type Run, scenario, topic } from '../scenario.ts';

const LOGIN = { host: '/', login: 'guest', passcode: 'guest' };

/** The bytes that come for what is written. */
async function bytesOf(client: RawClient, work: () => Promise<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  client.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await work();
  return Buffer.concat(chunks).toString('latin1');
}

/** A frame that is refused, after others: the `message` header of the ERROR in each broker's words. */
function refusal(name: string, message: string, write: (t: Run, client: RawClient) => void, version = '1.2') {
  return frames(
    `${name} is called ${message}`,
    'rabbitmq:error messages',
    async (t) => {
      const client = await t.raw(version);
      write(t, client);
      expect(header(await errorOf(client), 'message')).toBe(message);
    },
    ['no-exchanges'],
  );
}

export const reliance = topic('reliance', [
  frames('every frame ends in NUL and a line feed', 'robustness', async (t) => {
    const client = await t.dial();
    const queue = t.queue();
    const bytes = await bytesOf(client, async () => {
      client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN });
      await client.next('CONNECTED');
      await client.confirmed('SUBSCRIBE', { id: '1', destination: queue });
      for (const length of [1, 20_000, 300_000]) {
        client.send('SEND', { destination: queue, 'content-length': String(length) }, 'b'.repeat(length));
        await client.next('MESSAGE');
      }
      client.send('SEND', { destination: queue, transaction: 'none' }, 'x');
      await errorOf(client);
    });
    const ends = bytes.split('\0');
    expect(ends).toHaveLength(7);
    for (const next of ends.slice(1, 6)) expect(next).toMatch(/^\n[A-Z]/);
  }),

  frames('the receipt of a SUBSCRIBE comes before its messages', 'robustness', async (t) => {
    const client = await t.raw();
    const queue = t.queue();
    for (let i = 0; i < 20; i++) await client.confirmed('SEND', { destination: queue, persistent: 'true' }, String(i));
    client.send('SUBSCRIBE', { id: '1', destination: queue, receipt: 'r' });
    expect((await client.next()).command).toBe('RECEIPT');
    for (let i = 0; i < 20; i++) expect((await client.next('MESSAGE')).body.toString()).toBe(String(i));
  }),

  frames('a line break too many before the NUL is no body', 'robustness', async (t) => {
    const client = await t.raw();
    const queue = t.queue();
    client.write(`SUBSCRIBE\nid:1\ndestination:${queue}\nreceipt:1\n\n\n\0\n`);
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('1');
    client.write('BEGIN\ntransaction:t\nreceipt:2\n\n\n\0\nABORT\ntransaction:t\nreceipt:3\n\n\n\0\n');
    for (const id of ['2', '3']) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(id);
  }),

  frames('NULs may stand between frames', 'robustness', async (t) => {
    const client = await t.raw();
    const queue = t.queue();
    client.write(`SEND\ndestination:${queue}\nreceipt:1\n\na\0\0\n\0SEND\ndestination:${queue}\nreceipt:2\n\nb\0`);
    for (const id of ['1', '2']) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(id);
  }),

  ...(['1.0', '1.1', '1.2'] as const).map((version) =>
    frames(`blanks may follow a length, in ${version}`, 'robustness', async (t) => {
      const client = await t.raw(version);
      const queue = t.queue();
      await client.confirmed('SUBSCRIBE', { id: '1', destination: queue });
      client.write(`SEND\ndestination:${queue}\ncontent-length:3 \n\na\0b\0`);
      const message = await client.next('MESSAGE');
      expect([message.body.toString(), header(message, 'content-length')]).toEqual(['a\0b', '3']);
    }),
  ),

  frames(
    "True and False are Python's words for it",
    'robustness',
    async (t) => {
      const client = await t.raw();
      const queue = t.queue();
      await client.confirmed('SUBSCRIBE', { id: '1', destination: queue, ack: 'client-individual', durable: 'True' });
      await client.confirmed('SEND', { destination: queue, persistent: 'True' }, 'x');
      const message = await client.take('MESSAGE');
      expect(header(message, 'persistent')).toBe('true');
      await client.confirmed('NACK', { id: header(message, 'ack')!, requeue: 'False' });
      await client.confirmed('SEND', { destination: queue, persistent: 'False' }, 'marker');
      expect((await client.take('MESSAGE')).body.toString()).toBe('marker');
    },
    ['no-exchanges'],
  ),

  frames(
    'a word that is neither true nor false is refused',
    'robustness',
    async (t) => {
      for (const word of ['yes', 'maybe']) {
        const client = await t.raw();
        client.send('SUBSCRIBE', { id: '1', destination: t.topic(), durable: word });
        const error = await errorOf(client);
        expect(header(error, 'message')).toBe(t.differs('processing-errors') ? 'Processing error' : 'Invalid header');
      }
      const client = await t.raw();
      await client.confirmed('SEND', { destination: t.queue() }, 'the queue is there');
      client.send('SEND', { destination: t.queue(), persistent: 'yes', receipt: 'r' }, 'x');
      await client.next(t.differs('reads-flags-loosely') ? 'RECEIPT' : 'ERROR');
    },
    ['no-exchanges'],
  ),

  frames('a header that comes twice is delivered once, the first', '1.2 §Repeated Header Entries', async (t) => {
    const client = await t.raw();
    const queue = t.queue();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: queue });
    client.write(`SEND\ndestination:${queue}\nfoo:1\ncorrelation-id:a\nbar:x\nfoo:2\ncorrelation-id:b\n\nx\0`);
    const { lines } = await client.next('MESSAGE');
    const named = (wanted: string): string[] => lines.filter(([name]) => name === wanted).map(([, value]) => value);
    expect([named('foo'), named('correlation-id'), named('bar')]).toEqual([['1'], ['a'], ['x']]);
  }),

  frames(
    'NACK is taken in 1.0, too',
    'rabbitmq:NACK',
    async (t) => {
      const client = await t.raw('1.0');
      const queue = t.queue();
      await client.confirmed('SUBSCRIBE', { id: '1', destination: queue, ack: 'client' });
      await client.confirmed('SEND', { destination: queue }, 'x');
      const message = await client.take('MESSAGE');
      await client.confirmed('NACK', { 'message-id': header(message, 'message-id')!, requeue: 'false' });
      await client.confirmed('SEND', { destination: queue }, 'marker');
      expect((await client.take('MESSAGE')).body.toString()).toBe('marker');
    },
    ['no-nack-in-1.0'],
  ),

  frames('a login of no length is none', 'robustness', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', host: '/', login: '', passcode: '' });
    await client.next(t.differs('empty-login-refused') ? 'ERROR' : 'CONNECTED');
  }),

  scenario(
    'a queue that has a name is shared, and bound once more by each who names it',
    'rabbitmq:user generated queue names',
    async (t) => {
      const name = t.name('orders');
      const named = { 'x-queue-name': name, durable: 'true', 'auto-delete': 'false' };
      const topics = [t.topic('a'), t.topic('b')] as const;
      const first = await t.client();
      await first.subscribe(topics[0], { id: '1', ...named });
      await first.disconnect();
      const second = await t.client();
      const subscription = await second.subscribe(topics[1], { id: '2', ...named });
      await second.send(topics[0], 'to a');
      await second.send(topics[1], 'to b');
      await second.send(`/queue/${name}`, 'to the queue');
      expect((await subscription.texts(3)).sort()).toEqual(['to a', 'to b', 'to the queue']);
      await subscription.unsubscribe({ durable: 'true' });
      const third = await t.client();
      const reader = await third.subscribe(`/amq/queue/${name}`);
      await third.send(topics[0], 'still bound');
      expect(await reader.texts(1)).toEqual(['still bound']);
    },
    ['no-exchanges'],
  ),

  scenario(
    'what comes for a named queue waits for whoever names it again',
    'rabbitmq:user generated queue names',
    async (t) => {
      const named = { 'x-queue-name': t.name('n'), 'auto-delete': 'false' };
      const name = t.topic();
      const first = await t.client();
      await first.subscribe(name, named);
      await first.disconnect();
      const publisher = await t.client();
      for (const body of ['1', '2', '3']) await publisher.send(name, body);
      const [one, two] = [await t.client(), await t.client()];
      const subscriptions = [await one.subscribe(name, named), await two.subscribe(name, named)];
      const bodies = (): string[] => subscriptions.flatMap(({ messages }) => messages.map(({ body }) => String(body)));
      await until(() => bodies().length === 3, 'three messages');
      expect(bodies().sort()).toEqual(['1', '2', '3']);
    },
    ['no-exchanges'],
  ),

  scenario(
    'a durable subscription that two connections share stays while one of them has it',
    'rabbitmq:durable topic subscriptions',
    async (t) => {
      const durable = { id: t.name('s'), durable: 'true', 'auto-delete': 'false' };
      const name = t.topic();
      const [one, two] = [await t.client(), await t.client()];
      const first = await one.subscribe(name, durable);
      const second = await two.subscribe(name, durable);
      await first.unsubscribe({ durable: 'true' });
      if (t.differs('deletes-shared-subscriptions')) {
        await two.refusal;
        return;
      }
      await one.send(name, 'x');
      expect(await second.texts(1)).toEqual(['x']);
    },
    ['no-exchanges'],
  ),

  frames(
    'a queue that went with its consumer is there again for the next SUBSCRIBE',
    'rabbitmq:auto-delete',
    async (t) => {
      const client = await t.raw();
      const destination = t.queue();
      const wish = { id: '1', destination, 'auto-delete': 'true' };
      await client.confirmed('SUBSCRIBE', wish);
      await client.confirmed('UNSUBSCRIBE', { id: '1' });
      client.send('SUBSCRIBE', wish);
      if (t.differs('declares-once')) {
        await errorOf(client);
        return;
      }
      await client.confirmed('SEND', { destination, 'auto-delete': 'true' }, 'x');
      expect((await client.take('MESSAGE')).body.toString()).toBe('x');
    },
    ['no-exchanges'],
  ),

  frames(
    'a message for a queue that is not there gets no receipt',
    'rabbitmq:amq queue destinations',
    async (t) => {
      const client = await t.raw();
      client.send('SEND', { destination: `/amq/queue/${t.name('missing')}`, receipt: 'r' }, 'x');
      await client.next(t.differs('receipts-for-missing-queues') ? 'RECEIPT' : 'ERROR');
    },
    ['no-exchanges'],
  ),

  refusal('an unknown command', 'Bad command', (_, client) => client.write('PUBLISH\n\n\0')),
  refusal('a SEND without a destination', 'Missing destination', (_, client) => client.send('SEND', {}, 'x')),
  refusal('a SUBSCRIBE without one', 'Missing destination', (_, client) => client.send('SUBSCRIBE', { id: '1' })),
  refusal('a destination of no known kind', 'Unknown destination', (_, client) =>
    client.send('SEND', { destination: '/foo/bar' }, 'x'),
  ),
  refusal('a queue of two parts', 'Invalid destination', (_, client) =>
    client.send('SEND', { destination: '/queue/a/b' }, 'x'),
  ),
  refusal('a SEND to a temporary queue', 'Invalid destination', (_, client) =>
    client.send('SEND', { destination: '/temp-queue/a' }, 'x'),
  ),
  refusal('an exchange that is not there', 'not_found', (t, client) =>
    client.send('SEND', { destination: `/exchange/${t.name('x')}/k` }, 'x'),
  ),
  refusal('a SUBSCRIBE to a queue that is not there', 'not_found', (t, client) =>
    client.send('SUBSCRIBE', { id: '1', destination: `/amq/queue/${t.name('q')}` }),
  ),
  refusal('a queue that is there with other settings', 'precondition_failed', (t, client) => {
    client.send('SUBSCRIBE', { id: '1', destination: t.topic(), 'x-queue-name': t.name('q'), 'auto-delete': 'false' });
    client.send('SUBSCRIBE', { id: '2', destination: t.topic(), 'x-queue-name': t.name('q'), 'auto-delete': 'true' });
  }),
  refusal('an expiration that is none', 'precondition_failed', (t, client) =>
    client.send('SEND', { destination: t.queue(), expiration: 'soon' }, 'x'),
  ),
  refusal('an expiration of more than ten years', 'precondition_failed', (t, client) =>
    client.send('SEND', { destination: t.queue(), expiration: '999999999999999' }, 'x'),
  ),
  refusal('the name of another user', 'precondition_failed', (t, client) =>
    client.send('SEND', { destination: t.queue(), 'user-id': 'root' }, 'x'),
  ),
  refusal('an id that is used twice', 'Duplicated subscription identifier', (t, client) => {
    for (const queue of ['a', 'b']) client.send('SUBSCRIBE', { id: '1', destination: t.queue(queue) });
  }),
  refusal('a durable subscription without an id', 'Missing Header', (t, client) =>
    client.send('SUBSCRIBE', { destination: t.topic(), durable: 'true' }),
  ),
  refusal('UNSUBSCRIBE of what is not there', 'No subscription found', (_, client) =>
    client.send('UNSUBSCRIBE', { id: 'x' }),
  ),
  refusal('UNSUBSCRIBE of nothing', 'Missing destination or id', (_, client) => client.send('UNSUBSCRIBE', {})),
  ...(['ACK', 'NACK'] as const).flatMap((command) => [
    refusal(`${command} of nothing`, 'Missing header', (_, client) => client.send(command, {})),
    refusal(`${command} of what never was`, 'Invalid header', (_, client) => client.send(command, { id: 'x' })),
    refusal(
      `${command} of nothing in 1.1`,
      'Missing header',
      (_, client) => client.send(command, { subscription: '1' }),
      '1.1',
    ),
  ]),
  refusal('BEGIN of nothing', 'Missing transaction', (_, client) => client.send('BEGIN', {})),
  ...(['COMMIT', 'ABORT'] as const).map((command) =>
    refusal(`${command} of no open transaction`, 'Bad transaction', (_, client) =>
      client.send(command, { transaction: 'x' }),
    ),
  ),
  ...(
    [
      ['a version that nobody speaks', 'Version mismatch', { 'accept-version': '9.9', ...LOGIN }],
      ['a wrong password', 'Bad CONNECT', { 'accept-version': '1.2', ...LOGIN, passcode: 'wrong' }],
      ['a virtual host that is not there', 'Bad CONNECT', { 'accept-version': '1.2', ...LOGIN, host: 'nowhere' }],
    ] as const
  ).map(([name, message, headers]) =>
    frames(
      `${name} is called ${message}`,
      'rabbitmq:error messages',
      async (t) => {
        const client = await t.dial();
        client.send('CONNECT', headers);
        expect(header(await errorOf(client), 'message')).toBe(message);
      },
      ['no-exchanges'],
    ),
  ),
  frames(
    'a frame before CONNECT is called Illegal command',
    'rabbitmq:error messages',
    async (t) => {
      const client = await t.dial();
      client.send('SEND', { destination: t.queue() }, 'x');
      expect(header(await errorOf(client), 'message')).toBe('Illegal command');
    },
    ['no-exchanges'],
  ),
]);
