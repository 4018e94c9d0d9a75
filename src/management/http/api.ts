/**
 * What both APIs do with a request, each in its own words: the path is looked up, the login asked, the handler begun, and begun anew when
 * a back end has said what the user may. Whatever goes wrong is an answer.
 */
import type { BrokerServices } from '../../api/broker.ts';
import type { Identity } from '../../api/identity.ts';
import { AccessPending } from '../../api/pending.ts';
import type { Operator } from '../../operator/operator.ts';
import type { Peer } from '../../transport/peer.ts';
import type { OperatorToken } from '../operator-token.ts';
import { login, loginOf } from './login.ts';
import { PageOrigins } from './origins.ts';
import type { Match, Method, Router } from './router.ts';

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
  /** Who it is. @throws LoginRefused */
  identify(): Promise<Identity>;
  /** Who that would be. @throws LoginRefused */
  logIn(user: string, password: string): Promise<Identity>;
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
    try {
      this.origins.demandOwn(request);
      return await this.answered(this.arrived(request, target, peer));
    } catch (thrown) {
      const refusal = this.refusal(thrown);
      if (refusal !== undefined) return refusal;
      this.broker.reportFault(thrown);
      return this.fault();
    }
  }

  private arrived(request: Request, target: string, peer: Peer): Arrival<V> {
    const mark = target.indexOf('?');
    const path = target.slice(this.prefix.length, mark < 0 ? undefined : mark);
    const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    const match = this.router.find(path);
    const verb = match?.verbs[(request.method === 'HEAD' ? 'GET' : request.method) as Method];
    const authorization = request.headers.get('authorization') ?? undefined;
    const identify = (): Promise<Identity> => login(this.broker, peer, authorization, this.operatorToken);
    const logIn = (user: string, password: string): Promise<Identity> =>
      loginOf(this.broker, peer, { user, password: Buffer.from(password) });
    return { request, path, query, match, verb, identify, logIn };
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
