/**
 * The policies of a vhost: which one counts for a queue or an exchange. Names are matched when something is declared or a
 * policy changes, never when a message passes.
 *
 * Those of the configuration are there as long as the configuration says so; those that were set while running are records in
 * the log. Neither can take the other's name.
 */
import type { Policy, PolicyInfo, PolicyKind, PolicyTarget } from '../../api/policies.ts';
import { type Logger, NO_LOGGER } from '../../logger.ts';
import { BrokerError } from '../../message/errors.ts';
import { NamePattern } from '../../message/name-pattern.ts';
import type { Headers } from '../../message/properties.ts';
import type { HalfMessageRules } from '../half/rules.ts';
import {
  checkDefinition,
  halfMessageWords,
  ignoredKeys,
  mergeDefinitions,
  type PolicyDefinition,
  saysHalf,
} from './policy-definition.ts';

export const POLICY_TARGETS: readonly PolicyTarget[] = [
  'all',
  'queues',
  'exchanges',
  'classic_queues',
  'quorum_queues',
];
const NAME_CHARS_MAX = 255;
const POLICIES_MAX = 10_000;

interface Kept {
  readonly info: PolicyInfo;
  readonly pattern: Pick<NamePattern, 'matches'>;
}

const MATCHES_NOTHING = { matches: () => false };

/** What is in force for one object. */
export interface InForce {
  readonly policy: string | undefined;
  readonly operatorPolicy: string | undefined;
  readonly definition: PolicyDefinition | undefined;
  /** What the policy says that it applies to. */
  readonly target: PolicyTarget | undefined;
}

const NO_RULES: Partial<HalfMessageRules> = Object.freeze({});
const NOTHING: InForce = {
  policy: undefined,
  operatorPolicy: undefined,
  definition: undefined,
  target: undefined,
};

/**
 * A policy with every field, checked.
 * @param kept it is in the log: its pattern was taken once, and is not looked at again
 * @throws BrokerError invalid
 */
export function checkedPolicy(policy: Policy, kept = false): Required<Policy> {
  const { name, pattern, definition, applyTo = 'all', priority = 0, kind = 'policy' } = policy;
  if (name === '' || name.length > NAME_CHARS_MAX) {
    throw new BrokerError('invalid', `a policy's name must have 1 to ${NAME_CHARS_MAX} characters`);
  }
  const wrong = (why: string): BrokerError => new BrokerError('invalid', `policy '${name}': ${why}`);
  if (!POLICY_TARGETS.includes(applyTo)) throw wrong(`apply-to must be one of ${POLICY_TARGETS.join(', ')}`);
  if (!Number.isSafeInteger(priority)) throw wrong('the priority must be a whole number');
  try {
    checkDefinition(definition, kind === 'operator');
    if (!kept) new NamePattern(pattern);
  } catch (error) {
    throw error instanceof BrokerError ? wrong(error.message) : error;
  }
  return { name, pattern, applyTo, priority, kind, definition: { ...definition } };
}

/** What policies write down. */
export interface PolicyJournal {
  policy(policy: Required<Policy>): void;
  policyCleared(kind: PolicyKind, name: string): void;
}

export class Policies {
  /** Set while running, and by the configuration; by kind and name. */
  private readonly own = new Map<string, PolicyInfo>();
  private readonly configured = new Map<string, PolicyInfo>();
  /** Those that count, highest priority first. */
  private kept: Kept[] = [];
  /** One of them speaks of half messages: else nobody looks for what is in force for each. */
  private ofHalf = false;
  /** What is in force where a policy and an operator's count: the same for all queues that have both. */
  private readonly inForceTogether = new Map<PolicyInfo | undefined, Map<PolicyInfo | undefined, InForce>>();
  private readonly journal: PolicyJournal;
  private readonly logger: Logger;
  private readonly vhost: string;

  constructor(journal: PolicyJournal, logger: Logger = NO_LOGGER, vhost = '') {
    this.journal = journal;
    this.logger = logger;
    this.vhost = vhost;
  }

  get empty(): boolean {
    return this.kept.length === 0;
  }

  list(): PolicyInfo[] {
    return this.kept.map(({ info }) => info);
  }

  /** Those that a checkpoint must write. */
  durable(): PolicyInfo[] {
    return [...this.own.values()];
  }

  /** Whether one that was listed before is still there. */
  holds(policy: PolicyInfo): boolean {
    return this.own.get(keyOf(policy.kind, policy.name)) === policy;
  }

  /** Sets or replaces one. Whoever calls this applies it to what is there. @throws BrokerError invalid, not-allowed */
  set(policy: Policy): void {
    const info = { ...checkedPolicy(policy), configured: false };
    const key = keyOf(info.kind, info.name);
    this.mayChange(key, info.name);
    if (this.own.size >= POLICIES_MAX && !this.own.has(key)) {
      throw new BrokerError('not-allowed', `there are ${POLICIES_MAX} policies already`);
    }
    const ignored = ignoredKeys(info.definition);
    if (ignored.length > 0) {
      this.logger.info({ vhost: this.vhost, policy: info.name, ignored }, 'a policy has keys without effect here');
    }
    this.journal.policy(info);
    this.own.set(key, info);
    this.order();
  }

  /** False if there is none of that name. @throws BrokerError not-allowed */
  clear(kind: PolicyKind, name: string): boolean {
    const key = keyOf(kind, name);
    this.mayChange(key, name);
    if (!this.own.has(key)) return false;
    this.journal.policyCleared(kind, name);
    this.own.delete(key);
    this.order();
    return true;
  }

  /** Recovery: those that the log has. */
  restore(policies: Iterable<Policy>): void {
    for (const policy of policies) {
      const info = { ...checkedPolicy(policy, true), configured: false };
      this.own.set(keyOf(info.kind, info.name), info);
    }
    this.order();
  }

  /** What the configuration says, at the start: it hides what was set under the same name. */
  configure(policies: readonly Policy[]): void {
    for (const policy of policies) {
      const info = { ...checkedPolicy(policy), configured: true };
      this.configured.set(keyOf(info.kind, info.name), info);
    }
    this.order();
  }

  private mayChange(key: string, name: string): void {
    if (!this.configured.has(key)) return;
    throw new BrokerError('not-allowed', `policy '${name}' is set by the configuration, and can only be changed there`);
  }

  private order(): void {
    this.inForceTogether.clear();
    const known = new Map(this.kept.map((kept) => [kept.info, kept]));
    const infos = [...new Map([...this.own, ...this.configured]).values()];
    // Of equals the first name counts: one rule, whatever the order they were set in.
    infos.sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
    this.kept = infos.map((info) => known.get(info) ?? { info, pattern: this.patternOf(info) });
    this.ofHalf = infos.some(({ definition }) => saysHalf(definition));
  }

  /** One that the log has may be from a version that took more. */
  private patternOf({ name, pattern }: PolicyInfo): Kept['pattern'] {
    try {
      return new NamePattern(pattern);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      const why = error.message;
      this.logger.warn({ vhost: this.vhost, policy: name, pattern, why }, "a policy's pattern matches nothing");
      return MATCHES_NOTHING;
    }
  }

  forQueue(name: string, args: Headers): InForce {
    if (this.kept.length === 0) return NOTHING;
    const type = args.find((argument) => argument.name === 'x-queue-type')?.value;
    return this.inForce(name, ['all', 'queues', type === 'quorum' ? 'quorum_queues' : 'classic_queues']);
  }

  forExchange(name: string): InForce {
    return this.kept.length === 0 ? NOTHING : this.inForce(name, ['all', 'exchanges']);
  }

  /**
   * What is said of half messages that are published to an exchange, or by the default one to a queue.
   * @param queue its name and arguments; undefined: there is no such queue, or the exchange is another
   */
  forHalf(
    exchange: string,
    queue: { readonly name: string; readonly args: Headers } | undefined,
  ): Partial<HalfMessageRules> {
    if (!this.ofHalf) return NO_RULES;
    const { definition } =
      exchange !== ''
        ? this.forExchange(exchange)
        : queue === undefined
          ? NOTHING
          : this.forQueue(queue.name, queue.args);
    return definition === undefined ? NO_RULES : halfMessageWords(definition);
  }

  private inForce(name: string, targets: readonly PolicyTarget[]): InForce {
    let policy: PolicyInfo | undefined;
    let operator: PolicyInfo | undefined;
    for (const { info, pattern } of this.kept) {
      if ((info.kind === 'policy' ? policy : operator) !== undefined) continue;
      if (!targets.includes(info.applyTo) || !pattern.matches(name)) continue;
      if (info.kind === 'policy') policy = info;
      else operator = info;
    }
    return policy === undefined && operator === undefined ? NOTHING : this.together(policy, operator);
  }

  private together(policy: PolicyInfo | undefined, operator: PolicyInfo | undefined): InForce {
    let withOperators = this.inForceTogether.get(policy);
    if (withOperators === undefined) this.inForceTogether.set(policy, (withOperators = new Map()));
    let found = withOperators.get(operator);
    if (found === undefined) {
      found = {
        policy: policy?.name,
        operatorPolicy: operator?.name,
        definition: mergeDefinitions(policy?.definition, operator?.definition),
        target: policy?.applyTo,
      };
      withOperators.set(operator, found);
    }
    return found;
  }
}

function keyOf(kind: PolicyKind, name: string): string {
  return `${kind}\0${name}`;
}
