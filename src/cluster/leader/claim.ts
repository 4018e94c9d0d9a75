/** The append with which a node begins to lead. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock/clock.ts';
import type { Lease, SharedLog } from '../engine.ts';
import { CLAIM, LOG_ID_BYTES, writeAppend } from '../envelope.ts';
import type { Report } from '../events.ts';
import { type Follower, TooFarBehind } from '../follower/follower.ts';
import { AppenderEnded, Deposed, FencedAppender } from './fenced-appender.ts';

export interface Claimed {
  readonly appender: FencedAppender;
  readonly logId: Buffer;
  readonly nextBatch: number;
  readonly checksum: number;
}

export interface ClaimOptions {
  readonly log: SharedLog;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly report: Report;
  /** Given the appender, so that whoever stops can end it. */
  readonly began: (appender: FencedAppender) => void;
}

/**
 * Claims the log behind what the follower has taken, which then is all that there is.
 * @returns null: more has come, or the lease's time is up: read on and try again
 * @throws SharedLogLost; Error: the claim cannot be made
 */
export async function claim(follower: Follower, options: ClaimOptions): Promise<Claimed | null> {
  const { log, lease, clock, report } = options;
  // Others may have led since.
  if (clock.monotonicMs() >= lease.deadlineMs()) return null;
  if (follower.sequence > 0 && !follower.connected) {
    throw new TooFarBehind('nothing that is kept in the shared log goes on where the log of this node ends');
  }
  if (follower.sequence === 0) await follower.found(randomBytes(LOG_ID_BYTES));
  if (lease.epoch <= follower.epoch) {
    throw new Error(
      `the lease is of epoch ${lease.epoch}, and epoch ${follower.epoch} was there before: the bucket of the leases is not the one it was`,
    );
  }
  const logId = follower.logId!;
  const { batch: nextBatch, checksum } = follower.next;
  const bytes = writeAppend(
    {
      logId,
      epoch: lease.epoch,
      kind: CLAIM,
      number: 0,
      firstBatch: nextBatch,
      checksumBefore: checksum,
      owner: lease.holder,
    },
    [],
  );
  const appender = new FencedAppender(log, follower.sequence, clock, report);
  options.began(appender);
  try {
    await appender.append(bytes);
  } catch (error) {
    if (!(error instanceof Deposed) && !(error instanceof AppenderEnded)) throw error;
    if (follower.sequence === 0) await follower.notFound();
    return null;
  }
  return { appender, logId, nextBatch, checksum };
}
