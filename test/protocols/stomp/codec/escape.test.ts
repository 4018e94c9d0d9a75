import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  escapeName,
  escapeText,
  escapeValue,
  needsRewriting,
  rewriteStored,
  unescapeText,
  writeStored,
} from '../../../../protocols/stomp/codec/escape.ts'; // prettier-ignore
import { V1_0, V1_1, V1_2, type Version } from '../../../../protocols/stomp/codec/version.ts';

const undo = (text: string): string => {
  const bytes = Buffer.from(text);
  return unescapeText(bytes, 0, bytes.length, true);
};

test('escaping and undoing it gives the text back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const escaped = escapeText(text);
      expect(escaped).not.toMatch(/[\n\r:]/);
      expect(undo(escaped)).toBe(text);
    }),
  );
});

describe('a value towards', () => {
  test.each<[Version, string, string | undefined]>([
    [V1_2, 'a:b\n\r\\', 'a\\cb\\n\\r\\\\'],
    [V1_1, 'a:b\n\r\\', 'a\\cb\\n\r\\\\'],
    [V1_0, 'a:b\r\\', 'a:b\r\\'],
    [V1_0, 'a\nb', undefined],
    [V1_2, 'a\0b', undefined],
  ])('%d', (version, text, expected) => {
    expect(escapeValue(text, version)).toBe(expected);
  });

  test('a name in 1.0 cannot hold a colon, and none may be empty', () => {
    expect([escapeName('a:b', V1_0), escapeName('a:b', V1_1), escapeName('', V1_2)]).toEqual([
      undefined,
      'a\\cb',
      undefined,
    ]);
  });
});

describe('the stored form', () => {
  const store = (text: string, escaped: boolean): string => {
    const bytes = Buffer.from(text);
    const target = Buffer.alloc(2 * bytes.length);
    return target.toString('utf8', 0, writeStored(bytes, 0, bytes.length, escaped, target, 0));
  };
  test.each([
    ['plain\\n:x', false, 'plain\\\\n\\cx'],
    ['esc\\n:x\r', true, 'esc\\n\\cx\\r'],
    ['é€\\\\', true, 'é€\\\\'],
  ])('of %j, escaped: %j', (text, escaped, expected) => {
    expect(store(text, escaped)).toBe(expected);
  });

  const rewrite = (lines: string, version: Version): [string, number] => {
    const bytes = Buffer.from(lines);
    const target = Buffer.alloc(bytes.length);
    const into = { end: 0, dropped: 0 };
    rewriteStored(bytes, 0, bytes.length, version, target, into);
    return [target.toString('utf8', 0, into.end), into.dropped];
  };
  test('is rewritten for 1.1, which leaves CR alone', () => {
    expect(rewrite('a\\cb:c\\r\\n\\\\\nd:e\n', V1_1)).toEqual(['a\\cb:c\r\\n\\\\\nd:e\n', 0]);
  });
  test('loses in 1.0 what 1.0 cannot say, and says how much', () => {
    expect(rewrite('a:1\nb:x\\ny\nc:x\\cy\\\\\nd\\ce:1\nf:2\n', V1_0)).toEqual(['a:1\nc:x:y\\\nf:2\n', 2]);
  });
  test('is copied wherever nothing is escaped', () => {
    const plain = Buffer.from('a:b\n');
    const escaped = Buffer.from('a:\\n\n');
    expect([needsRewriting(plain, 0, plain.length, V1_0), needsRewriting(escaped, 0, escaped.length, V1_0)]).toEqual([
      false,
      true,
    ]);
    expect(needsRewriting(escaped, 0, escaped.length, V1_2)).toBe(false);
  });
});
