/** Abuses of an operator's door: requests over HTTP that are as long as they may be. */
import { AmqpAbuser, declareExchange, many, type Ports } from '../wire.ts';
import type { Case } from './case.ts';

const LOGIN = `Basic ${Buffer.from('guest:guest').toString('base64')}`;

async function ask(ports: Ports, method: string, path: string, body: string): Promise<void> {
  const headers = { authorization: LOGIN, 'content-type': 'application/json' };
  const response = await fetch(`http://127.0.0.1:${ports.http}${path}`, { method, headers, body }).catch(() => null);
  // The broker has gone, as it is told to in the middle of this.
  if (response === null) process.exit(0);
  await response.text().catch(() => '');
}

export const OPERATORS: readonly Case[] = [
  {
    name: 'messages over HTTP whose JSON is deep, wide and long, twenty at a time',
    async prepare(ports) {
      const path = '/api/exchanges/%2f/amq.topic/publish';
      const fields = `{${Array.from({ length: 60_000 }, (_, i) => `"name-${i}":${i}`).join(',')}}`;
      const messageOf = (headers: string, payload: string): string =>
        `{"properties":{"headers":${headers}},"routing_key":"x","payload_encoding":"string","payload":"${payload}"}`;
      const bodies = ['['.repeat(400_000), messageOf(fields, 'x'), messageOf('{}', 'x'.repeat(4_000_000))];
      return async () => {
        for (;;) {
          await Promise.all(Array.from({ length: 21 }, (_, i) => ask(ports, 'POST', path, bodies[i % bodies.length]!)));
        }
      };
    },
  },
  {
    name: 'definitions of thousands of queues, imported again and again, and a policy over thousands of exchanges',
    async prepare(ports, size) {
      const client = await AmqpAbuser.open(ports.amqp);
      await client.sync(many(Math.round(10_000 * size), (i) => declareExchange(`x${i}`, 'topic')));
      const queue = (i: number) => ({ name: `q${i}`, vhost: '/', durable: false, auto_delete: false, arguments: {} });
      const definitions = JSON.stringify({
        queues: Array.from({ length: Math.round(10_000 * size) }, (_, i) => queue(i)),
      });
      await ask(ports, 'POST', '/api/definitions', definitions);
      const policy = (i: number): string =>
        JSON.stringify({
          pattern: '^x',
          definition: { 'alternate-exchange': `amq.topic${i}` },
          'apply-to': 'exchanges',
        });
      return async () => {
        for (let i = 0; ; i++) {
          await ask(ports, 'POST', '/api/definitions', definitions);
          await ask(ports, 'PUT', '/api/policies/%2f/p', policy(i));
        }
      };
    },
  },
];
