/**
 * Addresses of nodes, in all the spellings that clients of AMQP 1.0 know, at once:
 *
 *     /queues/Q                           RabbitMQ 4; parts percent-encoded; a queue that is there
 *     /exchanges/X  /exchanges/X/KEY      RabbitMQ 4
 *     /queue/Q  /amq/queue/Q              RabbitMQ 3: the first makes the queue, the second does not
 *     /topic/KEY  /exchange/X[/KEY]       RabbitMQ 3
 *     queue://Q  topic://KEY              ActiveMQ, Qpid JMS
 *     ADDRESS::Q                          Artemis: the queue of that name
 *     NAME                                a queue that is made, or a topic where a capability says so
 *
 * https://www.rabbitmq.com/docs/amqp#addresses, rabbitmq_amqp1_0's README (3.10), Artemis' "Address Model".
 */
import { BrokerError } from '../../../src/api/index.ts';

export const TOPIC_EXCHANGE = 'amq.topic';

/** A queue, or an exchange with a key. */
export type Node =
  | {
      readonly kind: 'queue';
      readonly queue: string;
      /** It is made where it is not there. */
      readonly declares: boolean;
    }
  | {
      readonly kind: 'exchange';
      readonly exchange: string;
      /** Undefined: the address has none. */
      readonly key: string | undefined;
      /** Where it has none, each message says it, in its subject; else it is empty. */
      readonly bySubject: boolean;
      /** It is a topic, rather than an exchange that the client knows as one. */
      readonly topic: boolean;
    };

const TOPIC_CAPABILITIES: readonly string[] = ['topic', 'temporary-topic'];

/**
 * What an address means.
 * @param capabilities of the terminus: those that tell a queue from a topic
 * @throws BrokerError invalid
 */
export function nodeOf(address: string, capabilities: readonly string[] = []): Node {
  if (address.startsWith('/')) return pathNode(address);
  const scheme = /^(queue|topic|temp-queue|temp-topic):\/\/(.*)$/s.exec(address);
  if (scheme !== null) {
    return scheme[1]!.endsWith('topic')
      ? topicNode(named(scheme[2]!, address))
      : queueNode(named(scheme[2]!, address), true);
  }
  const qualified = address.indexOf('::');
  if (qualified >= 0) return queueNode(named(address.slice(qualified + 2), address), false);
  if (capabilities.some((capability) => TOPIC_CAPABILITIES.includes(capability))) return topicNode(address);
  return queueNode(named(address, address), true);
}

function pathNode(address: string): Node {
  const [, kind = '', ...rest] = address.split('/');
  switch (kind) {
    case 'queues':
      if (rest.length !== 1) break;
      return queueNode(named(decoded(rest[0]!, address), address), false);
    case 'exchanges':
      if (rest.length !== 1 && rest.length !== 2) break;
      return {
        kind: 'exchange',
        exchange: named(decoded(rest[0]!, address), address),
        key: rest[1] === undefined ? undefined : decoded(rest[1], address),
        bySubject: false,
        topic: false,
      };
    case 'queue':
      return queueNode(named(rest.join('/'), address), true);
    case 'amq':
      if (rest[0] !== 'queue') break;
      return queueNode(named(rest.slice(1).join('/'), address), false);
    case 'topic':
      return topicNode(named(rest.join('/'), address));
    case 'exchange': {
      const [exchange = '', ...key] = rest;
      return {
        kind: 'exchange',
        exchange: named(exchange, address),
        key: key.length === 0 ? undefined : key.join('/'),
        bySubject: true,
        topic: false,
      };
    }
    default:
  }
  throw new BrokerError(
    'invalid',
    `'${address}' is no address: /queues/NAME, /exchanges/NAME[/KEY], /queue/NAME, /topic/KEY, /exchange/NAME[/KEY], /amq/queue/NAME, queue://NAME, topic://KEY, or a name`,
  );
}

function queueNode(queue: string, declares: boolean): Node {
  return { kind: 'queue', queue, declares };
}

function topicNode(key: string): Node {
  return { kind: 'exchange', exchange: TOPIC_EXCHANGE, key, bySubject: false, topic: true };
}

function named(name: string, address: string): string {
  if (name === '') throw new BrokerError('invalid', `'${address}' names nothing`);
  return name;
}

function decoded(part: string, address: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BrokerError('invalid', `'${address}' is not percent-encoded as it should be`);
  }
}

/** The key that is published with; undefined: each message's subject. */
export function publishKey({ key, bySubject }: Node & { readonly kind: 'exchange' }): string | undefined {
  return key ?? (bySubject ? undefined : '');
}

/** As a reply goes back to where messages are published, for who only knows `/queues` and `/exchanges`. */
export function addressOf(exchange: string, key: string): string {
  if (exchange === '') return `/queues/${encodeURIComponent(key)}`;
  return key === ''
    ? `/exchanges/${encodeURIComponent(exchange)}`
    : `/exchanges/${encodeURIComponent(exchange)}/${encodeURIComponent(key)}`;
}
