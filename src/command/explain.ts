/** `entrepot auth explain`: whether a user may do something, and which rule says so, from a stopped broker's data and settings. */
import { resolve } from 'node:path';
import { TOPIC_USES, type TopicUse } from '../api/administration.ts';
import type { AccessRequest, Action } from '../api/identity.ts';
import { type Explanation, RuledAccess } from '../auth/permissions/ruled-access.ts';
import type { RoleDecision } from '../auth/roles/role-access.ts';
import { bindingKey } from '../broker/session/permissions.ts';
import { BrokerUsers } from '../broker/users.ts';
import { isKeptVhost } from '../broker/vhost-registry.ts';
import type { Config } from '../config/schema.ts';
import { configuredUsers } from '../config/users.ts';
import { nodeFiles } from '../log/files/files.ts';
import { MemoryFiles } from '../log/files/memory-files.ts';
import { BrokerError } from '../message/errors.ts';
import { SLASH } from '../message/message.ts';
import { respelled } from '../message/spelling.ts';
import { withStoppedState } from './stopped-state.ts';

const ACTIONS: readonly Action[] = ['configure', 'write', 'read'];
const RESOURCE = /^(queue|exchange):(.*)$/s;
const TOPIC = /^topic:(.+)$/s;

export interface Question {
  readonly user: string;
  readonly action: string;
  /** `queue:NAME` or `exchange:NAME`; `exchange:` is the default exchange. With `publish`, `receive` … `topic:A/B`. */
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
  const use = TOPIC_USES.find((one) => one === question.action);
  const asked = use === undefined ? undefined : topicUseOf(question, use);
  const requests = asked?.requests ?? requestsOf(question);
  const { user } = question;
  const { vhost } = requests[0]!;
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
      if (!hasVhost(vhost)) throw new BrokerError('not-found', `the settings have no vhost '${vhost}'`);
      const onFault = (error: unknown): never => {
        throw error;
      };
      const { login } = settings;
      const users = new BrokerUsers({ state, clock, login, userFrom: 'commonName', hasVhost, onFault });
      // Without their passwords, which nobody asks for here and which take their time.
      const configured = configuredUsers(settings.users).map(({ password: _, ...rest }) => rest);
      await users.configure(configured);
      const rules = users.authenticator;
      const known = users.get(user) !== undefined || users.roleAccess.judges(user);
      if (!known && rules.permissionsOf(user, vhost) === undefined) {
        throw new BrokerError('not-found', `there is no user '${user}' in the settings or in ${directory}`);
      }
      const { roleAccess } = users;
      if (asked !== undefined && roleAccess.judges(user)) {
        const { clientId } = question;
        const decision = roleAccess.decide(asked.use, asked.key, { user, clientId });
        out(roleSentence(`user '${user}', ${asked.use} topic '${asked.topic}'`, decision));
        return decision.allowed;
      }
      const access = new RuledAccess(rules, roleAccess);
      for (const request of requests) {
        const found = access.explain({ user }, request);
        out(sentence(found, access.mayEnter({ user }, vhost)));
        if (!found.allowed) return false;
      }
      return true;
    },
    isThere ? nodeFiles : new MemoryFiles(),
  );
}

interface AskedTopic {
  readonly use: TopicUse;
  readonly topic: string;
  /** Dotted. */
  readonly key: string;
  /** The same, as permissions are asked. */
  readonly requests: AccessRequest[];
}

/** What an MQTT client does with a topic, or with the filter of a subscription. @throws BrokerError invalid */
function topicUseOf({ resource, vhost = '/', topic: other, clientId }: Question, use: TopicUse): AskedTopic {
  const topic = TOPIC.exec(resource)?.[1];
  if (topic === undefined || other !== undefined || vhost !== '/') {
    throw new BrokerError('invalid', `${use} is asked of topic:A/B, in the vhost '/'`);
  }
  const key = use === 'subscribe' || use === 'unsubscribe' ? bindingKey(topic, SLASH) : respelled(topic);
  const action: Action = use === 'publish' ? 'write' : 'read';
  const asked = { vhost, action, name: 'amq.topic', ...(clientId !== undefined && { clientId }) };
  const requests: AccessRequest[] = [
    { ...asked, resource: 'exchange', topicsFollow: use === 'publish' },
    { ...asked, resource: 'topic', routingKey: key },
  ];
  return { use, topic, key, requests };
}

function roleSentence(asked: string, { allowed, by, expanded }: RoleDecision): string {
  const said = `${allowed ? 'allowed' : 'denied'}: ${asked}`;
  if (by === undefined) return `${said}: no rule of its roles fits, and this is the default`;
  const { rule, role, group } = by;
  const through = group === undefined ? '' : ` (by the group '${group}')`;
  const filled = expanded === undefined ? '' : `, which is '${expanded}' here`;
  const verb = rule.allow ? 'allows' : 'denies';
  return `${said}: its role '${role}'${through} ${verb} ${rule.kind} '${rule.filter}'${filled}, priority ${rule.priority}`;
}

/** @throws BrokerError invalid */
function requestsOf({ action: given, resource, vhost = '/', topic, clientId }: Question): AccessRequest[] {
  const action = ACTIONS.find((one) => one === given);
  if (action === undefined) {
    throw new BrokerError('invalid', `the action is one of ${[...ACTIONS, ...TOPIC_USES].join(', ')}`);
  }
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
  return [
    { ...first, topicsFollow: action === 'write' },
    { ...asked, resource: 'topic', routingKey: topic },
  ];
}

function sentence(
  { allowed, byRole, decidedBy, user, request, subject, pattern, expanded, fault }: Explanation,
  mayEnter: boolean,
): string {
  const { action, vhost, resource, name } = request;
  const of = resource === 'topic' ? `topic '${subject}' of exchange '${name}'` : `${resource} '${subject}'`;
  const asked = `user '${user}', ${action} ${of} in vhost '${vhost}'`;
  if (byRole !== undefined) return roleSentence(asked, byRole);
  const said = `${allowed ? 'allowed' : 'denied'}: ${asked}`;
  if (decidedBy === 'roles') return `${said}: its roles decide, topic by topic`;
  if (decidedBy === 'no-permissions') {
    return `${said}: it has no permissions in this vhost${mayEnter ? '' : ', and may not enter it'}`;
  }
  if (decidedBy === 'no-topic-permission') {
    return `${said}: it has no topic permission for this exchange, so every topic is free`;
  }
  const filled = expanded === undefined ? '' : `, which is '${expanded}' here,`;
  const rule = `its ${decidedBy.replace('-', ' ')} ${action} '${pattern}'${filled}`;
  if (fault !== undefined) return `${said}: ${rule} cannot be used: ${fault}`;
  return `${said}: ${rule} is ${allowed ? '' : 'not '}found in '${subject}'`;
}
