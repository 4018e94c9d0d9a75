/**
 * A request as a handler sees it: who asks and what he may see, the parts of the path, the query, the body. What is wrong with any of
 * these is thrown as a `Failure`.
 */
import type { Identity } from '../../../api/identity.ts';
import type { Session } from '../../../api/session.ts';
import type { Operator } from '../../../operator/operator.ts';
import type { VhostView } from '../../../operator/vhosts.ts';
import type { Trail } from '../../http/api.ts';
import { bodyText } from '../../http/body.ts';
import { pacedJson } from '../../http/paced-json.ts';
import { RequestSessions } from '../../http/sessions.ts';
import { hasTag, type Tag } from '../../http/tags.ts';
import { badRequest, Failure, notAuthorised, notFound } from './errors.ts';

/** Of a request that is not an import of definitions. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;

export class ApiRequest {
  readonly operator: Operator;
  readonly identity: Identity;
  /** Of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Who that would be. @throws LoginRefused */
  readonly logIn: (user: string, password: string) => Promise<Identity>;
  private readonly request: Request;
  private readonly trail: Pick<Trail, 'body'>;
  private readonly sessions: RequestSessions;
  private read: Promise<string> | undefined = undefined;

  constructor(
    operator: Operator,
    identity: Identity,
    params: Readonly<Record<string, string>>,
    query: URLSearchParams,
    request: Request,
    logIn: ApiRequest['logIn'],
    trail: Pick<Trail, 'body'>,
  ) {
    this.trail = trail;
    this.operator = operator;
    this.identity = identity;
    this.sessions = new RequestSessions(operator, identity);
    this.params = params;
    this.query = query;
    this.request = request;
    this.logIn = logIn;
  }

  param(name: string): string {
    return this.params[name] ?? '';
  }

  header(name: string): string | undefined {
    return this.request.headers.get(name) ?? undefined;
  }

  // ------------------------------------------------------------------------------------------------------ what he may

  has(tag: Tag): boolean {
    return hasTag(this.identity.tags, tag);
  }

  /** The vhosts that he has permissions in, by name. */
  get ownVhosts(): readonly string[] {
    return this.operator.vhosts.names.filter((name) => this.mayEnter(name));
  }

  /** Those of the path's one vhost, or of all that are his. @throws Failure as `vhost` does */
  get scope(): readonly string[] {
    return this.params['vhost'] === undefined ? this.ownVhosts : [this.vhost().name];
  }

  mayEnter(vhost: string): boolean {
    return this.operator.mayEnter(this.identity, vhost);
  }

  /** The path's vhost. @throws Failure 404; 401 where he has no permissions in it */
  vhost(): VhostView {
    const found = this.operator.vhosts.find(this.param('vhost'));
    if (found === undefined) throw notFound();
    if (!this.mayEnter(found.name)) throw notAuthorised('User not authorised to access virtual host');
    return found;
  }

  /**
   * A session of his in a vhost, until the request has been answered: whatever it is asked to do, his permissions decide, as over any
   * protocol. @throws Failure 401, 404
   */
  enter(vhost: string): Session {
    const session = this.sessions.enter(vhost);
    if ('refused' in session) {
      if (session.refused === 'vhost-not-found') throw new Failure(404, 'not_found', 'vhost_not_found');
      if (session.refused === 'unavailable') throw new Failure(503, 'unavailable', session.reason);
      throw notAuthorised('Access refused.');
    }
    return session;
  }

  /** The request has been answered. */
  close(): void {
    this.sessions.close();
  }

  // ----------------------------------------------------------------------------------------------------------- the body

  /**
   * The body as an object; nothing, and `null`, is an empty one. Whole numbers of 64 bits are exact.
   * @throws Failure 400 `not_json`; 413
   */
  async body(bytesMax = BODY_BYTES_MAX): Promise<Readonly<Record<string, unknown>>> {
    const text = await this.text(bytesMax);
    if (text === '') return {};
    let value: unknown;
    try {
      value = await pacedJson(text, this.operator.pace);
    } catch {
      throw badRequest('not_json');
    }
    if (value === null) return {};
    if (typeof value === 'string') {
      throw badRequest('invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?');
    }
    if (typeof value !== 'object' || Array.isArray(value)) throw badRequest('not_json');
    this.trail.body = value;
    return value as Record<string, unknown>;
  }

  /** The body as text. @throws Failure 413 */
  text(bytesMax = BODY_BYTES_MAX): Promise<string> {
    // A handler may be begun anew, the body is read once.
    this.read ??= this.readText(bytesMax);
    return this.read;
  }

  private async readText(bytesMax: number): Promise<string> {
    const text = await bodyText(this.request, bytesMax, this.operator.pace);
    if (text === undefined) throw new Failure(413, 'bad_request', `a body has at most ${bytesMax} bytes here`);
    return text;
  }
}
