/** Policies and limits changed live over `/v1/`. */
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
let channel: ConfirmChannel;
const put = (path: string, body: unknown, login?: string) =>
  broker.ask(path, { method: 'PUT', body, ...(login !== undefined && { login }) });
const POLICY = '/vhosts/%2F/policies/short';

beforeEach(async () => {
  broker = await startV1();
  channel = await broker.channel();
});
afterEach(() => broker.close());

describe('a policy', () => {
  it('is in force for queues that are there, is shown, and is taken back', async () => {
    await channel.assertQueue('q');
    expect(await put(POLICY, { pattern: '^q$', definition: { 'max-length': 1 }, applyTo: 'queues' })).toMatchObject({
      status: 200,
      body: { name: 'short', kind: 'policy', applyTo: 'queues', priority: 0, configured: false },
    });
    for (const body of ['a', 'b']) channel.sendToQueue('q', Buffer.from(body));
    await channel.waitForConfirms();
    expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 1 });
    expect((await broker.ask('/vhosts/%2F/policies')).body.policies).toMatchObject([{ name: 'short' }]);
    expect((await broker.ask(`${POLICY}?kind=operator`)).status).toBe(404);
    expect((await broker.ask(POLICY, { method: 'DELETE' })).status).toBe(204);
    expect((await broker.ask(POLICY, { method: 'DELETE' })).status).toBe(404);
    for (const body of ['c', 'd']) channel.sendToQueue('q', Buffer.from(body));
    await channel.waitForConfirms();
    expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 3 });
  });

  it.each([
    [{ pattern: '(', definition: { 'max-length': 1 } }],
    [{ pattern: 'q', definition: { unheard: 1 } }],
    [{ pattern: 'q', definition: { 'max-length': 1 }, wrong: 1 }],
    [{ pattern: 'q' }],
  ])('is refused for %j', async (body) => {
    expect(await put(POLICY, body)).toMatchObject({ status: 400, body: { code: 'invalid' } });
  });

  it('of operators is theirs to set', async () => {
    await broker.close();
    const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } };
    broker = await startV1({
      users: {
        maker: { password: 'm', tags: ['policymaker'], permissions },
        plain: { password: 'p', tags: ['management'], permissions },
      },
    } as never);
    const body = { pattern: 'q', definition: { 'max-length': 5 } };
    expect((await put(POLICY, body, 'plain:p')).status).toBe(403);
    expect((await put(POLICY, body, 'maker:m')).status).toBe(200);
    expect((await put(`${POLICY}?kind=operator`, body, 'maker:m')).status).toBe(403);
  });
});

describe('limits', () => {
  it('of a vhost hold for what comes from now on', async () => {
    await channel.assertQueue('first');
    expect((await put('/vhosts/%2F/limits', { queues: 1 })).body).toEqual({ queues: 1 });
    const other = await broker.channel();
    other.on('error', () => {});
    await expect(other.assertQueue('second')).rejects.toThrow();
    expect((await put('/vhosts/%2F/limits', { queues: null, connections: 10 })).body).toEqual({ connections: 10 });
    await channel.assertQueue('second');
    expect((await put('/vhosts/%2F/limits', { queues: -2 })).status).toBe(400);
    expect((await broker.ask('/users/nobody/limits')).status).toBe(404);
  });
});
