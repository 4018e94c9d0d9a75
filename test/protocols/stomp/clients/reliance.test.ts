/**
 * What clients rely on without a specification's word for it, because RabbitMQ and ActiveMQ do it: how frames end, which of
 * two frames comes first, and what is taken though it is not written as it should be.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StompHarness } from '../harness.ts';
import { type Frame, header, RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

describe('every frame ends in NUL and a line feed', () => {
  /** All bytes until the broker closes. */
  async function bytesOf(socket: Socket): Promise<string> {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await once(socket, 'close');
    return Buffer.concat(chunks).toString('latin1');
  }

  test.each([
    ['of a few bytes', 3],
    ['of 20 KB', 20_000],
    ['of 300 KB', 300_000],
  ])('a MESSAGE with a body %s, and those around it', async (_, length) => {
    const socket = connect({ host: '127.0.0.1', port: harness.port });
    const bytes = bytesOf(socket);
    const body = 'b'.repeat(length);
    socket.write('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
    socket.write('SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:subscribed\n\n\0');
    for (let i = 0; i < 2; i++) socket.write(`SEND\ndestination:/queue/q\ncontent-length:${length}\n\n${body}\0`);
    await once(socket, 'connect');
    const reader = await harness.open();
    await reader.confirmed('SEND', { destination: '/queue/other' }, 'x');
    socket.write('SEND\ndestination:/queue/q\nreceipt:sent\n\nend\0');
    await until(() => harness.stats.messagesOut === 3);
    socket.write('NONSENSE\n\n\0');
    const frames = (await bytes).split('\0');
    expect(frames.pop()).toBe('\n');
    expect(frames.map((frame) => frame.split('\n').find((line) => line !== ''))).toEqual([
      'CONNECTED',
      'RECEIPT',
      'MESSAGE',
      'MESSAGE',
      ...(frames[4]!.startsWith('\nRECEIPT') ? ['RECEIPT', 'MESSAGE'] : ['MESSAGE', 'RECEIPT']),
      'ERROR',
    ]);
    for (const frame of frames.slice(1)) expect(frame.startsWith('\n') && frame[1] !== '\n').toBe(true);
  });

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }
});

describe('the RECEIPT of a SUBSCRIBE comes before its messages', () => {
  test.each(['auto', 'client', 'client-individual'])('in mode %s, however many wait', async (ack) => {
    const client = await harness.open();
    for (let i = 0; i < 50; i++) client.send('SEND', { destination: '/queue/q', persistent: 'true' }, String(i));
    client.send('SUBSCRIBE', { id: '1', destination: '/queue/q', receipt: 'r', ack });
    expect((await client.next()).command).toBe('RECEIPT');
    for (let i = 0; i < 50; i++) expect((await client.next('MESSAGE')).body.toString()).toBe(String(i));
  });

  test('also where another subscription is being sent a large body', async () => {
    const client = await harness.open();
    const large = 'x'.repeat(5_000_000);
    const headers = { destination: '/queue/large', 'content-length': String(large.length) };
    await client.confirmed('SEND', headers, large);
    await client.confirmed('SEND', { destination: '/queue/q' }, 'small');
    client.send('SUBSCRIBE', { id: '1', destination: '/queue/large' });
    client.send('SUBSCRIBE', { id: '2', destination: '/queue/q', receipt: 'r' });
    const frames = [await client.next(), await client.next(), await client.next()];
    const at = (is: (frame: Frame) => boolean): number => frames.findIndex(is);
    expect(at((f) => f.command === 'RECEIPT')).toBeLessThan(at((f) => header(f, 'subscription') === '2'));
  });

  test('and a selector or an UNSUBSCRIBE before it changes nothing', async () => {
    const client = await harness.open();
    client.write(
      'SEND\ndestination:/queue/q\na:1\n\nx\0' +
        'SUBSCRIBE\nid:1\ndestination:/queue/q\nselector:a = 1\nreceipt:one\n\n\0' +
        'UNSUBSCRIBE\nid:1\n\n\0SUBSCRIBE\nid:2\ndestination:/queue/q\nreceipt:two\n\n\0',
    );
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('one');
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('two');
    expect(header(await client.next('MESSAGE'), 'subscription')).toBe('2');
  });
});

describe('what is written a little otherwise is taken', () => {
  test.each(['1.0', '1.1', '1.2'])(
    'blanks in the place of a body that no frame but SEND may have, in %s',
    async (version) => {
      const client = await harness.open(version);
      client.write('SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:1\n\n\n\0\n');
      client.write('BEGIN\ntransaction:t\nreceipt:2\ncontent-length:2\n\n\r\n\0');
      client.write('COMMIT\ntransaction:t\nreceipt:3\n\n\n\n \n\0');
      for (const id of ['1', '2', '3']) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(id);
    },
  );

  test.each([
    ['text', 'BEGIN\ntransaction:t\n\n\nx\0'],
    ['text with a length', 'BEGIN\ntransaction:t\ncontent-length:1\n\nx\0'],
    ['endless blanks', `BEGIN\ntransaction:t\n\n${'\n'.repeat(65)}\0`],
    ['endless blanks that are announced', 'BEGIN\ntransaction:t\ncontent-length:65\n\n'],
  ])('%s in that place is refused', async (_, frame) => {
    const client = await harness.open();
    client.write(frame);
    expect(header(await client.error(), 'message')).toBe('Malformed frame');
  });

  test('a body of blanks stays the body of a SEND', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    client.write('SEND\ndestination:/queue/q\n\n\n \n\0');
    expect((await client.next('MESSAGE')).body.toString()).toBe('\n \n');
  });

  test('NULs between frames, and before the first', async () => {
    const client = await RawClient.dial(harness.port);
    client.write('\n\0CONNECT\naccept-version:1.2\nhost:/\n\n\0\0\n\0');
    await client.next('CONNECTED');
    client.write('\0\0SEND\ndestination:/queue/q\nreceipt:1\n\na\0\0\n\0SEND\ndestination:/queue/q\nreceipt:2\n\nb\0');
    for (const id of ['1', '2']) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(id);
  });

  test.each([
    ['1.0', '2 '],
    ['1.0', ' 2 '],
    ['1.1', '2 '],
    ['1.2', ' 2'],
  ])('blanks around numbers, in %s as "%s"', async (version, two) => {
    const client = await harness.open(version);
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', 'prefetch-count': two, 'x-priority': two });
    client.write(`SEND\ndestination:/queue/q\ncontent-length:${two}\npriority:${two}\nexpiration:60000 \n\n\0\0\0`);
    const message = await client.next('MESSAGE');
    expect([message.body.toString(), header(message, 'content-length')]).toEqual(['\0\0', '2']);
  });

  test.each(['login:\n', 'login:\npasscode:\n'])('a login of no length is none: %j', async (lines) => {
    const client = await RawClient.dial(harness.port);
    client.write(`CONNECT\naccept-version:1.2\nhost:/\n${lines}\n\0`);
    await client.next('CONNECTED');
  });
});

describe('true and false', () => {
  test.each([
    ['true', true],
    ['True', true],
    ['TRUE', true],
    [' true ', true],
    ['1', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
    ['0', false],
    ['', false],
  ])('"%s" is %s in every header that must be one of them', async (word, meant) => {
    const client = await harness.open();
    const core = await harness.session();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', ack: 'client', browser: 'false' });
    await client.confirmed('SEND', { destination: '/queue/q', persistent: word }, 'x');
    const message = await client.take('MESSAGE');
    expect(header(message, 'persistent')).toBe(meant ? 'true' : undefined);
    await client.confirmed('NACK', { id: header(message, 'ack')!, requeue: word });
    if (meant) await client.take('MESSAGE');
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    expect(core.checkQueue('q').messages).toBe(meant ? 1 : 0);
    await client.confirmed('SUBSCRIBE', { id: '2', destination: '/queue/goes', 'auto-delete': word });
    await client.confirmed('UNSUBSCRIBE', { id: '2' });
    expect(core.queueExists('goes')).toBe(!meant);
    await client.confirmed('SUBSCRIBE', { id: '3', destination: '/topic/t', 'no-local': word });
    await client.confirmed('SUBSCRIBE', { id: '4', destination: '/topic/t' });
    await client.confirmed('SEND', { destination: '/topic/t' }, 'x');
    const subscriptions = [header(await client.take('MESSAGE'), 'subscription')];
    if (!meant) subscriptions.push(header(await client.take('MESSAGE'), 'subscription'));
    expect(subscriptions.sort()).toEqual(meant ? ['4'] : ['3', '4']);
  });

  test.each(['yes', 'no', 'on', 'off', 'maybe', 'ture', '2', 'tru e'])(
    '"%s" is refused, not taken for one of them',
    async (word) => {
      for (const [command, headers] of [
        ['SEND', { destination: '/queue/q', persistent: word }],
        ['SUBSCRIBE', { id: '1', destination: '/topic/t', durable: word }],
        ['SUBSCRIBE', { id: '1', destination: '/queue/q', 'auto-delete': word }],
        ['SUBSCRIBE', { id: '1', destination: '/queue/q', exclusive: word }],
        ['SUBSCRIBE', { id: '1', destination: '/queue/q', 'activemq.exclusive': word }],
        ['SUBSCRIBE', { id: '1', destination: '/queue/q', 'no-local': word }],
        ['SUBSCRIBE', { id: '1', destination: '/queue/q', browser: word }],
      ] as const) {
        const client = await harness.open();
        const error = await client.refused(command, headers);
        expect([header(error, 'message'), error.body.toString()]).toEqual([
          'Invalid header',
          expect.stringContaining(`must be 'true' or 'false', not '${word}'`),
        ]);
      }
      const client = await harness.open();
      await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', ack: 'client' });
      await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
      const id = header(await client.take('MESSAGE'), 'ack')!;
      expect(header(await client.refused('NACK', { id, requeue: word }), 'message')).toBe('Invalid header');
    },
  );
});

describe('an expiration', () => {
  test.each([
    ['315360000001', 'value_too_large'],
    ['999999999999999', 'value_too_large'],
    ['-5', 'value_negative'],
    ['5.5', 'no_integer'],
    ['soon', 'no_integer'],
  ])('of %s is refused: %s', async (expiration, why) => {
    const client = await harness.open();
    const error = await client.refused('SEND', { destination: '/queue/q', expiration }, 'x');
    expect([header(error, 'message'), error.body.toString()]).toEqual([
      'precondition_failed',
      `PRECONDITION_FAILED - invalid expiration '${expiration}': ${why}\n`,
    ]);
  });

  test('of ten years is taken; and an hour so late that nobody will live to see it is never', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q', expiration: '315360000000' }, '1');
    await client.confirmed('SEND', { destination: '/queue/q', expires: '999999999999999' }, '2');
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    for (const body of ['1', '2']) expect((await client.next('MESSAGE')).body.toString()).toBe(body);
  });
});

describe('an ERROR names the receipt that its frame asked for', () => {
  const large = 'x'.repeat(300_000);

  test.each([
    ['no such transaction', { transaction: 't' }, large, 'Bad transaction'],
    ['a length that does not fit', {}, `${large}y`, 'Malformed frame'],
  ])('when a large body comes in pieces: %s', async (_, headers, body, message) => {
    const client = await harness.open();
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    client.write(`SEND\ndestination:/queue/q\nreceipt:r\\c1\n${lines.join('')}content-length:${large.length}\n\n`);
    client.write(body.slice(0, 200_000));
    // Another's receipt comes after the broker has read the first part.
    await (await harness.open()).confirmed('SEND', { destination: '/queue/other' }, 'x');
    client.write(`${body.slice(200_000)}\0`);
    const error = await client.error();
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual([message, 'r\\c1']);
  });
});

test.each(['/queue/q', '/amq/queue/q', '/temp-queue/q'])('no-local is refused for %s', async (destination) => {
  const core = await harness.session();
  core.declareQueue('q', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  const client = await harness.open();
  const error = await client.refused('SUBSCRIBE', { id: '1', destination, 'no-local': 'true' });
  expect([header(error, 'message'), error.body.toString()]).toEqual([
    'Invalid header',
    expect.stringContaining('no-local'),
  ]);
});

test('temporary queues have a bound, though nobody reads them', async () => {
  const few = await StompHarness.start({ subscriptionsMax: 2 });
  try {
    const client = await few.open();
    for (const name of ['a', 'b']) {
      await client.confirmed('SUBSCRIBE', { id: '1', destination: `/temp-queue/${name}` });
      await client.confirmed('UNSUBSCRIBE', { id: '1' });
    }
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/temp-queue/a' });
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    const error = await client.refused('SUBSCRIBE', { id: '1', destination: '/temp-queue/c' });
    expect(header(error, 'message')).toBe('Too many queues');
  } finally {
    await few.stop();
  }
});

test('a backslash in CONNECT is one, in every version', async () => {
  const client = await RawClient.dial(harness.port);
  client.write('CONNECT\naccept-version:1.2\nhost:/\nlogin:gue\\tst\npasscode:x\n\n\0');
  expect(header(await client.error(), 'message')).toBe('Bad CONNECT');
});

test('a large body for no open transaction is refused before it comes', async () => {
  const client = await harness.open();
  client.write('SEND\ndestination:/queue/q\ntransaction:t\nreceipt:r\ncontent-length:300000\n\nthe beginning');
  const error = await client.error();
  expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual(['Bad transaction', 'r']);
});
