/** The audit log: every change made over HTTP, by whom, from where, on what, and whether it was done; no secret among it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { AUDITED } from '../../../src/management/http/audited.ts';
import { RESOURCES } from '../../../src/management/rabbitmq/resources/index.ts';
import { OPERATIONS } from '../../../src/management/v1/operations.ts';
import { AuditLog, type AuditPage, DONE_KEPT_MAX, OTHERS_KEPT_MAX, TOGETHER_MS } from '../../../src/operator/audit.ts';
import { fill, startV1, type V1Broker } from './harness.ts';

interface Line {
  readonly area: string;
  readonly level: string;
  readonly fields: Record<string, unknown>;
}

const lines: Line[] = [];
const logger = (area: string) => {
  const write =
    (level: string) =>
    (fields: object): void => {
      lines.push({ area, level, fields: fields as Record<string, unknown> });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
};

let broker: V1Broker;
beforeAll(async () => {
  const everything = { configure: '.*', write: '.*', read: '.*' };
  broker = await startV1({
    logger: { ...logger(''), area: logger },
    users: { guest: { password: 'guest', tags: ['administrator'], permissions: { '/': everything } } },
  });
});
afterAll(() => broker.close());

// biome-ignore lint/suspicious/noExplicitAny: an answer is looked at part by part
async function audit(query = ''): Promise<any> {
  const { status, body } = await broker.ask(`/audit${query}`);
  expect(status).toBe(200);
  return body;
}

async function api(method: string, path: string, body?: unknown, login = 'guest:guest', more = {}): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${broker.port('http')}${path}`, {
    method,
    headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}`, ...more },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

describe('the audit log', () => {
  it('has words for whatever changes something over HTTP, and for nothing that is not there', () => {
    const v1 = OPERATIONS.map(({ method, path }) => `${method} /v1${path}`);
    const rabbit = RESOURCES.flatMap(({ path, verbs }) =>
      Object.keys(verbs).map((method) => `${method} /api${path.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
    const changes = [...v1, ...rabbit].filter((one) => !one.startsWith('GET '));
    for (const one of changes) expect(Object.hasOwn(AUDITED, one), one).toBe(true);
    for (const one of Object.keys(AUDITED)) expect([...v1, ...rabbit], one).toContain(one);
  });

  it('tells who has changed what, from where and with what, also in the broker’s log', async () => {
    await api('PUT', '/api/queues/%2F/told', { durable: true, arguments: { 'x-max-length': 5 } }, undefined, {
      'x-requested-with': 'console',
    });
    const [entry] = (await audit('?name=told')).entries;
    expect(entry).toMatchObject({
      ...{ user: 'guest', from: expect.stringMatching(/^127\.0\.0\.1:\d+$/), agent: 'console', times: 1 },
      ...{ action: 'PUT /api/queues/{vhost}/{queue}', what: 'queue declared', on: { vhost: '/', queue: 'told' } },
      ...{ outcome: 'done', detail: '{"durable":true,"arguments":{"x-max-length":5}}' },
    });
    expect(lines.filter(({ area }) => area === 'audit').at(-1)).toMatchObject({
      level: 'info',
      fields: { user: 'guest', action: entry.action, on: entry.on, outcome: 'done', from: entry.from },
    });
  });

  it('never has a password or a hash of one, in memory or in the log', async () => {
    await api('PUT', '/api/users/keeper', { password: 'sesame-open', tags: 'management' });
    await api('PUT', '/api/users/hashed', { password_hash: 'c2VzYW1lLW9wZW4=', tags: '' });
    await api('PUT', '/api/parameters/shovel/%2F/s', { value: { 'src-uri': 'amqp://u:sesame-open@h' } });
    await api('POST', '/api/definitions', { users: [{ name: 'x', password: 'sesame-open', tags: '' }] });
    await api('PUT', '/api/users/keeper?auth=sesame-open', { password: 'sesame-open', tags: 'management' });
    const all = JSON.stringify([await audit(), lines]);
    expect(all).toContain('keeper');
    expect(all).not.toMatch(/sesame-open|c2VzYW1lLW9wZW4/);
  });

  it('says of what was refused or has failed why, and who would have', async () => {
    await api('PUT', '/api/users/clerk', { password: 'clerk', tags: 'management' });
    await api('PUT', '/api/permissions/%2F/clerk', { configure: '', write: '', read: '' });
    expect(await api('DELETE', '/api/queues/%2F/told', undefined, 'clerk:clerk')).toBe(401);
    expect(await api('DELETE', '/api/users/guest', undefined, 'clerk:clerk')).toBe(401);
    expect(await api('DELETE', '/api/queues/%2F/missing')).toBe(404);
    const refused = (await audit('?user=clerk&outcome=refused')).entries;
    expect(refused.map(({ what }: { what: string }) => what)).toEqual(['user deleted', 'queue deleted']);
    expect(refused[1]).toMatchObject({ why: expect.stringMatching(/^401: /), on: { vhost: '/', queue: 'told' } });
    expect((await audit('?outcome=failed')).entries[0]).toMatchObject({
      user: 'guest',
      why: expect.stringMatching(/^404: /),
    });
  });

  it('tells of nobody who was not let in, and of nothing that only looks', async () => {
    const before = (await audit()).total;
    expect(await api('DELETE', '/api/queues/%2F/told', undefined, 'nobody:x')).toBe(401);
    expect(await api('GET', '/api/queues')).toBe(200);
    expect(await api('POST', '/api/definitions?dry_run=true', { queues: [] })).toBe(200);
    expect((await audit()).total).toBe(before);
  });

  it('is for administrators, paged, and found by user, vhost and name', async () => {
    await api('PUT', '/api/users/watcher', { password: 'watcher', tags: 'monitoring' });
    expect((await broker.ask('/audit', { login: 'watcher:watcher' })).status).toBe(403);
    for (const name of ['one', 'two', 'three']) await api('PUT', `/api/queues/%2F/paged.${name}`, {});
    const page = await audit('?name=paged&skip=1&limit=1');
    expect(page).toMatchObject({ matching: 3, entries: [{ on: { queue: 'paged.two' } }] });
    expect((await audit('?vhost=nowhere')).entries).toEqual([]);
    expect((await audit('?name=permissions&user=guest')).entries[0]).toMatchObject({ what: 'permissions set' });
  });

  it('counts what programs do by the thousand', async () => {
    const message = { properties: {}, routing_key: 'told', payload: 'x', payload_encoding: 'string' };
    for (let i = 0; i < 5; i++) await api('POST', '/api/exchanges/%2F/amq.default/publish', message);
    const { entries } = await audit('?name=published');
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ times: 5, outcome: 'done', on: { exchange: 'amq.default' } });
  });

  it('tells of a redrive as it begins and of what came of it', async () => {
    const channel = await broker.channel();
    await channel.assertQueue('work', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
    await channel.assertQueue('dead');
    await fill(channel, 'work', ['a', 'b']);
    for (let i = 0; i < 2; i++) channel.reject((await channel.get('work')) as never, false);
    await expect.poll(async () => (await channel.checkQueue('dead')).messageCount).toBe(2);
    const { body } = await broker.ask('/vhosts/%2F/queues/dead/redrives', { method: 'POST', body: {} });
    await expect.poll(async () => (await audit(`?name=${body.id}`)).entries.length).toBe(1);
    const { entries } = await audit('?name=redrive');
    expect(entries.map(({ what }: { what: string }) => what)).toEqual(['redrive has ended', 'redrive begun']);
    expect(entries[0]).toMatchObject({
      user: 'guest',
      on: { vhost: '/', queue: 'dead', id: body.id },
      outcome: 'done',
    });
    expect(JSON.parse(entries[0].detail)).toMatchObject({ to: 'origin', moved: 2 });
  });
});

describe('what is kept of it', () => {
  const all = (log: AuditLog): AuditPage => log.page({ skip: 0, take: 10_000 });
  const change = (queue: string) =>
    ({ user: 'u', action: 'DELETE', what: 'queue deleted', on: { queue }, outcome: 'done' }) as const;

  it('is bounded, and a flood of refusals pushes out nothing that was done', () => {
    const log = new AuditLog(new ManualClock(), { audited() {} });
    log.record(change('first'));
    for (let i = 0; i < 3 * OTHERS_KEPT_MAX; i++) log.record({ ...change(String(i)), outcome: 'refused' });
    expect(all(log).total).toBe(1 + OTHERS_KEPT_MAX);
    expect(all(log).entries.at(-1)).toMatchObject({ on: { queue: 'first' } });
    for (let i = 0; i < 2 * DONE_KEPT_MAX; i++) log.record(change('q'.repeat(10_000)));
    expect(all(log).total).toBe(DONE_KEPT_MAX + OTHERS_KEPT_MAX);
    expect(all(log).entries[0]!.on['queue']!.length).toBeLessThan(400);
    const numbers = all(log).entries.map(({ number }) => number);
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
  });

  it('has a line for the first of what is counted, and one for all when the minute is over', () => {
    const clock = new ManualClock();
    const told: object[] = [];
    const log = new AuditLog(clock, { audited: (_, __, fields) => told.push(fields) });
    for (let i = 0; i < 7; i++) log.record({ ...change('q'), frequent: true });
    expect(told).toHaveLength(1);
    clock.advance(TOGETHER_MS);
    expect(told).toHaveLength(2);
    expect(told[1]).toMatchObject({ times: 7 });
    log.record({ ...change('q'), frequent: true });
    expect(all(log).entries.map(({ times }) => times)).toEqual([1, 7]);
  });
});
