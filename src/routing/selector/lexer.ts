/**
 * A selector's text as tokens. It knows how words, numbers and strings are written, and nothing about what may follow
 * what. It refuses text that is too long, has too many tokens, or holds a character that begins no token.
 *
 *     token        written
 *     name         a Java identifier: a letter, `_` or `$`, then digits as well; or anything in double quotes ("" is one "),
 *                  for headers whose names have a hyphen
 *     keyword      AND BETWEEN ESCAPE FALSE IN IS LIKE NOT NULL OR TRUE, in any case
 *     string       'it''s'
 *     integer      57   57L   0x1F   017 (octal)
 *     float        1.5   5.   .5   7E3   1.5f   2d
 *     symbol       = <> < <= > >= + - * / % ( ) ,
 */
import { SelectorError } from './errors.ts';

/** UTF-16 code units in a selector. */
export const TEXT_LENGTH_MAX = 8192;
/** Tokens in a selector. It bounds, too, how deep a chain like `1+1+1…` nests. */
export const TOKENS_MAX = 2048;

const KEYWORDS = ['AND', 'BETWEEN', 'ESCAPE', 'FALSE', 'IN', 'IS', 'LIKE', 'NOT', 'NULL', 'OR', 'TRUE'] as const;
export type Keyword = (typeof KEYWORDS)[number];
export type Sign = '=' | '<>' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '(' | ')' | ',';

export type Token =
  | { readonly kind: 'name'; readonly at: number; readonly text: string }
  | { readonly kind: 'keyword'; readonly at: number; readonly text: Keyword }
  | { readonly kind: 'string'; readonly at: number; readonly text: string }
  /** Not negative; may be too large for 64 bits, since a minus sign may stand before it. */
  | { readonly kind: 'integer'; readonly at: number; readonly value: bigint }
  | { readonly kind: 'float'; readonly at: number; readonly value: number }
  | { readonly kind: 'symbol'; readonly at: number; readonly text: Sign }
  | { readonly kind: 'end'; readonly at: number };

// All are fixed and linear; nothing is built from what a client sent.
const SPACE = /[ \t\r\n\f\v]+/y;
const NAME = /[\p{L}\p{Nl}\p{Sc}_][\p{L}\p{Nl}\p{Sc}\p{Nd}\p{Mn}\p{Mc}_]*/uy;
const QUOTED = /'(?:[^']|'')*'/y;
const DELIMITED = /"(?:[^"]|"")*"/y;
const FLOAT = /(?:\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+(?=[fFdD]))[fFdD]?/y;
const INTEGER = /(?:0[xX][\dA-Fa-f]+|\d+)[lL]?/y;
const SYMBOL = /<>|<=|>=|[=<>+\-*/%(),]/y;

const NOT_MEANT: Readonly<Record<string, string>> = {
  '!': "unequal is written '<>', and negation NOT",
  '&': "'and' is written AND",
  '|': "'or' is written OR",
};

/** Throws a SelectorError. The last token is `end`. */
export function tokens(text: string): Token[] {
  if (text.length > TEXT_LENGTH_MAX) {
    throw new SelectorError(TEXT_LENGTH_MAX + 1, `it is longer than ${TEXT_LENGTH_MAX} characters`);
  }
  const found: Token[] = [];
  let start = skipSpace(text, 0);
  while (start < text.length) {
    if (found.length >= TOKENS_MAX) throw new SelectorError(start + 1, `it has more than ${TOKENS_MAX} parts`);
    const end = oneToken(text, start, found);
    start = skipSpace(text, end);
  }
  found.push({ kind: 'end', at: text.length + 1 });
  return found;
}

function skipSpace(text: string, start: number): number {
  return start + (match(SPACE, text, start)?.length ?? 0);
}

/** Adds the token that begins at `start`, and returns where it ends. */
function oneToken(text: string, start: number, found: Token[]): number {
  const at = start + 1;
  const first = text[start]!;
  if (first === "'") {
    const written = match(QUOTED, text, start);
    if (written === undefined) throw new SelectorError(at, 'a string is not closed');
    found.push({ kind: 'string', at, text: written.slice(1, -1).replaceAll("''", "'") });
    return start + written.length;
  }
  if (first === '"') {
    const written = match(DELIMITED, text, start);
    if (written === undefined) throw new SelectorError(at, 'a quoted name is not closed');
    if (written.length === 2) throw new SelectorError(at, 'a quoted name is empty');
    found.push({ kind: 'name', at, text: written.slice(1, -1).replaceAll('""', '"') });
    return start + written.length;
  }
  const name = match(NAME, text, start);
  if (name !== undefined) {
    const keyword = KEYWORDS.find((word) => word === name.toUpperCase());
    found.push(keyword === undefined ? { kind: 'name', at, text: name } : { kind: 'keyword', at, text: keyword });
    return start + name.length;
  }
  const number = match(FLOAT, text, start) ?? match(INTEGER, text, start);
  if (number !== undefined) {
    const end = start + number.length;
    const rest = match(NAME, text, end) ?? match(INTEGER, text, end);
    if (rest !== undefined) throw new SelectorError(at, `'${number}${rest}' is not a number`);
    found.push(numberToken(number, at));
    return end;
  }
  const symbol = match(SYMBOL, text, start);
  if (symbol === undefined) {
    throw new SelectorError(
      at,
      NOT_MEANT[first] ?? `'${String.fromCodePoint(text.codePointAt(start)!)}' is not understood`,
    );
  }
  found.push({ kind: 'symbol', at, text: symbol as Sign });
  return start + symbol.length;
}

function numberToken(written: string, at: number): Token {
  const isHex = /^0[xX]/.test(written);
  if (!isHex && /[.eEfFdD]/.test(written)) {
    const value = Number(written.replace(/[fFdD]$/, ''));
    if (!Number.isFinite(value)) throw new SelectorError(at, `'${written}' is too large for a number`);
    return { kind: 'float', at, value };
  }
  const digits = written.replace(/[lL]$/, '');
  if (isHex) return { kind: 'integer', at, value: BigInt(digits) };
  if (!/^0\d/.test(digits)) return { kind: 'integer', at, value: BigInt(digits) };
  if (/[89]/.test(digits)) {
    throw new SelectorError(at, `'${written}' is not a number: a leading 0 makes it octal, and octal has no 8 or 9`);
  }
  return { kind: 'integer', at, value: BigInt(`0o${digits}`) };
}

function match(pattern: RegExp, text: string, start: number): string | undefined {
  pattern.lastIndex = start;
  return pattern.exec(text)?.[0];
}
