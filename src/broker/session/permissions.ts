/** The permissions of a client in its vhost: asked of the authenticator, call by call. */
import type { Action, Authenticator, Identity } from '../../api/identity.ts';
import { BrokerError } from '../../message/errors.ts';

export class Permissions {
  private readonly authenticator: Authenticator;
  private readonly identity: Identity;
  private readonly vhost: string;
  private readonly clientId: string | undefined;

  constructor(authenticator: Authenticator, identity: Identity, vhost: string, clientId?: string) {
    this.authenticator = authenticator;
    this.identity = identity;
    this.vhost = vhost;
    this.clientId = clientId;
  }

  /** @throws BrokerError access-refused */
  demand(action: Action, resource: 'exchange' | 'queue', name: string): void {
    if (this.permits(action, resource, name)) return;
    throw new BrokerError(
      'access-refused',
      `${action} access to ${resource} '${name}' in vhost '${this.vhost}' refused for user '${this.identity.user}'`,
    );
  }

  permits(action: Action, resource: 'exchange' | 'queue', name: string): boolean {
    return this.authenticator.permits(this.identity, { vhost: this.vhost, action, resource, name, ...this.client });
  }

  private get client(): { readonly clientId?: string } {
    return this.clientId === undefined ? {} : { clientId: this.clientId };
  }
}
