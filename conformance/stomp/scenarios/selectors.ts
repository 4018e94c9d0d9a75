/**
 * The selector language as STOMP's clients meet it, where every header is text: which of many selectors let one message
 * through, here and on ActiveMQ. (Types, precedence and errors are tried one by one in test/routing/selector/.)
 */
import { expect } from 'vitest';
import type { Subscription } from '../clients/client.ts';
import type { StompDifferenceId } from '../differences.ts';
import { type Run, type Scenario, scenario, type Topic, topic } from '../scenario.ts';

const HEADERS = {
  colour: 'blue',
  weight: '2500',
  price: '9.5',
  yes: 'true',
  no: 'false',
  empty: '',
  percent: '100%',
  quote: "it's",
  type: 'car',
  priority: '7',
  persistent: 'true',
  'correlation-id': 'c-1',
};

const MATCHING = [
  "colour = 'blue'",
  "colour <> 'red'",
  "'blue' = colour",
  'weight = 2500',
  'weight > 2499 AND weight < 2501',
  'weight >= 2500 AND weight <= 2500',
  'weight <> 1',
  'price = 9.5',
  'price > 9.4',
  'price BETWEEN 9.0 AND 10.0',
  'weight BETWEEN 2500 AND 2500',
  'weight NOT BETWEEN 1 AND 2',
  "colour IN ('red', 'blue')",
  "colour NOT IN ('red', 'green')",
  "colour LIKE 'b%'",
  "colour LIKE '_l_e'",
  "colour LIKE '%l%e'",
  "colour NOT LIKE 'r%'",
  "percent LIKE '100!%' ESCAPE '!'",
  "quote = 'it''s'",
  'absent IS NULL',
  'colour IS NOT NULL',
  'empty IS NOT NULL',
  "empty = ''",
  'yes = TRUE',
  'no = FALSE',
  'TRUE',
  'NOT FALSE',
  'TRUE OR absent = 1',
  'absent = 1 OR TRUE',
  "NOT (colour = 'red')",
  "colour = 'red' OR weight = 2500 AND yes = TRUE",
  "(colour = 'red' OR weight = 2500) AND yes = TRUE",
  'COLOUR IS NULL and colour is not null',
  'JMSPriority = 7',
  'JMSPriority > 5',
  "JMSType = 'car'",
  "JMSDeliveryMode = 'PERSISTENT'",
  "JMSCorrelationID = 'c-1'",
  'JMSExpiration = 0',
  'JMSTimestamp > 1500000000000',
  'JMSRedelivered = FALSE',
  'JMSXDeliveryCount = 1',
  'weight = 0x9C4',
  'weight = 04704',
  '5 / 2 = 2.5',
  '1 + 2 * 3 = 7',
  '-5 < 5',
];

const NOT_MATCHING = [
  "colour = 'Blue'",
  "colour = 'red'",
  'weight > 2500',
  'weight < 2500',
  'weight BETWEEN 1 AND 2',
  'weight NOT BETWEEN 2000 AND 3000',
  "colour IN ('red')",
  "colour NOT IN ('blue')",
  "colour LIKE 'B%'",
  "colour LIKE 'blu'",
  "colour LIKE 'bl_'",
  "colour NOT LIKE 'b%'",
  'absent = 1',
  'absent <> 1',
  "absent LIKE '%'",
  "absent NOT LIKE 'x'",
  "absent IN ('a')",
  "absent NOT IN ('a')",
  'NOT (absent = 1)',
  'absent BETWEEN 1 AND 2',
  'colour IS NULL',
  'absent IS NOT NULL',
  'FALSE',
  'FALSE OR absent = 1',
  'TRUE AND absent = 1',
  "colour = 'blue' AND weight = 1",
  'TRUE AND FALSE OR FALSE',
  'colour > 5',
  'colour = 5',
  'yes = FALSE',
  'JMSPriority < 5',
  "JMSDeliveryMode = 'NON_PERSISTENT'",
  "colour LIKE 'bl*'",
];

/** What ActiveMQ says the opposite of; see differences.ts. */
const TEXT_AS_NUMBERS = ['price > 9', 'weight + 1 = 2501'];
const TEXT_AS_BOOLEANS = ['yes'];
const NOT_BINDS_LESS = ['NOT weight = 1'];
const UNLIKE_IS_FALSE = ['colour <> 5'];

async function picks(t: Run, expressions: readonly string[]): Promise<string[]> {
  const destination = t.topic();
  const client = await t.client();
  const subscriptions: [string, Subscription][] = [];
  for (const selector of expressions) subscriptions.push([selector, await client.subscribe(destination, { selector })]);
  const last = await client.subscribe(destination);
  await client.send(destination, 'x', HEADERS);
  await last.next();
  // A second round: what was sent to the others before is here by now.
  await client.send(destination, 'marker');
  await last.next();
  return subscriptions.filter(([, { messages }]) => messages[0]?.body.toString() === 'x').map(([selector]) => selector);
}

function group(
  name: string,
  expressions: readonly string[],
  matches: boolean,
  difference?: StompDifferenceId,
): Scenario {
  return scenario(
    name,
    'JMS 1.1 §3.8.1',
    async (t) => {
      const expected = matches !== (difference !== undefined && t.differs(difference));
      expect(await picks(t, expressions)).toEqual(expected ? expressions : []);
    },
    ['no-selectors'],
  );
}

export const selectors: Topic = topic('selectors', [
  group('selectors that let a message through', MATCHING, true),
  group('selectors that do not', NOT_MATCHING, false),
  group('selectors that read numbers in text', TEXT_AS_NUMBERS, true, 'selectors-read-less'),
  group('selectors that read booleans in text', TEXT_AS_BOOLEANS, true, 'selectors-read-less'),
  group('selectors in which NOT stands before a comparison', NOT_BINDS_LESS, true, 'selectors-bind-not'),
  group('selectors that compare what is not alike', UNLIKE_IS_FALSE, false, 'selectors-compare-all'),
]);
