/**
 * The role store: roles, groups, and who has been given them, in memory and in the broker's own durable state (`role:`, `group:`,
 * `member:`, `role-defaults` and `anonymous-group`, in JSON).
 *
 * Each role and group has an identity of its own beside its name, which whoever has been given it keeps: so one that is deleted
 * is gone everywhere at once, and another of its name is another one.
 */
import { randomBytes } from 'node:crypto';
import type { AdapterState } from '../../api/adapter-state.ts';
import type { Assignment, Group, Member, Role, TopicUse } from '../../api/administration.ts';
import { BrokerError } from '../../message/errors.ts';
import {
  bounded,
  checkGroup,
  checkMember,
  checkRole,
  GROUPS_MAX,
  ROLES_MAX,
  RULES_MAX,
  recordOf,
} from './role-checks.ts';

const ROLE = 'role:';
const GROUP = 'group:';
const MEMBER = 'member:';
const DEFAULTS = 'role-defaults';
const ANONYMOUS_GROUP = 'anonymous-group';

/** As Mosquitto's plugin begins. */
const FIRST_DEFAULTS: Readonly<Record<TopicUse, boolean>> = {
  publish: false,
  receive: true,
  subscribe: false,
  unsubscribe: true,
};
const EPOCHS_MAX = 100_000;
const NOBODY: Member = { disabled: false, roles: [], groups: [] };

interface Identified extends Assignment {
  readonly id: string;
}

interface KeptRole extends Omit<Role, 'name'> {
  readonly id: string;
}

interface KeptGroup extends Omit<Group, 'name' | 'roles'> {
  readonly id: string;
  readonly roles: readonly Identified[];
}

interface KeptMember extends Omit<Member, 'roles' | 'groups'> {
  readonly roles: readonly Identified[];
  readonly groups: readonly Identified[];
  /** Roles say what it may do with topics, even where it has none any more. */
  readonly judged: boolean;
}

export class RoleStore {
  private readonly state: AdapterState;
  private readonly roles = new Map<string, KeptRole>();
  private readonly groups = new Map<string, KeptGroup>();
  private readonly members = new Map<string, KeptMember>();
  /** Users of a group, by its identity. */
  private readonly users = new Map<string, Set<string>>();
  private ruleCount = 0;
  private access: Readonly<Record<TopicUse, boolean>> = FIRST_DEFAULTS;
  private anonymous: Identified | undefined;
  /** Users whose sessions have been ended, and how often anybody's were by then. The oldest goes. */
  private readonly epochs = new Map<string, number>();
  private endings = 0;
  private readonly listeners: (() => void)[] = [];

  constructor(state: AdapterState) {
    this.state = state;
    this.read();
  }

  /** Takes what is kept as it is now: something of it has been taken back. */
  reload(): void {
    for (const held of [this.roles, this.groups, this.members, this.users]) held.clear();
    this.ruleCount = 0;
    this.access = FIRST_DEFAULTS;
    this.anonymous = undefined;
    this.read();
    for (const listener of this.listeners) listener();
  }

  private read(): void {
    const { state } = this;
    const each = <T>(prefix: string, to: (name: string, value: T) => void): void => {
      for (const key of state.keys(prefix)) {
        if (key.startsWith(prefix)) to(key.slice(prefix.length), JSON.parse(state.get(key)!.toString()) as T);
      }
    };
    each<KeptRole>(ROLE, (name, role) => {
      this.roles.set(name, role);
      this.ruleCount += role.rules.length;
    });
    each<KeptGroup>(GROUP, (name, group) => this.groups.set(name, group));
    each<KeptMember>(MEMBER, (name, member) => {
      this.members.set(name, member);
      this.index(name, member, true);
    });
    const access = state.get(DEFAULTS);
    if (access !== undefined) this.access = JSON.parse(access.toString());
    const anonymous = state.get(ANONYMOUS_GROUP);
    if (anonymous !== undefined) this.anonymous = JSON.parse(anonymous.toString());
  }

  onChanged(listener: () => void): void {
    this.listeners.push(listener);
  }

  // ----------------------------------------------------------------------------------------------------- reading

  roleNames(): string[] {
    return [...this.roles.keys()].sort();
  }

  role(name: string): Role | undefined {
    const kept = this.roles.get(name);
    if (kept === undefined) return undefined;
    const { id: _, ...role } = kept;
    return { name, ...role };
  }

  groupNames(): string[] {
    return [...this.groups.keys()].sort();
  }

  group(name: string): Group | undefined {
    const kept = this.groups.get(name);
    if (kept === undefined) return undefined;
    const { id: _, roles, ...group } = kept;
    return { name, ...group, roles: standing(roles, this.roles) };
  }

  usersOf(group: string): string[] {
    const kept = this.groups.get(group);
    return kept === undefined ? [] : [...(this.users.get(kept.id) ?? [])].sort();
  }

  /** Of whoever has nothing said of it: an empty one. */
  member(user: string): Member {
    const kept = this.members.get(user);
    if (kept === undefined) return NOBODY;
    const { judged: _, roles, groups, ...member } = kept;
    return { ...member, roles: standing(roles, this.roles), groups: standing(groups, this.groups) };
  }

  /** Roles say what this user may do with topics. */
  isJudged(user: string): boolean {
    return this.members.get(user)?.judged === true;
  }

  /** A user may log in as this client. */
  admits(user: string, clientId: string | undefined): boolean {
    const kept = this.members.get(user);
    if (kept === undefined) return true;
    return !kept.disabled && (kept.clientId === undefined || kept.clientId === clientId);
  }

  isDisabled(user: string): boolean {
    return this.members.get(user)?.disabled === true;
  }

  /** Another number than before: the sessions that it had are over. */
  epochOf(user: string): number {
    return this.epochs.get(user) ?? 0;
  }

  get defaults(): Readonly<Record<TopicUse, boolean>> {
    return this.access;
  }

  get anonymousGroup(): string | undefined {
    const { anonymous } = this;
    return anonymous !== undefined && this.groups.get(anonymous.name)?.id === anonymous.id ? anonymous.name : undefined;
  }

  // ---------------------------------------------------------------------------------------------------- changing

  /** @throws BrokerError invalid, precondition-failed */
  putRole(role: Role): void {
    checkRole(role);
    const { name, title, description, rules } = role;
    const before = this.roles.get(name);
    const count = this.ruleCount - (before?.rules.length ?? 0) + rules.length;
    bounded(count, RULES_MAX, 'rules in all');
    if (before === undefined) bounded(this.roles.size + 1, ROLES_MAX, 'roles');
    const kept: KeptRole = { id: before?.id ?? newId(), title, description, rules };
    this.state.put(ROLE + name, recordOf(kept));
    this.roles.set(name, kept);
    this.ruleCount = count;
    this.changed();
  }

  deleteRole(name: string): boolean {
    const kept = this.roles.get(name);
    if (kept === undefined) return false;
    this.state.delete(ROLE + name);
    this.roles.delete(name);
    this.ruleCount -= kept.rules.length;
    this.changed();
    return true;
  }

  /** @throws BrokerError invalid, not-found (a role), precondition-failed */
  putGroup(group: Group): void {
    checkGroup(group);
    const { name, title, description } = group;
    const before = this.groups.get(name);
    if (before === undefined) bounded(this.groups.size + 1, GROUPS_MAX, 'groups');
    const roles = identified(group.roles, this.roles, 'role');
    const kept: KeptGroup = { id: before?.id ?? newId(), title, description, roles };
    this.state.put(GROUP + name, recordOf(kept));
    this.groups.set(name, kept);
    this.changed();
  }

  deleteGroup(name: string): boolean {
    const kept = this.groups.get(name);
    if (kept === undefined) return false;
    this.state.delete(GROUP + name);
    this.groups.delete(name);
    this.users.delete(kept.id);
    this.changed();
    return true;
  }

  /** What `putMember` would say. @throws BrokerError as that */
  check(member: Member): void {
    checkMember(member);
    identified(member.roles, this.roles, 'role');
    identified(member.groups, this.groups, 'group');
  }

  /** @param judged from now on in any case @throws BrokerError invalid, not-found (a role or group), precondition-failed */
  putMember(user: string, member: Member, judged = false): void {
    this.check(member);
    const { title, description, clientId, disabled } = member;
    const before = this.members.get(user);
    const roles = identified(member.roles, this.roles, 'role');
    const groups = identified(member.groups, this.groups, 'group');
    const kept: KeptMember = {
      ...{ title, description, clientId, disabled, roles, groups },
      judged: judged || before?.judged === true || roles.length + groups.length > 0,
    };
    this.state.put(MEMBER + user, recordOf(kept));
    if (before !== undefined) this.index(user, before, false);
    this.members.set(user, kept);
    this.index(user, kept, true);
    this.changed();
  }

  /** What it has of sessions ends. */
  endSessions(user: string): void {
    this.nextEpoch(user);
    this.changed();
  }

  private nextEpoch(user: string): void {
    this.epochs.delete(user);
    if (this.epochs.size >= EPOCHS_MAX) this.epochs.delete(this.epochs.keys().next().value!);
    this.epochs.set(user, ++this.endings);
  }

  /** The user is deleted. */
  forget(user: string): void {
    this.nextEpoch(user);
    const before = this.members.get(user);
    if (before === undefined) return;
    this.state.delete(MEMBER + user);
    this.index(user, before, false);
    this.members.delete(user);
    this.changed();
  }

  setDefaults(defaults: Partial<Record<TopicUse, boolean>>): void {
    const access = { ...this.access, ...defaults };
    this.state.put(DEFAULTS, recordOf(access));
    this.access = access;
    this.changed();
  }

  /** @throws BrokerError not-found */
  setAnonymousGroup(group: string): void {
    const [found] = identified([{ name: group, priority: 0 }], this.groups, 'group');
    this.state.put(ANONYMOUS_GROUP, recordOf(found!));
    this.anonymous = found;
    this.changed();
  }

  private index(user: string, { groups }: KeptMember, isIn: boolean): void {
    for (const { id } of groups) {
      const users = this.users.get(id);
      if (!isIn) users?.delete(user);
      else if (users === undefined) this.users.set(id, new Set([user]));
      else users.add(user);
    }
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

/** Those that are still there, in their order. */
function standing(
  assignments: readonly Identified[],
  among: ReadonlyMap<string, { readonly id: string }>,
): readonly Assignment[] {
  return assignments
    .filter(({ name, id }) => among.get(name)?.id === id)
    .map(({ name, priority }) => ({ name, priority }))
    .sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
}

/** @throws BrokerError not-found */
function identified(
  assignments: readonly Assignment[],
  among: ReadonlyMap<string, { readonly id: string }>,
  what: string,
): readonly Identified[] {
  return assignments.map(({ name, priority }) => {
    const found = among.get(name);
    if (found === undefined) throw new BrokerError('not-found', `no ${what} '${name}'`);
    return { name, priority, id: found.id };
  });
}

function newId(): string {
  return randomBytes(9).toString('base64url');
}
