/**
 * A selector on a queue that is one subscription's own, as those under `/topic/` are. What it does not select is done with:
 * there is nobody else whom it could wait for. (On a queue of many consumers the broker selects, and the rest waits.)
 *
 * A long run of what is not selected writes nothing, so that no full socket would ever end it: after so many it pauses as
 * a congested connection does, until the next turn.
 */
import {
  ACCEPTED,
  type Consumer,
  type MessageView,
  NO_PROPERTIES,
  PHASE_WRITE,
  type Selector,
  type Session,
  type Turn,
  type TurnTask,
} from '../../../src/api/index.ts';
import type { StompStats } from '../stats.ts';

const PASSED_A_TURN = 1000;

export class TopicFilter implements TurnTask {
  inTurn = false;
  private passed = 0;
  private consumer: Consumer | null = null;
  private readonly selector: Selector;
  private readonly session: Session;
  private readonly turn: Turn;
  private readonly stats: StompStats;

  constructor(selector: Selector, session: Session, turn: Turn, stats: StompStats) {
    this.selector = selector;
    this.session = session;
    this.turn = turn;
    this.stats = stats;
  }

  /** Nothing more is looked at in this turn. */
  get paused(): boolean {
    return this.passed >= PASSED_A_TURN;
  }

  /** Whether the subscriber gets it. If not, it is settled. */
  selects(view: MessageView, slot: number, consumer: Consumer): boolean {
    const { selector } = this;
    const properties = selector.readsProperties ? this.session.lookedAt(view) : NO_PROPERTIES;
    if (selector.matches(view, properties)) return true;
    this.stats.notSelected++;
    this.passed++;
    this.consumer = consumer;
    this.turn.add(PHASE_WRITE, this);
    if (slot >= 0) consumer.settle(slot, ACCEPTED);
    return false;
  }

  endOfTurn(): void {
    const { paused } = this;
    this.passed = 0;
    if (paused) this.consumer!.wake();
  }
}
