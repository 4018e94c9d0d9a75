/** Whether a user may do something, and which rule says so, from a stopped broker's data and settings. */
import { resolve } from 'node:path';
import { RuledAccess } from '../auth/permissions/ruled-access.ts';
import { mayAdminister } from '../broker/administration.ts';
import { BrokerUsers } from '../broker/users.ts';
import { isKeptVhost } from '../broker/vhost-registry.ts';
import type { Config } from '../config/schema.ts';
import { configuredUsers } from '../config/users.ts';
import { nodeFiles } from '../log/files/files.ts';
import { MemoryFiles } from '../log/files/memory-files.ts';
import { type AccessQuestion, type AccessVerdict, explainAccess } from '../operator/access/explain-access.ts';
import { builtInProtocols } from '../server/built-in.ts';
import { withStoppedState } from './stopped-state.ts';

/** @throws BrokerError it cannot be said: the question is wrong, there is no such user or vhost; or the lock's error */
export async function explainStopped(question: AccessQuestion, settings: Config): Promise<AccessVerdict[]> {
  const directory = resolve(settings.data);
  // A directory that is not there is not made for a question: the settings alone say who there is.
  const isThere = await nodeFiles.list(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  return withStoppedState(
    directory,
    async (state, clock) => {
      const hasVhost = (name: string): boolean => Object.hasOwn(settings.vhosts, name) || isKeptVhost(state, name);
      const onFault = (error: unknown): never => {
        throw error;
      };
      const { login } = settings;
      const users = new BrokerUsers({ state, clock, login, userFrom: 'commonName', hasVhost, onFault });
      // Without their passwords, which nobody asks for here and which take their time.
      const configured = configuredUsers(settings.users).map(({ password: _, ...rest }) => rest);
      await users.configure(configured);
      const rules = users.authenticator;
      const { roleAccess } = users;
      const { mqtt } = builtInProtocols(settings);
      const access = new RuledAccess(rules, roleAccess);
      return explainAccess(question, {
        hasVhost,
        knows: (user, vhost) =>
          users.get(user) !== undefined || roleAccess.judges(user) || rules.permissionsOf(user, vhost) !== undefined,
        judges: (user) => roleAccess.judges(user),
        decide: (use, key, asker) => roleAccess.decide(use, key, asker),
        explain(user, request) {
          const because = access.explain({ user }, request);
          return { allowed: because.allowed, because };
        },
        mayEnter: (user, vhost) => access.mayEnter({ user }, vhost),
        reserves: (exchange, key) => mqtt.reserves!(exchange, key),
        explainTopic: (use, topic) => mqtt.explains!(use, topic),
        administers: (user, key, clientId) => mayAdminister(users, user, key, clientId),
      });
    },
    isThere ? nodeFiles : new MemoryFiles(),
  );
}
