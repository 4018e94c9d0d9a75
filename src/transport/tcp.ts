/**
 * A client over a TCP (or TLS) socket.
 *
 * One write a turn: a single slab goes out as it is, several go out corked as one vectored write. No callback is passed;
 * `writableLength` right after the write says whether the kernel took everything, which it nearly always does.
 *
 * All sockets read into one buffer, which is free again as soon as the adapter's `data` has returned. Left to itself,
 * Node allocates 64 KiB for every read and cuts it down to what came.
 */
import { createServer, type Server, Socket, type SocketConstructorOpts } from 'node:net';
import { isLoopback, plainAddress } from './address.ts';
import { Carrier, type CarrierHouse } from './carrier.ts';

/** After how long a silence the kernel asks whether the peer is still there: for protocols without heartbeats. */
const KEEP_ALIVE_MS = 60_000;

export class TcpTransport extends Carrier {
  private readonly socket: Socket;

  /**
   * `accepted` must come from a server that leaves sockets half open, so that a client which has stopped sending still
   * gets what it is owed; and paused, so that nothing has been read. It belongs to the transport from now on.
   */
  constructor(house: CarrierHouse, accepted: Socket, secure = false) {
    const remoteAddress = accepted.remoteAddress;
    super(
      house,
      { address: plainAddress(remoteAddress), port: accepted.remotePort ?? 0 },
      { address: plainAddress(accepted.localAddress), port: accepted.localPort ?? 0 },
      isLoopback(remoteAddress),
      secure,
    );
    const socket = reading(accepted, (chunk) => {
      if (!this.finished) this.deliver(chunk);
    });
    this.socket = socket;
    socket.on('drain', () => {
      this.weighUnsent(socket.writableLength);
      this.output.drained();
    });
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
    const unsent = socket.writableLength;
    this.weighUnsent(unsent);
    return unsent === 0;
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

const READ_SIZE = 64 * 1024;
const readBuffer = Buffer.allocUnsafeSlow(READ_SIZE);

/**
 * A socket for the same connection as `accepted` that reads into the shared buffer and calls `take` with what came.
 *
 * `net.Socket` has an option for this, but `net.Server` has no way to ask for it; so the connection's handle changes
 * hands. Where there is no such handle (a TLS socket, another runtime), the socket stays as it is and allocates.
 */
function reading(accepted: Socket, take: (chunk: Buffer) => void): Socket {
  const owner = accepted as unknown as { _handle: { useUserBuffer?: unknown } | null };
  const handle = owner._handle;
  if (handle === null || typeof handle?.useUserBuffer !== 'function' || accepted.constructor !== Socket) {
    accepted.on('data', take);
    accepted.resume();
    return accepted;
  }
  owner._handle = null;
  accepted.destroy();
  const callback = (n: number): boolean => {
    take(readBuffer.subarray(0, n));
    return true;
  };
  const options = { handle, allowHalfOpen: true, onread: { buffer: readBuffer, callback } };
  // The option's type speaks of another kind of handle, one that is not yet connected.
  return new Socket(options as unknown as SocketConstructorOpts);
}

/** A server that hands each new socket to `accept`. TLS has one of its own with the same shape. */
export function tcpServer(accept: (socket: Socket) => void): Server {
  return createServer(
    { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    accept,
  );
}
