/**
 * TLS handshakes under way: how many, for how long, and how many begin in one turn.
 *
 *     accepted ──▶ waits for its turn ──▶ shakes hands ──good──▶ handed on, with what is known of its peer
 *                                                      ├─bad, or a bad certificate──▶ closed, the operator is told
 *                                                      ├─not over in time──▶ closed, the operator is told
 *                                                      └─the oldest, and one more has come than there may be──▶ closed
 *
 * Giving up the oldest harms nobody who means well: a handshake takes milliseconds, and one that has been there while a thousand
 * others came is waiting for something that will not come. A signature takes the thread half a millisecond or more: so few begin in
 * each turn, one while somebody is in who asks for little, and the clients that are in go on in between.
 */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Timer } from '../../clock/clock.ts';
import { PHASE_GATHER, type TurnTask } from '../../clock/turn.ts';
import { plainAddress } from '../address.ts';
import type { CarrierServices } from '../carrier.ts';
import { learnPeer, passPeer, peerOf } from '../peer.ts';
import { clientCertificate } from './client-certificate.ts';
import type { ProtocolNames, TlsCredentials } from './credentials.ts';

export const HANDSHAKES_MAX = 1_000;
export const HANDSHAKE_TIMEOUT_MS = 10_000;
const HANDSHAKES_A_TURN = 4;
/** While somebody is about who asks for little. */
const HANDSHAKES_A_SHORT_TURN = 1;

export interface HandshakeStats {
  /** Come to their end, with a client that goes on. */
  done: number;
  /** Ended by a mistake of the client's, or by its silence. */
  failed: number;
  /** Given up for others. */
  displaced: number;
}

interface Handshake {
  readonly socket: Socket;
  readonly server: Server;
  readonly timer: Timer;
}

export class Handshakes implements TurnTask {
  inTurn = false;
  readonly stats: HandshakeStats = { done: 0, failed: 0, displaced: 0 };
  /** In the order in which they came. */
  private readonly pending = new Map<string, Handshake>();
  private readonly waiting: Handshake[] = [];
  private readonly services: CarrierServices;
  private readonly max: number;
  private readonly timeoutMs: number;

  constructor(services: CarrierServices, max = HANDSHAKES_MAX, timeoutMs = HANDSHAKE_TIMEOUT_MS) {
    this.services = services;
    this.max = max;
    this.timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.pending.size;
  }

  /** A server that only shakes hands: it does not listen, and gets its sockets by `begin`. */
  server(
    credentials: TlsCredentials,
    names: ProtocolNames,
    accept: (socket: TLSSocket, carrying: Socket) => void,
  ): Server {
    // The time is measured here; Node's own timer is only in the way.
    const options = { ...credentials.options(), handshakeTimeout: 2 * this.timeoutMs };
    const server = createServer(names.length > 0 ? { ...options, ALPNCallback: chosenFrom(names) } : options);
    credentials.serve(server);
    const demanded = credentials.settings.clientCertificates === 'demanded';
    server.on('secureConnection', (socket) => this.over(socket, demanded, accept));
    server.on('tlsClientError', (error, socket) => this.failed(socket, reasonOf(error)));
    return server;
  }

  /** Takes a socket that nothing has been read from, or whose first bytes are in it. */
  begin(socket: Socket, server: Server): void {
    const key = keyOf(socket);
    if (this.pending.size >= this.max) this.displaceOldest();
    // Until the handshake is over, who stops sending has left.
    socket.allowHalfOpen = false;
    const handshake: Handshake = { socket, server, timer: new Timer(() => this.late(key)) };
    this.pending.set(key, handshake);
    this.waiting.push(handshake);
    this.services.clock.schedule(handshake.timer, this.timeoutMs);
    socket.once('close', () => this.left(key, socket));
    socket.on('error', () => socket.destroy());
    this.services.turn.add(PHASE_GATHER, this);
  }

  endOfTurn(): void {
    const count = this.services.turn.work.hurried ? HANDSHAKES_A_SHORT_TURN : HANDSHAKES_A_TURN;
    for (const handshake of this.waiting.splice(0, count)) {
      if (handshake.socket.destroyed) continue;
      handshake.server.emit('connection', handshake.socket);
    }
    if (this.waiting.length > 0) this.services.turn.addLater(PHASE_GATHER, this);
  }

  private over(socket: TLSSocket, demanded: boolean, accept: (socket: TLSSocket, carrying: Socket) => void): void {
    const key = keyOf(socket);
    const handshake = this.pending.get(key);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    socket.on('error', () => socket.destroy());
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined ? demanded : !socket.authorized) {
      const why = shown === undefined ? 'it showed no certificate' : `its certificate is not good: ${codeOf(socket)}`;
      this.failed(socket, why);
      return;
    }
    socket.allowHalfOpen = true;
    this.forget(key, handshake.socket);
    this.stats.done++;
    passPeer(handshake.socket, socket);
    learnPeer(socket, {
      secure: true,
      ...(shown !== undefined && { certificate: clientCertificate(shown) }),
    });
    socket.once('close', () => handshake.socket.destroy());
    accept(socket, handshake.socket);
  }

  private failed(socket: TLSSocket, reason: string): void {
    const key = keyOf(socket);
    const handshake = this.pending.get(key);
    if (handshake !== undefined) this.giveUp(key, handshake, reason);
    // And with it the socket that carries it. Never that one first: OpenSSL is at work while this is told, and would lose its ground.
    socket.destroy();
  }

  /** A port scanner, a probe of a load balancer; told of all the same, within the log's bounds. */
  private left(key: string, socket: Socket): void {
    const handshake = this.pending.get(key);
    if (handshake?.socket === socket) this.giveUp(key, handshake, 'it left during the TLS handshake');
  }

  private late(key: string): void {
    const handshake = this.pending.get(key);
    if (handshake === undefined) return;
    this.giveUp(key, handshake, 'no TLS handshake in time');
    handshake.socket.destroy();
  }

  private giveUp(key: string, handshake: Handshake, reason: string): void {
    this.forget(key, handshake.socket);
    this.stats.failed++;
    this.services.clientLog.mistake({ protocol: 'tls', remote: peerOf(handshake.socket).remote }, reason);
  }

  private displaceOldest(): void {
    for (const [key, { socket }] of this.pending) {
      this.forget(key, socket);
      this.stats.displaced++;
      socket.destroy();
      return;
    }
  }

  private forget(key: string, socket: Socket): void {
    const handshake = this.pending.get(key);
    if (handshake?.socket !== socket) return;
    this.pending.delete(key);
    this.services.clock.cancel(handshake.timer);
  }

  /** The broker is stopping. */
  close(): void {
    for (const [key, { socket }] of this.pending) {
      this.forget(key, socket);
      socket.destroy();
    }
  }
}

/** The first of the client's that is known here. One that only offers others is not turned away, unless it would be misled. */
function chosenFrom(names: ProtocolNames) {
  return ({ protocols }: { protocols: string[] }): string | undefined =>
    protocols.find((name) => names.includes(name)) ?? (protocols.includes('h2') ? undefined : protocols[0]);
}

/** What tells a connection from all others, whichever object stands for it. */
function keyOf(socket: Socket): string {
  return `${plainAddress(socket.remoteAddress)}|${socket.remotePort}|${socket.localPort}`;
}

/** Of OpenSSL: UNABLE_TO_VERIFY_LEAF_SIGNATURE and the like. */
function codeOf({ authorizationError }: TLSSocket): string {
  return String(authorizationError);
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ERR_SSL_HTTP_REQUEST':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'it did not speak TLS';
    case 'ECONNRESET':
      return 'it left during the TLS handshake';
    default:
      return `the TLS handshake failed: ${error.code ?? 'unknown'}`;
  }
}
