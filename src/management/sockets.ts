/**
 * The sockets of the HTTP ports: so few that they need no share of the clients' descriptors worth speaking of, and yet
 * enough that somebody who asks whether the broker is well is always heard.
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
class Caller {
  busy = false;
  readonly waiting: (() => void)[] = [];
}

export class HttpSockets {
  readonly max: number;
  /** Sockets dropped to make room for others, and because they asked without listening. */
  dropped = 0;
  /** In the order in which they were last heard of. */
  private readonly callers = new Map<Socket, Caller>();

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.callers.size;
  }

  /** Has the server's sockets counted, and its requests answered by `handler`. What is upgraded is nobody's here any more. */
  serve(server: Server, handler: HttpHandler): void {
    server.prependListener('connection', (socket: Socket) => this.accepted(socket));
    server.on('request', (request, response) => this.requested(request, response, handler));
    server.on('upgrade', (_request, socket) => this.callers.delete(socket as Socket));
  }

  private accepted(socket: Socket): void {
    if (this.callers.size >= this.max) this.makeRoom();
    this.callers.set(socket, new Caller());
    socket.once('close', () => this.callers.delete(socket));
  }

  private makeRoom(): void {
    let victim: Socket | undefined;
    for (const [socket, { busy }] of this.callers) {
      victim ??= socket;
      if (busy) continue;
      victim = socket;
      break;
    }
    if (victim !== undefined) this.drop(victim);
  }

  private drop(socket: Socket): void {
    this.dropped++;
    this.callers.delete(socket);
    socket.destroy();
  }

  private requested(request: IncomingMessage, response: ServerResponse, handler: HttpHandler): void {
    const { socket } = request;
    const caller = this.callers.get(socket);
    if (caller === undefined) {
      socket.destroy();
      return;
    }
    this.callers.delete(socket);
    this.callers.set(socket, caller);
    const answer = (): void => {
      caller.busy = true;
      // Closed: the last byte of it has left, or the socket is gone.
      response.once('close', () => {
        caller.busy = false;
        caller.waiting.shift()?.();
      });
      handler(request, response);
    };
    if (!caller.busy) answer();
    else if (caller.waiting.push(answer) > PIPELINED_MAX) this.drop(socket);
  }
}
