/** Dead letters: why, where to, and what the message says of it. */
import { expect } from 'vitest';
import { within } from '../../support/inbox.ts';
import { PATIENCE_MS } from '../clients/arrivals.ts';
import type { AmqpChannel, Delivery, Got, QueueDeclaration, Table } from '../clients/client.ts';
import { drain, eventually, type Run, ready, scenario, texts, topic } from '../scenario.ts';

/** A queue whose dead letters go through an exchange of their own into another queue. */
async function withDeadLetters(t: Run, arguments_: Table = {}, options: QueueDeclaration = {}): Promise<Setting> {
  const ch = await t.confirming();
  const [q, dead, x] = [t.name(), t.name('dead'), t.name('dlx')];
  await ch.declareExchange(x, 'fanout');
  await ch.declareQueue(dead);
  await ch.bindQueue(dead, x, '');
  await ch.declareQueue(q, { ...options, arguments: { 'x-dead-letter-exchange': x, ...arguments_ } });
  return { ch, q, dead, x };
}

interface Setting {
  readonly ch: AmqpChannel;
  readonly q: string;
  readonly dead: string;
  readonly x: string;
}

/** The next message of a queue, as soon as there is one. */
async function arrives(ch: AmqpChannel, queue: string, noAck = true): Promise<Got> {
  let got: Got | undefined;
  await within(
    (async () => {
      while ((got = await ch.get(queue, { noAck })) === undefined) await new Promise((r) => setTimeout(r, 10));
    })(),
    PATIENCE_MS,
    () => `nothing arrived in ${queue}`,
  );
  return got!;
}

/** x-death without the time, which is checked to be one. */
function deaths(delivery: Delivery): Table[] {
  const list = delivery.properties.headers?.['x-death'] as readonly Table[];
  return list.map(({ time, ...rest }) => {
    expect(Math.abs(Number(time) - Date.now() / 1_000)).toBeLessThan(60);
    return rest;
  });
}

const firstDeath = ({ properties }: Delivery): Table => ({
  exchange: properties.headers!['x-first-death-exchange']!,
  queue: properties.headers!['x-first-death-queue']!,
  reason: properties.headers!['x-first-death-reason']!,
});

export const deadLetters = topic('dead letters', [
  scenario('rejected', 'dlx', async (t) => {
    const { ch, q, dead, x } = await withDeadLetters(t);
    ch.publish('', q, 'x', { headers: { mine: 1 }, messageId: 'kept', deliveryMode: 2 });
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    const letter = await arrives(ch, dead);
    expect(letter).toMatchObject({ exchange: x, routingKey: q, redelivered: false });
    expect(letter.body.toString()).toBe('x');
    expect(letter.properties).toMatchObject({ messageId: 'kept', deliveryMode: 2 });
    expect(letter.properties.headers!['mine']).toBe(1);
    expect(deaths(letter)).toEqual([{ count: 1, exchange: '', queue: q, reason: 'rejected', 'routing-keys': [q] }]);
    expect(firstDeath(letter)).toEqual({ exchange: '', queue: q, reason: 'rejected' });
  }),

  scenario('nacked without requeue, several at once', 'dlx', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    for (const body of ['1', '2', '3']) ch.publish('', q, body);
    await ch.confirms();
    const consumer = await ch.consume(q);
    const held = await consumer.next(3);
    ch.nack(held[2]!.deliveryTag, { multiple: true, requeue: false });
    await eventually(() => ready(ch, dead), 3);
    expect(await drain(ch, dead)).toEqual(['1', '2', '3']);
  }),

  scenario('expired by the queue’s ttl', 'dlx; ttl', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t, { 'x-message-ttl': 50 });
    ch.publish('', q, 'x');
    await ch.confirms();
    const letter = await arrives(ch, dead);
    expect(deaths(letter)).toEqual([{ count: 1, exchange: '', queue: q, reason: 'expired', 'routing-keys': [q] }]);
    expect(firstDeath(letter)).toEqual({ exchange: '', queue: q, reason: 'expired' });
  }),

  scenario('expired by its own ttl: original-expiration instead of expiration', 'dlx#effects; ttl', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    ch.publish('', q, 'x', { expiration: '50' });
    await ch.confirms();
    const letter = await arrives(ch, dead);
    expect(letter.properties.expiration).toBeUndefined();
    expect(deaths(letter)).toEqual([
      {
        count: 1,
        exchange: '',
        'original-expiration': '50',
        queue: q,
        reason: 'expired',
        'routing-keys': [q],
      },
    ]);
  }),

  scenario('rejected with a ttl of its own: the expiration goes as well', 'dlx#effects', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    ch.publish('', q, 'x', { expiration: '60000' });
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    const letter = await arrives(ch, dead);
    expect(letter.properties.expiration).toBeUndefined();
    expect(deaths(letter)[0]).toMatchObject({ 'original-expiration': '60000', reason: 'rejected' });
  }),

  scenario('over the queue’s length', 'dlx; maxlength', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t, { 'x-max-length': 1 });
    for (const body of ['1', '2', '3']) ch.publish('', q, body);
    await ch.confirms();
    await eventually(() => ready(ch, dead), 2);
    const letter = await arrives(ch, dead);
    expect(letter.body.toString()).toBe('1');
    expect(deaths(letter)).toEqual([{ count: 1, exchange: '', queue: q, reason: 'maxlen', 'routing-keys': [q] }]);
    expect(await drain(ch, q)).toEqual(['3']);
  }),

  scenario(
    'overflow reject-publish-dlx: the newest are refused and dead-lettered',
    'maxlength#overflow-behaviour',
    async (t) => {
      const { ch, q, dead } = await withDeadLetters(t, { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx' });
      const outcomes: string[] = [];
      for (const body of ['1', '2']) {
        ch.publish('', q, body);
        outcomes.push(...(await ch.confirms()));
      }
      expect(outcomes).toEqual(['ack', 'nack']);
      const letter = await arrives(ch, dead);
      expect(letter.body.toString()).toBe('2');
      expect(deaths(letter)).toEqual([{ count: 1, exchange: '', queue: q, reason: 'maxlen', 'routing-keys': [q] }]);
    },
  ),

  scenario('overflow reject-publish: the refused are not dead-lettered', 'maxlength#overflow-behaviour', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    for (const body of ['1', '2']) {
      ch.publish('', q, body);
      await ch.confirms();
    }
    ch.reject((await ch.get(q))!.deliveryTag, false);
    expect((await arrives(ch, dead)).body.toString()).toBe('1');
    expect(await ready(ch, dead)).toBe(0);
  }),

  scenario('x-dead-letter-routing-key', 'dlx#routing', async (t) => {
    const ch = await t.confirming();
    const [q, dead] = [t.name(), t.name('dead')];
    await ch.declareQueue(dead);
    await ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead } });
    ch.publish('', q, 'x');
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    const letter = await arrives(ch, dead);
    expect(letter).toMatchObject({ exchange: '', routingKey: dead });
    expect(deaths(letter)).toEqual([{ count: 1, exchange: '', queue: q, reason: 'rejected', 'routing-keys': [q] }]);
  }),

  scenario('without a key of its own the message keeps its keys, CC among them', 'dlx#routing', async (t) => {
    const ch = await t.confirming();
    const [q, one, two, x] = [t.name(), t.name('one'), t.name('two'), t.name('x')];
    await ch.declareExchange(x, 'direct');
    for (const dead of [one, two]) await ch.declareQueue(dead);
    await ch.bindQueue(one, x, q);
    await ch.bindQueue(two, x, 'copy');
    await ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': x } });
    ch.publish('', q, 'x', { headers: { CC: ['copy'] } });
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    const letter = await arrives(ch, one);
    expect(deaths(letter)[0]).toMatchObject({ 'routing-keys': [q, 'copy'] });
    await arrives(ch, two);
  }),

  scenario('with a key of its own CC is gone', 'dlx#routing', async (t) => {
    const ch = await t.confirming();
    const [q, one, two, x] = [t.name(), t.name('one'), t.name('two'), t.name('x')];
    await ch.declareExchange(x, 'direct');
    for (const dead of [one, two]) await ch.declareQueue(dead);
    await ch.bindQueue(one, x, 'dead');
    await ch.bindQueue(two, x, 'copy');
    await ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': x, 'x-dead-letter-routing-key': 'dead' } });
    ch.publish('', q, 'x', { headers: { CC: ['copy'] } });
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    const letter = await arrives(ch, one);
    expect(letter.properties.headers!['CC']).toBeUndefined();
    expect(await ready(ch, two)).toBe(0);
  }),

  scenario('an exchange that is not there: the message is dropped', 'dlx', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': t.name('missing') } });
    for (const body of ['1', '2']) ch.publish('', q, body);
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    expect(await drain(ch, q)).toEqual(['2']);
  }),

  scenario('a letter goes to every queue that is bound', 'dlx', async (t) => {
    const { ch, q, dead, x } = await withDeadLetters(t);
    const second = t.name('second');
    await ch.declareQueue(second);
    await ch.bindQueue(second, x, '');
    ch.publish('', q, 'x');
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    await arrives(ch, dead);
    await arrives(ch, second);
  }),

  scenario('dying twice in two queues: two entries, the newest first', 'dlx#effects', async (t) => {
    const ch = await t.confirming();
    const [a, b, c] = [t.name('a'), t.name('b'), t.name('c')];
    await ch.declareQueue(c);
    await ch.declareQueue(b, { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': c } });
    await ch.declareQueue(a, { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': b } });
    ch.publish('', a, 'x');
    await ch.confirms();
    ch.reject((await ch.get(a))!.deliveryTag, false);
    await eventually(() => ready(ch, b), 1);
    ch.reject((await ch.get(b))!.deliveryTag, false);
    const letter = await arrives(ch, c);
    expect(deaths(letter)).toEqual([
      { count: 1, exchange: '', queue: b, reason: 'rejected', 'routing-keys': [b] },
      { count: 1, exchange: '', queue: a, reason: 'rejected', 'routing-keys': [a] },
    ]);
    expect(firstDeath(letter)).toEqual({ exchange: '', queue: a, reason: 'rejected' });
  }),

  scenario('dying again in the same queue for the same reason counts up', 'dlx#effects', async (t) => {
    const ch = await t.confirming();
    const [work, wait] = [t.name('work'), t.name('wait')];
    await ch.declareQueue(work, { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': wait } });
    await ch.declareQueue(wait, {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': work, 'x-message-ttl': 30 },
    });
    ch.publish('', work, 'retried');
    await ch.confirms();
    const consumer = await ch.consume(work);
    for (let attempt = 0; attempt < 3; attempt++) {
      const [delivery] = await consumer.next(1);
      if (attempt > 0) {
        expect(deaths(delivery!)).toEqual([
          { count: attempt, exchange: '', queue: wait, reason: 'expired', 'routing-keys': [wait] },
          { count: attempt, exchange: '', queue: work, reason: 'rejected', 'routing-keys': [work] },
        ]);
        expect(firstDeath(delivery!)).toEqual({ exchange: '', queue: work, reason: 'rejected' });
      }
      ch.reject(delivery!.deliveryTag, false);
    }
  }),

  scenario('a cycle without a rejection in it ends: the message is dropped', 'dlx#automatic-cycles', async (t) => {
    const ch = await t.confirming();
    const [a, b, marker] = [t.name('a'), t.name('b'), t.name('marker')];
    await ch.declareQueue(a, {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': b, 'x-message-ttl': 30 },
    });
    await ch.declareQueue(b, {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': a, 'x-message-ttl': 30 },
    });
    await ch.declareQueue(marker, { arguments: { 'x-message-ttl': 400 } });
    ch.publish('', a, 'round');
    ch.publish('', marker, 'tick');
    await ch.confirms();
    await eventually(() => ready(ch, marker), 0);
    await eventually(async () => (await ready(ch, a)) + (await ready(ch, b)), 0);
  }),

  scenario('a queue may be its own dead letter queue for what is rejected', 'dlx#automatic-cycles', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': q } });
    ch.publish('', q, 'again');
    await ch.confirms();
    const consumer = await ch.consume(q);
    for (let i = 0; i < 3; i++) {
      const [delivery] = await consumer.next(1);
      if (i > 0) expect(deaths(delivery!)[0]).toMatchObject({ count: i, reason: 'rejected' });
      ch.reject(delivery!.deliveryTag, false);
    }
  }),

  scenario('what a purge or a deletion takes is no dead letter', 'dlx', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    for (const body of ['1', '2']) ch.publish('', q, body);
    await ch.confirms();
    await ch.purgeQueue(q);
    ch.publish('', q, '3');
    await ch.confirms();
    await ch.deleteQueue(q);
    await ch.declareQueue(t.name('after'));
    expect(await ready(ch, dead)).toBe(0);
  }),

  scenario(
    'a message that published its own x-death keeps what is not a list out of the way',
    'dlx#effects',
    async (t) => {
      const { ch, q, dead } = await withDeadLetters(t);
      ch.publish('', q, 'x', { headers: { 'x-death': 'mine' } });
      await ch.confirms();
      ch.reject((await ch.get(q))!.deliveryTag, false);
      expect(deaths(await arrives(ch, dead))).toEqual([
        { count: 1, exchange: '', queue: q, reason: 'rejected', 'routing-keys': [q] },
      ]);
    },
  ),

  scenario('the letter of a transient message is transient', 'dlx', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    ch.publish('', q, 'x', { deliveryMode: 1 });
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    expect((await arrives(ch, dead)).properties.deliveryMode).toBe(1);
  }),

  scenario('tx: a rejection counts from the commit on', 'dlx; §1.9.2.3', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    ch.publish('', q, 'x');
    await ch.confirms();
    const tx = await t.channel();
    await tx.txSelect();
    tx.reject((await tx.get(q))!.deliveryTag, false);
    await tx.declareQueue(q, { passive: true });
    expect(await ready(ch, dead)).toBe(0);
    await tx.txCommit();
    expect(texts([await arrives(ch, dead)])).toEqual(['x']);
  }),

  scenario('a message that comes back with its record dies on: 1, 2, 3', 'dlx#effects', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    const other = t.name('other');
    await ch.declareQueue(other, { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead } });
    const die = async (queue: string, headers: Table): Promise<Got> => {
      ch.publish('', queue, 'x', { headers });
      ch.reject((await arrives(ch, queue, false)).deliveryTag, false);
      return arrives(ch, dead);
    };
    let letter = await die(q, { mine: 1 });
    for (const count of [2, 3]) {
      letter = await die(q, letter.properties.headers!);
      expect(deaths(letter)).toEqual([{ count, exchange: '', queue: q, reason: 'rejected', 'routing-keys': [q] }]);
      expect(firstDeath(letter)).toEqual({ exchange: '', queue: q, reason: 'rejected' });
    }
    letter = await die(other, letter.properties.headers!);
    const entry = { exchange: '', reason: 'rejected' };
    expect(deaths(letter)).toEqual([
      { ...entry, count: 1, queue: other, 'routing-keys': [other] },
      { ...entry, count: 3, queue: q, 'routing-keys': [q] },
    ]);
    expect(firstDeath(letter)).toEqual({ exchange: '', queue: q, reason: 'rejected' });
    expect(letter.properties.headers!['mine']).toBe(1);
    letter = await die(q, letter.properties.headers!);
    expect(deaths(letter).map(({ queue, count }) => [queue, count])).toEqual([
      [q, 4],
      [other, 1],
    ]);
  }),

  scenario('a record that came with the message is counted on, whatever else it says', 'dlx#effects', async (t) => {
    const { ch, q, dead } = await withDeadLetters(t);
    const die = async (headers: Table): Promise<Table> => {
      ch.publish('', q, 'x', { headers });
      ch.reject((await arrives(ch, q, false)).deliveryTag, false);
      return (await arrives(ch, dead)).properties.headers!;
    };
    const foreign = { queue: q, reason: 'rejected', count: 41, exchange: 'E', 'routing-keys': ['k1'], mine: 'kept' };
    expect(await die({ 'x-death': [foreign] })).toEqual({ 'x-death': [{ ...foreign, count: 42 }] });
    expect(
      await die({
        'x-death': [
          { queue: 'other', reason: 'odd', count: 3 },
          { queue: q, reason: 'rejected' },
        ],
      }),
    ).toEqual({
      'x-death': [
        { queue: q, reason: 'rejected', count: 2 },
        { queue: 'other', reason: 'odd', count: 3 },
      ],
    });
    // What is no list is no record; what was said of the first death stays.
    const reset = await die({ 'x-death': 'text', 'x-first-death-queue': 'elsewhere' });
    expect((reset['x-death'] as readonly Table[]).map(({ count, queue }) => [count, queue])).toEqual([[1, q]]);
    expect(reset['x-first-death-queue']).toBe('elsewhere');
    expect(reset['x-first-death-reason']).toBeUndefined();
    const fresh = await die({ 'x-first-death-queue': 'elsewhere' });
    expect(fresh['x-first-death-queue']).toBe(q);
  }),

  scenario('a headers exchange routes dead letters by what they died of', 'dlx#effects', async (t) => {
    const ch = await t.confirming();
    const [x, rejected, expired, other] = [t.name('x'), t.name('rejected'), t.name('expired'), t.name('other')];
    await ch.declareExchange(x, 'headers');
    const reasons = [
      [rejected, 'rejected'],
      [expired, 'expired'],
      [other, 'maxlen'],
    ] as const;
    for (const [queue, reason] of reasons) {
      await ch.declareQueue(queue);
      await ch.bindQueue(queue, x, '', { 'x-match': 'all-with-x', 'x-first-death-reason': reason });
    }
    const [q, brief] = [t.name('q'), t.name('brief')];
    await ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': x } });
    await ch.declareQueue(brief, { arguments: { 'x-dead-letter-exchange': x, 'x-message-ttl': 1 } });
    // What its publisher says of it does not count.
    ch.publish('', q, 'refused', { headers: { 'x-first-death-reason': 'maxlen' } });
    ch.reject((await arrives(ch, q, false)).deliveryTag, false);
    ch.publish('', brief, 'late');
    expect(String((await arrives(ch, rejected)).body)).toBe('refused');
    expect(String((await arrives(ch, expired)).body)).toBe('late');
    expect(await drain(ch, other)).toEqual([]);
  }),
]);
