/** Rules of who may do what, as whoever explains them sees them: a broker's, or what a stopped one has left. */
import type { ExplainTopic } from '../api/address-meaning.ts';
import type { TopicUse } from '../api/administration.ts';
import type { AccessRequest } from '../api/identity.ts';
import type { Explanation } from '../auth/permissions/ruled-access.ts';
import type { RoleDecision } from '../auth/roles/role-access.ts';

export interface AccessSource {
  hasVhost(name: string): boolean;
  /** There is such a user. */
  knows(user: string, vhost: string): boolean;
  /** Roles say what this user may do with topics. */
  judges(user: string): boolean;
  decide(
    use: TopicUse,
    key: string,
    asker: { readonly user: string; readonly clientId: string | undefined },
  ): RoleDecision;
  /** `because` undefined: somebody else keeps the rules. */
  explain(
    user: string,
    request: AccessRequest,
  ): { readonly allowed: boolean; readonly because: Explanation | undefined };
  mayEnter(user: string, vhost: string): boolean;
  /** As `Protocol.reserves`, of all adapters. */
  reserves(exchange: string, key: string): boolean;
  /** As `Protocol.explains`, of the adapter that has topics. */
  readonly explainTopic: ExplainTopic;
  /** Whether this user may say who there is and who may do what, by commands to this topic, dotted. */
  administers(user: string, key: string, clientId: string | undefined): boolean;
}
