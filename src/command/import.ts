/** `entrepot import rabbitmq`: takes users and permissions of RabbitMQ's definitions into a stopped broker's data directory. */
import { resolve } from 'node:path';
import type { AdapterState } from '../api/adapter-state.ts';
import { Definitions } from '../auth/definitions.ts';
import { checkPattern } from '../auth/permissions/ruled-access.ts';
import { UserStore } from '../auth/user-store.ts';
import type { Config } from '../config/schema.ts';
import { BrokerError } from '../message/errors.ts';
import { BadFile, copyOf, textOf } from './import-files.ts';
import type { CommandOutput } from './logs.ts';
import { withStoppedState } from './stopped-state.ts';

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
    if (problems.length > 0) throw new BadFile(problems.map((problem) => `${path}: ${problem}`));
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

async function readDefinitions(
  path: string,
  place: ConstructorParameters<typeof Definitions>[1],
): Promise<Definitions> {
  const text = await textOf(path);
  try {
    return new Definitions(text, place);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw new BadFile([`${path}: ${error.message}`]);
  }
}
