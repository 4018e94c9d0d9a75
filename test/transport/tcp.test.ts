import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { NO_LOGGER } from '../../src/logger.ts';
import { PinnedMemory } from '../../src/message/pinned-memory.ts';
import { END_GRACE_MS } from '../../src/transport/carrier.ts';
import { Connections } from '../../src/transport/connections.ts';
import { Listener } from '../../src/transport/listener.ts';
import { WRITE_BUFFER_BYTES } from '../../src/transport/output.ts';
import { READ_A_TURN_BYTES, TcpTransport, tcpServer } from '../../src/transport/tcp.ts';
import { type RecordingHandler, RecordingProtocol, turningBroker } from '../support/recording.ts';
import { until } from '../support/until.ts';

let clock: ManualClock;
let protocol: RecordingProtocol;
let connections: Connections;
let listener: Listener;
const clients: Socket[] = [];
const errors: object[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  protocol = new RecordingProtocol();
  const logger = { ...NO_LOGGER, error: (fields: object) => void errors.push(fields) };
  connections = new Connections(turningBroker(clock, logger), logger);
  listener = await Listener.open({
    name: 'recording',
    host: '127.0.0.1',
    port: 0,
    createServer: () =>
      tcpServer((socket) => connections.admit(new TcpTransport(connections.services, socket), [protocol])),
  });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  errors.length = 0;
  const stopped = listener.stop();
  clock.advance(0);
  await until(() => connections.size === 0, 'all connections gone');
  await stopped;
});

async function dial(allowHalfOpen = false): Promise<{ client: Socket; handler: RecordingHandler }> {
  const before = protocol.handlers.length;
  const client = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen });
  client.on('error', () => {});
  clients.push(client);
  await once(client, 'connect');
  await until(() => protocol.handlers.length > before, 'the connection accepted');
  return { client, handler: protocol.handlers.at(-1)! };
}

function collect(client: Socket): { bytes(): Buffer; ended: boolean } {
  const chunks: Buffer[] = [];
  const state = { bytes: () => Buffer.concat(chunks), ended: false };
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  client.on('end', () => {
    state.ended = true;
  });
  return state;
}

describe('a TCP transport', () => {
  it('knows both ends and that the client is on this machine', async () => {
    const { client, handler } = await dial();
    expect(handler.transport.remote).toEqual({ address: '127.0.0.1', port: client.localPort });
    expect(handler.transport.local).toEqual({ address: '127.0.0.1', port: listener.port });
    expect(handler.transport.loopback).toBe(true);
    expect(handler.transport.secure).toBe(false);
  });

  it("hands on the client's bytes in order, each once", async () => {
    const { client, handler } = await dial();
    const sent = Buffer.alloc(300_000, 'abcdefghijk');
    client.write(sent);
    await until(() => handler.received.length === sent.length);
    expect(handler.received.equals(sent)).toBe(true);
  });

  it('sends what one turn wrote, over several buffers, in order', async () => {
    const { client, handler } = await dial();
    const got = collect(client);
    const body = Buffer.alloc(WRITE_BUFFER_BYTES * 3 + 17);
    for (let i = 0; i < body.length; i++) body[i] = i % 251;
    handler.transport.output.appendAscii('head');
    handler.transport.output.append(body);
    await until(() => got.bytes().length === body.length + 4);
    expect(got.bytes().subarray(4).equals(body)).toBe(true);
  });

  it('is congested while the client does not read, and tells once when that is over', async () => {
    const { client, handler } = await dial();
    client.pause();
    const { output } = handler.transport;
    const piece = Buffer.alloc(256 * 1024, 'x');
    let sentBytes = 0;
    while (!output.congested) {
      output.append(piece);
      output.flush();
      sentBytes += piece.length;
      expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
    }
    expect(output.pendingBytes).toBeGreaterThan(512 * 1024);
    expect(handler.drains).toBe(0);
    const got = collect(client);
    client.resume();
    await until(() => got.bytes().length === sentBytes);
    await until(() => handler.drains === 1, 'the handler told that the output has drained');
    expect(output.congested).toBe(false);
  });

  it('has a body that it writes from where it lies pinned until the client has read it, or is gone', async () => {
    for (const goesAway of [false, true]) {
      const { client, handler } = await dial();
      client.pause();
      const { output } = handler.transport;
      const body = Buffer.alloc(1024 * 1024, 'y');
      const memory = new PinnedMemory(body.length, true);
      let sentBytes = 0;
      while (!output.congested) {
        output.appendBody(body, 0, body.length, { pinned: () => memory });
        output.flush();
        sentBytes += body.length;
        expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
      }
      expect(memory.isPinned).toBe(true);
      if (goesAway) client.resetAndDestroy();
      else {
        const got = collect(client);
        client.resume();
        await until(() => got.bytes().length === sentBytes);
        expect(got.bytes().every((byte) => byte === 'y'.charCodeAt(0))).toBe(true);
      }
      await until(() => !memory.isPinned, 'the body let go');
    }
    expect(PinnedMemory.bytes).toBe(0);
  });

  it('holds back the client while paused, and loses nothing', async () => {
    const { client, handler } = await dial();
    handler.onData = () => handler.transport.pause();
    client.write('first');
    await until(() => handler.chunks.length === 1);
    client.write('second');
    // Another client's bytes, sent later, have arrived: these would have as well.
    const other = await dial();
    other.client.write('x');
    await until(() => other.handler.chunks.length === 1);
    expect(handler.chunks.length).toBe(1);
    handler.onData = () => {};
    handler.transport.resume();
    await until(() => handler.received.toString() === 'firstsecond');
  });

  it('sends what a client that has stopped sending is owed, then ends, and tells the handler once', async () => {
    const { client, handler } = await dial(true);
    const got = collect(client);
    handler.onData = () => handler.transport.output.appendAscii('the answer');
    client.end('a question');
    await until(() => got.ended, 'the broker ended too');
    expect(got.bytes().toString()).toBe('the answer');
    await until(() => connections.size === 0);
    expect(handler.closes).toBe(1);
  });

  it('flushes on end, and hands nothing on after it', async () => {
    const { client, handler } = await dial(true);
    const got = collect(client);
    handler.transport.output.appendAscii('goodbye');
    handler.transport.end();
    client.write('too late');
    await until(() => got.ended);
    expect(got.bytes().toString()).toBe('goodbye');
    client.end();
    await until(() => connections.size === 0);
    expect(handler.chunks).toEqual([]);
    expect(handler.closes).toBe(1);
  });

  it('destroys a client that does not close its side within the grace', async () => {
    const { client, handler } = await dial(true);
    const got = collect(client);
    handler.transport.end();
    await until(() => got.ended);
    clock.advance(END_GRACE_MS - 100);
    expect(connections.size).toBe(1);
    clock.advance(200);
    await until(() => connections.size === 0, 'the connection destroyed');
    expect(handler.closes).toBe(1);
  });

  it('survives a client that resets the connection while it is written to', async () => {
    const { client, handler } = await dial();
    client.resetAndDestroy();
    for (let i = 0; i < 10; i++) {
      handler.transport.output.append(Buffer.alloc(100_000));
      handler.transport.output.flush();
    }
    await until(() => connections.size === 0);
    expect(handler.closes).toBe(1);
    handler.transport.output.appendAscii('into the void');
    handler.transport.output.flush();
    handler.transport.end();
    handler.transport.destroy();
    expect(handler.closes).toBe(1);
  });

  it('pays for a defect of an adapter with that one connection, and logs it', async () => {
    const healthy = await dial();
    const broken = await dial();
    broken.handler.onData = () => {
      throw new Error('a defect');
    };
    broken.client.write('x');
    await until(() => broken.handler.closes === 1);
    expect(errors.length).toBe(1);
    healthy.client.write('still here');
    await until(() => healthy.handler.received.toString() === 'still here');
  });

  it('reads a bounded piece of what one client sends in a turn, and all of it in the end', async () => {
    const { client, handler } = await dial();
    const { turn } = connections.services;
    const byTurn = new Map<number, number>();
    let total = 0;
    handler.onData = (chunk) => {
      total += chunk.length;
      byTurn.set(turn.number, (byTurn.get(turn.number) ?? 0) + chunk.length);
    };
    const sent = 8 * 1024 * 1024;
    client.write(Buffer.alloc(sent, 1));
    await until(() => total === sent, 'all of it read');
    expect(Math.max(...byTurn.values())).toBeLessThan(READ_A_TURN_BYTES + 64 * 1024);
  });

  it('reads more at a time while a client sends something large, and as before a few reads after', async () => {
    const { client, handler } = await dial();
    const { turn } = connections.services;
    const byTurn = new Map<number, number>();
    let lengths: number[] = [];
    handler.onData = ({ length }) => {
      lengths.push(length);
      byTurn.set(turn.number, (byTurn.get(turn.number) ?? 0) + length);
    };
    const send = async (bytes: number): Promise<number> => {
      lengths = [];
      client.write(Buffer.alloc(bytes, 1));
      await until(() => lengths.reduce((sum, n) => sum + n, 0) === bytes, 'all of it read');
      return Math.max(...lengths);
    };
    const short = await send(8 * 1024 * 1024);
    handler.midBody = true;
    expect(await send(8 * 1024 * 1024)).toBeGreaterThan(short);
    handler.midBody = false;
    handler.heldBytes = 2000;
    expect(await send(8 * 1024 * 1024)).toBeGreaterThan(short);
    handler.heldBytes = 0;
    for (let n = 0; n < 20; n++) await send(1);
    expect(await send(8 * 1024 * 1024)).toBe(short);
    expect(Math.max(...byTurn.values())).toBeLessThan(2 * READ_A_TURN_BYTES);
  });

  it('stays paused over a turn when its handler wants nothing', async () => {
    const { client, handler } = await dial();
    let total = 0;
    handler.onData = (chunk) => {
      total += chunk.length;
      if (total > READ_A_TURN_BYTES / 2) handler.transport.pause();
    };
    client.write(Buffer.alloc(4 * READ_A_TURN_BYTES, 1));
    await until(() => total > READ_A_TURN_BYTES / 2, 'something read');
    const before = total;
    for (let n = 0; n < 50; n++) await nextTurn();
    expect(total).toBe(before);
    handler.onData = (chunk) => {
      total += chunk.length;
    };
    handler.transport.resume();
    await until(() => total === 4 * READ_A_TURN_BYTES, 'all of it read');
  });
});
