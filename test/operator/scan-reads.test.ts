/** A look through a queue that lies on the disk: what comes next is read together, whatever it is that is looked for. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MessageFilter } from '../../src/operator/messages/filter.ts';
import { Operator } from '../../src/operator/operator.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { DURABLE, openSession, safe, send, startCore, vhostOf } from '../vhost/harness.ts';

const MESSAGES = 3_000;

it('some hundred messages are asked for together', () =>
  withTemporaryDirectory(async (directory) => {
    const log = { residentBytesMax: 1024 * 1024 };
    const broker = await startCore(join(directory, 'data'), { log });
    const session = openSession(broker);
    session.declareQueue('q', DURABLE);
    for (let i = 0; i < MESSAGES; i++) {
      send(session, 'q', `${i}`.padStart(1_000, '.'), { assurance: 1 });
      if (i % 100 === 99) await safe(session);
    }
    const { store } = vhostOf(session);
    const load = store.load.bind(store);
    let loads = 0;
    store.load = (...asked) => {
      loads++;
      load(...asked);
    };
    const operator = new Operator(broker);
    const query = {
      ...({ from: 'oldest', states: ['ready'], filter: new MessageFilter(undefined, undefined) } as const),
      ...{ limit: MESSAGES, bodyBytes: 2_000 },
    };
    const { messages } = await operator.messages.peek('/', 'q', query);
    operator.close();
    await broker.close();
    expect(messages.map(({ body }) => Number(`${body}`.replace(/^\.+/, '')))).toEqual([...Array(MESSAGES).keys()]);
    expect(loads).toBeGreaterThan(0);
    expect(loads).toBeLessThan(50);
  }));
