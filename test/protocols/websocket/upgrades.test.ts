import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { IDLE_CHECK_MS } from '../../../protocols/websocket/connection/transport.ts';
import { WebSocketUpgrades } from '../../../protocols/websocket/index.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { NO_LOGGER } from '../../../src/logger.ts';
import { Connections } from '../../../src/transport/connections.ts';
import { Listener } from '../../../src/transport/listener.ts';
import { UNAUTHENTICATED_BYTES_MAX } from '../../../src/transport/memory-budget.ts';
import { WRITE_BUFFER_BYTES } from '../../../src/transport/output.ts';
import { type RecordingHandler, RecordingProtocol, turningBroker } from '../../support/recording.ts';
import { until } from '../../support/until.ts';

const MESSAGE_SIZE_MAX = 1024 * 1024;
let clock: ManualClock;
let binary: RecordingProtocol;
let text: RecordingProtocol;
let connections: Connections;
let listener: Listener;
const clients: WebSocket[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  binary = new RecordingProtocol('binary', 'BIN');
  text = new RecordingProtocol('text', 'TXT');
  connections = new Connections(turningBroker(clock), NO_LOGGER, 100);
  const gate = new WebSocketUpgrades({
    connections,
    subProtocols: [
      { name: 'bin', protocol: binary, kind: 'binary' },
      { name: 'v2.txt', protocol: text, kind: 'text' },
      { name: 'v1.txt', protocol: text, kind: 'text' },
    ],
    paths: new Map([
      ['/', [binary, text]],
      ['/text', [text]],
    ]),
    messageSizeMax: MESSAGE_SIZE_MAX,
  });
  listener = await Listener.open({ name: 'ws', host: '127.0.0.1', port: 0, createServer: () => gate.createServer() });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await until(() => connections.size === 0, 'all connections gone');
  await listener.stop();
});

function open(subProtocols: string[], path = '/', options: ClientOptions = {}): WebSocket {
  const client = new WebSocket(`ws://127.0.0.1:${listener.port}${path}`, subProtocols, options);
  clients.push(client);
  return client;
}

async function dial(protocol: RecordingProtocol, subProtocols: string[], path = '/', options: ClientOptions = {}) {
  const before = protocol.handlers.length;
  const client = open(subProtocols, path, options);
  const messages: { data: Buffer; isBinary: boolean }[] = [];
  client.on('message', (data, isBinary) => messages.push({ data: data as Buffer, isBinary }));
  client.on('error', () => {});
  await once(client, 'open');
  await until(() => protocol.handlers.length > before, 'the connection accepted');
  return { client, messages, handler: protocol.handlers.at(-1)! as RecordingHandler };
}

async function refusal(subProtocols: string[], path: string): Promise<number> {
  const client = open(subProtocols, path);
  client.on('error', () => {});
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }];
  return response.statusCode;
}

/** The socket below, for bytes that no client would send. */
const socketOf = (client: WebSocket): Socket => (client as unknown as { _socket: Socket })._socket;

describe('which adapter', () => {
  it("is the sub-protocol's, in the client's order of preference", async () => {
    const { client, handler } = await dial(text, ['unheard.of', 'v1.txt', 'v2.txt']);
    expect(client.protocol).toBe('v1.txt');
    client.send('anything at all');
    await until(() => handler.received.toString() === 'anything at all');
  });

  it("is the path's when no sub-protocol is offered", async () => {
    const { handler } = await dial(text, [], '/text?token=1');
    expect(handler.transport.loopback).toBe(true);
  });

  it('is told by the first bytes where the path leaves it open', async () => {
    for (const [protocol, first] of [
      [binary, 'BIN'],
      [text, 'TXT'],
    ] as const) {
      const client = open([]);
      await once(client, 'open');
      client.send(first.slice(0, 1));
      client.send(`${first.slice(1)} and more`);
      await until(() => protocol.handlers.length === 1 && protocol.handlers[0]!.received.length > 4);
      expect(protocol.handlers[0]!.received.toString()).toBe(`${first} and more`);
    }
  });

  it('is nobody for a sub-protocol or a path that is not served', async () => {
    expect(await refusal(['unheard.of'], '/')).toBe(400);
    expect(await refusal(['bin'], '/elsewhere')).toBe(404);
    expect(connections.size).toBe(0);
  });

  it('is nobody past the limit of connections', async () => {
    const stop = connections.close('for a test');
    expect(await refusal(['bin'], '/')).toBe(503);
    await stop;
  });

  it('answers what is no upgrade with 426', async () => {
    const response = await fetch(`http://127.0.0.1:${listener.port}/`);
    expect(response.status).toBe(426);
    expect(await response.text()).toContain('WebSocket');
  });
});

describe('a byte stream over WebSocket', () => {
  it('does not care for the borders and kinds of incoming messages', async () => {
    const { client, handler } = await dial(binary, ['bin']);
    client.send('text ');
    client.send(Buffer.from('binary '));
    client.send('in ', { fin: false });
    client.send('frag', { fin: false });
    client.send('ments');
    await until(() => handler.received.toString() === 'text binary in fragments');
  });

  it('sends what a turn wrote as one message, over several buffers too', async () => {
    const { messages, handler } = await dial(binary, ['bin']);
    const body = Buffer.alloc(WRITE_BUFFER_BYTES * 2 + 100);
    for (let i = 0; i < body.length; i++) body[i] = i % 253;
    handler.transport.output.appendAscii('head');
    handler.transport.output.append(body);
    await until(() => messages.length === 1);
    expect(messages[0]!.isBinary).toBe(true);
    expect(messages[0]!.data.equals(Buffer.concat([Buffer.from('head'), body]))).toBe(true);
  });

  it('sends text to a text sub-protocol where the bytes are UTF-8, else binary', async () => {
    const { messages, handler } = await dial(text, ['v2.txt']);
    const { output } = handler.transport;
    output.append(Buffer.from('grüße'));
    await until(() => messages.length === 1);
    output.append(Buffer.from([0x66, 0xff]));
    await until(() => messages.length === 2);
    const long = Buffer.from('ü'.repeat(WRITE_BUFFER_BYTES));
    output.appendAscii('x'); // an odd offset: a character lies across two buffers
    output.append(long);
    await until(() => messages.length === 3);
    expect(messages.map((m) => m.isBinary)).toEqual([false, true, false]);
    expect(messages[2]!.data.equals(Buffer.concat([Buffer.from('x'), long]))).toBe(true);
  });

  it('answers in kind where no sub-protocol says which', async () => {
    for (const isText of [true, false]) {
      const { client, messages, handler } = await dial(text, [], '/text');
      client.send(isText ? 'hello' : Buffer.from('hello'));
      await until(() => handler.received.length === 5);
      handler.transport.output.appendAscii('hi');
      await until(() => messages.length === 1);
      expect(messages[0]!.isBinary).toBe(!isText);
    }
  });

  it('hands nothing on while paused, though it came in one chunk, and everything in order after', async () => {
    const { client, handler } = await dial(binary, ['bin']);
    handler.onData = () => {
      if (handler.chunks.length === 1) handler.transport.pause();
    };
    client.send('1');
    client.send('2');
    client.send('3');
    await until(() => handler.chunks.length === 1);
    const other = await dial(binary, ['bin']);
    other.client.send('x');
    await until(() => other.handler.chunks.length === 1);
    expect(handler.chunks.length).toBe(1);
    handler.transport.resume();
    expect(handler.chunks.length).toBe(1); // not from inside resume
    await until(() => handler.received.toString() === '123');
    client.send('4');
    await until(() => handler.received.toString() === '1234');
  });

  it('is congested while the client does not read, and tells when that is over', async () => {
    const { client, messages, handler } = await dial(binary, ['bin']);
    client.pause();
    const { output } = handler.transport;
    let sentBytes = 0;
    while (!output.congested) {
      output.append(Buffer.alloc(256 * 1024, 'x'));
      output.flush();
      sentBytes += 256 * 1024;
      expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
    }
    client.resume();
    await until(() => handler.drains === 1, 'the handler told that the output has drained');
    await until(() => messages.reduce((sum, m) => sum + m.data.length, 0) === sentBytes);
  });

  it('refuses to be made to remember a large first message, and a too large one later (1009)', async () => {
    const eager = await dial(binary, ['bin']);
    eager.client.send(Buffer.alloc(UNAUTHENTICATED_BYTES_MAX + 70_000));
    await once(eager.client, 'close');
    expect(eager.handler.chunks.length).toBe(0);
    await until(() => eager.handler.closes === 1);

    const { client, handler } = await dial(binary, ['bin']);
    client.send('first');
    client.send(Buffer.alloc(MESSAGE_SIZE_MAX));
    await until(() => handler.received.length === MESSAGE_SIZE_MAX + 5);
    client.send(Buffer.alloc(MESSAGE_SIZE_MAX + 1));
    const [code] = (await once(client, 'close')) as [number];
    expect(code).toBe(1009);
    await until(() => handler.closes === 1);
  });

  it('takes no compression on, and ends who compresses all the same (1002) without unpacking anything', async () => {
    const offered: string[] = [];
    const client = open(['bin'], '/', { perMessageDeflate: { threshold: 0 } });
    client.on('upgrade', (response) => offered.push(String(response.headers['sec-websocket-extensions'])));
    await once(client, 'open');
    expect(offered).toEqual(['undefined']);
    expect(client.extensions).toBe('');

    const bomb = deflateRawSync(Buffer.alloc(MESSAGE_SIZE_MAX / 2, 'x'));
    expect(bomb.length).toBeLessThan(1_024);
    const { client: bomber, handler } = await dial(binary, ['bin']);
    const closed = once(bomber, 'close');
    // A whole binary message with RSV1 set, and a mask of zeroes.
    const head = Buffer.from([0xc2, 0xfe, bomb.length >> 8, bomb.length & 255, 0, 0, 0, 0]);
    socketOf(bomber).write(Buffer.concat([head, bomb]));
    expect((await closed)[0]).toBe(1002);
    await until(() => handler.closes === 1);
    expect(handler.chunks).toEqual([]);
  });

  it('closes with 1000 after what was written, and with 1001 when the broker stops', async () => {
    const ended = await dial(binary, ['bin']);
    ended.handler.transport.output.appendAscii('goodbye');
    ended.handler.transport.end();
    expect((await once(ended.client, 'close'))[0]).toBe(1000);
    expect(ended.messages.map((m) => m.data.toString())).toEqual(['goodbye']);
    await until(() => ended.handler.closes === 1);

    const kept = await dial(binary, ['bin']);
    const closed = once(kept.client, 'close');
    await connections.close('for a test');
    expect((await closed)[0]).toBe(1001);
    expect(kept.handler.shutdowns).toEqual(['for a test']);
  });

  it('tells the handler once when the client closes or vanishes', async () => {
    const orderly = await dial(binary, ['bin']);
    orderly.client.close();
    await until(() => orderly.handler.closes === 1);
    const lost = await dial(binary, ['bin']);
    lost.client.terminate();
    await until(() => lost.handler.closes === 1);
    await until(() => connections.size === 0);
    expect([orderly.handler.closes, lost.handler.closes]).toEqual([1, 1]);
  });

  it('pings an idle client, keeps it if it answers, and drops it if it does not', async () => {
    const alive = await dial(binary, ['bin']);
    const dead = await dial(binary, ['bin'], '/', { autoPong: false });
    let pings = 0;
    for (const { client } of [alive, dead]) client.on('ping', () => pings++);
    clock.advance(IDLE_CHECK_MS + 100);
    await until(() => pings === 2);
    // The pong has arrived once bytes sent after it have.
    alive.client.send('x');
    await until(() => alive.handler.chunks.length === 1);
    clock.advance(IDLE_CHECK_MS + 100);
    await until(() => dead.handler.closes === 1, 'the silent client dropped');
    expect(alive.handler.closes).toBe(0);
  });

  it('survives bytes that are no WebSocket frames', async () => {
    const socket = connect(listener.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Protocol: bin\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await once(socket, 'data');
    socket.write(Buffer.alloc(100, 0xff));
    await once(socket, 'close');
    await until(() => binary.handlers[0]!.closes === 1);
    expect(binary.handlers[0]!.chunks).toEqual([]);
  });
});
