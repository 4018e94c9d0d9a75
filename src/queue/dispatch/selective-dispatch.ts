/**
 * Selective dispatch: finds the message for each consumer of a queue where not every consumer takes every one, because some
 * have selectors, or because groups of messages stay with one consumer for as long as it is there.
 *
 * Each consumer reads on from where it has come to, level by level, and takes the first that it may have; what it may not
 * have is passed over once and stays for others. What comes back is read again, and when a consumer goes, whose groups are
 * free then, everybody reads from the beginning.
 *
 * ```
 *            cursor of B      cursor of A
 *  ─────────────│──────────────────│──────────▶ waiting, in order
 *   passed over by both   by A      not read
 * ```
 *
 * A group belongs to the consumer that gets its first message. So many groups are remembered; the one that was used longest
 * ago is free again when there are more.
 */
import { PHASE_WRITE, type TurnTask } from '../../clock/turn.ts';
import type { MessageView } from '../../message/message.ts';
import { NO_PROPERTIES, type Properties } from '../../message/properties.ts';
import { compileSelector, type Selector } from '../../routing/selector/selector.ts';
import type { QueueEntryFlags, VisitEntry } from '../entry-flags.ts';
import type { QueueEnvironment } from '../queue-services.ts';
import type { ReadyMessages } from '../ready/ready-messages.ts';
import type { QueueConsumer } from './consumer.ts';

/** Messages that are looked at in one turn at most: others want to work as well. */
const EXAMINED_PER_TURN_MAX = 2000;
/** Positions that are read at once. */
const READ_AT_ONCE = 64;
const GROUPS_MAX = 16_384;

/** The queue, as its consumers read it. */
export interface SelectableQueue {
  readonly ready: Pick<ReadyMessages, 'levels' | 'readAfter' | 'readReturned'>;
  readonly services: Pick<QueueEnvironment, 'turn' | 'deliveryView' | 'properties'>;
  /** Shows a message in `services.deliveryView`; false if it must be fetched first, and then the queue comes back by itself. */
  show(seq: number, flags: QueueEntryFlags): boolean;
  /** Whether the message that is shown has waited too long; then it is gone now. */
  endIfExpired(seq: number, flags: QueueEntryFlags): boolean;
  wake(): void;
}

/** How far a consumer has come in one level. */
interface Cursor {
  ready: number;
  returned: number;
}

/** What one consumer has read. */
class ReadState {
  readonly selector: Selector | null;
  readonly cursors = new Map<number, Cursor>();
  /** There was nothing for it at this version of the queue. */
  emptyAt = 0;

  constructor(selector: Selector | null) {
    this.selector = selector;
  }

  cursor(level: number): Cursor {
    let cursor = this.cursors.get(level);
    if (cursor === undefined) {
      cursor = { ready: 0, returned: 0 };
      this.cursors.set(level, cursor);
    }
    return cursor;
  }
}

const NOTHING = 0;
const FOUND = 1;
/** Something must be fetched first, or it is enough for this turn. */
const LATER = 2;

export class SelectiveDispatch {
  /** Of the message that `next` has found. */
  seq = 0;
  flags = 0;
  /** Not all has been looked at that somebody might take: it goes on by itself. */
  unfinished = false;
  private readonly readers = new Map<QueueConsumer, ReadState>();
  private readonly groups = new Map<string, QueueConsumer>();
  /** Changes whenever there may be something for those who found nothing. */
  private version = 1;
  private examined = 0;
  private readonly queue: SelectableQueue;
  private readonly nextTurn: TurnTask = { inTurn: false, endOfTurn: () => this.queue.wake() };

  constructor(queue: SelectableQueue, consumers: readonly QueueConsumer[]) {
    this.queue = queue;
    for (const consumer of consumers) this.add(consumer, undefined);
  }

  /** @throws BrokerError invalid for a selector that cannot be read */
  add(consumer: QueueConsumer, selector: string | undefined): void {
    const condition = selector === undefined || selector.trim() === '' ? null : compileSelector(selector);
    this.readers.set(consumer, new ReadState(condition));
  }

  /** Its groups are free, and what others passed over for that may be theirs now. */
  remove(consumer: QueueConsumer): void {
    this.readers.delete(consumer);
    let freed = false;
    for (const [group, owner] of this.groups) {
      if (owner !== consumer) continue;
      this.groups.delete(group);
      freed = true;
    }
    if (freed) this.startOver();
  }

  private startOver(): void {
    for (const reader of this.readers.values()) reader.cursors.clear();
    this.version++;
  }

  /** A message waits, for the first time or again. */
  arrived(level: number, seq: number): void {
    for (const reader of this.readers.values()) {
      const cursor = reader.cursors.get(level);
      if (cursor === undefined) continue;
      if (seq <= cursor.returned) cursor.returned = seq - 1;
      if (seq <= cursor.ready) cursor.ready = seq - 1; // one that was held back comes late
    }
    this.version++;
  }

  /** A turn begins: so many can be looked at again. */
  begin(): void {
    this.examined = 0;
  }

  /**
   * Which of these gets something now; `seq` and `flags` say what, and the queue takes it out. Null: nobody, for now.
   * @param candidates the one that is to be asked first comes first
   */
  next(candidates: readonly QueueConsumer[]): QueueConsumer | null {
    this.unfinished = false;
    for (const consumer of candidates) {
      const reader = this.readers.get(consumer);
      if (reader === undefined || reader.emptyAt === this.version || !consumer.ready()) continue;
      const found = this.seek(consumer, reader);
      if (found === FOUND) return consumer;
      this.unfinished = found === LATER;
      if (this.unfinished) return null;
      reader.emptyAt = this.version;
    }
    return null;
  }

  private seek(consumer: QueueConsumer, reader: ReadState): number {
    for (const level of this.queue.ready.levels()) {
      const cursor = reader.cursor(level);
      const back = this.seekIn(consumer, reader, level, cursor, 'returned');
      if (back === LATER) return LATER;
      const { seq, flags } = this;
      const fresh = this.seekIn(consumer, reader, level, cursor, 'ready');
      if (fresh === LATER) return LATER;
      if (back === FOUND && (fresh !== FOUND || seq < this.seq)) {
        this.seq = seq;
        this.flags = flags;
      }
      if (back === FOUND || fresh === FOUND) return FOUND;
    }
    return NOTHING;
  }

  /** The first after the cursor that this consumer may have; the cursor ends just before it. */
  private seekIn(
    consumer: QueueConsumer,
    reader: ReadState,
    level: number,
    cursor: Cursor,
    side: 'ready' | 'returned',
  ): number {
    const { queue } = this;
    for (;;) {
      const seqs: number[] = [];
      const flagSets: number[] = [];
      const visit: VisitEntry = (seq, flags) => {
        seqs.push(seq);
        flagSets.push(flags);
      };
      if (side === 'ready') queue.ready.readAfter(level, cursor.ready, READ_AT_ONCE, visit);
      else queue.ready.readReturned(level, cursor.returned, READ_AT_ONCE, visit);
      for (let i = 0; i < seqs.length; i++) {
        const seq = seqs[i]!;
        this.queue.services.turn.work.spend(2);
        if (this.examined >= EXAMINED_PER_TURN_MAX || (this.examined > 0 && this.queue.services.turn.work.over)) {
          this.queue.services.turn.add(PHASE_WRITE, this.nextTurn);
          return LATER;
        }
        this.examined++;
        if (!queue.show(seq, flagSets[i]!)) return LATER;
        const view = queue.services.deliveryView;
        if (!queue.endIfExpired(seq, flagSets[i]!) && this.mayHave(consumer, reader.selector, view)) {
          this.seq = seq;
          this.flags = flagSets[i]!;
          return FOUND;
        }
        cursor[side] = seq;
      }
      if (seqs.length < READ_AT_ONCE) return NOTHING;
    }
  }

  private mayHave(consumer: QueueConsumer, selector: Selector | null, view: MessageView): boolean {
    const reads = view.grouped || selector?.readsProperties === true;
    const properties = reads ? this.queue.services.properties(view) : NO_PROPERTIES;
    const may = this.mayHaveWith(consumer, selector, view, properties);
    // How long that took, its publisher and whoever wrote the selector have decided.
    if (reads) this.queue.services.turn.work.checkTime();
    return may;
  }

  private mayHaveWith(
    consumer: QueueConsumer,
    selector: Selector | null,
    view: MessageView,
    properties: Properties,
  ): boolean {
    if (view.grouped && properties.groupId !== undefined) {
      const owner = this.groups.get(properties.groupId);
      if (owner !== undefined && owner !== consumer) return false;
    }
    return selector === null || selector.matches(view, properties);
  }

  /** A consumer gets the message that `view` shows: its group is that consumer's from now on. */
  taken(consumer: QueueConsumer, view: MessageView): void {
    if (!view.grouped) return;
    const { groupId } = this.queue.services.properties(view);
    if (groupId === undefined) return;
    this.groups.delete(groupId);
    this.groups.set(groupId, consumer); // the last used is the last to go
    if (this.groups.size <= GROUPS_MAX) return;
    for (const oldest of this.groups.keys()) {
      this.groups.delete(oldest);
      break;
    }
    this.startOver();
  }
}
