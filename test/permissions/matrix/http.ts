/** HTTP: a refusal is a status, with `access_refused` or `not_authorised` as RabbitMQ has it, or a problem's code in our own API. */
import { expect } from 'vitest';
import { until } from '../../support/until.ts';
import { type Answer, DONE, type Side, sideOf } from './cells.ts';
import { type SaidMessage, saidCells } from './said.ts';
import type { Scene } from './scene.ts';

/** As RabbitMQ's API has it, for who is logged in, too. */
const NOT_AUTHORISED = '401';
const NO_CLIENT = 'has no clients that stay';
const V = '%2F';

/** A user who asks. */
interface Asker {
  readonly leaving: AbortController;
}

export function httpSide(scene: Scene): Side {
  const fetched = (method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> =>
    fetch(`http://127.0.0.1:${scene.ports.http}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from('u:p').toString('base64')}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
  const answerOf = async (response: Response): Promise<Answer> => {
    const text = await response.text();
    if (response.ok) return DONE;
    expect(text).toMatch(/access[-_]refused|not_authorised/i);
    return String(response.status);
  };
  const asks = async (method: string, path: string, body?: object): Promise<Answer> =>
    answerOf(await fetched(method, path, body));
  const publish = async (_: Asker, { exchange, key, body, headers }: SaidMessage): Promise<Answer> =>
    asks('POST', `/api/exchanges/${V}/${exchange}/publish`, {
      properties: { delivery_mode: 2, headers },
      ...{ routing_key: key, payload: body, payload_encoding: 'string' },
    });
  const queue = (name: string, more: object = {}): Promise<Answer> =>
    asks('PUT', `/api/queues/${V}/${name}`, { durable: true, ...more });
  const moved = (how: 'move' | 'copy', denied: object) => ({
    denied,
    attempt: async (): Promise<Answer> => {
      await scene.fill('there', 'x');
      const answer = await fetched('POST', `/v1/vhosts/${V}/queues/there/messages/${how}`, {
        to: { exchange: 'amq.topic', routingKey: 'mine.moved' },
        limit: 1,
      });
      if (!answer.ok) return answerOf(answer);
      const { done, stopped } = (await answer.json()) as { done: number; stopped: string | null };
      expect(done).toBe(stopped === null ? 1 : 0);
      return stopped ?? DONE;
    },
  });
  const TO_NOBODY = { topics: [{ exchange: 'amq.topic', write: '^other', read: '.*' }] };

  return sideOf<Asker>({
    refused: '403',
    connect: async () => {
      scene.broker.rules.setTags('u', ['management', 'monitoring']);
      return { leaving: new AbortController() };
    },
    leave: ({ leaving }) => leaving.abort(),
    none: {
      enter: NO_CLIENT,
      'passive declare': 'has no such request: queues are listed to whoever has a tag for it',
      will: 'has no wills',
      share: 'has no filters to share: who pulls from one queue shares it, which is consume',
      'reply-to': NO_CLIENT,
      transaction: 'has no transactions',
      schedule: 'has no words for it',
      'several destinations': 'publishes to one address',
      'virtual topic': 'has no names for it',
    },
    cells: {
      publish: {
        denied: { write: '' },
        refused: NOT_AUTHORISED,
        attempt: (client) => publish(client, { exchange: 'amq.topic', key: 'mine', body: 'x', headers: {} }),
      },
      ...(Object.fromEntries(
        Object.entries(saidCells(scene, publish)).map(([name, cell]) => [name, { ...cell, refused: NOT_AUTHORISED }]),
      ) as ReturnType<typeof saidCells<Asker>>),
      consume: {
        denied: { read: '' },
        attempt: () => asks('POST', `/v1/vhosts/${V}/queues/empty/pull`, {}),
        // A pull that waits.
        begin: async ({ leaving }) => {
          const pulled = fetched(
            'POST',
            `/v1/vhosts/${V}/queues/empty/pull`,
            { waitMs: 60_000 },
            AbortSignal.any([leaving.signal, AbortSignal.timeout(10_000)]),
          );
          await until(() => scene.consumers('empty') === 1, 'the pull');
          return async () => answerOf(await pulled);
        },
      },
      browse: { denied: { read: '' }, attempt: () => asks('GET', `/v1/vhosts/${V}/queues/there/messages`) },
      declare: { denied: { configure: '^z' }, refused: NOT_AUTHORISED, attempt: () => queue(scene.fresh('h')) },
      bind: {
        denied: [
          { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
          { write: '^amq' },
          { read: '^there$' },
        ],
        refused: NOT_AUTHORISED,
        attempt: () => asks('POST', `/api/bindings/${V}/e/amq.topic/q/there`, { routing_key: 'mine.http' }),
      },
      'bind exchanges': {
        denied: [
          { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
          { write: '^there$' },
          { read: '^there$' },
        ],
        refused: NOT_AUTHORISED,
        attempt: () => asks('POST', `/api/bindings/${V}/e/amq.topic/e/amq.fanout`, { routing_key: 'mine.http' }),
      },
      delete: {
        denied: { configure: '' },
        refused: NOT_AUTHORISED,
        attempt: async () => {
          await scene.adminChannel.assertQueue('short');
          return asks('DELETE', `/api/queues/${V}/short`);
        },
      },
      purge: {
        denied: { read: '' },
        refused: NOT_AUTHORISED,
        attempt: () => asks('DELETE', `/api/queues/${V}/there/contents`),
      },
      retained: {
        denied: { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
        attempt: async () => {
          await scene.retain('mine/http');
          const listed = (await (await fetched('GET', `/v1/vhosts/${V}/retained`)).json()) as {
            retained: { key: string }[];
          };
          const answer = await asks('GET', `/v1/vhosts/${V}/retained/mine.http`);
          expect(listed.retained.some(({ key }) => key === 'mine.http')).toBe(answer === DONE);
          return answer;
        },
      },
      'dead-letter': {
        denied: [{ write: '^there$' }, { read: '^there$' }],
        refused: NOT_AUTHORISED,
        attempt: () => queue(scene.fresh('h'), { arguments: { 'x-dead-letter-exchange': 'amq.fanout' } }),
      },
      'alternate exchange': {
        denied: [{ write: '^there$' }, { read: '^there$' }],
        refused: NOT_AUTHORISED,
        attempt: () =>
          asks('PUT', `/api/exchanges/${V}/${scene.fresh('e')}`, {
            ...{ type: 'direct', durable: true, arguments: { 'alternate-exchange': 'amq.fanout' } },
          }),
      },
      move: { ...moved('move', { read: '' }) },
      copy: { ...moved('copy', TO_NOBODY), refused: 'access-refused' },
      redrive: {
        denied: TO_NOBODY,
        refused: 'access refused: 1',
        attempt: async () => {
          await scene.adminChannel.purgeQueue('there');
          await scene.fill('there', 'x');
          const path = `/v1/vhosts/${V}/queues/there/redrives`;
          const started = await fetched('POST', path, { to: { exchange: 'amq.topic', routingKey: 'mine.redriven' } });
          if (!started.ok) return answerOf(started);
          const { id } = (await started.json()) as { id: string };
          const { redrives } = scene.broker.running.operator;
          await until(() => redrives.find('/', id)?.progress.state === 'done', 'the end of the redrive');
          const { moved: count, left } = redrives.find('/', id)!.progress;
          return count === 1 ? DONE : `access refused: ${left['access-refused']}`;
        },
      },
      'looked into': {
        denied: { read: '^amq' },
        refused: 'not told',
        attempt: async () => {
          const id = await scene.drop();
          const told = async (path: string, name: string): Promise<number> =>
            ((await (await fetched('GET', path)).json()) as Record<string, unknown[]>)[name]!.length;
          const dropped = await told(`/v1/vhosts/${V}/dropped?messageId=${id}`, 'dropped');
          expect(await told(`/v1/vhosts/${V}/passport?messageId=${id}`, 'positions')).toBe(dropped);
          return dropped > 0 ? DONE : 'not told';
        },
      },
    },
  });
}
