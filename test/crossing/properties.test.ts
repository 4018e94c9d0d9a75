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

/** A property as each protocol says it and sees it. `seen` is for pairs that see it otherwise. */
interface Row {
  readonly what: string;
  readonly amqp?: Said;
  readonly mqtt?: Said;
  readonly stomp?: Said;
  readonly seen?: { readonly [pair in `${Wire} to ${Wire}`]?: Said };
  /** Milliseconds between publishing and delivery. */
  readonly waits?: number;
}

const LATIN = 'caf\xe9'; // what is no UTF-8
const UTF8 = Buffer.from('Gr\u00fc\u00dfe').latin1Slice();
const RANDOM = '\x8f\x00\x01\xff\xfe\x10\x7f\x80\xc3\x28\xa0\xa1\xe2\x28\xa1\x00';
const HEX = Buffer.from(RANDOM, 'latin1').toString('hex').toUpperCase();
const NESTED = tableOf(named('k', listOf(field('S:v'), field('l:1'), field('t:true'))), named('d', field('d:0.5')));
const JSON_TEXT = '{"k":["v",1,true],"d":0.5}';

const ROWS: readonly Row[] = [
  {
    what: 'content type',
    amqp: { 'content-type': 'text/x' },
    mqtt: { 'content-type': 'text/x' },
    stomp: { 'content-type': 'text/x' },
  },
  {
    what: 'content encoding',
    amqp: { 'content-encoding': 'gzip' },
    mqtt: { 'u:content-encoding': 'gzip' },
    stomp: { 'content-encoding': 'gzip' },
  },
  {
    what: 'correlation id',
    amqp: { 'correlation-id': UTF8 },
    mqtt: { 'correlation-data': UTF8 },
    stomp: { 'correlation-id': UTF8 },
  },
  {
    what: 'correlation id of any bytes',
    amqp: { 'correlation-id': RANDOM },
    mqtt: { 'correlation-data': RANDOM },
    stomp: { 'correlation-id': `ID:AMQP_BINARY:${HEX}` },
    // Many AMQP clients take a short string for UTF-8, and break where it is none.
    seen: {
      'mqtt to amqp': { 'h:x-correlation-id': `x:${RANDOM}` },
      'stomp to amqp': { 'h:x-correlation-id': `x:${RANDOM}` },
    },
  },
  {
    what: 'correlation id in a header, as AMQP is shown one of any bytes',
    amqp: { 'h:x-correlation-id': `x:${RANDOM}` },
    mqtt: { 'correlation-data': RANDOM },
    stomp: { 'correlation-id': `ID:AMQP_BINARY:${HEX}` },
  },
  {
    what: 'reply-to: a queue',
    amqp: { 'reply-to': 'answers/here.now' },
    mqtt: { 'response-topic': '$queue/answers/here.now' },
    stomp: { 'reply-to': '/queue/answers%2Fhere.now' },
  },
  {
    what: 'reply-to: a topic',
    amqp: { 'reply-to': 'resp.10/0/0/5.k', 'h:x-reply-to-exchange': 'S:amq.topic' },
    mqtt: { 'response-topic': 'resp/10.0.0.5/k' },
    stomp: { 'reply-to': '/topic/resp.10%2F0%2F0%2F5.k' },
  },
  {
    what: 'reply-to: a queue behind a delay, which the others cannot ask for',
    mqtt: { 'response-topic': '$delayed/5/$queue/q' },
    seen: { 'mqtt to amqp': { 'reply-to': 'q' }, 'mqtt to stomp': { 'reply-to': '/queue/q' } },
  },
  {
    what: 'reply-to: where nobody may send to',
    mqtt: { 'response-topic': '$SYS/x' },
    seen: { 'mqtt to amqp': {}, 'mqtt to stomp': {} },
  },
  {
    what: 'priority',
    amqp: { priority: '7' },
    mqtt: { 'u:priority': '7' },
    stomp: { priority: '7' },
  },
  {
    what: 'expiry: what is left of it',
    amqp: { expiration: '60000' },
    mqtt: { expiry: '60' },
    stomp: { expiration: '60000' },
    waits: 10_500,
    seen: {
      'amqp to mqtt': { expiry: '50' }, // 49.5, rounded up
      'mqtt to mqtt': { expiry: '50' },
      'stomp to mqtt': { expiry: '50' },
      'mqtt to amqp': { expiration: '49500' },
      'stomp to amqp': { expiration: '49500' },
      'amqp to stomp': { expiration: '49500' },
      'mqtt to stomp': { expiration: '49500' },
    },
  },
  {
    what: 'message id',
    amqp: { 'message-id': 'm-1' },
    mqtt: { 'u:message-id': 'm-1' },
    stomp: { 'amqp-message-id': 'm-1' },
  },
  { what: 'type', amqp: { type: 'reading' }, mqtt: { 'u:type': 'reading' }, stomp: { type: 'reading' } },
  { what: 'app id', amqp: { 'app-id': 'app' }, mqtt: { 'u:app-id': 'app' }, stomp: { 'app-id': 'app' } },
  {
    what: 'timestamp',
    amqp: { timestamp: '1700000000' },
    mqtt: { 'u:timestamp': '1700000000' },
    stomp: { timestamp: '1700000000' },
  },
  {
    what: 'group id',
    amqp: { 'h:JMSXGroupID': 'S:g' },
    mqtt: { 'u:JMSXGroupID': 'g' },
    stomp: { JMSXGroupID: 'g' },
  },
  {
    what: 'user id',
    amqp: { 'user-id': 'guest' },
    mqtt: { 'u:user-id': 'guest' },
    stomp: { 'user-id': 'guest' },
  },
  {
    what: 'a user id that is not who publishes it, which the others refuse: no more than a header',
    mqtt: { 'u:user-id': 'admin' },
    seen: { 'mqtt to amqp': { 'h:user-id': 'S:admin' }, 'mqtt to stomp': {} },
  },
  {
    what: 'a user id that is, behind one that is not',
    mqtt: { 'u:user-id': ['admin', 'guest'] },
    seen: { 'mqtt to amqp': { 'h:user-id': 'S:admin' }, 'mqtt to stomp': {} },
  },
  {
    what: 'a user id that is marked to stand for another: who it says',
    mqtt: { 'u:user-id': 'guest', 'u:x-base64-headers': 'user-id' },
    stomp: { 'user-id': 'guest', 'x-base64-headers': 'user-id' },
    seen: Object.fromEntries([
      ...(['mqtt', 'stomp'] as const).map((from) => [`${from} to amqp`, { 'user-id': 'guest' }]),
      ['mqtt to stomp', { 'user-id': 'guest' }],
      ['stomp to mqtt', { 'u:user-id': 'guest' }],
    ]),
  },
  {
    what: 'a user id that is marked, and not who publishes it: a header',
    mqtt: { 'u:user-id': 'YWRtaW4=', 'u:x-base64-headers': 'user-id' },
    seen: { 'mqtt to amqp': { 'h:user-id': 'S:admin' }, 'mqtt to stomp': {} },
  },
  {
    what: 'a mark at what is no base64: text',
    mqtt: { 'u:h': 'a b', 'u:x-base64-headers': 'h' },
    seen: { 'mqtt to amqp': { 'h:h': 'S:a b' }, 'mqtt to stomp': { h: 'a b' } },
  },
  {
    what: 'a header that is called like the user id',
    amqp: { 'h:user-id': 'S:admin' },
    seen: { 'amqp to stomp': {} },
  },
  {
    what: 'a header',
    amqp: { 'h:x-colour': `S:${UTF8}: \\and \n more` },
    mqtt: { 'u:x-colour': `${UTF8}: \\and \n more` },
    stomp: { 'x-colour': `${UTF8}: \\and \n more` },
  },
  {
    what: 'a header whose name is beyond ASCII',
    amqp: { [`h:${UTF8}`]: 'S:v' },
    mqtt: { [`u:${UTF8}`]: 'v' },
    stomp: { [UTF8]: 'v' },
  },
  {
    what: 'headers that are no text',
    amqp: {
      'h:i': 'I:-5',
      'h:l': 'l:12345678901',
      'h:t': 't:true',
      'h:d': 'd:0.5',
      'h:D': 'D:2/314',
      'h:T': 'T:17',
      'h:V': 'V:',
      'h:x': 'x:abc',
    },
    mqtt: {
      'u:i': '-5',
      'u:l': '12345678901',
      'u:t': 'true',
      'u:d': '0.5',
      'u:D': '3.14',
      'u:T': '17',
      'u:V': '',
      'u:x': 'abc',
    },
    stomp: { i: '-5', l: '12345678901', t: 'true', d: '0.5', D: '3.14', T: '17', V: '', x: 'abc' },
    seen: {
      'mqtt to amqp': {
        'h:i': 'S:-5',
        'h:l': 'S:12345678901',
        'h:t': 'S:true',
        'h:d': 'S:0.5',
        'h:D': 'S:3.14',
        'h:T': 'S:17',
        'h:V': 'S:',
        'h:x': 'S:abc',
      },
      'stomp to amqp': {
        'h:i': 'S:-5',
        'h:l': 'S:12345678901',
        'h:t': 'S:true',
        'h:d': 'S:0.5',
        'h:D': 'S:3.14',
        'h:T': 'S:17',
        'h:V': 'S:',
        'h:x': 'S:abc',
      },
    },
  },
  {
    what: 'a header of bytes that are no text',
    amqp: { 'h:h': `S:${LATIN}` },
    mqtt: { 'u:h': Buffer.from(LATIN, 'latin1').toString('base64'), 'u:x-base64-headers': 'h' },
    stomp: { h: LATIN },
  },
  {
    what: 'lists and tables',
    amqp: { 'h:m': NESTED },
    mqtt: { 'u:m': JSON_TEXT, 'u:x-json-headers': 'm' },
    stomp: { m: JSON_TEXT, 'x-json-headers': 'm' },
  },
  {
    what: 'a name that comes twice: the first',
    amqp: { 'h:k': ['S:1', 'S:2'], 'h:j': 'S:x' },
    mqtt: { 'u:k': ['1', '2'], 'u:j': 'x' },
    stomp: { k: ['1', '2'], j: 'x' },
    seen: Object.fromEntries(
      WIRES.flatMap((from) => [
        [`${from} to amqp`, { 'h:k': 'S:1', 'h:j': 'S:x' }],
        // Between two clients of MQTT 5.0 nothing is changed, and there a name may come twice.
        ...(from === 'mqtt' ? [] : [[`${from} to mqtt`, { 'u:k': '1', 'u:j': 'x' }]]),
        [`${from} to stomp`, { k: '1', j: 'x' }],
      ]),
    ),
  },
  {
    what: 'a property that comes twice: the first',
    mqtt: { 'u:message-id': ['1', '2'] },
    seen: { 'mqtt to amqp': { 'message-id': '1' }, 'mqtt to stomp': { 'amqp-message-id': '1' } },
  },
  {
    what: 'a priority that comes twice: the first, for the broker as well',
    mqtt: { 'u:priority': ['1', '9'] },
    seen: { 'mqtt to amqp': { priority: '1' }, 'mqtt to stomp': { priority: '1' } },
  },
  {
    what: 'headers that would stand for a property, and do not',
    amqp: { 'h:x-correlation-id': 'I:5', 'h:x-reply-to-exchange': 'S:x', 'h:JMSXGroupID': 'I:7' },
    seen: {
      'amqp to mqtt': { 'u:x-correlation-id': '5', 'u:x-reply-to-exchange': 'x', 'u:JMSXGroupID': '7' },
      'amqp to stomp': { 'x-correlation-id': '5', 'x-reply-to-exchange': 'x', JMSXGroupID: '7' },
    },
  },
  {
    what: 'a property that is no text',
    amqp: { 'message-id': 'm\xff', type: '\xfe', 'h:JMSXGroupID': 'S:\xfd' },
    mqtt: {
      'u:message-id': 'bf8=',
      'u:type': '/g==',
      'u:JMSXGroupID': '/Q==',
      'u:x-base64-headers': 'message-id,type,JMSXGroupID',
    },
    stomp: { 'amqp-message-id': 'm\xff', type: '\xfe', JMSXGroupID: '\xfd' },
  },
  {
    what: 'NUL, which neither STOMP nor MQTT can say in text',
    amqp: { 'h:n': 'S:a\0b', 'message-id': '\0' },
    mqtt: { 'u:message-id': 'AA==', 'u:n': 'YQBi', 'u:x-base64-headers': 'message-id,n' },
    stomp: { 'amqp-message-id': 'AA==', n: 'YQBi', 'x-base64-headers': 'amqp-message-id,n' },
    seen: {
      'mqtt to stomp': { 'amqp-message-id': 'AA==', n: 'YQBi', 'x-base64-headers': 'amqp-message-id,n' },
    },
  },
  {
    what: 'a property, and a header of that name that would have to go as base64',
    amqp: { type: 'plain', 'h:type': 'S:\xff\0' },
    seen: { 'amqp to mqtt': { 'u:type': 'plain' }, 'amqp to stomp': { type: 'plain' } },
  },
  {
    what: 'a timestamp that is none of seconds',
    amqp: { timestamp: '18446744073709551615' },
    mqtt: { 'u:timestamp': '18446744073709551615' },
    seen: {
      'amqp to stomp': { timestamp: '18446744073709551615' },
      'mqtt to stomp': { timestamp: '18446744073709551615' },
    },
  },
  {
    what: 'a number that is too large for a timestamp: a header',
    mqtt: { 'u:timestamp': '18446744073709551616' },
    seen: { 'mqtt to amqp': { 'h:timestamp': 'S:18446744073709551616' } },
  },
  {
    what: 'a header that is called like the expiry, which it is not taken for',
    amqp: { 'h:expiration': 'S:5', expiration: '60000' },
    mqtt: { 'u:expiration': '5', expiry: '60' },
    seen: { 'amqp to stomp': { expiration: '60000' }, 'mqtt to stomp': { expiration: '60000' } },
  },
  {
    what: 'numbers that JSON has no word for',
    amqp: { 'h:m': listOf(field('d:NaN'), field('d:-Infinity')) },
    mqtt: { 'u:m': '["NaN","-Infinity"]', 'u:x-json-headers': 'm' },
    stomp: { m: '["NaN","-Infinity"]', 'x-json-headers': 'm' },
    seen: {
      'mqtt to amqp': { 'h:m': listOf(field('S:NaN'), field('S:-Infinity')) },
      'stomp to amqp': { 'h:m': listOf(field('S:NaN'), field('S:-Infinity')) },
    },
  },
  {
    what: 'whole numbers in JSON, however many digits they have',
    mqtt: { 'u:m': '[9007199254740993,-9223372036854775808,9223372036854775808,1.5]', 'u:x-json-headers': 'm' },
    stomp: { m: '[9007199254740993,-9223372036854775808,9223372036854775808,1.5]', 'x-json-headers': 'm' },
    seen: Object.fromEntries(
      (['mqtt', 'stomp'] as const).flatMap((from) => [
        [
          `${from} to amqp`,
          {
            'h:m': listOf(
              field('l:9007199254740993'),
              field('l:-9223372036854775808'),
              field('d:9223372036854775808'),
              field('d:1.5'),
            ),
          },
        ],
        [
          `${from} to ${from === 'mqtt' ? 'stomp' : 'mqtt'}`,
          Object.fromEntries(
            [
              ['m', '["9007199254740993","-9223372036854775808",9223372036854776000,1.5]'],
              ['x-json-headers', 'm'],
            ].map(([name, value]) => [from === 'mqtt' ? name : `u:${name}`, value]),
          ),
        ],
      ]),
    ),
  },
  {
    what: 'a reply-to whose topic is too long for AMQP: left out, with its exchange',
    mqtt: { 'response-topic': `r/${'x'.repeat(300)}` },
    seen: { 'mqtt to amqp': {} },
  },
  {
    what: 'text in a body, which AMQP cannot say',
    mqtt: { 'payload-format': '1' },
    seen: { 'mqtt to amqp': {}, 'mqtt to stomp': {} },
  },
];

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
    const peer = await mqttClient(broker, `from-${run}`, true);
    peer.publish(`t/${run}`, 'x', 1, 1, { properties: mqttProperties(said)! });
    await peer.next('puback');
    await peer.leave();
  }
  if (waitsMs > 0) clock.advance(waitsMs);
  const seen = await receive(to, queue);
  const { 'delivery-mode': _, persistent: __, ...properties } = seen.properties;
  return { ...seen, properties };
}

async function receive(to: Wire, queue: string): Promise<Seen> {
  if (to === 'amqp') return amqp.next(queue);
  if (to === 'mqtt') {
    const peer = await mqttClient(broker, queue);
    const packet = await peer.next('publish');
    peer.send({ cmd: 'puback', messageId: packet.messageId! });
    await peer.leave();
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
      const peer = to === 'mqtt' ? await mqttClient(broker, run, true) : undefined;
      await reader?.subscribe(`/topic/t.${run}`);
      await peer?.subscribe(`t/${run}`, 1);
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
      else expect((await peer!.next('publish')).qos).toBe(kept ? 1 : 0);
      reader?.close();
      await peer?.vanish();
    },
  );
});

it('of two priorities and two delays the broker goes by the first, as whoever reads them does', async () => {
  const queue = 'prioritised';
  await admin.declare(queue, named('x-max-priority', field('I:10')));
  const peer = await mqttClient(broker, 'two', true);
  for (const [text, priority] of [
    ['low', ['1', '9']],
    ['high', ['5', '0']],
  ] as const) {
    peer.publish(`$queue/${queue}`, text, 1, 1, { properties: mqttProperties({ 'u:priority': priority })! });
    await peer.next('puback');
  }
  const said = mqttProperties({ 'u:x-delay': ['1000', '1'] })!;
  peer.publish(`$queue/${queue}`, 'late', 1, 1, { properties: said });
  await peer.next('puback');
  clock.advance(500);
  expect([(await amqp.next(queue)).body, (await amqp.next(queue)).body]).toEqual(['high', 'low']);
  expect(await amqp.get(queue)).toBeUndefined();
  clock.advance(1_000);
  expect((await amqp.next(queue)).body).toBe('late');
  await peer.vanish();
});

it('a user id that was checked does not make another one checked', async () => {
  await admin.declare('claims');
  const reader = await Stomp.open(broker);
  const said = mqttProperties({ 'u:user-id': 'guest' })!;
  const guest = await mqttClient(broker, 'guest', true);
  const nobody = await RawClient.connect(broker.ports.mqtt, 'nobody', { protocolVersion: 5 });
  for (const to of ['amqp', 'stomp']) {
    for (const peer of [guest, nobody, guest]) {
      peer.publish('$queue/claims', 'x', 1, 1, { properties: said });
      await peer.next('puback');
      if (to === 'amqp') {
        expect((await amqp.next('claims')).properties['user-id']).toBe(peer === guest ? 'guest' : undefined);
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
  const peer = await mqttClient(broker, 'text', true);
  await peer.subscribe('text', 1);
  for (const body of ['gr\xc3\xbcn', 'gr\xfcn', 'gr\xc3\xbcn']) {
    await stomp.sure('SEND', { destination: '/topic/text' }, body);
    const { properties, body: got } = mqttSeen(await peer.next('publish'));
    expect([got, properties['payload-format']]).toEqual([body, body === 'gr\xfcn' ? undefined : '1']);
  }
  await peer.vanish();
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
  const peer = await mqttClient(broker, 'again', true);
  peer.publish('$queue/dies', 'x', 1, 1, { properties: mqttProperties(properties)! });
  await peer.next('puback');
  amqp.reject((await amqp.next('dies', false)).tag);
  expect((await amqp.next('died')).properties['h:x-death']).toBe('A[F{count=l:5,reason=S:rejected,queue=S:dies}]');
  await peer.vanish();
});
