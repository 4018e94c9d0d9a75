/**
 * What a session loses when its user's rules change: its place in the vhost, bindings of the queues that are its alone, consumers.
 * (Publishers find out by their routes, which are not valid any more.)
 */
import type { SessionClient } from '../../api/session.ts';
import type { BindingInfo } from '../../api/topology.ts';
import type { SessionConsuming } from './consuming.ts';
import type { Permissions } from './permissions.ts';
import type { SessionTopology } from './topology.ts';

export interface ReviewedSession {
  readonly user: string;
  readonly vhost: string;
  readonly client: SessionClient;
  readonly permissions: Permissions;
  readonly topology: SessionTopology;
  readonly consuming: SessionConsuming;
  /** Hears why it is about to be ended. */
  readonly ending: (reason: string) => void;
}

/** A step for each thing that is looked at. */
export function* reviewSession(session: ReviewedSession): Generator<void> {
  const { client, consuming, permissions, topology } = session;
  if (!permissions.mayStay) {
    const reason = `access to vhost '${session.vhost}' refused for user '${session.user}'`;
    session.ending(reason);
    client.kicked(reason);
    return;
  }
  const poorer = new Set<string>();
  for (const queue of topology.alone) {
    const lost: BindingInfo[] = [];
    for (const binding of topology.own.withdraw(queue)) {
      if (binding !== undefined) lost.push(binding);
      yield;
    }
    if (lost.length === 0) continue;
    if (topology.own.has(queue.name)) client.accessLost?.(queue.name, lost);
    else poorer.add(queue.name);
  }
  for (const consumer of consuming.delivering()) {
    if (consumer.active && (poorer.has(consumer.queue) || !topology.mayRead(consumer.queue, consumer.through)))
      consuming.refuse(consumer);
    yield;
  }
}
