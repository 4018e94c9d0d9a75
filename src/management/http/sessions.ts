/** Sessions of the user who asks, for what one request has done in vhosts: his permissions decide, as over any protocol. */
import type { Identity, Refusal } from '../../api/identity.ts';
import type { Session } from '../../api/session.ts';
import type { Operator } from '../../operator/operator.ts';

const CLIENT = { uncongested() {}, kicked() {} };

export class RequestSessions {
  private readonly operator: Operator;
  private readonly identity: Identity;
  private open: Session[] = [];

  constructor(operator: Operator, identity: Identity) {
    this.operator = operator;
    this.identity = identity;
  }

  /** It is closed with the request. @throws AccessPending */
  enter(vhost: string): Session | Refusal {
    const session = this.operator.enter(this.identity, vhost, CLIENT);
    if (!('refused' in session)) this.open.push(session);
    return session;
  }

  /** The request has been answered. */
  close(): void {
    for (const session of this.open) session.close(true);
    this.open = [];
  }
}
