/**
 * A lane: the messages of a queue that go out one after the other, because they are of one group; or those of a tenant that are of
 * none, which keep their order and need not wait for one another.
 */
import type { ReadOrder } from '../../log/store.ts';
import { levelOf } from '../entry-flags.ts';
import type { ReadyMessages } from '../ready/ready-messages.ts';

/** Whose turn it is: all messages of a queue that is not fair have the same. */
export class Tenant {
  readonly key: string;
  /** When it was served last, as the number of the delivery; or when it came. */
  served: number;
  /** Messages of its that wait. */
  waiting = 0;
  /** Its messages that are of no group; null: it has none. */
  free: Lane | null = null;
  readonly groups = new Set<Lane>();

  constructor(key: string, served: number) {
    this.key = key;
    this.served = served;
  }
}

/** Where a lane waits for a consumer, among others that could give something. */
export interface LaneQueue {
  readonly pool: object;
  remove(lane: Lane): void;
  /** Its rank has changed. */
  moved(lane: Lane): void;
}

/** Who has lanes: a consumer. */
export interface LaneHolder {
  readonly lanes: Set<Lane>;
}

/** A consumer, as its queue's order sees it. */
export interface OrderedConsumer {
  /** The order's own; null: it has none yet. */
  laneHolder: LaneHolder | null;
}

/** Levels of priority come before numbers: numbers stay below it. */
const LEVEL_UNIT = 2 ** 44;
const LEVEL_MAX = 255;

export class Lane {
  /** Its group; null: messages of no group. */
  readonly key: string | null;
  tenant: Tenant;
  readonly waiting: ReadyMessages;
  /** Messages that consumers hold. */
  unsettled = 0;
  /** Messages that have failed and wait for their time. */
  retrying = 0;
  /** The consumer that gets them; null: whoever comes. */
  holder: LaneHolder | null = null;
  /** Its holder is to have no more of it: it is free when what is held is settled. */
  leaving = false;
  /** Whose it is then; null: whoever comes. */
  heir: LaneHolder | null = null;
  /** The same, but its holder may go on until then. */
  closing = false;
  /** Where it waits for a consumer; null: it has nothing to give now. */
  heap: LaneQueue | null = null;
  /** Its place there. */
  at = -1;
  /** The lower goes first. */
  rank = 0;
  /** Its neighbours in the list of `IdleLanes`, and whether it is in there; when the last of it went, and when it was put there, as numbers of that list. */
  before: Lane | null = null;
  behind: Lane | null = null;
  listed = false;
  usedAt = 0;
  listedAt = 0;
  /** In which order its messages are read from the disk; null: none has been. */
  reads: ReadOrder | null = null;

  constructor(key: string | null, tenant: Tenant, waiting: ReadyMessages) {
    this.key = key;
    this.tenant = tenant;
    this.waiting = waiting;
  }

  /** Nothing of it is in the queue. */
  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.unsettled === 0 && this.retrying === 0;
  }

  /** The rank of its first message. @param levels the queue knows priorities */
  headRank(levels: boolean): number {
    const seq = this.waiting.headSeq();
    return levels ? (LEVEL_MAX - levelOf(this.waiting.headFlags())) * LEVEL_UNIT + seq : seq;
  }
}
