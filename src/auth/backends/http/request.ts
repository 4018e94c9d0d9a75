/**
 * One request over HTTP to a service that the operator has named: bounded in time and in the bytes of the answer. TLS is verified,
 * always. Redirections are not followed: what is asked for holds passwords.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type Clock, Timer } from '../../../clock/clock.ts';

/** Sockets to one service. */
const SOCKETS_MAX = 32;

export interface Asked {
  readonly status: number;
  readonly body: string;
}

export interface AskOptions {
  readonly method: 'get' | 'post';
  /** Form fields, for a post. */
  readonly form?: string;
  readonly timeoutMs: number;
  /** Of the answer; one that is longer is a failure. */
  readonly bytesMax: number;
}

export class HttpClient {
  private readonly clock: Clock;
  private readonly plain = new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  private secure: HttpsAgent;

  /** @param authority PEM; undefined: those that Node knows */
  constructor(clock: Clock, authority?: string) {
    this.clock = clock;
    this.secure = agentOf(authority);
  }

  /** Other authorities for connections to come. */
  setAuthority(authority: string | undefined): void {
    this.secure.destroy();
    this.secure = agentOf(authority);
  }

  /** Rejects with an Error whose message names neither the address nor what was sent. */
  ask(url: string, { method, form, timeoutMs, bytesMax }: AskOptions): Promise<Asked> {
    return new Promise<Asked>((resolve, reject) => {
      const secure = url.startsWith('https:');
      const options: RequestOptions = {
        method: method.toUpperCase(),
        agent: secure ? this.secure : this.plain,
        headers:
          form === undefined
            ? {}
            : {
                'content-type': 'application/x-www-form-urlencoded',
                'content-length': Buffer.byteLength(form),
              },
      };
      let ended = false;
      const end = (result: Asked | Error): void => {
        if (ended) return;
        ended = true;
        this.clock.cancel(timer);
        if (result instanceof Error) {
          reject(result);
          request.destroy();
        } else resolve(result);
      };
      const timer = new Timer(() => end(new Error(`no answer within ${timeoutMs} ms`)));
      const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
        bodyOf(response, bytesMax, (body) =>
          end(body instanceof Error ? body : { status: response.statusCode ?? 0, body }),
        );
      });
      request.on('error', (error: NodeJS.ErrnoException) =>
        end(new Error(`it cannot be asked (${error.code ?? 'no reason known'})`)),
      );
      this.clock.schedule(timer, timeoutMs);
      request.end(form);
    });
  }
}

function agentOf(authority: string | undefined): HttpsAgent {
  return new HttpsAgent({
    keepAlive: true,
    maxSockets: SOCKETS_MAX,
    rejectUnauthorized: true,
    ...(authority !== undefined && { ca: authority }),
  });
}

function bodyOf(response: IncomingMessage, bytesMax: number, done: (body: string | Error) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) done(new Error(`its answer is longer than ${bytesMax} bytes`));
    else chunks.push(chunk);
  });
  response.on('end', () => done(Buffer.concat(chunks).toString('utf8')));
  response.on('error', () => done(new Error('its answer was cut off')));
  response.on('aborted', () => done(new Error('its answer was cut off')));
}
