/** Every property between every two protocols, each with itself too: what one says, and what the other then sees. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { RawClient } from '../protocols/mqtt/raw-client.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import {
  Amqp,
  field,
  fieldText,
  listOf,
  mqttClient,
  mqttProperties,
  mqttSeen,
  named,
  type Said,
  type Seen,
  Stomp,
  tableOf,
  WIRES,
  type Wire,
} from './harness.ts';
import { ROWS } from './property-rows.ts';

let broker: TestBroker;
let admin: Amqp;
let amqp: Amqp;
let stomp: Stomp;
const clock = new ManualClock();
let runs = 0;

beforeAll(async () => {
  broker = await startTestBroker({ data: null, clock });
  admin = await Amqp.open(broker);
  amqp = await Amqp.open(broker);
  stomp = await Stomp.open(broker);
});
afterAll(async () => {
  for (const end of [admin, amqp, stomp]) end.close();
  await broker.close();
});

/** What of it goes from one to another. AMQP's delivery mode is left out, which every message that crosses has. */
async function carry(from: Wire, to: Wire, said: Said, waitsMs = 0): Promise<Seen> {
  const run = `r${++runs}`;
  const queue = `q-${run}`;
  if (to === 'mqtt') {
    const kept = await mqttClient(broker, queue);
    await kept.subscribe(`t/${run}`, 1);
    await kept.leave();
  } else {
    await admin.declare(queue);
    await admin.bind(queue, 'amq.topic', `t.${run}`);
  }
  if (from === 'amqp') await amqp.publish('amq.topic', `t.${run}`, { 'delivery-mode': '2', ...said });
  else if (from === 'stomp') {
    await stomp.sure(
      'SEND',
      { destination: `/topic/t.${run}`, persistent: 'true', 'content-length': '1', ...said },
      'x',
    );
  } else {
    const device = await mqttClient(broker, `from-${run}`, true);
    device.publish(`t/${run}`, 'x', 1, 1, { properties: mqttProperties(said)! });
    await device.next('puback');
    await device.leave();
  }
  if (waitsMs > 0) clock.advance(waitsMs);
  const seen = await receive(to, queue);
  const { 'delivery-mode': _, persistent: __, ...properties } = seen.properties;
  return { ...seen, properties };
}

async function receive(to: Wire, queue: string): Promise<Seen> {
  if (to === 'amqp') return amqp.next(queue);
  if (to === 'mqtt') {
    const device = await mqttClient(broker, queue);
    const packet = await device.next('publish');
    device.send({ cmd: 'puback', messageId: packet.messageId! });
    await device.leave();
    return mqttSeen(packet);
  }
  const reader = await Stomp.open(broker);
  await reader.subscribe(`/amq/queue/${queue}`);
  const seen = await reader.message();
  reader.close();
  return seen;
}

/** A table's bytes as the text that is compared. */
const shown = (said: Said): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(said).map(([name, value]) => [
      name,
      Buffer.isBuffer(value) ? fieldText(value) : Array.isArray(value) ? [...(value as string[])] : (value as string),
    ]),
  );

describe.each(ROWS)('$what', (row) => {
  const pairs = WIRES.flatMap((from) => WIRES.map((to) => ({ from, to }))).filter(
    ({ from, to }) => row[from] !== undefined && (row.seen?.[`${from} to ${to}`] ?? row[to]) !== undefined,
  );
  it.each(pairs)('$from to $to', async ({ from, to }) => {
    const seen = await carry(from, to, row[from]!, row.waits);
    expect(seen.body).toBe('x');
    expect(seen.properties).toEqual(shown(row.seen?.[`${from} to ${to}`] ?? row[to]!));
  });
});

describe('delivery mode', () => {
  const SAID: Record<Wire, readonly [keep: Said, no: Said]> = {
    amqp: [{ 'delivery-mode': '2' }, { 'delivery-mode': '1' }],
    mqtt: [{ qos: '1' }, { qos: '0' }],
    stomp: [{ persistent: 'true' }, {}],
  };
  it.each(WIRES.flatMap((from) => WIRES.flatMap((to) => [0, 1].map((i) => ({ from, to, kept: i === 0 })))))(
    '$from to $to, persistent: $kept',
    async ({ from, to, kept }) => {
      const run = `d${++runs}`;
      const reader = to === 'stomp' ? await Stomp.open(broker) : undefined;
      const device = to === 'mqtt' ? await mqttClient(broker, run, true) : undefined;
      await reader?.subscribe(`/topic/t.${run}`);
      await device?.subscribe(`t/${run}`, 1);
      if (to === 'amqp') {
        await admin.declare(run);
        await admin.bind(run, 'amq.topic', `t.${run}`);
      }
      const said = SAID[from][kept ? 0 : 1]!;
      if (from === 'amqp') await amqp.publish('amq.topic', `t.${run}`, said);
      else if (from === 'stomp') await stomp.sure('SEND', { destination: `/topic/t.${run}`, ...said }, 'x');
      else {
        const sender = await mqttClient(broker, `from-${run}`, true);
        sender.publish(`t/${run}`, 'x', kept ? 1 : 0, kept ? 1 : 0);
        await sender.settle();
        await sender.leave();
      }
      if (to === 'amqp') expect((await amqp.next(run)).properties['delivery-mode']).toBe(kept ? '2' : '1');
      else if (to === 'stomp')
        expect((await reader!.message()).properties['persistent']).toBe(kept ? 'true' : undefined);
      else expect((await device!.next('publish')).qos).toBe(kept ? 1 : 0);
      reader?.close();
      await device?.vanish();
    },
  );
});

it('of two priorities and two delays the broker goes by the first, as whoever reads them does', async () => {
  const queue = 'prioritised';
  await admin.declare(queue, named('x-max-priority', field('I:10')));
  const device = await mqttClient(broker, 'two', true);
  for (const [text, priority] of [
    ['low', ['1', '9']],
    ['high', ['5', '0']],
  ] as const) {
    device.publish(`$queue/${queue}`, text, 1, 1, { properties: mqttProperties({ 'u:priority': priority })! });
    await device.next('puback');
  }
  const said = mqttProperties({ 'u:x-delay': ['1000', '1'] })!;
  device.publish(`$queue/${queue}`, 'late', 1, 1, { properties: said });
  await device.next('puback');
  clock.advance(500);
  expect([(await amqp.next(queue)).body, (await amqp.next(queue)).body]).toEqual(['high', 'low']);
  expect(await amqp.get(queue)).toBeUndefined();
  clock.advance(1_000);
  expect((await amqp.next(queue)).body).toBe('late');
  await device.vanish();
});

it('a user id that was checked does not make another one checked', async () => {
  await admin.declare('claims');
  const reader = await Stomp.open(broker);
  const said = mqttProperties({ 'u:user-id': 'guest' })!;
  const guest = await mqttClient(broker, 'guest', true);
  const nobody = await RawClient.connect(broker.ports.mqtt, 'nobody', { protocolVersion: 5 });
  for (const to of ['amqp', 'stomp']) {
    for (const device of [guest, nobody, guest]) {
      device.publish('$queue/claims', 'x', 1, 1, { properties: said });
      await device.next('puback');
      if (to === 'amqp') {
        expect((await amqp.next('claims')).properties['user-id']).toBe(device === guest ? 'guest' : undefined);
      }
    }
    if (to === 'stomp') {
      await reader.subscribe('/amq/queue/claims');
      const told = [await reader.message(), await reader.message(), await reader.message()];
      expect(told.map(({ properties }) => properties['user-id'])).toEqual(['guest', undefined, 'guest']);
    }
  }
  reader.close();
  await guest.vanish();
  await nobody.vanish();
});

it('a STOMP message without a length is text for MQTT 5.0 where its body is UTF-8', async () => {
  const device = await mqttClient(broker, 'text', true);
  await device.subscribe('text', 1);
  for (const body of ['gr\xc3\xbcn', 'gr\xfcn', 'gr\xc3\xbcn']) {
    await stomp.sure('SEND', { destination: '/topic/text' }, body);
    const { properties, body: got } = mqttSeen(await device.next('publish'));
    expect([got, properties['payload-format']]).toEqual([body, body === 'gr\xfcn' ? undefined : '1']);
  }
  await device.vanish();
});

it('text from MQTT 5.0 goes to STOMP without a length, unless it holds NUL, and as a dead letter', async () => {
  const queue = `text-${++runs}`;
  const dead = named('x-dead-letter-exchange', field('S:'));
  await admin.declare(queue, dead, named('x-dead-letter-routing-key', field(`S:${queue}-dead`)));
  await admin.declare(`${queue}-dead`);
  const reader = await Stomp.open(broker);
  await reader.subscribe(`/amq/queue/${queue}`, { ack: 'client-individual' });
  const sender = await mqttClient(broker, queue, true);
  const send = async (body: string, said: Said): Promise<{ headers: [string, string][]; body: string }> => {
    sender.publish(`$queue/${queue}`, body, 1, 1, { properties: mqttProperties(said)! });
    await sender.next('puback');
    return reader.frame('MESSAGE');
  };
  const lengthOf = (frame: { headers: [string, string][] }): string | undefined =>
    frame.headers.find(([name]) => name === 'content-length')?.[1];
  expect(lengthOf(await send('bytes', { 'u:k': '1' }))).toBe('5');
  expect(lengthOf(await send('a\0b', { 'payload-format': '1', 'u:k': '1' }))).toBe('3');
  const text = await send('text', { 'payload-format': '1', 'u:k': '1' });
  expect([text.body, lengthOf(text)]).toEqual(['text', undefined]);
  expect(lengthOf(await send('bytes', { 'u:k': '1' }))).toBe('5');
  const token = text.headers.find(([name]) => name === 'ack')![1];
  await reader.subscribe(`/amq/queue/${queue}-dead`);
  reader.send('NACK', { id: token, requeue: 'false' });
  const letter = await reader.frame('MESSAGE');
  expect([letter.body, lengthOf(letter)]).toEqual(['text', undefined]);
  reader.close();
  await sender.leave();
});

it('an expiry that STOMP gives as a time of day is what is left of it for the others', async () => {
  for (const to of WIRES) {
    const expires = String(clock.epochMs() + 60_000);
    const seen = { amqp: { expiration: '49500' }, mqtt: { expiry: '50' }, stomp: { expires } };
    expect((await carry('stomp', to, { expires }, 10_500)).properties).toEqual(seen[to]);
  }
});

it('an expiry of more than ten years is shown as ten to those who could not send it again otherwise', async () => {
  for (const to of ['amqp', 'stomp'] as const) {
    const seen = await carry('mqtt', to, { expiry: '4294967295' });
    expect(seen.properties).toEqual({ expiration: '315360000000' });
    expect((await carry(to, to, seen.properties)).properties).toEqual(seen.properties);
  }
  expect((await carry('mqtt', 'mqtt', { expiry: '4294967295' })).properties).toEqual({ expiry: '4294967295' });
});

it('a record of deaths that went through MQTT as JSON is counted on', async () => {
  await admin.declare(
    'dies',
    named('x-dead-letter-exchange', field('S:')),
    named('x-dead-letter-routing-key', field('S:died')),
  );
  await admin.declare('died');
  const record = listOf(
    tableOf(named('queue', field('S:dies')), named('reason', field('S:rejected')), named('count', field('l:4'))),
  );
  const { properties } = await carry('amqp', 'mqtt', { 'h:x-death': record });
  const device = await mqttClient(broker, 'again', true);
  device.publish('$queue/dies', 'x', 1, 1, { properties: mqttProperties(properties)! });
  await device.next('puback');
  amqp.reject((await amqp.next('dies', false)).tag);
  expect((await amqp.next('died')).properties['h:x-death']).toBe('A[F{count=l:5,reason=S:rejected,queue=S:dies}]');
  await device.vanish();
});

it('what HTTP shows of a message from elsewhere can be bound, and published over HTTP again', async () => {
  const api = (path: string, body: object) =>
    fetch(`http://127.0.0.1:${broker.ports.http}/api${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
      body: JSON.stringify(body),
    });
  await admin.declare('shown');
  await admin.bind('shown', 'amq.topic', 'v1/2.x');
  const device = await mqttClient(broker, 'shown', true);
  device.publish('v1.2/x', 'x', 1, 1, { properties: mqttProperties({ 'response-topic': 'r.1/k' })! });
  await device.next('puback');
  const asked = { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' };
  const answer = await api('/queues/%2F/shown/get', asked);
  const [got] = (await answer.json()) as [{ routing_key: string; properties: object }];
  expect([got.routing_key, got.properties]).toEqual([
    'v1/2.x',
    { delivery_mode: 2, reply_to: 'r/1.k', headers: { 'x-reply-to-exchange': 'amq.topic' } },
  ]);
  await device.subscribe('v1.2/x', 1);
  await api('/exchanges/%2F/amq.topic/publish', { ...got });
  expect((await device.next('publish')).properties).toMatchObject({ responseTopic: 'r.1/k' });
  await device.leave();
});
