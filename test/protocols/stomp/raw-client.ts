/** A STOMP client that is nothing but a socket and a frame reader of its own: tests see and send exactly what they say. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Frame {
  readonly command: string;
  /** As they came, in order, escapes left alone. */
  readonly lines: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** The first header of that name, as it came. */
export function header(frame: Frame, name: string): string | undefined {
  return frame.lines.find(([key]) => key === name)?.[1];
}

/** The headers that a MESSAGE has from its publisher, as they came, in order. */
export const ownHeaders = (frame: Frame): [string, string][] =>
  frame.lines
    .filter(([name]) => !['subscription', 'message-id', 'ack', 'destination', 'content-length'].includes(name))
    .map(([name, value]) => [name, value]);

export class RawClient {
  /** Frames that came and were not asked for yet. */
  readonly frames: Frame[] = [];
  /** The server has closed its side, or the socket. */
  ended = false;
  heartbeats = 0;
  readonly socket: Socket;
  private rest = Buffer.alloc(0);
  private readonly chunks: Buffer[] = [];
  private waiting = 0;
  private receipts = 0;
  /** Before so many bytes are there, looking again is in vain. */
  private needed = 0;
  /** A frame's NUL has come, and the LF that belongs to it has not: that one is no heart-beat. */
  private withinEnd = false;
  private wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.chunks.push(chunk);
      this.waiting += chunk.length;
      if (this.waiting < this.needed) return;
      this.rest = Buffer.concat([this.rest, ...this.chunks]);
      this.chunks.length = 0;
      this.needed = 0;
      while (this.takeFrame());
      this.waiting = this.rest.length;
      this.wake();
    });
    const end = (): void => {
      this.ended = true;
      this.wake();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  static async dial(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Dials and is admitted. */
  static async open(port: number, version = '1.2', more: Record<string, string> = {}): Promise<RawClient> {
    const client = await RawClient.dial(port);
    client.send('CONNECT', { 'accept-version': version, host: '/', ...more });
    await client.next('CONNECTED');
    return client;
  }

  /** Writes a frame; header values are written as they are. `content-length` is up to the caller. */
  send(command: string, headers: Record<string, string> = {}, body: string | Buffer = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.socket.write(Buffer.concat([Buffer.from(`${command}\n${lines.join('')}\n`), Buffer.from(body), Buffer.of(0)]));
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** The next frame, which must be that command. */
  async next(command?: string, withinMs = 5_000): Promise<Frame> {
    await this.until(() => this.frames.length > 0, command ?? 'frame', withinMs);
    const frame = this.frames.shift()!;
    if (command !== undefined && frame.command !== command) throw unwanted(command, frame);
    return frame;
  }

  /** The next frame of that command; others that came before it are left for later. */
  async take(command: string, withinMs = 5_000): Promise<Frame> {
    const isIt = (frame: Frame): boolean => frame.command === command || frame.command === 'ERROR';
    await this.until(() => this.frames.some(isIt), command, withinMs);
    const [frame] = this.frames.splice(this.frames.findIndex(isIt), 1);
    if (frame!.command !== command) throw unwanted(command, frame!);
    return frame!;
  }

  /** Sends a frame with a receipt and takes the receipt, which must be the next one. */
  async confirmed(command: string, headers: Record<string, string> = {}, body: string | Buffer = ''): Promise<void> {
    await this.receipt(command, headers, body);
  }

  /** The same; returns the receipt. */
  async receipt(command: string, headers: Record<string, string> = {}, body: string | Buffer = ''): Promise<Frame> {
    const receipt = `r-${++this.receipts}`;
    this.send(command, { ...headers, receipt }, body);
    const answer = await this.take('RECEIPT');
    if (header(answer, 'receipt-id') !== receipt) throw new Error(`receipt-id is ${header(answer, 'receipt-id')}`);
    return answer;
  }

  /** Sends a frame that must be refused; the server must close after its ERROR. */
  async refused(command: string, headers: Record<string, string> = {}, body: string | Buffer = ''): Promise<Frame> {
    this.send(command, headers, body);
    return this.error();
  }

  /** The ERROR that must come next, and the end of the connection after it. */
  async error(): Promise<Frame> {
    const frame = await this.next('ERROR');
    await this.untilEnded();
    return frame;
  }

  async untilEnded(): Promise<void> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Leaves in order. */
  async leave(): Promise<void> {
    await this.confirmed('DISCONNECT');
    this.socket.destroy();
  }

  /** Is gone. */
  cut(): void {
    this.socket.destroy();
  }

  private async until(condition: () => boolean, what: string, withinMs: number): Promise<void> {
    const timeout = setTimeout(() => this.wake(), withinMs);
    const untilMs = performance.now() + withinMs;
    try {
      while (!condition()) {
        if (this.ended || performance.now() >= untilMs) {
          throw new Error(`no ${what} came; the server ${this.ended ? 'closed' : 'is silent'}`);
        }
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    } finally {
      clearTimeout(timeout);
    }
  }

  private takeFrame(): boolean {
    if (this.withinEnd && this.rest.length > 0) {
      if (this.rest[0] !== 0x0a) throw new Error('the server sent a frame whose NUL is not followed by an LF');
      this.rest = this.rest.subarray(1);
      this.withinEnd = false;
    }
    while (this.rest[0] === 0x0a) {
      this.heartbeats++;
      this.rest = this.rest.subarray(1);
    }
    const head = this.rest.indexOf('\n\n');
    if (head < 0) return false;
    const [command, ...rows] = this.rest.subarray(0, head).toString('utf8').split('\n');
    const lines = rows.map((row) => [row.slice(0, row.indexOf(':')), row.slice(row.indexOf(':') + 1)] as const);
    const length = lines.find(([name]) => name === 'content-length')?.[1];
    const end = length === undefined ? this.rest.indexOf(0, head + 2) : head + 2 + Number(length);
    if (end < 0 || this.rest.length <= end) {
      this.needed = end + 1;
      return false;
    }
    if (this.rest[end] !== 0) throw new Error('the server sent a frame that is not ended by NUL');
    this.frames.push({ command: command!, lines, body: Buffer.from(this.rest.subarray(head + 2, end)) });
    this.rest = this.rest.subarray(end + 1);
    this.withinEnd = true;
    return true;
  }
}

function unwanted(command: string, frame: Frame): Error {
  const body = frame.body.toString('utf8', 0, 200);
  return new Error(`wanted ${command}, got ${frame.command} ${JSON.stringify(frame.lines)} ${body}`);
}
