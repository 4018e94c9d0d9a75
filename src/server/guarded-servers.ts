/**
 * Servers whose clients have something to get through before their protocol begins: a proxy's header, a TLS handshake, or both.
 * Credentials of TLS are shared where they are the same, and looked after.
 */

import type { Server, Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import { CERTIFICATE_MS } from '../broker/alarms.ts';
import { formatListen, type ListenAddress, proxyVersions } from '../config/listen.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../logger.ts';
import { BrokerError } from '../message/errors.ts';
import type { CarrierServices } from '../transport/carrier.ts';
import { Proxies } from '../transport/proxy/proxies.ts';
import { tcpServer } from '../transport/tcp.ts';
import {
  type CertificateExpiry,
  type CertificateInForce,
  CertificateWatch,
} from '../transport/tls/certificate-watch.ts';
import { TlsCredentials, type TlsSettings } from '../transport/tls/credentials.ts';
import { type HandshakeStats, Handshakes } from '../transport/tls/handshakes.ts';

/** RFC 7301's names, as they are registered. */
const ALPN_NAMES: Readonly<Record<string, string>> = { amqp: 'amqp', mqtt: 'mqtt', ws: 'http/1.1', http: 'http/1.1' };

/** Where sockets go. */
export interface Entrance {
  /** A place for a socket that is not through yet; false: there is none. */
  reserve(socket: Socket): boolean;
  /** It is through. @param carrying the socket that had the place: the same, or under TLS the one below */
  accept(socket: Socket, carrying: Socket): void;
}

export class GuardedServers {
  readonly handshakes: Handshakes;
  private readonly proxies: Proxies;
  private readonly watch: CertificateWatch;
  private readonly credentials = new Map<string, TlsCredentials>();
  private readonly config: Config;

  /** @param onCertificateDue told at each look whether a certificate expires soon, or has */
  constructor(config: Config, services: CarrierServices, logger: Logger, onCertificateDue: (due: boolean) => void) {
    this.config = config;
    this.watch = new CertificateWatch(services.clock, logger, CERTIFICATE_MS, onCertificateDue);
    this.proxies = new Proxies(services, config.proxy.from, config.connections.handshakeTimeout);
    this.handshakes = new Handshakes(services, config.tls.handshakesMax, config.connections.handshakeTimeout);
  }

  get statistics(): { handshakes: HandshakeStats; handshaking: number; certificates: CertificateExpiry[] } {
    return {
      handshakes: this.handshakes.stats,
      handshaking: this.handshakes.size,
      certificates: this.watch.expiries,
    };
  }

  /** The certificates that listeners show. */
  get certificates(): CertificateInForce[] {
    return this.watch.inForce;
  }

  /** A server that is not yet listening. Throws a BrokerError: certificates that are missing or wrong. */
  serverFor(address: ListenAddress, { reserve, accept }: Entrance): Server {
    const versions = proxyVersions(address);
    if (versions.length > 0 && this.config.proxy.from.length === 0) {
      throw new BrokerError('invalid', `${formatListen(address)}: proxy.from has to say which proxies are believed`);
    }
    const secure = address.secure === true ? this.secureServer(address, accept) : undefined;
    const behindProxy = (socket: Socket): void => {
      if (secure === undefined) accept(socket, socket);
      else this.handshakes.begin(socket, secure);
    };
    const server = tcpServer((socket) => {
      if (!reserve(socket)) socket.destroy();
      else if (versions.length === 0) behindProxy(socket);
      else this.proxies.read(socket, versions, behindProxy);
    });
    // Nothing is taken over any more for a server that is gone.
    if (secure !== undefined) server.once('close', () => secure.emit('close'));
    return server;
  }

  private secureServer(address: ListenAddress, accept: Entrance['accept']): TlsServer {
    const names = address.protocols.map((protocol) => ALPN_NAMES[protocol]).filter((name) => name !== undefined);
    return this.handshakes.server(this.credentialsFor(address), names, accept);
  }

  /** Reads all certificates anew. What is wrong is logged, and what was in force stays so. */
  reload(): void {
    this.watch.reload();
  }

  close(): void {
    this.watch.close();
    this.handshakes.close();
  }

  private credentialsFor(address: ListenAddress): TlsCredentials {
    const { tls: own = {} } = address;
    const { tls } = this.config;
    const settings: TlsSettings = {
      files: {
        certificates: own.certificate === undefined ? tls.certificate : [own.certificate],
        keys: own.key !== undefined ? [own.key] : own.certificate === undefined ? tls.key : [],
        authority: own.authority ?? tls.authority,
      },
      clientCertificates: own.clientCertificates ?? tls.clientCertificates,
      minimumVersion: tls.minimumVersion,
      ciphers: tls.ciphers,
    };
    const key = JSON.stringify(settings);
    let credentials = this.credentials.get(key);
    if (credentials === undefined) {
      credentials = new TlsCredentials(settings);
      this.credentials.set(key, credentials);
    }
    this.watch.add(credentials, formatListen({ ...address, limits: undefined, tls: undefined }));
    return credentials;
  }
}
