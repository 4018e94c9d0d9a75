/**
 * Leases: messages that somebody holds by a token, for a while. Whoever has the token says how it ended, or asks for more time; when the
 * time is up the message goes back to its queue as a failed attempt, and the token is nobody's.
 */
import { randomBytes } from 'node:crypto';
import { type Consumer, type DeferralTime, MODIFIED, type Outcome } from '../../api/consume.ts';
import type { Session } from '../../api/session.ts';
import { type Clock, Timer } from '../../clock/clock.ts';
import { DueHeap } from '../../vhost/timers/due-heap.ts';

/** Of all: more are not held. */
export const LEASES_MAX = 100_000;
const TOKEN_BYTES = 16;
/** Entries of the heap that may be without a meaning, beside as many as have one. */
const SPARE = 1_000;

/** What is leased together: settled on one consumer, in one session, which goes with the last of them. */
export interface LeaseGroup {
  readonly user: string;
  readonly session: Session;
  readonly consumer: Consumer;
  held: number;
  /** The last of them has ended. */
  onEmpty(): void;
}

/** Until when messages are parked, and under what. */
export interface Deferral extends DeferralTime {
  /** '' for none. */
  readonly token: string;
}

interface Lease {
  readonly token: string;
  readonly number: number;
  readonly group: LeaseGroup;
  readonly slot: number;
  /** Monotonic milliseconds. */
  dueMs: number;
  /** When it is looked at next: no later than it is due. */
  lookMs: number;
}

export class Leases {
  private readonly clock: Clock;
  private readonly byToken = new Map<string, Lease>();
  private readonly byNumber = new Map<number, Lease>();
  /** An entry for each lease; one that was renewed meanwhile is put in again when it is met. */
  private heap = new DueHeap();
  private readonly timer = new Timer(() => this.expire());
  private numbers = 0;
  /** How many have run out. */
  expired = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get size(): number {
    return this.byToken.size;
  }

  /** Returns its token. */
  add(group: LeaseGroup, slot: number, leaseMs: number): string {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const dueMs = this.clock.monotonicMs() + leaseMs;
    const lease: Lease = { token, number: ++this.numbers, group, slot, dueMs, lookMs: dueMs };
    group.held++;
    this.byToken.set(token, lease);
    this.byNumber.set(lease.number, lease);
    this.heap.add(lease.dueMs, lease.number, 0);
    this.arm();
    return token;
  }

  /** Ends these deliveries so. Returns their sessions, and the tokens that are nobody's (run out, ended, another user's). */
  settle(user: string, tokens: readonly string[], outcome: Outcome): { groups: Set<LeaseGroup>; gone: string[] } {
    const groups = new Set<LeaseGroup>();
    const gone: string[] = [];
    for (const token of tokens) {
      const lease = this.byToken.get(token);
      if (lease === undefined || lease.group.user !== user) {
        gone.push(token);
        continue;
      }
      this.forget(lease);
      lease.group.consumer.settle(lease.slot, outcome);
      groups.add(lease.group);
    }
    return { groups, gone };
  }

  /** Parks these until then, under a token or ''. As `settle`; those that their queue cannot park are held on, and among `gone`. */
  defer(user: string, tokens: readonly string[], deferral: Deferral): { groups: Set<LeaseGroup>; gone: string[] } {
    const groups = new Set<LeaseGroup>();
    const gone: string[] = [];
    for (const token of tokens) {
      const lease = this.byToken.get(token);
      const parked = lease?.group.user === user && lease.group.consumer.defer(lease.slot, deferral.token, deferral);
      if (lease === undefined || !parked) {
        gone.push(token);
        continue;
      }
      this.forget(lease);
      groups.add(lease.group);
    }
    return { groups, gone };
  }

  /** They may be held for so long from now on. Returns the tokens that are nobody's. */
  renew(user: string, tokens: readonly string[], leaseMs: number): string[] {
    const dueMs = this.clock.monotonicMs() + leaseMs;
    return tokens.filter((token) => {
      const lease = this.byToken.get(token);
      if (lease === undefined || lease.group.user !== user) return true;
      lease.dueMs = dueMs;
      // One that ends later than it did is found when its first time comes.
      if (dueMs < lease.lookMs) this.look(lease);
      return false;
    });
  }

  private look(lease: Lease): void {
    lease.lookMs = lease.dueMs;
    this.heap.add(lease.dueMs, lease.number, 0);
    // Who shortens leases again and again leaves entries behind that say nothing any more.
    if (this.heap.size > 2 * this.byNumber.size + SPARE) {
      this.heap = new DueHeap();
      for (const { dueMs, number } of this.byNumber.values()) this.heap.add(dueMs, number, 0);
      for (const one of this.byNumber.values()) one.lookMs = one.dueMs;
    }
    this.arm();
  }

  /** Those of a group are nobody's any more: its session is over, and what it held goes with that. */
  drop(group: LeaseGroup): void {
    if (group.held === 0) return; // as nearly always: nothing has to be looked for
    for (const lease of this.byToken.values()) if (lease.group === group) this.forget(lease);
  }

  /** To be called once what `settle` did is safe. */
  release(group: LeaseGroup): void {
    if (group.held === 0) group.onEmpty();
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }

  private forget({ token, number, group }: Lease): void {
    this.byToken.delete(token);
    this.byNumber.delete(number);
    group.held--;
  }

  private arm(): void {
    if (this.heap.size > 0) this.clock.schedule(this.timer, Math.max(0, this.heap.due - this.clock.monotonicMs()));
  }

  private expire(): void {
    const { heap } = this;
    const nowMs = this.clock.monotonicMs();
    while (heap.size > 0 && heap.due <= nowMs) {
      const lease = this.byNumber.get(heap.seq);
      const { due } = heap;
      heap.shift();
      if (lease === undefined || lease.lookMs !== due) continue;
      if (lease.dueMs > nowMs) {
        lease.lookMs = lease.dueMs;
        heap.add(lease.dueMs, lease.number, 0);
        continue;
      }
      this.expired++;
      this.forget(lease);
      lease.group.consumer.endFor(lease.slot, MODIFIED, 'lease');
      this.release(lease.group);
    }
    this.arm();
  }
}
