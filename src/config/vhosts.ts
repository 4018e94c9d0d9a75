/**
 * The settings of vhosts: names alone, or names with what is set for each.
 *
 *     vhosts: [/, plant]
 *
 *     vhosts:
 *       /: {}
 *       plant:
 *         durability: { level: interval, interval: 100 ms }
 *         limits: { queues: 10000 }
 *         policies:
 *           - { name: short, pattern: ^tmp, applyTo: queues, definition: { max-length: 100 } }
 */
import { z } from 'zod';
import type { Policy } from '../api/policies.ts';
import type { Compatibility } from '../api/session.ts';
import { BrokerError } from '../message/errors.ts';
import type { TopologyLimits } from '../vhost/topology/limits.ts';
import { checkedPolicy } from '../vhost/topology/policies.ts';
import { POLICY_KEYS } from '../vhost/topology/policy-definition.ts';
import { count, DURABILITY_LEVELS, duration, size } from './kinds.ts';
import { renamed, type ScopeLimitsConfig, type ScopeLimitsInput, scopeLimits, upTo, writtenLimits } from './limits.ts';
import { didYouMean } from './suggest.ts';
import { formatDuration } from './units.ts';

export interface VhostConfig {
  /** Undefined: the broker's. */
  durability?: { level: (typeof DURABILITY_LEVELS)[number]; interval: number } | undefined;
  /** Undefined: the broker's. */
  compat?: Compatibility | undefined;
  limits: TopologyLimits & ScopeLimitsConfig;
  policies: Required<Policy>[];
}

/** What may be written. */
export type VhostsInput = readonly string[] | Readonly<Record<string, VhostInput>>;

export interface VhostInput {
  readonly durability?:
    | { readonly level?: (typeof DURABILITY_LEVELS)[number]; readonly interval?: number | string }
    | undefined;
  readonly compat?: Compatibility | undefined;
  readonly limits?:
    | (ScopeLimitsInput & {
        readonly queues?: number | undefined;
        readonly exchanges?: number | undefined;
        readonly bindingsPerQueue?: number | undefined;
        readonly retainedMessages?: number | undefined;
        readonly schedules?: number | undefined;
        readonly retainedBytes?: number | string | undefined;
      })
    | undefined;
  readonly policies?: readonly Policy[] | undefined;
}

const limit = (what: string) => count(1, 100_000_000, undefined, `${what} at most; default: any number`);

export const policySchema = z
  .looseObject({}, 'must be a policy: name, pattern, definition')
  .superRefine((value, context) => {
    const given = value as Record<string, unknown>;
    for (const key of Object.keys(given)) {
      if (POLICY_FIELDS.includes(key)) continue;
      context.addIssue(complete(`has the key ${key}, which is not known${didYouMean(key, POLICY_FIELDS)}`, [key]));
      return;
    }
    const definition = (given['definition'] ?? {}) as object;
    for (const key of typeof definition === 'object' ? Object.keys(definition) : []) {
      if (POLICY_KEYS.includes(key)) continue;
      context.addIssue(
        complete(`has the setting ${key}, which is not known${didYouMean(key, POLICY_KEYS)}`, ['definition', key]),
      );
      return;
    }
    try {
      asPolicy(given);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      context.addIssue(complete(`is wrong: ${error.message}`));
    }
  })
  .transform((value) => asPolicy(value as Record<string, unknown>));

export const POLICY_FIELDS: readonly string[] = [
  'name',
  'pattern',
  'applyTo',
  'apply-to',
  'priority',
  'definition',
  'kind',
];

/** An issue whose text needs no value after it. @param at where within the policy it is, for the line and column */
function complete(message: string, at: readonly string[] = []) {
  return { code: 'custom', message, params: { complete: true, at } } as const;
}

/** RabbitMQ's own spelling of `applyTo` is taken too. */
function asPolicy(given: Record<string, unknown>): Required<Policy> {
  const { name, pattern, definition, priority = 0, kind = 'policy' } = given;
  const applyTo = given['applyTo'] ?? given['apply-to'] ?? 'all';
  if (typeof name !== 'string') throw new BrokerError('invalid', 'it needs a name');
  if (typeof pattern !== 'string') throw new BrokerError('invalid', 'it needs a pattern');
  if (kind !== 'policy' && kind !== 'operator') throw new BrokerError('invalid', 'its kind is policy or operator');
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) {
    throw new BrokerError('invalid', 'it needs a definition, such as { max-length: 100 }');
  }
  return checkedPolicy({ name, pattern, definition, priority, kind, applyTo } as Required<Policy>);
}

export const COMPATIBILITIES = ['rabbitmq-3', 'rabbitmq-4', 'activemq'] as const satisfies readonly Compatibility[];
export const compat = z.enum(COMPATIBILITIES, `must be one of ${COMPATIBILITIES.join(', ')}`);

const durability = z.strictObject({
  level: z.enum(DURABILITY_LEVELS, `must be one of ${DURABILITY_LEVELS.join(', ')}`).default('fsync'),
  interval: duration(1, 60_000, 200, 'between syncs, with the level interval'),
});

const limits = z.strictObject({
  ...scopeLimits,
  queues: upTo(0, 100_000_000, 'queues at most; default: any number'),
  exchanges: limit('exchanges'),
  bindingsPerQueue: limit('bindings of one queue'),
  retainedMessages: limit('retained messages'),
  schedules: upTo(0, 10_000_000, 'messages that come again and again at most; default: 10000'),
  retainedBytes: size(1, Number.MAX_SAFE_INTEGER, undefined, 'of retained messages at most; default: any number'),
});

const vhost = z.preprocess(
  (value) => value ?? {},
  z.strictObject({
    durability: durability.optional(),
    compat: compat.optional(),
    limits: z.preprocess((value) => renamed(value ?? {}), limits),
    policies: z.array(policySchema, 'must be a list of policies').default([]),
  }),
);

/** The groups of a vhost's settings that hold sizes and durations. */
export const VHOST_SHAPES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  durability: durability.shape,
  limits: limits.shape,
};

/** The keys there are in a vhost's settings, by what they stand in: for suggestions. */
export const VHOST_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['durability', 'compat', 'limits', 'policies'],
  durability: ['level', 'interval'],
  limits: Object.keys(limits.shape),
};

export const vhostsSchema = z.preprocess(
  (value, context) => {
    if (value === undefined) return { '/': {} };
    if (!Array.isArray(value)) return value;
    if (new Set(value).size < value.length) context.addIssue('must name each vhost once');
    if (value.some((name) => typeof name !== 'string')) context.addIssue('must be names');
    return Object.fromEntries(value.map((name) => [String(name), {}]));
  },
  z
    .record(
      z.string().min(1, 'must be a name').max(255, 'must have 255 characters at most'),
      vhost,
      'must be a list of names, or names with their settings',
    )
    .refine((vhosts) => Object.hasOwn(vhosts, '/'), 'must have the default vhost "/" among them'),
);

/** As it would be written: names alone where nothing is set for any. */
export function writtenVhosts(vhosts: Readonly<Record<string, VhostConfig>>): unknown {
  const plain = Object.fromEntries(
    Object.entries(vhosts).map(([name, { durability, compat, limits, policies }]) => [
      name,
      {
        ...(durability !== undefined && {
          durability: { level: durability.level, interval: formatDuration(durability.interval) },
        }),
        ...(compat !== undefined && { compat }),
        ...(Object.values(limits).some((value) => value !== undefined) && {
          limits: writtenLimits(limits),
        }),
        ...(policies.length > 0 && { policies }),
      },
    ]),
  );
  const bare = Object.values(plain).every((settings) => Object.keys(settings).length === 0);
  return bare ? Object.keys(plain) : plain;
}
