/**
 * A broker with everything around it: listeners, the sockets of its clients, HTTP with health and metrics, and one way to stop.
 *
 *     address ──ws────▶ WebSocket, as the upgrade says
 *             ──http──▶ health and metrics, and WebSocket too
 *             ──else──▶ TCP, for one adapter or for several that the first bytes tell apart
 *     the same behind a proxy and over TLS, once that is through
 */
import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { WebSocketUpgrades } from '../../protocols/websocket/index.ts';
import type { Policy, PolicyInfo, PolicyKind } from '../api/policies.ts';
import type { Protocol } from '../api/protocol.ts';
import type { Users } from '../api/users.ts';
import type { Broker } from '../broker/broker.ts';
import { Scope } from '../broker/limits/scope.ts';
import { Watermarks } from '../broker/watermarks.ts';
import { formatListen, formatWithoutLimits, type ListenAddress } from '../config/listen.ts';
import { checkListen, checkOptions, checkPolicy } from '../config/program.ts';
import type { Config } from '../config/schema.ts';
import { type Logger, loggerOf } from '../logger.ts';
import { managementApp } from '../management/app.ts';
import type { Health } from '../management/health.ts';
import { PageOrigins } from '../management/http/origins.ts';
import { Metrics } from '../management/metrics/metrics.ts';
import { OperatorToken } from '../management/operator-token.ts';
import { RabbitApi } from '../management/rabbitmq/api.ts';
import { managementServer } from '../management/server.ts';
import { HttpSockets } from '../management/sockets.ts';
import { V1Api } from '../management/v1/api.ts';
import { BrokerError } from '../message/errors.ts';
import { PinnedMemory } from '../message/pinned-memory.ts';
import { Operator } from '../operator/operator.ts';
import { plainAddress } from '../transport/address.ts';
import { Connections } from '../transport/connections.ts';
import { descriptorLimit, openDescriptors, shareDescriptors } from '../transport/descriptors.ts';
import { learnPeer, listenerOf } from '../transport/peer.ts';
import { TcpTransport, tcpServer } from '../transport/tcp.ts';
import { type BuiltInProtocols, webSocketUpgrades } from './built-in.ts';
import { GuardedServers } from './guarded-servers.ts';
import { clientLimitsOf, scopeLimitsOf, vhostLimitsOf } from './limits.ts';
import { Listeners } from './listeners.ts';
import { machine, marksOf } from './machine.ts';
import { operatorUrl, removeTokenFile, writeTokenFile } from './operator-access.ts';
import type { LimitsInput, ListenerInfo, RunningBroker } from './options.ts';
import { rabbitmqIdentity } from './rabbitmq-identity.ts';
import { surroundingsOf } from './surroundings.ts';

export class BrokerServer implements RunningBroker {
  readonly broker: Broker;
  readonly operator: Operator;
  private readonly open = new Listeners((address) => this.serverFor(address));
  private readonly protocols: readonly Protocol[];
  private readonly clients: Connections;
  private readonly webSocket: WebSocketUpgrades;
  private readonly watermarks: Watermarks;
  private readonly guarded: GuardedServers;
  private readonly metrics: Metrics;
  private readonly httpSockets: HttpSockets;
  /** Pages that may call the HTTP APIs. */
  private readonly origins: PageOrigins;
  private readonly httpServers: HttpServer[] = [];
  /** What listeners limit, and count. */
  private readonly scopes = new Map<ListenAddress, Scope>();
  private readonly operatorToken = new OperatorToken();
  /** Where the operator's token is written; undefined: nowhere. */
  private tokenDirectory: string | undefined = undefined;
  private closing: Promise<void> | undefined = undefined;

  /** @param protocols those that may be listened for: the built-in ones and the program's own */
  constructor(
    broker: Broker,
    protocols: readonly Protocol[],
    builtIn: BuiltInProtocols,
    config: Config,
    logger: Logger,
  ) {
    this.broker = broker;
    this.protocols = protocols;
    const { max, handshakeTimeout, unfinishedSizeMax, unsentSizeMax, pinnedSizeMax } = config.connections;
    PinnedMemory.bytesMax = pinnedSizeMax;
    const descriptors = descriptorLimit();
    const shares = shareDescriptors(max, descriptors, Object.keys(config.vhosts).length);
    if (shares.clients < max) {
      loggerOf(logger, 'resources').warn(
        { max, limit: shares.clients, descriptors },
        'connections.max is lowered: this process may not have enough files open for so many (ulimit -n)',
      );
    }
    this.clients = new Connections(broker, loggerOf(logger, 'connections'), shares.clients, handshakeTimeout, {
      unfinishedBytesMax: unfinishedSizeMax,
      unsentBytesMax: unsentSizeMax,
    });
    this.guarded = new GuardedServers(config, this.clients.services, loggerOf(logger, 'certificates'), (due) =>
      broker.alarms.set('certificate', '', due),
    );
    this.clients.intake = config.connections;
    this.httpSockets = new HttpSockets(shares.http);
    this.origins = new PageOrigins(config.http.origins);
    this.webSocket = webSocketUpgrades(builtIn, config, this.clients);
    this.metrics = new Metrics({
      broker,
      connections: () => ({
        connections: this.clients.size,
        waitingSockets: this.clients.waitingSockets,
        connectionsMax: this.clients.limit,
        httpSockets: this.httpSockets.size,
        httpSocketsDropped: this.httpSockets.dropped,
        unfinished: this.clients.services.unfinished.refresh(),
        unsent: this.clients.services.unsent.refresh(),
        pinned: {
          bytes: PinnedMemory.bytes,
          bytesMax: PinnedMemory.bytesMax,
          copied: PinnedMemory.refused,
        },
        ...this.clients.stats,
        tls: this.guarded.statistics,
      }),
      protocols: () => protocols.map(({ name, stats }) => [name, { ...stats }]),
      watermarks: () => this.watermarks.statistics,
      rabbitmq: rabbitmqIdentity(config, broker.globals),
      descriptors: () => ({
        openFiles: openDescriptors(this.clients.size + this.httpSockets.size, broker.vhostNames.length),
        filesMax: descriptors,
      }),
    });
    this.watermarks = new Watermarks(
      marksOf(config),
      broker.clock,
      loggerOf(logger, 'resources'),
      machine(broker),
      (resource, scarce) => broker.setScarce(resource, scarce),
    );
    this.watermarks.start();
    const { open, clients, guarded, watermarks } = this;
    this.operator = new Operator(broker, surroundingsOf({ open, clients, guarded, watermarks, descriptors, broker }));
  }

  get listeners(): readonly ListenerInfo[] {
    return this.open.all;
  }

  get connections(): number {
    return this.clients.size;
  }

  port(protocol: string): number {
    return this.open.port(protocol);
  }

  get health(): Health {
    if (this.closing !== undefined) return { status: 'stopping', reason: 'the broker is stopping' };
    const failure = this.broker.failure;
    return failure === undefined ? { status: 'ok' } : { status: 'failed', reason: failure };
  }

  setLimits(limits: LimitsInput): void {
    const { memory, disk, vhosts, connections, listen, limits: ofClients } = limits;
    const config = checkOptions({
      ...(memory !== undefined && { memory }),
      ...(disk !== undefined && { disk }),
      ...(vhosts !== undefined && { vhosts }),
      ...(connections !== undefined && { connections }),
      ...(ofClients !== undefined && { limits: ofClients }),
    });
    const names = [...this.protocols.map(({ name }) => name), 'ws', 'http'];
    for (const address of listen === undefined ? [] : checkListen(listen, names)) this.setListenerLimits(address);
    this.applyLimits(config);
  }

  private setListenerLimits(address: ListenAddress): void {
    const place = formatWithoutLimits(address);
    for (const [open, scope] of this.scopes) {
      if (formatWithoutLimits(open) === place) scope.limits = scopeLimitsOf(address.limits ?? {});
    }
  }

  /** The same of settings that have been checked. */
  private applyLimits(config: Pick<Config, 'memory' | 'disk' | 'vhosts' | 'connections' | 'limits'>): void {
    this.watermarks.setMarks(marksOf(config));
    this.clients.intake = config.connections;
    const vhosts = this.broker.vhostNames.map((name) => [name, vhostLimitsOf(config.vhosts[name]?.limits)]);
    this.broker.setLimits(clientLimitsOf(config), Object.fromEntries(vhosts));
  }

  async setPolicy(vhost: string, policy: Policy): Promise<void> {
    await this.broker.policies.set(vhost, checkPolicy(policy));
  }

  clearPolicy(vhost: string, name: string, kind: PolicyKind = 'policy'): Promise<boolean> {
    return this.broker.policies.clear(vhost, name, kind);
  }

  policies(vhost: string): PolicyInfo[] {
    return this.broker.policies.list(vhost);
  }

  reloadCertificates(): void {
    this.guarded.reload();
  }

  get users(): Users {
    return this.broker.users;
  }

  /**
   * Opens all of them.
   * @param directory where who owns it finds the operator's token, if this machine reaches HTTP; null: nowhere
   * @throws BrokerError that names every one that could not be opened
   */
  async listen(addresses: readonly ListenAddress[], directory: string | null): Promise<void> {
    await this.open.open(addresses);
    const url = operatorUrl(addresses, this.open.all);
    if (directory === null || url === undefined) return;
    this.tokenDirectory = directory;
    await writeTokenFile(directory, this.operatorToken, url);
  }

  close(reason = 'the broker is stopping'): Promise<void> {
    this.closing ??= this.stop(reason);
    return this.closing;
  }

  private async stop(reason: string): Promise<void> {
    this.watermarks.stop();
    this.operator.close();
    const stopped = this.open.stop();
    this.guarded.close();
    await this.clients.close(reason);
    for (const server of this.httpServers) server.closeAllConnections();
    await stopped;
    // One that is left behind opens nothing: the next start makes another.
    if (this.tokenDirectory !== undefined) await removeTokenFile(this.tokenDirectory).catch(() => {});
    await this.broker.close();
  }

  private serverFor(address: ListenAddress): Server {
    const server = this.plainServerFor(address);
    const scope = this.scopeOf(address);
    // Before anybody asks whether there is room for it.
    server.prependListener('connection', (socket) => learnPeer(socket, { listener: scope }));
    return server;
  }

  /** One for all addresses of the machine that it stands for; also where nothing is limited, which may change while it runs. */
  private scopeOf(address: ListenAddress): Scope {
    let scope = this.scopes.get(address);
    if (scope === undefined) {
      const name = formatListen({ ...address, limits: undefined, tls: undefined });
      scope = new Scope('listener', name, scopeLimitsOf(address.limits ?? {}), this.broker.clock);
      this.scopes.set(address, scope);
    }
    return scope;
  }

  private plainServerFor(address: ListenAddress): Server {
    const [first] = address.protocols;
    if (first !== 'ws' && first !== 'http') return this.protocolServer(address);
    const server = this.kept(first === 'ws' ? this.webSocket.createServer() : this.managementServer());
    return isGuarded(address) ? this.guardedWeb(address, server) : server;
  }

  /** A web server gets sockets that are through. Those of the HTTP port take no client's place meanwhile. */
  private guardedWeb(address: ListenAddress, server: HttpServer): Server {
    // What a server does when it begins to listen: this one never will, and is to look after its requests' time all the same.
    server.emit('listening');
    const forClients = address.protocols[0] === 'ws';
    return this.guarded.serverFor(address, {
      reserve: (socket) => !forClients || this.clients.reserve(socket),
      accept: (socket, carrying) => {
        this.clients.passOn(carrying, socket);
        server.emit('connection', socket);
      },
    });
  }

  private managementServer(): HttpServer {
    const { operator, broker, operatorToken, origins } = this;
    const api = new RabbitApi(operator, broker, { operatorToken, origins });
    const v1 = new V1Api(operator, broker, { operatorToken, origins });
    const app = managementApp(this.broker.clock, () => this.health, this.metrics, [api, v1]);
    const server = managementServer(app, this.httpSockets);
    this.webSocket.attach(server);
    return server;
  }

  private protocolServer(address: ListenAddress): Server {
    const speakers = address.protocols.map((name) => {
      const protocol = this.protocols.find((p) => p.name === name);
      if (protocol === undefined) throw new BrokerError('invalid', `there is no protocol '${name}'`);
      return protocol;
    });
    const confirmsAtWrite = address.durability !== undefined && address.durability !== 'fsync';
    const admit = (socket: Socket): void => {
      const transport = new TcpTransport(this.clients.services, socket);
      transport.confirmsAtWrite = confirmsAtWrite;
      this.clients.admit(transport, speakers);
    };
    if (isGuarded(address)) {
      return this.guarded.serverFor(address, {
        reserve: (socket) => this.clients.reserve(socket),
        accept: (socket, carrying) => {
          this.clients.unreserve(carrying);
          admit(socket);
        },
      });
    }
    return tcpServer((socket) => {
      if (this.clients.hasRoom(plainAddress(socket.remoteAddress), listenerOf(socket))) admit(socket);
      else socket.destroy();
    });
  }

  private kept(server: HttpServer): HttpServer {
    this.httpServers.push(server);
    return server;
  }
}

/** Its clients have something to get through before their protocol begins. */
function isGuarded({ secure, proxy }: ListenAddress): boolean {
  return secure === true || proxy !== undefined;
}
