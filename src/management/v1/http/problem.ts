/**
 * Errors as RFC 9457 has them: `application/problem+json` with `type` (about:blank), `title`, `status`, `detail`, and two members of
 * our own: `code`, a word for programs, and `errors`, what is wrong with which part of the request.
 */
import type { ErrorCode } from '../../../message/errors.ts';
import { BrokerError } from '../../../message/errors.ts';
import { LoginRefused } from '../../http/login.ts';
import { ForeignSite } from '../../http/origins.ts';

export interface RequestFault {
  /** Where: `query.limit`, `body.to.queue`. */
  readonly where: string;
  readonly what: string;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  423: 'Locked',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly RequestFault[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    errors?: readonly RequestFault[],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.headers = headers;
  }
}

const STATUS: Readonly<Record<ErrorCode, number>> = {
  'not-found': 404,
  'precondition-failed': 409,
  'resource-locked': 423,
  'access-refused': 403,
  'not-allowed': 403,
  'not-implemented': 501,
  invalid: 400,
  unavailable: 503,
  internal: 500,
};

/** Undefined: nothing that a client may be told; it is a fault. */
export function asProblem(thrown: unknown): Problem | undefined {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof LoginRefused) return ofLogin(thrown);
  if (thrown instanceof ForeignSite) return new Problem(403, 'access-refused', thrown.message);
  if (!(thrown instanceof BrokerError) || thrown.code === 'internal') return undefined;
  const headers = thrown.code === 'unavailable' ? { 'retry-after': '1' } : {};
  return new Problem(STATUS[thrown.code], thrown.code, thrown.message, undefined, headers);
}

function ofLogin({ because, message }: LoginRefused): Problem {
  if (because === 'unavailable') return new Problem(503, 'unavailable', message, undefined, { 'retry-after': '1' });
  if (because === 'unreadable') return new Problem(400, 'invalid', 'the login cannot be read');
  const said = because === 'missing' ? 'a name and its password are asked for' : 'Login failed';
  return new Problem(401, 'not-logged-in', said, undefined, { 'www-authenticate': 'Basic realm="entrepot"' });
}

export function problemResponse({ status, code, message, errors, headers }: Problem): Response {
  const body = JSON.stringify({
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    detail: message,
    code,
    ...(errors !== undefined && { errors }),
  });
  return new Response(body, {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}
