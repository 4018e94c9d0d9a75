/** `entrepot doctor`: what is wrong with this machine, these settings, this log. Nothing is changed. */
import { resolve } from 'node:path';
import { SystemClock } from '../../clock/clock.ts';
import { formatListen, type ListenAddress, parseListen } from '../../config/listen.ts';
import { ConfigError, type Flags, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { BrokerError } from '../../message/errors.ts';
import { descriptorLimit } from '../../transport/descriptors.ts';
import { Listener } from '../../transport/listener.ts';
import { tcpServer } from '../../transport/tcp.ts';
import { readTlsFiles } from '../../transport/tls/files.ts';
import { runningOn } from '../../vhost/journal/offline.ts';
import { verifyLogs } from '../logs.ts';
import { count } from '../print/units.ts';
import { directoryIsOurs, newestFile, room, syncSpeed } from './directory.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { clock, descriptors, memory, memoryNow } from './machine.ts';

const DAY_MS = 86_400_000;
const EXPIRES_SOON_DAYS = 30;

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
  let config: Config;
  try {
    config = loadConfig(flags, environment).config;
    yield ok('settings', 'they are right');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) yield wrong('settings', problem);
    return;
  }
  const directory = resolve(config.data);
  const time = new SystemClock();
  const holder = await runningOn(directory).catch(() => 0);
  yield ok('broker', holder === 0 ? 'none runs on the data directory' : `process ${holder} runs on the data directory`);
  yield descriptors(config, descriptorLimit());
  yield memory(config, memoryNow());
  yield clock(time.epochMs(), await newestFile(directory));
  yield await directoryIsOurs(directory);
  yield await room(directory, config.disk.freeMin);
  const speed = await syncSpeed(directory, () => time.monotonicMs());
  if (speed !== undefined) yield speed;
  const addresses = config.listen.map((address) => parseListen(address));
  for (const address of addresses) yield await port(address, holder);
  yield* certificates(config, addresses, time.epochMs());
  if (log) yield await logIsSound(directory);
}

/** Whether it could be listened on, or is by the broker that runs. */
async function port(address: ListenAddress, holder: number): Promise<Finding> {
  const about = formatListen({
    protocols: address.protocols,
    host: address.host,
    port: address.port,
    secure: address.secure,
  });
  const { host, port: number, protocols } = address;
  try {
    const createServer = () => tcpServer((socket) => socket.destroy());
    const listener = await Listener.open({ name: protocols.join('+'), host, port: number, createServer });
    await listener.stop();
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    if (holder !== 0) return ok(about, 'it is taken, by the broker that runs as it seems');
    return wrong(about, error.message);
  }
  if (holder !== 0)
    return warning(about, 'the broker that runs does not listen there: it was started with other settings');
  return ok(about, 'it is free');
}

function* certificates({ tls }: Config, addresses: readonly ListenAddress[], nowMs: number): Generator<Finding> {
  if (!addresses.some(({ secure }) => secure === true)) return;
  try {
    for (const { path, expiresMs } of readTlsFiles({
      certificates: tls.certificate,
      keys: tls.key,
      authority: tls.authority,
    }).pairs) {
      const days = Math.floor((expiresMs - nowMs) / DAY_MS);
      const said = `good until ${new Date(expiresMs).toISOString().slice(0, 10)}`;
      if (days < 0) yield wrong(path, `expired ${count(-days)} days ago`);
      else if (days < EXPIRES_SOON_DAYS) yield warning(path, `${said}: ${count(days)} days more`);
      else yield ok(path, said);
    }
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    yield wrong('certificate', error.message);
  }
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
