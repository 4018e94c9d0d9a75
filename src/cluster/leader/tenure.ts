/**
 * How long this node may lead: as long as its lease cannot have run out, by the monotonic clock, from when its last renewal was sent, less a
 * margin. Once it is over it stays over, though the lease may be renewed: whoever leads again makes a claim again.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Lease } from '../engine.ts';

/** It ends so long before its lease can have: what is under way gets out of the process, and clocks may differ a little in speed. */
export const MARGIN_MS = 1_000;
const LOOK_MS = 100;

/** The lease may have run out: others may lead. */
export class TenureOver extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TenureOver';
  }
}

export class Tenure {
  readonly lease: Lease;
  /** Why it is over. */
  over: TenureOver | undefined = undefined;
  private readonly clock: Clock;
  private readonly marginMs: number;
  private readonly ended: (reason: TenureOver) => void;
  private readonly looking = new Timer(() => this.look());

  /** @param ended called once, when the time is up; not after `stop` */
  constructor(lease: Lease, clock: Clock, marginMs: number, ended: (reason: TenureOver) => void) {
    this.lease = lease;
    this.clock = clock;
    this.marginMs = marginMs;
    this.ended = ended;
    clock.schedule(this.looking, LOOK_MS);
  }

  /** This node may confirm and hand out now. The clock is asked: a timer may be late by as long as a turn takes. */
  get holds(): boolean {
    if (this.over === undefined && this.clock.monotonicMs() >= this.lease.deadlineMs() - this.marginMs) {
      this.over = new TenureOver(`the lease of epoch ${this.lease.epoch} was not renewed in time`);
      this.clock.cancel(this.looking);
      this.ended(this.over);
    }
    return this.over === undefined;
  }

  stop(): void {
    this.over ??= new TenureOver('it was given up');
    this.clock.cancel(this.looking);
  }

  private look(): void {
    if (this.holds) this.clock.schedule(this.looking, LOOK_MS);
  }
}
