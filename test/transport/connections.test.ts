import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { type Logger, NO_LOGGER } from '../../src/logger.ts';
import { CLOSE_GRACE_MS, Connections, REFUSALS_LOGGED_MS } from '../../src/transport/connections.ts';
import { DETECT_TIMEOUT_MS } from '../../src/transport/detection.ts';
import { Listener } from '../../src/transport/listener.ts';
import { TcpTransport, tcpServer } from '../../src/transport/tcp.ts';
import { RecordingProtocol, turningBroker } from '../support/recording.ts';
import { until } from '../support/until.ts';

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function scene(protocols: RecordingProtocol[], limit?: number, logger: Logger = NO_LOGGER) {
  const clock = new ManualClock();
  const connections = new Connections(turningBroker(clock), logger, limit);
  const listener = await Listener.open({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    createServer: () =>
      tcpServer((socket) => {
        if (connections.hasRoom()) connections.admit(new TcpTransport(connections.services, socket), protocols);
        else socket.destroy();
      }),
  });
  const clients: Socket[] = [];
  stops.push(async () => {
    for (const client of clients) client.destroy();
    await listener.stop();
  });
  const dial = async (): Promise<Socket> => {
    const client = connect(listener.port, '127.0.0.1');
    client.on('error', () => {});
    client.resume();
    clients.push(client);
    await once(client, 'connect');
    return client;
  };
  return { clock, connections, dial };
}

it('tells several protocols on one port apart by their first bytes, wherever these are cut', async () => {
  const [left, right] = [new RecordingProtocol('left', 'LEFT'), new RecordingProtocol('right', 'LIGHT')];
  const { dial } = await scene([left, right]);
  for (const text of ['LEFT and more', 'LIGHT and more']) {
    for (let cut = 0; cut < 6; cut++) {
      const protocol = text.startsWith('LEFT') ? left : right;
      const before = protocol.handlers.length;
      const client = await dial();
      client.setNoDelay();
      // Two writes may arrive as one chunk; detection.test.ts cuts for certain, this one is the way through a socket.
      if (cut > 0) client.write(text.slice(0, cut));
      client.write(text.slice(cut));
      await until(() => protocol.handlers.length === before + 1);
      await until(() => protocol.handlers.at(-1)!.received.toString() === text);
    }
  }
});

it('destroys a client that no protocol of the port claims, and counts it', async () => {
  const { dial, connections } = await scene([new RecordingProtocol('a', 'AAAA'), new RecordingProtocol('b', 'BBBB')]);
  const client = await dial();
  client.write('GET / HTTP/1.1\r\n');
  await once(client, 'close');
  expect(connections.stats.unrecognised).toBe(1);
});

it('destroys a client that says nothing for 10 s', async () => {
  const { dial, connections, clock } = await scene([new RecordingProtocol('a', 'A'), new RecordingProtocol('b', 'B')]);
  const client = await dial();
  await until(() => connections.size === 1);
  clock.advance(DETECT_TIMEOUT_MS - 1_000);
  expect(connections.size).toBe(1);
  clock.advance(2_000);
  await once(client, 'close');
  expect(connections.size).toBe(0);
});

it('turns clients away past its limit, and lets them in again when there is room', async () => {
  const protocol = new RecordingProtocol();
  const { dial, connections } = await scene([protocol], 2);
  const first = await dial();
  await dial();
  await until(() => connections.size === 2);
  await once(await dial(), 'close');
  expect(connections.stats.refused).toBe(1);
  first.destroy();
  await until(() => connections.size === 1);
  await dial();
  await until(() => connections.size === 2);
  expect(protocol.handlers.length).toBe(3);
});

it('logs at once that clients are turned away, and then one line in ten seconds with their number, however they churn', async () => {
  const lines: unknown[] = [];
  const logger: Logger = { ...NO_LOGGER, warn: (fields, text) => void lines.push({ ...fields, text }) };
  const { clock, connections, dial } = await scene([new RecordingProtocol()], 1, logger);
  const text = 'connections are refused: too many are open';
  for (let round = 0; round < 3; round++) {
    const inside = await dial();
    await until(() => connections.size === 1);
    await once(await dial(), 'close');
    await once(await dial(), 'close');
    inside.destroy();
    await until(() => connections.size === 0);
  }
  expect(lines).toEqual([{ limit: 1, refused: 1, text }]);
  clock.advance(REFUSALS_LOGGED_MS + 100);
  expect(lines.splice(0)).toEqual([
    { limit: 1, refused: 1, text },
    { limit: 1, refused: 5, text },
  ]);
  // Nobody was turned away in these ten seconds; then the next one is told of at once again.
  clock.advance(REFUSALS_LOGGED_MS + 100);
  await dial();
  await until(() => connections.size === 1);
  expect(lines).toEqual([]);
  await once(await dial(), 'close');
  expect(lines).toEqual([{ limit: 1, refused: 1, text }]);
});

it('tells every client when the broker stops, and waits for them', async () => {
  const protocol = new RecordingProtocol();
  const { dial, connections } = await scene([protocol]);
  const clients = [await dial(), await dial()];
  await until(() => connections.size === 2);
  await Promise.all([connections.close('for a test'), ...clients.map((client) => once(client, 'close'))]);
  expect(connections.size).toBe(0);
  expect(protocol.handlers.map((h) => h.shutdowns)).toEqual([['for a test'], ['for a test']]);
  expect(protocol.handlers.map((h) => h.closes)).toEqual([1, 1]);
  expect(connections.hasRoom()).toBe(false);
});

it('destroys clients that do not take leave within the grace', async () => {
  const protocol = new RecordingProtocol();
  protocol.onAccept = (handler) => {
    handler.onShutdown = () => {};
  };
  const { dial, connections, clock } = await scene([protocol]);
  await dial();
  await until(() => connections.size === 1);
  const closed = connections.close('for a test');
  clock.advance(CLOSE_GRACE_MS - 100);
  expect(connections.size).toBe(1);
  clock.advance(200);
  await closed;
  expect(protocol.handlers[0]!.closes).toBe(1);
});
