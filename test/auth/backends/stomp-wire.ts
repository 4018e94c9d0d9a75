/** A STOMP client that writes frames as they are, and reads them. */
import { connect, type Socket } from 'node:net';
import { until } from '../../support/until.ts';

export interface StompWire {
  send(command: string, headers?: Readonly<Record<string, string>>, body?: string): void;
  /** The next frame, its command and what is in it. */
  frame(): Promise<string>;
  /** The connection has ended. */
  readonly ended: boolean;
  close(): void;
}

export async function stompWire(port: number, headers: Readonly<Record<string, string>>): Promise<StompWire> {
  const socket: Socket = connect(port, '127.0.0.1');
  const state = { text: '', ended: false };
  socket.on('data', (chunk) => {
    state.text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    state.ended = true;
  });
  const send: StompWire['send'] = (command, more = {}, body = '') => {
    const lines = Object.entries(more).map(([name, value]) => `${name}:${value}\n`);
    socket.write(`${command}\n${lines.join('')}\n${body}\0`);
  };
  await new Promise((done) => socket.once('connect', done));
  send('CONNECT', { 'accept-version': '1.2', host: '/', ...headers });
  return {
    send,
    get ended() {
      return state.ended;
    },
    async frame() {
      await until(() => state.text.includes('\0'), 'a frame');
      const end = state.text.indexOf('\0');
      const frame = state.text.slice(0, end).trimStart();
      state.text = state.text.slice(end + 1);
      return frame;
    },
    close: () => socket.destroy(),
  };
}
