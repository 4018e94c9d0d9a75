/**
 * What both APIs do with a request, each in its own words: the path is looked up, the login asked, the handler begun, and begun anew when
 * a back end has said what the user may. Whatever goes wrong is an answer.
 */
import type { BrokerServices } from '../../api/broker.ts';
import type { Identity } from '../../api/identity.ts';
import { AccessPending } from '../../api/pending.ts';
import { LOCAL_OPERATOR } from '../../operator/local-operator.ts';
import type { Operator } from '../../operator/operator.ts';
import { isMadeHere } from '../../transport/made-here.ts';
import type { Peer } from '../../transport/peer.ts';
import type { OperatorToken } from '../operator-token.ts';
import { AUDITED, toldOf } from './audited.ts';
import { login, loginOf } from './login.ts';
import { PageOrigins } from './origins.ts';
import type { Match, Method, Router } from './router.ts';

/** Statuses that say: not you. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 423]);
/** Answers of back ends that one request may wait for. */
const QUESTIONS_MAX = 1_000;

export interface ApiOptions {
  /** Undefined: there is none. */
  readonly operatorToken?: OperatorToken | undefined;
  /** Pages of other sites that may call it. Default: none. */
  readonly origins?: PageOrigins | undefined;
}

export type ApiServices = Pick<BrokerServices, 'authenticate' | 'reportFault' | 'reportMistake'>;

/** A request as it came, and what its path leads to. */
export interface Arrival<V> {
  readonly request: Request;
  /** Behind the prefix, as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Undefined: nowhere. */
  readonly match: Match<V> | undefined;
  /** Undefined: the path has no such method. HEAD is a GET. */
  readonly verb: V | undefined;
  /** What the audit log tells of it: whoever answers it fills it in. */
  readonly trail: Trail;
  /** Who it is. @throws LoginRefused */
  identify(): Promise<Identity>;
  /** Who that would be. @throws LoginRefused */
  logIn(user: string, password: string): Promise<Identity>;
}

/** What is known of a request once it has been answered. */
export interface Trail {
  /** Undefined: nobody was let in. */
  identity: Identity | undefined;
  /** As it was read; undefined: none was. */
  body: unknown;
}

export abstract class HttpApi<V> {
  protected readonly operator: Operator;
  private readonly broker: ApiServices;
  private readonly operatorToken: OperatorToken | undefined;
  private readonly origins: PageOrigins;
  private readonly prefix: string;
  private readonly router: Router<V>;

  /** @param prefix of its paths: `/api` */
  constructor(
    prefix: string,
    router: Router<V>,
    operator: Operator,
    broker: ApiServices,
    { operatorToken, origins = new PageOrigins() }: ApiOptions = {},
  ) {
    this.prefix = prefix;
    this.router = router;
    this.operator = operator;
    this.broker = broker;
    this.operatorToken = operatorToken;
    this.origins = origins;
  }

  /** Whether a request's target is one of this API's. */
  covers(target: string): boolean {
    const { prefix } = this;
    return target.startsWith(`${prefix}/`) || target === prefix || target.startsWith(`${prefix}?`);
  }

  /**
   * Never throws: what goes wrong is an answer.
   * @param target as it came: a URL's parser would take `..` and the like out of it
   */
  async answer(request: Request, target: string, peer: Peer): Promise<Response> {
    return this.origins.allow(request, await this.anyAnswer(request, target, peer));
  }

  private async anyAnswer(request: Request, target: string, peer: Peer): Promise<Response> {
    let arrival: Arrival<V> | undefined;
    let response: Response;
    let why: unknown;
    try {
      this.origins.demandOwn(request);
      arrival = this.arrived(request, target, peer);
      response = await this.answered(arrival);
    } catch (thrown) {
      why = thrown;
      const refusal = this.refusal(thrown);
      if (refusal === undefined) this.broker.reportFault(thrown);
      response = refusal ?? this.fault();
    }
    if (arrival !== undefined) this.tell(arrival, peer, response.status, why);
    return response;
  }

  /** In the audit log, if it changes something: who was not let in is told of as a client that was refused. */
  private tell({ request, query, match, trail }: Arrival<V>, peer: Peer, status: number, thrown: unknown): void {
    const { identity } = trail;
    if (identity === undefined || match === undefined) return;
    const action = `${request.method} ${this.prefix}${match.pattern}`;
    const words = AUDITED[action];
    if (words === undefined || query.get('dry_run') === 'true') return;
    const reason = thrown instanceof Error ? this.reasonOf(thrown) : undefined;
    this.operator.audit.record({
      ...{ user: identity === LOCAL_OPERATOR ? null : identity.user, from: peer.remote, action, what: words.what },
      agent:
        request.headers.get('x-requested-with') === 'console' ? 'console' : (request.headers.get('user-agent') ?? ''),
      ...{ on: match.params, detail: toldOf(trail.body, words), frequent: words.frequent },
      outcome: status < 400 ? 'done' : REFUSED.has(status) ? 'refused' : 'failed',
      ...(status >= 400 && { why: reason === undefined ? String(status) : `${status}: ${reason}` }),
    });
  }

  /** In words, of what a client may be told; undefined: none. */
  protected reasonOf({ message }: Error): string | undefined {
    return message;
  }

  private arrived(request: Request, target: string, from: Peer): Arrival<V> {
    const peer = from.loopback && !this.isMadeHere(request) ? { ...from, loopback: false } : from;
    const mark = target.indexOf('?');
    const path = target.slice(this.prefix.length, mark < 0 ? undefined : mark);
    const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    const match = this.router.find(path);
    const verb = match?.verbs[(request.method === 'HEAD' ? 'GET' : request.method) as Method];
    const authorization = request.headers.get('authorization') ?? undefined;
    const trail: Trail = { identity: undefined, body: undefined };
    const identify = async (): Promise<Identity> => {
      trail.identity = await login(this.broker, peer, authorization, this.operatorToken);
      return trail.identity;
    };
    const logIn = (user: string, password: string): Promise<Identity> =>
      loginOf(this.broker, peer, { user, password: Buffer.from(password) });
    return { request, path, query, match, verb, trail, identify, logIn };
  }

  private isMadeHere({ headers }: Request): boolean {
    const said = Object.fromEntries(headers);
    return isMadeHere(said, this.origins.has(said['origin'] ?? null));
  }

  protected abstract answered(arrival: Arrival<V>): Promise<Response>;

  /** What a client is told of it. Undefined: nothing; it is a fault. */
  protected abstract refusal(thrown: unknown): Response | undefined;

  /** The answer to a request that met a fault of the broker, which is in its log. */
  protected abstract fault(): Response;
}

/** Handles it, and then lets go of what it holds. The handler is begun anew for each question to a back end: it has changed nothing before. */
export async function handled(held: { close(): void }, handle: () => Response | Promise<Response>): Promise<Response> {
  try {
    for (let questions = 0; ; questions++) {
      try {
        return await handle();
      } catch (thrown) {
        if (!(thrown instanceof AccessPending) || questions >= QUESTIONS_MAX) throw thrown;
        await new Promise<void>((resolve) => thrown.whenKnown(resolve));
      }
    }
  } finally {
    held.close();
  }
}
