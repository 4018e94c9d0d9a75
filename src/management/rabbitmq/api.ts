/**
 * RabbitMQ's HTTP API, as its 3.10 has it, under `/api/`: what its tools ask, answered in its words from what the operator's door
 * (`src/operator/`) tells in neutral ones. In the order in which RabbitMQ decides:
 *
 *     path unknown ─▶ 404     method unknown ─▶ 405     OPTIONS ─▶ 200
 *     not logged in ─▶ 401    no JSON accepted ─▶ 406   tag missing ─▶ 401    the handler
 */
import type { BrokerServices } from '../../api/broker.ts';
import { AccessPending } from '../../api/pending.ts';
import type { Operator } from '../../operator/operator.ts';
import type { Peer } from '../../transport/peer.ts';
import type { OperatorToken } from '../operator-token.ts';
import { asFailure, Failure, notFound } from './http/errors.ts';
import { login } from './http/login.ts';
import { empty, failed } from './http/replies.ts';
import { ApiRequest } from './http/request.ts';
import { allowed, type Method, Router, type Verb } from './http/router.ts';
import { missingTag } from './http/tags.ts';
import { RESOURCES } from './resources/index.ts';

const PREFIX = '/api';
const QUESTIONS_MAX = 1_000;
const NOBODY = { user: '', tags: [] };

export type ApiServices = Pick<BrokerServices, 'authenticate' | 'reportFault' | 'reportMistake'>;

export class RabbitApi {
  private readonly operator: Operator;
  private readonly broker: ApiServices;
  private readonly operatorToken: OperatorToken | undefined;
  private readonly router = new Router(RESOURCES);

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

  /**
   * Never throws: what goes wrong is an answer.
   * @param target as it came: a URL's parser would take `..` and the like out of it
   */
  async answer(request: Request, target: string, peer: Peer): Promise<Response> {
    try {
      return await this.answered(request, target, peer);
    } catch (thrown) {
      const failure = asFailure(thrown);
      if (failure !== undefined) return failed(failure);
      this.broker.reportFault(thrown);
      return empty(500);
    }
  }

  private async answered(request: Request, target: string, peer: Peer): Promise<Response> {
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    const match = this.router.find(path.slice(PREFIX.length));
    if (match === undefined) throw notFound();
    const { method } = request;
    const { verbs } = match;
    const verb = verbs[(method === 'HEAD' ? 'GET' : method) as Method];
    const allow = allowed(verbs);
    if (method === 'OPTIONS') return empty(200, { allow });
    if (verb === undefined) throw new Failure(405, undefined, undefined, { allow });
    let identity: Awaited<ReturnType<typeof login>> = NOBODY;
    if (verb.tag !== 'anyone') {
      const authorization = request.headers.get('authorization') ?? undefined;
      identity = await login(this.broker, peer, authorization, this.operatorToken);
      if (!acceptsJson(request.headers.get('accept'))) throw new Failure(406);
      const missing = verb.tag === 'none' ? undefined : missingTag(identity.tags ?? [], verb.tag);
      if (missing !== undefined) throw missing;
    }
    const asked = new ApiRequest(this.operator, identity, match.params, query, request);
    try {
      return await handled(verb, asked);
    } finally {
      asked.close();
    }
  }
}

/**
 * What the user may do may have to be asked of a back end: then the handler is begun anew when that has answered, for as many questions
 * as one request may come to.
 */
async function handled(verb: Verb, request: ApiRequest): Promise<Response> {
  for (let questions = 0; ; questions++) {
    try {
      return await verb.handle(request);
    } catch (thrown) {
      if (!(thrown instanceof AccessPending) || questions >= QUESTIONS_MAX) throw thrown;
      await new Promise<void>((resolve) => thrown.whenKnown(resolve));
    }
  }
}

function acceptsJson(accept: string | null): boolean {
  if (accept === null || accept.trim() === '') return true;
  const kinds = accept.split(',').map((kind) => kind.split(';')[0]!.trim().toLowerCase());
  return kinds.some((kind) => ['*/*', 'application/*', 'application/json', 'application/bigint'].includes(kind));
}
