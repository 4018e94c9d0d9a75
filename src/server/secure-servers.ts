/** Servers over TLS: the credentials of each, shared where they are the same; their handshakes; their certificates' care. */
import type { Server, Socket } from 'node:net';
import type { ListenAddress } from '../config/listen.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../logger.ts';
import type { CarrierServices } from '../transport/carrier.ts';
import { tcpServer } from '../transport/tcp.ts';
import { type CertificateExpiry, CertificateWatch } from '../transport/tls/certificate-watch.ts';
import { TlsCredentials, type TlsSettings } from '../transport/tls/credentials.ts';
import { type HandshakeStats, Handshakes } from '../transport/tls/handshakes.ts';

/** RFC 7301's names, as they are registered. */
const ALPN_NAMES: Readonly<Record<string, string>> = { amqp: 'amqp', mqtt: 'mqtt', ws: 'http/1.1', http: 'http/1.1' };

/** Where sockets go. */
export interface Entrance {
  /** A place for a socket that shakes hands; false: there is none. */
  reserve(socket: Socket): boolean;
  /** The handshake is over. @param carrying the socket that had the place */
  accept(secured: Socket, carrying: Socket): void;
}

export class SecureServers {
  readonly handshakes: Handshakes;
  private readonly watch: CertificateWatch;
  private readonly credentials = new Map<string, TlsCredentials>();
  private readonly config: Config;

  constructor(config: Config, services: CarrierServices, logger: Logger) {
    this.config = config;
    this.watch = new CertificateWatch(services.clock, logger);
    this.handshakes = new Handshakes(services, config.tls.handshakesMax, config.connections.handshakeTimeout);
  }

  get statistics(): { handshakes: HandshakeStats; handshaking: number; certificates: CertificateExpiry[] } {
    return {
      handshakes: this.handshakes.stats,
      handshaking: this.handshakes.size,
      certificates: this.watch.expiries,
    };
  }

  /** A server that is not yet listening. Throws a BrokerError: certificates that are missing or wrong. */
  serverFor(address: ListenAddress, { reserve, accept }: Entrance): Server {
    const credentials = this.credentialsFor(address);
    const names = address.protocols.map((protocol) => ALPN_NAMES[protocol]).filter((name) => name !== undefined);
    const { handshakes } = this;
    const secure = handshakes.server(credentials, names, accept);
    const server = tcpServer((socket) => {
      if (reserve(socket)) handshakes.begin(socket, secure);
      else socket.destroy();
    });
    server.once('close', () => secure.emit('close'));
    return server;
  }

  /** Reads all certificates anew. What is wrong is logged, and what was in force stays so. */
  reload(): void {
    this.watch.reload();
  }

  close(): void {
    this.watch.close();
    this.handshakes.close();
  }

  private credentialsFor({ tls: own = {} }: ListenAddress): TlsCredentials {
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
      this.watch.add(credentials);
    }
    return credentials;
  }
}
