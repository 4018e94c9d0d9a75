/** `entrepot auth explain`: whether a user may do something, and which rule says so, from a stopped broker's data and settings. */
import { resolve } from 'node:path';
import type { AccessRequest, Action } from '../api/identity.ts';
import { type Explanation, RuledAccess } from '../auth/permissions/ruled-access.ts';
import { BrokerUsers } from '../broker/users.ts';
import type { Config } from '../config/schema.ts';
import { configuredUsers } from '../config/users.ts';
import { nodeFiles } from '../log/files/files.ts';
import { MemoryFiles } from '../log/files/memory-files.ts';
import { BrokerError } from '../message/errors.ts';
import { withStoppedState } from './stopped-state.ts';

const ACTIONS: readonly Action[] = ['configure', 'write', 'read'];
const RESOURCE = /^(queue|exchange):(.*)$/s;

export interface Question {
  readonly user: string;
  readonly action: string;
  /** `queue:NAME` or `exchange:NAME`; `exchange:` is the default exchange. */
  readonly resource: string;
  /** Default: `/`. */
  readonly vhost?: string | undefined;
  /** A key of a topic exchange: it is asked after the exchange. */
  readonly topic?: string | undefined;
  readonly clientId?: string | undefined;
}

/**
 * Says a line for each rule that is asked, until one refuses. @returns whether it is allowed
 * @throws BrokerError it cannot be said: the question is wrong, there is no such user or vhost; or the lock's error
 */
export async function explainAccess(
  question: Question,
  settings: Config,
  out: (line: string) => void,
): Promise<boolean> {
  const requests = requestsOf(question);
  const { user } = question;
  const { vhost } = requests[0]!;
  const hasVhost = (name: string): boolean => Object.hasOwn(settings.vhosts, name);
  if (!hasVhost(vhost)) throw new BrokerError('not-found', `the settings have no vhost '${vhost}'`);
  const directory = resolve(settings.data);
  // A directory that is not there is not made for a question: the settings alone say who there is.
  const isThere = await nodeFiles.list(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  return withStoppedState(
    directory,
    async (state, clock) => {
      const onFault = (error: unknown): never => {
        throw error;
      };
      const { login } = settings;
      const users = new BrokerUsers({ state, clock, login, userFrom: 'commonName', hasVhost, onFault });
      // Without their passwords, which nobody asks for here and which take their time.
      const configured = configuredUsers(settings.users).map(({ password: _, ...rest }) => rest);
      await users.configure(configured);
      const rules = users.authenticator;
      if (users.get(user) === undefined && rules.permissionsOf(user, vhost) === undefined) {
        throw new BrokerError('not-found', `there is no user '${user}' in the settings or in ${directory}`);
      }
      const access = new RuledAccess(rules);
      for (const request of requests) {
        const found = access.explain({ user }, request);
        out(sentence(found));
        if (!found.allowed) return false;
      }
      return true;
    },
    isThere ? nodeFiles : new MemoryFiles(),
  );
}

/** @throws BrokerError invalid */
function requestsOf({ action: given, resource, vhost = '/', topic, clientId }: Question): AccessRequest[] {
  const action = ACTIONS.find((one) => one === given);
  if (action === undefined) throw new BrokerError('invalid', `the action is one of ${ACTIONS.join(', ')}`);
  const [, kind, name] = RESOURCE.exec(resource) ?? [];
  if (name === undefined || (kind === 'queue' && name === '')) {
    throw new BrokerError('invalid', 'the resource is queue:NAME or exchange:NAME');
  }
  const asked = { vhost, action, name, ...(clientId !== undefined && { clientId }) };
  const first: AccessRequest = { ...asked, resource: kind as 'queue' | 'exchange' };
  if (topic === undefined) return [first];
  if (kind !== 'exchange' || action === 'configure') {
    throw new BrokerError('invalid', 'topics are of exchanges, to write or to read');
  }
  return [first, { ...asked, resource: 'topic', routingKey: topic }];
}

function sentence({ allowed, decidedBy, user, request, subject, pattern, expanded, fault }: Explanation): string {
  const { action, vhost, resource, name } = request;
  const of = resource === 'topic' ? `topic '${subject}' of exchange '${name}'` : `${resource} '${subject}'`;
  const said = `${allowed ? 'allowed' : 'denied'}: user '${user}', ${action} ${of} in vhost '${vhost}'`;
  if (decidedBy === 'no-permissions') return `${said}: it has no permissions in this vhost, and may not enter it`;
  if (decidedBy === 'no-topic-permission') {
    return `${said}: it has no topic permission for this exchange, so every topic is free`;
  }
  const filled = expanded === undefined ? '' : `, which is '${expanded}' here,`;
  const rule = `its ${decidedBy.replace('-', ' ')} ${action} '${pattern}'${filled}`;
  if (fault !== undefined) return `${said}: ${rule} cannot be used: ${fault}`;
  return `${said}: ${rule} is ${allowed ? '' : 'not '}found in '${subject}'`;
}
