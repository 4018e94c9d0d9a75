/** The permissions of a client in its vhost: asked of the authenticator, call by call. */
import type { Action, Authenticator, Identity } from '../../api/identity.ts';
import { BrokerError } from '../../message/errors.ts';

export class Permissions {
  private readonly authenticator: Authenticator;
  private readonly identity: Identity;
  private readonly vhost: string;

  constructor(authenticator: Authenticator, identity: Identity, vhost: string) {
    this.authenticator = authenticator;
    this.identity = identity;
    this.vhost = vhost;
  }

  /** @param resource the name of an exchange or a queue @throws BrokerError access-refused */
  demand(action: Action, resource: string): void {
    if (this.authenticator.permits(this.identity, this.vhost, action, resource)) return;
    throw new BrokerError(
      'access-refused',
      `${action} access to '${resource}' in vhost '${this.vhost}' refused for user '${this.identity.user}'`,
    );
  }
}
