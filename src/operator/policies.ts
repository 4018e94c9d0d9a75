/** Policies as an operator sees and sets them. */
import type { Policy, PolicyInfo, PolicyKind } from '../api/policies.ts';
import type { Broker } from '../broker/broker.ts';
import { checkedPolicy } from '../vhost/topology/policies.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';

export interface PolicyView extends PolicyInfo {
  readonly vhost: string;
}

export class Policies {
  readonly list: Listing<PolicyView, PolicyView>;
  private readonly broker: Broker;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.list = new Listing(new PolicySource(this), pace);
  }

  /** Of one vhost, highest priority first; none of one that is not there. */
  of(vhost: string): PolicyView[] {
    if (!this.broker.vhostsByName.has(vhost)) return [];
    return this.broker.policies.list(vhost).map((policy) => ({ vhost, ...policy }));
  }

  find(vhost: string, name: string, kind: PolicyKind): PolicyView | undefined {
    return this.of(vhost).find((policy) => policy.name === name && policy.kind === kind);
  }

  /** Whether it could be set, as far as what it says goes. @throws BrokerError invalid */
  check(policy: Policy): void {
    checkedPolicy(policy);
  }

  /** Sets or replaces one. @throws BrokerError not-found (vhost), invalid, not-allowed (the configuration sets it) */
  set(vhost: string, policy: Policy): Promise<void> {
    return this.broker.policies.set(vhost, policy);
  }

  /** False: there was none. @throws BrokerError not-found (vhost), not-allowed */
  clear(vhost: string, name: string, kind: PolicyKind): Promise<boolean> {
    return this.broker.policies.clear(vhost, name, kind);
  }
}

class PolicySource implements Source<PolicyView, PolicyView> {
  private readonly policies: Policies;

  constructor(policies: Policies) {
    this.policies = policies;
  }

  count(scope: Scope): number {
    return scope.reduce((sum, vhost) => sum + this.policies.of(vhost).length, 0);
  }

  *walk(scope: Scope): Generator<PolicyView> {
    for (const vhost of scope) yield* this.policies.of(vhost);
  }

  view(policy: PolicyView): PolicyView {
    return policy;
  }

  compare(a: PolicyView, b: PolicyView): number {
    return compareText(a.vhost, b.vhost) || compareText(a.name, b.name) || compareText(a.kind, b.kind);
  }
}
