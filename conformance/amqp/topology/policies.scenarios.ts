/** Policies: the settings that an operator gives to queues and exchanges by their names. */
import { expect } from 'vitest';
import type { Policy } from '../brokers.ts';
import type { Table } from '../clients/client.ts';
import { drain, eventually, type Run, ready, scenario, texts, topic } from '../scenario.ts';

const only = (name: string): string => `^${name}$`;

/** Sets a policy for exactly this queue or exchange. */
const forOnly = (t: Run, name: string, definition: Policy['definition'], more: Partial<Policy> = {}): Promise<void> =>
  t.setPolicy(t.name('policy'), { pattern: only(name), definition, ...more });

export const policies = topic('policies', [
  scenario('a policy is in force for what is declared after it', 'parameters#policies', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await forOnly(t, q, { 'max-length': 2 });
    await ch.declareQueue(q);
    for (const body of ['1', '2', '3']) ch.publish('', q, body);
    await ch.confirms();
    expect(await drain(ch, q)).toEqual(['2', '3']);
  }),

  scenario('a policy is in force for what is there already, at once', 'parameters#policies', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    for (const body of ['1', '2', '3', '4']) ch.publish('', q, body);
    await ch.confirms();
    await forOnly(t, q, { 'max-length': 1 });
    await eventually(() => ready(ch, q), 1);
    expect(await drain(ch, q)).toEqual(['4']);
  }),

  scenario('what a policy gave goes with it', 'parameters#policies', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    const policy = t.name('policy');
    await t.setPolicy(policy, { pattern: only(q), definition: { 'max-length': 1 } });
    await ch.declareQueue(q);
    await t.clearPolicy(policy);
    const full = async (): Promise<boolean> => {
      for (const body of ['1', '2']) ch.publish('', q, body);
      await ch.confirms();
      return (await drain(ch, q)).length < 2;
    };
    await eventually(full, false);
  }),

  scenario('a policy does not make declarations inequivalent', 'parameters#policies', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    await forOnly(t, q, { 'max-length': 2, 'message-ttl': 60_000 });
    await ch.declareQueue(q);
    await ch.declareQueue(q);
    await t.refused(
      ch.declareQueue(q, { arguments: { 'x-max-length': 2 } }),
      406,
      `PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue '${q}' in vhost '/': received the value '2' of type 'byte' but current is none`,
    );
  }),

  scenario(
    'of a number in the argument and in the policy the lower counts',
    'parameters#combining-policy-definitions',
    async (t) => {
      const ch = await t.confirming();
      const [low, high] = [t.name('low'), t.name('high')];
      await forOnly(t, `(${low}|${high})`, { 'max-length': 2 });
      await ch.declareQueue(low, { arguments: { 'x-max-length': 1 } });
      await ch.declareQueue(high, { arguments: { 'x-max-length': 10 } });
      for (const q of [low, high]) for (const body of ['1', '2', '3']) ch.publish('', q, body);
      await ch.confirms();
      expect(await drain(ch, low)).toEqual(['3']);
      expect(await drain(ch, high)).toEqual(['2', '3']);
    },
  ),

  scenario('of other settings the argument counts', 'parameters#combining-policy-definitions', async (t) => {
    const ch = await t.confirming();
    const [q, mine, theirs] = [t.name(), t.name('mine'), t.name('theirs')];
    for (const dead of [mine, theirs]) await ch.declareQueue(dead);
    await forOnly(t, q, { 'dead-letter-exchange': '', 'dead-letter-routing-key': theirs });
    await ch.declareQueue(q, {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': mine },
    });
    ch.publish('', q, 'x');
    await ch.confirms();
    ch.reject((await ch.get(q))!.deliveryTag, false);
    await eventually(() => ready(ch, mine), 1);
    expect(await ready(ch, theirs)).toBe(0);
  }),

  scenario(
    'of several policies that match, the highest priority counts, alone',
    'parameters#policy-priorities',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await t.setPolicy(t.name('low'), {
        pattern: only(q),
        priority: 1,
        definition: { 'max-length': 1, expires: 100 },
      });
      await t.setPolicy(t.name('high'), { pattern: only(q), priority: 5, definition: { 'max-length': 2 } });
      await ch.declareQueue(q);
      for (const body of ['1', '2', '3']) ch.publish('', q, body);
      await ch.confirms();
      expect(await drain(ch, q)).toEqual(['2', '3']);
    },
  ),

  scenario('message-ttl', 'ttl#message-ttl-using-policy', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await forOnly(t, q, { 'message-ttl': 80 }, { applyTo: 'queues' });
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    await ch.confirms();
    await eventually(() => ready(ch, q), 0);
  }),

  scenario('message-ttl for messages that wait already', 'ttl#message-ttl-using-policy', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    await ch.confirms();
    await forOnly(t, q, { 'message-ttl': 80 });
    if (!t.differs('ttl-policy-for-waiting')) await eventually(() => ready(ch, q), 0);
    else expect(await ready(ch, q)).toBe(1);
  }),

  scenario('expires', 'ttl#queue-ttl', async (t) => {
    const ch = await t.confirming();
    const [q, clock] = [t.name(), t.name('clock')];
    await forOnly(t, q, { expires: 100 });
    await ch.declareQueue(q);
    await ch.declareQueue(clock, { arguments: { 'x-message-ttl': 600 } });
    ch.publish('', clock, 'tick');
    await ch.confirms();
    await eventually(() => ready(ch, clock), 0);
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),

  scenario('max-length-bytes and overflow', 'maxlength#definition-using-policy', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await forOnly(t, q, { 'max-length-bytes': 5, overflow: 'reject-publish' });
    await ch.declareQueue(q);
    const outcomes: string[] = [];
    for (const body of ['12345', '6']) {
      ch.publish('', q, body);
      outcomes.push(...(await ch.confirms()));
    }
    expect(outcomes).toEqual(['ack', 'nack']);
  }),

  scenario('dead-letter-exchange and dead-letter-routing-key', 'dlx#using-policy', async (t) => {
    const ch = await t.confirming();
    const [q, dead] = [t.name(), t.name('dead')];
    await ch.declareQueue(dead);
    await forOnly(t, q, { 'dead-letter-exchange': '', 'dead-letter-routing-key': dead });
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    await ch.confirms();
    const consumer = await ch.consume(q);
    const [delivery] = await consumer.next(1);
    ch.reject(delivery!.deliveryTag, false);
    await eventually(() => ready(ch, dead), 1);
    const [death] = (await ch.get(dead))!.properties.headers!['x-death'] as readonly Table[];
    expect(death).toMatchObject({ queue: q, reason: 'rejected' });
  }),

  scenario('delivery-limit', 'quorum-queues#poison-message-handling', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await forOnly(t, q, { 'delivery-limit': 1 });
    await ch.declareQueue(q, { arguments: { 'x-queue-type': 'quorum' } });
    ch.publish('', q, 'poison');
    ch.publish('', q, 'fine');
    await ch.confirms();
    await ch.qos(1);
    const consumer = await ch.consume(q);
    const seen: string[] = [];
    while (seen.at(-1) !== 'fine') {
      const [delivery] = await consumer.next(1);
      seen.push(...texts([delivery!]));
      if (seen.at(-1) === 'fine') ch.ack(delivery!.deliveryTag);
      else ch.nack(delivery!.deliveryTag);
    }
    expect(seen).toEqual(['poison', 'poison', 'fine']);
  }),

  scenario('alternate-exchange', 'ae#define-using-policy', async (t) => {
    const ch = await t.confirming();
    const [x, alternate, q] = [t.name('x'), t.name('alternate'), t.name()];
    await ch.declareExchange(x, 'direct');
    await ch.declareExchange(alternate, 'fanout');
    await ch.declareQueue(q);
    await ch.bindQueue(q, alternate, '');
    await forOnly(t, x, { 'alternate-exchange': alternate }, { applyTo: 'exchanges' });
    const arrives = async (): Promise<boolean> => {
      ch.publish(x, 'nobody', 'x');
      await ch.confirms();
      return (await drain(ch, q)).length > 0;
    };
    await eventually(arrives, true);
  }),

  scenario('apply-to queues leaves exchanges alone, and the other way round', 'parameters#policies', async (t) => {
    const ch = await t.confirming();
    const name = t.name('both');
    await ch.declareExchange(name, 'direct');
    await ch.declareQueue(name);
    await t.setPolicy(t.name('p1'), {
      pattern: only(name),
      applyTo: 'exchanges',
      priority: 9,
      definition: { 'alternate-exchange': 'amq.fanout' },
    });
    await t.setPolicy(t.name('p2'), {
      pattern: only(name),
      applyTo: 'queues',
      priority: 1,
      definition: { 'max-length': 1 },
    });
    for (const body of ['1', '2']) ch.publish('', name, body);
    await ch.confirms();
    await eventually(() => ready(ch, name), 1);
  }),

  scenario('the pattern is looked for anywhere in the name', 'parameters#policies', async (t) => {
    const ch = await t.confirming();
    const [match, other] = [t.name('a.tmp.b'), t.name('a.keep.b')];
    await t.setPolicy(t.name('policy'), {
      pattern: `tmp\\.b${t.name('').replace(/[.]/g, '\\.')}`,
      definition: { 'max-length': 1 },
    });
    for (const q of [match, other]) {
      await ch.declareQueue(q);
      for (const body of ['1', '2']) ch.publish('', q, body);
    }
    await ch.confirms();
    expect([await ready(ch, match), await ready(ch, other)]).toEqual([1, 2]);
  }),

  scenario('a policy that is changed is in force as changed', 'parameters#policies', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    const policy = t.name('policy');
    await t.setPolicy(policy, { pattern: only(q), definition: { 'max-length': 3 } });
    await ch.declareQueue(q);
    for (const body of ['1', '2', '3', '4']) ch.publish('', q, body);
    await ch.confirms();
    expect(await ready(ch, q)).toBe(3);
    await t.setPolicy(policy, { pattern: only(q), definition: { 'max-length': 1 } });
    await eventually(() => ready(ch, q), 1);
  }),

  scenario('an operator policy limits what a client asks for', 'parameters#operator-policies', async (t) => {
    const ch = await t.confirming();
    const [bold, modest] = [t.name('bold'), t.name('modest')];
    await forOnly(t, `(${bold}|${modest})`, { 'max-length': 2 }, { kind: 'operator', applyTo: 'queues' });
    await ch.declareQueue(bold, { arguments: { 'x-max-length': 100 } });
    await ch.declareQueue(modest, { arguments: { 'x-max-length': 1 } });
    for (const q of [bold, modest]) for (const body of ['1', '2', '3']) ch.publish('', q, body);
    await ch.confirms();
    expect([await ready(ch, bold), await ready(ch, modest)]).toEqual([2, 1]);
  }),

  scenario(
    'an operator policy and a policy are both in force: of numbers the lower',
    'parameters#operator-policies',
    async (t) => {
      const ch = await t.confirming();
      const q = t.name();
      await forOnly(t, q, { 'max-length': 1, 'message-ttl': 60_000 }, { kind: 'operator', applyTo: 'queues' });
      await t.setPolicy(t.name('mine'), { pattern: only(q), definition: { 'max-length': 10, 'message-ttl': 1_500 } });
      await ch.declareQueue(q);
      for (const body of ['1', '2']) ch.publish('', q, body);
      await ch.confirms();
      expect(await ready(ch, q)).toBe(1);
      await eventually(() => ready(ch, q), 0);
    },
  ),

  ...(
    [
      ['max-length', -1],
      ['max-length', 'many'],
      ['message-ttl', -1],
      ['expires', 0],
      ['overflow', 'explode'],
      ['no-such-key', 1],
    ] as const
  ).map(([key, value]) =>
    scenario(`a definition with ${key} ${JSON.stringify(value)} is refused`, 'parameters#policies', async (t) => {
      const q = t.name();
      await expect(forOnly(t, q, { [key]: value })).rejects.toThrow();
    }),
  ),
]);
