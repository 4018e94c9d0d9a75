/**
 * A dry run of an address that is published to: where a message would go and why, binding by binding, and which of a user's permissions would let it. Nothing
 * is published, nothing declared. The bindings are followed by the walk that routes are made with.
 */

import type { AddressMeaning } from '../../api/address-meaning.ts';
import type { AccessRequest } from '../../api/identity.ts';
import type { AccessAnswer } from '../../broker/access.ts';
import type { Broker } from '../../broker/broker.ts';
import { BrokerError } from '../../message/errors.ts';
import { DOT } from '../../message/message.ts';
import { type Headers, NO_PROPERTIES } from '../../message/properties.ts';
import { dotted } from '../../message/spelling.ts';
import { textOf } from '../../message/text.ts';
import type { Queue } from '../../queue/queue.ts';
import { TopicKind } from '../../routing/kinds/topic.ts';
import type { OwnFlags } from '../../routing/target-flags.ts';
import { type WalkTrace, walk } from '../../routing/walk.ts';
import type { Vhost } from '../../vhost/vhost.ts';

/** What one explanation lists of each; there may be more. */
const LISTED_MAX = 1_000;

export interface ExplainedBinding {
  readonly exchange: string;
  readonly key: string;
  readonly to: { readonly queue: string } | { readonly exchange: string };
}

export interface ExplainedQueue {
  readonly name: string;
  readonly durable: boolean;
  /** Messages of at most once go past it, to its subscriber: whether there is one. Undefined: they are queued. */
  readonly direct: boolean | undefined;
  readonly consumers: number;
  readonly messages: number;
}

export interface Explained {
  readonly exchange: string;
  /** Undefined: there is no such exchange. */
  readonly type: string | undefined;
  /** Dotted. */
  readonly key: string;
  /** The queue that would be declared first. */
  readonly declares: string | undefined;
  /** Milliseconds that it would wait before it is routed. */
  readonly delayMs: number | undefined;
  /** Bindings that a message goes through, from the first exchange on. */
  readonly bindings: readonly ExplainedBinding[];
  /** Exchanges that took nothing, and where what they were sent goes on to. */
  readonly alternates: readonly { readonly exchange: string; readonly alternate: string }[];
  /** Topics that are the broker's own: it does not go on to them. */
  readonly withheld: readonly { readonly exchange: string; readonly key: string }[];
  readonly queues: readonly ExplainedQueue[];
  /** There are more than are listed. */
  readonly cut: boolean;
  /** More than the key decides, as headers or chance: it cannot be told without the message. */
  readonly perMessage: boolean;
  readonly permissions: readonly AccessAnswer[];
  /** All permissions are granted, and some queue would take it. */
  readonly delivered: boolean;
}

/** @param headers of the message; undefined: nobody has said, and what goes by them is not told @param user whose permissions are asked; null: the broker's own operator's, who may all @throws BrokerError not-found (vhost) */
export function explain(
  broker: Broker,
  vhost: string,
  user: string | null,
  meaning: AddressMeaning,
  headers?: Headers,
): Explained {
  const within = broker.vhostsByName.get(vhost);
  if (within === undefined) throw new BrokerError('not-found', `vhost '${vhost}' not found`);
  const { exchange: name, key: bytes, spelling } = meaning;
  const key = dotted(textOf(bytes), name === '' ? DOT : spelling);
  const exchange = name === '' ? null : within.topology.exchanges.get(name);
  const permissions =
    user === null ? [] : asked(within, name, key).map((request) => broker.access.explain(user, request));
  const bindings: ExplainedBinding[] = [];
  const alternates: { exchange: string; alternate: string }[] = [];
  const found = new Map<Queue, number>();
  const withheld: { exchange: string; key: string }[] = [];
  let cut = false;
  const trace: WalkTrace<Queue> = {
    taken(at, binding) {
      cut ||= bindings.length >= LISTED_MAX;
      if (cut) return;
      const to = binding.queue === null ? { exchange: binding.exchange!.name } : { queue: binding.queue.name };
      bindings.push({ exchange: at.name, key: binding.key, to });
    },
    alternate: (at) => void alternates.push({ exchange: at.name, alternate: at.alternate! }),
    reserved: (at, which) => void withheld.push({ exchange: at.name, key: which }),
  };
  const own: OwnFlags<Queue> = new Map();
  const properties = headers === undefined ? undefined : { ...NO_PROPERTIES, headers };
  const perMessage =
    exchange !== undefined && walk(within.topology.registry, exchange, key, null, properties, found, own, trace);
  const granted = permissions.every(({ allowed }) => allowed);
  return {
    exchange: name,
    type: exchange === null ? 'default' : exchange?.type,
    key,
    declares:
      meaning.declares !== undefined && !within.topology.queues.has(meaning.declares) ? meaning.declares : undefined,
    delayMs: meaning.delayMs,
    bindings,
    alternates,
    withheld,
    queues: [...found.keys()].slice(0, LISTED_MAX).map(shownQueue),
    cut: cut || found.size > LISTED_MAX,
    perMessage,
    permissions,
    delivered: granted && (found.size > 0 || meaning.declares !== undefined),
  };
}

/** What a publish there asks for. */
function asked({ name: vhost, topology }: Vhost, exchange: string, key: string): AccessRequest[] {
  const publishing = { vhost, action: 'write', resource: 'exchange', name: exchange, topicsFollow: true } as const;
  const kind = topology.exchanges.get(exchange)?.kind;
  if (!(kind instanceof TopicKind)) return [publishing];
  return [publishing, { vhost, action: 'write', resource: 'topic', name: exchange, routingKey: key }];
}

export function shownQueue(queue: Queue): ExplainedQueue {
  return {
    name: queue.name,
    durable: queue.durable,
    direct: queue.directMode ? queue.direct !== null : undefined,
    consumers: queue.consumers.length,
    messages: queue.count,
  };
}
