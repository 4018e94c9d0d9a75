/**
 * One node's part in one vhost: follows its shared log, and leads when it gets the lease.
 *
 *     following ──lease taken, all read──▶ claiming ──stored──▶ leading ──lease over, deposed, told to stop──▶ following
 *         ▲                                   │ refused: more has come
 *         └───────────────────────────────────┘
 *     any ──something that cannot be passed over──▶ stuck, said loudly
 *
 * What it means to lead is for its owner to say (`lead`, `leave`): opens the log with the replica it is given, closes it.
 */
import type { Clock } from '../clock/clock.ts';
import type { FileSystem } from '../log/files/files.ts';
import type { Replay } from '../log/recover/unit-replay.ts';
import type { LogReplica } from '../log/replica.ts';
import { type Engine, EngineAway, type Lease, type SharedLog } from './engine.ts';
import type { Report } from './events.ts';
import { Follower } from './follower/follower.ts';
import { Following } from './follower/following.ts';
import { type Claimed, claim } from './leader/claim.ts';
import { AppenderEnded, Deposed, type FencedAppender, SharedLogLost } from './leader/fenced-appender.ts';
import { StreamReplica } from './leader/stream-replica.ts';
import { MARGIN_MS, Tenure, TenureOver } from './leader/tenure.ts';
import { Waits } from './waiting.ts';

/** So often a node that follows asks for the lease. */
const LEASE_LOOK_MS = 1_000;
const AGAIN_MS = 500;
/** So often it has waited for AGAIN_MS, and nothing has come of what there is said to be. */
const STALLS = 4;
/** So seldom, of the times that it asks for the lease, a follower looks whether there is more than what came. */
const END_LOOKS = 10;
const LEADS_NO_MORE = [Deposed, TenureOver, AppenderEnded] as const;

/** What a leader is given to open its log with. */
export interface Leadership {
  readonly epoch: number;
  readonly logId: Buffer;
  readonly replica: LogReplica;
  /** This node may confirm and hand out now. */
  readonly holds: () => boolean;
  /** The log has failed, whatever the reason: called by whoever opened it. */
  readonly giveUp: (reason: Error) => void;
}

export interface MemberOptions {
  readonly engine: Engine;
  /** The vhost. */
  readonly name: string;
  /** This node; no two are called the same. */
  readonly node: string;
  readonly files: FileSystem;
  readonly directory: string;
  readonly clock: Clock;
  readonly report: Report;
  readonly marginMs?: number;
  /** Gets the records that are followed: see `FollowerOptions.replay`. Called for each new follower; what the one before got counts no more. */
  readonly follow?: () => Replay;
  /** Opens the log in `directory`. */
  readonly lead: (leadership: Leadership) => Promise<void>;
  /**
   * Closes it: in order if it was asked for (`reason` undefined), or because nothing can be confirmed any more. Called after each `lead`,
   * also after one that has failed.
   */
  readonly leave: (reason: Error | undefined) => Promise<void>;
}

export type Role = 'following' | 'claiming' | 'leading' | 'stuck' | 'stopped';

export class Member {
  role: Role = 'following';
  /** Why it is stuck. */
  stuck: Error | undefined = undefined;
  /** The last append that this node has followed. */
  sequence = 0;
  private readonly options: MemberOptions;
  private readonly waits: Waits;
  private stopping = false;
  /** While it has it. */
  private lease: Lease | null = null;
  private appender: FencedAppender | undefined = undefined;
  private endLeading: ((reason: Error | undefined) => void) | undefined = undefined;
  private following: Following | undefined = undefined;
  private readonly running: Promise<void>;

  constructor(options: MemberOptions) {
    this.options = options;
    this.waits = new Waits(options.clock);
    this.running = this.run();
  }

  /** Leads no more, and follows no more. What it led is closed in order, as far as that is possible. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.waits.end();
    this.endLeading?.(undefined);
    if (this.role === 'claiming') this.appender?.end();
    void this.following?.stop();
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      const log = await this.sharedLog();
      while (!this.stopping && log !== undefined) await this.once(log).catch((error) => this.backwards(error));
      this.role = 'stopped';
    } catch (error) {
      this.role = 'stuck';
      this.stuck = error as Error;
      this.options.report({ kind: 'stuck', reason: this.stuck.message });
    }
  }

  private backwards(error: Error): void {
    if (!(error instanceof Backwards) && !(error instanceof SharedLogLost)) throw error;
    this.options.report({ kind: 'went-backwards', reason: error.message });
  }

  private async sharedLog(): Promise<SharedLog | undefined> {
    while (!this.stopping) {
      try {
        return await this.options.engine.sharedLog(this.options.name);
      } catch (error) {
        if (!(error instanceof EngineAway)) throw error;
        await this.waits.after(AGAIN_MS);
      }
    }
    return undefined;
  }

  /** Follows until it leads, and leads until it does not. */
  private async once(log: SharedLog): Promise<void> {
    const { files, directory, report, follow } = this.options;
    this.role = 'following';
    const replay = follow?.();
    const follower = await Follower.open({ files, directory, report, ...(replay !== undefined && { replay }) });
    try {
      while (!this.stopping) {
        const lease = await this.followToLease(log, follower);
        this.sequence = follower.sequence;
        if (lease === null || this.stopping) break;
        this.role = 'claiming';
        const claimed = await this.claimed(log, follower, lease);
        if (claimed === null) {
          this.role = 'following';
          continue;
        }
        await this.leading(log, follower, lease, claimed);
        return;
      }
    } finally {
      await follower.close();
      await this.dropLease();
    }
  }

  /** So that others need not wait for its end. */
  private async dropLease(): Promise<void> {
    const { lease } = this;
    this.lease = null;
    await lease?.giveBack().catch(() => {}); // it is another's by now, or it runs out
  }

  /**
   * Follows until it has the lease and all there is. Null: it is to stop.
   */
  private async followToLease(log: SharedLog, follower: Follower): Promise<Lease | null> {
    const { clock, report, engine, name, node } = this.options;
    const following = new Following(log, follower, clock, report);
    this.following = following;
    let stalls = 0;
    let looks = 0;
    let atLook = -1;
    try {
      for (;;) {
        if (following.failure !== undefined) throw following.failure;
        if (this.stopping) return null;
        const left = (this.lease?.deadlineMs() ?? Number.POSITIVE_INFINITY) - clock.monotonicMs();
        if (left <= this.marginMs) await this.dropLease();
        this.lease ??= await engine.takeLease(name, node).catch(onlyAway);
        const { lease } = this;
        if (lease !== null) {
          const bounds = await log.bounds().catch(onlyAway);
          const until = this.waits.after(AGAIN_MS);
          if (bounds !== null) {
            if (bounds.last < follower.sequence) {
              throw new Backwards(`append ${follower.sequence} was there, and the last one is ${bounds.last} now`);
            }
            const before = follower.sequence;
            await Promise.race([following.reached(bounds.last), following.ended, until]);
            this.sequence = follower.sequence;
            if (follower.sequence >= bounds.last && following.failure === undefined) return lease;
            if (follower.sequence > before) stalls = 0;
            else if (++stalls % STALLS === 0) await following.askAnother();
          } else await until;
          continue;
        }
        await Promise.race([following.ended, this.waits.after(LEASE_LOOK_MS)]);
        this.sequence = follower.sequence;
        // An end that the replica which answers has lost shows no gap.
        if (++looks % END_LOOKS !== 0) continue;
        const bounds = await log.bounds().catch(onlyAway);
        if (bounds !== null && bounds.last > follower.sequence && follower.sequence === atLook)
          await following.askAnother();
        atLook = follower.sequence;
      }
    } finally {
      await following.stop();
    }
  }

  private async claimed(log: SharedLog, follower: Follower, lease: Lease): Promise<Claimed | null> {
    const { clock, report } = this.options;
    if (lease.epoch === follower.epoch) {
      // A claim of ours that was given up was stored all the same: nobody leads by it.
      await this.dropLease();
      return null;
    }
    const began = (appender: FencedAppender): void => {
      this.appender = appender;
    };
    // A claim that is not answered before the lease can have run out is given up.
    const tenure = new Tenure(lease, clock, this.marginMs, () => this.appender?.end());
    try {
      return await claim(follower, { log, lease, clock, report, began });
    } finally {
      tenure.stop();
    }
  }

  private async leading(log: SharedLog, follower: Follower, lease: Lease, claimed: Claimed): Promise<void> {
    const { clock, report, node, lead, leave } = this.options;
    const { appender, logId, nextBatch, checksum } = claimed;
    let end: (reason: Error | undefined) => void = () => {};
    let over = false;
    const ended = new Promise<Error | undefined>((resolve) => {
      end = (reason) => {
        over = true;
        // What is under way will not be confirmed; nobody is to wait for it.
        if (reason !== undefined) appender.end();
        resolve(reason);
      };
    });
    this.endLeading = end;
    if (this.stopping) end(undefined);
    const tenure = new Tenure(lease, clock, this.marginMs, end);
    const { starts } = follower;
    const replica = new StreamReplica({
      ...{ log, appender, tenure, logId, owner: node, nextBatch, checksum, starts, report, failed: end },
    });
    let reason: Error | undefined;
    try {
      const tail = await follower.tail();
      if (tail.length > 0)
        report({ kind: 'restored', parts: tail.length, bytes: tail.reduce((n, part) => n + part.bytes.length, 0) });
      await replica.restore(tail);
      await follower.finish();
      if (!over) await lead({ epoch: lease.epoch, logId, replica, holds: () => tenure.holds, giveUp: end });
      if (!over) {
        this.role = 'leading';
        report({ kind: 'leads', epoch: lease.epoch });
      }
      reason = await ended;
    } catch (error) {
      reason = over ? await ended : (error as Error);
    }
    await leave(reason);
    this.endLeading = undefined;
    tenure.stop();
    appender.end();
    this.role = 'following';
    report({ kind: 'led', epoch: lease.epoch, reason: reason?.message ?? 'it was asked to' });
    await this.dropLease();
    // Who does not lead any more follows. Who cannot use its own disk says so.
    if (reason !== undefined && !LEADS_NO_MORE.some((kind) => reason instanceof kind)) throw reason;
  }

  private get marginMs(): number {
    return this.options.marginMs ?? MARGIN_MS;
  }
}

/** The engine has lost appends that this node has taken: what is its own is looked at anew. */
class Backwards extends Error {}

/** The engine does not answer: later, perhaps. */
function onlyAway(error: Error): null {
  if (error instanceof EngineAway) return null;
  throw error;
}
