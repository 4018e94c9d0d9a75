/** The administration of users, roles and groups by a client: who may, and how its commands are carried out on the broker's users. */
import type {
  AccessEditor,
  AccessReader,
  Administration,
  Group,
  Member,
  PasswordSecret,
  Role,
  TopicUse,
} from '../api/administration.ts';
import type { Identity } from '../api/identity.ts';
import { GUEST } from '../auth/loopback-only.ts';
import type { RoleStore } from '../auth/roles/role-store.ts';
import { checkName, checkSettings } from '../auth/user-checks.ts';
import type { UserSecrets } from '../auth/user-store.ts';
import type { Logger } from '../logger.ts';
import { BrokerError } from '../message/errors.ts';
import type { BrokerUsers } from './users.ts';

const ADMINISTRATOR = 'administrator';

/** Whose administration it is. @param topic dotted @throws BrokerError as `Session.administration` does */
export type AdministrationFor = (identity: Identity, topic: string, clientId: string | undefined) => Administration;

/**
 * @param isOwn whether an identity is one of these users, rather than a back end's of the same name; null: who somebody is, a program's
 * own authenticator says
 */
export function administrationOf(
  users: BrokerUsers,
  isOwn: ((identity: Identity) => boolean) | null,
  logger: Logger,
): AdministrationFor {
  const editor = new Editor(users);
  return (identity, topic, clientId) => {
    if (isOwn === null)
      throw new BrokerError('not-implemented', 'the users of this broker are administered by its program');
    const { user } = identity;
    const demand = (): void => {
      const may = isOwn(identity)
        ? mayAdminister(users, user, topic, clientId)
        : identity.tags?.includes(ADMINISTRATOR) === true;
      if (may) return;
      throw new BrokerError('access-refused', `user '${user}' may not administer users`);
    };
    demand();
    const changed = (what: string): void => logger.info({ user, change: what }, 'users or roles were changed');
    return new UserAdministration(users, editor, demand, changed);
  };
}

/**
 * Those with the tag `administrator` may, those whose roles let them publish to the topic that commands come by, and the `guest` of a
 * broker without users.
 * @param key of that topic, dotted
 */
export function mayAdminister(users: BrokerUsers, user: string, key: string, clientId: string | undefined): boolean {
  // As they are now: not those that it had when it came.
  if (users.store.find(user)?.tags.includes(ADMINISTRATOR) === true) return true;
  if (user === GUEST && users.authenticator.usesLocal(user)) return true;
  const { roleAccess } = users;
  return roleAccess.judges(user) && roleAccess.permits('publish', key, { user, clientId });
}

class UserAdministration implements Administration {
  private readonly users: BrokerUsers;
  private readonly editor: AccessEditor;
  private readonly demand: () => void;
  private readonly changed: (what: string) => void;

  /** @param demand asked again each time: what was permitted when a command came may not be any more when it is its turn */
  constructor(users: BrokerUsers, editor: AccessEditor, demand: () => void, changed: (what: string) => void) {
    this.users = users;
    this.editor = editor;
    this.demand = demand;
    this.changed = changed;
  }

  get access(): AccessReader {
    this.demand();
    return this.editor;
  }

  async hash(password: string): Promise<PasswordSecret> {
    const { password: bytes } = checkSettings({ password });
    return { secret: await this.users.secretsOf(bytes!) };
  }

  async change<T>(what: string, work: (access: AccessEditor) => T): Promise<T> {
    const result = await this.users.change(() => {
      this.demand();
      return work(this.editor);
    });
    this.changed(what);
    return result;
  }
}

class Editor implements AccessEditor {
  private readonly all: BrokerUsers;
  private readonly kept: RoleStore;

  constructor(users: BrokerUsers) {
    this.all = users;
    this.kept = users.roles;
  }

  users(): string[] {
    return this.all.store.names();
  }

  member(user: string): Member | undefined {
    return this.all.store.find(user) === undefined ? undefined : this.kept.member(user);
  }

  roles(): string[] {
    return this.kept.roleNames();
  }

  role(name: string): Role | undefined {
    return this.kept.role(name);
  }

  groups(): string[] {
    return this.kept.groupNames();
  }

  group(name: string): Group | undefined {
    return this.kept.group(name);
  }

  usersOf(group: string): string[] {
    return this.kept.usersOf(group);
  }

  get defaults(): Readonly<Record<TopicUse, boolean>> {
    return this.kept.defaults;
  }

  get anonymousGroup(): string | undefined {
    return this.kept.anonymousGroup;
  }

  createUser(name: string, password: PasswordSecret | undefined, member: Member): void {
    if (this.all.store.find(name) !== undefined)
      throw new BrokerError('precondition-failed', `there is a user '${name}'`);
    checkName(name, "a user's name");
    // What may be wrong with it is found before there is a user.
    this.kept.check(member);
    this.all.store.put(name, [], (password?.secret ?? {}) as UserSecrets, undefined);
    this.kept.putMember(name, member, true);
  }

  setPassword(user: string, password: PasswordSecret): void {
    const { tags } = this.changeable(user);
    this.all.store.put(user, tags, password.secret as UserSecrets, undefined);
    this.kept.endSessions(user);
  }

  setMember(user: string, member: Member): void {
    this.changeable(user);
    const before = this.kept.member(user);
    this.kept.putMember(user, member);
    const { clientId } = member;
    if (member.disabled || (clientId !== undefined && clientId !== before.clientId)) this.kept.endSessions(user);
  }

  deleteUser(user: string): boolean {
    return this.all.deleteNow(user);
  }

  putRole(role: Role): void {
    this.kept.putRole(role);
  }

  deleteRole(name: string): boolean {
    return this.kept.deleteRole(name);
  }

  putGroup(group: Group): void {
    this.kept.putGroup(group);
  }

  deleteGroup(name: string): boolean {
    return this.kept.deleteGroup(name);
  }

  setDefaults(defaults: Partial<Record<TopicUse, boolean>>): void {
    this.kept.setDefaults(defaults);
  }

  setAnonymousGroup(group: string): void {
    this.kept.setAnonymousGroup(group);
  }

  /** @throws BrokerError not-found, not-allowed */
  private changeable(user: string): { readonly tags: readonly string[] } {
    const found = this.all.store.find(user);
    if (found === undefined) throw new BrokerError('not-found', `no user '${user}'`);
    if (found.configured) {
      throw new BrokerError('not-allowed', `the configuration sets the user '${user}': change it there`);
    }
    return found;
  }
}
