/** What a session promises its client: confirms of what it publishes, and word that something is safe. */
import type { ConfirmRing, ConfirmSink, Mark } from '../../api/confirms.ts';
import type { SessionClient } from '../../api/session.ts';
import type { ProtocolTraffic } from '../../metrics/traffic.ts';
import type { Confirms } from '../../vhost/publish/confirms.ts';
import type { Vhost } from '../../vhost/vhost.ts';

export class SessionPromises {
  private readonly vhost: Pick<Vhost, 'confirms' | 'writeConfirms'>;
  private readonly client: Pick<SessionClient, 'transport'>;
  private readonly traffic: ProtocolTraffic;
  /** Null while there has been none. */
  private rings: Set<ConfirmRing> | null = null;

  constructor(
    vhost: Pick<Vhost, 'confirms' | 'writeConfirms'>,
    client: Pick<SessionClient, 'transport'>,
    traffic: ProtocolTraffic,
  ) {
    this.vhost = vhost;
    this.client = client;
    this.traffic = traffic;
  }

  /** What `safe` means to this client. */
  private get confirms(): Confirms {
    return this.client.transport?.confirmsAtWrite === true ? this.vhost.writeConfirms : this.vhost.confirms;
  }

  ring(sink: ConfirmSink): ConfirmRing {
    this.rings ??= new Set();
    // Channels come and go on one connection: their rings are not kept.
    for (const ring of this.rings) if (ring.closed) this.rings.delete(ring);
    const ring = this.confirms.ring(sink, this.traffic);
    this.rings.add(ring);
    return ring;
  }

  whenSafe(mark: Mark, done: (failed: boolean) => void): void {
    this.confirms.whenSafe(mark, done);
  }

  close(): void {
    if (this.rings !== null) for (const ring of this.rings) ring.close();
  }
}
