/** Sessions that outlive their connections, of every protocol that has such. */
import type { KeptSessionReport } from '../api/kept-sessions.ts';
import type { Broker } from '../broker/broker.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';

export interface KeptSessionView extends KeptSessionReport {
  readonly vhost: string;
  readonly protocol: string;
}

/** Where one is. */
interface Place {
  readonly vhost: string;
  readonly protocol: string;
  readonly clientId: string;
}

export class KeptSessions {
  readonly list: Listing<Place, KeptSessionView>;
  private readonly broker: Broker;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.list = new Listing(new SessionSource(this, broker), pace);
  }

  find(vhost: string, protocol: string, clientId: string): KeptSessionView | undefined {
    const found = this.broker.protocolNamed(protocol)?.sessions?.find(this.broker, vhost, clientId);
    return found === undefined ? undefined : { vhost, protocol, ...found };
  }

  /** With all that waits in it. Resolves when it is safe; false: there is none. @throws BrokerError unavailable */
  async end(vhost: string, protocol: string, clientId: string): Promise<boolean> {
    const ended = this.broker.protocolNamed(protocol)?.sessions?.end(this.broker, vhost, clientId) === true;
    if (ended) await this.broker.whenSafe(vhost);
    return ended;
  }
}

class SessionSource implements Source<Place, KeptSessionView> {
  private readonly sessions: KeptSessions;
  private readonly broker: Broker;

  constructor(sessions: KeptSessions, broker: Broker) {
    this.sessions = sessions;
    this.broker = broker;
  }

  *walk(scope: Scope): Generator<Place> {
    for (const vhost of scope) {
      for (const { name, sessions } of this.broker.knownProtocols) {
        if (name === undefined || sessions === undefined) continue;
        for (const clientId of sessions.ids(this.broker, vhost)) yield { vhost, protocol: name, clientId };
      }
    }
  }

  /** It may have ended since it was met: then it is shown as one of which nothing more is known. */
  view({ vhost, protocol, clientId }: Place): KeptSessionView {
    const gone = { connected: false, user: '', queue: undefined, expiryS: undefined, endsAtMs: undefined };
    return this.sessions.find(vhost, protocol, clientId) ?? { vhost, protocol, clientId, ...gone };
  }

  compare(a: Place, b: Place): number {
    return compareText(a.vhost, b.vhost) || compareText(a.clientId, b.clientId) || compareText(a.protocol, b.protocol);
  }
}
