/** Exchanges: declaring, deleting, auto-delete, the default exchange. */
import { expect } from 'vitest';
import { ready, scenario, texts, topic } from '../scenario.ts';

const DEFAULT_EXCHANGE = 'ACCESS_REFUSED - operation not permitted on the default exchange';

export const exchanges = topic('exchanges', [
  ...['direct', 'fanout', 'topic', 'headers'].map((type) =>
    scenario(`declare, declare again, find and delete one of type ${type}`, '§1.6.2.1, §1.6.2.3', async (t) => {
      const ch = await t.channel();
      const x = t.name('x');
      await ch.declareExchange(x, type);
      await ch.declareExchange(x, type);
      await ch.declareExchange(x, type, { passive: true });
      await ch.deleteExchange(x);
      await t.refused(
        ch.declareExchange(x, type, { passive: true }),
        404,
        `NOT_FOUND - no exchange '${x}' in vhost '/'`,
      );
    }),
  ),
  ...(
    [
      ['amq.direct', 'direct'],
      ['amq.fanout', 'fanout'],
      ['amq.topic', 'topic'],
      ['amq.headers', 'headers'],
      ['amq.match', 'headers'],
    ] as const
  ).map(([x, type]) =>
    scenario(`${x} is there from the start, durable, of type ${type}`, '§3.1.3, §1.6 (exchange.declare)', async (t) => {
      const ch = await t.channel();
      await ch.declareExchange(x, type, { passive: true });
      await ch.declareExchange(x, type, { durable: true });
    }),
  ),
  scenario('declaring a predeclared exchange with another type', '§1.6.2.1.3', async (t) => {
    const ch = await t.channel();
    await t.refused(
      ch.declareExchange('amq.direct', 'fanout'),
      406,
      "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'fanout' but current is 'direct'",
    );
  }),
  scenario('amq.rabbitmq.trace is there, internal, of type topic', 'firehose', async (t) => {
    const ch = await t.channel();
    await ch.declareExchange('amq.rabbitmq.trace', 'topic', { internal: true, durable: true });
  }),
  ...(
    [
      ['type', ['direct', {}], ['fanout', {}], 'direct', 'fanout'],
      ['durable', ['direct', {}], ['direct', { durable: false }], 'true', 'false'],
      ['auto_delete', ['direct', {}], ['direct', { autoDelete: true }], 'false', 'true'],
      ['internal', ['direct', {}], ['direct', { internal: true }], 'false', 'true'],
    ] as const
  ).map(([what, first, second, current, received]) =>
    scenario(`declaring again with ${what} ${received} instead of ${current}`, '§1.6.2.1 equivalent', async (t) => {
      const ch = await t.channel();
      const x = t.name('x');
      await ch.declareExchange(x, first[0], first[1]);
      await t.refused(
        ch.declareExchange(x, second[0], second[1]),
        406,
        `PRECONDITION_FAILED - inequivalent arg '${what}' for exchange '${x}' in vhost '/': received '${received}' but current is '${current}'`,
      );
    }),
  ),
  scenario('declaring again with another alternate exchange', 'ae', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': 'amq.fanout' } });
    await t.refused(
      ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': 'amq.direct' } }),
      406,
      `PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange '${x}' in vhost '/': received 'amq.direct' but current is 'amq.fanout'`,
    );
  }),
  scenario('declaring again without the alternate exchange', 'ae', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': 'amq.fanout' } });
    await t.refused(
      ch.declareExchange(x, 'direct'),
      406,
      `PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange '${x}' in vhost '/': received none but current is the value 'amq.fanout' of type 'longstr'`,
    );
  }),
  scenario('an alternate exchange that is not a name', 'ae', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await t.refused(
      ch.declareExchange(x, 'direct', { arguments: { 'alternate-exchange': 5 } }),
      406,
      `PRECONDITION_FAILED - invalid type 'byte' for arg 'alternate-exchange' in exchange '${x}' in vhost '/'`,
    );
  }),
  scenario('an unknown type costs the connection', '§1.6.2.1.4 type: command-invalid', async (t) => {
    const client = await t.client();
    const ch = await client.openChannel();
    await t.refused(
      ch.declareExchange(t.name('x'), 'nonsense'),
      503,
      "COMMAND_INVALID - unknown exchange type 'nonsense'",
    );
    await t.closes(client, 503, "COMMAND_INVALID - unknown exchange type 'nonsense'");
  }),
  scenario('passive declaration of one that is not there', '§1.6.2.1.5 passive', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await t.refused(
      ch.declareExchange(x, 'direct', { passive: true }),
      404,
      `NOT_FOUND - no exchange '${x}' in vhost '/'`,
    );
  }),
  scenario('a name beginning with amq. is reserved', '§1.6.2.1.3 reserved', async (t) => {
    const ch = await t.channel();
    const x = t.name('amq.x');
    await t.refused(
      ch.declareExchange(x, 'direct'),
      403,
      `ACCESS_REFUSED - exchange name '${x}' contains reserved prefix 'amq.*'`,
    );
  }),
  scenario('nobody may declare the default exchange', '§1.6.2.1 exchange', async (t) => {
    const ch = await t.channel();
    await t.refused(ch.declareExchange('', 'direct'), 403, DEFAULT_EXCHANGE);
  }),
  scenario('nobody may delete the default exchange', '§1.6.2.3', async (t) => {
    const ch = await t.channel();
    await t.refused(ch.deleteExchange(''), 403, DEFAULT_EXCHANGE);
  }),
  scenario('nobody may delete a predeclared exchange', '§1.6.2.3', async (t) => {
    const ch = await t.channel();
    await t.refused(
      ch.deleteExchange('amq.topic'),
      403,
      "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed",
    );
  }),
  scenario('nor one of a reserved name that is not there', '§1.6.2.3', async (t) => {
    const ch = await t.channel();
    await t.refused(
      ch.deleteExchange('amq.nothing'),
      403,
      "ACCESS_REFUSED - deletion of system exchange 'amq.nothing' in vhost '/' not allowed",
    );
  }),
  scenario('deleting an exchange that is not there is fine', 'idempotent delete', async (t) => {
    const ch = await t.channel();
    await ch.deleteExchange(t.name('x'));
  }),
  scenario('delete if-unused of an exchange with a binding', '§1.6.2.3.4 if-unused', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    const q = t.name();
    await ch.declareExchange(x, 'fanout');
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, '');
    await t.refused(
      ch.deleteExchange(x, { ifUnused: true }),
      406,
      `PRECONDITION_FAILED - exchange '${x}' in vhost '/' in use`,
    );
    const again = await t.channel();
    await again.unbindQueue(q, x, '');
    await again.deleteExchange(x, { ifUnused: true });
  }),
  scenario('deleting an exchange takes its bindings', '§1.6.2.3', async (t) => {
    const ch = await t.confirming();
    const x = t.name('x');
    const q = t.name();
    await ch.declareExchange(x, 'fanout');
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, '');
    await ch.deleteExchange(x);
    await ch.declareExchange(x, 'fanout');
    ch.publish(x, '', 'nobody', { mandatory: true });
    expect(texts(await ch.returned(1))).toEqual(['nobody']);
  }),
  scenario('publishing to an exchange that is not there closes the channel', '§1.8.2.7.3 exchange', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    ch.publish(x, 'k', 'nowhere');
    await t.closes(ch, 404, `NOT_FOUND - no exchange '${x}' in vhost '/'`);
    await t.channel();
  }),
  scenario('an auto-delete exchange goes with its last binding', 'tutorials/amqp-concepts#exchanges', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    const q = t.name();
    await ch.declareExchange(x, 'direct', { autoDelete: true });
    await ch.declareQueue(q);
    await ch.bindQueue(q, x, 'a');
    await ch.bindQueue(q, x, 'b');
    await ch.unbindQueue(q, x, 'a');
    await ch.declareExchange(x, 'direct', { passive: true });
    await ch.unbindQueue(q, x, 'b');
    await t.refused(
      ch.declareExchange(x, 'direct', { passive: true }),
      404,
      `NOT_FOUND - no exchange '${x}' in vhost '/'`,
    );
  }),
  scenario(
    'an auto-delete exchange goes with the queue that was bound to it',
    'tutorials/amqp-concepts#exchanges',
    async (t) => {
      const ch = await t.channel();
      const x = t.name('x');
      const q = t.name();
      await ch.declareExchange(x, 'direct', { autoDelete: true });
      await ch.declareQueue(q);
      await ch.bindQueue(q, x, 'a');
      await ch.deleteQueue(q);
      await t.refused(
        ch.declareExchange(x, 'direct', { passive: true }),
        404,
        `NOT_FOUND - no exchange '${x}' in vhost '/'`,
      );
    },
  ),
  scenario('an auto-delete exchange that was never bound stays', 'tutorials/amqp-concepts#exchanges', async (t) => {
    const ch = await t.channel();
    const x = t.name('x');
    await ch.declareExchange(x, 'direct', { autoDelete: true });
    ch.publish(x, 'k', 'nobody', { mandatory: true });
    await ch.returned(1);
    await ch.declareExchange(x, 'direct', { passive: true });
  }),
  scenario('an auto-delete exchange bound to an exchange goes with that binding', 'e2e', async (t) => {
    const ch = await t.channel();
    const source = t.name('source');
    const destination = t.name('destination');
    await ch.declareExchange(source, 'direct', { autoDelete: true });
    await ch.declareExchange(destination, 'fanout');
    await ch.bindExchange(destination, source, 'k');
    await ch.unbindExchange(destination, source, 'k');
    await t.refused(
      ch.declareExchange(source, 'direct', { passive: true }),
      404,
      `NOT_FOUND - no exchange '${source}' in vhost '/'`,
    );
  }),
  scenario(
    'the default exchange routes by the queue’s name, and only by that',
    '§3.1.3.1 default exchange',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name('a.b');
      await ch.declareQueue(q);
      ch.publish('', q, 'found');
      ch.publish('', q.replace('a.b', 'a.*'), 'not a pattern', { mandatory: true });
      expect(texts(await ch.returned(1))).toEqual(['not a pattern']);
      await ch.confirms();
      expect(await ready(ch, q)).toBe(1);
      expect(await ch.get(q, { noAck: true })).toMatchObject({ exchange: '', routingKey: q });
    },
  ),
]);
