/**
 * Whether a user may do something, and which rule says so, in sentences for people: asked of a broker that runs, or of the rules that a
 * stopped one has left.
 */
import type { TopicQuestion } from '../../api/address-meaning.ts';
import { TOPIC_USES, type TopicUse } from '../../api/administration.ts';
import type { AccessRequest, Action } from '../../api/identity.ts';
import type { Explanation } from '../../auth/permissions/ruled-access.ts';
import type { RoleDecision } from '../../auth/roles/role-access.ts';
import type { AccessSource } from '../../broker/access-source.ts';
import { bindingKey } from '../../broker/session/permissions.ts';
import { BrokerError } from '../../message/errors.ts';
import { SLASH } from '../../message/message.ts';
import { respelled } from '../../message/spelling.ts';

const ACTIONS: readonly Action[] = ['configure', 'write', 'read'];
const RESOURCE = /^(queue|exchange):(.*)$/s;
const TOPIC = /^topic:(.+)$/s;

export interface AccessQuestion {
  readonly user: string;
  readonly action: string;
  /** `queue:NAME` or `exchange:NAME`; `exchange:` is the default exchange. With `publish`, `receive` … `topic:A/B`. */
  readonly resource: string;
  /** Default: `/`. */
  readonly vhost?: string | undefined;
  /** A key of a topic exchange: it is asked after the exchange. */
  readonly topic?: string | undefined;
  readonly clientId?: string | undefined;
}

/** What one rule says. */
export interface AccessVerdict {
  readonly allowed: boolean;
  /** For people. */
  readonly sentence: string;
}

/**
 * A verdict for each rule that is asked, until one refuses.
 * @throws BrokerError invalid (the question), not-found (user, vhost)
 */
export function explainAccess(question: AccessQuestion, source: AccessSource): AccessVerdict[] {
  const use = TOPIC_USES.find((one) => one === question.action);
  const asked = use === undefined ? undefined : topicUseOf(question, use, source);
  const requests = asked?.requests ?? requestsOf(question);
  const { user } = question;
  const { vhost } = requests[0]!;
  if (!source.hasVhost(vhost)) throw new BrokerError('not-found', `there is no vhost '${vhost}'`);
  if (!source.knows(user, vhost)) throw new BrokerError('not-found', `there is no user '${user}'`);
  return asked === undefined ? byRules(question, requests, source) : ofTopic(question, asked, source);
}

function ofTopic(question: AccessQuestion, asked: AskedTopic, source: AccessSource): AccessVerdict[] {
  const { user, clientId } = question;
  const { use, topic, key, requests, meant } = asked;
  const about = `user '${user}', ${use} topic '${topic}'`;
  if (meant.refused !== undefined) return [{ allowed: false, sentence: `denied: ${about}: ${meant.refused}` }];
  if (meant.commands === true) {
    const allowed = source.administers(user, key, clientId);
    const who = `who has the tag 'administrator', or a role that lets it publish there: ${allowed ? 'it is one' : 'it is none'}`;
    const sentence = `${verdict(allowed)}: ${about}: these are commands about users, which its protocol alone takes, for ${who}`;
    return [{ allowed, sentence }];
  }
  const decided = meant.exchange !== '' && source.judges(user);
  const verdicts = decided
    ? [byRole(about, source.decide(use, key, { user, clientId }))]
    : byRules(question, requests, source);
  if (meant.note === undefined) return verdicts;
  return [{ allowed: true, sentence: `to be known: ${about}: ${meant.note}` }, ...verdicts];
}

function byRole(about: string, decision: RoleDecision): AccessVerdict {
  return { allowed: decision.allowed, sentence: roleSentence(about, decision) };
}

function byRules({ user }: AccessQuestion, requests: readonly AccessRequest[], source: AccessSource): AccessVerdict[] {
  const verdicts: AccessVerdict[] = [];
  for (const request of requests) {
    const { vhost, action, resource, name, routingKey } = request;
    if (resource === 'topic' && action === 'write' && source.reserves(name, routingKey!)) {
      const asked = askedOf(user, request, routingKey!);
      return [
        ...verdicts,
        { allowed: false, sentence: `denied: ${asked}: it is the broker's own, and nobody publishes there` },
      ];
    }
    const { allowed, because } = source.explain(user, request);
    const said =
      because === undefined ? elsewhere(user, request, allowed) : sentence(because, source.mayEnter(user, vhost));
    verdicts.push({ allowed, sentence: said });
    if (!allowed) break;
  }
  return verdicts;
}

interface AskedTopic {
  readonly use: TopicUse;
  readonly topic: string;
  /** Dotted; of the default exchange the name of a queue. */
  readonly key: string;
  readonly meant: TopicQuestion;
  /** The same, as permissions are asked. */
  readonly requests: AccessRequest[];
}

/** What is done with a topic, or with the filter of a subscription, its levels parted by slashes. @throws BrokerError invalid */
function topicUseOf(
  { resource, vhost = '/', topic: other, clientId }: AccessQuestion,
  use: TopicUse,
  source: AccessSource,
): AskedTopic {
  const topic = TOPIC.exec(resource)?.[1];
  if (topic === undefined || other !== undefined || vhost !== '/') {
    throw new BrokerError('invalid', `${use} is asked of topic:A/B, in the vhost '/'`);
  }
  const meant = source.explainTopic(use, topic);
  const isFilter = use === 'subscribe' || use === 'unsubscribe';
  const key = meant.exchange === '' ? meant.topic : isFilter ? bindingKey(meant.topic, SLASH) : respelled(meant.topic);
  const action: Action = use === 'publish' ? 'write' : 'read';
  const asked = { vhost, action, name: meant.exchange, ...(clientId !== undefined && { clientId }) };
  const requests: AccessRequest[] = [{ ...asked, resource: 'exchange', topicsFollow: use === 'publish' }];
  if (meant.exchange !== '') requests.push({ ...asked, resource: 'topic', routingKey: key });
  return { use, topic, key, meant, requests };
}

/** @throws BrokerError invalid */
function requestsOf({ action: given, resource, vhost = '/', topic, clientId }: AccessQuestion): AccessRequest[] {
  const action = ACTIONS.find((one) => one === given);
  if (action === undefined) {
    throw new BrokerError('invalid', `the action is one of ${[...ACTIONS, ...TOPIC_USES].join(', ')}`);
  }
  const [, kind, name] = RESOURCE.exec(resource) ?? [];
  if (name === undefined || (kind === 'queue' && name === '')) {
    throw new BrokerError('invalid', 'the resource is queue:NAME or exchange:NAME');
  }
  const asked = { vhost, action, name, ...(clientId !== undefined && { clientId }) };
  const first: AccessRequest = { ...asked, resource: kind as 'queue' | 'exchange' };
  if (topic === undefined) return [first];
  if (kind !== 'exchange' || action === 'configure') {
    throw new BrokerError('invalid', 'topics are of exchanges, to write or to read');
  }
  return [
    { ...first, topicsFollow: action === 'write' },
    { ...asked, resource: 'topic', routingKey: topic },
  ];
}

function verdict(allowed: boolean): string {
  return allowed ? 'allowed' : 'denied';
}

function roleSentence(asked: string, { allowed, by, expanded }: RoleDecision): string {
  const said = `${verdict(allowed)}: ${asked}`;
  if (by === undefined) return `${said}: no rule of its roles fits, and this is the default`;
  const { rule, role, group } = by;
  const through = group === undefined ? '' : ` (by the group '${group}')`;
  const filled = expanded === undefined ? '' : `, which is '${expanded}' here`;
  const verb = rule.allow ? 'allows' : 'denies';
  return `${said}: its role '${role}'${through} ${verb} ${rule.kind} '${rule.filter}'${filled}, priority ${rule.priority}`;
}

function askedOf(user: string, { action, resource, name, vhost }: AccessRequest, subject: string): string {
  const of = resource === 'topic' ? `topic '${subject}' of exchange '${name}'` : `${resource} '${subject}'`;
  return `user '${user}', ${action} ${of} in vhost '${vhost}'`;
}

function elsewhere(user: string, request: AccessRequest, allowed: boolean): string {
  const subject = request.routingKey ?? request.name;
  return `${verdict(allowed)}: ${askedOf(user, request, subject)}: rules that the broker does not keep say so`;
}

function sentence(
  { allowed, byRole, decidedBy, user, request, subject, pattern, expanded, fault }: Explanation,
  mayEnter: boolean,
): string {
  const { action } = request;
  const asked = askedOf(user, request, subject);
  if (byRole !== undefined) return roleSentence(asked, byRole);
  const said = `${verdict(allowed)}: ${asked}`;
  if (decidedBy === 'roles') return `${said}: its roles decide, topic by topic`;
  if (decidedBy === 'no-permissions') {
    return `${said}: it has no permissions in this vhost${mayEnter ? '' : ', and may not enter it'}`;
  }
  if (decidedBy === 'no-topic-permission') {
    return `${said}: it has no topic permission for this exchange, so every topic is free`;
  }
  const filled = expanded === undefined ? '' : `, which is '${expanded}' here,`;
  const rule = `its ${decidedBy.replace('-', ' ')} ${action} '${pattern}'${filled}`;
  if (fault !== undefined) return `${said}: ${rule} cannot be used: ${fault}`;
  return `${said}: ${rule} is ${allowed ? '' : 'not '}found in '${subject}'`;
}
