/**
 * When a lease can have run out, in memory that two threads see. In nanoseconds of the system's monotonic clock, which is one for all
 * threads; what `performance.now` says begins at another moment in each.
 */

export function nowNs(): bigint {
  return process.hrtime.bigint();
}

export class LeaseMemory {
  private readonly deadline: BigInt64Array<SharedArrayBuffer>;
  private readonly leaseNs: bigint;

  constructor(memory: SharedArrayBuffer, leaseMs: number) {
    this.deadline = new BigInt64Array(memory);
    this.leaseNs = BigInt(leaseMs) * 1_000_000n;
  }

  static make(): SharedArrayBuffer {
    return new SharedArrayBuffer(8);
  }

  /** A renewal that was sent then has been answered. */
  renewed(sentNs: bigint): void {
    Atomics.store(this.deadline, 0, sentNs + this.leaseNs);
  }

  /** Milliseconds until it can have run out; negative: it can have. */
  leftMs(): number {
    return Number(Atomics.load(this.deadline, 0) - nowNs()) / 1e6;
  }
}
