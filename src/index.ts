/// <reference types="node" preserve="true" />
/**
 * What a program imports that wants a broker inside itself, or that brings a protocol of its own. Importing starts
 * nothing; a broker installs no signal handler, never ends the process, and leaves nothing behind when it is closed.
 *
 *     const running = await createBroker({ data: './data', listen: ['amqp://127.0.0.1:0'] });
 *     running.port('amqp');
 *     await running.close();
 *
 * With main.ts this is the only place where the core, the adapters, the ports and the settings are brought together.
 */
import type { Server } from 'node:http';
import { amqp } from '../protocols/amqp/index.ts';
import { mqtt } from '../protocols/mqtt/index.ts';
import { stomp } from '../protocols/stomp/index.ts';
import { type SubProtocol, WebSocketGate } from '../protocols/websocket/index.ts';
import type { Authenticator } from './api/identity.ts';
import type { Policy, PolicyInfo, PolicyKind } from './api/policies.ts';
import type { Endpoint, Protocol } from './api/protocol.ts';
import { Broker } from './broker/broker.ts';
import type { Clock } from './clock/clock.ts';
import { formatListen, type ListenAddress } from './config/listen.ts';
import { checkListen, checkOptions, checkPolicy } from './config/program.ts';
import type { Config, ConfigInput } from './config/schema.ts';
import type { VhostsInput } from './config/vhosts.ts';
import { type Logger, NO_LOGGER } from './logger.ts';
import { type Health, managementApp } from './management/app.ts';
import { Metrics } from './management/metrics.ts';
import { managementServer } from './management/server.ts';
import { HttpSockets } from './management/sockets.ts';
import { BrokerError } from './message/errors.ts';
import { Connections } from './transport/connections.ts';
import { descriptorLimit, shareDescriptors } from './transport/descriptors.ts';
import { Listener } from './transport/listener.ts';
import { TcpTransport, tcpServer } from './transport/tcp.ts';

export * from './api/index.ts';
export { Broker } from './broker/broker.ts';
export { ManualClock, SystemClock } from './clock/clock.ts';
export type { ListenAddress } from './config/listen.ts';
export { type Logger, NO_LOGGER } from './logger.ts';

/** How a program asks for a broker. What is left out has the default that `entrepot config print` shows. */
export interface BrokerOptions extends Omit<ConfigInput, 'data' | 'listen' | 'log' | 'vhosts'> {
  /** Names, or names with what is set for each: durability, limits, policies. Default: `/` alone. */
  readonly vhosts?: VhostsInput;
  /** The directory of the log, made if it is not there. Null, the default: memory only, gone at `close`. */
  readonly data?: string | null;
  /** As `amqp://127.0.0.1:0`, or in parts; one or several. Default: nothing listens. */
  readonly listen?: string | ListenAddress | readonly (string | ListenAddress)[];
  /** Adapters besides the built-in ones; `listen` knows them by their `name`. */
  readonly protocols?: readonly Protocol[];
  /** Says who a client is and what it may do. Default: `guest` and clients without a name, from this machine only. */
  readonly authenticator?: Authenticator;
  /** Default: none. A pino logger fits. */
  readonly logger?: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** One thing that is listened on. */
export interface ListenerInfo {
  /** As in `amqp://`; several that share the port are joined with `+`. */
  readonly name: string;
  /** As it was asked for. */
  readonly host: string;
  /** The actual one, where 0 was asked for. */
  readonly port: number;
  /** Every address that is bound. */
  readonly addresses: readonly Endpoint[];
  /** What its clients are promised; undefined: what the vhost promises. */
  readonly durability?: ListenAddress['durability'];
}

export interface RunningBroker {
  readonly broker: Broker;
  readonly listeners: readonly ListenerInfo[];
  /** The port of the first listener that serves this protocol. Throws if none does. */
  port(protocol: string): number;
  /** Clients that are connected now. */
  readonly connections: number;
  readonly health: Health;
  /**
   * Sets a policy of a vhost, or replaces the one of its name and kind: in force for everything at once, safe on the disk
   * when the promise is resolved. Rejects with a BrokerError: not-found, invalid, not-allowed (the configuration sets it).
   */
  setPolicy(vhost: string, policy: Policy): Promise<void>;
  /** False if there was none. Rejects with a BrokerError: not-found (vhost), not-allowed. */
  clearPolicy(vhost: string, name: string, kind?: PolicyKind): Promise<boolean>;
  /** Highest priority first. Throws a BrokerError: not-found. */
  policies(vhost: string): PolicyInfo[];
  /** Stops accepting, tells the clients, waits for them (1.2 s at most), syncs and closes the log. Again: the same promise. */
  close(reason?: string): Promise<void>;
}

/**
 * Starts a broker. Throws a BrokerError whose text an operator can act on: a setting that is wrong, a port in use, a
 * directory that is locked or not writable; nothing is left running then.
 */
export async function createBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const config = checkOptions(options);
  const { data = null, listen, protocols: more = [], authenticator, logger = NO_LOGGER, clock } = options;
  const adapters = builtIn(config);
  const protocols = [...Object.values(adapters), ...more];
  const names = [...protocols.map((protocol) => protocol.name), 'ws', 'http'];
  const addresses = checkListen(listen, names);

  for (const address of addresses) checkPromise(address, config);

  const broker = await Broker.start({
    dataDirectory: data,
    dialects: protocols.map((protocol) => protocol.dialect),
    logger,
    vhosts: Object.entries(config.vhosts).map(([name, { durability, limits, policies }]) => ({
      name,
      policies,
      limits,
      ...(durability !== undefined && { durability: { level: durability.level, intervalMs: durability.interval } }),
    })),
    durability: { level: config.durability.level, intervalMs: config.durability.interval },
    transient: { spillBytesMax: config.transient.spillSizeMax },
    log: { flushDelayMs: config.durability.flushDelay, flushBytesMax: config.durability.flushSizeMax },
    ...(clock !== undefined && { clock }),
    ...(authenticator !== undefined && { authenticator }),
  });
  for (const protocol of protocols) protocol.started?.(broker);
  const house = new House(broker, protocols, adapters, config, logger);
  try {
    await house.openAll(addresses);
  } catch (error) {
    await house.close('the broker could not start');
    throw error;
  }
  return house;
}

/** Several of the addresses cannot be listened on; each problem is one line. */
class NotListening extends BrokerError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('unavailable', problems.join('; '));
    this.problems = problems;
  }
}

/** A listener cannot promise more than the vhosts behind it do. */
function checkPromise(address: ListenAddress, config: Config): void {
  if (address.durability !== 'fsync') return;
  for (const [name, { durability = config.durability }] of Object.entries(config.vhosts)) {
    if (durability.level === 'fsync') continue;
    throw new BrokerError(
      'invalid',
      `cannot listen on '${formatListen(address)}': it promises fsync, and the durability of vhost '${name}' is ${durability.level}`,
    );
  }
}

interface Adapters {
  readonly amqp: Protocol;
  readonly mqtt: Protocol;
  readonly stomp: Protocol;
}

function builtIn(config: Config): Adapters {
  const handshakeTimeoutMs = config.connections.handshakeTimeout;
  return {
    amqp: amqp({
      handshakeTimeoutMs,
      frameSizeMax: config.amqp.frameSizeMax,
      bodySizeMax: config.amqp.bodySizeMax,
      channelMax: config.amqp.channelMax,
      heartbeatS: Math.round(config.amqp.heartbeat / 1_000),
      consumerTimeoutMs: config.amqp.consumerTimeout,
      product: config.amqp.product,
      productVersion: config.amqp.productVersion,
    }),
    mqtt: mqtt({
      handshakeTimeoutMs,
      packetSizeMax: config.mqtt.packetSizeMax,
      topicLevelsMax: config.mqtt.topicLevelsMax,
      inflightMax: config.mqtt.inflightMax,
      receiveMax: config.mqtt.receiveMax,
      topicAliasMax: config.mqtt.topicAliasMax,
      ...(config.mqtt.sessionExpiryMax > 0 && { sessionExpiryMaxS: Math.ceil(config.mqtt.sessionExpiryMax / 1_000) }),
      keepAliveMaxS: Math.ceil(config.mqtt.keepAliveMax / 1_000),
      connectRateMax: config.mqtt.connectRateMax,
      packetRateMax: config.mqtt.packetRateMax,
      sysIntervalMs: config.mqtt.sysInterval,
      sessionMessagesMax: config.mqtt.sessionMessagesMax,
      sessionBytesMax: config.mqtt.sessionBytesMax,
      sessionMessageTtlMs: config.mqtt.sessionMessageTtl,
    }),
    stomp: stomp({
      handshakeTimeoutMs,
      headersMax: config.stomp.headersMax,
      headersSizeMax: config.stomp.headersSizeMax,
      bodySizeMax: config.stomp.bodySizeMax,
      wildcards: config.stomp.wildcards,
    }),
  };
}

/** A broker with its doors. */
class House implements RunningBroker {
  readonly broker: Broker;
  readonly listeners: Listener[] = [];
  private readonly protocols: readonly Protocol[];
  private readonly clients: Connections;
  private readonly gate: WebSocketGate;
  private readonly metrics: Metrics;
  private readonly httpSockets: HttpSockets;
  private readonly httpServers: Server[] = [];
  private closing: Promise<void> | undefined = undefined;

  constructor(broker: Broker, protocols: readonly Protocol[], adapters: Adapters, config: Config, logger: Logger) {
    this.broker = broker;
    this.protocols = protocols;
    const { max, handshakeTimeout, unfinishedSizeMax, unsentSizeMax } = config.connections;
    const descriptors = descriptorLimit();
    const shares = shareDescriptors(max, descriptors, Object.keys(config.vhosts).length);
    if (shares.clients < max) {
      logger.warn(
        { max, limit: shares.clients, descriptors },
        'connections.max is lowered: this process may not have enough files open for so many (ulimit -n)',
      );
    }
    this.clients = new Connections(broker, logger, shares.clients, handshakeTimeout, {
      unfinishedBytesMax: unfinishedSizeMax,
      unsentBytesMax: unsentSizeMax,
    });
    this.httpSockets = new HttpSockets(shares.http);
    this.gate = this.webSocketGate(adapters, config);
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
        ...this.clients.stats,
      }),
      protocols: () => protocols.map(({ name, stats }) => [name, { ...stats }]),
    });
  }

  get connections(): number {
    return this.clients.size;
  }

  async setPolicy(vhost: string, policy: Policy): Promise<void> {
    await this.broker.setPolicy(vhost, checkPolicy(policy));
  }

  clearPolicy(vhost: string, name: string, kind: PolicyKind = 'policy'): Promise<boolean> {
    return this.broker.clearPolicy(vhost, name, kind);
  }

  policies(vhost: string): PolicyInfo[] {
    return this.broker.policies(vhost);
  }

  get health(): Health {
    if (this.closing !== undefined) return { status: 'stopping', reason: 'the broker is stopping' };
    const failure = this.broker.failure;
    return failure === undefined ? { status: 'ok' } : { status: 'failed', reason: failure };
  }

  port(protocol: string): number {
    const listener = this.listeners.find((l) => l.name.split('+').includes(protocol));
    if (listener === undefined) throw new BrokerError('not-found', `nothing listens for ${protocol}`);
    return listener.port;
  }

  /** Opens all of them, or throws a BrokerError that names every one that could not be opened. */
  async openAll(addresses: readonly ListenAddress[]): Promise<void> {
    const problems: string[] = [];
    for (const address of addresses) {
      try {
        await this.open(address);
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        problems.push(this.ownHolder(address) ?? error.message);
      }
    }
    if (problems.length > 0) throw new NotListening(problems);
  }

  /** Says so if what holds the port is this broker itself. */
  private ownHolder({ host, port }: ListenAddress): string | undefined {
    const other = this.listeners.find((listener) => listener.port === port);
    if (port === 0 || other === undefined) return undefined;
    const held = formatListen({ protocols: [other.name], host: other.host, port });
    return `port ${port} on ${host} is listened on already, as ${held}; to serve several protocols on one port join them: amqp+mqtt://HOST:${port}`;
  }

  private async open(address: ListenAddress): Promise<void> {
    const name = address.protocols.join('+');
    this.listeners.push(
      await Listener.open({
        name,
        host: address.host,
        port: address.port,
        durability: address.durability,
        createServer: () => this.serverFor(address),
      }),
    );
  }

  close(reason = 'the broker is stopping'): Promise<void> {
    this.closing ??= this.stop(reason);
    return this.closing;
  }

  private async stop(reason: string): Promise<void> {
    const stopped = this.listeners.map((listener) => listener.stop());
    await this.clients.close(reason);
    for (const server of this.httpServers) server.closeAllConnections();
    await Promise.all(stopped);
    await this.broker.close();
  }

  private serverFor(address: ListenAddress) {
    const [first] = address.protocols;
    if (first === 'ws') return this.kept(this.gate.createServer());
    if (first === 'http') {
      const server = managementServer(
        managementApp(this.broker.clock, () => this.health, this.metrics),
        this.httpSockets,
      );
      this.gate.attach(server);
      return this.kept(server);
    }
    const speakers = address.protocols.map((name) => {
      const protocol = this.protocols.find((p) => p.name === name);
      if (protocol === undefined) throw new BrokerError('invalid', `there is no protocol '${name}'`);
      return protocol;
    });
    const confirmsAtWrite = address.durability !== undefined && address.durability !== 'fsync';
    return tcpServer((socket) => {
      if (!this.clients.hasRoom()) {
        socket.destroy();
        return;
      }
      const transport = new TcpTransport(this.clients.services, socket);
      transport.confirmsAtWrite = confirmsAtWrite;
      this.clients.admit(transport, speakers);
    });
  }

  private kept(server: Server): Server {
    this.httpServers.push(server);
    return server;
  }

  private webSocketGate({ mqtt, stomp }: Adapters, config: Config): WebSocketGate {
    const subProtocols: SubProtocol[] = [
      { name: 'mqtt', protocol: mqtt, kind: 'binary' },
      { name: 'mqttv3.1', protocol: mqtt, kind: 'binary' },
      { name: 'v12.stomp', protocol: stomp, kind: 'text' },
      { name: 'v11.stomp', protocol: stomp, kind: 'text' },
      { name: 'v10.stomp', protocol: stomp, kind: 'text' },
    ];
    return new WebSocketGate({
      connections: this.clients,
      subProtocols,
      paths: new Map([
        ['/', [mqtt, stomp]],
        ['/ws', [mqtt, stomp]],
        ['/mqtt', [mqtt]],
        ['/stomp', [stomp]],
      ]),
      messageSizeMax: config.websocket.messageSizeMax,
      requestTimeoutMs: config.connections.handshakeTimeout,
    });
  }
}
