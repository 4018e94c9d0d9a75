/**
 * A pop, one command that takes an element: from the first of its lists that has one, or else from whichever gets one first, within
 * a time.
 *
 *     look at each list ──one has──▶ TAKEN ──▶ replied, and settled
 *           │ none                     ▲
 *           ▼                          │ one consumer a list, one credit for all of them
 *        WAITING ──────────────────────┘──── time is up, or a list is deleted ──▶ replied: nothing, an error
 *
 * An element is settled when it has been written to the client's output: a connection that is lost at that moment loses it, as
 * with Redis. While it is still going out in pieces, or being moved, it goes back to its place.
 */
import {
  ACCEPTED,
  AT_LEAST_ONCE,
  type CancelReason,
  type Consumer,
  type DeliverySink,
  Draft,
  INLINE_BODY_BYTES,
  MARK_NOW,
  type Mark,
  type MessageView,
  PHASE_GATHER,
  RELEASED,
  Timer,
  type TurnTask,
} from '../../../src/api/index.ts';
import type { Client } from '../connection/client.ts';
import { CommandError } from '../connection/error-replies.ts';
import type { End } from '../topology/lists.ts';

/** What a pop does with its element. */
export interface PopTask {
  readonly names: readonly string[];
  /** The end at which those lists are filled. */
  readonly filledAt: End;
  /** The reply names the list. */
  readonly named: boolean;
  /** How long it waits for an element; undefined: not at all; 0: for ever. */
  readonly waitMs: number | undefined;
  /** Another list that gets the element, in the same commit unit. */
  readonly to: { readonly name: Buffer; readonly filledAt: End } | undefined;
}

export class Pop implements TurnTask {
  inTurn = false;
  private readonly client: Client;
  private readonly task: PopTask;
  private readonly takers: Taker[] = [];
  private readonly timer = new Timer(() => {
    if (this.taker === null) this.end(() => this.nothing());
  });
  /** Who has got the element. */
  private taker: Taker | null = null;
  private slot = 0;
  private settled = false;
  /** A copy of the element, for who is to move it. */
  private draft: Draft | null = null;
  private tooLarge = false;
  /** Why nothing comes from a list that it waits for: an error reply. */
  private lost = '';
  private ended = false;
  private held = false;
  /** What was thrown before the command returned. */
  private failure: unknown = undefined;

  private constructor(client: Client, task: PopTask) {
    this.client = client;
    this.task = task;
  }

  static run(client: Client, task: PopTask): void {
    const pop = new Pop(client, task);
    pop.guard(() => pop.look(0));
    if (pop.failure !== undefined) throw pop.failure;
    if (!pop.ended) pop.hold();
  }

  /** Takes from the list of this number on. */
  private look(from: number): void {
    const { client, task } = this;
    for (let i = from; i < task.names.length; i++) {
      client.adapter.broker.turn.work.spend(2);
      if (!client.lists.find(task.names[i]!, task.filledAt)) continue;
      client.session.get(task.names[i]!, false, new Taker(this, task.names[i]!), (result) => {
        this.guard(() => (result === undefined ? this.look(i + 1) : this.taken()));
      });
      client.lists.remember(task.names[i]!, task.filledAt);
      return;
    }
    if (task.waitMs === undefined) this.end(() => this.nothing());
    else this.wait(task.waitMs);
  }

  /** No list has any: the first that gets one is taken from. */
  private wait(waitMs: number): void {
    const { client, task } = this;
    const { session } = client;
    const shared = session.sharedCredit(1);
    const options = { tag: '', settled: false, exclusive: false, prefetch: 1, passing: true, shared, arguments: [] };
    for (const name of new Set(task.names)) {
      client.lists.open(name, task.filledAt);
      const taker = new Taker(this, name);
      session.consume(name, options, taker, client.writer);
      client.lists.remember(name, task.filledAt);
      this.takers.push(taker);
    }
    if (waitMs > 0) client.adapter.broker.clock.schedule(this.timer, waitMs);
  }

  /** The element, valid until this returns. */
  take(taker: Taker, view: MessageView, slot: number): void {
    const { client, task } = this;
    this.taker = taker;
    this.slot = slot;
    client.writer.countLossy(view);
    if (task.to !== undefined) {
      this.tooLarge = view.large !== null;
      if (!this.tooLarge) this.draft = copyOf(view, client.session.timeLeftMs(view));
    } else {
      if (task.named) {
        client.reply.array(2);
        client.reply.text(taker.name);
      }
      client.writer.body(view, client.session);
      client.adapter.stats.messagesOut++;
    }
    // Within the queue's own work nothing of it may be changed.
    if (this.takers.length > 0) client.adapter.broker.turn.add(PHASE_GATHER, this);
  }

  /** It was waited for, and has come; or will not come. */
  endOfTurn(): void {
    if (this.ended) return;
    this.guard(() => {
      if (this.taker !== null) this.taken();
      else throw new CommandError(this.lost);
    });
  }

  private taken(): void {
    this.giveUp();
    if (this.task.to !== undefined) this.move(this.task.to);
    else if (this.client.writer.busy) {
      this.hold();
      this.client.whenSent(() => this.end(() => this.settle(ACCEPTED)));
    } else this.end(() => this.settle(ACCEPTED));
  }

  private move(to: NonNullable<PopTask['to']>): void {
    const { client, draft } = this;
    const { session } = client;
    try {
      if (this.tooLarge || draft === null) {
        throw new CommandError(
          `ERR LMOVE moves elements of at most ${INLINE_BODY_BYTES} bytes, and this one is longer`,
        );
      }
      const target = client.lists.resolveTarget(to.name, 0, to.name.length, to.filledAt);
      let stored = false;
      let mark: Mark = MARK_NOW;
      session.beginUnit();
      try {
        stored = session.publish(target.route, draft) >= 0 && draft.routed > 0;
        this.settle(stored ? ACCEPTED : RELEASED);
      } finally {
        mark = session.endUnit();
      }
      if (!stored) throw new CommandError(`ERR list '${target.name}' does not take it, and it is where it was`);
      this.moved(draft, mark);
    } catch (error) {
      if (!this.settled) this.settle(RELEASED);
      throw error;
    }
  }

  private moved(draft: Draft, mark: Mark): void {
    const { client } = this;
    this.hold();
    client.session.whenSafe(mark, (failed) => {
      this.end(() => {
        if (failed) throw new CommandError('ERR the log has failed: whether it was moved is not known');
        client.adapter.stats.messagesOut++;
        client.reply.bulk(draft.body, draft.bodyStart, draft.bodyEnd);
      });
    });
  }

  private settle(outcome: typeof ACCEPTED | typeof RELEASED): void {
    this.settled = true;
    this.taker!.consumer!.settle(this.slot, outcome);
  }

  /** A list that it waits for was deleted by somebody else, or may not be read any more. */
  cancelled({ name }: Taker, reason: CancelReason): void {
    if (reason === 'access-refused') this.lost = `NOPERM list '${name}' may not be read any more`;
    else this.lost = `UNBLOCKED list '${name}' was deleted`;
    this.client.adapter.broker.turn.add(PHASE_GATHER, this);
  }

  private nothing(): void {
    const { reply } = this.client;
    if (this.task.waitMs === undefined) reply.nil();
    else reply.nilArray();
  }

  /** Its command goes on when it has returned. */
  private hold(): void {
    if (this.held) return;
    this.held = true;
    this.client.unanswered(() => {
      this.ended = true;
      this.client.adapter.broker.clock.cancel(this.timer);
    });
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.end(() => {
        throw error;
      });
    }
  }

  /** Nothing is taken any more. */
  private giveUp(): void {
    this.client.adapter.broker.clock.cancel(this.timer);
    for (const { consumer } of this.takers) consumer!.cancel();
    this.takers.length = 0;
  }

  /** The command is over with this last word. */
  private end(lastWord: () => void): void {
    if (this.ended) return;
    this.ended = true;
    this.giveUp();
    try {
      lastWord();
    } catch (error) {
      if (this.held) this.client.failed(error);
      else this.failure = error;
    }
    if (this.held) this.client.answered();
  }
}

/** What a list's consumer, or one that is asked for an element at once, calls. */
class Taker implements DeliverySink {
  readonly name: string;
  consumer: Consumer | null = null;
  private readonly pop: Pop;

  constructor(pop: Pop, name: string) {
    this.pop = pop;
    this.name = name;
  }

  attached(consumer: Consumer): void {
    this.consumer = consumer;
  }

  deliver(view: MessageView, slot: number): void {
    this.pop.take(this, view, slot);
  }

  cancelled(reason: CancelReason): void {
    this.pop.cancelled(this, reason);
  }
}

/** The message as it is, whoever sent it, to be published again. */
function copyOf(view: MessageView, timeLeftMs: number | undefined): Draft {
  const draft = new Draft();
  draft.dialect = view.dialect;
  draft.assurance = AT_LEAST_ONCE;
  draft.grouped = view.grouped;
  draft.userChecked = view.userChecked;
  draft.priority = view.priority;
  draft.ttlMs = timeLeftMs ?? -1;
  draft.props = Buffer.from(view.props.subarray(view.propsStart, view.propsEnd));
  draft.propsEnd = draft.props.length;
  draft.body = Buffer.from(view.body.subarray(view.bodyStart, view.bodyEnd));
  draft.bodyEnd = draft.body.length;
  return draft;
}
