/** SIGHUP: which settings are taken over while the broker runs, and which are told to wait for the next start. */
import { isDeepStrictEqual } from 'node:util';
import { formatWithoutLimits, parseListen } from '../config/listen.ts';
import { ConfigError, type Flags, keyPaths, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { configuredUsers } from '../config/users.ts';
import type { RunningBroker } from '../index.ts';
import type { Logger } from '../logger.ts';
import { BrokerError } from '../message/errors.ts';

/**
 * SIGHUP: the settings are read again. The log's levels, users, who may log in, watermarks and limits are taken over, and
 * what back ends have said of clients is asked again; of the rest it
 * is said what has changed, for that takes effect at the next start. Settings that are wrong change nothing.
 */
export async function readAgain(
  flags: Flags,
  before: Config,
  running: RunningBroker,
  logger: Logger & { levels: Config['log'] },
): Promise<void> {
  let settings: Config;
  try {
    settings = loadConfig(flags, process.env).config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    logger.warn({ problems: error.problems }, 'SIGHUP: the settings are wrong now, and those in force stay');
    return;
  }
  const changed = keyPaths().filter((path) => !isDeepStrictEqual(valueAt(before, path), valueAt(settings, path)));
  const names = changed.map((path) => path.join('.')).filter((name) => !isTakenOver(name, before, settings));
  try {
    // Another profile is for the next start, and with it what follows from it.
    const login = settings.profile === before.profile ? settings.login : undefined;
    await running.broker.users.configure(configuredUsers(settings.users), login);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    logger.warn({ problems: [error.message] }, 'SIGHUP: the settings are wrong now, and those in force stay');
    return;
  }
  running.broker.forgetAnswers();
  logger.levels = settings.log;
  const { memory, disk, limits, connections, vhosts, listen } = settings;
  running.setLimits({ memory, disk, limits, connections, vhosts, listen });
  logger.info({ logLevel: settings.log.level, atNextStart: names }, 'SIGHUP: the settings were read again');
}

/** Whether a setting that has changed is in force without a new start. */
function isTakenOver(name: string, before: Config, now: Config): boolean {
  if (name.startsWith('login.') && before.profile !== now.profile) return false;
  if (/^(log\.levels?|users|login\..*|(memory|disk|limits)\..*|connections\.(rateMax|perAddressMax))$/.test(name))
    return true;
  if (name === 'listen') return isSameButForLimits(before.listen, now.listen);
  return name === 'vhosts' && isDeepStrictEqual(withoutLimits(before.vhosts), withoutLimits(now.vhosts));
}

function isSameButForLimits(before: Config['listen'], now: Config['listen']): boolean {
  const [was, is] = [before, now].map((listen) => listen.map((text) => parseListen(text)));
  return (
    was!.length === is!.length &&
    was!.every((address, at) => formatWithoutLimits(address) === formatWithoutLimits(is![at]!))
  );
}

function withoutLimits(vhosts: Config['vhosts']): unknown {
  return Object.entries(vhosts).map(([name, { durability, policies }]) => [name, durability, policies]);
}

function valueAt(settings: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], settings);
}
