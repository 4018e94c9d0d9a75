/**
 * A broker without users lets in whoever is on this machine. A page of another site in a browser here is not, nor is somebody for whom a
 * proxy here asks: over WebSocket and HTTP, what the request says of where it comes from counts too.
 */
import { request } from 'node:http';
import * as wire from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type BrokerOptions, createBroker, type RunningBroker } from '../../src/index.ts';

let running: RunningBroker;
afterEach(() => running.close());

const start = async (more: BrokerOptions = {}): Promise<void> => {
  running = await createBroker({ listen: ['ws://127.0.0.1:0', 'http://127.0.0.1:0'], ...more });
};

/** What comes of a client without a name: the code of CONNACK, or the status of the upgrade's refusal. */
async function anonymous(port: number, headers: Record<string, string>, path = '/ws'): Promise<number | string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, 'mqtt', { headers });
  const said = new Promise<number | string>((resolve, reject) => {
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(`HTTP ${statusCode}`));
    socket.on('error', reject);
    const parser = wire.parser({ protocolVersion: 4 });
    parser.on('packet', (packet) => resolve((packet as wire.IConnackPacket).returnCode!));
    socket.on('message', (data: Buffer) => parser.parse(data));
  });
  socket.on('open', () =>
    socket.send(wire.generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'p', clean: true })),
  );
  try {
    return await said;
  } finally {
    socket.terminate();
  }
}

async function guest(headers: Record<string, string>, path: string): Promise<number> {
  const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: running.port('http'), path, headers: { authorization, ...headers } };
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on('error', reject)
      .end();
  });
}

const ELSEWHERE: [what: string, headers: Record<string, string>][] = [
  ['a page of another site', { origin: 'https://evil.example' }],
  ['a page that says no name, as in a frame without rights', { origin: 'null' }],
  [
    'a page whose name was pointed at this machine',
    { origin: 'http://evil.example:15672', host: 'evil.example:15672' },
  ],
  ['a page of a name that begins like one of here', { origin: 'http://localhost.evil.example' }],
  ['a page of an address that begins like one of here', { origin: 'http://127.0.0.1.evil.example' }],
  ['a client of a proxy that keeps the name it was asked for', { host: 'broker.example.org' }],
  ['a client of a proxy that says for whom it asks', { 'x-forwarded-for': '203.0.113.7' }],
  ['the same in the words of RFC 7239', { forwarded: 'for=203.0.113.7' }],
];

const HERE: [what: string, headers: Record<string, string>][] = [
  ['a program', {}],
  ['a page of this machine', { origin: 'http://localhost:5173' }],
  ['a page of its address', { origin: 'http://127.0.0.1:8080', host: '127.0.0.1:15675' }],
  ['a page of its other address', { origin: 'http://[::1]:8080', host: '[::1]:15675' }],
  ['a page of a name of its own', { origin: 'http://app.localhost', host: 'app.localhost' }],
  ['a program that calls this machine by its name', { host: 'workstation:15675' }],
];

describe('over WebSocket', () => {
  it.each(ELSEWHERE)('%s is not let in without a name', async (_what, headers) => {
    await start();
    expect(await anonymous(running.port('ws'), headers)).toBe(5);
    expect(await anonymous(running.port('http'), headers)).toBe(5);
  });

  it.each(HERE)('%s is', async (_what, headers) => {
    await start();
    expect(await anonymous(running.port('ws'), headers)).toBe(0);
    expect(await anonymous(running.port('http'), headers)).toBe(0);
  });

  it('a page that is listed is, and others do not connect at all', async () => {
    await start({ websocket: { origins: ['https://*.example.org'] } });
    expect(await anonymous(running.port('ws'), { origin: 'https://app.example.org' })).toBe(0);
    expect(await anonymous(running.port('ws'), { origin: 'https://evil.example' })).toBe('HTTP 403');
  });

  it('a page of another site is let in where clients without a name are from anywhere', async () => {
    await start({ login: { anonymous: 'anywhere' } });
    expect(await anonymous(running.port('ws'), { origin: 'https://app.example.org' })).toBe(0);
  });
});

describe.each(['/api/whoami', '/v1/overview'])('over HTTP, guest of a broker without users asks for %s', (path) => {
  it.each(ELSEWHERE)('%s is not let in', async (_what, headers) => {
    await start();
    expect(await guest(headers, path)).toBe(401);
  });

  it.each(HERE)('%s is', async (_what, headers) => {
    await start();
    expect(await guest(headers, path)).toBe(200);
  });
});

it('a page that is listed for HTTP is let in as guest from this machine', async () => {
  await start({ http: { origins: ['https://app.example.org'] } });
  expect(await guest({ origin: 'https://app.example.org' }, '/api/whoami')).toBe(200);
});
