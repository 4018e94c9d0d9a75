/** A lease of the fake engine: kept by the servers' clock, renewed by the node's. */
import { Timer } from '../../../src/clock/clock.ts';
import type { Lease } from '../../../src/cluster/engine.ts';
import type { FakeEngine } from './engine.ts';

export interface KeptLease {
  readonly holder: string;
  readonly epoch: number;
  revision: number;
  endsMs: number;
}

/** So often in its time it is renewed. */
const RENEWALS = 3;

export class FakeLease implements Lease {
  readonly name: string;
  readonly holder: string;
  readonly epoch: number;
  private readonly engine: FakeEngine;
  private revision: number;
  private sentMs: number;
  private stopped = false;
  private readonly renewing = new Timer(() => this.renew());

  static async take(engine: FakeEngine, name: string, holder: string): Promise<FakeLease | null> {
    const { servers } = engine;
    const sentMs = engine.clock.monotonicMs();
    const epoch = await engine.ask(() => {
      const kept = servers.leases.get(name);
      const nowMs = servers.clock.monotonicMs();
      if (kept !== undefined && nowMs < kept.endsMs) return 0;
      const revision = servers.nextRevision++;
      servers.leases.set(name, { holder, epoch: revision, revision, endsMs: nowMs + servers.leaseMs });
      return revision;
    });
    return epoch === 0 ? null : new FakeLease(engine, name, holder, epoch, sentMs);
  }

  private constructor(engine: FakeEngine, name: string, holder: string, epoch: number, sentMs: number) {
    this.engine = engine;
    this.name = name;
    this.holder = holder;
    this.epoch = epoch;
    this.revision = epoch;
    this.sentMs = sentMs;
    this.later();
  }

  deadlineMs(): number {
    return this.sentMs + this.engine.servers.leaseMs;
  }

  async giveBack(): Promise<void> {
    this.stop();
    const { servers } = this.engine;
    await this.engine.ask(() => {
      if (servers.leases.get(this.name)?.revision === this.revision) servers.leases.delete(this.name);
    });
  }

  stop(): void {
    this.stopped = true;
    this.engine.clock.cancel(this.renewing);
  }

  private later(): void {
    const { servers, clock } = this.engine;
    if (!this.stopped) clock.schedule(this.renewing, servers.leaseMs / RENEWALS);
  }

  private renew(): void {
    const { servers, clock } = this.engine;
    const sentMs = clock.monotonicMs();
    this.engine
      .ask(() => {
        const kept = servers.leases.get(this.name);
        const nowMs = servers.clock.monotonicMs();
        // What has run out cannot be renewed back, as with a key that is gone.
        if (kept?.revision !== this.revision || nowMs >= kept.endsMs) return false;
        kept.revision = servers.nextRevision++;
        kept.endsMs = nowMs + servers.leaseMs;
        this.revision = kept.revision;
        return true;
      })
      .then(
        (renewed) => {
          if (!renewed) this.stop();
          else if (!this.stopped) {
            this.sentMs = sentMs;
            this.later();
          }
        },
        () => this.later(),
      );
  }
}
