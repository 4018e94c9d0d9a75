/**
 * Our own HTTP API, under `/v1/`: what operators do that no other broker's API has words for. One table of operations
 * (`operations.ts`) is what is routed, checked and described (`/v1/openapi.json`). Logging in, and tags, are as under `/api/`; errors are
 * `application/problem+json`.
 *
 *     path unknown ─▶ 404   method unknown ─▶ 405   not logged in ─▶ 401   tag missing ─▶ 403   query, body wrong ─▶ 400   the handler
 */
import type { Identity } from '../../api/identity.ts';
import type { Operator } from '../../operator/operator.ts';
import { type ApiOptions, type ApiServices, type Arrival, HttpApi, handled } from '../http/api.ts';
import { allowed, Router } from '../http/router.ts';
import { hasTag } from '../http/tags.ts';
import { Asked } from './http/asked.ts';
import { bodyOf, queryOf } from './http/given.ts';
import type { Operation } from './http/operation.ts';
import { asProblem, Problem, problemResponse } from './http/problem.ts';
import { OPERATIONS } from './operations.ts';

const NOBODY: Identity = { user: '', tags: [] };

const ROUTER = new Router<Operation>(
  OPERATIONS.map((operation) => ({
    path: operation.path === '/' ? '' : operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    verbs: { [operation.method]: operation },
  })),
);

export class V1Api extends HttpApi<Operation> {
  constructor(operator: Operator, broker: ApiServices, options?: ApiOptions) {
    super('/v1', ROUTER, operator, broker, options);
  }

  protected override async answered(arrival: Arrival<Operation>): Promise<Response> {
    const { request, query, match, verb: operation, trail, identify } = arrival;
    if (match === undefined) throw new Problem(404, 'not-found', 'there is nothing here: see /v1/');
    if (operation === undefined) {
      const allow = allowed(match.verbs);
      if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
      throw new Problem(405, 'not-allowed', `this takes ${allow}`, undefined, { allow });
    }
    const identity = operation.access === 'anyone' ? NOBODY : await identify();
    if (operation.access !== 'anyone' && !hasTag(identity.tags, operation.access)) {
      throw new Problem(403, 'access-refused', `user '${identity.user}' has not the tag '${operation.access}'`);
    }
    // What is made as it is read is not begun for nothing.
    if (request.method === 'HEAD' && typeof operation.answer === 'object' && 'what' in operation.answer) {
      return new Response(null, {
        headers: { 'content-type': operation.answer.contentType, 'cache-control': 'no-store' },
      });
    }
    const given = {
      query: queryOf(operation, query) as never,
      body: (await bodyOf(operation, request, this.operator.pace)) as never,
      signal: request.signal,
      access: operation.access,
    };
    trail.body = given.body;
    const asked = new Asked<never, never>(this.operator, identity, match.params, given);
    return handled(asked, () => operation.handle(asked));
  }

  protected override refusal(thrown: unknown): Response | undefined {
    const problem = asProblem(thrown);
    return problem && problemResponse(problem);
  }

  protected override fault(): Response {
    return problemResponse(new Problem(500, 'internal', 'a fault of the broker: its log has more'));
  }
}
