/**
 * The file of Mosquitto's dynamic security plugin (2.0): clients with their hashes, groups, roles, what is allowed by default. It is
 * JSON, of whatever shape: what is not understood is said, and left out.
 */
import type { Assignment, FilterRule, Member, RuleKind, TopicUse } from '../../api/administration.ts';
import { BrokerError } from '../../message/errors.ts';
import { type MosquittoHash, mosquittoHash } from '../passwords.ts';
import { ruleFault } from '../roles/role-checks.ts';
import type { Plan } from './plan.ts';

type Json = Readonly<Record<string, unknown>>;

const KINDS: Readonly<Record<string, RuleKind>> = {
  publishClientSend: 'publish',
  publishClientReceive: 'receive',
  subscribeLiteral: 'subscribeLiteral',
  subscribePattern: 'subscribePattern',
  unsubscribeLiteral: 'unsubscribeLiteral',
  unsubscribePattern: 'unsubscribePattern',
};
const USES: Readonly<Record<string, TopicUse>> = {
  publishClientSend: 'publish',
  publishClientReceive: 'receive',
  subscribe: 'subscribe',
  unsubscribe: 'unsubscribe',
};
const PARTS = ['defaultACLAccess', 'clients', 'groups', 'roles', 'anonymousGroup'];

/** @throws BrokerError invalid: it is no such file */
export function planDynamicSecurity(text: string, plan: Plan, isConfigured: (user: string) => boolean): void {
  const file = parsed(text);
  for (const role of listOf(file['roles'])) planRole(role, plan);
  for (const group of listOf(file['groups'])) {
    const name = textOf(group['groupname']);
    plan.add(`group '${name}'`, ({ roles }) => {
      const { title, description } = texts(group);
      roles.putGroup({ name, title, description, roles: assignmentsOf(group['roles'], 'rolename') });
    });
  }
  for (const client of listOf(file['clients'])) planClient(client, file, plan, isConfigured);
  const defaults = file['defaultACLAccess'];
  if (isObject(defaults)) {
    const access: Partial<Record<TopicUse, boolean>> = {};
    for (const [name, use] of Object.entries(USES)) {
      const allow = defaults[name];
      if (typeof allow === 'boolean') access[use] = allow;
    }
    plan.add('default access', ({ roles }) => roles.setDefaults(access));
  }
  const anonymous = textOf(file['anonymousGroup']);
  if (anonymous !== '')
    plan.add(`group of clients without a name: '${anonymous}'`, ({ roles }) => roles.setAnonymousGroup(anonymous));
  for (const part of Object.keys(file)) if (!PARTS.includes(part)) plan.leftOut.push(`'${part}' of the file`);
}

function planRole(role: Json, plan: Plan): void {
  const name = textOf(role['rolename']);
  const rules: FilterRule[] = [];
  for (const acl of listOf(role['acls'])) {
    const kind = KINDS[textOf(acl['acltype'])];
    const filter = textOf(acl['topic']);
    const what = `${textOf(acl['acltype'])} ${filter} of role '${name}'`;
    const fault = ruleFault(filter);
    if (kind === undefined) plan.leftOut.push(`${what}: there is no such kind`);
    else if (fault !== undefined) plan.leftOut.push(`${what}: ${fault}`);
    else rules.push({ kind, filter, priority: integerOf(acl['priority'], 0), allow: acl['allow'] === true });
  }
  plan.add(`role '${name}' of ${rules.length} rules`, ({ roles }) => {
    const { title, description } = texts(role);
    roles.putRole({ name, title, description, rules });
  });
}

function planClient(client: Json, file: Json, plan: Plan, isConfigured: (user: string) => boolean): void {
  const name = textOf(client['username']);
  const what = `user '${name}'`;
  if (isConfigured(name)) {
    plan.leftOut.push(`${what}: the configuration sets it`);
    return;
  }
  const groups = groupsOf(client, name, file);
  plan.add(what, ({ users, roles }) => {
    users.put(name, [], { hash: hashOf(client) }, undefined);
    const { title, description } = texts(client);
    const clientId = textOf(client['clientid']);
    const member: Member = {
      ...{ title, description },
      clientId: clientId === '' ? undefined : clientId,
      disabled: client['disabled'] === true,
      roles: assignmentsOf(client['roles'], 'rolename'),
      groups,
    };
    roles.putMember(name, member, true);
  });
}

/** What the client says, and what the groups say of it. */
function groupsOf(client: Json, name: string, file: Json): readonly Assignment[] {
  const found = new Map(assignmentsOf(client['groups'], 'groupname').map((group) => [group.name, group]));
  for (const group of listOf(file['groups'])) {
    const member = assignmentsOf(group['clients'], 'username').find((one) => one.name === name);
    const of = textOf(group['groupname']);
    if (member !== undefined) found.set(of, { name: of, priority: member.priority });
  }
  return [...found.values()];
}

/** Undefined: it has no password. @throws BrokerError invalid */
function hashOf({ password, salt, iterations }: Json): MosquittoHash | undefined {
  if (password === undefined) return undefined;
  return mosquittoHash(textOf(salt), textOf(password), integerOf(iterations, 0));
}

function texts(of: Json): { readonly title: string | undefined; readonly description: string | undefined } {
  const optional = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return { title: optional(of['textname']), description: optional(of['textdescription']) };
}

function assignmentsOf(list: unknown, key: string): Assignment[] {
  return listOf(list).map((one) => ({ name: textOf(one[key]), priority: integerOf(one['priority'], -1) }));
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function integerOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) ? value : otherwise;
}

/** @throws BrokerError invalid; what the text holds is not said, for it may be secret */
function parsed(text: string): Json {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new BrokerError('invalid', 'this is not JSON');
  }
  if (isObject(given) && PARTS.some((part) => part in given)) return given;
  throw new BrokerError('invalid', "this is no file of Mosquitto's dynamic security");
}
