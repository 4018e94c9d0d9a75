/** What the HTTP port says to browsers and proxies: headers, pages of other sites, compression, and where `/api` leads. */
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { raw } from './raw.ts';

let running: RunningBroker;
let url: string;
const LOGIN = { authorization: `Basic ${btoa('guest:guest')}` };
const FRIEND = 'https://app.example.org';

beforeEach(async () => {
  running = await createBroker({ listen: ['http://127.0.0.1:0'], http: { origins: [FRIEND] } });
  url = `http://127.0.0.1:${running.port('http')}`;
});
afterEach(() => running.close());

const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  fetch(url + path, { redirect: 'manual', headers: { ...LOGIN, ...headers }, ...init });

describe('every answer', () => {
  it.each(['/', '/healthz', '/metrics', '/api/overview', '/api/nonsense', '/v1/openapi.json', '/v1/', '/nonsense'])(
    'tells browsers to take it for nothing else: %s',
    async (path) => {
      const { headers } = await ask(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      // Which version it is, is no business of whoever scans ports.
      expect(headers.get('server')).toBe('Entrepot');
    },
  );

  it('says that it is not to be kept', async () => {
    for (const path of ['/healthz', '/metrics', '/api/overview', '/v1/vhosts/%2F/queues']) {
      expect((await ask(path)).headers.get('cache-control')).toMatch(/no-cache|no-store/);
    }
  });
});

describe('a page of another site', () => {
  const preflight = (origin: string) =>
    ask(
      '/api/queues/%2F/q',
      { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' },
      { method: 'OPTIONS' },
    );

  it('that is listed may call both APIs, and is told so beforehand', async () => {
    const before = await preflight(FRIEND);
    expect(before.status).toBe(200);
    expect(Object.fromEntries(before.headers)).toMatchObject({
      'access-control-allow-origin': FRIEND,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization',
      'access-control-allow-methods': 'HEAD, GET, PUT, DELETE, OPTIONS',
      'access-control-max-age': '1800',
    });
    const headers = { origin: FRIEND, 'sec-fetch-site': 'cross-site' };
    const made = await ask('/api/queues/%2F/q', headers, { method: 'PUT', body: '{}' });
    expect([made.status, made.headers.get('access-control-allow-origin')]).toEqual([201, FRIEND]);
    const failed = await ask('/v1/vhosts/%2F/queues/none', headers);
    expect([failed.status, failed.headers.get('access-control-allow-origin')]).toEqual([404, FRIEND]);
    expect(failed.headers.get('vary')).toContain('origin');
  });

  it('that is not listed may not read, and may not change anything', async () => {
    for (const origin of ['https://evil.example.org', 'null', 'http://app.example.org', '*']) {
      for (const answer of [await preflight(origin), await ask('/api/whoami', { origin })]) {
        expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
      const refused = await ask('/api/queues/%2F/q', { origin }, { method: 'PUT', body: '{}' });
      expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([403, 'forbidden']);
    }
    const hidden = { 'sec-fetch-site': 'cross-site' };
    expect((await ask('/api/queues/%2F/q', hidden, { method: 'DELETE' })).status).toBe(403);
    expect(running.operator.queues.find('/', 'q')).toBeUndefined();
  });

  it('that is this broker’s own may do what its user may', async () => {
    const own = { origin: url, 'sec-fetch-site': 'same-origin' };
    expect((await ask('/api/queues/%2F/q', own, { method: 'PUT', body: '{}' })).status).toBe(201);
  });
});

describe('compression', () => {
  const fill = async (queues: number): Promise<void> => {
    const session = running.operator.enterAsOperator('/');
    for (let n = 0; n < queues; n++) {
      session.declareQueue(`queue ${n}`, { durable: false, exclusive: false, autoDelete: false, arguments: [] });
    }
    session.close(true);
  };
  const get = (path: string, encoding: string, method = 'GET') =>
    raw(running.port('http'), { path, method, headers: { ...LOGIN, 'accept-encoding': encoding } });

  it('is for who asks for it, and brings the same', async () => {
    await fill(100);
    for (const path of ['/api/queues?columns=name', '/metrics', '/v1/openapi.json']) {
      const plain = await get(path, 'identity');
      expect(plain.headers['content-encoding']).toBeUndefined();
      const packed = await get(path, 'deflate, gzip');
      expect(packed.headers['content-encoding']).toBe('gzip');
      expect(packed.headers.vary).toMatch(/accept-encoding/i);
      expect(packed.body.length).toBeLessThan(plain.body.length / 3);
      const unpacked = gunzipSync(packed.body).toString();
      if (path === '/metrics') expect(unpacked).toContain('\nentrepot_connections ');
      else expect(unpacked).toBe(plain.body.toString());
      expect((await get(path, 'gzip;q=0')).headers['content-encoding']).toBeUndefined();
    }
    expect((await get('/api/whoami', 'gzip')).headers['content-encoding']).toBeUndefined();
    expect((await get('/api/overview', 'gzip', 'HEAD')).body.length).toBe(0);
  });

  it('of a list that comes in pieces is whole, and one that is given up costs nobody else', async () => {
    await fill(2_000);
    const packed = await get('/api/queues', 'gzip');
    expect(JSON.parse(gunzipSync(packed.body).toString())).toHaveLength(2_000);
    for (let n = 0; n < 5; n++) {
      const giving = new AbortController();
      const response = await ask('/api/queues', {}, { signal: giving.signal });
      await response.body!.getReader().read();
      giving.abort();
    }
    expect((await ask('/api/queues?page=1&page_size=1')).status).toBe(200);
  });

  it('is not for events, each of which goes out as it comes', async () => {
    const giving = new AbortController();
    const response = await ask('/v1/events', {}, { signal: giving.signal });
    expect(response.headers.get('content-encoding')).toBeNull();
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(': events\n\n');
    giving.abort();
  });
});

describe('the way into the API', () => {
  it.each(['/api', '/api/'])('%s leads to a page that lists what there is', async (path) => {
    const answer = await fetch(url + path, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([301, '/api/index.html']);
    const page = await fetch(`${url}/api/index.html`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    const text = await page.text();
    expect(text).toContain('/api/queues/<em>vhost</em>/<em>queue</em></code>');
    expect(text).not.toContain('<script');
  });
});
