import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DOT, SLASH } from '../../src/message/message.ts';
import { dotted, respell, respelled } from '../../src/message/spelling.ts';
import { textOf } from '../../src/message/text.ts';
import { filterLevels, hiddenByReserve, isWild, keyLevels, MANY, matches, ONE } from '../../src/routing/levels.ts';
import { LevelTrie } from '../../src/routing/trie.ts';

/** The definition, written as it is said: slow, and obviously right. */
function naive(filter: readonly string[], key: readonly string[]): boolean {
  const [first, ...rest] = filter;
  if (first === undefined) return key.length === 0;
  if (first === MANY) return naive(rest, key) || (key.length > 0 && naive(filter, key.slice(1)));
  if (key.length === 0) return false;
  return (first === ONE || first === key[0]) && naive(rest, key.slice(1));
}

const level = fc.constantFrom('a', 'b', '');
const key = fc.array(level, { maxLength: 6 });
const filter = fc.array(fc.oneof(level, fc.constantFrom(ONE, MANY)), { maxLength: 6 });

describe('levels', () => {
  it('spells the same filter in two ways', () => {
    expect(filterLevels('a.*.#', DOT)).toEqual(['a', ONE, MANY]);
    expect(filterLevels('a/+/#', SLASH)).toEqual(['a', ONE, MANY]);
  });

  it("keeps the other spelling's separator and wildcards as text", () => {
    expect(keyLevels(dotted('v1.2/x', SLASH))).toEqual(keyLevels('v1/2.x'));
    expect(keyLevels('v1/2.x')).toEqual(['v1/2', 'x']);
    expect(filterLevels('v1.2/+', SLASH)).toEqual(['v1/2', ONE]);
    expect(filterLevels('a/*', SLASH)).toEqual(['a', '*']);
    expect(filterLevels('a.+', DOT)).toEqual(['a', '+']);
  });

  it('are those of both spellings, whatever stands between the separators', () => {
    const key = fc.string({ unit: fc.constantFrom('a', '.', '/', '*', '+', '#', '$', 'é'), maxLength: 12 });
    fc.assert(
      fc.property(key, (slashed) => {
        const other = respelled(slashed);
        expect(respelled(other)).toBe(slashed);
        const bytes = Buffer.from(slashed);
        const target = Buffer.alloc(bytes.length);
        expect(respell(bytes, 0, bytes.length, target, 0)).toBe(bytes.length);
        expect(target.toString()).toBe(other);
        // As many levels either way, and between the separators the same text but for the other separator.
        expect(keyLevels(other).length).toBe(slashed === '' ? 0 : slashed.split('/').length);
      }),
    );
  });

  it('no client can spell a wildcard otherwise', () => {
    // As a trie has them inside, and in the form in which an older build did.
    for (const bytes of ['a.\0*', 'a.\0#', `a.${ONE}`]) {
      expect(filterLevels(textOf(Buffer.from(bytes)), DOT).map(isWild)).toEqual([false, false]);
    }
  });

  it('hides reserved topics from a leading wildcard only', () => {
    expect(hiddenByReserve(filterLevels('#', SLASH), keyLevels(dotted('$SYS/x', SLASH)))).toBe(true);
    expect(hiddenByReserve(filterLevels('+/x', SLASH), keyLevels(dotted('$SYS/x', SLASH)))).toBe(true);
    expect(hiddenByReserve(filterLevels('$SYS/#', SLASH), keyLevels(dotted('$SYS/x', SLASH)))).toBe(false);
  });

  it('matches as the definition says', () => {
    fc.assert(
      fc.property(filter, key, (f, k) => matches(f, k) === naive(f, k)),
      { numRuns: 3000 },
    );
  });
});

describe('the trie', () => {
  it('finds for a key just the filters that match it, each once', () => {
    fc.assert(
      fc.property(fc.array(filter, { maxLength: 12 }), key, (filters, k) => {
        const trie = new LevelTrie<number>();
        filters.forEach((f, i) => {
          trie.add(f, i);
        });
        const found: number[] = [];
        trie.matchKey(k, (i) => found.push(i));
        const wanted = filters.flatMap((f, i) => (naive(f, k) ? [i] : []));
        expect(found.sort((a, b) => a - b)).toEqual(wanted);
      }),
      { numRuns: 3000 },
    );
  });

  it('finds for a filter just the keys that it matches', () => {
    const oneMany = filter.filter((f) => f.filter((l) => l === MANY).length <= 1);
    fc.assert(
      fc.property(fc.array(key, { maxLength: 12 }), oneMany, (keys, f) => {
        const trie = new LevelTrie<number>();
        keys.forEach((k, i) => {
          trie.add(k, i);
        });
        const found: number[] = [];
        for (const i of trie.matching(f)) if (i !== undefined) found.push(i);
        expect(found.sort((a, b) => a - b)).toEqual(keys.flatMap((k, i) => (naive(f, k) ? [i] : [])));
      }),
      { numRuns: 2000 },
    );
  });

  it('is empty again, nodes and all, after everything was removed', () => {
    const trie = new LevelTrie<number>();
    const filters = [['a', ONE, MANY], ['a', ONE], [MANY], [], ['a', 'b', 'c']];
    filters.forEach((f, i) => {
      trie.add(f, i);
    });
    filters.forEach((f, i) => {
      expect(trie.remove(f, i)).toBe(true);
      expect(trie.remove(f, i)).toBe(false);
    });
    expect(trie.size).toBe(0);
    trie.matchKey(['a', 'b', 'c'], () => expect.unreachable());
    const { root } = trie as unknown as { root: { children: Map<string, unknown> } };
    expect([...root.children.keys()]).toEqual([]);
  });

  it('answers a filter of many wildcards in bounded time', () => {
    const trie = new LevelTrie<number>();
    trie.add(
      Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? MANY : 'a')),
      1,
    );
    let found = 0;
    trie.matchKey(
      Array.from({ length: 120 }, () => 'a'),
      () => found++,
    );
    // Ends with `a` after the last `#`: one way to match is as good as all of them.
    expect(found).toBe(1);
  });
});
