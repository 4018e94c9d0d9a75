/**
 * The queues of each vhost in the order of their names, for lists: made in slices when a list is first asked for, kept in order while
 * queues come and go, and let go of when nobody has asked for UNUSED_MS. So a broker whose queues nobody lists pays nothing. Where there are
 * very many, nobody could make one while who asks waits: those vhosts have theirs from the start on, and keep it.
 */
import type { Broker } from '../broker/broker.ts';
import { Timer } from '../clock/clock.ts';
import type { Queue } from '../queue/queue.ts';
import type { Registry, RegistryWatcher } from '../vhost/topology/registry.ts';
import type { OrderedSource, Scope } from './listing/listing.ts';
import { NameIndex } from './listing/name-index.ts';
import type { Pace } from './listing/pace.ts';

export const UNUSED_MS = 300_000;
/** Queues of a vhost that always has its index. */
export const MANY = 20_000;

export class QueueIndex implements OrderedSource<Queue> {
  private readonly broker: Broker;
  private readonly pace: Pace;
  private readonly vhosts = new Map<Registry, VhostIndex>();
  private usedAtMs = 0;
  private readonly unused = new Timer(() => this.letGo());

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.pace = pace;
  }

  /** Once, when the broker has started. */
  begin(): void {
    const many = [...this.broker.vhostsByName.values()].filter(({ topology }) => isLong(topology.registry));
    if (many.length > 0) this.of(many.map(({ name }) => name));
  }

  ready(scope: Scope): boolean {
    let ready = true;
    for (const one of this.of(scope)) if (!one.ready) ready = false;
    return ready;
  }

  async whenReady(scope: Scope): Promise<void> {
    for (const one of this.of(scope)) await one.whenReady();
  }

  count(scope: Scope): number {
    let count = 0;
    for (const { names } of this.of(scope)) count += names.size;
    return count;
  }

  slice(scope: Scope, rank: number, max: number): Queue[] {
    const found: Queue[] = [];
    let skip = rank;
    for (const { names } of this.of(scope)) {
      if (found.length >= max) break;
      if (skip < names.size) found.push(...names.slice(skip, max - found.length));
      skip = Math.max(0, skip - names.size);
    }
    return found;
  }

  after(scope: Scope, entry: Queue | undefined, max: number): Queue[] {
    const found: Queue[] = [];
    const from = entry?.services.vhost;
    for (const { vhost, names } of this.of(scope)) {
      if (found.length >= max) break;
      if (from !== undefined && vhost < from) continue;
      found.push(...names.after(vhost === from ? entry!.name : undefined, max - found.length));
    }
    return found;
  }

  before(scope: Scope, entry: Queue | undefined, max: number): Queue[] {
    const found: Queue[] = [];
    const from = entry?.services.vhost;
    for (const { vhost, names } of this.of(scope).reverse()) {
      if (found.length >= max) break;
      if (from !== undefined && vhost > from) continue;
      found.push(...names.before(vhost === from ? entry!.name : undefined, max - found.length));
    }
    return found;
  }

  /** Those of these vhosts, being made where there is none. */
  private of(scope: Scope): VhostIndex[] {
    this.usedAtMs = this.broker.clock.monotonicMs();
    if (!this.unused.scheduled) this.broker.clock.schedule(this.unused, UNUSED_MS);
    const found: VhostIndex[] = [];
    for (const name of scope) {
      const registry = this.broker.vhostsByName.get(name)?.topology.registry;
      if (registry === undefined) continue;
      let index = this.vhosts.get(registry);
      if (index === undefined) {
        index = new VhostIndex(registry, this.pace);
        this.vhosts.set(registry, index);
      }
      found.push(index);
    }
    return found;
  }

  private letGo(): void {
    const left = this.usedAtMs + UNUSED_MS - this.broker.clock.monotonicMs();
    if (left > 0) {
      this.broker.clock.schedule(this.unused, left);
      return;
    }
    for (const [registry, index] of this.vhosts) {
      const there = this.broker.vhostsByName.get(index.vhost)?.topology.registry === registry;
      if (there && isLong(registry)) continue;
      index.close();
      this.vhosts.delete(registry);
    }
    if (this.vhosts.size > 0) this.broker.clock.schedule(this.unused, UNUSED_MS);
  }
}

function isLong({ queues }: Registry): boolean {
  return queues.size >= MANY;
}

class VhostIndex implements RegistryWatcher {
  readonly names = new NameIndex<Queue>();
  readonly vhost: string;
  ready = false;
  private readonly filled: Promise<void>;
  /** Nobody waits for it yet. */
  private background = true;
  private readonly registry: Registry;

  constructor(registry: Registry, pace: Pace) {
    this.registry = registry;
    this.vhost = registry.vhost;
    registry.watcher = this;
    this.filled = this.fill(pace);
  }

  whenReady(): Promise<void> {
    this.background = false;
    return this.filled;
  }

  private async fill(pace: Pace): Promise<void> {
    await pace.next(this.background);
    for (const queue of this.registry.queues.values()) {
      this.names.add(queue);
      if (pace.over()) await pace.next(this.background);
    }
    this.ready = true;
  }

  queueAdded(queue: Queue): void {
    this.names.add(queue);
  }

  queueRemoved(queue: Queue): void {
    this.names.remove(queue);
  }

  close(): void {
    this.registry.watcher = null;
  }
}
