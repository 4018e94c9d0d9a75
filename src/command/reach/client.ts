/** Asks a broker's HTTP API, and tells what went wrong as a CommandError. */
import * as http from 'node:http';
import * as https from 'node:https';
import { CONFLICT_HEADER } from '../../management/http/conflict.ts';
import { PRODUCT, VERSION } from '../../version.ts';
import { CommandError, EXIT } from '../exit.ts';

/** In which nothing comes. */
const TIMEOUT_MS = 30_000;
/** Of an event: a message with a body of 1 MiB, as JSON. */
const EVENT_CHARACTERS_MAX = 16 * 1024 * 1024;
/** Of an answer that is read as a whole. */
const ANSWER_BYTES_MAX = 512 * 1024 * 1024;

export interface Target {
  /** `http://127.0.0.1:15672`, with no path behind it but perhaps a prefix. */
  readonly url: URL;
  /** Of the header. A secret. */
  readonly authorization: string;
  /** PEM: who signed the broker's certificate. Default: the system's authorities. */
  readonly authority?: Buffer | undefined;
  /** It is this machine's own broker: its certificate need not name the address. */
  readonly local?: boolean;
}

export interface Asked {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** The body, where it is JSON already. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  /** It was not there before. */
  readonly made: boolean;
  /** Parsed; undefined: it is empty. */
  readonly body: unknown;
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface ServerEvent {
  readonly name: string;
  /** '' where it has none. */
  readonly id: string;
  /** One line. */
  readonly data: string;
}

/** Undefined: a comment. */
function eventOf(text: string): ServerEvent | undefined {
  const event = { name: '', id: '', data: '' };
  for (const line of text.split('\n')) {
    if (line.startsWith('event: ')) event.name = line.slice(7);
    else if (line.startsWith('id: ')) event.id = line.slice(4);
    else if (line.startsWith('data: ')) event.data = line.slice(6);
  }
  return event.name === '' ? undefined : event;
}

export interface Download {
  /** In bytes, if the broker says. */
  readonly length: number | undefined;
  readonly pieces: AsyncGenerator<Buffer>;
  /** No more is wanted. */
  cancel(): void;
}

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** A path below RabbitMQ's `/api`, or of our own `/v1/`, with what stands in it encoded: api`/queues/${vhost}/${name}`. */
export function api(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

export class BrokerClient {
  private readonly target: Target;
  private readonly agent: http.Agent;

  constructor(target: Target) {
    this.target = target;
    this.agent =
      target.url.protocol === 'https:' ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  }

  /** As it is shown to people. */
  get url(): string {
    return this.target.url.origin;
  }

  /** @throws CommandError */
  async get<T>(path: string, query?: Asked['query']): Promise<T> {
    return (await this.send('GET', path, { ...(query !== undefined && { query }) })).body as T;
  }

  /** @throws CommandError */
  async send(method: Method, path: string, asked: Asked = {}): Promise<Answer> {
    const response = await this.open(method, path, asked);
    const text = await this.textOf(response);
    this.demandSuccess(path, response, text);
    return { made: response.statusCode === 201, body: text === '' ? undefined : this.parsed(text) };
  }

  /** Writes the answer as it comes, and a line end. @throws CommandError */
  async pipe(path: string, query: Asked['query'], write: (chunk: string) => Promise<void> | void): Promise<void> {
    const response = await this.open('GET', path, { ...(query !== undefined && { query }) });
    if (response.statusCode !== 200) this.demandSuccess(path, response, await this.textOf(response));
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) await write(chunk as string);
    } catch (error) {
      throw this.unreached(error);
    }
    await write('\n');
  }

  /** An answer that is no text, as it comes. @throws CommandError */
  async download(path: string): Promise<Download> {
    const response = await this.open('GET', path, { headers: { accept: '*/*' } });
    if (response.statusCode !== 200) this.demandSuccess(path, response, await this.textOf(response));
    const given = response.headers['content-length'];
    return {
      length: given === undefined ? undefined : Number(given),
      pieces: this.piecesOf(response),
      cancel: () => void response.destroy(),
    };
  }

  private async *piecesOf(response: http.IncomingMessage): AsyncGenerator<Buffer> {
    const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    try {
      for (;;) {
        const next = await pieces.next();
        if (next.done === true) return;
        yield next.value;
      }
    } catch (error) {
      throw this.unreached(error);
    }
  }

  /** The answer's server-sent events, as they come; it ends with the answer, or when it is left. @throws CommandError */
  async *events(path: string, query: Asked['query']): AsyncGenerator<readonly ServerEvent[]> {
    const response = await this.open('GET', path, {
      ...(query !== undefined && { query }),
      headers: { accept: 'text/event-stream' },
    });
    if (response.statusCode !== 200) this.demandSuccess(path, response, await this.textOf(response));
    response.setEncoding('utf8');
    try {
      let text = '';
      for await (const chunk of response) {
        text += chunk as string;
        if (text.length > EVENT_CHARACTERS_MAX)
          throw new CommandError(EXIT.failed, 'an event of the broker is too long');
        const parts = text.split('\n\n');
        text = parts.pop()!;
        yield parts.map(eventOf).filter((event) => event !== undefined);
      }
    } catch (error) {
      throw error instanceof CommandError ? error : this.unreached(error);
    } finally {
      response.destroy();
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private open(
    method: Method,
    path: string,
    { query = {}, body, text: given, headers }: Asked,
  ): Promise<http.IncomingMessage> {
    const { url, authorization, authority, local } = this.target;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    const sent = given ?? (body === undefined ? undefined : JSON.stringify(body));
    const text = sent === undefined ? undefined : Buffer.from(sent);
    const options = {
      method,
      agent: this.agent,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      // Not by a URL's parser, which takes '..' out of it.
      path: `${url.pathname.replace(/\/$/, '')}${path.startsWith('/v1/') ? '' : '/api'}${path}${search.size === 0 ? '' : `?${search}`}`,
      headers: {
        authorization,
        accept: 'application/json',
        'user-agent': `${PRODUCT.toLowerCase()}/${VERSION}`,
        ...(text !== undefined && { 'content-type': 'application/json', 'content-length': String(text.length) }),
        ...headers,
      },
      timeout: TIMEOUT_MS,
      ...(authority !== undefined && { ca: authority }),
      ...(local === true && { rejectUnauthorized: false }),
    };
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request(options, resolve);
      request.on('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
      request.on('error', (error) => reject(this.unreached(error)));
      request.end(text);
    });
  }

  private async textOf(response: http.IncomingMessage): Promise<string> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const piece of response) {
        bytes += (piece as Buffer).length;
        if (bytes > ANSWER_BYTES_MAX) throw new CommandError(EXIT.failed, 'the answer is too long: ask for less of it');
        pieces.push(piece as Buffer);
      }
    } catch (error) {
      throw error instanceof CommandError ? error : this.unreached(error);
    }
    return Buffer.concat(pieces).toString('utf8');
  }

  private parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new CommandError(EXIT.failed, `what answers at ${this.url} is not the HTTP API of a broker`);
    }
  }

  private demandSuccess(path: string, { statusCode = 0, headers }: http.IncomingMessage, text: string): void {
    if (statusCode >= 200 && statusCode < 300) return;
    const said = reasonOf(text);
    if (statusCode === 401 && said.error === 'not_authorised')
      throw new CommandError(EXIT.refused, `refused: ${said.reason}`);
    if (statusCode === 401) throw new CommandError(EXIT.refused, 'refused: wrong user, or wrong password');
    if (statusCode === 403) throw new CommandError(EXIT.refused, `refused: ${said.reason}`);
    if (statusCode === 404) {
      const named = /^(Not Found|)$/.test(said.reason) ? lastOf(path) : ` (${said.reason})`;
      throw new CommandError(EXIT.notFound, `there is no such thing${named}`);
    }
    const missing = MISSING[said.reason];
    if (missing !== undefined) throw new CommandError(EXIT.notFound, missing);
    // What was asked for is wrong, as where the command finds that out itself; not so what the broker's state does not allow.
    const code = statusCode === 400 && headers[CONFLICT_HEADER] === undefined ? EXIT.usage : EXIT.failed;
    throw new CommandError(code, said.reason === '' ? `the broker answers ${statusCode}` : said.reason);
  }

  private unreached(thrown: unknown): CommandError {
    const { code = '', message } = thrown as NodeJS.ErrnoException;
    const why = FAULTS[code] ?? (isAboutCertificates(code) ? certificateFault(code) : message);
    return new CommandError(EXIT.unreachable, `no broker is reached at ${this.url}: ${why}`);
  }
}

/** What RabbitMQ's API says in a word. */
const MISSING: Readonly<Record<string, string>> = {
  user_not_found: 'there is no such user',
  vhost_not_found: 'there is no such vhost',
};

/** What was asked for, as it was called: the last part of a path such as `/queues/%2F/orders`. */
function lastOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === '' || path.startsWith('/bindings/') ? '' : ` as '${decodeURIComponent(name)}'`;
}

const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut off (is it https:// there?)',
  EPROTO: 'it is no TLS that is spoken there (is it http:// there?)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it is no TLS that is spoken there (is it http:// there?)',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it is no TLS that is spoken there (is it http:// there?)',
  ETIMEDOUT: `nothing comes within ${TIMEOUT_MS / 1_000} s`,
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  HPE_INVALID_CONSTANT: 'it is no HTTP that is spoken there',
};

function isAboutCertificates(code: string): boolean {
  return /CERT|UNABLE_TO|SELF_SIGNED|ALTNAME/.test(code);
}

function certificateFault(code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return "the broker's certificate has expired";
  if (code.includes('ALTNAME')) return "the broker's certificate is for another name";
  return `the broker's certificate is signed by nobody that is trusted here: name the authority with --ca FILE (${code})`;
}

interface RequestFault {
  readonly where: string;
  readonly what: string;
}

/** What an error says, without the line ends that some have inside. */
function reasonOf(text: string): { readonly error: string; readonly reason: string } {
  try {
    const problem = JSON.parse(text) as {
      error?: unknown;
      reason?: unknown;
      detail?: unknown;
      errors?: RequestFault[];
    };
    const faults = problem.errors?.map(({ where, what }) => `${where} ${what}`).join('; ');
    const { error = '', reason = faults ?? problem.detail ?? '' } = problem;
    const said = typeof reason === 'string' ? reason : JSON.stringify(reason);
    return { error: String(error), reason: said.replace(/\s*\n\s*/g, ' ').trim() };
  } catch {
    return { error: '', reason: '' };
  }
}
