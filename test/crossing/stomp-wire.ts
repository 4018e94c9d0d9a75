/** A STOMP subscriber that reads frames of any size off its socket. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

type Frame = (headers: ReadonlyMap<string, string>, body: string) => void;

export class StompWire {
  private readonly socket: Socket;
  private rest = Buffer.alloc(0);
  private readonly onMessage: Frame;
  private onReceipt: () => void = () => {};

  private constructor(socket: Socket, onMessage: Frame) {
    this.socket = socket;
    this.onMessage = onMessage;
    socket.on('data', (chunk) => this.read(chunk));
  }

  static async open(port: number, onMessage: Frame): Promise<StompWire> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('CONNECT\naccept-version:1.2\nhost:localhost\nlogin:guest\npasscode:guest\n\n\0');
    return new StompWire(socket, onMessage);
  }

  subscribe(destination: string): Promise<void> {
    const there = new Promise<void>((resolve) => {
      this.onReceipt = resolve;
    });
    this.socket.write(`SUBSCRIBE\nid:1\ndestination:${destination}\nreceipt:there\n\n\0`);
    return there;
  }

  close(): void {
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    for (;;) {
      while (this.rest[0] === 0x0a) this.rest = this.rest.subarray(1);
      const headEnd = this.rest.indexOf('\n\n');
      if (headEnd < 0) return;
      const [command, ...lines] = this.rest.toString('utf8', 0, headEnd).split('\n');
      const headers = new Map(lines.map((line) => line.split(':') as [string, string]));
      const length = headers.get('content-length');
      const bodyEnd = length === undefined ? this.rest.indexOf(0, headEnd + 2) : headEnd + 2 + Number(length);
      if (bodyEnd < 0 || this.rest.length <= bodyEnd) return;
      const body = this.rest.toString('utf8', headEnd + 2, bodyEnd);
      this.rest = this.rest.subarray(bodyEnd + 1);
      if (command === 'MESSAGE') this.onMessage(headers, body);
      else if (command === 'RECEIPT') this.onReceipt();
    }
  }
}
