/**
 * Publishes and settlements that become true together. Until `commit` nothing of it can be seen; then everything is
 * carried out in one commit unit of the log: after a crash all of it is there, or none.
 */
import { type Consumer, MARK_NOW, type Mark, type Outcome, type Route, type Transaction } from '../api.ts';
import { Draft } from '../message/message.ts';
import type { StoredBody } from '../queue/stored-body.ts';
import type { Vhost } from './vhost.ts';

interface Settlement {
  readonly consumer: Consumer;
  readonly slot: number;
  readonly outcome: Outcome;
}

interface Publish {
  readonly route: Route;
  readonly draft: Draft;
}

export class VhostTransaction implements Transaction {
  bytes = 0;
  private publishes: Publish[] = [];
  private settlements: Settlement[] = [];
  private readonly vhost: Vhost;

  constructor(vhost: Vhost) {
    this.vhost = vhost;
  }

  get operations(): number {
    return this.publishes.length + this.settlements.length;
  }

  publish(route: Route, draft: Draft): void {
    const copy = new Draft();
    copy.dialect = draft.dialect;
    copy.assurance = draft.assurance;
    copy.retain = draft.retain;
    copy.grouped = draft.grouped;
    copy.userChecked = draft.userChecked;
    copy.priority = draft.priority;
    copy.ttlMs = draft.ttlMs;
    copy.delayMs = draft.delayMs;
    copy.origin = draft.origin;
    copy.props = Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd));
    copy.propsEnd = copy.props.length;
    copy.large = draft.large;
    if (draft.large === null) {
      copy.body = Buffer.from(draft.body.subarray(draft.bodyStart, draft.bodyEnd));
      copy.bodyEnd = copy.body.length;
    }
    this.bytes += copy.propsEnd + copy.bodyEnd;
    this.publishes.push({ route, draft: copy });
  }

  settle(consumer: Consumer, slot: number, outcome: Outcome): void {
    this.settlements.push({ consumer, slot, outcome });
  }

  commit(onUnroutable?: (index: number) => void): Mark {
    const { vhost, publishes, settlements } = this;
    this.reset();
    if (publishes.length === 0 && settlements.length === 0) return MARK_NOW;
    let refused: Mark = MARK_NOW;
    vhost.beginUnit();
    publishes.forEach(({ route, draft }, index) => {
      const mark = vhost.publish(route, draft);
      if (mark < 0) refused = mark;
      else if (draft.routed === 0) onUnroutable?.(index);
    });
    for (const { consumer, slot, outcome } of settlements) consumer.settle(slot, outcome);
    vhost.stalls.nobodyWaits();
    const mark = vhost.endUnit();
    return refused < 0 ? refused : mark;
  }

  rollback(): void {
    for (const { draft } of this.publishes) (draft.large as StoredBody | null)?.abort();
    this.reset();
  }

  private reset(): void {
    this.publishes = [];
    this.settlements = [];
    this.bytes = 0;
  }
}
