/** The back ends as they are asked for, and made. */
import type { Clock } from '../../clock/clock.ts';
import type { InternalAuthenticator } from '../internal-authenticator.ts';
import type { BackendName, ReportFailure } from './backend.ts';
import { BackendChain, type Link } from './chain.ts';
import { HttpBackend, type HttpBackendSettings } from './http/http-backend.ts';
import { InternalBackend } from './internal-backend.ts';
import { JwtBackend, type JwtBackendSettings } from './jwt/jwt-backend.ts';

export type BackendPlan = { readonly authorization?: BackendName | undefined } & (
  | { readonly name: 'internal' }
  | { readonly name: 'http'; readonly settings: HttpBackendSettings }
  | { readonly name: 'jwt'; readonly settings: JwtBackendSettings }
);

/** Null: the broker's own users are all there is, and need no chain. */
export function chainOf(
  plans: readonly BackendPlan[],
  internal: InternalAuthenticator,
  clock: Clock,
  report: ReportFailure,
): BackendChain | null {
  const [first] = plans;
  if (plans.length === 0 || (plans.length === 1 && first!.name === 'internal')) return null;
  const links = plans.map((plan): Link => {
    const { authorization } = plan;
    if (plan.name === 'http') return { backend: new HttpBackend(plan.settings, clock, report), authorization };
    if (plan.name === 'jwt') return { backend: new JwtBackend(plan.settings, clock, report), authorization };
    return { backend: new InternalBackend(internal), authorization };
  });
  internal.alone = false;
  return new BackendChain(internal, links, () => clock.epochMs());
}
