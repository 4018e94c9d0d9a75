/** Brings policies into force: at once for what is declared, and for everything that is there when one of them changes. */
import type { Policy, PolicyKind } from '../../api/policies.ts';
import type { Share } from '../../clock/work.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { Router } from '../../routing/router.ts';
import { inParts } from './in-parts.ts';
import type { Policies } from './policies.ts';
import { queuePolicy } from './policy-definition.ts';
import type { Registry } from './registry.ts';

export interface AppliedPoliciesParts {
  readonly policies: Policies;
  readonly registry: Registry;
  readonly router: Router<Queue>;
  /** The broker's own part of the budget of work. */
  readonly chores: Share;
}

export class AppliedPolicies {
  private readonly parts: AppliedPoliciesParts;

  constructor(parts: AppliedPoliciesParts) {
    this.parts = parts;
  }

  /**
   * Sets a policy, in force at once; for very many queues in parts. @throws BrokerError invalid, not-allowed
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
    for (const exchange of registry.exchanges.values()) this.applyToExchange(exchange);
    router.exchangesChanged();
    inParts(chores, registry.queues.values(), (queue) => this.applyToQueue(queue), done);
  }

  /** To one that has been declared, before anybody finds it. */
  applyToQueue(queue: Queue): void {
    const { definition } = this.parts.policies.forQueue(queue.name, queue.options.arguments);
    queue.apply(definition === undefined ? null : queuePolicy(definition));
  }

  applyToExchange(exchange: Exchange<Queue>): void {
    const alternate = this.parts.policies.forExchange(exchange.name).definition?.['alternate-exchange'];
    exchange.alternate = exchange.declaredAlternate ?? (typeof alternate === 'string' ? alternate : null);
  }
}
