/** `entrepot import mosquitto`: takes users and what they may do over, from Mosquitto's files, into a stopped broker's data directory. */
import { resolve } from 'node:path';
import type { AdapterState } from '../api/adapter-state.ts';
import { planAcl } from '../auth/mosquitto/acl-file.ts';
import { planDynamicSecurity } from '../auth/mosquitto/dynamic-security-file.ts';
import { planPasswords } from '../auth/mosquitto/password-file.ts';
import { Plan, type Stores } from '../auth/mosquitto/plan.ts';
import { checkPattern } from '../auth/permissions/ruled-access.ts';
import { RoleStore } from '../auth/roles/role-store.ts';
import { UserStore } from '../auth/user-store.ts';
import type { BrokerState } from '../broker/state.ts';
import { isKeptVhost } from '../broker/vhost-registry.ts';
import type { Config } from '../config/schema.ts';
import { nodeFiles } from '../log/files/files.ts';
import { MemoryFiles } from '../log/files/memory-files.ts';
import { BrokerError } from '../message/errors.ts';
import { BadFile, copyOf, textOf } from './import-files.ts';
import type { CommandOutput } from './logs.ts';
import { withStoppedState } from './stopped-state.ts';

export interface MosquittoFiles {
  readonly passwords?: string | undefined;
  readonly acl?: string | undefined;
  readonly dynamicSecurity?: string | undefined;
  /** Say what would be taken, and take nothing. */
  readonly dryRun?: boolean | undefined;
}

/**
 * All of it is tried on a copy first, then done in one commit unit: it is there whole, or nothing is changed.
 * @throws BrokerError with what is wrong; or the lock's error if a broker runs there
 */
export async function importMosquitto(files: MosquittoFiles, settings: Config, output: CommandOutput): Promise<void> {
  const { passwords, acl, dynamicSecurity, dryRun = false } = files;
  if (passwords === undefined && acl === undefined && dynamicSecurity === undefined) {
    throw new BrokerError('invalid', 'name a file: --passwords, --acl or --dynamic-security');
  }
  if (acl !== undefined && dynamicSecurity !== undefined) {
    throw new BrokerError('invalid', '--acl and --dynamic-security both say what is allowed: take one of them');
  }
  const isConfigured = (name: string): boolean => Object.hasOwn(settings.users, name);
  const directory = resolve(settings.data);
  const storesOver = (held: AdapterState): Stores => {
    const hasVhost = (name: string): boolean => Object.hasOwn(settings.vhosts, name) || isKeptVhost(held, name);
    return { users: new UserStore({ state: held, checkPattern, hasVhost }), roles: new RoleStore(held) };
  };
  let plan = new Plan();
  const work = async (state: BrokerState): Promise<void> => {
    const there = storesOver(copyOf(state)).users.names();
    plan = await planOf(files, isConfigured, there);
    const problems = plan.applyTo(storesOver(copyOf(state)));
    if (problems.length > 0) throw new BadFile(problems);
    if (dryRun) return;
    await state.opened();
    state.unit(() => plan.applyTo(storesOver(state)));
    await state.safe();
  };
  // A directory that is not there is not made for a trial.
  const isThere = await nodeFiles.list(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  await withStoppedState(directory, work, dryRun && !isThere ? new MemoryFiles() : nodeFiles);
  for (const { what } of plan.steps) output.out(`${dryRun ? 'would take' : 'taken'}: ${what}`);
  for (const what of plan.leftOut) output.out(`left out: ${what}`);
  output.out(dryRun ? 'nothing was taken: this was a dry run' : `taken into ${directory}: ${plan.steps.length} items`);
}

async function planOf(
  { passwords, acl, dynamicSecurity }: MosquittoFiles,
  isConfigured: (user: string) => boolean,
  there: readonly string[],
): Promise<Plan> {
  const plan = new Plan();
  const users = new Set<string>();
  if (passwords !== undefined) {
    for (const user of planPasswords(await textOf(passwords), plan, isConfigured)) users.add(user);
  }
  if (acl !== undefined) {
    for (const user of there) if (!isConfigured(user)) users.add(user);
    planAcl(await textOf(acl), plan, users);
  }
  if (dynamicSecurity !== undefined) {
    const text = await textOf(dynamicSecurity);
    try {
      planDynamicSecurity(text, plan, isConfigured);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      throw new BadFile([`${dynamicSecurity}: ${error.message}`]);
    }
  }
  return plan;
}
