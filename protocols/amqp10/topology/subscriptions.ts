/**
 * The queue that a source is read from: one that it names, or one that is made for the link and bound to what it names.
 *
 *     a queue                            as it is, shared with whoever reads it
 *     a topic, an exchange               a queue of the link's own, gone with it
 *       durable, or expiry `never`       a queue that stays until the client closes the link: by container and link name
 *       capability `shared`              one for all links of the name; of one container, or with `global` of all
 *
 * JMS clients name links of one shared subscription `NAME|…`, since names are unique in a container.
 */
import {
  type BindingInfo,
  BrokerError,
  DOT,
  type Header,
  type QueueOptions,
  type Session,
} from '../../../src/api/index.ts';
import type { Source } from '../codec/terminus.ts';
import { Amqp10Error, INVALID_FIELD } from '../connection/conditions.ts';
import { type Node, nodeOf } from '../mapping/addresses.ts';
import { declareQueue } from '../publish/incoming-link.ts';
import type { SessionHost } from '../session/session-host.ts';
import type { Filters } from './filters.ts';
import { temporaryNode } from './temporary-nodes.ts';

export interface OpenedSource {
  readonly queue: string;
  /** As the client is told. */
  readonly answer: Source;
  /** Only one link may read it at a time. */
  readonly exclusive: boolean;
  /** It may be looked through rather than read. */
  readonly browsable: boolean;
  /** What it is bound by. */
  readonly through?: BindingInfo;
  /** What goes with it when the client closes the link. */
  close(): void;
}

/** @throws BrokerError, Amqp10Error for a source that cannot be; AccessPending */
export function openSource(host: SessionHost, linkName: string, source: Source, filters: Filters): OpenedSource {
  const answer: Source = { ...source, filter: filters.applied, defaultOutcome: source.defaultOutcome };
  if (source.dynamic) {
    const made = temporaryNode(host.session, answer);
    if (made.queue !== undefined) {
      return {
        queue: made.queue,
        answer: made.terminus,
        exclusive: false,
        browsable: false,
        close: () => made.end(),
      };
    }
    return bound(
      host,
      linkName,
      made.terminus,
      { kind: 'exchange', exchange: made.exchange, key: made.key, bySubject: false, topic: true },
      filters,
    );
  }
  const { address } = source;
  if (typeof address !== 'string' || address === '') {
    throw new Amqp10Error(INVALID_FIELD, 'a source must have an address, which is a string');
  }
  const node = nodeOf(address, source.capabilities);
  if (node.kind === 'exchange') return bound(host, linkName, answer, node, filters);
  if (node.declares) declareQueue(host, node.queue);
  else host.session.checkQueue(node.queue);
  return { queue: node.queue, answer, exclusive: false, browsable: true, close() {} };
}

type ExchangeNode = Node & { readonly kind: 'exchange' };

function bound(
  host: SessionHost,
  linkName: string,
  answer: Source,
  node: ExchangeNode,
  filters: Filters,
): OpenedSource {
  const { session } = host;
  session.checkExchange(node.exchange);
  const key = filters.bindingKey ?? node.key ?? '#';
  const shared = answer.capabilities.includes('shared');
  const kept = answer.durable > 0 || answer.expiryPolicy === 'never';
  const binding: BindingInfo = {
    exchange: node.exchange,
    key,
    options: { spelling: DOT, arguments: [], ...(filters.noLocal && { notOwn: true }) },
  };
  const origin = filters.noLocal ? { origin: host.origin } : {};
  if (!kept && !shared) {
    const options = {
      durable: false,
      exclusive: true,
      autoDelete: true,
      arguments: [],
      forSubscription: true,
      ...origin,
    };
    const { name } = session.declareQueue('', options);
    bind(session, name, binding);
    return source(session, name, answer, binding, false);
  }
  const global = answer.capabilities.includes('global');
  const name = subscriptionName(linkName, shared, kept, global ? undefined : host.containerId);
  const options: QueueOptions = {
    durable: kept,
    exclusive: false,
    autoDelete: !kept,
    arguments: keptArguments(answer),
    forSubscription: true,
    ...origin,
  };
  const changed = session.queueExists(name) && !isBoundBy(session, name, binding);
  if (changed) {
    // Coming back with another topic is the end of the old subscription, and another one. [Jakarta Messaging 3.1, 6.11.3]
    if (session.checkQueue(name).consumers > 0) {
      throw new BrokerError('resource-locked', `the subscription '${linkName}' is to something else, and in use`);
    }
    session.deleteQueue(name, true, false);
  }
  session.declareQueue(name, options);
  bind(session, name, binding);
  return source(session, name, answer, binding, !shared);
}

function source(
  session: Session,
  queue: string,
  answer: Source,
  through: BindingInfo,
  exclusive: boolean,
): OpenedSource {
  return {
    queue,
    answer,
    exclusive,
    browsable: false,
    through,
    close() {
      if (!session.queueExists(queue)) return;
      try {
        session.deleteQueue(queue, true, false);
      } catch (error) {
        // Others still read the shared subscription.
        if (!(error instanceof BrokerError && error.code === 'precondition-failed')) throw error;
      }
    },
  };
}

/** As an operator sees it. */
function subscriptionName(linkName: string, shared: boolean, kept: boolean, container: string | undefined): string {
  const name = shared ? linkName.replace(/\|[^|]*$/, '') : linkName;
  const kind = kept ? 'subscription' : 'volatile';
  return `amqp10-${shared ? 'shared-' : ''}${kind}-${container === undefined ? '' : `${container}.`}${name}`;
}

/** What is kept of a durable subscription that was made by an earlier link: found by the link's name alone. */
export function keptSubscription(
  host: SessionHost,
  linkName: string,
): { queue: string; bindings: readonly BindingInfo[] } | undefined {
  const { session, containerId } = host;
  const names = [
    subscriptionName(linkName, false, true, containerId),
    subscriptionName(linkName, true, true, containerId),
    subscriptionName(linkName, true, true, undefined),
  ];
  const queue = names.find((name) => session.queueExists(name));
  return queue === undefined ? undefined : { queue, bindings: session.bindings(queue) };
}

function keptArguments({ expiryPolicy, timeoutS }: Source): Header[] {
  if (expiryPolicy === 'never' || timeoutS === 0) return [];
  return [{ name: 'x-expires', value: { type: 'int64', value: BigInt(timeoutS) * 1000n } }];
}

function bind(session: Session, queue: string, { exchange, key, options }: BindingInfo): void {
  session.bindQueue(queue, exchange, key, options);
}

function isBoundBy(session: Session, queue: string, wanted: BindingInfo): boolean {
  return session
    .bindings(queue)
    .some(
      ({ exchange, key, options }) =>
        exchange === wanted.exchange &&
        key === wanted.key &&
        (options.notOwn ?? false) === (wanted.options.notOwn ?? false),
    );
}
