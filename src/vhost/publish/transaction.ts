/**
 * A transaction: publishes and settlements that become true together. Until `commit` nothing of it can be seen; then everything is
 * carried out in one commit unit of the log: after a crash all of it is there, or none.
 */
import { MARK_NOW, MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import type { Consumer, Outcome } from '../../api/consume.ts';
import type { Route } from '../../api/route.ts';
import type { Transaction } from '../../api/transaction.ts';
import type { Turn } from '../../clock/turn.ts';
import type { Share } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import type { HalfMessage } from '../../message/half-message.ts';
import type { Draft, Retainer } from '../../message/message.ts';
import { type ProtocolTraffic, UNCOUNTED } from '../../metrics/traffic.ts';
import type { Party } from '../../queue/passport-notes.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { CommitUnits } from '../commit-units.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';
import type { Journal } from '../journal/journal.ts';
import type { Passports } from '../passports/passports.ts';
import type { Delays } from '../timers/delays.ts';
import { countPublish } from './count-publish.ts';
import { KeptMessages } from './kept-messages.ts';
import type { PublishBound } from './publish-bound.ts';
import type { Publisher } from './publisher.ts';
import { StoredAhead } from './stored-ahead.ts';

/** Copies that a transaction may make of its messages: its queues get them in one go, and so many take some 10 ms. */
export const COPIES_MAX = 500_000;
/** To an at-most-once subscriber a copy is its bytes. */
const COPY_SHIFT = 10;

/** Half messages, and words that end some, in a transaction: what becomes of each is a fact of its own, written at the commit, so many in some 10 ms. */
export const HALVES_MAX = 1_000;

/** So few are not worth storing ahead. */
const AHEAD_MIN = 256;

export interface TransactionParts {
  readonly store: MessageStore;
  readonly journal: Journal;
  readonly turn: Turn;
  readonly publisher: Publisher;
  readonly delays: Delays;
  readonly units: CommitUnits;
  readonly subscriberFlow: SubscriberFlowControl;
  readonly passports: Pick<Passports, 'acting'>;
}

/** Who publishes by it: what it may, and how much. */
export interface TransactionPublisher {
  /** Who it is, where that is noted. */
  readonly party?: Party;
  /** How much it may have waiting; null: any number. */
  readonly bound?: PublishBound | null;
  /** Who has what is retained of it retained, where that is noted. */
  readonly retainer?: Retainer | null;
  /** Of its work. */
  readonly share: Share;
  /** A message's address may mean something else by now, or be its client's no more. Throws what a publish would. */
  askAgain(route: CompiledRoute<Queue>): void;
  /** What a half message asks for, or the word that ends one. @throws BrokerError access-refused */
  demandHalf(half: HalfMessage): void;
  /** @throws LimitError the body of a message is larger than it may be */
  checkSize(bodyBytes: number): void;
  /** So many messages have been published. @param bodyBytes of all of them */
  published(bodyBytes: number, messages: number): void;
}

export class VhostTransaction implements Transaction {
  private kept = new KeptMessages();
  // Settlements, a list for each part of them: a hundred thousand objects would be in everybody's way.
  private consumers: Consumer[] = [];
  private slots: number[] = [];
  private outcomes: Outcome[] = [];
  private copies = 0;
  private halves = 0;
  /** Null: nothing is stored before the commit. */
  private ahead: StoredAhead | null = null;
  private readonly parts: TransactionParts;
  private readonly publisher: TransactionPublisher | undefined;
  private readonly traffic: ProtocolTraffic;
  /** Null: the vhost's publisher itself. */
  private readonly publishing: Pick<Publisher, 'publish'> | null;

  /**
   * @param publisher default: nobody who has to be asked for
   * @param traffic of its client's protocol
   * @param publishing what messages go through. Default: the vhost's publisher itself
   */
  constructor(
    parts: TransactionParts,
    publisher?: TransactionPublisher,
    traffic: ProtocolTraffic = UNCOUNTED,
    publishing: Pick<Publisher, 'publish'> | null = null,
  ) {
    this.publishing = publishing;
    this.parts = parts;
    this.publisher = publisher;
    this.traffic = traffic;
  }

  get operations(): number {
    return this.kept.count + this.slots.length;
  }

  get bytes(): number {
    return this.kept.bytes;
  }

  publish(given: Route, draft: Draft): void {
    this.publisher?.checkSize(bodyBytes(draft));
    if (draft.half?.wrong !== undefined) throw new BrokerError('precondition-failed', draft.half.wrong);
    if (draft.half !== null) {
      this.publisher?.demandHalf(draft.half);
      if (this.halves >= HALVES_MAX) {
        throw new BrokerError('precondition-failed', `transaction of more than ${HALVES_MAX} half messages`);
      }
    }
    const route = given as CompiledRoute<Queue>;
    const resolved = draft.delayMs > 0 ? route : this.parts.publisher.resolved(route, draft);
    const copies = this.copies + copiesAlong(resolved, draft);
    if (copies > COPIES_MAX) throw tooMany();
    this.copies = copies;
    if (draft.half !== null) this.halves++;
    this.kept.add(route, resolved, draft);
  }

  settle(consumer: Consumer, slot: number, outcome: Outcome): void {
    this.consumers.push(consumer);
    this.slots.push(slot);
    this.outcomes.push(outcome);
  }

  prepare(done: () => void): void {
    const { kept, parts, publisher } = this;
    // What is traced goes through its session, message by message.
    if (publisher === undefined || this.publishing !== null || kept.count < AHEAD_MIN) {
      done();
      return;
    }
    this.ahead?.forget();
    const ahead = new StoredAhead(
      kept,
      parts.store,
      parts.publisher,
      parts.delays,
      publisher.share.work,
      publisher.bound,
    );
    this.ahead = ahead;
    publisher.share.run(
      () => ahead.step(),
      () => {
        if (!ahead.forgotten) done();
      },
    );
  }

  commit(onUnroutable?: (index: number) => void): Mark {
    const { kept, ahead, consumers, slots, outcomes } = this;
    const { units, subscriberFlow, passports } = this.parts;
    if (kept.routes.some(({ route }) => !route.valid)) this.lookAgain();
    this.reset();
    if (kept.count === 0 && slots.length === 0) return MARK_NOW;
    units.begin();
    passports.acting = this.publisher?.party ?? null;
    const refused = kept.count > 0 && this.publishAll(kept, ahead, onUnroutable);
    passports.acting = null;
    for (let i = 0; i < slots.length; i++) consumers[i]!.settle(slots[i]!, outcomes[i]!);
    subscriberFlow.nobodyWaits();
    const mark = units.end();
    return refused ? MARK_REFUSED : mark;
  }

  /** Returns whether any of them was refused. */
  private publishAll(
    kept: KeptMessages,
    ahead: StoredAhead | null,
    onUnroutable: ((index: number) => void) | undefined,
  ): boolean {
    const { parts, publishing, traffic } = this;
    const { publisher } = parts;
    let reader = kept.read();
    let sum = 0;
    if (ahead?.holds === true) {
      ahead.takeEffect(parts.journal, parts.turn, traffic);
      reader = ahead.rest;
      sum = ahead.bodyBytes;
    } else ahead?.forget();
    let refused = false;
    const { bound = null } = this.publisher ?? {};
    if (bound !== null) publisher.bound = bound;
    while (reader.next()) {
      const { draft, to } = reader;
      const { route, resolved } = to!;
      const along = route.valid ? resolved : route;
      sum += bodyBytes(draft);
      if (draft.retain) draft.retainer = this.publisher?.retainer ?? null;
      const mark = publishing === null ? publisher.publishInRun(along, draft) : publishing.publish(along, draft);
      countPublish(traffic, publisher, draft, mark);
      if (mark < 0) refused = true;
      else if (draft.routed === 0) onUnroutable?.(reader.count - 1);
    }
    publisher.endRun();
    if (bound !== null) publisher.bound = null;
    this.publisher?.published(sum, kept.count);
    return refused;
  }

  /** Bindings have come or gone since, or rules changed. @throws BrokerError, and then nothing has been changed */
  private lookAgain(): void {
    const { kept, publisher } = this;
    const stale = new Set(kept.routes.map(({ route }) => route).filter(({ valid }) => !valid));
    for (const route of stale) publisher?.askAgain(route);
    let copies = 0;
    kept.forEach((draft, { route }) => {
      copies += copiesAlong(draft.delayMs > 0 ? route : this.parts.publisher.resolved(route, draft), draft);
    });
    if (copies > COPIES_MAX) throw tooMany();
  }

  rollback(): void {
    this.ahead?.forget();
    this.kept.forEachLarge((body) => (body as StoredBody).abort());
    this.reset();
  }

  private reset(): void {
    this.ahead = null;
    this.kept = new KeptMessages();
    this.consumers = [];
    this.slots = [];
    this.outcomes = [];
    this.copies = 0;
    this.halves = 0;
  }
}

function bodyBytes(draft: Draft): number {
  return draft.large?.length ?? draft.bodyEnd - draft.bodyStart;
}

function copiesAlong(route: CompiledRoute<Queue>, draft: Draft): number {
  const { targets } = route;
  const weight = (draft.propsEnd - draft.propsStart + draft.bodyEnd - draft.bodyStart) >>> COPY_SHIFT;
  if (weight === 0) return targets.length;
  let copies = targets.length;
  for (const { directMode } of targets) if (directMode) copies += weight;
  return copies;
}

function tooMany(): BrokerError {
  return new BrokerError('precondition-failed', `transaction of more than ${COPIES_MAX} copies of messages`);
}
