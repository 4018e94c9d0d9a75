/** `entrepot import rabbitmq`: takes users and permissions of RabbitMQ's definitions into a stopped broker's data directory. */
import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';
import type { AdapterState } from '../api/adapter-state.ts';
import { Definitions } from '../auth/definitions.ts';
import { checkPattern } from '../auth/permissions/ruled-access.ts';
import { UserStore } from '../auth/user-store.ts';
import type { Config } from '../config/schema.ts';
import { type FileSystem, nodeFiles, readFully } from '../log/files/files.ts';
import { BrokerError } from '../message/errors.ts';
import type { CommandOutput } from './logs.ts';
import { withStoppedState } from './stopped-state.ts';

const FILE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * All of it is tried on a copy first, then done in one commit unit: it is there whole, or nothing is changed.
 * @throws BrokerError with what is wrong; or the lock's error if a broker runs there
 */
export async function importRabbitmq(path: string, settings: Config, output: CommandOutput): Promise<void> {
  const hasVhost = (name: string): boolean => Object.hasOwn(settings.vhosts, name);
  const isConfigured = (name: string): boolean => Object.hasOwn(settings.users, name);
  const definitions = await readDefinitions(path, { hasVhost, isConfigured });
  const directory = resolve(settings.data);
  await withStoppedState(directory, async (state) => {
    const over = (held: AdapterState): UserStore => new UserStore({ state: held, checkPattern, hasVhost });
    const problems = definitions.applyTo(over(copyOf(state)));
    if (problems.length > 0) throw new BadDefinitions(problems.map((problem) => `${path}: ${problem}`));
    await state.opened();
    state.unit(() => definitions.applyTo(over(state)));
    await state.safe();
  });
  const { users, permissions, topicPermissions, leftOut } = definitions;
  output.out(
    `taken into ${directory}: users ${users}, permissions ${permissions}, topic permissions ${topicPermissions}`,
  );
  for (const line of leftOut) output.out(line);
}

/** Told a line each. */
class BadDefinitions extends BrokerError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('invalid', problems.join('\n'));
    this.problems = [...problems, 'nothing was taken'];
  }
}

async function readDefinitions(
  path: string,
  place: ConstructorParameters<typeof Definitions>[1],
  files: FileSystem = nodeFiles,
): Promise<Definitions> {
  const text = await textOf(path, files);
  try {
    return new Definitions(text, place);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw new BadDefinitions([`${path}: ${error.message}`]);
  }
}

async function textOf(path: string, files: FileSystem): Promise<string> {
  let bytes: Buffer;
  try {
    const file = await files.open(path, 'read');
    try {
      const size = await file.sizeBytes();
      if (size > FILE_BYTES_MAX) throw new BrokerError('invalid', `${path}: larger than 64 MiB`);
      bytes = Buffer.alloc(size);
      await readFully(file, bytes, size, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const why = READ_FAULTS[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
    throw new BrokerError('invalid', `cannot read ${path}: ${why}`);
  }
  if (!isUtf8(bytes)) throw new BrokerError('invalid', `${path}: this is not text in UTF-8`);
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EISDIR: 'it is a directory',
  EACCES: 'this user may not read it',
};

/** The same facts in memory alone. */
function copyOf(state: AdapterState): AdapterState {
  const values = new Map(state.keys('').map((key) => [key, state.get(key)!]));
  return {
    get: (key) => values.get(key),
    put: (key, value) => void values.set(key, value),
    delete: (key) => values.delete(key),
    keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
}
