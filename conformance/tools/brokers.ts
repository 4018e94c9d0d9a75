/** The two brokers that the tools ask: RabbitMQ with its management plugin and no other, and this one. */
import { randomUUID } from 'node:crypto';
import { createBroker } from '../../src/index.ts';
import { startRabbitmq } from '../peers/index.ts';
import type { Sent, World } from './scenario.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const PATIENCE_MS = 20_000;

export interface AskedBroker {
  world(): World;
  stop(): Promise<void>;
}

export async function startHere(): Promise<AskedBroker> {
  const running = await createBroker({
    listen: ['http://127.0.0.1:0', 'amqp://127.0.0.1:0', 'mqtt://127.0.0.1:0'],
    // As RabbitMQ has it: a user like any other, who stays when there are more.
    users: { guest: { password: 'guest', tags: ['administrator'], permissions: { '/': ALL } } },
  });
  return asked(running.port('http'), running.port('amqp'), () => running.close());
}

export async function startThere(): Promise<AskedBroker> {
  const peer = await startRabbitmq({
    plugins: ['rabbitmq_management'],
    settings: ['collect_statistics_interval = 1000'],
  });
  return asked(peer.httpPort, peer.amqpPort, () => peer.stop());
}

function asked(http: number, amqp: number, stop: () => Promise<void>): AskedBroker {
  const send: World['send'] = async ({ method, path, body, headers, login = 'guest:guest' }: Sent) => {
    const response = await fetch(`http://127.0.0.1:${http}${path}`, {
      method,
      redirect: 'manual',
      headers: { authorization: `Basic ${btoa(login)}`, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const until: World['until'] = async (ask, so) => {
    const sinceMs = performance.now();
    for (;;) {
      const answer = await ask();
      if (so(answer)) return answer;
      if (performance.now() - sinceMs > PATIENCE_MS) throw new Error(`still ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  return { world: () => ({ own: `t${randomUUID().slice(0, 8)}`, send, amqp, until }), stop };
}
