/** `createBroker`: checks the options, starts the broker, and opens its listeners. */
import { Broker } from '../broker/broker.ts';
import type { Clock } from '../clock/clock.ts';
import { backendPlans } from '../config/auth.ts';
import { formatListen, type ListenAddress } from '../config/listen.ts';
import { ConfigError } from '../config/load.ts';
import { listenConflicts } from '../config/profile.ts';
import { checkListen, checkOptions } from '../config/program.ts';
import type { Config } from '../config/schema.ts';
import { configuredUsers } from '../config/users.ts';
import { type Logger, NO_LOGGER } from '../logger.ts';
import { BrokerError } from '../message/errors.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { isLoopback } from '../transport/address.ts';
import { BrokerServer } from './broker-server.ts';
import { builtInProtocols } from './built-in.ts';
import { takeDefinitions } from './definitions.ts';
import { clientLimitsOf, vhostLimitsOf } from './limits.ts';
import type { BrokerOptions, RunningBroker } from './options.ts';

/**
 * Starts a broker. Throws a BrokerError whose text an operator can act on: a setting that is wrong, a port in use, a
 * directory that is locked or not writable; nothing is left running then.
 */
export async function createBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const config = checkOptions(options);
  const { data = null, listen, protocols: more = [], authenticator, logger = NO_LOGGER, clock } = options;
  const builtIn = builtInProtocols(config);
  const protocols = [...Object.values(builtIn), ...more];
  const names = [...protocols.map((protocol) => protocol.name), 'ws', 'http'];
  const addresses = checkListen(listen, names);

  const conflicts = listenConflicts(config, addresses);
  if (conflicts.length > 0) throw new ConfigError(conflicts.map(({ text }) => text));
  for (const address of addresses) checkPromise(address, config);

  const tracer = await tracerOf(config, logger);
  const broker = await Broker.start({
    dataDirectory: data,
    dialects: protocols.map((protocol) => protocol.dialect),
    logger,
    vhosts: Object.entries(config.vhosts).map(([name, { durability, compat, limits, policies }]) => ({
      name,
      policies,
      limits: vhostLimitsOf(limits),
      ...(compat !== undefined && { compat }),
      ...(durability !== undefined && { durability: { level: durability.level, intervalMs: durability.interval } }),
    })),
    durability: { level: config.durability.level, intervalMs: config.durability.interval },
    compat: config.compat,
    clientLimits: clientLimitsOf(config),
    checkRetainSource: config.retained.checkSource,
    transient: { spillBytesMax: config.transient.spillSizeMax },
    log: { flushDelayMs: config.durability.flushDelay, flushBytesMax: config.durability.flushSizeMax },
    ...(clock !== undefined && { clock }),
    ...(authenticator !== undefined && { authenticator }),
    ...(tracer !== undefined && { tracer }),
    users: configuredUsers(config.users),
    login: config.login,
    backends: backendPlans(config.auth),
    userFrom: config.tls.userFrom,
  });
  broker.begin(protocols);
  const server = new BrokerServer(broker, protocols, builtIn, config, logger);
  try {
    if (config.definitions !== '') await takeDefinitions(server.operator, config.definitions, logger);
    await server.listen(addresses, data);
    if (authenticator === undefined) checkReach(server, config);
  } catch (error) {
    await server.close('the broker could not start');
    throw error;
  }
  return server;
}

/** Undefined: nothing is traced, and what would trace is not even loaded. */
async function tracerOf({ tracing }: Config, logger: Logger): Promise<((clock: Clock) => Tracer) | undefined> {
  if (tracing.otlp === '') return undefined;
  const { makeTracer } = await import('./tracing.ts');
  return (clock) => makeTracer(tracing, logger, clock);
}

/** Where other machines reach a port and none of them could log in, somebody has been forgotten. */
function checkReach({ listeners, broker }: BrokerServer, { auth, login }: Config): void {
  if (!broker.users.empty || login.anonymous === 'anywhere') return;
  if (auth.backends.some((one) => !('internal' in one))) return;
  const open = listeners.find(({ addresses }) => !addresses.every(({ address }) => isLoopback(address)));
  if (open === undefined) return;
  const url = formatListen({ protocols: open.name.split('+'), host: open.host, port: open.port });
  throw new BrokerError(
    'invalid',
    `other machines reach '${url}', and there is no user: set one (users: { NAME: { password: …, permissions: … } }), or listen on 127.0.0.1 (listen)`,
  );
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
