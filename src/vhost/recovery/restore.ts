/**
 * Restores a vhost's parts from what recovery has found, and counts who refers to which message, so that the log knows what is
 * still needed.
 */
import type { Log } from '../../log/log.ts';
import type { Extents } from '../../message/storage.ts';
import { FLAG_LARGE, type VisitEntry } from '../../queue/entry-flags.ts';
import { type Chunk, unpack, unpackedRoom } from '../../queue/positions/packed-positions.ts';
import { Queue } from '../../queue/queue.ts';
import type { QueueServices } from '../../queue/queue-services.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { RetainedIndex } from '../../queue/store/retained-index.ts';
import { Exchange } from '../../routing/exchange.ts';
import type { Delays } from '../timers/delays.ts';
import type { Topology } from '../topology/topology.ts';
import type { RecoveredTopology } from './recovered-topology.ts';

/** @param unclean it cannot be known which messages had been handed out: all of them may have been */
export function restoreTopology(
  recovered: RecoveredTopology,
  topology: Topology,
  services: QueueServices<Queue>,
  unclean: boolean,
): void {
  const { registry } = topology;
  for (const { name, type, window: _, ...options } of recovered.exchanges.values()) {
    if (!registry.exchanges.has(name)) topology.addExchange(new Exchange<Queue>(name, type, options));
  }
  for (const from of recovered.queues.values()) {
    const queue = new Queue(services, from.id, from.name, from.options, from.settings, null);
    from.restore(queue, unclean);
    registry.addQueue(queue);
  }
  registry.expectQueue(recovered.nextQueue);
  for (const { name, bindings } of recovered.exchanges.values()) {
    const source = registry.exchanges.get(name)!;
    for (const { queue, exchange, record } of bindings.values()) {
      topology.bindings.restore(
        source,
        queue === null ? null : registry.queuesById.get(queue.id)!,
        exchange === null ? null : registry.exchanges.get(exchange.name)!,
        record.key,
        record.options,
      );
    }
  }
}

/** What queues and exchanges have taken, where they still take each message once. Policies are in force. */
export function restoreWindows(recovered: RecoveredTopology, topology: Topology, nowMs: number): void {
  const { registry, appliedPolicies } = topology;
  for (const { name, window } of recovered.exchanges.values()) {
    const exchange = registry.exchanges.get(name);
    if (window !== null && exchange?.window?.durable === true) window.restore(exchange.window, nowMs);
  }
  for (const { id, window } of recovered.queues.values()) {
    const queue = registry.queuesById.get(id);
    if (window === null || queue === undefined) continue;
    // Of very many some are not reached yet.
    if (queue.window === null) appliedPolicies.applyToQueue(queue);
    if (queue.window?.durable === true) window.restore(queue.window, nowMs);
  }
}

/** Groups and tenants of what waits, where queues still go by them. Policies are in force. */
export function restoreOrders(recovered: RecoveredTopology, topology: Topology): void {
  const { registry, appliedPolicies } = topology;
  for (const from of recovered.queues.values()) {
    const queue = registry.queuesById.get(from.id);
    if (queue === undefined) continue;
    // Of very many some are not reached yet.
    if (queue.order === null && from.hasPlaces) appliedPolicies.applyToQueue(queue);
    from.restoreOrder(queue);
  }
}

export interface ReferringParts {
  readonly topology: Topology;
  readonly retained: RetainedIndex;
  readonly delays: Delays;
  readonly store: MessageStore;
  readonly log: Log;
}

/** @param extents where large bodies lie, by the numbers of their messages */
export function countReferences(parts: ReferringParts, extents: ReadonlyMap<number, Extents>): void {
  const { store, log } = parts;
  const refer: VisitEntry = (seq, flags) => {
    const body = (flags & FLAG_LARGE) === 0 ? undefined : extents.get(seq);
    if (body !== undefined && !store.isLarge(seq)) store.recoverBody(seq, body);
    store.addReferences(seq, true, 1);
  };
  for (const queue of parts.topology.queues.values()) {
    queue.contents.forEachChunk((chunk) => {
      // A run of numbers is counted as one; what is transient never gets into a log.
      const plain =
        chunk.gaps.length === 0 && chunk.flagRuns.every((value, i) => i % 2 === 0 || (value & FLAG_LARGE) === 0);
      if (plain) {
        log.addLiveRange(chunk.first, chunk.count);
        store.copies += chunk.count;
      } else forEachEntry(chunk, refer);
    });
    queue.contents.forEachHeld(refer);
  }
  for (const message of parts.retained.all()) refer(message.seq, message.large ? FLAG_LARGE : 0);
  parts.delays.forEachEntry(refer);
  log.referencesCounted();
}

/** Chunks are unpacked one at a time: there is one for each of very many queues. */
const room = unpackedRoom();

function forEachEntry(chunk: Chunk, visit: VisitEntry): void {
  const { seqs, flagSets } = room;
  unpack(chunk, room);
  for (let i = 0; i < chunk.count; i++) visit(seqs[i]!, flagSets[i]!);
}
