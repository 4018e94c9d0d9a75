/** `entrepot import rabbitmq`: takes users and permissions of RabbitMQ's definitions into a stopped broker's data directory. */
import { resolve } from 'node:path';
import type { AdapterState } from '../api/adapter-state.ts';
import { Definitions } from '../auth/definitions.ts';
import { checkPattern } from '../auth/permissions/ruled-access.ts';
import { UserStore } from '../auth/user-store.ts';
import { isKeptVhost } from '../broker/vhost-registry.ts';
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
  const isConfigured = (name: string): boolean => Object.hasOwn(settings.users, name);
  const directory = resolve(settings.data);
  // A file that is wrong is told before a directory is made for it.
  await readDefinitions(path, { hasVhost: () => true, isConfigured });
  const definitions = await withStoppedState(directory, async (state) => {
    const hasVhost = (name: string): boolean => Object.hasOwn(settings.vhosts, name) || isKeptVhost(state, name);
    const taken = await readDefinitions(path, { hasVhost, isConfigured });
    const over = (held: AdapterState): UserStore => new UserStore({ state: held, checkPattern, hasVhost });
    const problems = taken.applyTo(over(copyOf(state)));
    if (problems.length > 0) throw new BadFile(problems.map((problem) => `${path}: ${problem}`));
    await state.opened();
    state.unit(() => taken.applyTo(over(state)));
    await state.safe();
    return taken;
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
