/** Queues, exchanges and messages changed over RabbitMQ's HTTP API, with its statuses and words. */
import amqp, { type Channel, type ChannelModel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { body, header, publish as publishFrame } from '../../../conformance/amqp/clients/frames.ts';
import { RawConnection } from '../../../conformance/amqp/clients/raw.ts';
import { propertyList } from '../../crossing/clients/amqp-fields.ts';
import { type ApiBroker, startApi } from './harness.ts';

let api: ApiBroker;
let client: ChannelModel;
let channel: Channel;
const put = (path: string, body: unknown = {}) => api.ask(path, { method: 'PUT', body });
const del = (path: string) => api.ask(path, { method: 'DELETE' });
const post = (path: string, body: unknown = {}) => api.ask(path, { method: 'POST', body });
const take = (queue: string, asked: object = {}) =>
  post(`/queues/%2F/${queue}/get`, { count: 10, ackmode: 'ack_requeue_true', encoding: 'auto', ...asked });
const publish = (asked: object = {}, exchange = 'amq.default') =>
  post(`/exchanges/%2F/${exchange}/publish`, {
    ...{ routing_key: 'q', payload: 'hello', payload_encoding: 'string', properties: {} },
    ...asked,
  });

beforeEach(async () => {
  api = await startApi();
  client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${api.port('amqp')}`);
  channel = await client.createChannel();
  await put('/queues/%2F/q', { durable: true });
});
afterEach(async () => {
  await client.close().catch(() => {});
  await api.close();
});

describe('queues', () => {
  it('are declared as they are asked for, the same again, and refused otherwise', async () => {
    const asked = { durable: 'true', auto_delete: 'false', arguments: { 'x-max-length': 5 }, node: 'any', name: 'n' };
    expect((await put('/queues/%2F/n', asked)).status).toBe(201);
    expect((await put('/queues/%2F/n', asked)).status).toBe(204);
    expect(await put('/queues/%2F/n', { ...asked, arguments: { 'x-max-length': 6 } })).toMatchObject({
      status: 400,
      body: {
        error: 'bad_request',
        reason: expect.stringContaining("inequivalent arg 'x-max-length' for queue 'n' in vhost '/'"),
      },
    });
    await channel.checkQueue('n');
    expect((await del('/queues/%2F/n')).status).toBe(204);
    expect((await del('/queues/%2F/n')).status).toBe(404);
  });

  it.each([
    ['a'.repeat(256), {}, 'queue should be less than 255 bytes, actually was 256\n'],
    ['n', { durable: 'yes' }, ['not_boolean', 'yes']],
    ['n', { arguments: { 'x-a': null } }, 'null_not_allowed'],
  ])('refuse %s %j', async (name, body, reason) => {
    expect(await put(`/queues/%2F/${name}`, body)).toMatchObject({ status: 400, body: { reason } });
  });

  it('refuse reserved names as what one may not do', async () => {
    expect(await put('/queues/%2F/amq.mine', {})).toMatchObject({ status: 401, body: { reason: 'Access refused.' } });
  });

  it('are deleted only if they are empty or unused, where that is asked', async () => {
    channel.sendToQueue('q', Buffer.from('x'));
    await channel.checkQueue('q');
    expect((await del('/queues/%2F/q?if-empty=true')).status).toBe(400);
    await channel.consume('q', () => {}, { noAck: false });
    expect((await del('/queues/%2F/q?if-unused=true')).status).toBe(400);
    expect((await del('/queues/%2F/q')).status).toBe(204);
  });

  it('are emptied, and take the actions of mirrors', async () => {
    await publish();
    expect((await del('/queues/%2F/q/contents')).status).toBe(204);
    expect((await take('q')).body).toEqual([]);
    expect((await del('/queues/%2F/gone/contents')).status).toBe(404);
    expect((await post('/queues/%2F/q/actions', { action: 'sync' })).status).toBe(204);
    expect((await post('/queues/%2F/q/actions', { action: 'zz' })).body.reason).toEqual(['unknown', 'zz']);
    expect((await api.ask('/queues/%2F/q/contents')).status).toBe(405);
  });
});

describe('exchanges', () => {
  it('are declared, the same again, refused otherwise, and deleted', async () => {
    const asked = { type: 'fanout', durable: true, auto_delete: false, internal: false, arguments: {} };
    expect((await put('/exchanges/%2F/x', asked)).status).toBe(201);
    expect((await put('/exchanges/%2F/x', asked)).status).toBe(204);
    expect((await put('/exchanges/%2F/x', { ...asked, type: 'direct' })).status).toBe(400);
    await channel.checkExchange('x');
    expect((await put('/exchanges/%2F/amq.default', asked)).status).toBe(401);
    expect((await del('/exchanges/%2F/amq.topic')).status).toBe(401);
    expect((await del('/exchanges/%2F/x')).status).toBe(204);
    expect((await del('/exchanges/%2F/x')).status).toBe(404);
  });
});

describe('a message that is published', () => {
  it('says whether a queue took it, and reaches an AMQP consumer with its properties', async () => {
    const properties = {
      ...{
        content_type: 'text/plain',
        message_id: 'm1',
        correlation_id: 'c',
        reply_to: 'back',
        type: 't',
        app_id: 'a',
      },
      ...{ priority: 4, timestamp: 1700000000, delivery_mode: 2, expiration: '60000', user_id: 'guest' },
      headers: { n: 5, s: 'text', b: true, list: [1, 'x'], deep: { d: 1.5 } },
    };
    expect((await publish({ properties })).body).toEqual({ routed: true });
    expect((await publish({ routing_key: 'nowhere' })).body).toEqual({ routed: false });
    const got = await channel.get('q', { noAck: true });
    if (got === false) throw new Error('there is none');
    expect(got.content.toString()).toBe('hello');
    expect(got.properties).toMatchObject({
      ...{ contentType: 'text/plain', messageId: 'm1', correlationId: 'c', replyTo: 'back', type: 't', appId: 'a' },
      ...{ priority: 4, timestamp: 1700000000, deliveryMode: 2, userId: 'guest' },
      headers: properties.headers,
    });
  });

  it('may live as long over HTTP as over AMQP', async () => {
    await publish({ properties: { expiration: '315360000000' } });
    expect(await channel.get('q', { noAck: true })).toMatchObject({
      properties: { expiration: expect.stringMatching(/^3153[56]\d{7}$/) },
    });
  });

  it('may be of bytes, and larger than a message that lies in one piece', async () => {
    const body = Buffer.alloc(300_000, 0xfe);
    await publish({ payload: body.toString('base64'), payload_encoding: 'base64' });
    const got = await channel.get('q', { noAck: true });
    expect(got !== false && got.content.equals(body)).toBe(true);
  });

  it.each([
    [{ payload_encoding: 'hex' }, ['unsupported_encoding', 'hex']],
    [{ payload: 5 }, 'payload_not_string'],
    [{ payload: '!!!', payload_encoding: 'base64' }, ['not_base64', '!!!']],
    [{ properties: { delivery_mode: 'x' } }, ['not_int', 'delivery_mode']],
    [{ properties: { expiration: 5 } }, ['not_string', 'expiration']],
    [{ properties: { expiration: 'x' } }, "406 PRECONDITION_FAILED - invalid expiration 'x': no_integer"],
    [{ properties: { expiration: '-1' } }, "406 PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}"],
    [
      { properties: { expiration: '315360000001' } },
      "406 PRECONDITION_FAILED - invalid expiration '315360000001': {value_too_large,315360000001}",
    ],
    [
      { properties: { user_id: 'other' } },
      "406 PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'",
    ],
    [{ properties: undefined, payload: undefined }, '[{key_missing,properties},{key_missing,payload}]'],
  ])('is refused: %j', async (asked, reason) => {
    expect(await publish(asked)).toMatchObject({ status: 400, body: { error: 'bad_request', reason } });
  });

  it('is refused where there is no such exchange', async () => {
    expect((await publish({}, 'nox')).body.reason).toBe("404 NOT_FOUND - no exchange 'nox' in vhost '/'");
  });
});

describe('messages that are got', () => {
  it('are shown with what they carry, and stay where they are put back', async () => {
    channel.sendToQueue('q', Buffer.from('one'), { persistent: true, headers: { h: 1 }, contentType: 'text/x' });
    channel.sendToQueue('q', Buffer.from([0xff, 0x00]));
    await channel.checkQueue('q');
    const first = await take('q');
    expect(first.body).toEqual([
      {
        ...{ payload_bytes: 3, redelivered: false, exchange: '', routing_key: 'q', message_count: 1 },
        properties: { content_type: 'text/x', delivery_mode: 2, headers: { h: 1 } },
        ...{ payload: 'one', payload_encoding: 'string' },
      },
      {
        ...{ payload_bytes: 2, redelivered: false, exchange: '', routing_key: 'q', message_count: 0 },
        ...{ properties: [], payload: '/wA=', payload_encoding: 'base64' },
      },
    ]);
    const again = await take('q', { count: '1', ackmode: 'reject_requeue_true', encoding: 'base64' });
    expect(again.body).toMatchObject([{ redelivered: true, payload: 'b25l', payload_encoding: 'base64' }]);
    expect((await channel.checkQueue('q')).messageCount).toBe(2);
  });

  it('are JSON that strict readers take, whatever bytes their texts are', async () => {
    const text = (...bytes: number[]) => Buffer.from(bytes).latin1Slice();
    const raw = await RawConnection.open({ port: api.port('amqp') });
    await raw.openChannel();
    const said = { 'content-type': text(0x63, 0xff), 'h:s': `S:${text(0x66, 0xe9)}`, 'h:t': 'S:fine' };
    raw.send(publishFrame(1, '', 'q'), header(1, 1, propertyList(said)), body(1, 'x'));
    const taken = async () => (await take('q')).body;
    let [got] = await taken();
    while (got === undefined) [got] = await taken();
    expect(got.properties).toEqual({
      content_type: 'c\ufffd',
      headers: { s: 'Not UTF-8, base64 is: Zuk=', t: 'fine' },
    });
    raw.cut();
  });

  it('say how often they came back, where their queue tells it, the first time too', async () => {
    await put('/queues/%2F/quorum', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await publish({ routing_key: 'quorum', properties: { headers: { h: 1 } } });
    const told: object[] = [];
    for (let i = 0; i < 3; i++) {
      const { body } = await take('quorum', { ackmode: 'reject_requeue_true' });
      told.push(body[0].properties.headers);
    }
    expect(told).toEqual([
      { h: 1, 'x-delivery-count': 0 },
      { h: 1, 'x-delivery-count': 1, 'x-acquired-count': 1 },
      { h: 1, 'x-delivery-count': 2, 'x-acquired-count': 2 },
    ]);
  });

  it('go where they are not put back: the rejected ones to the dead-letter exchange', async () => {
    await put('/queues/%2F/dead', {});
    await put('/queues/%2F/dying', {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' },
    });
    await publish({ routing_key: 'dying', payload: '1' });
    await publish({ routing_key: 'dying', payload: '2' });
    await take('dying', { count: 1, ackmode: 'ack_requeue_false' });
    await take('dying', { count: 1, ackmode: 'reject_requeue_false' });
    expect((await channel.checkQueue('dying')).messageCount).toBe(0);
    const [dead] = (await take('dead')).body;
    expect(dead).toMatchObject({ payload: '2', properties: { headers: { 'x-first-death-reason': 'rejected' } } });
  });

  it('are cut before they are encoded, of large ones too', async () => {
    await publish({ payload: 'héllo' });
    await publish({ payload: 'x'.repeat(200_000) });
    const got = (await take('q', { truncate: 2, encoding: 'base64' })).body;
    expect(got).toMatchObject([
      { payload_bytes: 6, payload: Buffer.from('héllo').subarray(0, 2).toString('base64') },
      { payload_bytes: 200_000, payload: Buffer.from('xx').toString('base64') },
    ]);
    expect((await take('q')).body[1].payload).toHaveLength(200_000);
  });

  it.each([
    [{ count: undefined, ackmode: undefined }, 400, '[{key_missing,ackmode},{key_missing,count}]'],
    [{ encoding: 'hex' }, 400, 'Unsupported encoding. Please use auto or base64.'],
  ])('are refused: %j', async (asked, status, reason) => {
    expect(await take('q', asked)).toMatchObject({ status, body: { reason } });
  });

  it('are refused of a queue that is not there', async () => {
    expect(await take('noq')).toMatchObject({
      status: 404,
      body: { error: 'not_found', reason: "NOT_FOUND - no queue 'noq' in vhost '/'" },
    });
  });
});

describe('what one may not do over AMQP', () => {
  it('is refused over HTTP too', async () => {
    await api.users.put('ann', { password: 'pw', tags: ['management'] });
    await api.users.setPermissions('ann', '/', { configure: '^ann', write: '^ann', read: '^ann' });
    const as = (method: string, path: string, body?: unknown) => api.ask(path, { method, body, login: 'ann:pw' });
    const refused = { status: 401, body: { error: 'not_authorised' } };
    expect(await as('PUT', '/queues/%2F/other', {})).toMatchObject(refused);
    expect((await as('PUT', '/queues/%2F/ann', {})).status).toBe(201);
    expect(await as('DELETE', '/queues/%2F/q')).toMatchObject(refused);
    expect(await as('DELETE', '/queues/%2F/q/contents')).toMatchObject(refused);
    expect(await as('PUT', '/exchanges/%2F/x', { type: 'topic' })).toMatchObject(refused);
    expect(
      await as('POST', '/queues/%2F/q/get', { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' }),
    ).toMatchObject(refused);
    const message = { routing_key: 'q', payload: '', payload_encoding: 'string', properties: {} };
    expect(await as('POST', '/exchanges/%2F/amq.topic/publish', message)).toMatchObject(refused);
  });
});

it('a message’s group goes in and comes out as the header that JMS names it by', async () => {
  await put('/queues/%2F/grouped', { durable: true, arguments: { 'x-group-in-flight': 1 } });
  const properties = { headers: { JMSXGroupID: 'g', other: 'x' } };
  for (const payload of ['first', 'second']) await publish({ routing_key: 'grouped', payload, properties });
  expect((await take('grouped', { count: 1 })).body).toMatchObject([{ properties }]);
  // The second one waits for the first.
  const held = await channel.get('grouped');
  expect(held).toMatchObject({ properties: { headers: { JMSXGroupID: 'g', other: 'x' } } });
  expect(await channel.get('grouped')).toBe(false);
});
