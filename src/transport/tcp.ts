/**
 * A client over a TCP (or TLS) socket.
 *
 * One write a turn: a single slab goes out as it is, several go out corked as one vectored write. No callback is passed;
 * `writableLength` right after the write says whether the kernel took everything, which it nearly always does.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { isLoopback, plainAddress } from './address.ts';
import { Carrier, type CarrierHouse } from './carrier.ts';

/** After how long a silence the kernel asks whether the peer is still there: for protocols without heartbeats. */
const KEEP_ALIVE_MS = 60_000;

export class TcpTransport extends Carrier {
  private readonly socket: Socket;

  /** `socket` must have been made with `allowHalfOpen`: what a client that has stopped sending is owed is still sent. */
  constructor(house: CarrierHouse, socket: Socket, secure = false) {
    super(
      house,
      { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 },
      { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 },
      isLoopback(socket.remoteAddress),
      secure,
    );
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (!this.finished) this.deliver(chunk);
    });
    socket.on('drain', () => this.output.drained());
    socket.on('end', () => this.clientEnded());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      house.logger.debug({ remote: this.remote, code: error.code }, 'a connection was lost');
    });
    socket.on('close', () => this.release());
  }

  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  writeAll(buffers: Buffer[]): boolean {
    const socket = this.socket;
    if (!socket.writable) return true;
    if (buffers.length === 1) {
      socket.write(buffers[0]!);
    } else {
      socket.cork();
      for (const buffer of buffers) socket.write(buffer);
      socket.uncork();
    }
    return socket.writableLength === 0;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  protected endSending(): void {
    this.socket.end();
  }

  protected destroyNow(): void {
    this.socket.destroy();
  }
}

/** A server that hands each new socket to `accept`. TLS has one of its own with the same shape. */
export function tcpServer(accept: (socket: Socket) => void): Server {
  return createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    accept,
  );
}
