/**
 * The user store: who there is, and what each may do, in memory and in the broker's own durable state.
 *
 * Users come from two places. Those that the configuration sets are there as long as it says so, are not written down, and are
 * changed only there; the others are made by programs and kept (`user:`, `permissions:` and `topic-permissions:` in the state, in
 * JSON). Where both name the same user the configuration's counts, whole.
 *
 * It knows of no log: `BrokerState` says when a change is safe.
 */
import type { AdapterState } from '../api/adapter-state.ts';
import type { Permissions, TopicPermissions, UserInfo } from '../api/users.ts';
import { BrokerError } from '../message/errors.ts';
import type { PasswordHash } from './passwords.ts';
import type { ScramSecret } from './scram.ts';
import { checkName, checkPermissions, USERS_MAX } from './user-checks.ts';

/** What a user's password is checked with. Nothing in it: the user cannot log in with a password. */
export interface UserSecrets {
  readonly hash?: PasswordHash | undefined;
  readonly scram?: ScramSecret | undefined;
}

export interface TopicRule extends TopicPermissions {
  readonly exchange: string;
}

const NO_TOPICS: readonly TopicRule[] = [];
const PERMISSIONS_OF_USER_MAX = 10_000;

/** One user. It is replaced when its password changes: whoever holds one can tell. */
export class User {
  readonly name: string;
  readonly tags: readonly string[];
  readonly configured: boolean;
  secrets: UserSecrets;
  /** What the last right password looked like (`PasswordProofs`): it need not be hashed again. */
  proof: Buffer | undefined;
  readonly permissions: Map<string, Permissions>;
  readonly topics: Map<string, readonly TopicRule[]>;
  /** Of a configured user: vhosts that the configuration says nothing of for it, and that it has been let into while running. */
  readonly added = new Set<string>();

  constructor(
    name: string,
    tags: readonly string[],
    secrets: UserSecrets,
    { configured = false, proof, before }: { configured?: boolean; proof?: Buffer; before?: User | undefined } = {},
  ) {
    this.name = name;
    this.tags = tags;
    this.secrets = secrets;
    this.configured = configured;
    this.proof = proof;
    this.permissions = before?.permissions ?? new Map();
    this.topics = before?.topics ?? new Map();
  }

  get hasPassword(): boolean {
    return this.proof !== undefined || this.secrets.hash !== undefined;
  }

  setTopic(vhost: string, rule: TopicRule): void {
    const others = (this.topics.get(vhost) ?? NO_TOPICS).filter(({ exchange }) => exchange !== rule.exchange);
    this.topics.set(vhost, [...others, rule]);
  }

  describe(): UserInfo {
    const { name, tags, configured, hasPassword } = this;
    return {
      ...{ name, tags, configured, hasPassword },
      permissions: [...this.permissions].map(([vhost, permissions]) => ({ vhost, ...permissions })),
      topicPermissions: [...this.topics].flatMap(([vhost, rules]) => rules.map((rule) => ({ vhost, ...rule }))),
    };
  }
}

export interface UserStoreOptions {
  readonly state: AdapterState;
  /** @throws BrokerError invalid: the pattern cannot be used */
  readonly checkPattern: (text: string) => void;
  readonly hasVhost: (name: string) => boolean;
}

export class UserStore {
  private readonly options: UserStoreOptions;
  private readonly kept = new Map<string, User>();
  private configured: ReadonlyMap<string, User> = new Map();
  private readonly listeners: (() => void)[] = [];

  constructor(options: UserStoreOptions) {
    this.options = options;
    this.read();
  }

  /** Takes what is kept as it is now: something of it has been taken back. */
  reload(): void {
    this.kept.clear();
    this.read();
    for (const user of this.configured.values()) {
      for (const vhost of user.added) user.permissions.delete(vhost);
      user.added.clear();
    }
    this.readAdded();
    this.announce();
  }

  /** What configured users were let into while running. */
  private readAdded(): void {
    const { state } = this.options;
    for (const key of state.keys(ADDED)) {
      const [name, vhost] = JSON.parse(key.slice(ADDED.length)) as [string, string];
      const user = this.configured.get(name);
      if (user === undefined || user.permissions.has(vhost)) continue;
      user.permissions.set(vhost, JSON.parse(state.get(key)!.toString()));
      user.added.add(vhost);
    }
  }

  private read(): void {
    const { state } = this.options;
    for (const key of state.keys('user:')) {
      const { tags, hash, scram } = JSON.parse(state.get(key)!.toString()) as KeptUser;
      const name = key.slice('user:'.length);
      this.kept.set(name, new User(name, tags, { hash, scram: scram && scramFrom(scram) }));
    }
    for (const key of state.keys('permissions:')) {
      const [user, vhost] = JSON.parse(key.slice('permissions:'.length)) as [string, string];
      this.kept.get(user)?.permissions.set(vhost, JSON.parse(state.get(key)!.toString()));
    }
    for (const key of state.keys('topic-permissions:')) {
      const [user, vhost, exchange] = JSON.parse(key.slice('topic-permissions:'.length)) as [string, string, string];
      const given = JSON.parse(state.get(key)!.toString()) as TopicPermissions;
      this.kept.get(user)?.setTopic(vhost, { exchange, ...given });
    }
  }

  /** Nobody is there, neither configured nor kept. */
  get empty(): boolean {
    return this.kept.size === 0 && this.configured.size === 0;
  }

  find(name: string): User | undefined {
    return this.configured.get(name) ?? this.kept.get(name);
  }

  /** Sorted. */
  names(): string[] {
    return [...new Set([...this.configured.keys(), ...this.kept.keys()])].sort();
  }

  list(): UserInfo[] {
    return this.names().map((name) => this.find(name)!.describe());
  }

  permissionsOf(user: string, vhost: string): Permissions | undefined {
    return this.find(user)?.permissions.get(vhost);
  }

  topicPermissionsOf(user: string, vhost: string): readonly TopicRule[] {
    return this.find(user)?.topics.get(vhost) ?? NO_TOPICS;
  }

  onChanged(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Takes the configuration's users, in the place of those it had. */
  configure(users: readonly User[]): void {
    this.configured = new Map(users.map((user) => [user.name, user]));
    this.readAdded();
    this.announce();
  }

  /** @throws BrokerError invalid, not-allowed */
  put(name: string, tags: readonly string[], secrets: UserSecrets, proof: Buffer | undefined): void {
    this.changeable(name);
    const before = this.kept.get(name);
    if (before === undefined && this.kept.size >= USERS_MAX) {
      throw new BrokerError('precondition-failed', `there are ${USERS_MAX} users already`);
    }
    const user = new User(name, tags, secrets, { before, ...(proof !== undefined && { proof }) });
    this.write(user);
    this.kept.set(name, user);
    this.announce();
  }

  /** Keeps better secrets of the same password; false: the user is not the same any more. */
  upgrade(user: User, secrets: UserSecrets): boolean {
    if (this.kept.get(user.name) !== user) return false;
    user.secrets = secrets;
    this.write(user);
    return true;
  }

  delete(name: string): boolean {
    this.changeable(name);
    const user = this.kept.get(name);
    if (user === undefined) return false;
    const { state } = this.options;
    for (const vhost of user.permissions.keys()) state.delete(permissionsKey(name, vhost));
    for (const [vhost, rules] of user.topics) {
      for (const { exchange } of rules) state.delete(topicsKey(name, vhost, exchange));
    }
    state.delete(`user:${name}`);
    this.kept.delete(name);
    this.announce();
    return true;
  }

  setPermissions(name: string, vhost: string, given: Permissions): void {
    const user = this.enterable(name, vhost);
    const { configure, write, read } = checkPermissions(
      given,
      ['configure', 'write', 'read'],
      this.options.checkPattern,
    );
    if (!user.permissions.has(vhost)) bounded(user.permissions.size);
    const permissions = { configure: configure!, write: write!, read: read! };
    this.options.state.put(keyOf(user, vhost), json(permissions));
    user.permissions.set(vhost, permissions);
    if (user.configured) user.added.add(vhost);
    this.announce();
  }

  /** Those of topics stay: they take away, and who gets permissions again is not to have more than before. */
  clearPermissions(name: string, vhost: string): boolean {
    const user = this.enterable(name, vhost);
    const had = user.permissions.delete(vhost);
    if (had) this.options.state.delete(keyOf(user, vhost));
    user.added.delete(vhost);
    if (had) this.announce();
    return had;
  }

  /** A vhost goes, with what anybody kept may do in it. */
  vhostRemoved(vhost: string): void {
    for (const user of this.kept.values()) {
      this.clearTopics(user, vhost, undefined);
      if (user.permissions.delete(vhost)) this.options.state.delete(permissionsKey(user.name, vhost));
    }
    for (const user of this.configured.values()) {
      if (!user.added.delete(vhost)) continue;
      user.permissions.delete(vhost);
      this.options.state.delete(keyOf(user, vhost));
    }
    this.announce();
  }

  setTopicPermissions(name: string, vhost: string, exchange: string, given: TopicPermissions): void {
    const user = this.existing(name, vhost);
    checkName(exchange, "an exchange's name");
    const { write, read } = checkPermissions(given, ['write', 'read'], this.options.checkPattern);
    const permissions = { write: write!, read: read! };
    bounded(user.topics.get(vhost)?.length ?? 0);
    if (!user.topics.has(vhost)) bounded(user.topics.size);
    this.options.state.put(topicsKey(name, vhost, exchange), json(permissions));
    user.setTopic(vhost, { exchange, ...permissions });
    this.announce();
  }

  clearTopicPermissions(name: string, vhost: string, exchange: string | undefined): boolean {
    const had = this.clearTopics(this.existing(name, vhost), vhost, exchange);
    if (had) this.announce();
    return had;
  }

  private clearTopics(user: User, vhost: string, exchange: string | undefined): boolean {
    const rules = user.topics.get(vhost) ?? NO_TOPICS;
    const gone = rules.filter((rule) => exchange === undefined || rule.exchange === exchange);
    for (const rule of gone) this.options.state.delete(topicsKey(user.name, vhost, rule.exchange));
    const left = rules.filter((rule) => !gone.includes(rule));
    if (left.length > 0) user.topics.set(vhost, left);
    else user.topics.delete(vhost);
    return gone.length > 0;
  }

  /**
   * For permissions in a vhost: also a configured user's, where the configuration says nothing of that vhost for it.
   * @throws BrokerError not-found, not-allowed
   */
  private enterable(name: string, vhost: string): User {
    const user = this.configured.get(name);
    if (user === undefined || (user.permissions.has(vhost) && !user.added.has(vhost)))
      return this.existing(name, vhost);
    if (!this.options.hasVhost(vhost)) throw new BrokerError('not-found', `vhost '${vhost}' not found`);
    return user;
  }

  /** @throws BrokerError not-found, not-allowed */
  private existing(name: string, vhost: string): User {
    this.changeable(name);
    const user = this.kept.get(name);
    if (user === undefined) throw new BrokerError('not-found', `no user '${name}'`);
    if (!this.options.hasVhost(vhost)) throw new BrokerError('not-found', `vhost '${vhost}' not found`);
    return user;
  }

  private changeable(name: string): void {
    checkName(name, "a user's name");
    if (this.configured.has(name)) {
      throw new BrokerError('not-allowed', `the configuration sets the user '${name}': change it there`);
    }
  }

  private write({ name, tags, secrets: { hash, scram } }: User): void {
    this.options.state.put(`user:${name}`, json({ tags, hash, scram: scram && scramText(scram) } satisfies KeptUser));
  }

  /** What somebody may do has changed. */
  announce(): void {
    for (const listener of this.listeners) listener();
  }
}

/** A user's value in the state. */
interface KeptUser {
  readonly tags: readonly string[];
  readonly hash: PasswordHash | undefined;
  readonly scram: KeptScram | undefined;
}

interface KeptScram {
  readonly salt: string;
  readonly iterations: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

function scramText({ salt, iterations, storedKey, serverKey }: ScramSecret): KeptScram {
  const text = (bytes: Buffer): string => bytes.toString('base64');
  return { salt: text(salt), iterations, storedKey: text(storedKey), serverKey: text(serverKey) };
}

function scramFrom({ salt, iterations, storedKey, serverKey }: KeptScram): ScramSecret {
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  return { salt: bytes(salt), iterations, storedKey: bytes(storedKey), serverKey: bytes(serverKey) };
}

/** Of a configured user's added permissions: they are not those of a kept user of the same name. */
const ADDED = 'added-permissions:';

function keyOf({ name, configured }: User, vhost: string): string {
  return configured ? `${ADDED}${JSON.stringify([name, vhost])}` : permissionsKey(name, vhost);
}

function permissionsKey(user: string, vhost: string): string {
  return `permissions:${JSON.stringify([user, vhost])}`;
}

function topicsKey(user: string, vhost: string, exchange: string): string {
  return `topic-permissions:${JSON.stringify([user, vhost, exchange])}`;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function bounded(count: number): void {
  if (count >= PERMISSIONS_OF_USER_MAX) {
    throw new BrokerError('precondition-failed', `a user has ${PERMISSIONS_OF_USER_MAX} permissions at most`);
  }
}
