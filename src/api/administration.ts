/**
 * The administration of users, roles and groups by a client of the broker: an operator's commands that come in a protocol of their own.
 * An adapter reads and writes them; what they mean is here.
 *
 * A role is a list of rules over topic filters. A user that has been given roles, itself or by a group, is judged by them
 * wherever topics are addressed, and by nothing else there (`Authenticator`); without them by its permissions.
 */

/** What a rule is about, in the order in which they are listed. */
export const RULE_KINDS = [
  'publish',
  'receive',
  'subscribeLiteral',
  'subscribePattern',
  'unsubscribeLiteral',
  'unsubscribePattern',
] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

/** What a client does with topics. */
export const TOPIC_USES = ['publish', 'receive', 'subscribe', 'unsubscribe'] as const;
export type TopicUse = (typeof TOPIC_USES)[number];

export interface FilterRule {
  readonly kind: RuleKind;
  /**
   * A filter whose levels are parted by `/`, with `+` and `#`; `%u` and `%c` stand for the user and what its client calls itself.
   * `…Literal`: the subscription's filter, as it stands. 1 to 1,024 characters.
   */
  readonly filter: string;
  /** Higher first; of the same, the one that was added first. */
  readonly priority: number;
  readonly allow: boolean;
}

export interface Role {
  readonly name: string;
  /** Names for people. Undefined: none was given. */
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  /** As they were added. */
  readonly rules: readonly FilterRule[];
}

/** A role or a group that somebody has been given. */
export interface Assignment {
  readonly name: string;
  /** Higher first; of the same, by name. */
  readonly priority: number;
}

export interface Group {
  readonly name: string;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  /** Highest priority first, then by name. */
  readonly roles: readonly Assignment[];
}

/** What is said of a user beside its password, tags and permissions. */
export interface Member {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  /** It is let in only when its client calls itself so. Undefined: whatever that is. */
  readonly clientId?: string | undefined;
  /** It is not let in. */
  readonly disabled: boolean;
  /** Highest priority first, then by name. */
  readonly roles: readonly Assignment[];
  readonly groups: readonly Assignment[];
}

/** A password, hashed: what it is in is the broker's. */
export interface PasswordSecret {
  readonly secret: object;
}

/** What there is. */
export interface AccessReader {
  /** Names of all users of the broker, sorted. */
  users(): string[];
  /** Undefined: there is no such user. */
  member(user: string): Member | undefined;
  roles(): string[];
  role(name: string): Role | undefined;
  groups(): string[];
  group(name: string): Group | undefined;
  /** Names of a group's users, sorted. */
  usersOf(group: string): string[];
  /** What is allowed where no rule decides. Topics of `$CONTROL` never are. */
  readonly defaults: Readonly<Record<TopicUse, boolean>>;
  /** The group by which clients without a name are judged. */
  readonly anonymousGroup: string | undefined;
}

/**
 * What there is, to be changed. Everything throws BrokerError before it has changed anything: invalid, precondition-failed (too many),
 * not-found, not-allowed (the configuration sets that user).
 */
export interface AccessEditor extends AccessReader {
  /** Makes a user, which is judged by roles from the start. @param password undefined: it cannot log in with one */
  createUser(name: string, password: PasswordSecret | undefined, member: Member): void;
  /** Its sessions end. */
  setPassword(user: string, password: PasswordSecret): void;
  /** Replaces what is said of a user; from then on it is judged by roles, unless it has none and never had. Its sessions end where they would not be let in any more. */
  setMember(user: string, member: Member): void;
  deleteUser(user: string): boolean;
  /** Makes a role, or replaces it. */
  putRole(role: Role): void;
  /** Whoever had it has it no more. */
  deleteRole(name: string): boolean;
  putGroup(group: Group): void;
  deleteGroup(name: string): boolean;
  setDefaults(defaults: Partial<Record<TopicUse, boolean>>): void;
  setAnonymousGroup(group: string): void;
}

/** Each call asks whether its client may still administer: access-refused. */
export interface Administration {
  readonly access: AccessReader;
  /** @throws BrokerError invalid (its length), unavailable (too many wait) */
  hash(password: string): Promise<PasswordSecret>;
  /**
   * What `work` changes is in force at once, and there after a crash as a whole or not at all.
   * @param what for the operator's log, with no secret in it: `createRole 'r'`
   * @returns once it is safe
   * @throws BrokerError what `work` has thrown; unavailable
   */
  change<T>(what: string, work: (access: AccessEditor) => T): Promise<T>;
}
