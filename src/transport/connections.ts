/**
 * The client connections of a broker, whatever port or transport they came by: admits up to a limit, finds the adapter,
 * and ends all of them in order when the broker stops.
 */

import type { Socket } from 'node:net';
import { networkOf } from '../api/endpoint.ts';
import type { ConnectionHandler, Protocol } from '../api/protocol.ts';
import type { Broker } from '../broker/broker.ts';
import { RateBucket } from '../broker/limits/rate-bucket.ts';
import type { Scope } from '../broker/limits/scope.ts';
import { Timer } from '../clock/clock.ts';
import type { Logger } from '../logger.ts';
import { plainAddress } from './address.ts';
import type { Carrier, CarrierServices } from './carrier.ts';
import { DETECT_TIMEOUT_MS, Detection } from './detection.ts';
import { MemoryBudget } from './memory-budget.ts';
import { listenerOf } from './peer.ts';
import { VersionChoice } from './version-choice.ts';

export const CONNECTIONS_MAX = 10_000;
/** How long clients have, all together, to close in order when the broker stops. */
export const CLOSE_GRACE_MS = 1_200;

/** At most one line in so long says that clients are turned away. */
export const REFUSALS_LOGGED_MS = 10_000;

/** What all connections together may have kept in memory. */
export interface ConnectionsMemory {
  /** Of what clients send: messages that are not whole, frames that wait. */
  readonly unfinishedBytesMax: number;
  /** Of what they are sent and have not read. */
  readonly unsentBytesMax: number;
}

const MEMORY: ConnectionsMemory = { unfinishedBytesMax: 256 * 1024 * 1024, unsentBytesMax: 1024 * 1024 * 1024 };

/** How fast connections may come, and how many from where. 0: any number. */
export interface ConnectionsIntake {
  /** A second, in all; a second's worth may come at once. */
  readonly rateMax: number;
  readonly perAddressMax: number;
}

/** What a socket takes up beside itself. */
interface Place {
  readonly address: string;
  readonly listener: Scope | undefined;
}

export interface ConnectionsStats {
  /** Connections admitted since the start. */
  admitted: number;
  /** Turned away: too many were open, in all or from one address, or too many came. */
  refused: number;
  /** Of those: too many came in a second; too many were open from that address. */
  refusedRate: number;
  refusedAddress: number;
  /** Ended because their first bytes belonged to no protocol of the port. */
  unrecognised: number;
}

export class Connections {
  readonly stats: ConnectionsStats = {
    admitted: 0,
    refused: 0,
    refusedRate: 0,
    refusedAddress: 0,
    unrecognised: 0,
  };
  /** What carriers are made with. */
  readonly services: CarrierServices;
  readonly limit: number;
  private readonly live = new Set<Carrier>();
  /** Sockets that have a place and no carrier yet. */
  private readonly waiting = new Map<Socket, Place>();
  private readonly broker: Broker;
  private readonly logger: Logger;
  private readonly detectTimeoutMs: number;
  /** In force for those that come from now on. */
  intake: ConnectionsIntake = { rateMax: 0, perAddressMax: 0 };
  /** Places by address, of IPv6 by network, while there are any. */
  private readonly byAddress = new Map<string, number>();
  private readonly coming: RateBucket;
  private closing = false;
  /** Turned away since that was last logged. */
  private refusedUnlogged = 0;
  private readonly refusalsLogged = new Timer(() => this.logRefusals());
  private onEmpty: (() => void) | undefined = undefined;

  constructor(
    broker: Broker,
    logger: Logger,
    limit = CONNECTIONS_MAX,
    detectTimeoutMs = DETECT_TIMEOUT_MS,
    memory: ConnectionsMemory = MEMORY,
  ) {
    this.detectTimeoutMs = detectTimeoutMs;
    this.broker = broker;
    this.logger = logger;
    this.limit = limit;
    this.coming = new RateBucket(broker.clock);
    this.services = {
      clock: broker.clock,
      turn: broker.turn,
      logger,
      clientLog: broker.clientLog,
      unfinished: new MemoryBudget(broker.turn, memory.unfinishedBytesMax),
      unsent: new MemoryBudget(broker.turn, memory.unsentBytesMax),
      departures: broker.turn.work.share(),
    };
  }

  get size(): number {
    return this.live.size + this.waiting.size;
  }

  /** Sockets among them that wait for their upgrade: a request precedes the connection proper. */
  get waitingSockets(): number {
    return this.waiting.size;
  }

  /**
   * Asked as soon as a new socket has been accepted for which a carrier will be made. False: the limit is reached or the
   * broker is stopping, and the socket must be destroyed.
   * @param address where it comes from
   * @param listener where it comes in, if that has limits of its own
   */
  hasRoom(address = '', listener?: Scope): boolean {
    if (!this.closing && this.size < this.limit && this.mayCome(address, listener)) return true;
    this.stats.refused++;
    this.refusedUnlogged++;
    if (!this.closing && !this.refusalsLogged.scheduled) this.logRefusals();
    return false;
  }

  private mayCome(address: string, listener: Scope | undefined): boolean {
    const { rateMax, perAddressMax } = this.intake;
    if (perAddressMax > 0 && (this.byAddress.get(networkOf(address)) ?? 0) >= perAddressMax) {
      this.stats.refusedAddress++;
      return false;
    }
    const refused = listener?.refuses();
    if (refused !== undefined) {
      const limit = refused === 'connections' ? 'listener_connections' : 'listener_connection_rate';
      // Nothing of it has been read yet: the protocol is one of the listener's.
      this.broker.usage.refusals.count(limit, listener!.name.replace(/:.*/, ''));
      return false;
    }
    if (rateMax === 0 || this.coming.take(rateMax)) return true;
    this.stats.refusedRate++;
    return false;
  }

  private countPlace({ address, listener }: Place, change: 1 | -1): void {
    if (listener !== undefined) listener.connections += change;
    const network = networkOf(address);
    const count = (this.byAddress.get(network) ?? 0) + change;
    if (count > 0) this.byAddress.set(network, count);
    else this.byAddress.delete(network);
  }

  /** The first one is logged at once; those after it are counted, in one line each REFUSALS_LOGGED_MS. */
  private logRefusals(): void {
    if (this.refusedUnlogged === 0) return;
    this.logger.warn(
      { limit: this.limit, refused: this.refusedUnlogged },
      'connections are refused: too many are open',
    );
    this.refusedUnlogged = 0;
    this.broker.clock.schedule(this.refusalsLogged, REFUSALS_LOGGED_MS);
  }

  /**
   * The same for a socket that must be read from before a carrier can be made: it has a place from now on until `unreserve` or
   * its close, and it is up to its server to end one that says nothing.
   */
  reserve(socket: Socket): boolean {
    if (this.waiting.has(socket)) return !this.closing;
    const place: Place = { address: plainAddress(socket.remoteAddress), listener: listenerOf(socket) };
    if (!this.hasRoom(place.address, place.listener)) return false;
    this.waiting.set(socket, place);
    this.countPlace(place, 1);
    socket.once('close', () => this.unreserve(socket));
    return true;
  }

  /** Another socket, which the first one carries, has its place from now on. */
  passOn(from: Socket, to: Socket): void {
    const place = this.waiting.get(from);
    if (place === undefined || from === to) return;
    this.waiting.delete(from);
    this.waiting.set(to, place);
    to.once('close', () => this.unreserve(to));
  }

  /** Whether a carrier may be made for a socket, which may have a place already (`reserve`). */
  mayAdmit(socket: Socket): boolean {
    if (this.waiting.has(socket)) return !this.closing;
    return this.hasRoom(plainAddress(socket.remoteAddress), listenerOf(socket));
  }

  /** A socket with a place is gone, or its carrier is counted instead. */
  unreserve(socket: Socket): void {
    const place = this.waiting.get(socket);
    if (place === undefined) return;
    this.waiting.delete(socket);
    this.countPlace(place, -1);
  }

  /** Takes a connection on; with several protocols its first bytes decide. */
  admit(carrier: Carrier, protocols: readonly Protocol[]): void {
    this.stats.admitted++;
    this.live.add(carrier);
    const { remote, listener } = carrier;
    const place: Place = { address: remote.address, listener };
    this.countPlace(place, 1);
    carrier.onReleased = () => {
      this.countPlace(place, -1);
      this.live.delete(carrier);
      if (this.live.size === 0) this.onEmpty?.();
    };
    const only = protocols.length === 1 ? protocols[0] : undefined;
    if (only !== undefined) {
      carrier.assignProtocol(only);
      this.begin(carrier, only);
      return;
    }
    const detection = new Detection(
      protocols,
      this.broker.clock,
      (protocol, first) => {
        if (!carrier.assignProtocol(protocol)) return;
        this.begin(carrier, protocol).data(first);
      },
      () => {
        this.stats.unrecognised++;
        this.broker.reportMistake(carrier, 'it spoke no protocol of this port, or did not say a word');
        carrier.destroy();
      },
      this.detectTimeoutMs,
    );
    carrier.attach(detection);
  }

  /** The adapter takes it on; where it has other versions beside it the first bytes decide between them. */
  private begin(carrier: Carrier, protocol: Protocol): ConnectionHandler {
    const handler = protocol.accept(carrier, this.broker);
    const { versions } = protocol;
    const first = versions === undefined ? handler : new VersionChoice(carrier, this.broker, versions, handler);
    carrier.attach(first);
    return first;
  }

  /** Tells every client, waits until all have gone or the grace is over, and destroys the rest. */
  async close(reason: string, graceMs = CLOSE_GRACE_MS): Promise<void> {
    this.closing = true;
    this.broker.clock.cancel(this.refusalsLogged);
    for (const socket of this.waiting.keys()) socket.destroy();
    if (this.live.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.onEmpty = resolve;
    });
    const timer = new Timer(() => {
      for (const carrier of [...this.live]) carrier.destroy();
    });
    this.broker.clock.schedule(timer, graceMs);
    for (const carrier of [...this.live]) carrier.shutdown(reason);
    await empty;
    this.broker.clock.cancel(timer);
  }
}
