/**
 * The transport over a TCP (or TLS) socket.
 *
 * One write a turn: a single buffer goes out as it is, several go out corked as one vectored write. No callback is passed;
 * `writableLength` right after the write says whether the kernel took everything, which it nearly always does.
 *
 * All sockets read into one buffer, which is free again as soon as the adapter's `data` has returned. Left to itself,
 * Node allocates 64 KiB for every read and cuts it down to what came. A client that sends large messages reads into another
 * one, four times as long: each read of a part has the kernel tell the publisher that there is room again, and wake it, which costs more
 * than the copy. For small messages the short one is as fast, and leaves others their turn.
 */
import { createServer, type Server, Socket, type SocketConstructorOpts } from 'node:net';
import { PHASE_WRITE, type TurnTask } from '../clock/turn.ts';
import { Carrier, type CarrierServices } from './carrier.ts';
import { peerOf } from './peer.ts';

/**
 * What is read from one client in a turn. The kernel hands over two megabytes in a row, which is more than a consumer's
 * output takes in a turn: a publisher would get ahead of those who read what it sends, and keep everyone waiting.
 */
export const READ_A_TURN_BYTES = 256 * 1024;
const PAUSED_BY_HANDLER = 1;
const PAUSED_FOR_TURN = 2;

/** After how long a silence the kernel asks whether the peer is still there: for protocols without heartbeats. */
const KEEP_ALIVE_MS = 60_000;

export class TcpTransport extends Carrier {
  private readonly socket: Socket;
  private paused = 0;
  /** The turn that something was last read in, and how much it was. */
  private readTurn = -1;
  private readBytes = 0;
  /** So many of the next reads are long ones. */
  private longReads = 0;
  private readonly nextTurn: TurnTask = { inTurn: false, endOfTurn: () => this.unpause(PAUSED_FOR_TURN) };

  /**
   * `accepted` must come from a server that leaves sockets half open, so that a client which has stopped sending still
   * gets what it is owed; and paused, so that nothing is lost that has been read. It belongs to the transport from now on.
   */
  constructor(services: CarrierServices, accepted: Socket) {
    super(services, peerOf(accepted));
    const take = (chunk: Buffer): void => {
      if (this.finished) return;
      this.deliver(chunk);
      this.countRead(chunk.length);
    };
    const socket = withSharedReadBuffer(accepted, take, () => this.wantsLongRead());
    this.socket = socket;
    socket.on('drain', () => {
      this.unsentChanged(socket.writableLength);
      this.output.drained();
    });
    // Thousands may go together, and what the kernel tells in one go is taken in one go.
    const { departures } = services;
    socket.on('end', () => {
      departures.run(() => {
        this.clientEnded();
        departures.work.checkTime();
        return true;
      });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      services.logger.debug({ remote: this.remote, code: error.code }, 'a connection was lost');
    });
    socket.on('close', () => this.release());
  }

  /** It was in the middle of something large, just now or a few reads ago. One that waits may have many small things kept. */
  private wantsLongRead(): boolean {
    if ((this.paused & PAUSED_BY_HANDLER) === 0) {
      if (this.held.bytes >= LONG_READ_HELD_BYTES || this.handler.midBody === true) this.longReads = LONG_READS;
      else if (this.longReads > 0) this.longReads--;
    }
    return this.longReads > 0;
  }

  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  get tellsSent(): boolean {
    return true;
  }

  writeAll(buffers: Buffer[], sent: (() => void) | null): boolean {
    const socket = this.socket;
    if (!socket.writable) return true;
    const last = buffers.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(buffers[i]!);
    if (sent === null) socket.write(buffers[last]!);
    else socket.write(buffers[last]!, sent); // also if the connection is lost
    if (last > 0) socket.uncork();
    const unsent = socket.writableLength;
    this.unsentChanged(unsent);
    return unsent === 0;
  }

  pause(): void {
    this.paused |= PAUSED_BY_HANDLER;
    this.socket.pause();
  }

  resume(): void {
    this.unpause(PAUSED_BY_HANDLER);
  }

  private unpause(reason: number): void {
    this.paused &= ~reason;
    if (this.paused === 0) this.socket.resume();
  }

  /** So much has just been read. */
  private countRead(bytes: number): void {
    const { turn } = this.services;
    if (turn.number !== this.readTurn) {
      this.readTurn = turn.number;
      this.readBytes = 0;
    }
    this.readBytes += bytes;
    if (this.readBytes < READ_A_TURN_BYTES || this.finished) return;
    this.paused |= PAUSED_FOR_TURN;
    this.socket.pause();
    turn.add(PHASE_WRITE, this.nextTurn);
  }

  protected endSending(): void {
    this.socket.end();
  }

  protected destroyNow(): void {
    this.socket.destroy();
  }
}

const READ_SIZE = 64 * 1024;
const LONG_READ_SIZE = 256 * 1024;
/** A client of whom so much is kept, since its message has not come whole, sends large ones. */
const LONG_READ_HELD_BYTES = 1024;
/** By chance a chunk ends where a message does: so many reads are long after one that did not. */
const LONG_READS = 16;
const readBuffer = Buffer.allocUnsafeSlow(READ_SIZE);
/** Made when it is first used. */
let longReadBuffer: Buffer | null = null;

/**
 * A socket for the same connection as `accepted` that reads into the shared buffers and calls `take` with what came. `wantsLong`
 * is asked after each: whether the next goes into the long one.
 *
 * `net.Socket` has an option for this, but `net.Server` has no way to ask for it; so the connection's handle changes
 * hands. Where there is no such handle (a TLS socket, another runtime), or something was read already, the socket stays as it is and allocates.
 */
function withSharedReadBuffer(accepted: Socket, take: (chunk: Buffer) => void, wantsLong: () => boolean): Socket {
  const owner = accepted as unknown as { _handle: { useUserBuffer?: unknown } | null };
  const handle = owner._handle;
  const wasRead = accepted.readableDidRead || accepted.readableLength > 0;
  if (wasRead || handle === null || typeof handle?.useUserBuffer !== 'function' || accepted.constructor !== Socket) {
    accepted.on('data', take);
    accepted.resume();
    return accepted;
  }
  owner._handle = null;
  accepted.destroy();
  let current: Buffer = readBuffer;
  const callback = (n: number, from: Buffer): boolean => {
    take(from.subarray(0, n));
    return true;
  };
  // Asked once before the first read, and after each: undefined leaves things as they are.
  let begun = false;
  const buffer = (): Buffer | undefined => {
    const next = wantsLong() ? (longReadBuffer ??= Buffer.allocUnsafeSlow(LONG_READ_SIZE)) : readBuffer;
    if (next === current && begun) return undefined;
    begun = true;
    current = next;
    return next;
  };
  const options = { handle, allowHalfOpen: true, onread: { buffer, callback } };
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
