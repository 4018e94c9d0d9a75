/** What may be said of roles, groups and members: names, texts, rules, each with its bound. */
import {
  type Assignment,
  type FilterRule,
  type Group,
  type Member,
  type Role,
  RULE_KINDS,
} from '../../api/administration.ts';
import { BrokerError } from '../../message/errors.ts';
import { checkName } from '../user-checks.ts';
import { faultOf } from './filter.ts';

export const ROLES_MAX = 10_000;
export const GROUPS_MAX = 10_000;
/** Of all roles together: how long one decision takes at most. */
export const RULES_MAX = 20_000;
const RULES_OF_ROLE_MAX = 1_000;
const ASSIGNMENTS_MAX = 100;
const TEXT_CHARS_MAX = 1_024;
const CLIENT_ID_CHARS_MAX = 1_024;
/** A record of the state lies in one block. */
const RECORD_BYTES_MAX = 64 * 1024;

/** @throws BrokerError invalid, precondition-failed */
export function checkRole(role: Role): void {
  checkName(role.name, "a role's name");
  checkTexts(role);
  bounded(role.rules.length, RULES_OF_ROLE_MAX, 'rules a role');
  const known = new Set<string>();
  for (const rule of role.rules) {
    checkRule(rule);
    const key = `${rule.kind} ${rule.filter}`;
    if (known.has(key)) throw new BrokerError('invalid', 'a role has one rule of a kind for a filter');
    known.add(key);
  }
}

function checkRule({ kind, filter, priority, allow }: FilterRule): void {
  const fault = ruleFault(filter);
  if (fault !== undefined) throw new BrokerError('invalid', `the filter of a rule: ${fault}`);
  if (!RULE_KINDS.includes(kind) || typeof allow !== 'boolean') throw new BrokerError('invalid', 'a rule of no kind');
  checkPriority(priority);
}

/** Why a rule cannot have this filter. */
export function ruleFault(filter: string): string | undefined {
  if (filter === '' || filter.length > TEXT_CHARS_MAX) return `it has 1 to ${TEXT_CHARS_MAX} characters`;
  return faultOf(filter);
}

/** @throws BrokerError invalid, precondition-failed */
export function checkGroup(group: Group): void {
  checkName(group.name, "a group's name");
  checkTexts(group);
  checkAssignments(group.roles, 'roles');
}

/** @throws BrokerError invalid, precondition-failed */
export function checkMember(member: Member): void {
  checkTexts(member);
  checkAssignments(member.roles, 'roles');
  checkAssignments(member.groups, 'groups');
  const { clientId = '' } = member;
  if (typeof clientId !== 'string' || clientId.length > CLIENT_ID_CHARS_MAX) {
    throw new BrokerError('invalid', `a client identifier has at most ${CLIENT_ID_CHARS_MAX} characters`);
  }
}

/** A record, as it is kept. @throws BrokerError precondition-failed: it is too long */
export function recordOf(value: object): Buffer {
  const bytes = Buffer.from(JSON.stringify(value));
  if (bytes.length > RECORD_BYTES_MAX) {
    throw new BrokerError('precondition-failed', `more than ${RECORD_BYTES_MAX} bytes to keep`);
  }
  return bytes;
}

export function bounded(count: number, max: number, what: string): void {
  if (count > max) throw new BrokerError('precondition-failed', `there may be ${max} ${what}`);
}

function checkTexts({
  title = '',
  description = '',
}: {
  title?: string | undefined;
  description?: string | undefined;
}): void {
  for (const text of [title, description]) {
    if (typeof text !== 'string' || text.length > TEXT_CHARS_MAX) {
      throw new BrokerError('invalid', `a text has at most ${TEXT_CHARS_MAX} characters`);
    }
  }
}

function checkAssignments(list: readonly Assignment[], what: string): void {
  bounded(list.length, ASSIGNMENTS_MAX, `${what} each`);
  for (const { priority } of list) checkPriority(priority);
  if (new Set(list.map(({ name }) => name)).size < list.length) throw new BrokerError('invalid', `${what} given twice`);
}

function checkPriority(priority: number): void {
  if (Number.isInteger(priority) && Math.abs(priority) <= 0x7fffffff) return;
  throw new BrokerError('invalid', 'a priority is a whole number of 32 bits');
}
