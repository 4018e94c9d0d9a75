/**
 * Transactions: publishes and settlements that become true together.
 */
import type { Draft } from '../message/message.ts';
import type { Mark } from './confirms.ts';
import type { Consumer, Outcome } from './consume.ts';
import type { Route } from './route.ts';

/**
 * Publishes and settlements that become true together: all of them, through a crash as well, or none. Made with
 * `Session.transaction`; after `commit` or `rollback` it is empty, and may be used again. It has no bound of its own: the adapter
 * sets one on `operations` and `bytes`.
 */
export interface Transaction {
  /**
   * Adds a message, copied; it is routed at the commit.
   * @throws BrokerError precondition-failed (the commit would make more copies than one turn has time for)
   */
  publish(route: Route, draft: Draft): void;
  /** Adds a settlement; until the commit the consumer holds the delivery. Each slot once. */
  settle(consumer: Consumer, slot: number, outcome: Outcome): void;
  /** How many operations it holds. */
  readonly operations: number;
  /** Bytes of bodies and properties that it holds in memory. */
  readonly bytes: number;
  /**
   * Does what can be done before the commit, in parts that others do not have to wait for: a large one would take a while. Nobody can
   * see any of it, and after a crash nothing is there. To be called before `commit`, if what it holds may be much; until `done` the
   * client's next frame waits, as for any long operation.
   * @param done called once; before this returns if it is not much. Not after `rollback`
   */
  prepare(done: () => void): void;
  /**
   * Carries everything out in one commit unit: the publishes in order, then the settlements in order.
   * @param onUnroutable gets the index, from 0, of each publish that nothing took; called before this returns
   * @returns MARK_REFUSED if the broker cannot make it safe
   * @throws BrokerError precondition-failed (bindings have come since, and it would make too many copies), access-refused (the client
   * may not publish there any more); nothing was changed then
   */
  commit(onUnroutable?: (index: number) => void): Mark;
  /** Forgets everything; large bodies are given up, deliveries stay held. */
  rollback(): void;
}
