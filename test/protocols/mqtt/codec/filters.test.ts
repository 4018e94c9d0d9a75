/** Topic filters: matched here as the core matches them. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { filterMatches, topicFault } from '../../../../protocols/mqtt/codec/text.ts';
import { dotted } from '../../../../src/message/spelling.ts';
import { filterLevels, hiddenByReserve, keyLevels, matches } from '../../../../src/routing/levels.ts';

it('filters match topics as the core has it', () => {
  const level = fc.constantFrom('', 'a', 'b.', '$x', '*');
  const filterLevel = fc.oneof(level, fc.constant('+'));
  const filter = fc
    .tuple(fc.array(filterLevel, { maxLength: 4 }), fc.boolean())
    .map(([levels, all]) => [...levels, ...(all || levels.length === 0 ? ['#'] : [])].join('/'))
    .filter((it) => it !== '');
  const name = fc
    .array(level, { minLength: 1, maxLength: 4 })
    .map((levels) => levels.join('/'))
    .filter((it) => it !== '');
  fc.assert(
    fc.property(filter, name, (f, t) => {
      const wanted = filterLevels(f, 1);
      const key = keyLevels(dotted(t, 1));
      expect(filterMatches(f, t)).toBe(matches(wanted, key) && !hiddenByReserve(wanted, key));
    }),
    { numRuns: 2000 },
  );
});

it.each([
  ['a/b', undefined],
  ['$x/ä', undefined],
  ['a/+', 'a wildcard in a topic name [MQTT-3.3.2-2]'],
  ['a+b', 'a wildcard in a topic name [MQTT-3.3.2-2]'],
  ['#', 'a wildcard in a topic name [MQTT-3.3.2-2]'],
  ['', 'an empty topic [MQTT-4.7.3-1]'],
  ['a\0', 'a topic that is not UTF-8 text [MQTT-1.5.3-1]'],
])('of the topic %j is said: %s', (topic, fault) => {
  const bytes = Buffer.from(`+${topic}#`); // what lies around it is not looked at
  expect(topicFault(bytes, 1, bytes.length - 1)).toBe(fault);
});
