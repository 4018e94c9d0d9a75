/** Messages to hold selectors against. */
import { AT_LEAST_ONCE, MessageView } from '../../../src/message/message.ts';
import type { Properties, Value } from '../../../src/message/properties.ts';
import { compileSelector } from '../../../src/routing/selector/selector.ts';

export const ARRIVED_MS = 1_700_000_000_000;

/** Everything that the table's expressions speak of. */
export const ORDER: Properties = {
  messageId: 'ID:42',
  correlationId: Buffer.from('abc'),
  replyTo: { exchange: '', key: 'answers' },
  contentType: 'text/plain',
  timestampS: 1_600_000_000n,
  type: 'car',
  userId: 'guest',
  appId: 'shop',
  groupId: 'g1',
  headers: headers({
    colour: 'blue',
    empty: '',
    weight: { type: 'int32', value: 2500 },
    negative: { type: 'int8', value: -7 },
    big: { type: 'int64', value: 2n ** 62n },
    price: { type: 'double', value: 9.5 },
    rate: { type: 'decimal', scale: 2, value: 125 },
    fast: true,
    broken: false,
    nothing: null,
    digits: '5',
    decimals: '5.50',
    yes: 'true',
    words: 'it is 100% "new"',
    quote: "it's",
    'x-y': 'hyphen',
    blob: { type: 'bytes', value: Buffer.from('bytes') },
    nested: { type: 'list', value: ['a'] },
    emoji: 'a😀b',
    Colour: 'RED',
    $cash: 'dollar',
    _under: 'score',
    größe: 'umlaut',
    JMSXGroupSeq: '3',
    type: { type: 'int32', value: 1 },
  }),
};

export function headers(values: Record<string, Value>): Properties['headers'] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

export function view(exchange = '', key = 'orders'): MessageView {
  const made = new MessageView();
  made.head = Buffer.from(exchange + key);
  made.exchangeEnd = made.keyStart = Buffer.byteLength(exchange);
  made.keyEnd = made.head.length;
  made.assurance = AT_LEAST_ONCE;
  made.priority = 7;
  made.arrivedAtMs = ARRIVED_MS;
  made.expiresAtMs = ARRIVED_MS + 1000;
  made.redelivered = true;
  made.attempts = 2;
  return made;
}

/** What a selector says of the order: true, false, or undefined for neither it nor its negation. */
export function verdict(text: string, properties: Properties = ORDER, on: MessageView = view()): boolean | undefined {
  const prefix = 'convert_string_expressions:';
  const negated = text.startsWith(prefix) ? `${prefix}NOT (${text.slice(prefix.length)})` : `NOT (${text})`;
  if (compileSelector(text).matches(on, properties)) return true;
  return compileSelector(negated).matches(on, properties) ? false : undefined;
}
