/** Brings policies into force: at once for what is declared, and for everything that is there when one of them changes. */
import { isDeepStrictEqual } from 'node:util';
import type { Policy, PolicyKind } from '../../api/policies.ts';
import type { Share } from '../../clock/work.ts';
import type { DeduplicationWindow, WindowMemory } from '../../deduplication/window.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { Router } from '../../routing/router.ts';
import type { WindowOwner } from '../journal/records/windows.ts';
import { applyWindow } from './exchange-windows.ts';
import { inParts } from './in-parts.ts';
import type { Policies } from './policies.ts';
import { policyWords, queuePolicy } from './policy-definition.ts';
import type { Registry } from './registry.ts';

export interface AppliedPoliciesParts {
  readonly policies: Policies;
  readonly registry: Registry;
  readonly router: Router<Queue>;
  /** The broker's own part of the budget of work. */
  readonly chores: Share;
  readonly windowMemory: WindowMemory;
  readonly journal: { windowCleared(owner: WindowOwner): void; queue(queue: Queue): void };
}

export class AppliedPolicies {
  private readonly parts: AppliedPoliciesParts;

  constructor(parts: AppliedPoliciesParts) {
    this.parts = parts;
  }

  /**
   * Sets a policy, in force at once; for very many queues or exchanges in parts. @throws BrokerError invalid, not-allowed
   * @param done it is in force everywhere
   */
  set(policy: Policy, done: () => void = () => {}): void {
    this.parts.policies.set(policy);
    this.applyAll(done);
  }

  /** False if there was none. @throws BrokerError not-allowed */
  clear(kind: PolicyKind, name: string, done: () => void = () => {}): boolean {
    const found = this.parts.policies.clear(kind, name);
    if (found) this.applyAll(done);
    else done();
    return found;
  }

  /** Policies have changed: everything gets what is in force for it now. */
  applyAll(done: () => void = () => {}): void {
    const { registry, router, chores } = this.parts;
    const exchangesDone = (): void => {
      router.exchangesChanged();
      inParts(chores, registry.queues.values(), (queue) => this.applyToQueue(queue), done);
    };
    inParts(chores, registry.exchanges.values(), (exchange) => this.applyToExchange(exchange), exchangesDone);
  }

  /** The same in one piece: at the start, before anybody is there who could wait. */
  applyAllAtOnce(): void {
    const { registry, router } = this.parts;
    for (const exchange of registry.exchanges.values()) this.applyToExchange(exchange);
    router.exchangesChanged();
    for (const queue of registry.queues.values()) this.applyToQueue(queue);
  }

  /** To one that has been declared, before anybody finds it. */
  applyToQueue(queue: Queue): void {
    const { definition } = this.parts.policies.forQueue(queue.name, queue.options.arguments);
    const { window, settings } = queue;
    queue.apply(definition === undefined ? null : queuePolicy(definition));
    this.windowChanged(queue.id, window, queue.window);
    // By which words its messages belong to groups must be known when they are read again.
    const logged = queue.durable && !queue.options.exclusive;
    if (logged && !isDeepStrictEqual(settings.order, queue.settings.order)) this.parts.journal.queue(queue);
  }

  /** A window that has gone has forgotten what it knew, after a restart too; and routes are made with those that there are. */
  private windowChanged(owner: WindowOwner, before: DeduplicationWindow | null, now: DeduplicationWindow | null): void {
    if (before === now) return;
    if (before?.durable === true) this.parts.journal.windowCleared(owner);
    this.parts.router.exchangesChanged();
  }

  applyToExchange(exchange: Exchange<Queue>): void {
    const { definition, target } = this.parts.policies.forExchange(exchange.name);
    const alternate = definition?.['alternate-exchange'];
    exchange.alternate = exchange.declaredAlternate ?? (typeof alternate === 'string' ? alternate : null);
    const { window } = exchange;
    let words = policyWords(definition);
    // The plugin's word is about queues, so a policy for everything does not mean exchanges by it.
    if (words?.on !== undefined && target !== 'exchanges') {
      const { on: _, ...others } = words;
      words = others;
    }
    applyWindow(exchange, words, this.parts.windowMemory);
    this.windowChanged(exchange.name, window, exchange.window);
  }
}
