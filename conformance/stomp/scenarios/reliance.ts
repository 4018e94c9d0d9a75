/** What clients rely on because both brokers do it, without a specification's word for it. */
import { expect } from 'vitest';
import { errorOf, header, type RawClient } from '../clients/frames.ts';
import { frames, topic } from '../scenario.ts';

const LOGIN = { host: '/', login: 'guest', passcode: 'guest' };

/** The bytes that come for what is written. */
async function bytesOf(client: RawClient, work: () => Promise<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  client.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await work();
  return Buffer.concat(chunks).toString('latin1');
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
]);
