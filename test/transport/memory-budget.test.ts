/** What clients may make the broker keep for them, all of them together; through every door. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import amqplib from 'amqplib';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Turn } from '../../src/clock/turn.ts';
import { MemoryAccount, MemoryBudget, UNAUTHENTICATED_BYTES_MAX } from '../../src/transport/memory-budget.ts';
import { frame, GREETING, header, method, OPEN, publish, START_OK, short, TUNE_OK } from '../protocols/amqp/wire.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

describe('the sum', () => {
  function stage(bytesMax: number) {
    const turn = new Turn();
    const budget = new MemoryBudget(turn, bytesMax);
    const gone: string[] = [];
    const holder = (name: string, authenticated = true) => {
      const state = { bytes: 0 };
      class Account extends MemoryAccount {
        readonly authenticated = authenticated;
        protected measure(): number {
          return state.bytes;
        }
        evict(): void {
          gone.push(name);
        }
      }
      const account = new Account(budget);
      return {
        account,
        hold(bytes: number) {
          state.bytes = bytes;
          account.set(bytes);
        },
        shrink(bytes: number) {
          state.bytes = bytes;
        },
      };
    };
    return { turn, budget, gone, holder };
  }

  it('is kept within its bound at the end of the turn, at the cost of who holds most', () => {
    const { turn, budget, gone, holder } = stage(1_000);
    const [a, b, c] = [holder('a'), holder('b'), holder('c')];
    a.hold(300);
    b.hold(500);
    c.hold(200);
    turn.end();
    expect(gone).toEqual([]);
    c.hold(201);
    expect(gone).toEqual([]); // not from within its own call
    turn.end();
    expect(gone).toEqual(['b']);
    expect(budget.bytes).toBe(501);
    expect(budget.evicted).toBe(1);
    b.hold(700); // too late
    expect(budget.bytes).toBe(501);
    a.account.close();
    expect(budget.bytes).toBe(201);
  });

  it('asks again before anybody has to go', () => {
    const { turn, budget, gone, holder } = stage(1_000);
    const [a, b] = [holder('a'), holder('b')];
    a.hold(900);
    a.shrink(10);
    b.hold(500);
    turn.end();
    expect(gone).toEqual([]);
    expect(budget.bytes).toBe(510);
  });

  it('lets those go first that have not been let in, and one of them that holds much at once', () => {
    const { turn, gone, holder } = stage(10 * MIB);
    const known = holder('known');
    known.hold(9.8 * MIB);
    const unknown = ['x', 'y'].map((name) => holder(name, false));
    unknown[0]!.hold(UNAUTHENTICATED_BYTES_MAX - 1);
    turn.end();
    expect(gone).toEqual(['x']);
    unknown[1]!.hold(UNAUTHENTICATED_BYTES_MAX + 1);
    turn.end();
    expect(gone).toEqual(['x', 'y']);
  });
});

let broker: TestBroker | undefined;
const sockets: Socket[] = [];
const webs: WebSocket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const web of webs.splice(0)) web.terminate();
  await broker?.close();
});

async function start(unfinishedSizeMax: number): Promise<TestBroker> {
  broker = await startTestBroker({ connections: { unfinishedSizeMax } });
  return broker;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${broker!.ports.http}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)![1]);
}

const MQTT_CONNECT = Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, 0, 0, 0]);

/** Writes as fast as it is taken, until it has all been, or the socket has gone. */
async function pour(socket: Socket, bytes: number): Promise<void> {
  const piece = Buffer.alloc(256 * 1024, 0x78);
  for (let left = bytes; left > 0 && !socket.destroyed; left -= piece.length) {
    if (!socket.write(left < piece.length ? piece.subarray(0, left) : piece)) {
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
  }
}

/** The raw socket under a WebSocket client, to write frames to by hand. */
function raw(web: WebSocket): Socket {
  return (web as unknown as { _socket: Socket })._socket;
}

async function webClient(protocol = 'mqtt'): Promise<WebSocket> {
  const web = new WebSocket(`ws://127.0.0.1:${broker!.ports.ws}/ws`, [protocol]);
  web.on('error', () => {});
  webs.push(web);
  await once(web, 'open');
  return web;
}

it('twenty WebSocket clients with a message of 110 MiB that never ends share the bound; who asks for little is served', async () => {
  await start(48 * MIB);
  const closed: number[] = [];
  const pouring: Promise<void>[] = [];
  for (let n = 0; n < 20; n++) {
    const web = await webClient();
    web.on('close', (code) => closed.push(code));
    web.send(MQTT_CONNECT);
    await once(web, 'message');
    const header = Buffer.alloc(14);
    header[0] = 0x82;
    header[1] = 0xff;
    header.writeUInt32BE(110 * MIB, 6);
    raw(web).write(header);
    pouring.push(pour(raw(web), 12 * MIB));
  }
  await Promise.all(pouring);
  await until(() => closed.length >= 16, 'most of them are closed');
  // Whatever is more than the bound is gone by the next turn.
  while ((await metric('entrepot_connections_unfinished_bytes')) > 48 * MIB);
  expect(await metric('entrepot_connections_unfinished_limit_bytes')).toBe(48 * MIB);
  expect(await metric('entrepot_connections_unfinished_refused_total')).toBeGreaterThanOrEqual(16);
  const small = await webClient();
  small.send(MQTT_CONNECT);
  expect((await once(small, 'message'))[0][0]).toBe(0x20);
});

it('a WebSocket client that has not been let in gets no more than little, also after a first message', async () => {
  await start(256 * MIB);
  const web = new WebSocket(`ws://127.0.0.1:${broker!.ports.ws}/ws`, ['v12.stomp']);
  web.on('error', () => {});
  webs.push(web);
  await once(web, 'open');
  web.send('\n');
  const header = Buffer.alloc(14);
  header[0] = 0x81;
  header[1] = 0xff;
  header.writeUInt32BE(100 * MIB, 6);
  raw(web).write(header);
  const gone = once(web, 'close');
  await pour(raw(web), 3 * MIB);
  await gone;
  await until(() => broker!.connections === 0);
  expect(await metric('entrepot_connections_unfinished_bytes')).toBe(0);
  expect(await metric('entrepot_connections_unfinished_refused_total')).toBe(1);
});

it.each(['mqtt', 'v12.stomp'])(
  '%s: a first message that is too large is counted and told of once, and as such',
  async (protocol) => {
    const told: unknown[] = [];
    const quiet = () => {};
    const warn = (fields: { reason?: unknown }) => void told.push(fields.reason);
    broker = await startTestBroker({ logger: { debug: quiet, info: quiet, warn, error: quiet } });
    const web = await webClient(protocol);
    const header = Buffer.alloc(14);
    header[0] = 0x82;
    header[1] = 0xff;
    header.writeUInt32BE(100 * MIB, 6);
    raw(web).write(header);
    const gone = once(web, 'close');
    await pour(raw(web), 8 * MIB).catch(() => {}); // ended in the middle
    await gone;
    await until(() => broker!.connections === 0);
    expect(await metric('entrepot_connections_unfinished_refused_total')).toBe(1);
    expect(told).toEqual(['a first message that is too large']);
  },
);

it.each([
  ['mqtt', Buffer.from([0x10, 0xff, 0xff, 0x3f])],
  ['stomp', Buffer.from('SEND\ndestination:/queue/q\n\n')],
] as const)('%s: one that has not been let in gets no more than little over TCP either', async (protocol, first) => {
  await start(256 * MIB);
  const socket = connect(broker!.ports[protocol], '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.resume();
  const gone = once(socket, 'close');
  socket.write(first);
  await pour(socket, 900_000);
  await gone;
  expect(await metric('entrepot_connections_unfinished_refused_total')).toBe(1);
});

it('contents that are begun on many channels, and transactions, are in the sum: 506 ends who holds most', async () => {
  await start(4 * MIB);
  const port = broker!.ports.amqp;
  const other = await amqplib.connect(`amqp://127.0.0.1:${port}`);
  for (const transactional of [false, true]) {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.write(Buffer.concat([GREETING, START_OK, TUNE_OK, OPEN]));
    const half = Buffer.alloc(50_000, 'x');
    for (let channel = 1; channel <= 200; channel++) {
      socket.write(method(channel, 20, 10, short('')));
      if (transactional) socket.write(method(channel, 90, 10));
      // A whole message where it waits for a commit, half of one where it does not.
      socket.write(Buffer.concat([publish(channel, '', 'nobody'), header(channel, transactional ? 50_000 : 100_000)]));
      socket.write(frame(3, channel, half));
    }
    await until(() => text.includes('RESOURCE_ERROR'));
    expect(text).toContain('RESOURCE_ERROR - more is unfinished than there is memory for');
    socket.destroy();
  }
  const channel = await other.createChannel();
  expect((await channel.assertQueue('', { exclusive: true })).queue).not.toBe('');
  expect(await metric('entrepot_connections_unfinished_bytes')).toBe(0);
  expect(await metric('entrepot_connections_unfinished_refused_total')).toBe(2);
  await other.close();
});

it('a frame without an end and an open transaction are in the sum: an ERROR says so', async () => {
  await start(4 * MIB);
  const socket = connect(broker!.ports.stomp, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.write('CONNECT\naccept-version:1.2\nhost:/\n\n\0');
  await until(() => text.includes('CONNECTED'));
  socket.write('BEGIN\ntransaction:t\n\n\0');
  const send = Buffer.concat([
    Buffer.from('SEND\ndestination:/queue/q\ntransaction:t\ncontent-length:100000\n\n'),
    Buffer.alloc(100_000, 'x'),
    Buffer.from([0]),
  ]);
  for (let n = 0; n < 60; n++) socket.write(send);
  await until(() => text.includes('ERROR'));
  expect(text).toContain('unfinished');
  await until(() => broker!.connections === 0);
});

it('a client that reads nothing is closed when all that wait to be read are too many', async () => {
  const told: unknown[] = [];
  const quiet = () => {};
  const warn = (fields: { reason?: unknown }) => void told.push(fields.reason);
  broker = await startTestBroker({
    connections: { unsentSizeMax: MIB },
    logger: { debug: quiet, info: quiet, warn, error: quiet },
  });
  for (let n = 0; n < 4; n++) {
    const slow = connect(broker.ports.mqtt, '127.0.0.1');
    slow.on('error', () => {});
    sockets.push(slow);
    slow.write(MQTT_CONNECT);
    await once(slow, 'data');
    slow.pause();
    slow.write(Buffer.from([0x82, 7, 0, 1, 0, 0, 1, 0x23, 0]));
  }
  const publisher = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  const channel = await publisher.createConfirmChannel();
  const body = Buffer.alloc(100_000, 'x');
  let n = 0;
  while (broker.connections > 4 && n++ < 2_000) {
    channel.publish('amq.topic', 't', body, { deliveryMode: 1 });
    if (n % 20 === 0) await channel.waitForConfirms();
  }
  expect(broker.connections).toBeLessThanOrEqual(4);
  expect(await metric('entrepot_connections_unsent_refused_total')).toBeGreaterThan(0);
  expect(told).toContain('it does not read, and more waits to be read than there is memory for');
  expect(await metric('entrepot_connections_unsent_bytes')).toBeLessThanOrEqual(MIB);
  await publisher.close();
});
