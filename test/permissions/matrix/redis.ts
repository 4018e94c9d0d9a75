/** Redis: a refusal is the error reply NOPERM. */
import { expect } from 'vitest';
import { ErrorReply, RawClient, type Value } from '../../protocols/redis/raw-client.ts';
import { type Answer, DONE, ONLY_HTTP, type Side, sideOf } from './cells.ts';
import type { Scene } from './scene.ts';

const NO_HEADERS = 'has no headers';
const NO_COMMAND = 'has no command for it';

function answerOf(reply: Value): Answer {
  return reply instanceof ErrorReply ? reply.text.split(' ')[0]! : DONE;
}

async function ended(client: RawClient): Promise<Answer> {
  await client.closed();
  return 'the connection ends';
}

export function redisSide(scene: Scene): Side {
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.open(scene.ports.redis);
    expect(await client.call('AUTH', 'u', 'p')).toBe('OK');
    return client;
  };
  const does = async (client: RawClient, ...words: string[]): Promise<Answer> => answerOf(await client.call(...words));
  return sideOf<RawClient>({
    refused: 'NOPERM',
    connect,
    leave: (client) => client.cut(),
    none: {
      browse: 'LRANGE is not there: it would have to read a queue that others take from',
      'passive declare': NO_COMMAND,
      'bind exchanges': NO_COMMAND,
      purge: 'LTRIM is not there',
      will: 'has no wills',
      retained: 'retains nothing',
      share: 'has no filters to share: clients that pop from one list share it, which is consume',
      'dead-letter': NO_COMMAND,
      'alternate exchange': NO_COMMAND,
      'reply-to': NO_COMMAND,
      transaction: 'MULTI is not there',
      delay: NO_HEADERS,
      'half message': NO_HEADERS,
      'taken once': NO_HEADERS,
      schedule: NO_COMMAND,
      'several destinations': 'publishes to one channel',
      'virtual topic': NO_COMMAND,
      ...ONLY_HTTP,
    },
    cells: {
      enter: {
        denied: undefined,
        comes: true,
        refused: 'NOPERM',
        over: 'the connection ends',
        attempt: async () => {
          const client = await RawClient.open(scene.ports.redis);
          const answer = await does(client, 'AUTH', 'u', 'p');
          client.cut();
          return answer;
        },
        begin: async () => {
          const client = await connect();
          return () => ended(client);
        },
      },
      publish: { denied: { write: '' }, attempt: (client) => does(client, 'PUBLISH', 'mine', 'x') },
      consume: {
        denied: { read: '' },
        attempt: (client) => does(client, 'RPOP', 'there'),
        begin: async (client) => {
          const reply = client.call('BRPOP', 'there', '0');
          const other = await connect();
          await other.call('PING');
          other.cut();
          return async () => answerOf(await reply);
        },
      },
      declare: { denied: { configure: '^z' }, attempt: (client) => does(client, 'LPUSH', scene.fresh('r'), 'x') },
      bind: {
        denied: { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
        attempt: (client) => does(client, 'SUBSCRIBE', 'mine'),
        over: 'the connection ends',
        begin: async (client) => {
          await client.call('SUBSCRIBE', 'mine');
          return () => ended(client);
        },
      },
      delete: {
        denied: { configure: '' },
        attempt: async (client) => {
          await scene.adminChannel.assertQueue('short');
          return does(client, 'DEL', 'short');
        },
      },
    },
  });
}
