/**
 * RabbitMQ's HTTP API, as its 3.10 has it, under `/api/`: what its tools ask, answered in its words from what the operator's door
 * (`src/operator/`) tells in neutral ones. In the order in which RabbitMQ decides:
 *
 *     no path ─▶ 301 to a page that lists them
 *     path unknown ─▶ 404     method unknown ─▶ 405     OPTIONS ─▶ 200
 *     not logged in ─▶ 401    no JSON accepted ─▶ 406   tag missing ─▶ 401    the handler
 */
import type { Identity } from '../../api/identity.ts';
import type { Operator } from '../../operator/operator.ts';
import { type ApiOptions, type ApiServices, type Arrival, HttpApi, handled } from '../http/api.ts';
import { allowed, Router } from '../http/router.ts';
import { asFailure, Failure, notFound } from './http/errors.ts';
import { empty, failed } from './http/replies.ts';
import { ApiRequest } from './http/request.ts';
import type { Verb } from './http/resource.ts';
import { missingTag } from './http/tags.ts';
import { described } from './resources/description.ts';
import { RESOURCES } from './resources/index.ts';

const NOBODY: Identity = { user: '', tags: [] };
const INDEX = '/api/index.html';

const ROUTER = new Router<Verb>([...RESOURCES, ...described(RESOURCES)]);

export class RabbitApi extends HttpApi<Verb> {
  constructor(operator: Operator, broker: ApiServices, options?: ApiOptions) {
    super('/api', ROUTER, operator, broker, options);
  }

  protected override async answered({
    request,
    path,
    query,
    match,
    verb,
    trail,
    identify,
    logIn,
  }: Arrival<Verb>): Promise<Response> {
    if (path === '' || path === '/') return new Response(null, { status: 301, headers: { location: INDEX } });
    if (match === undefined) throw notFound();
    const allow = allowed(match.verbs);
    if (request.method === 'OPTIONS') return empty(200, { allow });
    if (verb === undefined) throw new Failure(405, undefined, undefined, { allow });
    let identity = NOBODY;
    if (verb.tag !== 'anyone') {
      identity = await identify();
      if (!acceptsJson(request.headers.get('accept'))) throw new Failure(406);
      const missing = verb.tag === 'none' ? undefined : missingTag(identity.tags, verb.tag);
      if (missing !== undefined) throw missing;
    }
    const asked = new ApiRequest(this.operator, identity, match.params, query, request, logIn, trail);
    return handled(asked, () => verb.handle(asked));
  }

  protected override refusal(thrown: unknown): Response | undefined {
    const failure = asFailure(thrown);
    return failure && failed(failure);
  }

  protected override reasonOf(thrown: Error): string | undefined {
    if (!(thrown instanceof Failure)) return thrown.message;
    const { reason, error } = thrown.body ?? {};
    return typeof reason === 'string' ? reason : error;
  }

  protected override fault(): Response {
    return empty(500);
  }
}

function acceptsJson(accept: string | null): boolean {
  if (accept === null || accept.trim() === '') return true;
  const kinds = accept.split(',').map((kind) => kind.split(';')[0]!.trim().toLowerCase());
  return kinds.some((kind) => ['*/*', 'application/*', 'application/json', 'application/bigint'].includes(kind));
}
