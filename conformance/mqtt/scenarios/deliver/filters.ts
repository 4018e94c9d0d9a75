/** Topic filters [4.7]: which are refused, and what the others match. */
import { strict as assert } from 'node:assert';
import type { Harness } from '../../harness.ts';
import { hex } from '../../received.ts';
import { both, type Scenario } from '../../scenario.ts';
import { none, packet, text, u16 } from '../../wire.ts';
import { nothingBefore, pair } from '../steps.ts';

/** Sends one SUBSCRIBE by hand; the connection ends, or the filter is refused in SUBACK. */
async function refusedFilter(harness: Harness, filter: string | Buffer): Promise<string> {
  const client = await harness.connect();
  client.bytes(packet(0x82, u16(1), none(harness.level), text(filter), 1));
  const first = await client.next().catch(() => undefined);
  if (first === undefined) return 'closed';
  if (first.cmd === 'disconnect') return `DISCONNECT, ${await client.ended()}`;
  assert.equal(first.cmd, 'suback');
  assert.ok(first.granted[0]! >= 0x80, `granted with ${hex(first.granted[0]!)}`);
  return `SUBACK ${hex(first.granted[0]!)}`;
}

const MATCHES: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
  ['s/p/#', 's/p', true],
  ['s/p/#', 's/p/r', true],
  ['s/p/#', 's/p/r/w', true],
  ['s/p/#', 's/q', false],
  ['s/p/+', 's/p/r', true],
  ['s/p/+', 's/p/r/w', false],
  ['s/p/+', 's/p', false],
  ['s/p/+', 's/p/', true],
  ['s/+/r', 's/p/r', true],
  ['s/+/r', 's//r', true],
  ['+', '/f', false],
  ['+/+', '/f', true],
  ['/+', '/f', true],
  ['/+', 'f', false],
  ['s/+/#', 's/p', true],
  ['s/+/#', 's', false],
  ['S/p', 's/p', false],
  ['s/p', 's/p/', false],
  ['s/p', '/s/p', false],
  ['s p', 's p', true],
  ['s.p', 's/p', false],
  ['s/*/r', 's/p/r', false],
  ['\u00e9', 'e\u0301', false],
  ['\u00e9', '\u00e9', true],
];

export const FILTERS: readonly Scenario[] = [
  ...both('# anywhere but as the last level is refused', '4.7.1-2', '4.7.1-1', async (harness) => {
    const seen = new Set<string>();
    for (const filter of ['a/#/b', 'a#', '#a', 'a/b#', '##']) seen.add(await refusedFilter(harness, filter));
    return [...seen].join(' or ');
  }),
  ...both('+ beside other characters is refused', '4.7.1-3', '4.7.1-2', async (harness) => {
    const seen = new Set<string>();
    for (const filter of ['a+', '+a', 'a/+b/c', '++']) seen.add(await refusedFilter(harness, filter));
    return [...seen].join(' or ');
  }),
  ...both('an empty filter is refused', '4.7.3-1', '4.7.3-1', (harness) => refusedFilter(harness, '')),
  ...both(
    'what filters match',
    '4.7.1-2 4.7.1-3 4.7.3-4 3.3.2-3',
    '4.7.1-1 4.7.1-2 4.7.3-4 3.3.2-3',
    async (harness) => {
      const publisher = await harness.connect();
      const wrong: string[] = [];
      for (const [i, [filter, topic, matches]] of MATCHES.entries()) {
        // Under a level of its own, so that scenarios do not meet, and a leading slash keeps its sense.
        const base = harness.topic(`m${i}`);
        const [subscriber] = await pair(harness, `${base}/${filter}`, 1);
        await subscriber.subscribe({ topic: `${base}/...end`, qos: 1 });
        await publisher.publish(`${base}/${topic}`, 'x', { qos: 1 });
        await publisher.publish(`${base}/...end`, 'end', { qos: 1 });
        const first = (await subscriber.expect('publish')).payload.toString();
        if ((first === 'x') !== matches) wrong.push(`${filter} ${matches ? 'misses' : 'takes'} ${topic}`);
        subscriber.close();
      }
      assert.deepEqual(wrong, []);
    },
  ),
  ...both('a leading wildcard does not match $-topics', '4.7.2-1', '4.7.2-1', async (harness) => {
    const name = harness.topic().replaceAll('/', '-');
    const [subscriber, publisher] = await pair(harness, `+/${name}`, 1);
    await publisher.publish(`$conf/${name}`, 'hidden', { qos: 1 });
    await nothingBefore(subscriber, publisher, `conf/${name}`, 1);
  }),
];
