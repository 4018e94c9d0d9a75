/** Messages that are moved while the broker is killed: each is in one of the two queues, whenever that was. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { DOT } from '../../src/message/message.ts';
import { MessageFilter } from '../../src/operator/messages/filter.ts';
import { Operator } from '../../src/operator/operator.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { DURABLE, openSession, safe, send, startCore } from '../vhost/harness.ts';

const MESSAGES = 3_000;
const KILLS = 8;
const ALL = new MessageFilter(undefined, undefined);

async function bodies(operator: Operator, queue: string): Promise<string[]> {
  const query = { from: 'oldest', states: ['ready'], filter: ALL, limit: MESSAGES, bodyBytes: 10 } as const;
  return (await operator.messages.peek('/', queue, query)).messages.map(({ body }) => body.toString());
}

it('each message is in one place, however far a move had come when the broker was killed', { timeout: 60_000 }, () =>
  withTemporaryDirectory(async (directory) => {
    const broker = await startCore(join(directory, 'data'));
    const session = openSession(broker);
    for (const queue of ['from', 'to']) session.declareQueue(queue, DURABLE);
    for (let i = 0; i < MESSAGES; i++) send(session, 'from', `${i}`, { assurance: 1 });
    await safe(session);

    const operator = new Operator(broker);
    let moved = false;
    const key = Buffer.from('to');
    const moving = operator.messages
      .relocate('/', 'from', {
        ...{ from: 'oldest', filter: ALL, keep: false, limit: MESSAGES + 1 },
        to: () => session.route('', DOT, key, 0, key.length),
      })
      .then((done) => {
        moved = true;
        return done;
      });
    // What a kill would leave behind, every few turns.
    const copies: string[] = [];
    for (let n = 0; !moved && copies.length < KILLS; n++) {
      await turn();
      if (n % 3 !== 0) continue;
      const copy = join(directory, `copy-${copies.length}`);
      cpSync(join(directory, 'data', 'vhosts'), join(copy, 'vhosts'), { recursive: true });
      copies.push(copy);
    }
    expect(await moving).toMatchObject({ done: MESSAGES, stopped: undefined, next: undefined });
    await safe(session);
    operator.close();
    await broker.close();

    const expected = Array.from({ length: MESSAGES }, (_, i) => `${i}`);
    let between = 0;
    for (const copy of copies) {
      const again: Broker = await startCore(copy);
      const looking = new Operator(again);
      const [left, arrived] = [await bodies(looking, 'from'), await bodies(looking, 'to')];
      // In order, too: what has been moved is the first of them.
      expect([...arrived, ...left]).toEqual(expected);
      if (left.length > 0 && arrived.length > 0) between++;
      looking.close();
      await again.close();
    }
    expect(between).toBeGreaterThan(0);
  }),
);
