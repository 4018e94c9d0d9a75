/** AMQP 1.0 with a real client: what is sent, received, settled, browsed, and how it crosses. */
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import rhea from 'rhea';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { startTestBroker, type TestBroker, withTemporaryDirectory } from '../../support/broker.ts';
import { Client, settle } from './client.ts';

let broker: TestBroker;
let client: Client;
let queues = 0;

beforeAll(async () => {
  broker = await startTestBroker();
  client = await Client.connect(broker.ports.amqp);
});

afterAll(async () => {
  await client.close();
  await broker.close();
});

const newQueue = (): string => `amqp10-${++queues}`;

/** Sends one and takes it again, accepted. */
async function through(address: string, message: rhea.Message): Promise<rhea.Message> {
  const sender = await client.sender(address);
  const receiver = await client.receiver(address);
  expect((await client.send(sender, message)).outcome).toBe('accepted');
  const [got] = await client.take(receiver);
  got!.delivery.accept();
  sender.close();
  receiver.close();
  return got!.message;
}

describe('messages [§3.2]', () => {
  test.each([
    ['a text', 'hello'],
    ['an empty text', ''],
    ['a map', { a: 1, b: [true, null], c: { d: 'e' } }],
    ['a list', [1, 'two', null]],
    ['a number', rhea.types.wrap_ulong(5)],
    ['null', null],
    ['bytes as a value', rhea.types.wrap_binary(Buffer.from([0, 255, 1]))],
    ['data', rhea.message.data_section(Buffer.from([0, 255, 1]))],
    ['several sections of data', rhea.message.data_sections([Buffer.from('one'), Buffer.from('two')])],
    ['a sequence', rhea.message.sequence_section([1, 2])],
    ['several sequences', rhea.message.sequence_sections([[1], [2, 3]])],
  ])('%s is the same body on the other side', async (_name, body) => {
    const got = await through(newQueue(), { body });
    const again = rhea.message.decode(rhea.message.encode({ body }));
    expect(got.body).toEqual(again.body);
  });

  test('properties, application properties, annotations and footer are as they were sent', async () => {
    const sent = {
      message_id: 7,
      user_id: Buffer.from('guest') as unknown as string,
      to: 'somewhere',
      subject: 'a subject',
      reply_to: '/queues/answers',
      correlation_id: rhea.generate_uuid(),
      content_type: 'text/plain',
      content_encoding: 'gzip',
      absolute_expiry_time: 4_102_444_800_000,
      creation_time: 1_700_000_000_123,
      group_id: 'g',
      group_sequence: 3,
      reply_to_group_id: 'rg',
      application_properties: { text: 'x', yes: true, none: null, byte: rhea.types.wrap_byte(-3) },
      message_annotations: { 'x-opt-own': 'kept', plain: 1 },
      footer: { sum: 'f' },
      durable: true,
      priority: 7,
      ttl: 60_000,
      body: 'b',
    };
    const got = (await through(newQueue(), sent as unknown as rhea.Message)) as unknown as Record<string, unknown>;
    for (const name of [
      'message_id',
      'to',
      'subject',
      'reply_to',
      'correlation_id',
      'content_type',
      'content_encoding',
      'group_id',
      'group_sequence',
      'reply_to_group_id',
      'footer',
      'durable',
      'priority',
    ]) {
      expect(got[name], name).toEqual((sent as unknown as Record<string, unknown>)[name]);
    }
    expect(Number(got.creation_time)).toBe(sent.creation_time);
    expect(got.application_properties).toEqual({ text: 'x', yes: true, none: null, byte: -3 });
    expect(got.message_annotations).toMatchObject({ 'x-opt-own': 'kept', plain: 1, 'x-exchange': '' });
    expect(got.ttl).toBeLessThanOrEqual(60_000);
  });

  test('a message of many frames comes whole, and one past a record of the log', async () => {
    for (const bytes of [300_000, 3_000_000]) {
      const got = await through(newQueue(), {
        body: rhea.message.data_section(Buffer.alloc(bytes, 'ab')),
        durable: true,
      });
      expect(Buffer.alloc(bytes, 'ab').equals((got.body as { content: Buffer }).content)).toBe(true);
    }
  });

  test('a time to live runs out', async () => {
    const address = newQueue();
    const sender = await client.sender(address);
    await client.send(sender, { body: 'old', ttl: 1 });
    await client.send(sender, { body: 'new' });
    const receiver = await client.receiver(address);
    await expect
      .poll(async () =>
        (await client.drain(await client.receiver({ source: { address, distribution_mode: 'copy' } }))).map(
          (m) => m.body,
        ),
      )
      .toEqual(['new']);
    receiver.close();
  });
});

describe('addresses', () => {
  test.each([
    ['/queue/NAME', (q: string) => `/queue/${q}`],
    ['/queues/NAME', (q: string) => `/queues/${q}`],
    ['/amq/queue/NAME', (q: string) => `/amq/queue/${q}`],
    ['queue://NAME', (q: string) => `queue://${q}`],
    ['/exchanges/EXCHANGE/KEY', (q: string) => `/exchanges/amq.direct/${q}`],
    ['/exchange/EXCHANGE/KEY', (q: string) => `/exchange/amq.direct/${q}`],
    ['a name', (q: string) => q],
  ])('%s', async (_form, address) => {
    const queue = newQueue();
    const receiver = await client.receiver(queue);
    const connection = await amqplib.connect({ port: broker.ports.amqp });
    const channel = await connection.createChannel();
    await channel.bindQueue(queue, 'amq.direct', queue);
    const sender = await client.sender(address(queue));
    expect(await client.send(sender, { body: 'x' })).toMatchObject({ outcome: 'accepted' });
    const [got] = await client.take(receiver);
    got!.delivery.accept();
    expect(got!.message.body).toBe('x');
    await connection.close();
  });

  test('what is not there is refused, by the name of the error', async () => {
    await expect(client.sender('/queues/nowhere')).rejects.toThrow('amqp:not-found');
    await expect(client.receiver('/queues/nowhere')).rejects.toThrow('amqp:not-found');
    await expect(client.sender('/exchanges/nowhere/k')).rejects.toThrow('amqp:not-found');
    await expect(client.sender('/what/is/this')).rejects.toThrow('amqp:invalid-field');
    expect(client.connection.is_open()).toBe(true);
  });

  test('a link without a target sends where each message says', async () => {
    const [one, two] = [newQueue(), newQueue()];
    const receivers = [await client.receiver(one), await client.receiver(two)];
    const sender = await client.sender({ target: {} });
    expect((await client.send(sender, { to: one, body: '1' })).outcome).toBe('accepted');
    expect((await client.send(sender, { to: `/queues/${two}`, body: '2' })).outcome).toBe('accepted');
    expect(await client.send(sender, { to: '/queues/nowhere', body: '3' })).toEqual({
      outcome: 'rejected',
      condition: 'amqp:not-found',
    });
    expect(await client.send(sender, { body: '4' })).toEqual({ outcome: 'rejected', condition: 'amqp:invalid-field' });
    for (const [i, receiver] of receivers.entries()) {
      const [got] = await client.take(receiver);
      expect(got!.message.body).toBe(String(i + 1));
      got!.delivery.accept();
    }
  });

  test('an exchange without a key: read whole, and sent to with the subject or without a key', async () => {
    const receiver = await client.receiver('/exchanges/amq.topic');
    const [bySubject, plain] = [
      await client.sender('/exchange/amq.topic'),
      await client.sender('/exchanges/amq.topic'),
    ];
    await client.send(bySubject, { subject: 'a.b', body: '1' });
    await client.send(plain, { subject: 'a.b', body: '2' });
    const got = await client.take(receiver, 2);
    expect(got.map(({ message }) => message.message_annotations?.['x-routing-key'])).toEqual(['a.b', '']);
    receiver.close();
  });

  test('what no queue takes is released', async () => {
    const sender = await client.sender('/exchanges/amq.direct/nobody');
    expect((await client.send(sender, { body: 'x' })).outcome).toBe('released');
  });

  test('a dynamic source is a queue of its own, and goes with its link', async () => {
    const receiver = await client.receiver({ source: { address: undefined, dynamic: true } as unknown as rhea.Source });
    const address = (receiver.source as { address: string }).address;
    expect(address).toMatch(/^\/queues\/amq\.gen-/);
    const sender = await client.sender(address);
    await client.send(sender, { body: 'answer' });
    const [got] = await client.take(receiver);
    expect(got!.message.body).toBe('answer');
    receiver.close();
    await settle(receiver, 'receiver_close', []);
    await expect(client.sender(address)).rejects.toThrow('amqp:not-found');
  });
});

describe('settling [§3.4]', () => {
  test('what is released comes again, not counted; what is modified as failed counts', async () => {
    const address = newQueue();
    const sender = await client.sender(address);
    const receiver = await client.receiver(address);
    await client.send(sender, { body: 'x' });
    const [first] = await client.take(receiver);
    expect(first!.message.delivery_count ?? 0).toBe(0);
    first!.delivery.release({ delivery_failed: false, undeliverable_here: false });
    const [second] = await client.take(receiver);
    expect(second!.message.first_acquirer).toBe(false);
    expect(second!.message.delivery_count ?? 0).toBe(0);
    second!.delivery.modified({ delivery_failed: true, undeliverable_here: false });
    const [third] = await client.take(receiver);
    expect(third!.message.delivery_count).toBe(1);
    third!.delivery.accept();
    expect(await client.drain(receiver)).toEqual([]);
  });

  test('what is rejected, or undeliverable, is a dead letter', async () => {
    const [address, dead] = [newQueue(), newQueue()];
    const connection = await amqplib.connect({ port: broker.ports.amqp });
    const channel = await connection.createChannel();
    await channel.assertQueue(dead);
    await channel.assertQueue(address, { deadLetterExchange: '', deadLetterRoutingKey: dead });
    const sender = await client.sender(address);
    const receiver = await client.receiver(address);
    for (const body of ['1', '2']) await client.send(sender, { body });
    const got = await client.take(receiver, 2);
    got[0]!.delivery.reject();
    got[1]!.delivery.modified({ delivery_failed: true, undeliverable_here: true });
    const letters = await client.take(await client.receiver(dead), 2);
    expect(letters.map(({ message }) => message.body)).toEqual(['1', '2']);
    expect(letters[0]!.message.message_annotations).toMatchObject({
      'x-first-death-queue': address,
      'x-first-death-reason': 'rejected',
    });
    await connection.close();
  });

  test('what a link holds goes back when it is closed, and when its connection is lost', async () => {
    const address = newQueue();
    const sender = await client.sender(address);
    await client.send(sender, { body: 'x' });
    const other = await Client.connect(broker.ports.amqp);
    const receiver = await other.receiver(address);
    await other.take(receiver);
    receiver.close();
    const again = await other.receiver(address);
    const [second] = await other.take(again);
    expect(second!.message.delivery_count ?? 0).toBe(0);
    (other.connection as unknown as { socket: { destroy(): void } }).socket.destroy();
    const mine = await client.receiver(address);
    const [third] = await client.take(mine);
    expect(third!.message.delivery_count).toBe(1);
    third!.delivery.accept();
  });

  test('a link whose sender settles takes no answers', async () => {
    const address = newQueue();
    const sender = await client.sender({ target: { address }, snd_settle_mode: 1 });
    sender.send({ body: 'x' });
    const receiver = await client.receiver({ source: { address }, snd_settle_mode: 1 });
    const [got] = await client.take(receiver);
    expect(got!.delivery.remote_settled).toBe(true);
  });
});

describe('credit [§2.6.7]', () => {
  test('a client that sends as fast as it may is given credit again whatever waits for the disk', async () => {
    await withTemporaryDirectory(async (directory) => {
      const durable = await startTestBroker({ data: directory, durability: { flushDelay: '20ms' } } as object);
      const fast = await Client.connect(durable.ports.amqp);
      const sender = await fast.sender('fast');
      const count = 5_000;
      let sent = 0;
      let accepted = 0;
      const done = new Promise<void>((resolve) => {
        sender.on('accepted', () => {
          if (++accepted === count) resolve();
        });
      });
      const pour = (): void => {
        while (sent < count && sender.sendable()) {
          sender.send({ body: sent++, durable: true });
        }
      };
      sender.on('sendable', pour);
      pour();
      await done;
      await fast.close();
      await durable.close();
    });
  });

  test('no more comes than there is credit for, and a drain gives back what is not used', async () => {
    const address = newQueue();
    const sender = await client.sender(address);
    for (let i = 0; i < 5; i++) await client.send(sender, { body: i });
    const receiver = await client.receiver(address);
    const got = await client.take(receiver, 2);
    expect(got.map(({ message }) => message.body)).toEqual([0, 1]);
    expect(await client.drain(receiver, 10)).toHaveLength(3);
    expect((receiver as unknown as { credit: number }).credit).toBe(0);
    expect(await client.drain(receiver, 10)).toEqual([]);
  });

  test('a drain with a selector ends though the queue is not empty', async () => {
    const address = newQueue();
    const sender = await client.sender(address);
    for (const colour of ['red', 'blue', 'red'])
      await client.send(sender, { body: colour, application_properties: { colour } });
    const filter = rhea.filter.selector("colour = 'red'");
    const receiver = await client.receiver({ source: { address, filter } } as rhea.ReceiverOptions);
    expect((receiver.source as { filter?: object }).filter).toBeDefined();
    expect((await client.drain(receiver)).map(({ body }) => body)).toEqual(['red', 'red']);
    expect((await client.drain(await client.receiver(address))).map(({ body }) => body)).toEqual(['blue']);
  });

  test('a filter that is not understood is not echoed; a selector that cannot be read is refused', async () => {
    const address = newQueue();
    const unknown = { other: rhea.types.wrap_described('x', 'vendor:filter') };
    const receiver = await client.receiver({ source: { address, filter: unknown } } as unknown as rhea.ReceiverOptions);
    expect((receiver.source as { filter?: object }).filter ?? undefined).toBeUndefined();
    const wrong = client.receiver({
      source: { address, filter: rhea.filter.selector('a = ') },
    } as rhea.ReceiverOptions);
    await expect(wrong).rejects.toThrow('amqp:invalid-field');
  });

  test('looking takes nothing: a copy of the queue, to its end', async () => {
    const address = newQueue();
    const sender = await client.sender(address);
    for (let i = 0; i < 3; i++) await client.send(sender, { body: i });
    for (let round = 0; round < 2; round++) {
      const browser = await client.receiver({ source: { address, distribution_mode: 'copy' } });
      expect((await client.drain(browser)).map(({ body }) => body)).toEqual([0, 1, 2]);
      browser.close();
    }
    expect(await client.drain(await client.receiver(address))).toHaveLength(3);
  });
});

describe('subscriptions', () => {
  const topic = (address: string, more: object = {}) =>
    ({ source: { address, capabilities: ['topic'], ...more } }) as unknown as rhea.ReceiverOptions;

  test('each link to a topic gets a copy, by wildcards too', async () => {
    const receivers = [
      await client.receiver(topic('stocks.*')),
      await client.receiver(topic('stocks.nyse')),
      await client.receiver('/topic/stocks.#'),
    ];
    const sender = await client.sender('topic://stocks.nyse');
    await client.send(sender, { body: 'up' });
    for (const receiver of receivers) {
      const [got] = await client.take(receiver);
      expect(got!.message.body).toBe('up');
      receiver.close();
    }
  });

  test('a durable subscription keeps what comes while nobody is there, until it is ended by its name', async () => {
    const durable = { ...topic('news', { durable: 2, expiry_policy: 'never' }), name: 'sub' };
    const one = await Client.connect(broker.ports.amqp, { container_id: 'reader' });
    const receiver = await one.receiver(durable);
    receiver.detach();
    await settle(receiver, 'receiver_detached', ['receiver_close']).catch(() => {});
    await one.close();
    const sender = await client.sender('topic://news');
    await client.send(sender, { body: 'while away', durable: true });
    const two = await Client.connect(broker.ports.amqp, { container_id: 'reader' });
    const again = await two.receiver(durable);
    const [got] = await two.take(again);
    expect(got!.message.body).toBe('while away');
    got!.delivery.accept();
    again.close();
    await settle(again, 'receiver_close', []);
    expect((await client.send(sender, { body: 'nobody' })).outcome).toBe('released');
    await two.close();
  });

  test('a durable subscription is answered once it is safe, and its end as well', async () => {
    await withTemporaryDirectory(async (directory) => {
      const clock = new ManualClock();
      const slow = await startTestBroker({ data: directory, clock, durability: { flushDelay: '1s' } });
      const reader = await Client.connect(slow.ports.amqp, { container_id: 'patient' });
      const answers: string[] = [];
      const link = reader.connection.open_receiver({
        ...topic('news', { durable: 2, expiry_policy: 'never' }),
        ...{ name: 'sub', credit_window: 0 },
      });
      link.on('receiver_open', () => answers.push('open'));
      link.on('receiver_close', () => answers.push('closed'));
      // What is answered at once comes before what another asks afterwards.
      const other = (): Promise<void> => Client.connect(slow.ports.amqp).then((client) => client.close());
      await other();
      expect(answers).toEqual([]);
      clock.advance(1_000);
      await expect.poll(() => answers).toEqual(['open']);
      link.close();
      await other();
      expect(answers).toEqual(['open']);
      clock.advance(1_000);
      await expect.poll(() => answers).toEqual(['open', 'closed']);
      await reader.close();
      const closed = slow.close();
      clock.advance(10_000);
      await closed;
    });
  });

  test('links of a shared subscription get each message once between them', async () => {
    const shared = (name: string) => ({ ...topic('jobs', { capabilities: ['topic', 'shared', 'global'] }), name });
    const [one, two] = [await client.receiver(shared('work|1')), await client.receiver(shared('work|2'))];
    const sender = await client.sender('topic://jobs');
    for (let i = 0; i < 4; i++) await client.send(sender, { body: i });
    const got = await Promise.all([client.take(one, 2), client.take(two, 2)]);
    expect(
      got
        .flat()
        .map(({ message }) => message.body)
        .sort(),
    ).toEqual([0, 1, 2, 3]);
    one.close();
    two.close();
  });

  test('a subscriber that does not want its own gets what others send', async () => {
    const noLocal = { 'no-local': rhea.types.wrap_described([], 0x468c00000003) };
    const receiver = await client.receiver(topic('chat', { filter: noLocal }));
    const other = await Client.connect(broker.ports.amqp);
    await client.send(await client.sender('topic://chat'), { body: 'mine' });
    await other.send(await other.sender('topic://chat'), { body: 'theirs' });
    const [got] = await client.take(receiver);
    expect(got!.message.body).toBe('theirs');
    await other.close();
  });
});

describe('crossing', () => {
  test('from 0-9-1 and back: properties and headers keep their types', async () => {
    const address = newQueue();
    const connection = await amqplib.connect({ port: broker.ports.amqp });
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(address);
    channel.sendToQueue(address, Buffer.from('{"a":1}'), {
      contentType: 'application/json',
      messageId: 'id',
      correlationId: 'corr',
      replyTo: 'answers',
      timestamp: 1_700_000_000,
      type: 'kind',
      priority: 3,
      persistent: true,
      expiration: '60000',
      headers: { text: 'x', whole: 5, yes: true, 'x-own': 'annotation' },
    });
    await channel.waitForConfirms();
    const receiver = await client.receiver(address);
    const [got] = await client.take(receiver);
    got!.delivery.accept();
    const { message } = got!;
    expect((message.body as { content: Buffer }).content.toString()).toBe('{"a":1}');
    expect(message).toMatchObject({
      content_type: 'application/json',
      message_id: 'id',
      correlation_id: 'corr',
      reply_to: '/queues/answers',
      subject: 'kind',
      priority: 3,
      durable: true,
      application_properties: { text: 'x', whole: 5, yes: true },
    });
    expect(Number(message.creation_time)).toBe(1_700_000_000_000);
    expect(message.message_annotations).toMatchObject({ 'x-own': 'annotation', 'x-routing-key': address });
    expect(message.ttl).toBeGreaterThan(0);

    const sender = await client.sender(address);
    await client.send(sender, {
      ...{
        body: 'text',
        message_id: 9,
        subject: 'kind',
        content_type: 'text/plain',
        durable: true,
        reply_to: '/queues/answers',
      },
      ...{
        creation_time: 1_700_000_000_000 as unknown as Date,
        application_properties: { whole: rhea.types.wrap_int(5), yes: true },
      },
    });
    const back = await channel.get(address, { noAck: true });
    if (back === false) throw new Error('it has not come');
    expect(back.content.toString()).toBe('text');
    expect(back.properties).toMatchObject({
      messageId: '9',
      type: 'kind',
      contentType: 'text/plain',
      deliveryMode: 2,
      replyTo: 'answers',
      timestamp: 1_700_000_000,
      headers: { whole: 5, yes: true, 'x-message-id-type': 'ulong' },
    });
    await connection.close();
  });

  test('to and from MQTT', async () => {
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { protocolVersion: 5 });
    const receiver = await client.receiver('topic://sensors.*.temperature');
    await device.publishAsync('sensors/1/temperature', '21.5', {
      qos: 1,
      properties: { contentType: 'text/plain', userProperties: { unit: 'C' }, payloadFormatIndicator: true },
    });
    const [got] = await client.take(receiver);
    expect(got!.message).toMatchObject({
      body: '21.5',
      content_type: 'text/plain',
      application_properties: { unit: 'C' },
    });
    const heard = new Promise<{ topic: string; payload: string; unit: unknown }>((resolve) => {
      device.on('message', (name, payload, packet) =>
        resolve({ topic: name, payload: payload.toString(), unit: packet.properties?.userProperties?.unit }),
      );
    });
    await device.subscribeAsync('commands/#', { qos: 1 });
    const sender = await client.sender('topic://commands.1');
    await client.send(sender, { body: 'on', durable: true, application_properties: { unit: 'x' } });
    expect(await heard).toEqual({ topic: 'commands/1', payload: 'on', unit: 'x' });
    await device.endAsync();
  });
});
