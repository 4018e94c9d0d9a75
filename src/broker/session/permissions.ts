/**
 * The permissions of a client in its vhost: asked of the authenticator, call by call. The texts of refusals are RabbitMQ's.
 */
import type { AccessRequest, Action, Authenticator, Identity, PendingAnswer, TopicRules } from '../../api/identity.ts';
import { AccessPending } from '../../api/pending.ts';
import { BrokerError } from '../../message/errors.ts';
import { DOT, type Spelling } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Exchange } from '../../routing/exchange.ts';
import { TopicKind } from '../../routing/kinds/topic.ts';

/** Who is asked. */
export type Judge = Pick<Authenticator, 'permits' | 'mayEnter' | 'topicRules' | 'tagsOf'>;

/** Who asks what something is like has most often declared it: that answer is known, where a service has to be asked. */
const ANY_ACTION = ['configure', 'write', 'read'] as const;

const KNOWING_TAGS = ['administrator', 'monitoring'];

/** For what the broker's own parts do: everything is permitted. */
export const NO_QUESTIONS: Judge = { permits: () => true };

/** As `Protocol.reserves`, of all adapters. */
export type ReservedTopics = (exchange: string, key: string) => boolean;
export const NONE_RESERVED: ReservedTopics = () => false;

export class Permissions {
  /** Whose permissions they are; another one of the same user once the client has proved anew who it is. */
  identity: Identity;
  private readonly judge: Judge;
  private readonly vhost: string;
  private readonly clientId: string | undefined;
  /** Called once for each answer that was not known when it was asked what the client still may. */
  private readonly onKnown: () => void;
  /** Topics that nobody may publish to, whatever his permissions. */
  private readonly reserved: ReservedTopics;
  /** What has been begun goes on: what cannot be told counts as permitted. */
  private begun = false;
  /** Something that was asked for has to be asked for again; who looks sets it back. */
  interrupted = false;

  constructor(
    judge: Judge,
    identity: Identity,
    vhost: string,
    clientId?: string,
    onKnown: () => void = () => {},
    reserved: ReservedTopics = NONE_RESERVED,
  ) {
    this.judge = judge;
    this.reserved = reserved;
    this.identity = identity;
    this.vhost = vhost;
    this.clientId = clientId;
    this.onKnown = onKnown;
  }

  /** Whether it may be told what clients of a user are called, and where they come from: its own, or of all who operate the broker. */
  mayKnowOf(user: string): boolean {
    const { identity, judge } = this;
    if (user === identity.user || this.unquestioned) return true;
    const tags = judge.tagsOf === undefined ? identity.tags : judge.tagsOf(identity);
    return tags !== undefined && KNOWING_TAGS.some((tag) => tags.includes(tag));
  }

  /** It is one of the broker's own parts. */
  get unquestioned(): boolean {
    return this.judge.permits === NO_QUESTIONS.permits;
  }

  /** Whether its user may still be in the vhost. */
  get mayStay(): boolean {
    return this.still(this.judge.mayEnter?.(this.identity, this.vhost) ?? true);
  }

  /** @throws BrokerError access-refused; AccessPending */
  demand(action: Action, resource: 'exchange' | 'queue', name: string): void {
    if (this.granted(this.ask({ vhost: this.vhost, action, resource, name }))) return;
    const shown = resource === 'exchange' && name === '' ? 'amq.default' : name;
    throw this.refusal(`${resource} '${shown}'`);
  }

  /**
   * Asks whether the user may do anything with it at all: what it is like is for whoever may.
   * @throws BrokerError access-refused; AccessPending
   */
  demandAny(resource: 'exchange' | 'queue', name: string): void {
    const { vhost } = this;
    for (const action of ANY_ACTION) if (this.granted(this.ask({ vhost, action, resource, name }))) return;
    throw this.refusal(`${resource} '${name}'`);
  }

  /**
   * Asks for an exchange that a message is published to; `demandTopic` follows, of each of its keys.
   * @throws BrokerError access-refused; AccessPending
   */
  demandPublishing(exchange: string): void {
    const answer = this.ask({
      vhost: this.vhost,
      action: 'write',
      resource: 'exchange',
      name: exchange,
      topicsFollow: true,
    });
    if (!this.granted(answer)) throw this.refusal(`exchange '${exchange === '' ? 'amq.default' : exchange}'`);
  }

  /** @param key as `bindingKey` has it */
  mayUnsubscribe(exchange: string, key: string): boolean {
    return this.topicRules?.mayUnsubscribe(exchange, key) ?? true;
  }

  /** As they are now. Undefined: there are none for this client. */
  get topicRules(): TopicRules | undefined {
    return this.judge.topicRules?.(this.identity, this.vhost, this.clientId);
  }

  /** Whether the client, which has done that, still may: true as long as nobody can tell. */
  permits(action: Action, resource: 'exchange' | 'queue', name: string): boolean {
    return this.still(this.ask({ vhost: this.vhost, action, resource, name }));
  }

  /**
   * @param key dotted
   * @throws BrokerError access-refused, for a key of a topic exchange; other exchanges have no topics. AccessPending
   */
  demandTopic(action: 'write' | 'read', exchange: Exchange<Queue>, key: string): void {
    const isReserved = action === 'write' && this.reserved(exchange.name, key);
    if (!isReserved && this.granted(this.askTopic(action, exchange, key))) return;
    throw this.refusal(`topic '${key}' in exchange '${exchange.name}'`);
  }

  permitsTopic(action: 'write' | 'read', exchange: Exchange<Queue>, key: string): boolean {
    return this.still(this.askTopic(action, exchange, key));
  }

  /** What `work` asks was permitted when it was begun: only what is refused by now is refused. */
  ofBegun<T>(work: () => T): T {
    const { begun } = this;
    this.begun = true;
    try {
      return work();
    } finally {
      this.begun = begun;
    }
  }

  /** Whether it may be read is to be known, whatever the answer. @throws AccessPending */
  demandKnown(resource: 'exchange' | Exchange<Queue>, nameOrKey: string): void {
    const answer =
      resource === 'exchange'
        ? this.ask({ vhost: this.vhost, action: 'read', resource, name: nameOrKey })
        : this.askTopic('read', resource, nameOrKey);
    if (typeof answer !== 'boolean') this.granted(answer);
  }

  private granted(answer: boolean | PendingAnswer): boolean {
    if (typeof answer === 'boolean') return answer;
    if (this.begun) return this.still(answer);
    if (answer.failed) return false;
    this.interrupted = true;
    throw new AccessPending(answer);
  }

  private still(answer: boolean | PendingAnswer): boolean {
    if (typeof answer === 'boolean') return answer;
    if (!answer.failed) answer.whenKnown(this.onKnown);
    return true;
  }

  private askTopic(action: 'write' | 'read', exchange: Exchange<Queue>, key: string): boolean | PendingAnswer {
    if (!(exchange.kind instanceof TopicKind)) return true;
    return this.ask({ vhost: this.vhost, action, resource: 'topic', name: exchange.name, routingKey: key });
  }

  /** Whether it may read what comes through this exchange with this key. @param key dotted */
  permitsMessage(exchange: Exchange<Queue>, key: string): boolean {
    return this.permits('read', 'exchange', exchange.name) && this.permitsTopic('read', exchange, key);
  }

  /** The same of what is retained, for who has subscribed to it: rules over topics say by themselves what is received. */
  permitsRetained(exchange: Exchange<Queue>, key: string): boolean {
    return this.topicRules?.receives(exchange.name, key) ?? this.permitsMessage(exchange, key);
  }

  private ask(request: AccessRequest): boolean | PendingAnswer {
    const { clientId } = this;
    return this.judge.permits(this.identity, clientId === undefined ? request : { ...request, clientId });
  }

  private refusal(what: string): BrokerError {
    const text = `access to ${what} in vhost '${this.vhost}' refused for user '${this.identity.user}'`;
    return new BrokerError('access-refused', text);
  }
}

/** A binding's key as it is asked for: dotted, with `*` and `#` for what it leaves open. */
export function bindingKey(key: string, spelling: Spelling): string {
  if (spelling === DOT) return key;
  const levels = dotted(key, spelling).split('.');
  return levels.map((level) => (level === '+' ? '*' : level)).join('.');
}
