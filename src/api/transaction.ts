/**
 * Transactions: publishes and settlements that become true together.
 */
import type { Draft } from '../message/message.ts';
import type { Mark } from './confirms.ts';
import type { Consumer, Outcome } from './consume.ts';
import type { Route } from './route.ts';

/** Publishes and settlements that become true together: all of them, through a crash as well, or none. */
export interface Transaction {
  /**
   * Copies the draft; routed at commit. Returns nothing to wait for: `commit` does. Throws precondition-failed where the commit
   * would make more copies than one turn has time for.
   */
  publish(route: Route, draft: Draft): void;
  settle(consumer: Consumer, slot: number, outcome: Outcome): void;
  /** How many operations it holds, for bounds. */
  readonly operations: number;
  /** Bytes of bodies and properties it holds in memory, for bounds. */
  readonly bytes: number;
  /** Carries everything out in one commit unit. `onUnroutable(i)` is called for the i-th publish that nothing took. */
  commit(onUnroutable?: (index: number) => void): Mark;
  rollback(): void;
}
