/** Framing: escapes, repeated headers, lengths, chunks, and what is no frame. */
import { expect } from 'vitest';
import { ends, errorOf, header, type RawClient } from '../clients/frames.ts';
import { frames, type Run, scenario, topic } from '../scenario.ts';

/** A connection subscribed to a queue that is its own. */
async function reader(t: Run, version = '1.2'): Promise<{ client: RawClient; queue: string }> {
  const client = await t.raw(version);
  const queue = t.queue();
  await client.confirmed('SUBSCRIBE', { id: '1', destination: queue });
  return { client, queue };
}

/** What cannot be read as a frame: an ERROR, and the end. */
async function malformed(t: Run, text: string): Promise<void> {
  const client = await t.raw();
  client.write(text);
  if (t.differs('closes-without-a-word')) await ends(client);
  else await t.error(client);
}

export const framing = topic('framing', [
  frames('1.2 escapes LF, CR, colon and backslash in names and values', '1.2 §Value Encoding', async (t) => {
    const { client, queue } = await reader(t);
    client.write(`SEND\ndestination:${queue}\na\\cb:1\\n2\\r3\\c4\\\\5\n\nx\0`);
    expect(header(await client.next('MESSAGE'), 'a\\cb')).toBe('1\\n2\\r3\\c4\\\\5');
  }),

  frames('1.1 escapes LF, colon and backslash', '1.1 §Value Encoding', async (t) => {
    const { client, queue } = await reader(t, '1.1');
    client.write(`SEND\ndestination:${queue}\na\\cb:1\\n2\\c4\\\\5\n\nx\0`);
    expect(header(await client.next('MESSAGE'), 'a\\cb')).toBe('1\\n2\\c4\\\\5');
  }),

  frames('1.0 escapes nothing', '1.0 §Frames', async (t) => {
    const { client, queue } = await reader(t, '1.0');
    client.write(`SEND\ndestination:${queue}\na:1\\n2\n\nx\0`);
    expect(header(await client.next('MESSAGE'), 'a')).toBe(t.differs('escapes-in-1.0') ? '1' : '1\\n2');
  }),

  frames(
    'an escape that is none ends the connection',
    '1.2 §Value Encoding',
    (t) => malformed(t, `SEND\ndestination:${t.queue()}\na:b\\tc\n\nx\0`),
    ['passes-over-malformed'],
  ),

  frames('of repeated headers the first one counts', '1.2 §Repeated Header Entries', async (t) => {
    const { client, queue } = await reader(t);
    client.write(`SEND\ndestination:${queue}\ndestination:${t.queue('other')}\nfoo:World\nfoo:Hello\n\nx\0`);
    const message = await client.next('MESSAGE');
    expect(header(message, 'foo')).toBe('World');
    expect(header(message, 'destination')).toBe(queue);
  }),

  frames('spaces in a value belong to it', '1.2 §Value Encoding', async (t) => {
    const { client, queue } = await reader(t);
    client.write(`SEND\ndestination:${queue}\nfoo:  a b  \nempty:\n\nx\0`);
    const message = await client.next('MESSAGE');
    expect(header(message, 'foo')).toBe('  a b  ');
    expect(header(message, 'empty')).toBe('');
  }),

  frames('names and values are UTF-8, however they are cut', '1.2 §Encoding', async (t) => {
    const { client, queue } = await reader(t);
    const bytes = Buffer.from(`SEND\ndestination:${queue}\ngröße:€😀\n\nä😀\0`);
    for (const byte of bytes) client.write(Buffer.of(byte));
    const message = await client.next('MESSAGE');
    expect(header(message, 'größe')).toBe('€😀');
    expect(message.body.toString()).toBe('ä😀');
  }),

  frames('many frames may come at once', '1.2 §STOMP Frames', async (t) => {
    const { client, queue } = await reader(t);
    client.write(Array.from({ length: 500 }, (_, i) => `SEND\ndestination:${queue}\n\n${i}\0\n`).join(''));
    for (let i = 0; i < 500; i++) expect((await client.next('MESSAGE')).body.toString()).toBe(String(i));
  }),

  frames('with content-length a body may hold NUL', '1.2 §Header content-length', async (t) => {
    const { client, queue } = await reader(t);
    client.write(`SEND\ndestination:${queue}\ncontent-length:5\n\na\0b\0c\0`);
    const message = await client.next('MESSAGE');
    expect(message.body.toString('latin1')).toBe('a\0b\0c');
    expect(header(message, 'content-length')).toBe('5');
  }),

  frames('without content-length a body ends at the first NUL', '1.2 §Body', async (t) => {
    const { client, queue } = await reader(t);
    client.write(`SEND\ndestination:${queue}\n\nabc\0\n`);
    expect((await client.next('MESSAGE')).body.toString()).toBe('abc');
  }),

  frames('a body may be empty', '1.2 §Body', async (t) => {
    const { client, queue } = await reader(t);
    client.write(`SEND\ndestination:${queue}\n\n\0SEND\ndestination:${queue}\ncontent-length:0\n\n\0`);
    expect((await client.next('MESSAGE')).body.length).toBe(0);
    expect((await client.next('MESSAGE')).body.length).toBe(0);
  }),

  scenario('a megabyte of any bytes arrives as it was', '1.2 §Body', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const messages = await client.subscribe(queue);
    const body = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
    await client.send(queue, body);
    expect((await messages.next()).body.equals(body)).toBe(true);
  }),

  scenario('headers keep their text', '1.2 §Value Encoding', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const messages = await client.subscribe(queue);
    const own = { plain: 'a', colon: 'b:c', backslash: 'c\\d', lines: 'e\nf', ünï: '€😀', spaced: 'a  b' };
    await client.send(queue, 'x', own);
    expect((await messages.next()).headers).toMatchObject(own);
  }),

  frames("names that JavaScript's objects have are names like others", 'robustness', async (t) => {
    const { client, queue } = await reader(t);
    client.write(`SEND\ndestination:${queue}\n__proto__:a\nhasOwnProperty:b\nconstructor:c\ntoString:d\n\nx\0`);
    const message = await client.next('MESSAGE');
    expect(['__proto__', 'hasOwnProperty', 'constructor', 'toString'].map((name) => header(message, name))).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]); // prettier-ignore
  }),

  frames('an unknown command ends the connection', '1.2 §ERROR', async (t) => {
    const client = await t.raw();
    client.write('PUBLISH\n\n\0');
    await t.error(client);
  }),
  frames('commands are in upper case', '1.2 §STOMP Frames', async (t) => {
    const client = await t.raw();
    client.send('send', { destination: t.queue() }, 'x');
    await t.error(client);
  }),
  frames(
    'a header line without a colon ends the connection',
    '1.2 §Augmented BNF',
    (t) => malformed(t, `SEND\ndestination:${t.queue()}\nnothing\n\nx\0`),
    ['passes-over-malformed'],
  ),
  frames('a content-length that is no number ends the connection', '1.2 §Header content-length', (t) =>
    malformed(t, `SEND\ndestination:${t.queue()}\ncontent-length:many\n\nx\0`),
  ),
  frames('a body that is not followed by NUL ends the connection', '1.2 §Header content-length', (t) =>
    malformed(t, `SEND\ndestination:${t.queue()}\ncontent-length:1\n\nxyz\0`),
  ),

  frames('an ERROR names the receipt that its frame asked for', '1.2 §ERROR', async (t) => {
    const client = await t.raw();
    client.send('SUBSCRIBE', { id: '1', receipt: 'message-12345' });
    const frame = await errorOf(client);
    if (!t.differs('errors-without-receipt-id')) expect(header(frame, 'receipt-id')).toBe('message-12345');
    expect(header(frame, 'message')).toMatch(/./);
    expect(frame.body.length).toBeGreaterThan(10);
  }),
]);
