/**
 * `node bench/lists/fill.ts --data DIR --queues N --messages N [--long N]`: a data directory to be looked at. Durable queues, the messages
 * spread over them in rotation (but for those that wait in one long queue: a tenth, unless said otherwise), exchanges, bindings, users and
 * policies.
 */
import { parseArgs } from 'node:util';
import { createBroker } from '../../src/index.ts';
import { AT_LEAST_ONCE, DOT, Draft } from '../../src/message/message.ts';

/** Where many of the messages wait. */
export const LONG = 'long';
export const EXCHANGES = 1_000;
export const USERS = 200;
export const POLICIES = 20;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    queues: { type: 'string' },
    messages: { type: 'string' },
    long: { type: 'string' },
  },
});
const queues = Number(values.queues);
const messages = Number(values.messages);

const broker = await createBroker({ data: values.data!, listen: ['http://127.0.0.1:0'] });
const { operator } = broker;
const session = operator.enterAsOperator('/');
const safe = (): Promise<void> => new Promise((resolve) => session.whenSafe(session.mark(), () => resolve()));
const durable = { durable: true, exclusive: false, autoDelete: false, arguments: [] };

session.declareQueue(LONG, durable);
for (let i = 0; i < queues; i++) {
  session.declareQueue(`q${i}`, durable);
  if (i % 10_000 === 0) await safe();
}
for (let i = 0; i < EXCHANGES; i++) {
  session.declareExchange(`exchange.${i}`, 'topic', { ...durable, internal: false });
  session.bindQueue(`q${i % queues}`, `exchange.${i}`, 'a.#', { spelling: DOT, arguments: [] });
}
// The first user of one's own takes the place of the one that is there by itself.
await operator.users.put('guest', { password: 'guest', tags: ['administrator'] });
await operator.users.setPermissions('guest', '/', { configure: '.*', write: '.*', read: '.*' });
for (let i = 0; i < USERS; i++) {
  await operator.users.put(`user${i}`, {});
  await operator.users.setPermissions(`user${i}`, '/', { configure: '', write: '', read: '.*' });
}
for (let i = 0; i < POLICIES; i++) {
  await operator.policies.set('/', { name: `policy${i}`, pattern: `^q${i}7`, definition: { 'max-length': 1_000_000 } });
}

const draft = new Draft();
const body = Buffer.alloc(100, 'x');
const publish = (queue: string, count: number): void => {
  const key = Buffer.from(queue);
  const route = session.route('', DOT, key, 0, key.length);
  for (let i = 0; i < count; i++) {
    draft.reset();
    draft.assurance = AT_LEAST_ONCE;
    draft.body = body;
    draft.bodyEnd = body.length;
    session.publish(route, draft);
  }
};
const inLong = values.long === undefined ? Math.floor(messages / 10) : Number(values.long);
for (let done = 0; done < inLong; done += 20_000) {
  publish(LONG, Math.min(20_000, inLong - done));
  await safe();
}
const each = Math.ceil((messages - inLong) / queues);
// Ten at a time: what is published at once to one queue lies together.
for (let done = 0; done < each; done += 10) {
  for (let i = 0; i < queues; i++) {
    publish(`q${i}`, Math.min(10, each - done));
    if (i % 2_000 === 1_999) await safe();
  }
}
await safe();
session.close(true);
await broker.close();
