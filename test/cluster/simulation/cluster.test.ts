/** Random histories of a small cluster hold; and each planted bug is found. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock/clock.ts';
import { Cursor } from '../../../src/cluster/follower/cursor.ts';
import { Follower } from '../../../src/cluster/follower/follower.ts';
import { StreamReplica } from '../../../src/cluster/leader/stream-replica.ts';
import { Tenure, TenureOver } from '../../../src/cluster/leader/tenure.ts';
import { plant } from '../../simulation/focused/planting.ts';
import { KeptLog } from '../fake/engine.ts';
import { runCluster } from './history.ts';

const HISTORIES = 40;
/** A planted bug is to be found in so many. */
const WITHIN = 2000;

it(`${HISTORIES} histories`, { timeout: 60_000 }, async () => {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const report = await runCluster(seed);
    expect(report.failures, `seed ${seed}`).toEqual([]);
    for (const [what, n] of Object.entries(report.counts)) counts[what] = (counts[what] ?? 0) + n;
  }
  // All of it comes about, or the histories prove nothing.
  for (const what of [
    'leaderships',
    'confirmed',
    'settledConfirmed',
    'kills',
    'powerLosses',
    'pauses',
    'cuts',
    'elections',
  ]) {
    expect(counts[what], what).toBeGreaterThan(HISTORIES / 2);
  }
  for (const what of [
    'ackLost',
    'appendLost',
    'lateStored',
    'lateRefused',
    'event gap',
    'event replaced',
    'event restored',
  ]) {
    expect(counts[what], what).toBeGreaterThan(0);
  }
});

/** The first that any history finds wrong in these words. */
async function firstWrong(says = /./): Promise<string | undefined> {
  for (let seed = 1; seed <= WITHIN; seed++) {
    const { failures } = await runCluster(seed);
    const found = failures.find((failure) => says.test(failure));
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('a planted bug is found:', { timeout: 60_000 }, () => {
  it('a leader that confirms before the engine has acknowledged', async () => {
    const before = new WeakMap<StreamReplica, Promise<unknown>>();
    plant(
      StreamReplica.prototype,
      'write',
      (write) =>
        function (this: StreamReplica, parts, done) {
          const copies = parts.map((part) => ({ ...part, bytes: Buffer.from(part.bytes) }));
          const written = (before.get(this) ?? Promise.resolve()).then(
            () => new Promise<void>((resolve) => write.call(this, copies, () => resolve())),
          );
          before.set(this, written);
          queueMicrotask(() => done(undefined));
        },
    );
    expect(await firstWrong(/was confirmed, and|was settled and confirmed/)).toBeDefined();
  });

  it('an engine without a fence', async () => {
    plant(
      KeptLog.prototype,
      'store',
      (store) =>
        function (this: KeptLog, _expected, bytes) {
          return store.call(this, this.last, bytes);
        },
    );
    expect(await firstWrong()).toBeDefined();
  });

  it('a tenure that goes by the wall’s clock', async () => {
    const wall = new WeakMap<Tenure, number>();
    const right = Object.getOwnPropertyDescriptor(Tenure.prototype, 'holds')!;
    Object.defineProperty(Tenure.prototype, 'holds', {
      configurable: true,
      get(this: Tenure) {
        const { clock, ended } = this as unknown as { clock: Clock; ended(reason: TenureOver): void };
        if (!wall.has(this)) wall.set(this, clock.epochMs() - clock.monotonicMs());
        if (this.over === undefined && clock.epochMs() - wall.get(this)! >= this.lease.deadlineMs() - 300) {
          this.over = new TenureOver('by the wall');
          ended(this.over);
        }
        return this.over === undefined;
      },
    });
    try {
      expect(await firstWrong(/confirms in epoch \d+, and epoch \d+ has begun/)).toBeDefined();
    } finally {
      Object.defineProperty(Tenure.prototype, 'holds', right);
    }
  });

  it('a follower that skips a gap', async () => {
    plant(
      Follower.prototype,
      'take',
      (take) =>
        function (this: Follower, append) {
          this.sequence = append.sequence - 1;
          return take.call(this, append);
        },
    );
    plant(
      Cursor.prototype,
      'take',
      (take) =>
        function (this: Cursor, append) {
          this.number = append.number - 1;
          if (append.parts.length > 0) {
            this.nextBatch = append.firstBatch;
            this.checksum = append.checksumBefore;
            this.end = append.parts[0]!.position;
          }
          return take.call(this, append);
        },
    );
    expect(await firstWrong()).toBeDefined();
  });
});
