/** The limits of a vhost's topology: how much it may hold. Nothing is bounded unless it is said: as in RabbitMQ, whose words the errors have. */
import { LimitError } from '../../message/errors.ts';

export interface TopologyLimits {
  readonly queues?: number | undefined;
  readonly exchanges?: number | undefined;
  /** Bindings that lead to one queue, the default exchange's left out. */
  readonly bindingsPerQueue?: number | undefined;
  /** Retained messages; one more is delivered and not kept, counted, or refused where the publisher can be told. */
  readonly retainedMessages?: number | undefined;
  /** Bytes of their topics, properties and bodies. */
  readonly retainedBytes?: number | undefined;
  /** Schedules: messages that come again and again. Default: `SCHEDULES_MAX`. */
  readonly schedules?: number | undefined;
}

/** The limits in force, which may change, and how often each has refused something. */
export class LimitsInForce {
  refusedQueues = 0;
  refusedExchanges = 0;
  refusedBindings = 0;
  now: TopologyLimits;

  constructor(limits: TopologyLimits) {
    this.now = limits;
  }
}

/** @throws LimitError precondition-failed if there is no room for one more; counted */
export function checkRoom(
  what: 'queue' | 'exchange',
  name: string,
  count: number,
  limits: LimitsInForce,
  vhost: string,
): void {
  const max = what === 'queue' ? limits.now.queues : limits.now.exchanges;
  if (max === undefined || count < max) return;
  if (what === 'queue') limits.refusedQueues++;
  else limits.refusedExchanges++;
  throw new LimitError(
    'precondition-failed',
    `${what}s`,
    `cannot declare ${what} '${name}': ${what} limit in vhost '${vhost}' (${max}) is reached`,
  );
}

/** @throws LimitError precondition-failed; counted */
export function checkBindingRoom(queue: string, count: number, limits: LimitsInForce, vhost: string): void {
  const max = limits.now.bindingsPerQueue;
  if (max === undefined || count < max) return;
  limits.refusedBindings++;
  throw new LimitError(
    'precondition-failed',
    'bindings',
    `cannot bind queue '${queue}' in vhost '${vhost}': limit of bindings of one queue (${max}) is reached`,
  );
}
