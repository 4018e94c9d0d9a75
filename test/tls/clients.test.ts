/** Every protocol over TLS, with the clients that people use. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect as dialTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import amqp from 'amqplib';
import { Redis } from 'ioredis';
import mqtt from 'mqtt';
import stompit from 'stompit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../support/broker.ts';
import { Authority, type Issued, OPENSSL } from '../support/certificates.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const GUEST = { username: 'guest', password: 'guest' };

describe.skipIf(OPENSSL === undefined)('over TLS', () => {
  const directory = temporaryDirectory();
  let authority: Authority;
  let server: Issued;
  let broker: TestBroker;
  let ca: Buffer;

  beforeAll(async () => {
    authority = new Authority(directory.path, 'authority');
    server = authority.issue('localhost', { dns: ['localhost'] });
    ca = readFileSync(authority.certificate);
    broker = await startTestBroker({
      tls: { certificate: server.certificate, key: server.key },
      listen: ['amqps', 'mqtts', 'stomps', 'rediss', 'wss', 'https', 'amqps+mqtts+stomps+rediss'].map(
        (name) => `${name}://localhost:0`,
      ),
    });
  });
  afterAll(async () => {
    await broker?.close();
    directory.remove();
  });

  /** The port of the protocol alone, and the one that all share. */
  const ports = (name: string): number[] => [
    broker.listeners.find((one) => one.name === name)!.port,
    broker.listeners.find((one) => one.name.includes('+'))!.port,
  ];

  it('AMQP confirms and delivers, on a port of its own and on one that is shared', async () => {
    for (const port of ports('amqps')) {
      const connection = await amqp.connect(`amqps://guest:guest@localhost:${port}`, { ca: [ca] });
      const channel = await connection.createConfirmChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      const body = Buffer.alloc(300_000, 'x');
      const got = new Promise<Buffer>((resolve) => {
        void channel.consume(queue, (message) => resolve(message!.content), { noAck: true });
      });
      channel.sendToQueue(queue, body);
      await channel.waitForConfirms();
      expect((await got).equals(body)).toBe(true);
      await connection.close();
    }
  });

  it('MQTT publishes and subscribes, on a port of its own, on one that is shared, and over WebSocket', async () => {
    const [own, shared] = ports('mqtts');
    const [web] = ports('wss');
    const [http] = ports('https');
    for (const url of [
      `mqtts://localhost:${own}`,
      `mqtts://localhost:${shared}`,
      `wss://localhost:${web}/mqtt`,
      `wss://localhost:${http}/mqtt`,
    ]) {
      const client = await mqtt.connectAsync(url, {
        ca,
        ...(url.startsWith('mqtts') && { ALPNProtocols: ['mqtt'] }),
      });
      await client.subscribeAsync('tls/#', { qos: 1 });
      const got = new Promise<string>((resolve) => client.once('message', (_topic, body) => resolve(body.toString())));
      await client.publishAsync('tls/hello', url, { qos: 1 });
      expect(await got).toBe(url);
      await client.endAsync();
    }
  });

  it('STOMP sends and subscribes', async () => {
    for (const port of ports('stomps')) {
      const client = await new Promise<stompit.Client>((resolve, reject) => {
        const options = {
          host: 'localhost',
          port,
          ssl: true,
          ca,
          connectHeaders: { login: 'guest', passcode: 'guest' },
        };
        stompit.connect(options as never, (error, connected) => (error ? reject(error) : resolve(connected)));
      });
      const got = new Promise<string>((resolve, reject) => {
        client.subscribe({ destination: '/topic/tls.stomp', ack: 'auto' }, (error, message) => {
          if (error) reject(error);
          else message!.readString('utf8', (_error, text) => resolve(text!));
        });
      });
      const frame = client.send({ destination: '/topic/tls.stomp' });
      frame.end('hello');
      expect(await got).toBe('hello');
      await new Promise<void>((resolve) => client.disconnect(() => resolve()));
    }
  });

  it('Redis answers', async () => {
    for (const port of ports('rediss')) {
      const client = new Redis({ host: 'localhost', port, tls: { ca }, ...GUEST, lazyConnect: true });
      await client.connect();
      expect(await client.lpush('tls', 'one')).toBe(1);
      expect(await client.rpop('tls')).toBe('one');
      client.disconnect();
    }
  });

  it('HTTP says that all is well, and until when its certificate is good', async () => {
    const [port] = ports('https');
    const { request } = await import('node:https');
    const get = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: 'localhost', port, path, ca, agent: false }, (response) => {
          let text = '';
          response.on('data', (chunk) => (text += String(chunk)));
          response.on('end', () => resolve(text));
        });
        asked.on('error', reject);
        asked.end();
      });
    expect(JSON.parse(await get('/healthz'))).toMatchObject({ status: 'ok' });
    const metrics = await get('/metrics');
    const found = /entrepot_tls_certificate_expiry_timestamp_seconds\{certificate="([^"]+)"\} (\d+)/.exec(metrics);
    expect(found?.[1]).toBe(server.certificate);
    const days = (Number(found![2]) - Date.now() / 1000) / 86_400;
    expect(days).toBeGreaterThan(89);
    expect(days).toBeLessThan(91);
    expect(metrics).toMatch(/entrepot_tls_handshakes_total [1-9]/);
  });

  it.skipIf(!existsSync('/usr/bin/mosquitto_pub'))("Mosquitto's and Python's clients work", async () => {
    const [mqttPort] = ports('mqtts');
    const [amqpPort] = ports('amqps');
    const args = ['-h', 'localhost', '-p', String(mqttPort), '--cafile', authority.certificate, '-q', '1'];
    await run('/usr/bin/mosquitto_pub', [...args, '-r', '-t', 'kept/tls', '-m', 'hello']);
    const heard = await run('/usr/bin/mosquitto_sub', [...args, '-t', 'kept/tls', '-C', '1', '-W', '10']);
    expect(heard.stdout).toBe('hello\n');
    const script = `
import pika, ssl
context = ssl.create_default_context(cafile=${JSON.stringify(authority.certificate)})
c = pika.BlockingConnection(pika.ConnectionParameters('localhost', ${amqpPort}, ssl_options=pika.SSLOptions(context, 'localhost')))
ch = c.channel(); ch.confirm_delivery(); q = ch.queue_declare('', exclusive=True).method.queue
ch.basic_publish('', q, b'hello'); print(ch.basic_get(q, True)[2].decode()); c.close()
`;
    const python = await run('/usr/bin/python3', ['-c', script]).catch((error: Error) => {
      if (/No module named/.test(error.message)) return undefined;
      throw error;
    });
    if (python !== undefined) expect(python.stdout).toBe('hello\n');
  });

  it('offers the names of its protocols (ALPN) and turns nobody away for others', async () => {
    const dial = (port: number, ALPNProtocols: string[]): Promise<TLSSocket> =>
      new Promise((resolve, reject) => {
        const socket = dialTls({ port, host: 'localhost', ca, ALPNProtocols }, () => resolve(socket));
        socket.on('error', reject);
      });
    const [port, shared] = ports('mqtts') as [number, number];
    const mine = await dial(port, ['x-other', 'mqtt']);
    expect(mine.alpnProtocol).toBe('mqtt');
    const both = await dial(shared, ['amqp']);
    expect(both.alpnProtocol).toBe('amqp');
    const other = await dial(port, ['x-other']);
    expect(other.authorized).toBe(true);
    for (const socket of [mine, both, other]) socket.destroy();
  });

  it('waits for no web client that has shaken hands and says nothing more than a while', async () => {
    const [port] = ports('wss');
    const quick = await startTestBroker({
      tls: { certificate: server.certificate, key: server.key },
      connections: { handshakeTimeout: 200 },
      listen: 'wss://localhost:0',
    });
    const socket = dialTls({ port: quick.port('wss'), host: 'localhost', ca });
    socket.on('error', () => {});
    let ended = false;
    socket.on('data', () => {});
    socket.on('close', () => {
      ended = true;
    });
    await until(() => ended, 'the silent web client was dropped');
    await quick.close();
    const page = new WebSocket(`wss://localhost:${port}/ws`, 'mqtt', { ca });
    await new Promise((resolve) => page.once('open', resolve));
    page.terminate();
  });
});
