/**
 * Whatever one client asks for, or many, an ordinary client beside them hardly notices: 99 of 100 of its messages are
 * delivered and confirmed within 50 ms, and SIGTERM ends the broker within two seconds. Broker, abuser and bystander are a
 * process each, so that nobody's own work counts for another's. Larger sizes: `node bench/abuse.ts --size 10`.
 */
import { describe, expect, it } from 'vitest';
import { CASES } from './cases/index.ts';
import { abused, type Outcome } from './harness.ts';

const P99_MAX_MS = 50;
const STOP_MAX_MS = 2_000;
/**
 * Where other work shares the machine (the other tests, on two cores), the bystander is late for reasons that are not the
 * broker's. So what it needs when nobody abuses anything, just before, is let off some times over, and what it misses is tried
 * again. An abuse that holds the loop holds it for hundreds of milliseconds, each time.
 */
const IDLE_TIMES = 3;
const TRIES = 3;

const allowedMs = ({ idleP99Ms }: Outcome): number => P99_MAX_MS + IDLE_TIMES * idleP99Ms;

describe('beside abuse', () => {
  for (const [index, { name, residentMaxBytes, measuredMs = 800, unproven = false }] of CASES.entries()) {
    // What is not shown of the bystander is no reason to leave memory alone.
    it.skipIf(unproven && residentMaxBytes === undefined)(name, { timeout: 120_000 }, async () => {
      let seen: Outcome | undefined;
      for (let i = 0; i < TRIES; i++) {
        seen = await abused(index, { size: 0.4, measuredMs });
        if ((unproven || seen.p99Ms <= allowedMs(seen)) && seen.stopMs <= STOP_MAX_MS) break;
      }
      if (!unproven) {
        expect(seen!.p99Ms, 'milliseconds until delivered and confirmed, 99th percentile').toBeLessThanOrEqual(
          allowedMs(seen!),
        );
      }
      if (residentMaxBytes !== undefined) {
        expect(seen!.residentPeakBytes, 'the most that was in memory').toBeLessThanOrEqual(residentMaxBytes);
      }
      expect(seen!.stopMs, 'milliseconds from SIGTERM to the end').toBeLessThanOrEqual(STOP_MAX_MS);
    });
  }
});
