/** What is handed on, and when, as an adapter pauses and goes on in the middle of what one chunk has brought. */
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, Socket } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { WebSocketTransport } from '../../../protocols/websocket/connection/transport.ts';
import { NO_LOGGER } from '../../../src/logger.ts';
import { Connections } from '../../../src/transport/connections.ts';
import { peerOf } from '../../../src/transport/peer.ts';
import { RecordingHandler, RecordingProtocol, turningBroker } from '../../support/recording.ts';
import { until } from '../../support/until.ts';

/** As much of a WebSocket as the transport uses; messages come when the test says so. */
class Script extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  reading = true;

  pause(): void {
    this.reading = false;
  }

  resume(): void {
    this.reading = true;
  }

  terminate(): void {
    this.emit('close');
  }

  comes(text: string): void {
    this.emit('message', Buffer.from(text), true);
  }
}

function stage() {
  const script = new Script();
  const connections = new Connections(turningBroker(), NO_LOGGER);
  const socket = new Socket();
  const web = script as unknown as WebSocket;
  const transport = new WebSocketTransport(connections.services, web, socket, 'binary', peerOf(socket));
  const handler = new RecordingHandler(transport);
  transport.attach(handler);
  const { unfinished } = connections.services;
  return { script, socket, transport, handler, unfinished, heard: () => handler.chunks.map(String) };
}

const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

it('a message that comes after reading was resumed waits behind those that came before', async () => {
  const { script, transport, handler, heard } = stage();
  handler.onData = (chunk) => {
    if (String(chunk) === '1') transport.pause();
  };
  for (const text of ['1', '2', '3']) script.comes(text);
  expect(heard()).toEqual(['1']);
  transport.resume();
  expect(script.reading).toBe(false);
  script.comes('4'); // of the same chunk
  expect(heard()).toEqual(['1']); // not from inside resume, and not past the others
  await nextTick();
  expect(heard()).toEqual(['1', '2', '3', '4']);
  expect(script.reading).toBe(true);
});

it('an adapter that pauses again gets nothing more, and the socket is not read before all has been handed on', async () => {
  const { script, transport, handler, heard } = stage();
  handler.onData = () => transport.pause();
  for (const text of ['1', '2', '3']) script.comes(text);
  for (const expected of [['1'], ['1', '2'], ['1', '2', '3']]) {
    expect(heard()).toEqual(expected);
    expect(script.reading).toBe(false);
    transport.resume();
    await nextTick();
  }
  expect(heard()).toEqual(['1', '2', '3']);
  expect(script.reading).toBe(true);
});

it('what waits when the connection ends is not handed on', async () => {
  const { script, transport, handler, heard } = stage();
  handler.onData = () => transport.pause();
  for (const text of ['1', '2']) script.comes(text);
  transport.resume();
  transport.destroy();
  await nextTick();
  expect(heard()).toEqual(['1']);
  expect(handler.closes).toBe(1);
});

it('a message that comes a byte at a time, or in tiny fragments, counts for what it takes to keep them', () => {
  const { script, socket, unfinished } = stage();
  script.comes('first');
  for (let n = 0; n < 1_000; n++) socket.emit('data', Buffer.from('x'));
  expect(unfinished.bytes).toBeGreaterThan(200_000);
  script.comes('x'.repeat(1_000));
  expect(unfinished.bytes).toBe(0);
  Object.assign(script, { _receiver: { _fragments: new Array(10_000) } });
  socket.emit('data', Buffer.alloc(70_000));
  expect(unfinished.bytes).toBeGreaterThan(1_000_000);
});

it('what is written leaves with its turn, also where it cannot be told how long its last packet is', () => {
  const { transport, socket } = stage();
  const frames: Buffer[] = [];
  socket.write = (bytes: unknown) => frames.push(bytes as Buffer) > 0;
  const framing = { extent: (bytes: Buffer, at: number) => (bytes[at] === 0x23 ? 2 : 0), bytesOnly: true };
  transport.assignProtocol(Object.assign(new RecordingProtocol(), { framing }));
  transport.writeAll([Buffer.from('#1#2?'), Buffer.from('!')]);
  // A frame each for the packets that are known, and one for the rest of both buffers.
  expect(Buffer.concat(frames).toString('latin1')).toBe('\x82\x02#1\x82\x02#2\x82\x02?!');
});

it('the fragments that the library keeps are where they are looked for', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [accepted] = (await once(server, 'connection')) as [WebSocket];
  await once(client, 'open');
  const gathered = (): unknown[] =>
    (accepted as unknown as { _receiver: { _fragments: unknown[] } })._receiver._fragments;
  expect(gathered()).toEqual([]);
  for (const piece of ['a', 'b', 'c']) client.send(piece, { fin: false });
  await until(() => gathered().length === 3);
  client.terminate();
  server.close();
});
