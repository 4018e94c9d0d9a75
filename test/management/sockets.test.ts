/** The HTTP port under clients that say nothing, say it slowly, or do not listen. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { afterEach, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { managementServer } from '../../src/management/server.ts';
import { HttpSockets } from '../../src/management/sockets.ts';
import { Listener } from '../../src/transport/listener.ts';
import { until } from '../support/until.ts';

const sockets: Socket[] = [];
let stop: () => Promise<void> = async () => {};

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stop();
  stop = async () => {};
});

function dial(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

async function brokerWithHttp(): Promise<RunningBroker> {
  const running = await createBroker({ listen: ['http://127.0.0.1:0', 'mqtt://127.0.0.1:0'] });
  stop = () => running.close();
  return running;
}

async function healthy(port: number): Promise<number> {
  const began = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } });
  expect(response.status).toBe(200);
  await response.text();
  return performance.now() - began;
}

it('a thousand silent sockets do not hide whether the broker is well', async () => {
  const running = await brokerWithHttp();
  const port = running.port('http');
  const silent = Array.from({ length: 1_000 }, () => dial(port).resume());
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  for (let n = 0; n < 5; n++) expect(await healthy(port)).toBeLessThan(1_000);
  await until(() => silent.filter((socket) => !socket.destroyed).length <= 128, 'the oldest are dropped');
  expect(running.connections).toBe(0);
});

it('clients that ask for ever and never read cost one answer each; nobody waits for them, an orderly stop neither', async () => {
  const running = await brokerWithHttp();
  const port = running.port('http');
  const asking = Buffer.from('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2_000));
  for (let n = 0; n < 5; n++) {
    const socket = dial(port);
    await once(socket, 'connect');
    const more = (): void => {
      while (!socket.destroyed && socket.writableLength < 1_000_000) socket.write(asking);
    };
    socket.on('drain', more);
    more();
  }
  const times: number[] = [];
  for (let n = 0; n < 100; n++) times.push(await healthy(port));
  times.sort((a, b) => a - b);
  // Whoever is kept waiting by such a client waits for seconds; where tests share the machine, less is no sign of it.
  expect(times[95]!).toBeLessThan(500);
  const began = performance.now();
  await running.close();
  expect(performance.now() - began).toBeLessThan(2_000);
});

async function server(app: Hono, max = 4) {
  const counted = new HttpSockets(max);
  const timeouts = { head: 200, request: 300, idle: 200, stuck: 200, check: 20 };
  const listener = await Listener.open({
    name: 'http',
    host: '127.0.0.1',
    port: 0,
    createServer: () => managementServer(app, counted, timeouts),
  });
  stop = async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await listener.stop();
  };
  return { counted, port: listener.port };
}

it('a socket that says nothing, half a head or half a body, and one that does not read its answer, ends soon', async () => {
  const app = new Hono();
  app.get('/large', (context) => context.text('x'.repeat(20_000_000)));
  app.post('/', async (context) => context.text(await context.req.text()));
  const { counted, port } = await server(app, 10);
  const firsts = ['', 'GET / HTTP/1.1\r\nHo', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc'];
  const ends = firsts.map((first) => {
    const socket = dial(port).resume();
    socket.write(first);
    return once(socket, 'close');
  });
  const deaf = dial(port);
  deaf.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
  await Promise.all(ends);
  await until(() => counted.size === 0, 'all of them are gone');
});

it('a request that is worked on for longer than a client may leave its answer unread is answered', async () => {
  const app = new Hono();
  app.get('/large', (context) => context.text('x'.repeat(20_000_000)));
  let begun = (): void => {};
  const asked = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let done = (): void => {};
  app.get('/long', async (context) => {
    begun();
    await new Promise<void>((resolve) => {
      done = resolve;
    });
    return context.text('at last');
  });
  const { counted, port } = await server(app);
  const waiting = fetch(`http://127.0.0.1:${port}/long`);
  await asked;
  // Twice as long as that, as one such client after the other finds out.
  for (let i = 0; i < 2; i++) {
    const deaf = dial(port);
    deaf.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => counted.size === 2, 'it is there');
    await until(() => counted.size === 1, 'it is gone');
  }
  done();
  expect(await (await waiting).text()).toBe('at last');
});

it('answers what was asked ahead one after the other, in order, up to a bound', async () => {
  const app = new Hono();
  let running = 0;
  let most = 0;
  app.get('/:n', async (context) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return context.text(`<${context.req.param('n')}>`);
  });
  const { counted, port } = await server(app);
  const polite = dial(port);
  polite.write(Array.from({ length: 10 }, (_, n) => `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
  let text = '';
  polite.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until(() => text.includes('<9>'));
  expect(text.match(/<\d>/g)!.join('')).toBe('<0><1><2><3><4><5><6><7><8><9>');
  expect(most).toBe(1);
  const rude = dial(port).resume();
  rude.write('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100));
  await once(rude, 'close');
  expect(counted.dropped).toBe(1);
});

it('makes room for a new socket at the cost of the one longest unheard of, not of one that is being answered', async () => {
  const app = new Hono();
  let answer = (): void => {};
  app.get('/slow', async (context) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return context.text('here it is');
  });
  const { counted, port } = await server(app, 3);
  const busy = dial(port);
  busy.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  let text = '';
  busy.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [old, newer] = [dial(port).resume(), dial(port).resume()];
  await until(() => counted.size === 3);
  const gone = once(old, 'close');
  dial(port).resume();
  await gone;
  expect(newer.destroyed).toBe(false);
  answer();
  await until(() => text.includes('here it is'));
  expect(counted.dropped).toBe(1);
});
