import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Origins } from '../../../protocols/websocket/connection/origins.ts';
import { startTestBroker } from '../../support/broker.ts';

it('any page may connect unless origins are listed, and who is no page always may', () => {
  expect(new Origins([]).allow('https://evil.example')).toBe(true);
  expect(new Origins(['https://app.example']).allow(undefined)).toBe(true);
});

it('an origin is scheme, host and port, and all of them count', () => {
  const origins = new Origins(['https://app.example', 'http://localhost:8080', 'https://*.wild.example']);
  for (const good of [
    'https://app.example',
    'HTTPS://APP.example:443',
    'http://localhost:8080',
    'https://a.wild.example',
    'https://a.b.wild.example',
  ]) {
    expect([good, origins.allow(good)]).toEqual([good, true]);
  }
  for (const bad of [
    'http://app.example',
    'https://app.example:8443',
    'https://app.example.evil.example',
    'https://evil.example/https://app.example',
    'http://localhost',
    'https://wild.example',
    'https://evilwild.example',
    'https://evil.example#.wild.example',
    'https://evil.example/.wild.example',
    'http://a.wild.example',
    'null',
    '',
  ]) {
    expect([bad, origins.allow(bad)]).toEqual([bad, false]);
  }
});

it('a page of another origin is told that it may not, and a listed one is served', async () => {
  const broker = await startTestBroker({ websocket: { origins: ['https://app.example'] } });
  const ask = (port: number, origin?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt', origin === undefined ? {} : { origin });
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode ?? 0);
        response.resume();
      });
      socket.on('open', () => {
        resolve(101);
        socket.terminate();
      });
      socket.on('error', reject);
    });
  for (const port of [broker.ports.ws, broker.ports.http]) {
    expect(await ask(port, 'https://evil.example')).toBe(403);
    expect(await ask(port, 'https://app.example')).toBe(101);
    expect(await ask(port)).toBe(101);
  }
  await broker.close();
  const wrong = startTestBroker({ websocket: { origins: ['app.example'] } });
  await expect(wrong).rejects.toThrow(/must be as https:\/\/app.example.org/);
});
