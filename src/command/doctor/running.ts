/** What a broker that runs on the data directory says of itself. It is asked over HTTP, as its owner. */
import type { Config } from '../../config/schema.ts';
import { BrokerError } from '../../message/errors.ts';
import { marksOf } from '../../server/machine.ts';
import { VERSION } from '../../version.ts';
import { CommandError, EXIT } from '../exit.ts';
import { alarmsOf, type NodeState, stateOf } from '../families/status.ts';
import type { ListenerRow } from '../print/listeners.ts';
import { bytes, duration } from '../print/units.ts';
import { type AccessFlags, reachBroker } from '../reach/access.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

export interface Running {
  readonly pid: number;
  /** Undefined: it does not say. */
  readonly said: Said | undefined;
  /** Why it does not. */
  readonly why: string;
}

export interface Said {
  readonly node: NodeState;
  readonly listeners: readonly ListenerRow[];
  /** Why nothing can be confirmed any more. */
  readonly failure: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

export async function askRunning(pid: number, flags: AccessFlags, environment: Environment): Promise<Running> {
  try {
    const client = await reachBroker(flags, environment);
    try {
      const { overview, node, failure } = await stateOf(client);
      return { pid, said: { node, listeners: overview.listeners, failure }, why: '' };
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof BrokerError)) throw error;
    const reachesNone = error instanceof CommandError && error.exitCode === EXIT.unreachable;
    return { pid, said: undefined, why: reachesNone ? 'this machine reaches no HTTP port of it' : error.message };
  }
}

export function* runs({ pid, said, why }: Running): Generator<Finding> {
  const about = 'broker';
  const here = `process ${pid} runs on the data directory`;
  if (said === undefined) return void (yield ok(about, `${here}, and cannot be asked: ${why}`));
  const { node, failure } = said;
  const version = node.applications.find(({ name }) => name === 'entrepot')?.version ?? VERSION;
  const state = `${here}, up ${duration(node.uptime)}`;
  if (failure !== undefined) yield wrong(about, `${state}; nothing is confirmed any more: ${failure}`);
  else if (version !== VERSION) {
    yield warning(about, `${state}; it is version ${version}, this is ${VERSION}: a new start brings it`);
  } else yield ok(about, state);
  const alarms = alarmsOf(node);
  if (alarms !== undefined) yield wrong('alarms', alarms);
}

/** Marks that somebody has set, and the broker that runs goes by others. @param origins of what was set */
export function* differences(config: Config, origins: ReadonlyMap<string, string>, { node }: Said): Generator<Finding> {
  const { memoryMax = 0, diskFreeMin = 0 } = marksOf(config);
  const marks = [
    ['memory.highWatermark', memoryMax, node.mem_limit],
    ['disk.freeMin', diskFreeMin, node.disk_free_limit],
  ] as const;
  const shown = (mark: number): string => (mark === 0 ? 'no mark' : bytes(mark));
  for (const [key, wanted, inForce] of marks) {
    if (!origins.has(key) || wanted === inForce) continue;
    const said = `these settings say ${shown(wanted)}, the broker that runs goes by ${shown(inForce)}`;
    yield warning(key, `${said}: kill -HUP ${node.os_pid} has it read its settings again`);
  }
}
