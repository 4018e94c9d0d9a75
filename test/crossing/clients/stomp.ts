/** STOMP's frames, and a connection that publishes and takes one message after the other. */
import type { TestBroker } from '../../support/broker.ts';
import { addTo, bytes, type Said, type Seen } from './said.ts';

export const stompEscape = (text: string): string =>
  text.replace(/[\\\n\r:]/g, (c) => (c === '\n' ? '\\n' : c === '\r' ? '\\r' : c === ':' ? '\\c' : '\\\\'));
const unescaped = (text: string): string =>
  text.replace(/\\[nrc\\]/g, (pair) => ({ n: '\n', r: '\r', c: ':' })[pair[1]!] ?? '\\');

/** A frame's bytes. */
export function stompFrame(command: string, said: Said, text = ''): Buffer {
  const lines = Object.entries(said).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as string[]) : [value as string]).map(
      (one) => `${stompEscape(name)}:${stompEscape(one)}\n`,
    ),
  );
  return bytes(`${command}\n${lines.join('')}\n${text}\0`);
}

/** What the broker itself says on a MESSAGE. */
const HOP = new Set(['destination', 'message-id', 'subscription', 'ack', 'redelivered', 'content-length']);

export class Stomp {
  private rest = '';
  private readonly frames: string[] = [];
  private wake: () => void = () => {};
  private ids = 0;
  private readonly socket: import('node:net').Socket;

  private constructor(socket: import('node:net').Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.rest += chunk.latin1Slice();
      for (let end = this.rest.indexOf('\0'); end >= 0; end = this.rest.indexOf('\0')) {
        this.frames.push(this.rest.slice(0, end).replace(/^\n+/, ''));
        this.rest = this.rest.slice(end + 1);
      }
      this.wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => this.wake());
  }

  static async open(broker: TestBroker): Promise<Stomp> {
    const { connect } = await import('node:net');
    const socket = connect(broker.ports.stomp, '127.0.0.1');
    const stomp = new Stomp(socket);
    stomp.send('CONNECT', { 'accept-version': '1.2', host: '/', login: 'guest', passcode: 'guest' });
    await stomp.frame('CONNECTED');
    return stomp;
  }

  send(command: string, said: Said, text = ''): void {
    this.socket.write(stompFrame(command, said, text));
  }

  /** Sends with a receipt, and waits for it. */
  async sure(command: string, said: Said, text = ''): Promise<void> {
    this.send(command, { ...said, receipt: `r${++this.ids}` }, text);
    await this.frame('RECEIPT');
  }

  subscribe(destination: string, more: Said = {}): Promise<void> {
    return this.sure('SUBSCRIBE', { id: `s${++this.ids}`, destination, ...more });
  }

  /** The next frame of that command: its headers and its body. */
  async frame(command: string): Promise<{ headers: [string, string][]; body: string }> {
    const at = (): number => this.frames.findIndex((f) => f.startsWith(`${command}\n`) || f.startsWith('ERROR\n'));
    const until = performance.now() + 10_000;
    while (at() < 0) {
      if (this.socket.destroyed || performance.now() > until) throw new Error(`no ${command} came`);
      await new Promise<void>((done) => {
        this.wake = done;
        setTimeout(done, 1_000).unref();
      });
    }
    const [frame] = this.frames.splice(at(), 1);
    if (!frame!.startsWith(`${command}\n`)) throw new Error(`${command} was expected, and this came: ${frame}`);
    const [head, ...text] = frame!.split('\n\n');
    const headers = head!
      .split('\n')
      .slice(1)
      .map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [unescaped(line.slice(0, colon)), unescaped(line.slice(colon + 1))];
      });
    return { headers, body: text.join('\n\n') };
  }

  async message(): Promise<Seen> {
    const { headers, body: text } = await this.frame('MESSAGE');
    const seen: Record<string, string | string[]> = {};
    for (const [name, value] of headers) if (!HOP.has(name)) addTo(seen, name, value);
    return { address: headers.find(([name]) => name === 'destination')![1], body: text, properties: seen };
  }

  close(): void {
    this.socket.destroy();
  }
}
