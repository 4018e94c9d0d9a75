/**
 * Our own HTTP API, under `/v1/`: what operators do that no other broker's API has words for. One table of operations
 * (`operations.ts`) is what is routed, checked and described (`/v1/openapi.json`). Logging in, and tags, are as under `/api/`; errors are
 * `application/problem+json`.
 *
 *     path unknown ─▶ 404   method unknown ─▶ 405   not logged in ─▶ 401   tag missing ─▶ 403   query, body wrong ─▶ 400   the handler
 */
import { AccessPending } from '../../api/pending.ts';
import type { Operator } from '../../operator/operator.ts';
import type { Peer } from '../../transport/peer.ts';
import type { OperatorToken } from '../operator-token.ts';
import type { ApiServices } from '../rabbitmq/api.ts';
import { login } from '../rabbitmq/http/login.ts';
import { allowed, type Method, Router } from '../rabbitmq/http/router.ts';
import { hasTag } from '../rabbitmq/http/tags.ts';
import { Asked } from './http/asked.ts';
import { bodyOf, queryOf } from './http/given.ts';
import type { Operation } from './http/operation.ts';
import { asProblem, Problem, problemResponse } from './http/problem.ts';
import { OPERATIONS } from './operations.ts';

const PREFIX = '/v1';
/** Answers of back ends that one request may wait for. */
const QUESTIONS_MAX = 1_000;
const NOBODY = { user: '', tags: [] };

export class V1Api {
  private readonly operator: Operator;
  private readonly broker: ApiServices;
  private readonly operatorToken: OperatorToken | undefined;
  private readonly router = new Router<Operation>(
    OPERATIONS.map((operation) => ({
      path: operation.path === '/' ? '' : operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      verbs: { [operation.method]: operation },
    })),
  );

  /** @param operatorToken undefined: there is none */
  constructor(operator: Operator, broker: ApiServices, operatorToken?: OperatorToken) {
    this.operator = operator;
    this.broker = broker;
    this.operatorToken = operatorToken;
  }

  /** Whether a request's target is one of this API's. */
  static covers(target: string): boolean {
    return target.startsWith(`${PREFIX}/`) || target === PREFIX || target.startsWith(`${PREFIX}?`);
  }

  /** Never throws: what goes wrong is an answer. @param target as it came */
  async answer(request: Request, target: string, peer: Peer): Promise<Response> {
    try {
      return await this.answered(request, target, peer);
    } catch (thrown) {
      const problem = asProblem(thrown);
      if (problem !== undefined) return problemResponse(problem);
      this.broker.reportFault(thrown);
      return problemResponse(new Problem(500, 'internal', 'a fault of the broker: its log has more'));
    }
  }

  private async answered(request: Request, target: string, peer: Peer): Promise<Response> {
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    const match = this.router.find(path.slice(PREFIX.length) || '/');
    if (match === undefined) throw new Problem(404, 'not-found', 'there is nothing here: see /v1/');
    const operation = match.verbs[(request.method === 'HEAD' ? 'GET' : request.method) as Method];
    if (operation === undefined) {
      const allow = allowed(match.verbs);
      if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
      throw new Problem(405, 'not-allowed', `this takes ${allow}`, undefined, { allow });
    }
    demandOwnSite(request);
    const identity =
      operation.access === 'anyone'
        ? NOBODY
        : await login(this.broker, peer, request.headers.get('authorization') ?? undefined, this.operatorToken);
    if (operation.access !== 'anyone' && !hasTag(identity.tags ?? [], operation.access)) {
      throw new Problem(403, 'access-refused', `user '${identity.user}' has not the tag '${operation.access}'`);
    }
    const given = {
      query: queryOf(operation, query) as never,
      body: (await bodyOf(operation, request)) as never,
      signal: request.signal,
    };
    const asked = new Asked<never, never>(this.operator, identity, match.params, given);
    try {
      return await handled(operation, asked);
    } finally {
      asked.close();
    }
  }
}

/** What a back end has to be asked first is asked, and the handler begun anew: it has changed nothing. */
async function handled(operation: Operation, asked: Asked<never, never>): Promise<Response> {
  for (let questions = 0; ; questions++) {
    try {
      return await operation.handle(asked);
    } catch (thrown) {
      if (!(thrown instanceof AccessPending) || questions >= QUESTIONS_MAX) throw thrown;
      await new Promise<void>((resolve) => thrown.whenKnown(resolve));
    }
  }
}

/**
 * A page of another site may have the browser of somebody who is logged in send a request that changes something: what says that it comes
 * from elsewhere is refused. Programs say nothing of it. @throws Problem 403
 */
function demandOwnSite({ headers, method }: Request): void {
  if (method === 'GET' || method === 'HEAD') return;
  const site = headers.get('sec-fetch-site');
  const origin = headers.get('origin');
  const foreign = origin !== null && !(URL.canParse(origin) && new URL(origin).host === headers.get('host'));
  if (foreign || site === 'cross-site' || site === 'same-site') {
    throw new Problem(403, 'access-refused', 'requests of other sites may not change anything');
  }
}
