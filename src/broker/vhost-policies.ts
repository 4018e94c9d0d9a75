/** Policies of vhosts, set and taken back while the broker runs. */
import type { Policy, PolicyInfo, PolicyKind } from '../api/policies.ts';
import type { BrokerEvents } from './events.ts';
import type { VhostRegistry } from './vhost-registry.ts';

export class VhostPolicies {
  private readonly vhosts: Pick<VhostRegistry, 'named' | 'whenSafe'>;
  private readonly events: BrokerEvents;

  constructor(vhosts: Pick<VhostRegistry, 'named' | 'whenSafe'>, events: BrokerEvents) {
    this.vhosts = vhosts;
    this.events = events;
  }

  /**
   * Sets one, or replaces the one of its name and kind: in force for everything at once, safe when the promise is resolved.
   * @throws BrokerError not-found (vhost), invalid, not-allowed (the configuration sets it)
   */
  async set(vhost: string, policy: Policy): Promise<void> {
    const { appliedPolicies } = this.vhosts.named(vhost).topology;
    await new Promise<void>((done) => appliedPolicies.set(policy, done));
    await this.vhosts.whenSafe(vhost);
    const { name, kind = 'policy' } = policy;
    if (this.events.watched) this.events.tell({ kind: 'policy-set', vhost, policy: name, of: kind });
  }

  /** False if there was none. @throws BrokerError not-found (vhost), not-allowed */
  async clear(vhost: string, name: string, kind: PolicyKind = 'policy'): Promise<boolean> {
    const { appliedPolicies } = this.vhosts.named(vhost).topology;
    let existed = false;
    await new Promise<void>((done) => {
      existed = appliedPolicies.clear(kind, name, done);
    });
    if (!existed) return false;
    await this.vhosts.whenSafe(vhost);
    if (this.events.watched) this.events.tell({ kind: 'policy-deleted', vhost, policy: name, of: kind });
    return true;
  }

  /** Highest priority first. @throws BrokerError not-found */
  list(vhost: string): PolicyInfo[] {
    return this.vhosts.named(vhost).topology.policies.list();
  }
}
