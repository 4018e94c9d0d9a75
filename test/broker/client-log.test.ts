/** What the operator reads about clients: each coming, refusal and mistake once, in every protocol; and never a flood. */
import { once } from 'node:events';
import { connect } from 'node:net';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { ADDRESS_LINES_MAX, ClientLog, LINES_MAX, WINDOW_MS } from '../../src/broker/client-log.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import type { Logger } from '../../src/logger.ts';
import { NO_LOGGER } from '../../src/logger.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { RecordingProtocol } from '../support/recording.ts';
import { until } from '../support/until.ts';

interface Line {
  readonly level: string;
  readonly text: string;
  readonly fields: Record<string, unknown>;
}

class Lines implements Logger {
  readonly all: Line[] = [];
  debug(fields: object, text: string): void {
    this.add('debug', fields, text);
  }
  info(fields: object, text: string): void {
    this.add('info', fields, text);
  }
  warn(fields: object, text: string): void {
    this.add('warn', fields, text);
  }
  error(fields: object, text: string): void {
    this.add('error', fields, text);
  }
  shown(text: string): Line[] {
    return this.all.filter((line) => line.level !== 'debug' && line.text.includes(text));
  }
  private add(level: string, fields: object, text: string): void {
    this.all.push({ level, text, fields: { ...fields } });
  }
}

describe('over the wire', () => {
  let broker: TestBroker;
  let lines: Lines;

  async function start(options: Parameters<typeof startTestBroker>[0] = {}): Promise<void> {
    lines = new Lines();
    broker = await startTestBroker({ logger: lines, ...options });
  }

  afterEach(() => broker.close());

  /** Sends bytes and waits until the broker has closed the connection. */
  async function raw(port: number, bytes: string | Buffer): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    socket.resume();
    socket.write(bytes);
    await once(socket, 'close');
  }

  it('says who comes in and who leaves, by protocol, address, user and vhost', async () => {
    await start();
    const publisher = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`, {
      clientProperties: { connection_name: 'orders' },
    });
    await publisher.close();
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { clientId: 'sensor-7' });
    await device.endAsync();
    await raw(broker.ports.stomp, 'CONNECT\naccept-version:1.2\nhost:/\nclient-id:older\n\n\0DISCONNECT\n\n\0');
    const web = await mqtt.connectAsync(`ws://127.0.0.1:${broker.ports.ws}/ws`);
    await web.endAsync();
    await until(() => lines.shown('has left').length === 4);
    const came = lines.shown('has come in');
    expect(came.map(({ level, fields }) => [level, String(fields['client']).split(' ')[0], fields['user']])).toEqual([
      ['info', 'amqp', 'guest'],
      ['info', 'mqtt', 'anonymous'],
      ['info', 'stomp', 'anonymous'],
      ['info', 'mqtt', 'anonymous'],
    ]);
    expect(came.slice(0, 3).map(({ fields }) => fields['name'])).toEqual(['orders', 'sensor-7', 'older']);
    expect(lines.shown('has left').map(({ fields }) => fields['name'])).toContain('sensor-7');
    expect(came[0]!.fields).toMatchObject({ client: expect.stringMatching(/^amqp 127\.0\.0\.1:\d+$/), vhost: '/' });
    expect(lines.shown('has left').map(({ fields }) => fields['inOrder'])).toEqual([true, true, true, true]);
  });

  it('says who was refused and why, which the client is not told', async () => {
    await start();
    await expect(amqplib.connect(`amqp://guest:wrong@127.0.0.1:${broker.ports.amqp}`)).rejects.toThrow(
      'ACCESS_REFUSED',
    );
    await expect(amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}/nowhere`)).rejects.toThrow();
    const device = { username: 'guest', password: 'wrong', reconnectPeriod: 0 };
    await expect(mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, device)).rejects.toThrow();
    await raw(broker.ports.stomp, 'CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:wrong\n\n\0');
    expect(lines.shown('was refused').map(({ level, fields }) => [level, fields['reason']])).toEqual([
      ['warn', "user 'guest' - invalid credentials"],
      ['warn', "vhost 'nowhere' not found, for user 'guest'"],
      ['warn', "user 'guest' - invalid credentials"],
      ['warn', "user 'guest' - invalid credentials"],
    ]);
    expect(lines.shown('mistake')).toEqual([]);
  });

  it('says whose mistake ended a connection or a channel', async () => {
    await start();
    await raw(broker.ports.amqp, 'GET / HTTP/1.1\r\n\r\n');
    await raw(broker.ports.mqtt, Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x61, 0, 0]));
    await raw(broker.ports.stomp, 'SEND\ndestination:/queue/q\n\n\0');
    const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await expect(channel.checkQueue('nowhere')).rejects.toThrow('NOT_FOUND');
    expect(lines.shown('mistake ended its').map(({ text, fields }) => [text, fields['reason']])).toEqual([
      ["a client's mistake ended its connection", 'it did not begin with the header of AMQP 0-9-1'],
      ["a client's mistake ended its connection", expect.stringContaining('packet type 0')],
      ["a client's mistake ended its connection", expect.stringContaining('CONNECT')],
      ["a client's mistake ended its channel", expect.stringContaining("no queue 'nowhere' in vhost '/'")],
    ]);
    await connection.close();
  });

  it('shows a defect of any adapter as an error, with where it happened', async () => {
    const protocol = new RecordingProtocol('gopher');
    protocol.onAccept = (handler) => {
      handler.onData = () => {
        throw new TypeError('a defect');
      };
    };
    await start({ protocols: [protocol], listen: ['gopher://127.0.0.1:0'] });
    await raw(broker.port('gopher'), 'x');
    const [line] = lines.shown('a fault of the broker itself');
    expect(line).toMatchObject({ level: 'error', fields: { client: expect.stringMatching(/^gopher 127/) } });
    expect((line!.fields['err'] as Error).stack).toContain('client-log.test');
  });

  it('tells of queues that are made and deleted for others to use, with the policy of their name', async () => {
    await start();
    await broker.setPolicy('/', { name: 'short', pattern: '^jobs', definition: { 'max-length': 10 } });
    const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
    const channel = await connection.createChannel();
    await channel.assertQueue('jobs', { durable: true });
    await channel.assertQueue('jobs', { durable: true });
    await channel.assertQueue('mine', { durable: true, exclusive: true });
    await channel.assertQueue('passing', { durable: false });
    await channel.deleteQueue('jobs');
    await channel.deleteQueue('passing');
    await connection.close();
    const made = lines.shown('a queue was made').map(({ fields }) => fields);
    expect(made).toMatchObject([{ user: 'guest', vhost: '/', queue: 'jobs', policy: 'short' }]);
    const gone = lines.shown('a queue was deleted').map(({ fields }) => fields);
    expect(gone).toMatchObject([{ user: 'guest', vhost: '/', queue: 'jobs', messages: 0 }]);
  });
});

describe('a flood', () => {
  const place = (address: string) => ({ protocol: 'p', remote: { address, port: 1 } });

  it('of one address takes its share of a minute and no more; the others are still seen, and the rest is counted', () => {
    const lines = new Lines();
    const clock = new ManualClock();
    const log = new ClientLog(clock, lines);
    for (let port = 0; port < 10_000; port++) log.refused(`p 10.0.0.1:${port}`, 'wrong');
    log.refused('p 10.0.0.2:1', 'wrong as well');
    expect(lines.shown('was refused').length).toBe(ADDRESS_LINES_MAX + 1);
    expect(lines.shown('was refused').at(-1)!.fields).toMatchObject({ reason: 'wrong as well' });
    clock.advance(WINDOW_MS);
    expect(lines.shown('more clients were refused')).toMatchObject([
      { level: 'warn', fields: { more: 10_000 - ADDRESS_LINES_MAX } },
    ]);
    log.refused('p 10.0.0.1:1', 'again');
    expect(lines.shown('was refused').at(-1)!.fields).toMatchObject({ reason: 'again' });
    log.close();
  });

  it('of many addresses is bounded, kind by kind', () => {
    const lines = new Lines();
    const log = new ClientLog(new ManualClock(), lines);
    for (let i = 0; i < 5_000; i++) log.connected(place(`10.1.${i >> 8}.${i & 255}`), 'u', '/');
    log.mistake(place('10.0.0.1'), 'x');
    expect(lines.shown('has come in').length).toBe(LINES_MAX);
    expect(lines.shown('mistake').length).toBe(1);
    log.close();
    expect(lines.shown('more clients came in')).toMatchObject([{ fields: { more: 5_000 - LINES_MAX } }]);
  });

  it('of text is cut', () => {
    const lines = new Lines();
    new ClientLog(new ManualClock(), lines).mistake(place('10.0.0.1'), 'x'.repeat(65_536));
    expect(String(lines.all[0]!.fields['reason']).length).toBeLessThan(400);
  });

  it('is counted once, also when the broker is closed in the midst of it', () => {
    const lines = new Lines();
    const clock = new ManualClock();
    const log = new ClientLog(clock, lines);
    for (let i = 0; i < 100; i++) log.connected(place('10.0.0.1'), 'u', '/');
    log.close();
    clock.advance(2 * WINDOW_MS);
    expect(lines.shown('more clients came in')).toMatchObject([{ fields: { more: 100 - ADDRESS_LINES_MAX } }]);
  });
});

it('a defect is not lost where no logger was given', async () => {
  const warned = once(process, 'warning');
  new ClientLog(new ManualClock(), NO_LOGGER).fault(undefined, new TypeError('nobody would have known'));
  expect((await warned)[0]).toMatchObject({ message: 'nobody would have known' });
});
