/** The broker's own users as a back end of the chain. */
import type { AccessRequest, Credentials, Identity, PendingAnswer } from '../../api/identity.ts';
import type { InternalAuthenticator } from '../internal-authenticator.ts';
import { type Backend, noStatistics, type Verdict } from './backend.ts';

export class InternalBackend implements Backend {
  readonly name = 'internal';
  readonly statistics = noStatistics();
  private readonly internal: InternalAuthenticator;

  constructor(internal: InternalAuthenticator) {
    this.internal = internal;
  }

  authenticate(credentials: Credentials, address: string, done: (verdict: Verdict) => void): void {
    const { user } = credentials;
    if (user === undefined) {
      done({ unknown: 'a client without a name has no password here' });
      return;
    }
    // A hash for each client of the others would be too much. The chain makes up for it when nobody has let the client in.
    if (this.internal.isStrange(user)) {
      this.statistics.refused++;
      done({ unknown: 'there is no such user' });
      return;
    }
    this.internal.verify(credentials, user, address, (result) => {
      if (!('refused' in result)) {
        this.statistics.accepted++;
        done(result);
        return;
      }
      this.statistics.refused++;
      if (result.refused === 'forbidden') done({ forbidden: result.reason });
      else if (result.refused === 'unavailable') done({ failed: result.reason });
      else done({ unknown: 'not by this password' });
    });
  }

  mayEnter(identity: Identity, vhost: string): boolean | PendingAnswer {
    return this.internal.mayEnter(identity, vhost);
  }

  permits(identity: Identity, request: AccessRequest): boolean | PendingAnswer {
    return this.internal.permits(identity, request);
  }

  forget(): void {}

  /** The users tell it themselves. */
  onChanged(): void {}
}
