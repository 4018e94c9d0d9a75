/** A broker whose `/v1/` is asked over real sockets. */
import { isDeepStrictEqual } from 'node:util';
import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { type BrokerOptions, createBroker, type RunningBroker } from '../../../src/index.ts';
import { OPERATIONS } from '../../../src/management/v1/operations.ts';
import type { Answered, Asking } from '../rabbitmq/harness.ts';

export interface V1Broker extends RunningBroker {
  /** Asks `/v1` + path. What is no JSON comes as text. */
  ask(path: string, asking?: Asking): Promise<Answered>;
  /** A channel of `guest`, closed with the broker. */
  channel(): Promise<ConfirmChannel>;
}

export async function startV1(options: BrokerOptions = {}): Promise<V1Broker> {
  const running = await createBroker({ listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0'], ...options });
  const base = `http://127.0.0.1:${running.port('http')}/v1`;
  const clients: ChannelModel[] = [];
  return Object.assign(Object.create(running) as RunningBroker, {
    async ask(path: string, { method = 'GET', login = 'guest:guest', body, headers = {} }: Asking = {}) {
      const response = await fetch(`${base}${path}`, {
        method,
        headers: {
          ...(login !== null && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      if (isJson && response.status === 200) demandDescribed(method, path, JSON.parse(text));
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },
    async channel() {
      const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${running.port('amqp')}`);
      client.on('error', () => {});
      clients.push(client);
      return client.createConfirmChannel();
    },
    port: (protocol: string) => running.port(protocol),
    async close(reason?: string) {
      for (const client of clients) await client.close().catch(() => {});
      await running.close(reason);
    },
  });
}

/** What is answered is what the operation says of its answer: nothing more, nothing less, nothing of another type. */
function demandDescribed(method: string, path: string, body: unknown): void {
  const [target] = path.split('?');
  const found = OPERATIONS.find(
    (one) => one.method === method && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(target!),
  );
  if (found === undefined) throw new Error(`${method} ${path} is no operation`);
  if (typeof found.answer === 'string' || 'what' in found.answer) return;
  const described = found.answer.parse(body);
  if (!isDeepStrictEqual(described, body))
    throw new Error(`${found.id} answers what it does not describe: ${JSON.stringify(body)}`);
}

/** Publishes these to a queue, and waits until they are there. */
export async function fill(
  channel: ConfirmChannel,
  queue: string,
  bodies: readonly (string | Buffer)[],
  options: object = {},
) {
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body as string), options);
  await channel.waitForConfirms();
}
