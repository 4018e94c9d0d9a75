/** The table of properties: as each protocol says one, and as the others see it. */
import { field, listOf, named, type Said, tableOf, WIRES, type Wire } from './harness.ts';

/** A property as each protocol says it and sees it. `seen` is for pairs that see it otherwise. */
export interface Row {
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

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

export const ROWS: readonly Row[] = [
  {
    what: 'trace context: unchanged, under its own names',
    amqp: { 'h:traceparent': `S:${TRACEPARENT}`, 'h:tracestate': 'S:congo=t61rcWkgMzE,rojo=00f0' },
    mqtt: { 'u:traceparent': TRACEPARENT, 'u:tracestate': 'congo=t61rcWkgMzE,rojo=00f0' },
    stomp: { traceparent: TRACEPARENT, tracestate: 'congo=t61rcWkgMzE,rojo=00f0' },
  },
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
