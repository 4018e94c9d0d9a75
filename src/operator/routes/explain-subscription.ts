/**
 * A dry run of a subscription: which queue would be read, how it would be bound, what comes to it from where, what is retained, and which of
 * a user's permissions would let him. Nothing is made.
 */
import type { SubscriptionMeaning } from '../../api/address-meaning.ts';
import type { AccessRequest } from '../../api/identity.ts';
import type { AccessAnswer } from '../../broker/access.ts';
import type { Broker } from '../../broker/broker.ts';
import { bindingKey } from '../../broker/session/permissions.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Binding } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';
import { TopicKind } from '../../routing/kinds/topic.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Pace } from '../listing/pace.ts';
import { type ExplainedBinding, type ExplainedQueue, shownQueue } from './explain.ts';

/** What one explanation lists of each; there may be more. */
const LISTED_MAX = 1_000;
const RETAINED_LISTED_MAX = 100;

export interface ExplainedSubscription extends Pick<SubscriptionMeaning, 'shared' | 'waits' | 'notes'> {
  /** As it is now; undefined: it is not there. */
  readonly queue: (ExplainedQueue & { readonly exclusive: boolean }) | undefined;
  /** Undefined: of a name that cannot be known before. */
  readonly queueName: string | undefined;
  /** It would be made. */
  readonly declares: boolean;
  /** The binding that is asked for. Undefined: none is. */
  readonly binding:
    | {
        readonly exchange: string;
        /** Undefined: there is no such exchange. */
        readonly type: string | undefined;
        /** Dotted, with * and #. */
        readonly key: string;
        /** The queue is bound so already. */
        readonly isThere: boolean;
      }
    | undefined;
  /** Bindings that bring messages there: the queue's, and those of exchanges that lead to theirs. */
  readonly bindings: readonly ExplainedBinding[];
  /** There are more than are listed. */
  readonly cut: boolean;
  /** Undefined: it does not begin with what is retained. */
  readonly retained:
    | {
        readonly count: number;
        /** Others that this user may not be shown. */
        readonly withheld: number;
        /** The first of their topics, dotted. */
        readonly keys: readonly string[];
      }
    | undefined;
  readonly permissions: readonly AccessAnswer[];
  /** All permissions are granted, and there is, or will be, something to read. */
  readonly granted: boolean;
}

/** @param user whose permissions are asked; null: the broker's own operator's, who may all @param clientId what his client calls itself @throws BrokerError not-found (vhost) */
export async function explainSubscription(
  broker: Broker,
  pace: Pace,
  vhost: string,
  user: string | null,
  meaning: SubscriptionMeaning,
  clientId: string | undefined,
): Promise<ExplainedSubscription> {
  const within = broker.vhostsByName.get(vhost);
  if (within === undefined) throw new BrokerError('not-found', `vhost '${vhost}' not found`);
  const { shared, waits, notes, queue: queueName } = meaning;
  const queue = queueName === undefined ? undefined : within.topology.queues.get(queueName);
  const requests = user === null ? [] : asked(within, queue, meaning);
  const permissions = requests.map((request) =>
    broker.access.explain(user!, clientId === undefined ? request : { ...request, clientId }),
  );
  const exchange = meaning.binding && within.topology.exchanges.get(meaning.binding.exchange);
  const isBound = meaning.binding === undefined || exchange !== undefined;
  const { bindings, cut } = leadingTo(within, queue, exchange);
  return {
    ...{ shared, waits, notes, queueName, bindings, cut, permissions },
    queue: queue && { ...shownQueue(queue), exclusive: queue.exclusiveTo !== null },
    declares: meaning.declares && queue === undefined,
    binding: shownBinding(within, queue, meaning.binding, exchange),
    retained: await retainedFor(broker, pace, within, user, meaning),
    granted: permissions.every(({ allowed }) => allowed) && isBound && (queue !== undefined || meaning.declares),
  };
}

/** What a subscription there asks for, in its order (`broker/session/topology.ts`). */
function asked(vhost: Vhost, queue: Queue | undefined, meaning: SubscriptionMeaning): AccessRequest[] {
  const { binding, ownUse, declares } = meaning;
  // Where the broker makes a name, this is what it begins with.
  const name = meaning.queue ?? 'amq.gen-';
  const requests: AccessRequest[] = [];
  const ask = (action: AccessRequest['action'], resource: 'queue' | 'exchange', of: string): void =>
    void requests.push({ vhost: vhost.name, action, resource, name: of });
  if (!ownUse && declares && queue === undefined) ask('configure', 'queue', name);
  if (binding !== undefined) {
    const { exchange, key, spelling } = binding;
    if (!ownUse) ask('write', 'queue', name);
    ask('read', 'exchange', exchange);
    if (vhost.topology.exchanges.get(exchange)?.kind instanceof TopicKind) {
      const routingKey = bindingKey(key, spelling);
      requests.push({ vhost: vhost.name, action: 'read', resource: 'topic', name: exchange, routingKey });
    }
  }
  if (!ownUse) ask('read', 'queue', name);
  return requests;
}

function shownBinding(
  vhost: Vhost,
  queue: Queue | undefined,
  binding: SubscriptionMeaning['binding'],
  exchange: Exchange<Queue> | undefined,
): ExplainedSubscription['binding'] {
  if (binding === undefined) return undefined;
  const key = bindingKey(binding.key, binding.spelling);
  const there = queue === undefined ? [] : vhost.topology.bindingsOf(queue);
  const isThere = there.some(
    (one) => one.exchange === binding.exchange && bindingKey(one.key, one.options.spelling) === key,
  );
  return { exchange: binding.exchange, type: exchange?.type, key, isThere };
}

/** The queue's bindings, and those that lead to the exchanges of it and of the binding that is asked for, each once. */
function leadingTo(
  vhost: Vhost,
  queue: Queue | undefined,
  exchange: Exchange<Queue> | undefined,
): { readonly bindings: ExplainedBinding[]; readonly cut: boolean } {
  const bindings: ExplainedBinding[] = [];
  const next: Exchange<Queue>[] = [];
  if (queue !== undefined) {
    for (const { exchange: name, key, options } of vhost.topology.bindingsOf(queue)) {
      if (bindings.length >= LISTED_MAX) return { bindings, cut: true };
      bindings.push({ exchange: name, key: bindingKey(key, options.spelling), to: { queue: queue.name } });
      const source = vhost.topology.exchanges.get(name);
      if (source !== undefined) next.push(source);
    }
  }
  if (exchange !== undefined) next.push(exchange);
  const seen = new Set<Exchange<Queue>>();
  for (let to = next.pop(); to !== undefined; to = next.pop()) {
    if (seen.has(to)) continue;
    seen.add(to);
    for (const { source, key, spelling } of to.incoming as Iterable<Binding<Queue>>) {
      if (bindings.length >= LISTED_MAX) return { bindings, cut: true };
      if (source.deleted) continue;
      bindings.push({ exchange: source.name, key: bindingKey(key, spelling), to: { exchange: to.name } });
      next.push(source as Exchange<Queue>);
    }
  }
  return { bindings, cut: false };
}

/** Counted in slices: there may be very many. */
async function retainedFor(
  broker: Broker,
  pace: Pace,
  vhost: Vhost,
  user: string | null,
  { binding, retained }: SubscriptionMeaning,
): Promise<ExplainedSubscription['retained']> {
  if (!retained || binding === undefined) return undefined;
  const identity = user === null ? null : (broker.recall(user) ?? { user });
  const { exchange, key: filter, spelling, hideReserved = false } = binding;
  const keys: string[] = [];
  let count = 0;
  let withheld = 0;
  await pace.next();
  for (const message of vhost.retained.index.matching(filter, spelling, hideReserved)) {
    if (pace.over()) await pace.next();
    if (message === undefined) continue;
    const { seq, key, expiresAtMs } = message;
    if (expiresAtMs > 0 && expiresAtMs <= broker.clock.epochMs()) continue;
    const isShown =
      (identity === null || broker.access.mayReadRetained(identity, vhost.name, exchange, key)) &&
      vhost.retainers.permits(seq, exchange, key);
    if (!isShown) withheld++;
    else if (++count <= RETAINED_LISTED_MAX) keys.push(key);
  }
  return { count, withheld, keys };
}
