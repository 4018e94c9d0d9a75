/** Listeners behind a proxy: who the client is, in the log and for the authenticator; with TLS, WebSocket and without. */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import type { Authenticator, BrokerOptions, Credentials } from '../../src/index.ts';
import { startTestBroker, type TestBroker, withTemporaryDirectory } from '../support/broker.ts';
import { Authority, OPENSSL } from '../support/certificates.ts';
import { until } from '../support/until.ts';

const V1 = 'PROXY TCP4 192.0.2.9 198.51.100.7 51234 5672\r\n';

describe('behind a proxy', () => {
  const open: { close(): unknown }[] = [];
  const sockets: Socket[] = [];
  const asked: Credentials[] = [];
  const warnings: Record<string, unknown>[] = [];
  const users: Authenticator = {
    authenticate(credentials, done) {
      asked.push(credentials);
      done({ user: 'somebody' });
    },
    permits: () => true,
  };
  const logger = {
    debug: () => {},
    info: () => {},
    warn: (fields: object) => void warnings.push(fields as Record<string, unknown>),
    error: () => {},
  };

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const one of open.splice(0).reverse()) await one.close();
    asked.length = 0;
    warnings.length = 0;
  });

  async function start(options: BrokerOptions): Promise<TestBroker> {
    const broker = await startTestBroker({ proxy: { from: ['127.0.0.0/8', '::1'] }, logger, ...options });
    open.push(broker);
    return broker;
  }

  /** A proxy in front of a port: says its header and passes bytes. Returns its own port. */
  async function proxy(port: number, header: string): Promise<number> {
    const server: Server = createServer((client) => {
      const upstream = dial(port, '127.0.0.1', () => {
        upstream.write(header);
        client.pipe(upstream);
      });
      upstream.pipe(client);
      for (const socket of [client, upstream]) {
        sockets.push(socket);
        socket.on('error', () => {});
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(resolve)) });
    return (server.address() as { port: number }).port;
  }

  function raw(port: number, ...pieces: string[]): { ended: boolean } {
    const state = { ended: false };
    const socket = dial(port, '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece, 'latin1');
    });
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => {
      state.ended = true;
    });
    return state;
  }

  it('one whose connection is reset before its header is whole does no harm', async () => {
    const broker = await start({ authenticator: users, listen: ['amqp://127.0.0.1:0?proxy=v1'] });
    const socket = dial(broker.port('amqp'), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    await new Promise((resolve) => socket.write('PROXY TCP4 192.0', resolve));
    socket.resetAndDestroy();
    // And the next one is served.
    const client = await amqp.connect(`amqp://u:p@127.0.0.1:${await proxy(broker.port('amqp'), V1)}`);
    await client.close();
  });

  it('a client has the address that the proxy says, and is never on this machine', async () => {
    const broker = await start({
      authenticator: users,
      listen: ['amqp://127.0.0.1:0?proxy=v1', 'ws://127.0.0.1:0?proxy=v1'],
    });
    const port = await proxy(broker.port('amqp'), V1);
    const connection = await amqp.connect(`amqp://a:b@127.0.0.1:${port}`);
    expect(asked[0]).toMatchObject({
      client: 'amqp 192.0.2.9:51234',
      address: '192.0.2.9',
      loopback: false,
      user: 'a',
    });
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    channel.sendToQueue(queue, Buffer.alloc(500_000));
    await channel.waitForConfirms();
    await connection.close();

    const web = await proxy(broker.port('ws'), V1);
    const client = await mqtt.connectAsync(`ws://127.0.0.1:${web}/mqtt`);
    expect(asked[1]).toMatchObject({ client: 'mqtt 192.0.2.9:51234', loopback: false });
    await client.endAsync();
  });

  it('a client that says it is on this machine is not believed', async () => {
    const broker = await start({ listen: 'mqtt://127.0.0.1:0?proxy=v1+v2' });
    for (const header of ['PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n', 'PROXY UNKNOWN\r\n']) {
      const port = await proxy(broker.port('mqtt'), header);
      const connecting = mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 }, false);
      await expect(connecting).rejects.toThrow(/authori[sz]ed/i);
    }
  });

  it.skipIf(OPENSSL === undefined)('TLS begins behind the header', async () => {
    await withTemporaryDirectory(async (directory) => {
      const authority = new Authority(directory, 'authority');
      const { certificate, key } = authority.issue('localhost', { dns: ['localhost'] });
      const broker = await start({
        authenticator: users,
        tls: { certificate, key },
        listen: ['mqtts://127.0.0.1:0?proxy=v1', 'wss://127.0.0.1:0?proxy=v1'],
      });
      const port = await proxy(broker.port('mqtts'), V1);
      const web = await proxy(broker.port('wss'), V1);
      for (const url of [`mqtts://127.0.0.1:${port}`, `wss://127.0.0.1:${web}/mqtt`]) {
        const client = await mqtt.connectAsync(url, { rejectUnauthorized: false });
        expect(asked.at(-1)).toMatchObject({ client: 'mqtt 192.0.2.9:51234', loopback: false });
        await client.endAsync();
      }
    });
  });

  it("what comes with the header is the client's first word", async () => {
    const broker = await start({ authenticator: users, listen: 'stomp://127.0.0.1:0?proxy=v1' });
    raw(
      broker.port('stomp'),
      'PROXY TCP4 192.0.2',
      `.9 198.51.100.7 51234 5672\r\nCONNECT\naccept-version:1.2\nhost:/\n\n\0`,
    );
    await until(() => asked.length === 1, 'the client asked to come in');
    expect(asked[0]?.client).toBe('stomp 192.0.2.9:51234');
  });

  it('who sends no header, or is no proxy that is known, is turned away, and the operator told', async () => {
    const broker = await start({ listen: 'amqp://127.0.0.1:0?proxy=v2' });
    const noHeader = raw(broker.port('amqp'), 'AMQP\0\0\x09\x01');
    const other = raw(broker.port('amqp'), V1);
    await until(() => noHeader.ended && other.ended);
    expect(warnings.map(({ reason }) => reason)).toEqual(Array(2).fill('its first bytes are no PROXY header'));

    const strict = await start({ proxy: { from: '192.0.2.0/24' }, listen: 'amqp://127.0.0.1:0?proxy=v1' });
    const stranger = raw(strict.port('amqp'), V1);
    await until(() => stranger.ended);
    expect(warnings.at(-1)?.['reason']).toBe('it is no proxy that this listener knows (proxy.from)');
  });

  it('who says nothing is waited for as long as any other', async () => {
    const clock = new ManualClock();
    const broker = await start({ clock, listen: 'amqp://127.0.0.1:0?proxy=v1' });
    const silent = raw(broker.port('amqp'));
    await until(() => broker.connections === 1);
    clock.advance(10_100);
    await until(() => silent.ended && broker.connections === 0);
    expect(warnings.at(-1)?.['reason']).toBe('no PROXY header in time');
  });

  it('nothing listens as long as nobody is named as a proxy, or by what is no address', async () => {
    const listen = 'amqp://127.0.0.1:0?proxy=v1';
    await expect(startTestBroker({ listen })).rejects.toThrow(/proxy.from has to say which proxies are believed/);
    await expect(startTestBroker({ listen, proxy: { from: ['10.0.0.0/33'] } })).rejects.toThrow(
      /must be an address or a range/,
    );
    await expect(startTestBroker({ listen: 'amqp://127.0.0.1:0?proxy=v3' })).rejects.toThrow(
      /proxy is one of v1, v2, v1\+v2/,
    );
  });
});
