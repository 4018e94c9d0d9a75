/** Limits of the configuration and those that operators have set, together: handed on to those who hold to them. */
import type { ClientLimits, ClientUsage, VhostLimits } from './client-limits.ts';
import type { KeptLimits } from './kept-limits.ts';
import type { LimitsReview } from './limits/limits-review.ts';
import type { VhostRegistry } from './vhost-registry.ts';

export interface LimitsContext {
  readonly kept: KeptLimits;
  readonly usage: ClientUsage;
  readonly vhosts: Pick<VhostRegistry, 'all' | 'named'>;
  readonly review: LimitsReview;
}

export class LimitsInForce {
  private readonly context: LimitsContext;

  constructor(context: LimitsContext) {
    this.context = context;
  }

  /** Takes those of the configuration. @throws BrokerError not-found (vhost) */
  configure(limits: ClientLimits, ofVhosts: Readonly<Record<string, VhostLimits>>): void {
    const { kept, vhosts } = this.context;
    for (const name of Object.keys(ofVhosts)) vhosts.named(name);
    kept.configure(limits, ofVhosts);
    this.apply();
  }

  apply(): void {
    const { kept, review, usage, vhosts } = this.context;
    usage.limits = kept.ofClients;
    for (const [name, vhost] of vhosts.all) {
      const ofVhost = kept.ofVhost(name);
      vhost.limits.now = ofVhost;
      usage.setVhostLimits(name, ofVhost);
    }
    review.limitsChanged();
  }
}
