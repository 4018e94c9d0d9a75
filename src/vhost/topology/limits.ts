/** The limits of a vhost's topology: how much it may hold. Nothing is bounded unless it is said: as in RabbitMQ, whose words the errors have. */
import { BrokerError } from '../../message/errors.ts';

export interface TopologyLimits {
  readonly queues?: number | undefined;
  readonly exchanges?: number | undefined;
  /** Bindings that lead to one queue, the default exchange's left out. */
  readonly bindingsPerQueue?: number | undefined;
  /** Retained messages; one more is delivered and not kept, counted, or refused where the publisher can be told. */
  readonly retainedMessages?: number | undefined;
  /** Bytes of their topics, properties and bodies. */
  readonly retainedBytes?: number | undefined;
}

/** @throws BrokerError precondition-failed if there is no room for one more */
export function checkRoom(
  what: 'queue' | 'exchange',
  name: string,
  count: number,
  max: number | undefined,
  vhost: string,
): void {
  if (max === undefined || count < max) return;
  throw new BrokerError(
    'precondition-failed',
    `cannot declare ${what} '${name}': ${what} limit in vhost '${vhost}' (${max}) is reached`,
  );
}

/** @throws BrokerError precondition-failed */
export function checkBindingRoom(queue: string, count: number, max: number | undefined, vhost: string): void {
  if (max === undefined || count < max) return;
  throw new BrokerError(
    'precondition-failed',
    `cannot bind queue '${queue}' in vhost '${vhost}': limit of bindings of one queue (${max}) is reached`,
  );
}
