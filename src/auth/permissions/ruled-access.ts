/**
 * Permissions as RabbitMQ has them: whether a user's rules let it do something, and which of them says so.
 *
 *     queue, exchange   configure, write or read of its permissions in the vhost is found in the name
 *     topic             write or read of its topic permission for that exchange is found in the key; where there is none, all are
 *
 * The default exchange is asked for as `amq.default`. An empty pattern matches only an empty name, and so nothing.
 *
 * Who is judged by roles (`roles/`) may enter the default vhost; what it publishes to the topics of `amq.topic` there, and what it
 * binds to them, its roles decide alone. Everything else is its permissions' as ever.
 */
import type { TopicUse } from '../../api/administration.ts';
import type { AccessRequest, Identity, TopicRules } from '../../api/identity.ts';
import { BrokerError } from '../../message/errors.ts';
import { NamePattern } from '../../message/name-pattern.ts';
import type { RoleAccess, RoleDecision } from '../roles/role-access.ts';
import type { AccessRules, TopicPatterns } from './rules.ts';

const DEFAULT_EXCHANGE = 'amq.default';
/** Where roles hold: topics of the default vhost, of every protocol. */
const ROLES_VHOST = '/';
const ROLES_EXCHANGE = 'amq.topic';
/** Patterns that are kept compiled; the oldest goes. */
const PATTERNS_MAX = 4096;
/** Names whose answers one pattern remembers, and how long such a name may be. */
const ANSWERS_MAX = 256;
const ANSWERED_CHARS_MAX = 128;
const VARIABLE = /\{(username|vhost|client_id)\}/g;

/** A decision, and why. */
export interface Explanation {
  readonly allowed: boolean;
  /** `no-permissions`: none in this vhost. `no-topic-permission`: none for this exchange, so all of its keys are free. */
  readonly decidedBy: 'permission' | 'topic-permission' | 'no-permissions' | 'no-topic-permission' | 'roles';
  /** What roles have said; undefined of their exchange itself: its topics are asked for. */
  readonly byRole?: RoleDecision;
  readonly user: string;
  readonly request: AccessRequest;
  /** The name or key that was looked at: `amq.default` for the default exchange. */
  readonly subject: string;
  /** The rule's pattern as it was set. */
  readonly pattern?: string;
  /** The same with its variables filled in, where it has any. */
  readonly expanded?: string;
  /** Why the pattern cannot be looked for, which refuses. */
  readonly fault?: string;
}

/** @throws BrokerError invalid: it is too long, or not RE2's */
export function checkPattern(text: string): void {
  new NamePattern(text);
}

export class RuledAccess {
  private readonly rules: AccessRules;
  private readonly roles: RoleAccess | undefined;
  private readonly patterns = new Map<string, Pattern>();

  /** @param roles undefined: there are none */
  constructor(rules: AccessRules, roles?: RoleAccess) {
    this.rules = rules;
    this.roles = roles;
  }

  mayEnter({ user }: Identity, vhost: string): boolean {
    if (vhost === ROLES_VHOST && this.roles?.judges(user) === true) return true;
    return this.rules.permissionsOf(user, vhost) !== undefined;
  }

  topicRules({ user }: Identity, vhost: string, clientId?: string): TopicRules | undefined {
    const { roles } = this;
    if (vhost !== ROLES_VHOST || roles === undefined || !roles.judges(user)) return undefined;
    const asker = { user, clientId };
    const says = (use: TopicUse, exchange: string, key: string): boolean =>
      exchange !== ROLES_EXCHANGE || roles.permits(use, key, asker);
    return {
      receives: (exchange, key) => says('receive', exchange, key),
      mayUnsubscribe: (exchange, key) => says('unsubscribe', exchange, key),
    };
  }

  /** What roles say of a request; undefined: it is none of theirs. */
  private byRoles(
    user: string,
    request: AccessRequest,
  ): { readonly allowed: boolean; byRole?: RoleDecision } | undefined {
    const { action, resource, name, vhost, routingKey = '', clientId } = request;
    if (name !== ROLES_EXCHANGE || vhost !== ROLES_VHOST || this.roles?.judges(user) !== true) return undefined;
    if (resource === 'topic') {
      const byRole = this.roles.decide(action === 'write' ? 'publish' : 'subscribe', routingKey, { user, clientId });
      return { allowed: byRole.allowed, byRole };
    }
    // What is written there in another way than by publishing is not asked for by its topics.
    const topicsFollow = action === 'read' || (action === 'write' && request.topicsFollow === true);
    return resource === 'exchange' && topicsFollow ? { allowed: true } : undefined;
  }

  permits(identity: Identity, request: AccessRequest): boolean {
    const { user } = identity;
    const said = this.byRoles(user, request);
    if (said !== undefined) return said.allowed;
    const rules = this.rules.permissionsOf(user, request.vhost);
    if (rules === undefined) return false;
    if (request.resource !== 'topic') return this.pattern(rules[request.action]).matches(subjectOf(request));
    const rule = this.topicRule(user, request);
    if (rule === undefined) return true;
    const text = expanded(topicPattern(rule, request), user, request);
    return this.pattern(text).matches(subjectOf(request));
  }

  /** Which rule decides a request, and how. */
  explain(identity: Identity, request: AccessRequest): Explanation {
    const { user } = identity;
    const rules = this.rules.permissionsOf(user, request.vhost);
    const about = { user, request, subject: subjectOf(request), allowed: this.permits(identity, request) };
    const said = this.byRoles(user, request);
    if (said !== undefined) return { ...about, ...said, decidedBy: 'roles' };
    if (rules === undefined) return { ...about, decidedBy: 'no-permissions' };
    if (request.resource !== 'topic') {
      const pattern = rules[request.action];
      return { ...about, decidedBy: 'permission', pattern, ...this.faultOf(pattern) };
    }
    const rule = this.topicRule(user, request);
    if (rule === undefined) return { ...about, decidedBy: 'no-topic-permission' };
    const pattern = topicPattern(rule, request);
    const filled = expanded(pattern, user, request);
    const more = filled === pattern ? {} : { expanded: filled };
    return { ...about, decidedBy: 'topic-permission', pattern, ...more, ...this.faultOf(filled) };
  }

  private topicRule(user: string, { vhost, name }: AccessRequest): TopicPatterns | undefined {
    return this.rules.topicPermissionsOf(user, vhost).find(({ exchange }) => exchange === name);
  }

  private faultOf(text: string): { fault?: string } {
    const { fault } = this.pattern(text);
    return fault === undefined ? {} : { fault };
  }

  private pattern(text: string): Pattern {
    let found = this.patterns.get(text);
    if (found !== undefined) return found;
    found = new Pattern(text);
    if (this.patterns.size >= PATTERNS_MAX) this.patterns.delete(this.patterns.keys().next().value!);
    this.patterns.set(text, found);
    return found;
  }
}

/** A compiled pattern, and what it has answered lately. */
class Pattern {
  /** Why it matches nothing whatever: it came from before it was checked, or is too long once it is filled in. */
  readonly fault: string | undefined;
  private readonly compiled: NamePattern | null;
  private readonly answers = new Map<string, boolean>();

  constructor(text: string) {
    let compiled: NamePattern | null = null;
    let fault: string | undefined;
    try {
      compiled = new NamePattern(text === '' ? '^$' : text);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      fault = error.message;
    }
    this.compiled = compiled;
    this.fault = fault;
  }

  matches(name: string): boolean {
    if (this.compiled === null) return false;
    const known = this.answers.get(name);
    if (known !== undefined) return known;
    const answer = this.compiled.matches(name);
    if (name.length <= ANSWERED_CHARS_MAX) {
      if (this.answers.size >= ANSWERS_MAX) this.answers.clear();
      this.answers.set(name, answer);
    }
    return answer;
  }
}

function subjectOf({ resource, name, routingKey = '' }: AccessRequest): string {
  if (resource === 'topic') return routingKey;
  return resource === 'exchange' && name === '' ? DEFAULT_EXCHANGE : name;
}

/** Topics are written and read, and never configured. */
function topicPattern(rule: TopicPatterns, { action }: AccessRequest): string {
  return action === 'configure' ? '' : rule[action];
}

/**
 * Fills in who asks, literally: a client that calls itself `.*` has asked for the topics of `.*`. A variable that nobody has said is
 * left as it stands, as text.
 */
function expanded(pattern: string, user: string, { vhost, clientId }: AccessRequest): string {
  if (!pattern.includes('{')) return pattern;
  const values: Record<string, string | undefined> = { username: user, vhost, client_id: clientId };
  return pattern.replace(VARIABLE, (variable, name: string) => NamePattern.quoted(values[name] ?? variable));
}
