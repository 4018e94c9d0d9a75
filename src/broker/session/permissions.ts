/**
 * The permissions of a client in its vhost: asked of the authenticator, call by call. The texts of refusals are RabbitMQ's.
 */
import type { AccessRequest, Action, Authenticator, Identity, TopicRules } from '../../api/identity.ts';
import { BrokerError } from '../../message/errors.ts';
import { DOT, type Spelling } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Exchange } from '../../routing/exchange.ts';
import { TopicKind } from '../../routing/kinds/topic.ts';

/** Who is asked. */
export type Judge = Pick<Authenticator, 'permits' | 'mayEnter' | 'topicRules'>;

/** For what the broker's own parts do: everything is permitted. */
export const NO_QUESTIONS: Judge = { permits: () => true };

export class Permissions {
  private readonly judge: Judge;
  private readonly identity: Identity;
  private readonly vhost: string;
  private readonly clientId: string | undefined;

  constructor(judge: Judge, identity: Identity, vhost: string, clientId?: string) {
    this.judge = judge;
    this.identity = identity;
    this.vhost = vhost;
    this.clientId = clientId;
  }

  /** Whether its user may still be in the vhost. */
  get mayStay(): boolean {
    return this.judge.mayEnter?.(this.identity, this.vhost) ?? true;
  }

  /** @throws BrokerError access-refused */
  demand(action: Action, resource: 'exchange' | 'queue', name: string): void {
    if (this.permits(action, resource, name)) return;
    const shown = resource === 'exchange' && name === '' ? 'amq.default' : name;
    throw this.refusal(`${resource} '${shown}'`);
  }

  /** Asks for an exchange that a message is published to; `demandTopic` follows, of each of its keys. @throws BrokerError access-refused */
  demandPublishing(exchange: string): void {
    if (this.ask({ vhost: this.vhost, action: 'write', resource: 'exchange', name: exchange, topicsFollow: true }))
      return;
    throw this.refusal(`exchange '${exchange === '' ? 'amq.default' : exchange}'`);
  }

  /** @param key as `bindingKey` has it */
  mayUnsubscribe(exchange: string, key: string): boolean {
    return this.topicRules?.mayUnsubscribe(exchange, key) ?? true;
  }

  /** As they are now. Undefined: there are none for this client. */
  get topicRules(): TopicRules | undefined {
    return this.judge.topicRules?.(this.identity, this.vhost, this.clientId);
  }

  permits(action: Action, resource: 'exchange' | 'queue', name: string): boolean {
    return this.ask({ vhost: this.vhost, action, resource, name });
  }

  /** @param key dotted @throws BrokerError access-refused, for a key of a topic exchange; other exchanges have no topics */
  demandTopic(action: 'write' | 'read', exchange: Exchange<Queue>, key: string): void {
    if (this.permitsTopic(action, exchange, key)) return;
    throw this.refusal(`topic '${key}' in exchange '${exchange.name}'`);
  }

  permitsTopic(action: 'write' | 'read', exchange: Exchange<Queue>, key: string): boolean {
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

  private ask(request: AccessRequest): boolean {
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
