/** Requests to the broker that this page came from: nothing else is ever asked. */
import { type Login, session, signOut } from './session.ts';

/** An answer that is no success, in the broker's own words. */
export class ApiError extends Error {
  /** 0: there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Asking {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Instead of the signed-in user's. */
  readonly authorization?: string;
}

/** A path of names that may hold anything: `` path`/api/queues/${vhost}/${queue}` ``. */
export function path(texts: TemplateStringsArray, ...names: readonly (string | number)[]): string {
  return texts.reduce((so, text, i) => so + encodeURIComponent(names[i - 1]!) + text);
}

/** The answer, not read yet. @throws ApiError */
export async function ask(target: string, asking: Asking = {}): Promise<Response> {
  const { method = 'GET', query = {}, body, headers = {}, signal } = asking;
  const url = new URL(target.replace(/^\//, ''), document.baseURI);
  url.hash = '';
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  const login = session.get();
  const authorization = asking.authorization ?? login?.authorization;
  // A part of the page that goes has its last question still: nobody asks it.
  if (authorization === undefined) throw new ApiError(401, 'Nobody is signed in.');
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        // Or the browser would ask for a password in a window of its own.
        'x-requested-with': 'console',
        authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
    });
  } catch (thrown) {
    if (signal?.aborted === true) throw thrown;
    throw new ApiError(0, 'The broker does not answer. It is asked again.');
  }
  if (response.ok) return response;
  const message = await said(response);
  // RabbitMQ's API says 401 to a user who lacks a tag as well; whether the login has ended is another question.
  if (
    response.status === 401 &&
    asking.authorization === undefined &&
    login !== undefined &&
    !(await stillGood(login))
  ) {
    if (session.get() === login) signOut('The broker does not accept this login any more. Sign in again.');
  }
  throw new ApiError(response.status, message);
}

/** Whether the broker lets this user in, whatever she may do: its password may have been changed, its token have expired. */
async function stillGood({ authorization }: Login): Promise<boolean> {
  try {
    await ask('/api/whoami', { authorization });
    return true;
  } catch (thrown) {
    return !(thrown instanceof ApiError && thrown.status === 401);
  }
}

/** The answer's JSON; undefined: there is none, as of most changes. @throws ApiError */
export async function askJson<T>(target: string, asking?: Asking): Promise<T> {
  const response = await ask(target, asking);
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** What went wrong, in a sentence: RabbitMQ's form has `reason`, ours `detail` and `title` (RFC 9457). */
async function said(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  try {
    const { reason, detail, title, error } = JSON.parse(text) as Record<string, unknown>;
    for (const words of [detail, reason, title, error]) if (typeof words === 'string' && words !== '') return words;
  } catch {
    // No JSON: a proxy's page, say.
  }
  return text !== '' && text.length < 300 && !text.includes('<') ? text : `The broker answers ${response.status}.`;
}
