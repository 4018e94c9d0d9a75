/**
 * A run of messages: one after the other, to the same queues, with nothing special about any of them. Each is stored by itself, and
 * the queues get all of them together, which takes a fraction of the time where there are many: of a commit everything is done in
 * one turn. What is in the run is in no queue until it ends, so nothing may be looked at in between.
 */
import type { Turn } from '../../clock/turn.ts';
import type { TransientStore } from '../../log/transient/transient-store.ts';
import { type Assurance, AT_MOST_ONCE, type Draft, EXACTLY_ONCE } from '../../message/message.ts';
import { entryFlags, FLAG_DURABLE } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import { lowerAssurance } from '../../routing/target-flags.ts';
import type { PublishFlowControl } from '../flow/publish-flow-control.ts';
import type { Journal } from '../journal/journal.ts';
import { isSpecial } from './kept-messages.ts';

/** A message that goes to so many makes a crowd of them (`Turn.crowd`). */
export const CROWD_MIN = 64;

export interface MessageRunParts {
  readonly transient: TransientStore;
  readonly store: MessageStore;
  readonly journal: Journal;
  readonly turn: Turn;
  readonly publishFlow: PublishFlowControl;
  /** Counts what has been published along a route. */
  countRun(route: CompiledRoute<Queue>, messages: number): void;
}

export class MessageRun {
  private readonly parts: MessageRunParts;
  /** Null between runs. */
  private route: CompiledRoute<Queue> | null = null;
  private assurance: Assurance = AT_MOST_ONCE;
  private durable = false;
  /** The last route that makes none. */
  private unfit: CompiledRoute<Queue> | null = null;
  private first = 0;
  private count = 0;

  constructor(parts: MessageRunParts) {
    this.parts = parts;
  }

  /** Stores the message, for all queues of the route; false if it is not one for a run: then nothing has been done. */
  take(route: CompiledRoute<Queue>, draft: Draft): boolean {
    if (route !== this.route || draft.assurance !== this.assurance) {
      this.end();
      if (route === this.unfit || !this.begin(route, draft.assurance)) return false;
    }
    if (isSpecial(draft)) {
      this.end();
      return false;
    }
    const { store, journal, transient, turn } = this.parts;
    const { durable } = this;
    if (!durable && transient.full) {
      this.end();
      return false;
    }
    const copies = route.targets.length;
    turn.work.spend(copies);
    const seq = store.append(draft, route, durable, durable ? journal.targetList(route) : 0);
    store.addReferences(seq, durable, copies);
    if (this.count++ === 0) this.first = seq;
    draft.routed = copies;
    return true;
  }

  private begin(route: CompiledRoute<Queue>, assurance: Assurance): boolean {
    const { targets } = route;
    if (!route.valid || assurance === EXACTLY_ONCE) return false;
    this.unfit = route;
    if (route.perMessage || route.once || targets.length === 0) return false;
    let durable = false;
    for (const target of targets) {
      if (!target.plain) return false;
      if (target.durable && assurance !== AT_MOST_ONCE) durable = true;
    }
    this.unfit = null;
    this.route = route;
    this.assurance = assurance;
    this.durable = durable;
    return true;
  }

  /** The queues get what has been taken. */
  end(): void {
    const { route, count, first, durable, assurance } = this;
    this.route = null;
    this.count = 0;
    if (route === null || count === 0) return;
    const { publishFlow, turn } = this.parts;
    const { targets, targetFlags } = route;
    this.parts.countRun(route, count);
    if (targets.length >= CROWD_MIN) turn.crowd = true;
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i]!;
      const asked = targetFlags[i]!;
      const flags = entryFlags(asked, lowerAssurance(assurance, asked), durable ? FLAG_DURABLE : 0);
      target.pushRun(first, count, flags, route);
    }
    turn.crowd = false;
    publishFlow.watch(durable);
  }
}
