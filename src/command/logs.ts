/** `entrepot log …`: checks and dumps the logs below a directory, also those of a broker that is running. */
import { LogRefused } from '../log/events.ts';
import { type FileSystem, nodeFiles } from '../log/files/files.ts';
import type { Verified } from '../log/read/offline.ts';
import { dump, logsIn, runningOn, type StoredLog, verify } from '../vhost/journal/offline.ts';

/** A log that is being written changes under the reader's eyes: it is tried again so often. */
const TRIES = 3;

/** Where a command writes its lines. */
export interface CommandOutput {
  /** Standard output: what was asked for. */
  out(line: string): void;
  /** Standard error: what is to be known beside it. */
  note(line: string): void;
}

/**
 * Checks every log below a directory, and says what was checked. False: something is damaged.
 * @throws BrokerError there is no log
 */
export async function verifyLogs(
  directory: string,
  output: CommandOutput,
  files: FileSystem = nodeFiles,
): Promise<boolean> {
  const logs = await logsIn(directory, files);
  const holder = await runningOn(directory, files);
  if (holder !== 0) {
    output.out(
      `process ${holder} is running on this directory: what was on the disk when it was read is checked, not what it is writing now`,
    );
  }
  let sound = true;
  for (const log of logs) {
    const found = await patiently(log, holder !== 0, files);
    if (found === undefined) {
      output.out(`${titleOf(log)}: not checked: it changed faster than it could be read; stop the broker first`);
      continue;
    }
    const damage = found.events.filter((event) => holder === 0 || isOld(event, found.newestSegment));
    for (const event of damage) output.out(`${titleOf(log)}: ${JSON.stringify(event)}`);
    const damaged = !found.sound && damage.some(({ kind }) => kind !== 'torn-tail' && kind !== 'leftover');
    output.out(`${titleOf(log)}: ${judged(found, damaged, holder !== 0)}`);
    if (damaged) sound = false;
  }
  return sound;
}

function titleOf({ vhost }: StoredLog): string {
  return vhost === undefined ? "the broker's own state" : `vhost ${vhost}`;
}

/** Of what a running broker writes just now, a half looks like damage. */
function isOld(event: { readonly kind: string; readonly segment?: number }, newest: number): boolean {
  return event.kind !== 'torn-tail' && event.kind !== 'leftover' && (event.segment ?? newest) < newest;
}

function judged(found: Verified, damaged: boolean, running: boolean): string {
  const batches = found.recovery.batches + found.olderBatches;
  const what = `${counted(found.segments, 'segment')}, ${counted(batches, 'batch', 'batches')} checked`;
  if (damaged) return `${what}: DAMAGED, see above`;
  if (batches === 0) return `${what}: nothing has been written to it yet`;
  const whole = `${what}: nothing is damaged`;
  return running
    ? `${whole} in what could be read; the newest segment (${found.newestSegment}) is being written`
    : whole;
}

function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** Undefined: it kept changing. */
async function patiently(log: StoredLog, running: boolean, files: FileSystem): Promise<Verified | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await verify(log, files);
    } catch (error) {
      const moving = error instanceof LogRefused || (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!running || !moving) throw error;
      if (tries === TRIES) return undefined;
    }
  }
}

/** Prints every record as a line of JSON. @throws BrokerError there is no log */
export async function dumpLogs(
  directory: string,
  queue: string | undefined,
  output: CommandOutput,
  files: FileSystem = nodeFiles,
): Promise<void> {
  const logs = await logsIn(directory, files);
  const holder = await runningOn(directory, files);
  if (holder !== 0) output.note(`process ${holder} is running on this directory: its newest records may be missing`);
  for (const log of logs) await dump(log, queue, (line) => output.out(line), files);
}
