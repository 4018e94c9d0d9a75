/**
 * What must be true before somebody takes a message by basic.get, or looks at a queue: all frames of a scenario go out in one
 * write, so that a broker which does such things some time later is caught at it. RabbitMQ's processes answer in no certain
 * order, so answers are looked at by their names.
 */
import { expect } from 'vitest';
import type { Consumer } from '../clients/client.ts';
import {
  bits,
  body,
  EMPTY_TABLE,
  field,
  header,
  long,
  type MethodName,
  method,
  publish,
  type Reader,
  short,
  table,
  u8,
  u16,
  u32,
  u64,
} from '../clients/frames.ts';
import type { RawConnection } from '../clients/raw.ts';
import { drain, eventually, rawScenario, ready, scenario, texts, topic } from '../scenario.ts';

const declare = (queue: string, args = EMPTY_TABLE, durable = false): Buffer =>
  method(1, 'queue.declare', u16(0), short(queue), bits(false, durable), args);
const get = (queue: string, noAck = true): Buffer => method(1, 'basic.get', u16(0), short(queue), bits(noAck));
const consume = (queue: string, tag: string, exclusive = false): Buffer =>
  method(1, 'basic.consume', u16(0), short(queue), short(tag), bits(false, false, exclusive), EMPTY_TABLE);
const qos = (count: number, global = false): Buffer => method(1, 'basic.qos', u32(0), u16(count), bits(global));
const ack = (tag: number): Buffer => method(1, 'basic.ack', u64(tag), bits(false));
const send = (queue: string, text: string, properties?: Buffer): Buffer =>
  Buffer.concat([publish(1, '', queue), header(1, text.length, properties), body(1, text)]);
const expiring = (ms: string): Buffer => Buffer.concat([u16(0x0100), short(ms)]);
const lengthMax = (n: number): Buffer => field('x-max-length', 'I', u32(n));
const deadTo = (queue: string): Buffer[] => [
  field('x-dead-letter-exchange', 'S', long('')),
  field('x-dead-letter-routing-key', 'S', long(queue)),
];

interface Answer {
  readonly fields: Reader;
  /** Of what carries a message. */
  readonly text: string;
  readonly properties: Buffer;
}

const CARRY: readonly string[] = ['basic.deliver', 'basic.get-ok', 'basic.return'];

/** The next `count` methods, by name. */
async function answers(raw: RawConnection, count: number): Promise<Map<MethodName, Answer>> {
  const found = new Map<MethodName, Answer>();
  for (let i = 0; i < count; i++) {
    const { name, fields } = await raw.method();
    const content = CARRY.includes(name) ? await raw.content() : undefined;
    const answer = { fields, text: String(content?.body ?? ''), properties: content?.properties ?? Buffer.alloc(0) };
    found.set(name as MethodName, answer);
  }
  return found;
}

export const taking = topic('taking and looking', [
  rawScenario('a limit holds before a get in the same write', 'maxlength; §1.8.2.11 get', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q, table(lengthMax(1))), send(q, 'm1'), send(q, 'm2'), get(q));
    const got = (await answers(raw, 2)).get('basic.get-ok')!;
    expect(got.text).toBe('m2');
    expect(got.fields.rest().readUInt32BE(got.fields.rest().length - 4)).toBe(0);
  }),

  rawScenario(
    'of priorities the head goes where there are too many, before a get',
    'priority; maxlength',
    async (t) => {
      const raw = await t.rawChannel();
      const q = t.name();
      const high = Buffer.concat([u16(0x0800), u8(5)]);
      const args = table(lengthMax(1), field('x-max-priority', 'I', u32(9)));
      raw.send(declare(q, args), send(q, 'low'), send(q, 'high', high), get(q));
      expect((await answers(raw, 2)).get('basic.get-ok')!.text).toBe('low');
    },
  ),

  rawScenario('what expires at once is not there for a get in the same write', 'ttl#per-message', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), send(q, 'm1', expiring('0')), get(q));
    expect([...(await answers(raw, 2)).keys()]).toEqual(['queue.declare-ok', 'basic.get-empty']);
  }),

  rawScenario(
    'what a get leaves is counted without what is over by then',
    'ttl#per-message; §1.8.2.11 get',
    async (t) => {
      const raw = await t.rawChannel();
      const q = t.name();
      raw.send(declare(q), send(q, 'm1'), send(q, 'm2', expiring('0')), send(q, 'm3'), get(q));
      const got = (await answers(raw, 2)).get('basic.get-ok')!;
      expect(got.text).toBe('m1');
      expect(got.fields.rest().readUInt32BE(got.fields.rest().length - 4)).toBe(1);
    },
  ),

  rawScenario('a purge counts no more than a limit allows, however many came', 'maxlength', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    const many = Array.from({ length: 9000 }, () => send(q, 'm'));
    raw.send(declare(q, table(lengthMax(2))));
    await raw.method();
    raw.send(...many, method(1, 'queue.purge', u16(0), short(q), bits(false)));
    expect((await answers(raw, 1)).get('queue.purge-ok')!.fields.u32()).toBe(2);
  }),

  rawScenario('who gives up consuming gets what came before', 'consumers; §1.8.3.5 cancel', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), consume(q, 'c'));
    await answers(raw, 2);
    raw.send(send(q, 'm1'), method(1, 'basic.cancel', short('c'), bits(false)), send(q, 'm2'), get(q));
    const told = await answers(raw, 3);
    expect(told.get('basic.deliver')!.text).toBe('m1');
    expect(told.get('basic.get-ok')!.text).toBe('m2');
  }),

  rawScenario('a waiting consumer comes before a get', 'consumers; §1.8.2.11 get', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), consume(q, 'c'), send(q, 'm1'), get(q));
    const told = await answers(raw, 4);
    expect(told.get('basic.deliver')!.text).toBe('m1');
    expect(told.has('basic.get-empty')).toBe(true);
  }),

  rawScenario('the same under a limit of the channel', 'consumer-prefetch; §1.8.2.11 get', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), qos(1, true), consume(q, 'c'), send(q, 'm1'), send(q, 'm2'), get(q));
    const told = await answers(raw, 5);
    expect(told.get('basic.deliver')!.text).toBe('m1');
    expect(told.get('basic.get-ok')!.text).toBe('m2');
  }),

  rawScenario('an acknowledgement gives its consumer the next one, before a get', '§1.8.2.13 ack', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), qos(1), consume(q, 'c'), send(q, 'm1'), send(q, 'm2'));
    await answers(raw, 4);
    raw.send(ack(1), get(q));
    const told = await answers(raw, 2);
    expect(told.get('basic.deliver')!.text).toBe('m2');
    expect(told.has('basic.get-empty')).toBe(true);
  }),

  rawScenario('a get takes what an exclusive consumer leaves', '§1.8.2.3.6 exclusive', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), qos(1), consume(q, 'c', true), send(q, 'm1'), send(q, 'm2'), get(q));
    const told = await answers(raw, 5);
    expect(told.get('basic.deliver')!.text).toBe('m1');
    expect(told.get('basic.get-ok')!.text).toBe('m2');
  }),

  rawScenario('a purge leaves what a waiting consumer gets', '§1.7.2.7 purge', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), consume(q, 'c'), send(q, 'm1'), method(1, 'queue.purge', u16(0), short(q), bits(false)));
    const told = await answers(raw, 4);
    expect(told.get('basic.deliver')!.text).toBe('m1');
    expect(told.get('queue.purge-ok')!.fields.u32()).toBe(0);
  }),

  rawScenario('what a limit drops before a purge is a dead letter', 'dlx; §1.7.2.7 purge', async (t) => {
    const raw = await t.rawChannel();
    const [q, dead] = [t.name(), t.name('dead')];
    const purge = method(1, 'queue.purge', u16(0), short(q), bits(false));
    raw.send(declare(dead), declare(q, table(lengthMax(1), ...deadTo(dead))), send(q, 'm1'), send(q, 'm2'), purge);
    expect((await answers(raw, 3)).get('queue.purge-ok')!.fields.u32()).toBe(1);
    await eventually(async () => drain(await t.channel(), dead).then(String), 'm1');
  }),

  rawScenario('what is over when its queue is deleted is a dead letter', 'dlx; §1.7.2.9 delete', async (t) => {
    const raw = await t.rawChannel();
    const [q, dead] = [t.name(), t.name('dead')];
    const remove = method(1, 'queue.delete', u16(0), short(q), bits(false));
    const args = table(lengthMax(1), ...deadTo(dead));
    raw.send(declare(dead), declare(q, args), send(q, 'm1'), send(q, 'm2', expiring('0')), remove);
    expect((await answers(raw, 3)).get('queue.delete-ok')!.fields.u32()).toBe(0);
    await eventually(async () => drain(await t.channel(), dead).then(String), 'm1,m2');
  }),

  rawScenario('a queue whose message a waiting consumer gets is empty', '§1.7.2.9.4 if-empty', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(declare(q), consume(q, 'c'), send(q, 'm1'));
    raw.send(method(1, 'queue.delete', u16(0), short(q), bits(false, true)));
    const told = await answers(raw, 5);
    expect(told.get('basic.deliver')!.text).toBe('m1');
    expect(told.get('queue.delete-ok')!.fields.u32()).toBe(0);
  }),

  rawScenario('a queue whose message expires at once has room for the next', 'maxlength#overflow', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    const args = table(lengthMax(1), field('x-overflow', 'S', long('reject-publish')));
    const select = method(1, 'confirm.select', bits(false));
    raw.send(select, declare(q, args), send(q, 'm1', expiring('0')), send(q, 'm2'));
    const told = await answers(raw, 3);
    expect([...told.keys()]).not.toContain('basic.nack');
    await eventually(async () => drain(await t.channel(), q).then(String), 'm2');
  }),

  scenario('acknowledging up to a tag that is not held is a mistake', '§1.8.2.13.2 multiple', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q);
    ch.publish('', q, 'x');
    await ch.confirms();
    const held = (await ch.get(q))!;
    ch.ack(held.deliveryTag + 4, true);
    await t.closes(ch, 406, `PRECONDITION_FAILED - unknown delivery tag ${held.deliveryTag + 4}`);
    expect((await (await t.channel()).get(q))!.redelivered).toBe(true);
  }),

  scenario(
    'an answer’s address is given up with its consumer, and another begins anew',
    'direct-reply-to',
    async (t) => {
      const ch = await t.channel();
      const address = 'amq.rabbitmq.reply-to';
      const first = await ch.consume(address, { noAck: true });
      await ch.cancel(first.tag);
      const answers = await ch.consume(address, { noAck: true });
      const q = t.name();
      await ch.declareQueue(q);
      ch.publish('', q, 'question', { replyTo: address });
      await eventually(() => ready(ch, q), 1);
      const asked = (await ch.get(q, { noAck: true }))!;
      (await t.channel()).publish('', asked.properties.replyTo!, 'answer');
      expect(texts(await answers.next(1))).toEqual(['answer']);
    },
  ),

  scenario('after a get the time of the next one counts', 'ttl#per-message', async (t) => {
    const ch = await t.confirming();
    const [q, dead] = [t.name(), t.name('dead')];
    await ch.declareQueue(dead);
    await ch.declareQueue(q, { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead } });
    ch.publish('', q, 'a');
    ch.publish('', q, 'b', { expiration: '400' });
    await ch.confirms();
    expect((await ch.get(q, { noAck: true }))!.body.toString()).toBe('a');
    await eventually(() => ready(ch, dead), 1);
  }),

  scenario('a get from a quorum queue tells how often the message has come back', 'quorum-queues', async (t) => {
    const ch = await t.confirming();
    const q = t.name();
    await ch.declareQueue(q, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    ch.publish('', q, 'x');
    await ch.confirms();
    for (const count of [0, 1, 2]) {
      await eventually(() => ready(ch, q), 1);
      const got = (await ch.get(q))!;
      expect(Number(got.properties.headers?.['x-delivery-count'])).toBe(count);
      ch.nack(got.deliveryTag, { requeue: true });
    }
    await ch.deleteQueue(q);
  }),

  scenario('a quorum queue with a single active consumer knows no get', 'quorum-queues', async (t) => {
    const ch = await t.channel();
    const q = t.name();
    const args = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true };
    await ch.declareQueue(q, { durable: true, arguments: args });
    await t.refused(
      ch.get(q),
      405,
      `RESOURCE_LOCKED - cannot obtain access to locked queue '${q}' in vhost '/'. basic.get operations are not supported by quorum queues with single active consumer`,
    );
    await (await t.channel()).deleteQueue(q);
  }),

  rawScenario('who deletes a queue hears that before its consumer is cancelled', 'consumer-cancel', async (t) => {
    for (const durable of [false, true]) {
      const raw = await t.rawChannel();
      const q = t.name();
      raw.send(declare(q, EMPTY_TABLE, durable), consume(q, 'c'));
      await answers(raw, 2);
      raw.send(method(1, 'queue.delete', u16(0), short(q), bits(false)));
      await raw.expect('queue.delete-ok', 1);
      expect((await raw.expect('basic.cancel', 1)).short()).toBe('c');
    }
  }),

  scenario('consumers of several queues share a limit of the channel fairly', 'consumer-prefetch', async (t) => {
    const ch = await t.confirming();
    const names = [t.name('a'), t.name('b'), t.name('c')];
    for (const q of names) {
      await ch.declareQueue(q);
      for (let i = 0; i < 20; i++) ch.publish('', q, q);
    }
    await ch.confirms();
    const other = await t.channel();
    await other.qos(1, true);
    const all: Consumer[] = [];
    for (const q of names) all.push(await other.consume(q));
    const count = (): number => all.reduce((sum, consumer) => sum + consumer.deliveries.length, 0);
    for (let tag = 1; tag <= 30; tag++) {
      await eventually(count, tag);
      other.ack(tag);
    }
    // RabbitMQ draws lots; nobody starves there either.
    for (const consumer of all) expect(consumer.deliveries.length).toBeGreaterThan(3);
    expect(texts(all[2]!.deliveries).every((text) => text === names[2])).toBe(true);
  }),
]);
