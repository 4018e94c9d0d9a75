/** Queue arguments and queue types: what is accepted, what is refused and in which words, what must be equal again. */
import { expect } from 'vitest';
import type { QueueDeclaration, Table, Value } from '../clients/client.ts';
import { drain, eventually, ready, scenario, texts, topic } from '../scenario.ts';

/** Arguments that are refused, and what the text says after `invalid arg 'NAME' for queue 'q' in vhost '/': `. */
const REFUSED: readonly (readonly [name: string, value: Value, why: string])[] = [
  ['x-message-ttl', -1, '{value_negative,-1}'],
  ['x-message-ttl', 'soon', '"expected integer, got longstr"'],
  ['x-message-ttl', 1.5, '"expected integer, got double"'],
  ['x-message-ttl', true, '"expected integer, got bool"'],
  ['x-expires', 0, '{value_zero,0}'],
  ['x-expires', -1, '{value_negative,-1}'],
  ['x-expires', 'soon', '"expected integer, got longstr"'],
  ['x-max-length', -1, '{value_negative,-1}'],
  ['x-max-length', 'many', '"expected integer, got longstr"'],
  ['x-max-length-bytes', -1, '{value_negative,-1}'],
  ['x-max-length-bytes', 'big', '"expected integer, got longstr"'],
  ['x-overflow', 'explode', 'invalid_overflow'],
  ['x-overflow', 1, '{unacceptable_type,byte}'],
  ['x-max-priority', -1, '{value_negative,-1}'],
  ['x-max-priority', 256, '{max_value_exceeded,256}'],
  ['x-max-priority', 'high', '"expected integer, got longstr"'],
  ['x-dead-letter-routing-key', 'k', 'routing_key_but_no_dlx_defined'],
  ['x-dead-letter-routing-key', 5, '{unacceptable_type,byte}'],
  ['x-single-active-consumer', 'yes', '{unacceptable_type,longstr}'],
  ['x-queue-mode', 'weird', '"unsupported queue mode \'weird\'"'],
  ['x-queue-mode', 5, '{unacceptable_type,byte}'],
  ['x-queue-version', 3, '"unsupported queue version \'3\'"'],
  ['x-queue-version', 'x', '"expected integer, got longstr"'],
  ['x-queue-type', 'weird', '"unsupported queue type \'weird\'"'],
  ['x-queue-type', 5, '{unacceptable_type,byte}'],
];

const ACCEPTED: readonly Table[] = [
  { 'x-message-ttl': 0 },
  { 'x-message-ttl': 60_000 },
  { 'x-expires': 60_000 },
  { 'x-max-length': 0 },
  { 'x-max-length': 10 },
  { 'x-max-length-bytes': 1_000_000 },
  { 'x-overflow': 'drop-head' },
  { 'x-overflow': 'reject-publish' },
  { 'x-overflow': 'reject-publish-dlx' },
  { 'x-max-priority': 0 },
  { 'x-max-priority': 10 },
  { 'x-max-priority': 255 },
  { 'x-dead-letter-exchange': '' },
  { 'x-dead-letter-exchange': 'x', 'x-dead-letter-routing-key': 'k' },
  { 'x-single-active-consumer': true },
  { 'x-queue-mode': 'lazy' },
  { 'x-queue-mode': 'default' },
  { 'x-queue-version': 1 },
  { 'x-queue-version': 2 },
  { 'x-queue-type': 'classic' },
  { 'x-queue-type': 'quorum' },
  { 'x-queue-master-locator': 'client-local' },
  { 'x-cancel-on-ha-failover': true },
  { 'x-unknown': 'whatever' },
];

/** Declared with the first, then with the second: undefined where that is fine, else the text from `inequivalent arg` on. */
const AGAIN: readonly (readonly [first: Table, second: Table, why: ((queue: string) => string) | undefined])[] = [
  ...(
    [
      ['x-message-ttl', 1_000, 2_000],
      ['x-expires', 100_000, 200_000],
      ['x-max-length', 1, 2],
      ['x-max-length-bytes', 1, 2],
      ['x-overflow', 'drop-head', 'reject-publish'],
      ['x-max-priority', 5, 6],
      ['x-dead-letter-exchange', 'a', 'b'],
      ['x-queue-mode', 'lazy', 'default'],
      ['x-queue-version', 1, 2],
      ['x-single-active-consumer', true, false],
      ['x-queue-type', 'quorum', 'classic'],
    ] as const
  ).map(
    ([name, one, two]) =>
      [
        { [name]: one },
        { [name]: two },
        (q: string) => `'${name}' for queue '${q}' in vhost '/': received '${two}' but current is '${one}'`,
      ] as const,
  ),
  ...(
    [
      ['x-message-ttl', 1_000, 'short'],
      ['x-max-priority', 6, 'byte'],
      ['x-overflow', 'drop-head', 'longstr'],
      ['x-single-active-consumer', true, 'bool'],
    ] as const
  ).flatMap(([name, value, type]) => {
    const it = `the value '${value}' of type '${type}'`;
    return [
      [
        { [name]: value },
        {},
        (q: string) => `'${name}' for queue '${q}' in vhost '/': received none but current is ${it}`,
      ] as const,
      [
        {},
        { [name]: value },
        (q: string) => `'${name}' for queue '${q}' in vhost '/': received ${it} but current is none`,
      ] as const,
    ];
  }),
  [{}, { 'x-queue-type': 'classic' }, undefined],
  [{ 'x-queue-type': 'classic' }, {}, undefined],
  [{ 'x-unknown': 'a' }, { 'x-unknown': 'b' }, undefined],
  [{ 'x-message-ttl': 1_000 }, { 'x-message-ttl': 1_000 }, undefined],
];

const QUORUM = { 'x-queue-type': 'quorum' };

/** What a quorum queue cannot be. */
const NOT_QUORUM: readonly (readonly [
  what: string,
  arguments_: Table,
  options: QueueDeclaration,
  why: (q: string) => string,
])[] = [
  ['transient', {}, { durable: false }, (q) => `invalid property 'non-durable' for queue '${q}' in vhost '/'`],
  ['exclusive', {}, { exclusive: true }, (q) => `invalid property 'exclusive-owner' for queue '${q}' in vhost '/'`],
  ['auto-delete', {}, { autoDelete: true }, (q) => `invalid property 'auto-delete' for queue '${q}' in vhost '/'`],
  ['one with priorities', { 'x-max-priority': 5 }, {}, (q) => notOfType('x-max-priority', q)],
  ['lazy', { 'x-queue-mode': 'lazy' }, {}, (q) => notOfType('x-queue-mode', q)],
  ['of a version', { 'x-queue-version': 2 }, {}, (q) => notOfType('x-queue-version', q)],
];

const notOfType = (argument: string, queue: string): string =>
  `invalid arg '${argument}' for queue '${queue}' in vhost '/' of queue type rabbit_quorum_queue`;

export const queueArguments = topic('queue arguments', [
  ...REFUSED.map(([name, value, why]) =>
    scenario(`${name} may not be ${JSON.stringify(value)}`, 'queues#optional-arguments', async (t) => {
      const ch = await t.channel();
      const q = t.name();
      await t.refused(
        ch.declareQueue(q, { arguments: { [name]: value } }),
        406,
        `PRECONDITION_FAILED - invalid arg '${name}' for queue '${q}' in vhost '/': ${why}`,
      );
    }),
  ),

  scenario('x-dead-letter-exchange may not be 5', 'dlx', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(
      ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': 5 } }),
      406,
      `PRECONDITION_FAILED - invalid type 'byte' for arg 'x-dead-letter-exchange' in queue '${q}' in vhost '/'`,
    );
  }),

  scenario(
    'every argument with a good value is accepted, and the queue works',
    'queues#optional-arguments',
    async (t) => {
      const ch = await t.confirming();
      for (const [i, arguments_] of ACCEPTED.entries()) {
        const q = t.name(`q${i}`);
        expect((await ch.declareQueue(q, { arguments: arguments_ })).queue).toBe(q);
        const consumer = await ch.consume(q, { noAck: true });
        if (arguments_['x-max-length'] === 0 || arguments_['x-message-ttl'] === 0) continue;
        ch.publish('', q, 'x');
        expect(texts(await consumer.next(1)), JSON.stringify(arguments_)).toEqual(['x']);
      }
    },
  ),

  ...AGAIN.map(([first, second, why]) =>
    scenario(
      `declared with ${JSON.stringify(first)}, again with ${JSON.stringify(second)}`,
      'queues#property-equivalence',
      async (t) => {
        const ch = await t.channel();
        const q = t.name();
        await ch.declareQueue(q, { arguments: first });
        if (why === undefined) await ch.declareQueue(q, { arguments: second });
        else {
          await t.refused(
            ch.declareQueue(q, { arguments: second }),
            406,
            `PRECONDITION_FAILED - inequivalent arg ${why(q)}`,
          );
        }
      },
    ),
  ),

  ...NOT_QUORUM.map(([what, arguments_, options, why]) =>
    scenario(`a quorum queue may not be ${what}`, 'quorum-queues#feature-comparison', async (t) => {
      const ch = await t.channel();
      const q = t.name();
      await t.refused(
        ch.declareQueue(q, { ...options, arguments: { ...QUORUM, ...arguments_ } }),
        406,
        `PRECONDITION_FAILED - ${why(q)}`,
      );
    }),
  ),

  scenario('a quorum queue does what a queue does', 'quorum-queues', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: QUORUM });
    for (const body of ['1', '2', '3']) ch.publish('', q, body);
    expect(await ch.confirms()).toEqual(['ack', 'ack', 'ack']);
    const consumer = await ch.consume(q);
    const deliveries = await consumer.next(3);
    expect(texts(deliveries)).toEqual(['1', '2', '3']);
    ch.ack(deliveries[2]!.deliveryTag, true);
    await eventually(() => ready(ch, q), 0);
    expect(await ch.deleteQueue(q)).toBe(0);
  }),

  scenario(
    'x-delivery-limit: attempts are counted, and the message dies when there are too many',
    'quorum-queues#poison-message-handling',
    async (t) => {
      const ch = await t.confirming();
      const [q, dead] = [t.name(), t.name('dead')];
      await ch.declareQueue(dead);
      await ch.declareQueue(q, {
        arguments: {
          ...QUORUM,
          'x-delivery-limit': 2,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': dead,
        },
      });
      ch.publish('', q, 'poison');
      await ch.confirms();
      const consumer = await ch.consume(q);
      const counts: unknown[] = [];
      for (let attempt = 0; attempt < 3; attempt++) {
        const [delivery] = await consumer.next(1);
        counts.push(delivery!.properties.headers?.['x-delivery-count']);
        ch.nack(delivery!.deliveryTag);
      }
      expect(counts).toEqual([undefined, 1, 2]);
      await eventually(() => ready(ch, dead), 1);
      const letter = await ch.get(dead);
      const [death] = letter!.properties.headers!['x-death'] as readonly Table[];
      expect(death).toMatchObject({ count: 1, exchange: '', queue: q, reason: 'delivery_limit', 'routing-keys': [q] });
      expect(letter!.properties.headers!['x-first-death-reason']).toBe('delivery_limit');
    },
  ),

  scenario('x-delivery-limit 0: one attempt', 'quorum-queues#poison-message-handling', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { ...QUORUM, 'x-delivery-limit': 0 } });
    ch.publish('', q, 'once');
    ch.publish('', q, 'next');
    await ch.confirms();
    const consumer = await ch.consume(q);
    const [one] = await consumer.next(1);
    ch.nack(one!.deliveryTag);
    const [two] = await consumer.next(1);
    expect(texts([one!, two!])).toEqual(['once', 'next']);
    ch.ack(two!.deliveryTag);
    await eventually(() => ready(ch, q), 0);
  }),

  scenario('x-dead-letter-strategy at-least-once', 'quorum-queues#dead-lettering', async (t) => {
    const ch = await t.confirming();
    const [q, dead] = [t.name(), t.name('dead')];
    await ch.declareQueue(dead, { arguments: QUORUM });
    await ch.declareQueue(q, {
      arguments: {
        ...QUORUM,
        'x-overflow': 'reject-publish',
        'x-dead-letter-strategy': 'at-least-once',
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': dead,
      },
    });
    ch.publish('', q, 'x', { deliveryMode: 2 });
    await ch.confirms();
    const consumer = await ch.consume(q);
    const [delivery] = await consumer.next(1);
    ch.reject(delivery!.deliveryTag, false);
    await eventually(() => ready(ch, dead), 1);
    expect(await drain(ch, dead)).toEqual(['x']);
  }),

  scenario('x-delivery-limit on a classic queue', 'quorum-queues#poison-message-handling', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    const declared = ch.declareQueue(q, { arguments: { 'x-delivery-limit': 3 } });
    if (!t.differs('delivery-limit-on-classic')) expect((await declared).queue).toBe(q);
    else {
      await t.refused(
        declared,
        406,
        `PRECONDITION_FAILED - invalid arg 'x-delivery-limit' for queue '${q}' in vhost '/' of queue type rabbit_classic_queue`,
      );
    }
  }),

  scenario('x-dead-letter-strategy on a classic queue', 'quorum-queues#dead-lettering', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await t.refused(
      ch.declareQueue(q, { arguments: { 'x-dead-letter-strategy': 'at-least-once' } }),
      406,
      `PRECONDITION_FAILED - invalid arg 'x-dead-letter-strategy' for queue '${q}' in vhost '/' of queue type rabbit_classic_queue`,
    );
  }),

  scenario('a stream', 'streams', async (t) => {
    const client = await t.client();
    const ch = await client.openChannel();
    const q = t.name();
    const declared = ch.declareQueue(q, { arguments: { 'x-queue-type': 'stream' } });
    if (t.differs('streams')) expect((await declared).queue).toBe(q);
    else
      await t.refused(
        declared,
        406,
        `PRECONDITION_FAILED - streams are not supported yet, so queue '${q}' in vhost '/' cannot be`,
      );
    // The connection lives: a client may try another kind of queue.
    await (await client.openChannel()).declareQueue(t.name('other'));
  }),
]);
