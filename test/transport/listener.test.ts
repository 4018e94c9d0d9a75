import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { Listener } from '../../src/transport/listener.ts';

const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some((a) => a.address === '::1'));
const open = (host: string, port = 0) =>
  Listener.open({ name: 'amqp', host, port, createServer: () => createServer((socket) => socket.destroy()) });

it('reports the port that it was given for 0', async () => {
  const listener = await open('127.0.0.1');
  expect(listener.port).toBeGreaterThan(0);
  expect(listener.addresses).toEqual([{ address: '127.0.0.1', port: listener.port }]);
  const client = connect(listener.port, '127.0.0.1');
  await once(client, 'connect');
  client.destroy();
  await listener.stop();
});

it.runIf(hasIPv6)('localhost is this machine by both families, on one port', async () => {
  const listener = await open('localhost');
  expect(listener.addresses).toEqual([
    { address: '127.0.0.1', port: listener.port },
    { address: '::1', port: listener.port },
  ]);
  for (const host of ['127.0.0.1', '::1', 'localhost']) {
    const client = connect(listener.port, host);
    await once(client, 'connect');
    client.destroy();
  }
  await listener.stop();
});

it('says in one line that a port is in use, and what to do', async () => {
  const first = await open('127.0.0.1');
  await expect(open('127.0.0.1', first.port)).rejects.toThrow(
    `port ${first.port} on 127.0.0.1 is in use by another program; choose another with --listen amqp://127.0.0.1:PORT`,
  );
  await first.stop();
});

it.runIf(hasIPv6)(
  'a port that is in use in one family only is an error for localhost, and leaves nothing open',
  async () => {
    const other = await open('::1');
    await expect(open('localhost', other.port)).rejects.toThrow(`port ${other.port} on ::1 is in use`);
    const free = await open('127.0.0.1', other.port);
    await free.stop();
    await other.stop();
  },
);

it('says that an address is not of this machine', async () => {
  await expect(open('192.0.2.1', 5672)).rejects.toThrow('192.0.2.1 is not an address of this machine');
});

it('stops accepting', async () => {
  const listener = await open('127.0.0.1');
  await listener.stop();
  const client = connect(listener.port, '127.0.0.1');
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});
