/** The fields of one command of dynamic security, as they came: JSON of whatever shape. */
import type { Assignment, FilterRule, RuleKind, TopicUse } from '../../../src/api/index.ts';

/** A command that is answered with an error; nothing has changed. */
export class CommandRefused extends Error {}

export type Json = Readonly<Record<string, unknown>>;

/** What the plugin calls the kinds of rules, in the order in which it lists them. */
export const ACL_TYPES: ReadonlyMap<string, RuleKind> = new Map([
  ['publishClientSend', 'publish'],
  ['publishClientReceive', 'receive'],
  ['subscribeLiteral', 'subscribeLiteral'],
  ['subscribePattern', 'subscribePattern'],
  ['unsubscribeLiteral', 'unsubscribeLiteral'],
  ['unsubscribePattern', 'unsubscribePattern'],
]);

/** The same of what is allowed by default. */
export const DEFAULT_TYPES: ReadonlyMap<string, TopicUse> = new Map([
  ['publishClientSend', 'publish'],
  ['publishClientReceive', 'receive'],
  ['subscribe', 'subscribe'],
  ['unsubscribe', 'unsubscribe'],
]);

/** Priorities that nobody has given. */
const ASSIGNMENT_PRIORITY = -1;
const RULE_PRIORITY = 0;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws CommandRefused `Invalid/missing …`, for one that is no text */
export function text(command: Json, name: string, called = name): string {
  const value = command[name];
  if (typeof value !== 'string') throw new CommandRefused(`Invalid/missing ${called}`);
  return value;
}

/** A name of somebody or something: not empty. */
export function nameIn(command: Json, name: string): string {
  const value = text(command, name);
  if (value === '') throw new CommandRefused(`Invalid/missing ${name}`);
  return value;
}

/** Undefined: it is not there. @throws CommandRefused */
export function optionalText(command: Json, name: string, called = name): string | undefined {
  return command[name] === undefined ? undefined : text(command, name, called);
}

/** Undefined: not there, or no text, which the plugin passes over here. */
export function textIfAny(command: Json, name: string): string | undefined {
  const value = command[name];
  return typeof value === 'string' ? value : undefined;
}

/** One of another type counts as not there. */
export function integer(command: Json, name: string, otherwise: number): number {
  const value = command[name];
  if (typeof value !== 'number' || Number.isNaN(value)) return otherwise;
  return Math.trunc(Math.max(-0x80000000, Math.min(0x7fffffff, value)));
}

export function priorityIn(command: Json): number {
  return integer(command, 'priority', ASSIGNMENT_PRIORITY);
}

export function flag(command: Json, name: string): boolean {
  return command[name] === true;
}

/** The same whatever its capitals. */
export function typeIn<T>(types: ReadonlyMap<string, T>, name: string): T | undefined {
  const wanted = name.toLowerCase();
  for (const [known, value] of types) if (known.toLowerCase() === wanted) return value;
  return undefined;
}

/** The roles of a command; undefined: it names none. @throws CommandRefused */
export function rolesIn(command: Json): Assignment[] | undefined {
  const { roles } = command;
  if (roles === undefined) return undefined;
  const refused = (): CommandRefused => new CommandRefused("'roles' not an array or missing/invalid rolename");
  if (!Array.isArray(roles)) throw refused();
  const found = roles.map((role: unknown) => {
    if (!isObject(role) || typeof role['rolename'] !== 'string') throw refused();
    return { name: role['rolename'], priority: priorityIn(role) };
  });
  return firstOfEach(found);
}

/** A list of what is named under `name`; undefined: there is none. What is no such thing is passed over. */
export function listIn(command: Json, list: string, name: string): Assignment[] | undefined {
  const given = command[list];
  if (!Array.isArray(given)) return undefined;
  const found: Assignment[] = [];
  for (const item of given as unknown[]) {
    if (isObject(item) && typeof item[name] === 'string') found.push({ name: item[name], priority: priorityIn(item) });
  }
  return firstOfEach(found);
}

/** The rules of a command; undefined: it names none. @throws CommandRefused for one of an unknown type, or without a topic */
export function rulesIn(command: Json): FilterRule[] | undefined {
  const { acls } = command;
  if (!Array.isArray(acls)) return undefined;
  return (acls as unknown[]).map((acl) => {
    if (!isObject(acl)) throw new CommandRefused('Invalid/missing acls');
    return ruleIn(acl);
  });
}

/** @throws CommandRefused */
export function ruleIn(acl: Json): FilterRule {
  return {
    kind: kindIn(acl),
    filter: filterIn(acl),
    priority: integer(acl, 'priority', RULE_PRIORITY),
    allow: flag(acl, 'allow'),
  };
}

/** @throws CommandRefused */
export function kindIn(acl: Json): RuleKind {
  const kind = typeIn(ACL_TYPES, text(acl, 'acltype'));
  if (kind === undefined) throw new CommandRefused('Unknown acltype');
  return kind;
}

/** @throws CommandRefused */
export function filterIn(acl: Json): string {
  return text(acl, 'topic');
}

function firstOfEach(assignments: readonly Assignment[]): Assignment[] {
  const found = new Map<string, Assignment>();
  for (const one of assignments) if (!found.has(one.name)) found.set(one.name, one);
  return [...found.values()];
}
