/** The words by which clients know errors, as RabbitMQ says them. */
import { expect } from 'vitest';
import { errorOf, header, type RawClient } from '../clients/frames.ts';
import { frames, type Run, topic } from '../scenario.ts';

const LOGIN = { host: '/', login: 'guest', passcode: 'guest' };

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

export const errors = topic('errors', [
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
  frames(
    'a SEND to a temporary queue reaches it, or is called Invalid destination',
    'rabbitmq:error messages',
    async (t) => {
      const client = await t.raw();
      client.send('SEND', { destination: '/temp-queue/a', receipt: 'r' }, 'x');
      if (t.differs('no-temp-sends')) expect(header(await errorOf(client), 'message')).toBe('Invalid destination');
      else await client.next('RECEIPT');
    },
    ['no-exchanges'],
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
