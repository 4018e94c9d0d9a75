/**
 * What roles say of topics: the first rule that fits decides, in the order of Mosquitto's plugin.
 *
 *     the user's own roles, then those of its groups     each by priority, the highest first; of the same, by name
 *     a role's rules of the kind that is asked           by priority, the highest first; of the same, as they were added;
 *                                                        of subscriptions the literal ones before the patterns
 *     no rule fits                                       the default of the kind; never for a topic below `$CONTROL`
 */
import type { FilterRule, RuleKind, TopicUse } from '../../api/administration.ts';
import { type Asker, Filter } from './filter.ts';
import type { RoleStore } from './role-store.ts';

/** Users whose rules are kept in order; the oldest goes. */
const USERS_KEPT_MAX = 10_000;
const KINDS: Readonly<Record<TopicUse, readonly RuleKind[]>> = {
  publish: ['publish'],
  receive: ['receive'],
  subscribe: ['subscribeLiteral', 'subscribePattern'],
  unsubscribe: ['unsubscribeLiteral', 'unsubscribePattern'],
};

/** A rule, and how it came to whom it is asked for. */
export interface RuleOfRole {
  readonly rule: FilterRule;
  readonly role: string;
  /** Undefined: the role is the user's own. */
  readonly group: string | undefined;
}

interface NamedAsker extends Asker {
  readonly user: string;
}

interface Candidate extends RuleOfRole {
  readonly filter: Filter;
}

export interface RoleDecision {
  readonly allowed: boolean;
  /** Undefined: the default. */
  readonly by: RuleOfRole | undefined;
  /** The rule's filter with its variables filled in, where it has any. */
  readonly expanded?: string;
}

type Rules = Readonly<Record<TopicUse, readonly Candidate[]>>;

export class RoleAccess {
  private readonly store: RoleStore;
  private readonly anonymous: string;
  private readonly rules = new Map<string, Rules>();
  private readonly compiled = new WeakMap<FilterRule, Filter>();

  /** @param anonymous the name of those that gave none */
  constructor(store: RoleStore, anonymous: string) {
    this.store = store;
    this.anonymous = anonymous;
    store.onChanged(() => this.rules.clear());
  }

  /** Roles say what this user may do with topics, and nothing else does. */
  judges(user: string): boolean {
    if (this.store.isJudged(user)) return true;
    return user === this.anonymous && this.store.anonymousGroup !== undefined;
  }

  permits(use: TopicUse, key: string, asker: NamedAsker): boolean {
    return this.decide(use, key, asker).allowed;
  }

  /** @param key dotted: a topic, or the filter of a subscription with `*` and `#` */
  decide(use: TopicUse, key: string, { user, clientId }: NamedAsker): RoleDecision {
    const levels = key.split('.');
    const asker: Asker = { user: user === this.anonymous ? undefined : user, clientId };
    for (const candidate of this.rulesOf(user)[use]) {
      if (!fits(candidate, levels, asker)) continue;
      const { rule, role, group, filter } = candidate;
      const shown = filter.shownFor(asker);
      const more = shown === undefined || shown === rule.filter ? {} : { expanded: shown };
      return { allowed: rule.allow, by: { rule, role, group }, ...more };
    }
    const allowed = this.store.defaults[use] && !levels[0]!.startsWith('$CONTROL');
    return { allowed, by: undefined };
  }

  private rulesOf(user: string): Rules {
    const known = this.rules.get(user);
    if (known !== undefined) return known;
    const rules: Record<TopicUse, Candidate[]> = { publish: [], receive: [], subscribe: [], unsubscribe: [] };
    // A role that has come before has said all it has to say.
    const seen = new Set<string>();
    const add = (role: string, group: string | undefined): void => {
      if (seen.has(role)) return;
      seen.add(role);
      for (const use of Object.keys(KINDS) as TopicUse[]) {
        for (const kind of KINDS[use]) rules[use].push(...this.ofRole(role, kind, group));
      }
    };
    const { store } = this;
    const { roles, groups } = store.member(user);
    const { anonymousGroup } = store;
    const among = groups.map(({ name }) => name);
    if (user === this.anonymous && !store.isJudged(user) && anonymousGroup !== undefined) among.push(anonymousGroup);
    for (const { name } of roles) add(name, undefined);
    for (const group of among) for (const { name } of store.group(group)?.roles ?? []) add(name, group);
    if (this.rules.size >= USERS_KEPT_MAX) this.rules.delete(this.rules.keys().next().value!);
    this.rules.set(user, rules);
    return rules;
  }

  private ofRole(role: string, kind: RuleKind, group: string | undefined): Candidate[] {
    const rules = this.store.role(role)?.rules ?? [];
    return rules
      .filter((rule) => rule.kind === kind)
      .sort((a, b) => b.priority - a.priority)
      .map((rule) => ({ rule, role, group, filter: this.filterOf(rule) }));
  }

  private filterOf(rule: FilterRule): Filter {
    let filter = this.compiled.get(rule);
    if (filter === undefined) {
      filter = new Filter(rule.filter, rule.allow);
      this.compiled.set(rule, filter);
    }
    return filter;
  }
}

function fits({ rule: { kind }, filter }: Candidate, levels: readonly string[], asker: Asker): boolean {
  if (kind === 'publish' || kind === 'receive') return filter.matches(levels, asker);
  if (kind === 'subscribePattern' || kind === 'unsubscribePattern') return filter.covers(levels, asker);
  return filter.is(levels, asker);
}
