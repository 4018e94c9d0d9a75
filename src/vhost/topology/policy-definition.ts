/**
 * The definition of a policy: RabbitMQ's keys, checked, and how an operator's policy and an ordinary one make one definition. How
 * that meets what a queue was declared with is said in `queue/limits/settings.ts`. A dead letter is at least once here anyway, and
 * a queue always lazy: so `dead-letter-strategy`, `queue-mode` and `queue-version` are checked and change nothing.
 *
 * Refuses keys that nobody knows: a limit that is mistyped would limit nothing.
 */
import { LEASE_MAX_MS, LEASE_MIN_MS } from '../../api/consume.ts';
import type { PolicyValue } from '../../api/policies.ts';
import { type DeduplicationWords, deduplicationWords, WORDS } from '../../deduplication/settings.ts';
import { BrokerError } from '../../message/errors.ts';
import type { PolicySettings } from '../../queue/limits/settings.ts';
import { ORDER_WORDS, orderContradiction, orderWords } from '../../queue/order/order-words.ts';
import { RETRY_KEYS, type RetryLookup, retryContradiction, retryRules } from '../../settlement/retry-dialects.ts';
import type { HalfMessageRules } from '../half/rules.ts';

export type PolicyDefinition = Readonly<Record<string, PolicyValue>>;

interface Key {
  /** RabbitMQ's words for what the value is not. */
  readonly what: string;
  check(value: PolicyValue): boolean;
  /** Which of a queue's settings it is; undefined: it says nothing about queues, or nothing here. */
  readonly setting?: keyof PolicySettings;
  /** An operator's policy may have it. */
  readonly operator?: boolean;
  /** Accepted for those who bring their definitions, without effect. */
  readonly ignored?: boolean;
}

const whole =
  (min: number) =>
  (value: PolicyValue): boolean =>
    Number.isSafeInteger(value) && (value as number) >= min;
const text = (value: PolicyValue): boolean => typeof value === 'string';
const oneOf =
  (...values: PolicyValue[]) =>
  (value: PolicyValue): boolean =>
    values.includes(value);
const anything = (): boolean => true;
const IGNORED: Key = { what: 'value', check: anything, ignored: true };

const KEYS: Readonly<Record<string, Key>> = {
  'alternate-exchange': { what: 'alternate exchange name', check: text },
  'dead-letter-exchange': { what: 'dead letter exchange name', check: text, setting: 'deadLetterExchange' },
  'dead-letter-routing-key': { what: 'dead letter routing key', check: text, setting: 'deadLetterKey' },
  'dead-letter-strategy': {
    what: 'dead letter strategy',
    check: oneOf('at-most-once', 'at-least-once'),
  },
  'message-ttl': { what: 'message TTL', check: whole(0), setting: 'messageTtlMs', operator: true },
  'consumer-timeout': { what: 'consumer timeout', check: whole(0), setting: 'consumerTimeoutMs' },
  lease: {
    what: `lease: it must be ${LEASE_MIN_MS} to ${LEASE_MAX_MS} milliseconds`,
    check: (value) => whole(LEASE_MIN_MS)(value) && (value as number) <= LEASE_MAX_MS,
    setting: 'leaseMs',
  },
  expires: { what: 'queue expiry', check: whole(1), setting: 'expiresMs', operator: true },
  'max-length': { what: 'maximum length', check: whole(0), setting: 'lengthMax', operator: true },
  'max-length-bytes': {
    what: 'maximum length in bytes',
    check: whole(0),
    setting: 'bytesMax',
    operator: true,
  },
  overflow: {
    what: 'overflow value',
    check: oneOf('drop-head', 'reject-publish', 'reject-publish-dlx'),
    setting: 'overflow',
    operator: true,
  },
  'delivery-limit': { what: 'delivery limit', check: whole(0), setting: 'attemptsMax', operator: true },
  'half-message-check-after': { what: 'time in milliseconds', check: whole(1) },
  'half-message-checks': { what: 'number of questions', check: whole(0) },
  'half-message-default': { what: "value: it must be 'commit' or 'rollback'", check: oneOf('commit', 'rollback') },
  passport: { what: 'value: it must be true or false', check: oneOf(true, false), setting: 'passport' },
  ...RETRY_KEYS,
  ...Object.fromEntries(
    Object.entries(WORDS).map(([name, { what, read }]) => [
      name,
      { what: `value: it must be ${what}`, check: (value: PolicyValue) => read(value) !== undefined },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(ORDER_WORDS).map(([name, { what, check }]) => [name, { what: `value: it must be ${what}`, check }]),
  ),
  'queue-mode': { what: 'queue-mode value', check: oneOf('default', 'lazy') },
  'queue-version': { what: 'queue-version value', check: oneOf(1, 2), operator: true },
  'max-in-memory-length': { what: 'maximum memory in bytes', check: whole(0), operator: true, ignored: true },
  'max-in-memory-bytes': { what: 'maximum memory in bytes', check: whole(0), operator: true, ignored: true },
  'queue-master-locator': IGNORED,
  'queue-leader-locator': IGNORED,
  'ha-mode': IGNORED,
  'ha-params': IGNORED,
  'ha-sync-mode': IGNORED,
  'ha-sync-batch-size': IGNORED,
  'ha-promote-on-shutdown': IGNORED,
  'ha-promote-on-failure': IGNORED,
};

export const POLICY_KEYS: readonly string[] = Object.keys(KEYS);

/** @throws BrokerError invalid: an unknown key, or a value that the key cannot have */
export function checkDefinition(definition: PolicyDefinition, operator: boolean): void {
  const entries = Object.entries(definition);
  if (entries.length === 0) throw new BrokerError('invalid', 'no policy provided: the definition is empty');
  for (const [name, value] of entries) {
    const key = Object.hasOwn(KEYS, name) ? KEYS[name]! : undefined;
    if (key === undefined || (operator && key.operator !== true)) {
      const where = operator && key !== undefined ? ' of an operator policy' : '';
      throw new BrokerError('invalid', `["${name}"] are not recognised policy settings${where}`);
    }
    if (!key.check(value)) {
      throw new BrokerError('invalid', `${JSON.stringify(value)} is not a valid ${key.what} (${name})`);
    }
  }
  const contradiction =
    retryContradiction(...retriesOf(definition)) ?? orderContradiction(orderWords((word) => definition[word]));
  if (contradiction !== undefined) throw new BrokerError('invalid', contradiction);
}

/** The keys that are accepted and do nothing. */
export function ignoredKeys(definition: PolicyDefinition): string[] {
  return Object.keys(definition).filter((name) => KEYS[name]!.ignored === true);
}

/** An operator's policy limits what an ordinary one says: of two numbers the lower counts; its overflow and version win. */
export function mergeDefinitions(
  policy: PolicyDefinition | undefined,
  operator: PolicyDefinition | undefined,
): PolicyDefinition | undefined {
  if (policy === undefined || operator === undefined) return policy ?? operator;
  const merged: Record<string, PolicyValue> = { ...policy };
  for (const [name, value] of Object.entries(operator)) {
    const own = merged[name];
    const limits = typeof own === 'number' && typeof value === 'number' && name !== 'queue-version';
    // The longer of two first delays is the gentler one, as RabbitMQ has it.
    const stricter = name === 'delayed-retry-min' ? Math.max : Math.min;
    merged[name] = limits ? stricter(own, value) : value;
  }
  return merged;
}

/** What each says about queues: very many have the same policy. */
const QUEUE_POLICIES = new WeakMap<PolicyDefinition, PolicySettings>();

/** What it says about a queue; `queue/limits/settings.ts` merges it with what the queue was declared with. */
export function queuePolicy(definition: PolicyDefinition): PolicySettings {
  let settings = QUEUE_POLICIES.get(definition);
  if (settings === undefined) {
    settings = queueSettings(definition);
    QUEUE_POLICIES.set(definition, settings);
  }
  return settings;
}

function queueSettings(definition: PolicyDefinition): PolicySettings {
  const settings: Record<string, PolicyValue> = {};
  for (const [name, value] of Object.entries(definition)) {
    const { setting } = KEYS[name]!;
    if (setting !== undefined) settings[setting] = value;
  }
  // Beyond what RabbitMQ 3 has: a message that failed waits before it is tried again, in whatever dialect it is said.
  const { backoff, attemptsMax } = retryRules(...retriesOf(definition));
  return {
    ...(attemptsMax !== undefined && { attemptsMax }),
    ...(settings as PolicySettings),
    backoff,
    deduplication: policyWords(definition),
    order: orderWords((word) => definition[word]),
  };
}

/** What it says about taking a message once. */
export function policyWords(definition: PolicyDefinition | undefined): DeduplicationWords | null {
  return definition === undefined ? null : deduplicationWords((word) => definition[word]);
}

/** What it says about half messages whose publishers are silent. */
export function halfMessageWords(definition: PolicyDefinition): Partial<HalfMessageRules> {
  const checkAfterMs = definition['half-message-check-after'] as number | undefined;
  const checks = definition['half-message-checks'] as number | undefined;
  const otherwise = definition['half-message-default'] as HalfMessageRules['otherwise'] | undefined;
  return {
    ...(checkAfterMs !== undefined && { checkAfterMs }),
    ...(checks !== undefined && { checks }),
    ...(otherwise !== undefined && { otherwise }),
  };
}

/** It speaks of half messages. */
export function saysHalf(definition: PolicyDefinition): boolean {
  return Object.keys(definition).some((name) => name.startsWith('half-message-'));
}

function retriesOf(definition: PolicyDefinition): [said: RetryLookup, limited: boolean] {
  return [(name) => definition[name] as ReturnType<RetryLookup>, definition['delivery-limit'] !== undefined];
}
