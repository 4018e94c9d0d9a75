/**
 * Errors in the form that RabbitMQ's HTTP API gives them: a status and `{"error":"…","reason":"…"}`, or a status alone. Anything that
 * is thrown while a request is answered becomes one of these (`asFailure`).
 */
import type { ErrorCode } from '../../../message/errors.ts';
import { BrokerError } from '../../../message/errors.ts';
import { CONFLICT_HEADER } from '../../http/conflict.ts';
import { LoginRefused } from '../../http/login.ts';
import { ForeignSite } from '../../http/origins.ts';
import { plain } from './plain.ts';

/** A request that is answered with an error; thrown from wherever it is found out. */
export class Failure extends Error {
  readonly status: number;
  /** Undefined: the body is empty. */
  readonly body: { readonly error: string; readonly reason: unknown } | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** @param reason text, or what RabbitMQ writes in its place (a list) */
  constructor(status: number, error?: string, reason?: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(error);
    this.name = 'Failure';
    this.status = status;
    this.body = error === undefined ? undefined : { error, reason };
    this.headers = headers;
  }
}

export function notFound(): Failure {
  return new Failure(404, 'Object Not Found', 'Not Found');
}

export function badRequest(reason: unknown): Failure {
  return new Failure(400, 'bad_request', plain(reason));
}

/** A right that is missing; it is 401 too, without asking for another login. */
export function notAuthorised(reason: string): Failure {
  return new Failure(401, 'not_authorised', reason);
}

/** What the broker's own errors are over HTTP. A text that names the broker's state is told as it is. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  'not-found': 404,
  'precondition-failed': 400,
  'resource-locked': 400,
  'access-refused': 401,
  'not-allowed': 400,
  'not-implemented': 400,
  invalid: 400,
  unavailable: 503,
  internal: 500,
};

/** Undefined: nothing that a client may be told; it is a fault. */
export function asFailure(thrown: unknown): Failure | undefined {
  if (thrown instanceof Failure) return thrown;
  if (thrown instanceof LoginRefused) return ofLogin(thrown);
  if (thrown instanceof ForeignSite) return new Failure(403, 'forbidden', thrown.message);
  if (!(thrown instanceof BrokerError)) return undefined;
  const { code, message } = thrown;
  if (code === 'internal') return undefined;
  if (code === 'access-refused') return notAuthorised('Access refused.');
  if (code === 'not-found') return new Failure(404, 'not_found', message);
  if (code === 'unavailable') return new Failure(503, 'unavailable', message);
  // RabbitMQ says 400 to both; a program may want to know which it was.
  return new Failure(STATUS[code], 'bad_request', message, code === 'invalid' ? {} : { [CONFLICT_HEADER]: code });
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="RabbitMQ Management"' };

function ofLogin({ because, message }: LoginRefused): Failure {
  if (because === 'unavailable') return new Failure(503, 'unavailable', message);
  if (because === 'unreadable') return new Failure(400);
  if (because === 'missing') return new Failure(401, undefined, undefined, CHALLENGE);
  return new Failure(401, 'not_authorized', 'Login failed', CHALLENGE);
}
