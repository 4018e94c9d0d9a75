/** What users may do: the rules, as the permissions read them from wherever they are kept. */

/** RabbitMQ's permissions of one user in one vhost: regular expressions, looked for in the name. '' matches nothing. */
export interface PermissionPatterns {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** RabbitMQ's topic permissions of one exchange: regular expressions over routing keys, with `{username}`, `{vhost}` and `{client_id}`. */
export interface TopicPatterns {
  readonly exchange: string;
  readonly write: string;
  readonly read: string;
}

export interface AccessRules {
  /** Undefined: the user has no permission in the vhost at all, and may not enter. */
  permissionsOf(user: string, vhost: string): PermissionPatterns | undefined;
  /** Empty: none in this vhost, and every key of every exchange is free. */
  topicPermissionsOf(user: string, vhost: string): readonly TopicPatterns[];
}
