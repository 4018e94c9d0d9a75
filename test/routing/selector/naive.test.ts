/**
 * Random expressions, written out with random spaces, cases and needless parentheses, against an evaluator that follows the
 * definition with no thought of speed. It shares no code with the real one: its values carry their types beside them, and
 * its LIKE tries everything.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Properties, Value } from '../../../src/message/properties.ts';
import { likeMatcher } from '../../../src/routing/selector/like.ts';
import { headers, verdict } from './support.ts';

type Tree =
  | { is: 'text'; text: string }
  | { is: 'exact'; number: bigint }
  | { is: 'double'; number: number }
  | { is: 'bool'; value: boolean }
  | { is: 'name'; name: string }
  | { is: 'binary'; operator: string; left: Tree; right: Tree }
  | { is: 'unary'; operator: string; operand: Tree }
  | { is: 'null' | 'not null'; operand: Tree }
  | { is: 'between' | 'not between'; operand: Tree; low: Tree; high: Tree }
  | { is: 'in' | 'not in'; operand: Tree; items: string[] }
  | { is: 'like' | 'not like'; operand: Tree; pattern: string };

type Typed =
  | { type: 'text'; text: string }
  | { type: 'exact'; number: bigint }
  | { type: 'double'; number: number }
  | { type: 'bool'; value: boolean }
  | { type: 'unknown' };

const UNKNOWN: Typed = { type: 'unknown' };
const bool = (value: boolean): Typed => ({ type: 'bool', value });
const isNumeric = (value: Typed): boolean => value.type === 'exact' || value.type === 'double';

function evaluate(tree: Tree, known: ReadonlyMap<string, Typed>): Typed {
  switch (tree.is) {
    case 'text':
      return { type: 'text', text: tree.text };
    case 'exact':
      return { type: 'exact', number: tree.number };
    case 'double':
      return { type: 'double', number: tree.number };
    case 'bool':
      return bool(tree.value);
    case 'name':
      return known.get(tree.name) ?? UNKNOWN;
    case 'null':
      return bool(evaluate(tree.operand, known).type === 'unknown');
    case 'not null':
      return bool(evaluate(tree.operand, known).type !== 'unknown');
    case 'unary':
      if (tree.operator === 'NOT') {
        const value = condition(tree.operand, known);
        return value.type === 'bool' ? bool(!value.value) : UNKNOWN;
      }
      return arithmetic('-', { type: 'exact', number: 0n }, evaluate(tree.operand, known));
    case 'binary': {
      if (tree.operator === 'AND' || tree.operator === 'OR') {
        const decides = tree.operator === 'OR';
        const both = [condition(tree.left, known), condition(tree.right, known)];
        if (both.some((value) => value.type === 'bool' && value.value === decides)) return bool(decides);
        return both.every((value) => value.type === 'bool') ? bool(!decides) : UNKNOWN;
      }
      const left = evaluate(tree.left, known);
      const right = evaluate(tree.right, known);
      return '+-*/%'.includes(tree.operator)
        ? arithmetic(tree.operator, left, right)
        : compare(tree.operator, left, right);
    }
    case 'between':
    case 'not between': {
      const { operand, low, high } = tree;
      const part = (operator: string, right: Tree): Tree => ({ is: 'binary', operator, left: operand, right });
      const parts =
        tree.is === 'between'
          ? { operator: 'AND', left: part('>=', low), right: part('<=', high) }
          : { operator: 'OR', left: part('<', low), right: part('>', high) };
      return evaluate({ is: 'binary', ...parts }, known);
    }
    case 'in':
    case 'not in':
      return ofText(evaluate(tree.operand, known), (text) => tree.items.includes(text) === (tree.is === 'in'));
    default:
      return ofText(
        evaluate(tree.operand, known),
        (text) => isLike([...text], [...tree.pattern]) === (tree.is === 'like'),
      );
  }
}

function condition(tree: Tree, known: ReadonlyMap<string, Typed>): Typed {
  const value = evaluate(tree, known);
  return value.type === 'bool' || value.type === 'unknown' ? value : bool(false);
}

function ofText(value: Typed, asked: (text: string) => boolean): Typed {
  if (value.type === 'unknown') return UNKNOWN;
  return bool(value.type === 'text' && asked(value.text));
}

function isLike(text: string[], pattern: string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text.length === 0;
  if (first === '%') return isLike(text, rest) || (text.length > 0 && isLike(text.slice(1), pattern));
  return text.length > 0 && (first === '_' || first === text[0]) && isLike(text.slice(1), rest);
}

function arithmetic(operator: string, left: Typed, right: Typed): Typed {
  if (left.type === 'exact' && right.type === 'exact' && '+-*'.includes(operator)) {
    const a = left.number;
    const b = right.number;
    const wide = operator === '+' ? a + b : operator === '-' ? a - b : a * b;
    const low = ((wide % 2n ** 64n) + 2n ** 64n) % 2n ** 64n;
    return { type: 'exact', number: low >= 2n ** 63n ? low - 2n ** 64n : low };
  }
  if (!('number' in left && 'number' in right)) return UNKNOWN;
  const a = Number(left.number);
  const b = Number(right.number);
  if ((operator === '/' || operator === '%') && b === 0) return UNKNOWN;
  const number = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '%': a % b }[operator]!;
  return { type: 'double', number };
}

function compare(operator: string, left: Typed, right: Typed): Typed {
  if (left.type === 'unknown' || right.type === 'unknown') return UNKNOWN;
  const isEquality = operator === '=' || operator === '<>';
  if (isNumeric(left) && isNumeric(right) && 'number' in left && 'number' in right) {
    const isExact = left.type === 'exact' && right.type === 'exact';
    const a = isExact ? left.number : Number(left.number);
    const b = isExact ? right.number : Number(right.number);
    return bool({ '=': a === b, '<>': a !== b, '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b }[operator]!);
  }
  if (!isEquality || left.type !== right.type) return bool(false);
  const same =
    left.type === 'text'
      ? left.text === (right as typeof left).text
      : (left as { value: boolean }).value === (right as { value: boolean }).value; // prettier-ignore
  return bool(same === (operator === '='));
}

// --------------------------------------------------------------------------------------------------- writing it out

/** Draws from what fast-check made: spaces, cases and parentheses. */
type Whim = () => number;

function write(tree: Tree, whim: Whim): string {
  const word = (text: string): string => (whim() % 2 === 0 ? text : text.toLowerCase());
  const gap = (): string => [' ', '  ', '\t', '\n'][whim() % 4]!;
  const inner = (part: Tree): string => `(${gap()}${write(part, whim)})`;
  const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  switch (tree.is) {
    case 'text':
      return quoted(tree.text);
    case 'exact':
      return whim() % 3 === 0 ? `0x${tree.number.toString(16)}` : `${tree.number}`;
    case 'double':
      return tree.number.toExponential();
    case 'bool':
      return word(tree.value ? 'TRUE' : 'FALSE');
    case 'name':
      return whim() % 3 === 0 ? `"${tree.name}"` : tree.name;
    case 'unary':
      return `${word(tree.operator)}${gap()}${inner(tree.operand)}`;
    case 'binary':
      return `${inner(tree.left)}${gap()}${word(tree.operator)}${gap()}${inner(tree.right)}`;
    case 'null':
      return `${inner(tree.operand)} ${word('IS')} ${word('NULL')}`;
    case 'not null':
      return `${inner(tree.operand)} ${word('IS')}${gap()}${word('NOT')} ${word('NULL')}`;
    case 'between':
    case 'not between':
      return `${inner(tree.operand)} ${word(tree.is.toUpperCase())} ${inner(tree.low)} ${word('AND')} ${inner(tree.high)}`;
    case 'in':
    case 'not in':
      return `${inner(tree.operand)} ${word(tree.is.toUpperCase())}${gap()}(${tree.items.map(quoted).join(',')})`;
    default:
      return `${inner(tree.operand)} ${word(tree.is.toUpperCase())}${gap()}${quoted(tree.pattern)}`;
  }
}

const names = fc.constantFrom('a', 'b', 'c', 'd', 'absent');
const text = fc.string({ unit: fc.constantFrom('x', 'y', "'", '😀'), maxLength: 4 });
const pattern = fc.string({ unit: fc.constantFrom('x', 'y', '_', '%', '😀'), maxLength: 6 });
const integer = fc.oneof(fc.bigInt(0n, 9n), fc.bigInt(0n, 2n ** 63n - 1n));
const double = fc.oneof(fc.constantFrom(0, 0.5, 2, 9), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
const name = names.map((it): Tree => ({ is: 'name', name: it }));

const { condition: conditions } = fc.letrec<{ condition: Tree; number: Tree; value: Tree }>((tie) => {
  const operand = tie('number');
  const ofTexts = fc.oneof(
    name,
    text.map((it): Tree => ({ is: 'text', text: it })),
  );
  return {
    number: fc.oneof(
      { depthSize: 'small' },
      name,
      integer.map((number): Tree => ({ is: 'exact', number })),
      double.map((number): Tree => ({ is: 'double', number })),
      fc.record({ is: fc.constant('unary' as const), operator: fc.constant('-'), operand }),
      fc.record({
        is: fc.constant('binary' as const),
        operator: fc.constantFrom('+', '-', '*', '/', '%'),
        left: operand,
        right: operand,
      }),
    ),
    value: fc.oneof(operand, ofTexts, tie('condition')),
    condition: fc.oneof(
      { depthSize: 'small' },
      name,
      fc.boolean().map((value): Tree => ({ is: 'bool', value })),
      fc.record({
        is: fc.constant('binary' as const),
        operator: fc.constantFrom('=', '<>'),
        left: tie('value'),
        right: tie('value'),
      }),
      fc.record({
        is: fc.constant('binary' as const),
        operator: fc.constantFrom('<', '<=', '>', '>='),
        left: operand,
        right: operand,
      }),
      fc.record({
        is: fc.constant('binary' as const),
        operator: fc.constantFrom('AND', 'OR'),
        left: tie('condition'),
        right: tie('condition'),
      }),
      fc.record({ is: fc.constant('unary' as const), operator: fc.constant('NOT'), operand: tie('condition') }),
      fc.record({ is: fc.constantFrom('null' as const, 'not null' as const), operand: tie('value') }),
      fc.record({
        is: fc.constantFrom('between' as const, 'not between' as const),
        operand,
        low: operand,
        high: operand,
      }),
      fc.record({
        is: fc.constantFrom('in' as const, 'not in' as const),
        operand: ofTexts,
        items: fc.array(text, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ is: fc.constantFrom('like' as const, 'not like' as const), operand: ofTexts, pattern }),
    ),
  };
});

const headerValue: fc.Arbitrary<[Value, Typed]> = fc.oneof(
  text.map((it): [Value, Typed] => [it, { type: 'text', text: it }]),
  fc.boolean().map((it): [Value, Typed] => [it, bool(it)]),
  integer.map((it): [Value, Typed] => [
    { type: 'int64', value: it },
    { type: 'exact', number: it },
  ]),
  fc.integer({ min: -9, max: 9 }).map((it): [Value, Typed] => [
    { type: 'int32', value: it },
    { type: 'exact', number: BigInt(it) },
  ]),
  double.map((it): [Value, Typed] => [
    { type: 'double', value: it },
    { type: 'double', number: it },
  ]),
  fc.constant<[Value, Typed]>([null, UNKNOWN]),
);
const message = fc.record({ a: headerValue, b: headerValue, c: headerValue, d: headerValue });
const whims = fc.infiniteStream(fc.nat(1000));

it('says of random expressions and messages what the definition says', () => {
  const said = { true: 0, false: 0, unknown: 0 };
  fc.assert(
    fc.property(conditions, message, whims, (tree, values, whim) => {
      const properties: Properties = {
        headers: headers(Object.fromEntries(Object.entries(values).map(([key, [value]]) => [key, value]))),
      };
      const known = new Map(Object.entries(values).map(([key, [, typed]]) => [key, typed]));
      const definition = condition(tree, known);
      const expected = definition.type === 'bool' ? definition.value : undefined;
      said[`${expected ?? 'unknown'}`]++;
      expect(
        verdict(
          write(tree, () => whim.next().value),
          properties,
        ),
      ).toBe(expected);
    }),
    { numRuns: 3000 },
  );
  // The three all occur often enough to mean something.
  expect(Math.min(said.true, said.false, said.unknown)).toBeGreaterThan(100);
});

it('finds a likeness exactly where trying everything does', () => {
  const long = fc.string({ unit: fc.constantFrom('x', 'y'), maxLength: 12 });
  const wild = fc.string({ unit: fc.constantFrom('x', 'y', '_', '%'), maxLength: 8 });
  fc.assert(
    fc.property(long, wild, (it, like) => {
      expect(likeMatcher(like, '')(it)).toBe(isLike([...it], [...like]));
    }),
    { numRuns: 5000 },
  );
});

it('finds pieces longer than a word of bits', () => {
  const piece = 'x'.repeat(31) + '_'.repeat(3) + 'y'.repeat(70);
  const found = likeMatcher(`%${piece}%`, '');
  const there = `${'x'.repeat(31)}123${'y'.repeat(70)}`;
  expect(found(`xxx${there}yy`)).toBe(true);
  expect(found(there)).toBe(true);
  expect(found(there.slice(0, -1))).toBe(false);
  expect(found(there.slice(1))).toBe(false);
});

it('needs no more than one pass over text made to be gone over again and again', () => {
  const text = 'a'.repeat(65_535);
  expect(likeMatcher(`%${'a'.repeat(500)}b${'a'.repeat(500)}%`, '')(text)).toBe(false);
  expect(likeMatcher(`${'%a_a'.repeat(250)}%b`, '')(text)).toBe(false);
  expect(likeMatcher(`%${'_'.repeat(1000)}%b%`, '')(text)).toBe(false);
  expect(likeMatcher(`%${'a_'.repeat(500)}%`, '')(text)).toBe(true);
});
