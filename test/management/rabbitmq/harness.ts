/** A broker whose HTTP API is asked over real sockets. */
import { type BrokerOptions, createBroker, type RunningBroker } from '../../../src/index.ts';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where there is any; undefined for an empty body. */
  // biome-ignore lint/suspicious/noExplicitAny: what comes is looked at part by part
  readonly body: any;
}

export interface Asking {
  readonly method?: string;
  /** `user:password`; null for no login at all. Default: `guest:guest`. */
  readonly login?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface ApiBroker extends RunningBroker {
  /** Asks `/api` + path. */
  ask(path: string, asking?: Asking): Promise<Answered>;
}

export async function startApi(options: BrokerOptions = {}): Promise<ApiBroker> {
  const running = await createBroker({ listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0'], ...options });
  const base = `http://127.0.0.1:${running.port('http')}/api`;
  const ask = async (path: string, { method = 'GET', login = 'guest:guest', body, headers = {} }: Asking = {}) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(login !== null && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
        ...headers,
      },
      redirect: 'manual',
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  return Object.assign(running, { ask });
}
