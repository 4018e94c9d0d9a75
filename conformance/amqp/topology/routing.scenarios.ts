/** Which queues a message reaches: direct, fanout, topic, headers, and the exchange types of RabbitMQ's plugins. */
import { expect } from 'vitest';
import type { Publish, Table } from '../clients/client.ts';
import { drain, type Run, ready, scenario, texts, topic } from '../scenario.ts';

/** Topic patterns and keys, and whether they match. */
const TOPIC_CASES: readonly (readonly [pattern: string, matches: readonly string[], misses: readonly string[]])[] = [
  ['a.b', ['a.b'], ['a', 'a.b.c', 'a.B', '']],
  ['*', ['a', 'b'], ['a.b']],
  ['a.*', ['a.b', 'a.'], ['a', 'a.b.c', 'b.a']],
  ['*.b', ['a.b', '.b'], ['b', 'a.b.c']],
  ['*.*', ['a.b', '.'], ['a', 'a.b.c']],
  ['#', ['', 'a', 'a.b', 'a.b.c', '.'], []],
  ['a.#', ['a', 'a.b', 'a.b.c', 'a.'], ['b', 'ab']],
  ['#.c', ['c', 'a.c', 'a.b.c'], ['a', 'c.a']],
  ['a.#.c', ['a.c', 'a.b.c', 'a.b.b.c'], ['a', 'c', 'a.b']],
  ['#.b.#', ['b', 'a.b', 'b.c', 'a.b.c'], ['a', 'a.c']],
  ['*.#', ['a', 'a.b'], []],
  ['#.*', ['a', 'a.b'], []],
  ['#.#', ['', 'a', 'a.b'], []],
  ['', [''], ['a', '.']],
  ['a..b', ['a..b'], ['a.b', 'a.x.b']],
  ['a.*.b', ['a..b', 'a.x.b'], ['a.b']],
  ['a*', ['a*'], ['ab', 'a']],
  ['a#', ['a#'], ['ab', 'a']],
  ['*a.b', ['*a.b'], ['xa.b']],
];

/** Header bindings and messages, and whether they match. */
const HEADER_CASES: readonly (readonly [what: string, binding: Table, headers: Table, matches: boolean])[] = [
  ['all, and all are there', { 'x-match': 'all', a: 1, b: 'x' }, { a: 1, b: 'x', c: 3 }, true],
  ['all, and one differs', { 'x-match': 'all', a: 1, b: 'x' }, { a: 1, b: 'y' }, false],
  ['all, and one is missing', { 'x-match': 'all', a: 1, b: 'x' }, { a: 1 }, false],
  ['any, and one is there', { 'x-match': 'any', a: 1, b: 'x' }, { b: 'x' }, true],
  ['any, and none is there', { 'x-match': 'any', a: 1, b: 'x' }, { a: 2, b: 'y' }, false],
  ['nothing said means all', { a: 1, b: 'x' }, { a: 1 }, false],
  ['nothing said means all, and they are', { a: 1, b: 'x' }, { a: 1, b: 'x' }, true],
  ['all of nothing', {}, { a: 1 }, true],
  ['all of nothing, and no headers', { 'x-match': 'all' }, {}, true],
  ['any of nothing', { 'x-match': 'any' }, { a: 1 }, false],
  ['a void value asks only that it is there', { 'x-match': 'all', a: null }, { a: 'whatever' }, true],
  ['a void value, and it is not there', { 'x-match': 'all', a: null }, { b: 1 }, false],
  ['any, a void value', { 'x-match': 'any', a: null, b: 1 }, { a: 'whatever' }, true],
  ['x- headers are not looked at', { 'x-match': 'all', 'x-a': 1, b: 2 }, { b: 2 }, true],
  ['any, x- headers are not looked at', { 'x-match': 'any', 'x-a': 1, b: 2 }, { 'x-a': 1 }, false],
  ['all-with-x looks at them', { 'x-match': 'all-with-x', 'x-a': 1, b: 2 }, { b: 2 }, false],
  ['all-with-x, and they are there', { 'x-match': 'all-with-x', 'x-a': 1, b: 2 }, { 'x-a': 1, b: 2 }, true],
  ['any-with-x, and one is there', { 'x-match': 'any-with-x', 'x-a': 1, b: 2 }, { 'x-a': 1 }, true],
  ['a string is not a number', { 'x-match': 'all', a: '1' }, { a: 1 }, false],
  ['case counts', { 'x-match': 'all', A: 1 }, { a: 1 }, false],
  ['a boolean', { 'x-match': 'all', a: true }, { a: true }, true],
  ['a boolean that is false', { 'x-match': 'all', a: true }, { a: false }, false],
  ['a list', { 'x-match': 'all', a: [1, 'two'] }, { a: [1, 'two'] }, true],
  ['another list', { 'x-match': 'all', a: [1, 'two'] }, { a: [1, 'three'] }, false],
  // Headers that mean something elsewhere are headers all the same.
  ['a group', { JMSXGroupID: 'g' }, { JMSXGroupID: 'g' }, true],
  ['a correlation id', { 'x-match': 'all-with-x', 'x-correlation-id': 'c' }, { 'x-correlation-id': 'c' }, true],
  ['further keys', { CC: ['k'] }, { CC: ['k'] }, true],
  [
    'an exchange for replies',
    { 'x-match': 'any-with-x', 'x-reply-to-exchange': 'x' },
    { 'x-reply-to-exchange': 'x' },
    true,
  ],
];

/** Publishes `count` messages with keys of their own, and tells how many each of the queues got. */
async function spread(t: Run, type: string, bindings: readonly string[], options: Spread = {}): Promise<number[]> {
  const ch = await t.confirming();
  const x = t.name('x');
  await ch.declareExchange(x, type, { arguments: options.arguments ?? {} });
  const queues = bindings.map((_, i) => t.name(`q${i}`));
  for (const [i, q] of queues.entries()) {
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, bindings[i]!);
  }
  for (let i = 0; i < (options.count ?? 200); i++) {
    const { key, ...publish } = options.message?.(i) ?? { key: `key-${i}` };
    ch.publish(x, key, 'x', publish);
  }
  await ch.confirms();
  const counts: number[] = [];
  for (const q of queues) counts.push(await ready(ch, q));
  return counts;
}

interface Spread {
  readonly count?: number;
  readonly arguments?: Table;
  readonly message?: (i: number) => Publish & { readonly key: string };
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

export const routing = topic('routing', [
  scenario('direct: to every queue bound with exactly that key', '§3.1.3.1', async (t) => {
    const ch = await t.confirming();
    const x = t.name('x');
    const [one, two] = [t.name('one'), t.name('two')];
    await ch.declareExchange(x, 'direct');
    for (const q of [one, two]) await ch.declareQueue(q);
    await ch.bindQueue(one, x, 'a');
    await ch.bindQueue(two, x, 'a');
    await ch.bindQueue(two, x, 'b');
    await ch.bindQueue(two, x, '');
    for (const key of ['a', 'b', 'A', '', 'a.', '*']) ch.publish(x, key, `[${key}]`);
    await ch.confirms();
    expect(await drain(ch, one)).toEqual(['[a]']);
    expect(await drain(ch, two)).toEqual(['[a]', '[b]', '[]']);
  }),

  scenario('fanout: to every queue, whatever the key', '§3.1.3.2', async (t) => {
    const ch = await t.confirming();
    const x = t.name('x');
    const [one, two] = [t.name('one'), t.name('two')];
    await ch.declareExchange(x, 'fanout');
    for (const q of [one, two]) {
      await ch.declareQueue(q);
      await ch.bindQueue(q, x, `ignored-${q}`);
    }
    ch.publish(x, '', '1');
    ch.publish(x, 'anything', '2');
    await ch.confirms();
    expect(await drain(ch, one)).toEqual(['1', '2']);
    expect(await drain(ch, two)).toEqual(['1', '2']);
  }),

  ...TOPIC_CASES.map(([pattern, matches, misses]) =>
    scenario(`topic: '${pattern}'`, '§3.1.3.3', async (t) => {
      const ch = await t.confirming();
      const x = t.name('x');
      const q = t.name();
      await ch.declareExchange(x, 'topic');
      await ch.declareQueue(q);
      await ch.bindQueue(q, x, pattern);
      for (const key of [...matches, ...misses]) ch.publish(x, key, `[${key}]`);
      await ch.confirms();
      expect(await drain(ch, q)).toEqual(matches.map((key) => `[${key}]`));
    }),
  ),

  scenario('topic: many patterns at once, and unbinding takes only its own', '§3.1.3.3', async (t) => {
    const ch = await t.confirming();
    const x = t.name('x');
    const q = t.name();
    await ch.declareExchange(x, 'topic');
    await ch.declareQueue(q);
    for (const pattern of ['a.*.c', 'a.#', '*.b.*']) await ch.bindQueue(q, x, pattern);
    await ch.unbindQueue(q, x, 'a.#');
    for (const key of ['a.b.c', 'a.x', 'x.b.y', 'a.x.c']) ch.publish(x, key, key);
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['a.b.c', 'x.b.y', 'a.x.c']);
  }),

  scenario('headers: every kind of match', '§3.1.3.4; tutorials/amqp-concepts#exchange-headers', async (t) => {
    const ch = await t.confirming();
    const outcomes: string[] = [];
    for (const [i, [what, binding, headers]] of HEADER_CASES.entries()) {
      const x = t.name(`x${i}`);
      const q = t.name(`q${i}`);
      await ch.declareExchange(x, 'headers', { durable: false });
      await ch.declareQueue(q);
      await ch.bindQueue(q, x, '', binding);
      ch.publish(x, '', 'x', { headers });
      await ch.confirms();
      outcomes.push(`${what}: ${(await ready(ch, q)) === 1}`);
    }
    expect(outcomes).toEqual(HEADER_CASES.map(([what, , , matches]) => `${what}: ${matches}`));
  }),

  scenario('headers: the routing key is not looked at', '§3.1.3.4', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    await ch.bindQueue(q, 'amq.headers', 'key', { [q]: 1 });
    ch.publish('amq.headers', 'another', 'matches', { headers: { [q]: 1 } });
    ch.publish('amq.headers', 'key', 'does not');
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['matches']);
  }),

  scenario('headers: an unknown x-match is refused', 'exchange types: headers', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await t.refused(
      ch.bindQueue(q, 'amq.headers', '', { 'x-match': 'some', a: 1 }),
      406,
      'PRECONDITION_FAILED - Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x',
    );
  }),

  scenario('headers: an x-match that is not text is refused', 'exchange types: headers', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await ch.declareQueue(q);
    await t.refused(
      ch.bindQueue(q, 'amq.headers', '', { 'x-match': true, a: 1 }),
      406,
      'PRECONDITION_FAILED - Invalid x-match field type bool (value true); expected longstr',
    );
  }),

  scenario(
    'consistent hash: each message to one queue, all queues get some',
    'rabbitmq_consistent_hash_exchange',
    async (t) => {
      const counts = await spread(t, 'x-consistent-hash', ['1', '1', '1', '1']);
      expect(sum(counts)).toBe(200);
      for (const count of counts) expect(count).toBeGreaterThan(10);
    },
  ),

  scenario('consistent hash: the binding key is a weight', 'rabbitmq_consistent_hash_exchange', async (t) => {
    const [light, heavy] = (await spread(t, 'x-consistent-hash', ['1', '9'], { count: 1_000 })) as [number, number];
    expect(light + heavy).toBe(1_000);
    expect(heavy).toBeGreaterThan(light * 3);
  }),

  scenario('consistent hash: a key goes where it went before', 'rabbitmq_consistent_hash_exchange', async (t) => {
    const counts = await spread(t, 'x-consistent-hash', ['10', '10', '10'], { message: () => ({ key: 'same' }) });
    expect([...counts].sort((a, b) => a - b)).toEqual([0, 0, 200]);
  }),

  scenario(
    'consistent hash: hash-header takes a header instead of the key',
    'rabbitmq_consistent_hash_exchange#routing-on-a-header',
    async (t) => {
      const same = await spread(t, 'x-consistent-hash', ['10', '10', '10'], {
        arguments: { 'hash-header': 'user' },
        message: (i) => ({ key: `key-${i}`, headers: { user: 'one' } }),
      });
      expect([...same].sort((a, b) => a - b)).toEqual([0, 0, 200]);
    },
  ),

  scenario(
    'consistent hash: hash-property takes a property instead of the key',
    'rabbitmq_consistent_hash_exchange#routing-on-a-message-property',
    async (t) => {
      const same = await spread(t, 'x-consistent-hash', ['10', '10', '10'], {
        arguments: { 'hash-property': 'message_id' },
        message: (i) => ({ key: `key-${i}`, messageId: 'one' }),
      });
      expect([...same].sort((a, b) => a - b)).toEqual([0, 0, 200]);
    },
  ),

  scenario('consistent hash: not both a header and a property', 'rabbitmq_consistent_hash_exchange', async (t) => {
    const ch = await t.channel();
    const text = 'PRECONDITION_FAILED - hash-header and hash-property are mutually exclusive';
    await t.refused(
      ch.declareExchange(t.name('x'), 'x-consistent-hash', {
        arguments: { 'hash-header': 'a', 'hash-property': 'message_id' },
      }),
      406,
      text,
    );
  }),

  scenario('consistent hash: an unknown property is refused', 'rabbitmq_consistent_hash_exchange', async (t) => {
    const ch = await t.channel();
    await t.refused(
      ch.declareExchange(t.name('x'), 'x-consistent-hash', { arguments: { 'hash-property': 'colour' } }),
      406,
      'PRECONDITION_FAILED - Unsupported property: colour',
    );
  }),

  scenario('consistent hash: a binding key that is no number', 'rabbitmq_consistent_hash_exchange', async (t) => {
    const ch = await t.channel();
    const [x, q] = [t.name('x'), t.name()];
    await ch.declareExchange(x, 'x-consistent-hash');
    await ch.declareQueue(q);
    await t.refused(
      ch.bindQueue(q, x, 'heavy'),
      406,
      'PRECONDITION_FAILED - The binding key must be an integer: <<"heavy">>',
    );
  }),

  scenario('consistent hash: nobody bound means not routed', 'rabbitmq_consistent_hash_exchange', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await ch.declareExchange(x, 'x-consistent-hash');
    ch.publish(x, 'k', 'nobody', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['nobody']);
  }),

  scenario('random: each message to one queue, all queues get some', 'rabbitmq_random_exchange', async (t) => {
    const counts = await spread(t, 'x-random', ['', '', '']);
    expect(sum(counts)).toBe(200);
    for (const count of counts) expect(count).toBeGreaterThan(20);
  }),

  scenario('random: nobody bound means not routed', 'rabbitmq_random_exchange', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await ch.declareExchange(x, 'x-random');
    ch.publish(x, 'k', 'nobody', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['nobody']);
  }),

  scenario('modulus hash: each message to one queue, all queues get some', 'rabbitmq_sharding', async (t) => {
    const counts = await spread(t, 'x-modulus-hash', ['', '', '', '']);
    expect(sum(counts)).toBe(200);
    for (const count of counts) expect(count).toBeGreaterThan(10);
  }),

  scenario('modulus hash: a key goes where it went before', 'rabbitmq_sharding', async (t) => {
    const counts = await spread(t, 'x-modulus-hash', ['', '', ''], { message: () => ({ key: 'same' }) });
    expect([...counts].sort((a, b) => a - b)).toEqual([0, 0, 200]);
  }),
]);
