/**
 * The sockets of the HTTP ports, bounded: so few that they need no share of the clients' descriptors worth speaking of, and yet
 * a question whether the broker is well always gets through.
 *
 *     accepted ──a place is free──────────────────────────▶ kept
 *              ──none is: the one longest without a request─▶ dropped in favour of the new one, counted
 *
 * A socket's requests are answered one at a time: the next one is begun when the answer before has left, so one that asks
 * and does not read costs the memory of one answer. More than PIPELINED_MAX ahead of their answers end it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const PIPELINED_MAX = 16;

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** One socket, and the requests on it that wait for the answer before. */
class HttpSocket {
  busy = false;
  readonly waiting: (() => void)[] = [];
}

export class HttpSockets {
  readonly max: number;
  /** Sockets dropped to make room for others, and because they asked without listening. */
  dropped = 0;
  /** In the order of their last requests. */
  private readonly sockets = new Map<Socket, HttpSocket>();

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.sockets.size;
  }

  /** Has the server's sockets counted, and its requests answered by `handler`. A socket that is upgraded is counted elsewhere. */
  serve(server: Server, handler: HttpHandler): void {
    server.prependListener('connection', (socket: Socket) => this.accepted(socket));
    server.on('request', (request, response) => this.requested(request, response, handler));
    server.on('upgrade', (_request, socket) => this.sockets.delete(socket as Socket));
  }

  /** Nothing moves, and it is the client's turn: it does not read its answer, or asks for nothing. */
  isStuck(socket: Socket): boolean {
    return this.sockets.get(socket)?.busy !== true || socket.writableLength > 0;
  }

  private accepted(socket: Socket): void {
    if (this.sockets.size >= this.max) this.makeRoom();
    this.sockets.set(socket, new HttpSocket());
    socket.once('close', () => this.sockets.delete(socket));
  }

  private makeRoom(): void {
    let oldest: Socket | undefined;
    for (const [socket, { busy }] of this.sockets) {
      oldest ??= socket;
      if (busy) continue;
      oldest = socket;
      break;
    }
    if (oldest !== undefined) this.drop(oldest);
  }

  private drop(socket: Socket): void {
    this.dropped++;
    this.sockets.delete(socket);
    socket.destroy();
  }

  private requested(request: IncomingMessage, response: ServerResponse, handler: HttpHandler): void {
    const { socket } = request;
    const state = this.sockets.get(socket);
    if (state === undefined) {
      socket.destroy();
      return;
    }
    this.sockets.delete(socket);
    this.sockets.set(socket, state);
    const answer = (): void => {
      state.busy = true;
      // Closed: the last byte of it has left, or the socket is gone.
      response.once('close', () => {
        state.busy = false;
        state.waiting.shift()?.();
      });
      handler(request, response);
    };
    if (!state.busy) answer();
    else if (state.waiting.push(answer) > PIPELINED_MAX) this.drop(socket);
  }
}
