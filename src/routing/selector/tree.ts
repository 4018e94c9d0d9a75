/** The tree of a selector: between the parser, which makes it, and `compile.ts`, which makes a function of it. */

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';
export type Arithmetic = '+' | '-' | '*' | '/' | '%';

/** A string, a boolean, an exact number (a 64-bit integer) or an approximate one (a double). */
export type Literal = string | boolean | bigint | number;

export type Node =
  | { readonly kind: 'literal'; readonly value: Literal }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Node[] }
  | { readonly kind: 'not'; readonly operand: Node }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Node; readonly right: Node }
  | { readonly kind: 'is-null'; readonly operand: Node; readonly negated: boolean }
  | {
      readonly kind: 'between';
      readonly operand: Node;
      readonly low: Node;
      readonly high: Node;
      readonly negated: boolean;
    }
  | { readonly kind: 'in'; readonly operand: Node; readonly items: readonly string[]; readonly negated: boolean }
  | {
      readonly kind: 'like';
      readonly operand: Node;
      readonly pattern: string;
      /** One character, or '' for none. */
      readonly escapedBy: string;
      readonly negated: boolean;
    }
  | { readonly kind: 'sign'; readonly operator: '+' | '-'; readonly operand: Node }
  | { readonly kind: 'arithmetic'; readonly operator: Arithmetic; readonly left: Node; readonly right: Node };
