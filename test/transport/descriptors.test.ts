/** A process has so many file descriptors; sockets must not take those that the log needs. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import amqplib from 'amqplib';
import { afterEach, expect, it } from 'vitest';
import { descriptorLimit, shareDescriptors } from '../../src/transport/descriptors.ts';
import { Command } from '../support/command.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { until } from '../support/until.ts';

const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Connects, and says nothing. */
function silent(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  sockets.push(socket);
  return socket;
}

async function metric(port: number, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(await response.text());
  if (found === null) throw new Error(`no ${name}`);
  return Number(found[1]);
}

it('clients get what is left when everything else has its share', () => {
  expect(shareDescriptors(10_000, undefined, 1)).toEqual({ clients: 10_000, http: 128 });
  expect(shareDescriptors(10_000, 1_048_576, 1)).toEqual({ clients: 10_000, http: 128 });
  expect(shareDescriptors(10_000, 3_000, 1)).toEqual({ clients: 3_000 - 128 - 64 - 80, http: 128 });
  expect(shareDescriptors(500, 3_000, 1)).toEqual({ clients: 500, http: 128 });
  expect(shareDescriptors(10_000, 3_000, 10).clients).toBe(3_000 - 128 - 64 - 800);
  expect(shareDescriptors(10_000, 256, 4)).toEqual({ clients: 64, http: 32 });
  if (process.platform === 'linux') expect(descriptorLimit()).toBeGreaterThan(100);
});

it.skipIf(process.platform !== 'linux')(
  'more silent sockets than descriptors leave the broker well: refused, counted, and the log goes on to its next segments',
  async () => {
    await withTemporaryDirectory(async (data) => {
      const names = ['amqp', 'mqtt', 'ws', 'http'];
      const listen = names.flatMap((name) => ['--listen', `${name}://127.0.0.1:0`]);
      const broker = await Command.start(['--data', data, ...listen], {}, 220);
      try {
        expect(broker.stderr).toContain('connections.max is lowered');
        const [http, ws] = [broker.port('http'), broker.port('ws')];
        const limit = await metric(http, 'entrepot_connections_limit');
        expect(limit).toBeGreaterThan(20);
        expect(limit).toBeLessThan(120);
        const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.port('amqp')}`);
        let closed = 0;
        for (let n = 0; n < 600; n++) {
          silent([ws, broker.port('mqtt'), http][n % 3]!).on('close', () => closed++);
        }
        await until(() => closed >= 600 - limit - 40, 'those beyond the limit are closed');
        expect(await metric(http, 'entrepot_connections')).toBeLessThanOrEqual(limit);
        expect(await metric(http, 'entrepot_connections_waiting')).toBeGreaterThan(5);
        expect(await metric(http, 'entrepot_connections_refused_total')).toBeGreaterThan(100);
        expect(await metric(http, 'entrepot_http_sockets')).toBeLessThanOrEqual(28);
        expect((await fetch(`http://127.0.0.1:${http}/healthz`)).status).toBe(200);
        // More than two segments.
        const channel = await connection.createConfirmChannel();
        await channel.assertQueue('q', { durable: true });
        const body = Buffer.alloc(1024 * 1024, 'x');
        for (let n = 0; n < 150; n++) {
          channel.sendToQueue('q', body, { persistent: true });
          if (n % 25 === 0) await channel.waitForConfirms();
        }
        await channel.waitForConfirms();
        expect(await metric(http, 'entrepot_log_segments\\{vhost="/"\\}')).toBeGreaterThan(2);
        await connection.close();
        const stopping = performance.now();
        expect((await broker.stop()).code).toBe(0);
        expect(performance.now() - stopping).toBeLessThan(2_500);
      } finally {
        broker.signal('SIGKILL');
      }
    });
  },
);

it('a socket that never asks for its upgrade ends after the time for a handshake, and counts as open until then', async () => {
  await withTemporaryDirectory(async (data) => {
    const settings = { ENTREPOT_CONNECTIONS_HANDSHAKE_TIMEOUT: '700ms', ENTREPOT_CONNECTIONS_MAX: '5' };
    const listen = ['ws', 'amqp', 'http'].flatMap((name) => ['--listen', `${name}://127.0.0.1:0`]);
    const broker = await Command.start(['--data', data, ...listen], settings);
    try {
      const mute = [silent(broker.port('ws')), silent(broker.port('ws')), silent(broker.port('ws'))];
      const slow = [silent(broker.port('ws')), silent(broker.port('amqp'))];
      const ends = [...mute, ...slow].map((socket) => once(socket, 'close'));
      slow[0]!.write('GET /ws HTTP/1.1\r\nHost: x\r\n');
      let open = 0;
      while (open < 5) open = await metric(broker.port('http'), 'entrepot_connections');
      // One limit for all of them, whatever the port.
      await once(silent(broker.port('amqp')), 'close');
      expect(await metric(broker.port('http'), 'entrepot_connections_refused_total')).toBe(1);
      await Promise.all(ends);
      await metric(broker.port('http'), 'entrepot_connections');
    } finally {
      await broker.stop();
    }
  });
});
