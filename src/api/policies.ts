/**
 * Policies: settings that queues and exchanges get by their names.
 */

/** What a policy applies to. `classic_queues` and `quorum_queues` go by the queue's declared type. */
export type PolicyTarget = 'all' | 'queues' | 'exchanges' | 'classic_queues' | 'quorum_queues';
/** The value of one setting; numbers are whole, in the unit that the setting has (`message-ttl`: milliseconds). */
export type PolicyValue = string | number | boolean;

/**
 * Settings that queues and exchanges get by their names, without their clients' doing. Of those that match, the one of the
 * highest priority counts, alone; beside it, one of the kind `operator` sets limits that no client or policy can raise.
 */
export interface Policy {
  /** Unique among those of its kind in the vhost. */
  readonly name: string;
  /** A regular expression that is looked for anywhere in the name; at most 1024 characters. */
  readonly pattern: string;
  /** Default `all`. */
  readonly applyTo?: PolicyTarget;
  /** Higher first; default 0. */
  readonly priority?: number;
  /** `message-ttl`, `max-length` and so on. */
  readonly definition: Readonly<Record<string, PolicyValue>>;
  /** Default `policy`. */
  readonly kind?: PolicyKind;
}

/** `operator`: limits that no client and no policy can raise. */
export type PolicyKind = 'policy' | 'operator';

/** A policy as it is in force, with its defaults. */
export interface PolicyInfo extends Required<Policy> {
  /** It comes from the configuration, and cannot be changed but there. */
  readonly configured: boolean;
}
