/**
 * A selector's tree as one function: each node becomes a closure over those of its operands. Conditions have three values;
 * `undefined` is unknown.
 *
 *     AND      true     false    unknown        OR       true     false    unknown        NOT
 *     true     true     false    unknown        true     true     true     true           true     false
 *     false    false    false    false          false    true     false    unknown        false    true
 *     unknown  unknown  false    unknown        unknown  true     unknown  unknown        unknown  unknown
 *
 * No closure throws, allocates more than the numbers it calculates, or takes longer than its expression and the values'
 * lengths account for.
 */
import type { MessageView } from '../../message/message.ts';
import type { Properties } from '../../message/properties.ts';
import { likeMatcher } from './like.ts';
import { nameOf, type Read } from './names.ts';
import type { Node } from './tree.ts';
import { asBoolean, asNumber, asText, calculate, equal, negate, ORDERS, type SelectorValue } from './values.ts';

type Condition = (view: MessageView, properties: Properties) => boolean | undefined;

export interface Compiled {
  readonly condition: Condition;
  readonly readsProperties: boolean;
}

/** @param convert read strings as numbers and booleans where they stand beside one */
export function compileTree(tree: Node, convert: boolean): Compiled {
  const compiler = new Compiler(convert);
  const condition = compiler.condition(tree);
  return { condition, readsProperties: compiler.readsProperties };
}

class Compiler {
  readsProperties = false;
  private readonly convert: boolean;

  constructor(convert: boolean) {
    this.convert = convert;
  }

  /** A node that must be true for the selector to match. A value that is no boolean is false, as no other is like one. */
  condition(node: Node): Condition {
    const { convert } = this;
    switch (node.kind) {
      case 'and':
        return all(node.operands.map((operand) => this.condition(operand)));
      case 'or':
        return any(node.operands.map((operand) => this.condition(operand)));
      case 'not':
        return not(this.condition(node.operand));
      case 'compare':
        return this.comparison(node);
      case 'is-null': {
        const { negated } = node;
        const read = this.value(node.operand);
        return (view, properties) => (read(view, properties) === undefined) !== negated;
      }
      case 'between':
        return this.between(node);
      case 'in': {
        const items = new Set(node.items);
        return this.text(node.operand, (text) => items.has(text), node.negated);
      }
      case 'like':
        return this.text(node.operand, likeMatcher(node.pattern, node.escapedBy), node.negated);
      default: {
        const read = this.value(node);
        return (view, properties) => {
          const value = read(view, properties);
          return value === undefined ? undefined : (asBoolean(value, convert) ?? false);
        };
      }
    }
  }

  private value(node: Node): Read {
    const { convert } = this;
    switch (node.kind) {
      case 'literal': {
        const { value } = node;
        return () => value;
      }
      case 'name': {
        const { read, readsProperties } = nameOf(node.name);
        this.readsProperties ||= readsProperties;
        return read;
      }
      case 'sign': {
        const { operator } = node;
        const read = this.value(node.operand);
        return (view, properties) => {
          const number = asNumber(read(view, properties), convert);
          return number === undefined || operator === '+' ? number : negate(number);
        };
      }
      case 'arithmetic': {
        const { operator } = node;
        const left = this.value(node.left);
        const right = this.value(node.right);
        return (view, properties) => {
          const a = asNumber(left(view, properties), convert);
          if (a === undefined) return undefined;
          const b = asNumber(right(view, properties), convert);
          return b === undefined ? undefined : calculate(operator, a, b);
        };
      }
      default:
        return this.condition(node);
    }
  }

  private comparison({ operator, left, right }: Node & { kind: 'compare' }): Condition {
    const { convert } = this;
    const readLeft = this.value(left);
    const readRight = this.value(right);
    if (operator === '=' || operator === '<>') {
      const wanted = operator === '=';
      return (view, properties) => {
        const a = readLeft(view, properties);
        if (a === undefined) return undefined;
        const b = readRight(view, properties);
        return b === undefined ? undefined : equal(a, b, convert) === wanted;
      };
    }
    const isSo = ORDERS[operator];
    return (view, properties) => {
      const a = readLeft(view, properties);
      if (a === undefined) return undefined;
      const b = readRight(view, properties);
      return b === undefined ? undefined : order(a, b, isSo, convert);
    };
  }

  /** `x BETWEEN a AND b` is `x >= a AND x <= b`; NOT BETWEEN is `x < a OR x > b`. */
  private between({ operand, low, high, negated }: Node & { kind: 'between' }): Condition {
    const { convert } = this;
    const read = this.value(operand);
    const readLow = this.value(low);
    const readHigh = this.value(high);
    const isBeyondLow = negated ? ORDERS['<'] : ORDERS['>='];
    const isBeyondHigh = negated ? ORDERS['>'] : ORDERS['<='];
    return (view, properties) => {
      const value = read(view, properties);
      if (value === undefined) return undefined;
      const a = readLow(view, properties);
      const atLow = a === undefined ? undefined : order(value, a, isBeyondLow, convert);
      if (atLow === negated) return negated; // decided: false for AND, true for OR
      const b = readHigh(view, properties);
      const atHigh = b === undefined ? undefined : order(value, b, isBeyondHigh, convert);
      if (atHigh === negated) return negated;
      return atLow === undefined || atHigh === undefined ? undefined : !negated;
    };
  }

  /** What asks something of a string: false for a value that is none, negated or not. */
  private text(operand: Node, matches: (text: string) => boolean, negated: boolean): Condition {
    const { convert } = this;
    const read = this.value(operand);
    return (view, properties) => {
      const value = read(view, properties);
      if (value === undefined) return undefined;
      const text = asText(value, convert);
      return text !== undefined && matches(text) !== negated;
    };
  }
}

function order(a: SelectorValue, b: SelectorValue, isSo: (typeof ORDERS)['<'], convert: boolean): boolean {
  const left = asNumber(a, convert);
  if (left === undefined) return false;
  const right = asNumber(b, convert);
  return right !== undefined && isSo(left, right);
}

function all(conditions: readonly Condition[]): Condition {
  return (view, properties) => {
    let answer: boolean | undefined = true;
    for (let i = 0; i < conditions.length; i++) {
      const one = conditions[i]!(view, properties);
      if (one === false) return false;
      if (one === undefined) answer = undefined;
    }
    return answer;
  };
}

function any(conditions: readonly Condition[]): Condition {
  return (view, properties) => {
    let answer: boolean | undefined = false;
    for (let i = 0; i < conditions.length; i++) {
      const one = conditions[i]!(view, properties);
      if (one === true) return true;
      if (one === undefined) answer = undefined;
    }
    return answer;
  };
}

function not(condition: Condition): Condition {
  return (view, properties) => {
    const answer = condition(view, properties);
    return answer === undefined ? undefined : !answer;
  };
}
