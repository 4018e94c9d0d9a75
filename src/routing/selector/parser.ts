/**
 * A selector's tokens as a tree. From what binds least to what binds most:
 *
 *     condition   = conjunction { OR conjunction }
 *     conjunction = negation { AND negation }
 *     negation    = { NOT } equality
 *     equality    = relation { ("=" | "<>") relation | IS [NOT] NULL }
 *     relation    = sum { ("<" | "<=" | ">" | ">=") sum
 *                       | [NOT] BETWEEN sum AND sum | [NOT] IN "(" string {"," string} ")"
 *                       | [NOT] LIKE string [ESCAPE string] }
 *     sum         = product { ("+" | "-") product }
 *     product     = sign { ("*" | "/" | "%") sign }
 *     sign        = ("+" | "-") sign | operand
 *     operand     = literal | name | "(" condition ")"
 *
 * NOT binds less than a comparison, as in SQL: `NOT a = 1` is `NOT (a = 1)`. (ActiveMQ reads `(NOT a) = 1`, which is never
 * true for a number.) Only like types are compared and calculated with; where that can be seen in the text, as in
 * `'a' < 5`, it is refused here rather than never matching anything.
 */
import { SelectorError } from './errors.ts';
import { type Keyword, type Sign, type Token, tokens } from './lexer.ts';
import { PATTERN_LENGTH_MAX } from './like.ts';
import type { Arithmetic, Comparison, Node } from './tree.ts';

/** How deep parentheses, NOTs and signs may nest. */
export const DEPTH_MAX = 64;

const LONG_MAX = 2n ** 63n - 1n;

/** Throws a SelectorError. */
export function parseSelector(text: string): Node {
  const parser = new Parser(tokens(text));
  return parser.whole();
}

class Parser {
  private readonly tokens: readonly Token[];
  private next = 0;
  private depth = 0;

  constructor(found: readonly Token[]) {
    this.tokens = found;
  }

  whole(): Node {
    const { at } = this.token;
    const node = this.condition();
    if (this.token.kind !== 'end') {
      const what =
        this.token.kind === 'symbol' && this.token.text === ')'
          ? "')' closes nothing"
          : `${this.shown()} is not expected here`;
      throw new SelectorError(this.token.at, what);
    }
    return asCondition(node, at);
  }

  private condition(): Node {
    return this.chain('or', 'OR', () => this.conjunction());
  }

  private conjunction(): Node {
    return this.chain('and', 'AND', () => this.negation());
  }

  private chain(kind: 'and' | 'or', keyword: Keyword, operand: () => Node): Node {
    let { at } = this.token;
    const first = operand();
    if (!this.atKeyword(keyword)) return first;
    const operands = [asCondition(first, at)];
    while (this.takeKeyword(keyword)) {
      ({ at } = this.token);
      operands.push(asCondition(operand(), at));
    }
    return { kind, operands };
  }

  private negation(): Node {
    if (!this.takeKeyword('NOT')) return this.equality();
    const { at } = this.token;
    const operand = this.nested(() => this.negation());
    return { kind: 'not', operand: asCondition(operand, at) };
  }

  private equality(): Node {
    let left = this.relation();
    for (;;) {
      const operator = this.takeSymbol('=', '<>') as Comparison | undefined;
      if (operator !== undefined) {
        left = { kind: 'compare', operator, left, right: this.relation() };
      } else if (this.takeKeyword('IS')) {
        const negated = this.takeKeyword('NOT');
        if (!this.takeKeyword('NULL')) throw this.expected('NULL');
        left = { kind: 'is-null', operand: left, negated };
      } else return left;
    }
  }

  private relation(): Node {
    const { at } = this.token;
    let left = this.sum();
    for (;;) {
      const operator = this.takeSymbol('<', '<=', '>', '>=') as Comparison | undefined;
      if (operator !== undefined) {
        const right = this.numberFrom(() => this.sum());
        left = { kind: 'compare', operator, left: asNumber(left, at), right };
        continue;
      }
      const negated = this.takeKeyword('NOT');
      if (this.takeKeyword('BETWEEN')) {
        const low = this.numberFrom(() => this.sum());
        if (!this.takeKeyword('AND')) throw this.expected('AND');
        const high = this.numberFrom(() => this.sum());
        left = { kind: 'between', operand: asNumber(left, at), low, high, negated };
      } else if (this.takeKeyword('IN')) {
        left = { kind: 'in', operand: asText(left, at), items: this.items(), negated };
      } else if (this.takeKeyword('LIKE')) {
        left = { kind: 'like', operand: asText(left, at), ...this.pattern(), negated };
      } else if (negated) {
        throw this.expected('BETWEEN, IN or LIKE');
      } else return left;
    }
  }

  private items(): string[] {
    if (this.takeSymbol('(') === undefined) throw this.expected("'('");
    const items = [this.string()];
    while (this.takeSymbol(',') !== undefined) items.push(this.string());
    if (this.takeSymbol(')') === undefined) throw this.expected("',' or ')'");
    return items;
  }

  private pattern(): { pattern: string; escapedBy: string } {
    const { at } = this.token;
    const pattern = this.string();
    if (pattern.length > PATTERN_LENGTH_MAX) {
      throw new SelectorError(at, `a LIKE pattern is longer than ${PATTERN_LENGTH_MAX} characters`);
    }
    if (!this.takeKeyword('ESCAPE')) return { pattern, escapedBy: '' };
    const escapeAt = this.token.at;
    const escapedBy = this.string();
    if ([...escapedBy].length !== 1) throw new SelectorError(escapeAt, 'ESCAPE takes a string of one character');
    return { pattern, escapedBy };
  }

  private sum(): Node {
    return this.arithmetic(['+', '-'], () => this.product());
  }

  private product(): Node {
    return this.arithmetic(['*', '/', '%'], () => this.sign());
  }

  private arithmetic(operators: readonly Arithmetic[], operand: () => Node): Node {
    const { at } = this.token;
    let left = operand();
    for (;;) {
      const operator = this.takeSymbol(...operators) as Arithmetic | undefined;
      if (operator === undefined) return left;
      left = { kind: 'arithmetic', operator, left: asNumber(left, at), right: this.numberFrom(operand) };
    }
  }

  private sign(): Node {
    const operator = this.takeSymbol('+', '-') as '+' | '-' | undefined;
    if (operator === undefined) return this.operand();
    const { token } = this;
    // The least of all integers has no positive one to be negated.
    if (operator === '-' && token.kind === 'integer' && token.value === LONG_MAX + 1n) {
      this.next++;
      return { kind: 'literal', value: -token.value };
    }
    const operand = this.nested(() => this.numberFrom(() => this.sign()));
    if (operand.kind === 'literal' && typeof operand.value !== 'string' && typeof operand.value !== 'boolean') {
      return operator === '+' ? operand : { kind: 'literal', value: -operand.value };
    }
    return { kind: 'sign', operator, operand };
  }

  private operand(): Node {
    const { token } = this;
    this.next++;
    switch (token.kind) {
      case 'string':
        return { kind: 'literal', value: token.text };
      case 'float':
        return { kind: 'literal', value: token.value };
      case 'integer':
        if (token.value > LONG_MAX) throw new SelectorError(token.at, 'an integer is too large for 64 bits');
        return { kind: 'literal', value: token.value };
      case 'name':
        return { kind: 'name', name: token.text };
      case 'keyword':
        if (token.text === 'TRUE' || token.text === 'FALSE') return { kind: 'literal', value: token.text === 'TRUE' };
        if (token.text === 'NULL') {
          throw new SelectorError(token.at, "NULL equals nothing: write 'IS NULL' or 'IS NOT NULL'");
        }
        break;
      case 'symbol':
        if (token.text === '(') {
          const node = this.nested(() => this.condition());
          if (this.takeSymbol(')') === undefined) throw this.expected("')'");
          return node;
        }
        break;
    }
    this.next--;
    throw this.expected('a value');
  }

  private string(): string {
    const { token } = this;
    if (token.kind !== 'string') throw this.expected("a string in '…'");
    this.next++;
    return token.text;
  }

  private numberFrom(parse: () => Node): Node {
    const { at } = this.token;
    return asNumber(parse(), at);
  }

  private nested(parse: () => Node): Node {
    if (++this.depth > DEPTH_MAX) throw new SelectorError(this.token.at, `it nests more than ${DEPTH_MAX} deep`);
    const node = parse();
    this.depth--;
    return node;
  }

  // ------------------------------------------------------------------------------------------------------ tokens

  private get token(): Token {
    return this.tokens[this.next]!;
  }

  private atKeyword(keyword: Keyword): boolean {
    const { token } = this;
    return token.kind === 'keyword' && token.text === keyword;
  }

  private takeKeyword(keyword: Keyword): boolean {
    if (!this.atKeyword(keyword)) return false;
    this.next++;
    return true;
  }

  private takeSymbol(...symbols: readonly Sign[]): Sign | undefined {
    const { token } = this;
    if (token.kind !== 'symbol' || !symbols.includes(token.text)) return undefined;
    this.next++;
    return token.text;
  }

  private expected(what: string): SelectorError {
    return new SelectorError(this.token.at, `${what} is expected, not ${this.shown()}`);
  }

  private shown(): string {
    const { token } = this;
    switch (token.kind) {
      case 'end':
        return 'the end';
      case 'string':
        return 'a string';
      case 'integer':
      case 'float':
        return `the number ${token.value}`;
      default:
        return `'${token.text}'`;
    }
  }
}

type Sort = 'condition' | 'number' | 'string' | 'any';

function sortOf(node: Node): Sort {
  switch (node.kind) {
    case 'name':
      return 'any';
    case 'literal':
      if (typeof node.value === 'string') return 'string';
      return typeof node.value === 'boolean' ? 'condition' : 'number';
    case 'sign':
    case 'arithmetic':
      return 'number';
    default:
      return 'condition';
  }
}

function asCondition(node: Node, at: number): Node {
  return demand(node, 'condition', at);
}

function asNumber(node: Node, at: number): Node {
  return demand(node, 'number', at);
}

function asText(node: Node, at: number): Node {
  return demand(node, 'string', at);
}

function demand(node: Node, wanted: Sort, at: number): Node {
  const sort = sortOf(node);
  if (sort === wanted || sort === 'any') return node;
  throw new SelectorError(at, `a ${wanted} is needed, and this is a ${sort}`);
}
