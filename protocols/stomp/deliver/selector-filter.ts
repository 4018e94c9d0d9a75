/**
 * Filters the messages of a queue that is one subscription's own, as those under `/topic/` are, by the subscription's selector.
 * A message that is not selected is settled as accepted: it could wait for nobody else. (On a queue of many consumers the
 * broker selects, and the rest waits.)
 *
 * A long run of messages that are not selected writes nothing, so that no full socket would ever end it: after 1,000 the filter
 * pauses as a congested connection does, until the next turn.
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

const SKIPPED_A_TURN = 1000;

export class SelectorFilter implements TurnTask {
  inTurn = false;
  private skipped = 0;
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

  /** Nothing more is looked at in this turn: the subscription counts as congested. */
  get paused(): boolean {
    return this.skipped >= SKIPPED_A_TURN;
  }

  /** Whether the subscriber gets it. If not, it is settled. */
  selects(view: MessageView, slot: number, consumer: Consumer): boolean {
    const { selector } = this;
    const properties = selector.readsProperties ? this.session.matchProperties(view) : NO_PROPERTIES;
    if (selector.matches(view, properties)) return true;
    this.stats.notSelected++;
    this.skipped++;
    this.consumer = consumer;
    this.turn.add(PHASE_WRITE, this);
    if (slot >= 0) consumer.settle(slot, ACCEPTED);
    return false;
  }

  endOfTurn(): void {
    const { paused } = this;
    this.skipped = 0;
    if (paused) this.consumer!.wake();
  }
}
