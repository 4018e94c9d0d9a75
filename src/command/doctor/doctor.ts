/** `entrepot doctor`: what is wrong with this machine, these settings, this log, and the broker that runs on it. Nothing is changed. */
import { join, resolve } from 'node:path';
import { SystemClock } from '../../clock/clock.ts';
import { parseListen } from '../../config/listen.ts';
import { ConfigError, type Flags, type Loaded, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { BrokerError } from '../../message/errors.ts';
import { isLoopback } from '../../transport/address.ts';
import { descriptorLimit } from '../../transport/descriptors.ts';
import { runningOn, STATE_LOG } from '../../vhost/journal/offline.ts';
import { verifyLogs } from '../logs.ts';
import { certificates } from './certificates.ts';
import { directoryIsOurs, fileSystem, isThere, maySee, newestFile, room, syncSpeed } from './directory.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { clock, descriptors, memory, memoryNow } from './machine.ts';
import { nobodyIsLetIn, ports } from './ports.ts';
import { askRunning, differences, runs } from './running.ts';

export interface Looking {
  /** The log is read whole, which takes its time. */
  readonly log: boolean;
}

/** One finding after the other, as each is there. */
export async function* examine(
  flags: Flags,
  environment: Readonly<Record<string, string | undefined>>,
  { log }: Looking,
): AsyncGenerator<Finding> {
  let loaded: Loaded;
  try {
    loaded = loadConfig(flags, environment);
    yield ok('settings', 'they are right');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) yield wrong('settings', problem);
    return;
  }
  const { config, origins } = loaded;
  const directory = resolve(config.data);
  const time = new SystemClock();
  const seen = await maySee(directory);
  const holder = seen ? await runningOn(directory).catch(() => 0) : 0;
  const running = holder === 0 ? undefined : await askRunning(holder, { data: directory }, environment);
  if (!seen) yield warning('broker', `whether one runs cannot be told: this user may not look into ${directory}`);
  else if (running === undefined) yield ok('broker', 'none runs on the data directory');
  else yield* runs(running);
  const node = running?.said?.node;
  yield descriptors(config, node?.fd_total ?? descriptorLimit());
  yield memory(config, memoryNow(), node?.mem_limit);
  yield clock(time.epochMs(), await newestFile(directory));
  yield await directoryIsOurs(directory);
  const kind = await fileSystem(directory);
  if (kind !== undefined) yield kind;
  yield await room(directory, node?.disk_free_limit ?? config.disk.freeMin);
  const speed = seen ? await syncSpeed(directory, () => time.monotonicMs()) : undefined;
  if (speed !== undefined) yield speed;
  if (running?.said !== undefined) yield* differences(config, origins, running.said);
  const addresses = config.listen.map((address) => parseListen(address));
  yield* ports(addresses, origins.has('listen'), running);
  const open = addresses.find(({ host }) => host !== 'localhost' && !isLoopback(host));
  if (open !== undefined && seen && running === undefined && (await letsNobodyIn(config, directory)))
    yield nobodyIsLetIn(open);
  yield* certificates(config, addresses, time.epochMs());
  if (log) yield seen ? await logIsSound(directory) : warning('log', 'not read: this user may not look into it');
}

/** Nobody has ever been let in by name, and nobody is without one. */
async function letsNobodyIn({ users, login, auth, definitions }: Config, directory: string): Promise<boolean> {
  if (Object.keys(users).length > 0 || definitions !== '' || login.anonymous === 'anywhere') return false;
  if (auth.backends.some((one) => !('internal' in one))) return false;
  return !(await isThere(join(directory, STATE_LOG)));
}

async function logIsSound(directory: string): Promise<Finding> {
  const said: string[] = [];
  const keep = (line: string): void => void said.push(line);
  try {
    const sound = await verifyLogs(directory, { out: keep, note: keep });
    if (sound) return ok('log', said.join('; '));
    return wrong('log', `it is damaged: ${said.filter((line) => !line.endsWith('nothing is damaged')).join('; ')}`);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return error.code === 'not-found' ? ok('log', 'there is none yet') : wrong('log', error.message);
  }
}
