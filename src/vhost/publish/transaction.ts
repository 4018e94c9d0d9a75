/**
 * A transaction: publishes and settlements that become true together. Until `commit` nothing of it can be seen; then everything is
 * carried out in one commit unit of the log: after a crash all of it is there, or none.
 */
import { MARK_NOW, type Mark } from '../../api/confirms.ts';
import type { Consumer, Outcome } from '../../api/consume.ts';
import type { Route } from '../../api/route.ts';
import type { Transaction } from '../../api/transaction.ts';
import { BrokerError } from '../../message/errors.ts';
import { Draft } from '../../message/message.ts';
import { type ProtocolTraffic, UNCOUNTED } from '../../metrics/traffic.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { CommitUnits } from '../commit-units.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';
import { countPublish } from './count-publish.ts';
import type { Publisher } from './publisher.ts';

interface Settlement {
  readonly consumer: Consumer;
  readonly slot: number;
  readonly outcome: Outcome;
}

interface Publish {
  readonly route: CompiledRoute<Queue>;
  /** Where the message goes for as long as the route is valid, if more than its key decides. */
  readonly resolved: CompiledRoute<Queue>;
  readonly draft: Draft;
}

/**
 * Copies that a transaction may make of its messages: they are made in one go, since a commit is one unit, and so many take some
 * 20 ms.
 */
export const COPIES_MAX = 500_000;
/** To an at-most-once subscriber a copy is its bytes. */
const COPY_SHIFT = 10;

export interface TransactionParts {
  readonly publisher: Publisher;
  readonly units: CommitUnits;
  readonly subscriberFlow: SubscriberFlowControl;
}

/** Who publishes by it: what it may, and how much. */
export interface TransactionPublisher {
  /** A message's address may mean something else by now, or be its client's no more. Throws what a publish would. */
  askAgain(route: CompiledRoute<Queue>): void;
  /** @throws LimitError the body of a message is larger than it may be */
  checkSize(bodyBytes: number): void;
  /** A message has been published. */
  published(bodyBytes: number): void;
}

export class VhostTransaction implements Transaction {
  bytes = 0;
  private publishes: Publish[] = [];
  private settlements: Settlement[] = [];
  private copies = 0;
  private readonly parts: TransactionParts;
  private readonly publisher: TransactionPublisher | undefined;
  private readonly traffic: ProtocolTraffic;
  private readonly publishing: Pick<Publisher, 'publish'>;

  /**
   * @param publisher default: nobody who has to be asked for
   * @param traffic of its client's protocol
   * @param publishing what messages go through. Default: the vhost's publisher itself
   */
  constructor(
    parts: TransactionParts,
    publisher?: TransactionPublisher,
    traffic: ProtocolTraffic = UNCOUNTED,
    publishing: Pick<Publisher, 'publish'> = parts.publisher,
  ) {
    this.publishing = publishing;
    this.parts = parts;
    this.publisher = publisher;
    this.traffic = traffic;
  }

  get operations(): number {
    return this.publishes.length + this.settlements.length;
  }

  publish(given: Route, draft: Draft): void {
    this.publisher?.checkSize(bodyBytes(draft));
    if (draft.half?.wrong !== undefined) throw new BrokerError('precondition-failed', draft.half.wrong);
    const route = given as CompiledRoute<Queue>;
    const resolved = draft.delayMs > 0 ? route : this.parts.publisher.resolved(route, draft);
    const copies = this.copies + copiesAlong(resolved, draft);
    if (copies > COPIES_MAX) throw tooMany();
    this.copies = copies;
    const copy = new Draft();
    copy.dialect = draft.dialect;
    copy.assurance = draft.assurance;
    copy.retain = draft.retain;
    copy.grouped = draft.grouped;
    copy.userChecked = draft.userChecked;
    copy.priority = draft.priority;
    copy.ttlMs = draft.ttlMs;
    copy.delayMs = draft.delayMs;
    copy.dueMs = draft.dueMs;
    copy.half = draft.half;
    copy.origin = draft.origin;
    copy.props = Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd));
    copy.propsEnd = copy.props.length;
    copy.large = draft.large;
    if (draft.large === null) {
      copy.body = Buffer.from(draft.body.subarray(draft.bodyStart, draft.bodyEnd));
      copy.bodyEnd = copy.body.length;
    }
    this.bytes += copy.propsEnd + copy.bodyEnd;
    this.publishes.push({ route, resolved, draft: copy });
  }

  settle(consumer: Consumer, slot: number, outcome: Outcome): void {
    this.settlements.push({ consumer, slot, outcome });
  }

  commit(onUnroutable?: (index: number) => void): Mark {
    const { publishes, settlements } = this;
    const { publisher, units, subscriberFlow } = this.parts;
    if (publishes.some(({ route }) => !route.valid)) this.lookAgain();
    this.reset();
    if (publishes.length === 0 && settlements.length === 0) return MARK_NOW;
    let refused: Mark = MARK_NOW;
    units.begin();
    publishes.forEach(({ route, resolved, draft }, index) => {
      this.publisher?.published(bodyBytes(draft));
      const mark = this.publishing.publish(route.valid ? resolved : route, draft);
      countPublish(this.traffic, publisher, draft, mark);
      if (mark < 0) refused = mark;
      else if (draft.routed === 0) onUnroutable?.(index);
    });
    for (const { consumer, slot, outcome } of settlements) consumer.settle(slot, outcome);
    subscriberFlow.nobodyWaits();
    const mark = units.end();
    return refused < 0 ? refused : mark;
  }

  /** Bindings have come or gone since, or rules changed. @throws BrokerError, and then nothing has been changed */
  private lookAgain(): void {
    const stale = new Set(this.publishes.map(({ route }) => route).filter(({ valid }) => !valid));
    for (const route of stale) this.publisher?.askAgain(route);
    let copies = 0;
    for (const { route, draft } of this.publishes) {
      copies += copiesAlong(draft.delayMs > 0 ? route : this.parts.publisher.resolved(route, draft), draft);
    }
    if (copies > COPIES_MAX) throw tooMany();
  }

  rollback(): void {
    for (const { draft } of this.publishes) (draft.large as StoredBody | null)?.abort();
    this.reset();
  }

  private reset(): void {
    this.publishes = [];
    this.settlements = [];
    this.bytes = 0;
    this.copies = 0;
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
