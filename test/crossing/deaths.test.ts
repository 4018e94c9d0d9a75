/** What a dead letter says of its deaths is told to everyone, once, and counted on when an application sends it again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { Amqp, field, mqttClient, mqttProperties, mqttSeen, named, Stomp } from './harness.ts';

let broker: TestBroker;
let amqp: Amqp;
let stomp: Stomp;

beforeAll(async () => {
  broker = await startTestBroker({ data: null });
  amqp = await Amqp.open(broker);
  stomp = await Stomp.open(broker);
  await amqp.declare('dead');
  for (const queue of ['work', 'other']) {
    await amqp.declare(
      queue,
      named('x-dead-letter-exchange', field('S:')),
      named('x-dead-letter-routing-key', field('S:dead')),
    );
  }
});
afterAll(async () => {
  amqp.close();
  stomp.close();
  await broker.close();
});

/** Rejects the next message of a queue. */
async function refuse(queue: string): Promise<void> {
  amqp.reject((await amqp.next(queue, false)).tag);
}

const flat = (first: string, last: string, count: number): Record<string, string> => ({
  'x-first-death-queue': first,
  'x-first-death-reason': 'rejected',
  'x-first-death-exchange': '',
  'x-last-death-queue': last,
  'x-last-death-reason': 'rejected',
  'x-last-death-exchange': '',
  'x-death-count': String(count),
});

it('STOMP sends its dead letter again: 1, 2, 3', async () => {
  const reader = await Stomp.open(broker);
  await reader.subscribe('/amq/queue/dead');
  let headers: Record<string, string | string[]> = { mine: 'caf\xe9', twice: 'x' };
  for (const count of [1, 2, 3]) {
    const queue = count === 3 ? 'other' : 'work';
    await stomp.sure('SEND', { destination: `/amq/queue/${queue}`, 'content-length': '1', ...headers }, 'x');
    await refuse(queue);
    headers = (await reader.message()).properties;
    expect(headers).toEqual({ mine: 'caf\xe9', twice: 'x', ...flat('work', count === 3 ? 'other' : 'work', count) });
  }
  reader.close();
});

it('MQTT sends its dead letter again: 1, 2, 3', async () => {
  const peer = await mqttClient(broker, 'again', true);
  await peer.subscribe('letters', 1);
  await amqp.declare(
    'to-mqtt',
    named('x-dead-letter-exchange', field('S:amq.topic')),
    named('x-dead-letter-routing-key', field('S:letters')),
  );
  let said: Record<string, string | string[]> = { 'u:mine': ['1', '2'] };
  for (const count of [1, 2, 3]) {
    peer.publish('$queue/to-mqtt', 'x', 1, 1, { properties: mqttProperties(said)! });
    await peer.next('puback');
    await refuse('to-mqtt');
    said = mqttSeen(await peer.next('publish')).properties;
    const record = Object.entries(flat('to-mqtt', 'to-mqtt', count)).map(([name, value]) => [`u:${name}`, value]);
    // Its own properties are as it sent them, what comes twice among them.
    expect(said).toEqual({ 'u:mine': ['1', '2'], ...Object.fromEntries(record) });
  }
  await peer.vanish();
});

it('AMQP sends on what STOMP was told, and each sees the record in its own form, once', async () => {
  await stomp.sure('SEND', { destination: '/amq/queue/work', 'content-length': '1', ...flat('work', 'other', 7) }, 'x');
  await refuse('work');
  const { properties } = await amqp.next('dead');
  expect(Object.keys(properties).sort()).toEqual([
    'delivery-mode',
    'h:x-death',
    'h:x-first-death-exchange',
    'h:x-first-death-queue',
    'h:x-first-death-reason',
  ]);
  // The first and the last of seven are known: the one in between are counted with the last.
  expect(properties['h:x-death']).toMatch(
    /^A\[F\{count=l:2,reason=S:rejected,queue=S:work,.*F\{count=l:6,reason=S:rejected,queue=S:other,/,
  );
  expect(properties['h:x-first-death-queue']).toBe('S:work');
  await amqp.publish('', 'work', { 'h:x-death': recordOf('work', 3), 'h:x-first-death-queue': 'S:elsewhere' });
  await refuse('work');
  const reader = await Stomp.open(broker);
  await reader.subscribe('/amq/queue/dead');
  expect((await reader.message()).properties).toEqual({
    'x-first-death-queue': 'elsewhere',
    'x-last-death-queue': 'work',
    'x-last-death-reason': 'rejected',
    'x-death-count': '4',
  });
  reader.close();
});

it('a selector tells dead letters apart by what each is shown of them', async () => {
  const selector = `"x-first-death-queue" = 'other-selected' AND "x-death-count" = '1'`;
  const readers = [await Stomp.open(broker), await Stomp.open(broker)];
  await readers[0]!.subscribe('/amq/queue/dead', { selector });
  await readers[1]!.subscribe('/topic/selected', { selector });
  await amqp.bind('dead', 'amq.topic', 'selected');
  for (const queue of ['one', 'other']) {
    await amqp.declare(
      `${queue}-selected`,
      named('x-dead-letter-exchange', field('S:amq.topic')),
      named('x-dead-letter-routing-key', field('S:selected')),
    );
    await amqp.publish('', `${queue}-selected`, { 'h:x-first-death-queue': 'S:other-selected' }, queue);
    await refuse(`${queue}-selected`);
  }
  for (const reader of readers) {
    expect((await reader.message()).body).toBe('other');
    reader.close();
  }
  expect((await amqp.next('dead')).body).toBe('one');
});

it('a dead letter that is handed on without being kept says of its deaths, too', async () => {
  const peer = await mqttClient(broker, 'at once', true);
  await peer.subscribe('at/once', 0);
  await amqp.declare(
    'at-once',
    named('x-dead-letter-exchange', field('S:amq.topic')),
    named('x-dead-letter-routing-key', field('S:at.once')),
  );
  await amqp.publish('', 'at-once', { 'delivery-mode': '1' });
  await refuse('at-once');
  const { properties } = mqttSeen(await peer.next('publish'));
  const record = Object.entries(flat('at-once', 'at-once', 1)).map(([name, value]) => [`u:${name}`, value]);
  expect(properties).toEqual(Object.fromEntries(record));
  await peer.vanish();
});

it('a dead letter that a full queue sends on has died twice', async () => {
  const to = (key: string): Buffer[] => [
    named('x-dead-letter-exchange', field('S:amq.topic')),
    named('x-dead-letter-routing-key', field(`S:${key}`)),
  ];
  await amqp.declare('past-full', ...to('past.first'));
  await amqp.declare(
    'past-full-1',
    ...to('past.second'),
    named('x-max-length', field('I:1')),
    named('x-overflow', field('S:reject-publish-dlx')),
  );
  await amqp.declare('past-full-2');
  await amqp.bind('past-full-1', 'amq.topic', 'past.first');
  await amqp.bind('past-full-2', 'amq.topic', 'past.*');
  await amqp.publish('', 'past-full-1');
  await amqp.publish('', 'past-full');
  await refuse('past-full');
  // One for the queue that has room, and one from that which has none.
  const letters = [await amqp.next('past-full-2'), await amqp.next('past-full-2')];
  const last = letters.find(({ address }) => address === 'past.second')!.properties;
  expect(last['h:x-death']).toMatch(/reason=S:maxlen,queue=S:past-full-1,.*reason=S:rejected,queue=S:past-full,/);
  expect(last['h:x-first-death-queue']).toBe('S:past-full');
});

it('an endless record of somebody else is cut to what is needed', async () => {
  const { listOf, tableOf } = await import('./harness.ts');
  const entry = (i: number) =>
    tableOf(
      named('queue', field(`S:q${i}`)),
      named('reason', field('S:odd')),
      named('more', field(`S:${'x'.repeat(200)}`)),
    );
  await amqp.publish('', 'work', { 'h:x-death': listOf(...Array.from({ length: 400 }, (_, i) => entry(i))) });
  await refuse('work');
  const record = (await amqp.next('dead')).properties['h:x-death'] as string;
  expect(record.match(/reason=S:odd/g)?.length).toBe(16);
  expect(record).toMatch(/^A\[F\{count=l:1,reason=S:rejected,queue=S:work/);
});

function recordOf(queue: string, count: number): Buffer {
  const entry = Buffer.concat([
    named('queue', field(`S:${queue}`)),
    named('reason', field('S:rejected')),
    named('count', field(`l:${count}`)),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(entry.length);
  const table = Buffer.concat([Buffer.from('F'), length, entry]);
  const all = Buffer.alloc(4);
  all.writeUInt32BE(table.length);
  return Buffer.concat([Buffer.from('A'), all, table]);
}
