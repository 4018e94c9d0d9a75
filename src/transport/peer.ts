/**
 * Who is at the other end of a socket: what the operating system says, unless something on the way has found out more, as a TLS
 * handshake or a proxy's header.
 */
import type { Socket } from 'node:net';
import type { Endpoint } from '../api/endpoint.ts';
import type { ClientCertificate } from '../api/identity.ts';
import type { Scope } from '../broker/limits/scope.ts';
import { isLoopback, plainAddress } from './address.ts';

export interface Peer {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** It is on this machine. Never true of a client that comes through a proxy. */
  readonly loopback: boolean;
  readonly secure: boolean;
  /** Verified. Undefined: it has shown none. */
  readonly certificate: ClientCertificate | undefined;
  /** Where it came in, if that has limits of its own. */
  readonly listener?: Scope | undefined;
}

const known = new WeakMap<Socket, Partial<Peer>>();

/** Says more of a socket's peer than the operating system does. */
export function learnPeer(socket: Socket, learned: Partial<Peer>): void {
  known.set(socket, { ...known.get(socket), ...learned });
}

/** What one socket's peer is said to be is true of another, which is carried by it. */
export function passPeer(from: Socket, to: Socket): void {
  const learned = known.get(from);
  if (learned !== undefined) learnPeer(to, learned);
}

/** What of `peerOf` is known without asking the operating system. */
export function listenerOf(socket: Socket): Scope | undefined {
  return known.get(socket)?.listener;
}

export function peerOf(socket: Socket): Peer {
  return {
    remote: { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 },
    local: { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 },
    loopback: isLoopback(socket.remoteAddress),
    secure: false,
    certificate: undefined,
    ...known.get(socket),
  };
}
