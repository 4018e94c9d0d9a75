/**
 * Users as an operator's program sees them: who may log in, and what each may do in each vhost.
 */

/** RabbitMQ's names of hashed passwords: base64 of four bytes of salt and the hash of salt and password. */
export const HASHING_ALGORITHMS = [
  'rabbit_password_hashing_sha256',
  'rabbit_password_hashing_sha512',
  'rabbit_password_hashing_md5',
] as const;
export type HashingAlgorithm = (typeof HASHING_ALGORITHMS)[number];

/** The name of what is hashed otherwise, as this broker's own are: base64 of a text that only this broker reads. */
export const OWN_HASHING_ALGORITHM = 'entrepot_password_hashing';

/** A password's hash, to be taken to another broker. */
export interface ExportedHash {
  /** '' for a user that cannot log in with a password. */
  readonly passwordHash: string;
  readonly hashingAlgorithm: HashingAlgorithm | typeof OWN_HASHING_ALGORITHM;
}

/** How a user proves who it is, and its tags. Neither a password nor a hash: it exists and cannot log in with one. */
export interface UserSettings {
  /** 1 to 4,096 bytes of UTF-8. Only what lets it be checked is kept. */
  readonly password?: string | undefined;
  /** Instead of a password: a hash as RabbitMQ's definitions have it. */
  readonly passwordHash?: string | undefined;
  /** Of `passwordHash`; default rabbit_password_hashing_sha256. */
  readonly hashingAlgorithm?: ExportedHash['hashingAlgorithm'] | undefined;
  /** At most 16, of 64 characters. Default: none. */
  readonly tags?: readonly string[] | undefined;
}

/** Regular expressions, looked for anywhere in a name; '' is nothing. At most 1,024 characters each. */
export interface Permissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** The same for keys of a topic exchange. */
export interface TopicPermissions {
  readonly write: string;
  readonly read: string;
}

export interface UserInfo {
  readonly name: string;
  readonly tags: readonly string[];
  /** It can log in with a password. */
  readonly hasPassword: boolean;
  /** The configuration sets it: it is changed there. */
  readonly configured: boolean;
  readonly permissions: readonly (Permissions & { readonly vhost: string })[];
  readonly topicPermissions: readonly (TopicPermissions & { readonly vhost: string; readonly exchange: string })[];
}

/**
 * The users that the broker keeps. A change is in force at once and on the disk when its promise is resolved. Promises are rejected
 * with a BrokerError: not-found (user, vhost), invalid, not-allowed (the configuration sets that user), unavailable (the log has
 * failed).
 */
export interface Users {
  /** By name. */
  list(): UserInfo[];
  get(name: string): UserInfo | undefined;
  /** In their order. */
  names(): string[];
  /** What `put` of another broker takes in the place of the user's password: a secret. Of no user: of one without a password. */
  passwordHash(name: string): ExportedHash;
  /** Makes a user, or replaces password and tags of the one there is; its permissions stay. */
  put(name: string, settings: UserSettings): Promise<void>;
  /** With its permissions. False: there was none. */
  delete(name: string): Promise<boolean>;
  setPermissions(user: string, vhost: string, permissions: Permissions): Promise<void>;
  /** Takes the permissions in a vhost away; those of topics stay. False: there were none. */
  clearPermissions(user: string, vhost: string): Promise<boolean>;
  setTopicPermissions(user: string, vhost: string, exchange: string, permissions: TopicPermissions): Promise<void>;
  /** Of one exchange, or of all. False: there were none. */
  clearTopicPermissions(user: string, vhost: string, exchange?: string): Promise<boolean>;
}
