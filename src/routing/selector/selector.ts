/**
 * Selectors: the JMS message selector language (a part of SQL-92; JMS 1.1, 3.8.1), by which a consumer says which messages
 * it wants:
 *
 *     JMSPriority > 5 AND (colour IN ('red', 'blue') OR weight BETWEEN 2.5 AND 10) AND NOT note LIKE 'old%'
 *
 * `text ──lexer──▶ tokens ──parser──▶ tree ──compile──▶ closures`: once a subscription; then a call a message. Bounds on
 * length, tokens and nesting keep both short. What a name stands for is in `names.ts`, the rules of types in `values.ts`.
 */
import type { MessageView } from '../../message/message.ts';
import type { Properties } from '../../message/properties.ts';
import { compileTree } from './compile.ts';
import { parseSelector } from './parser.ts';

/**
 * Before a selector: headers that are text count as numbers and booleans where they are compared with one, for clients
 * that can send nothing but text. ActiveMQ's word, and what it does for such clients by itself.
 */
export const CONVERT_STRINGS = 'convert_string_expressions:';

export interface Selector {
  /** As the consumer wrote it. */
  readonly text: string;
  /** False: `matches` may be given NO_PROPERTIES, since it looks at the view alone. */
  readonly readsProperties: boolean;
  /** True only if the condition is true; unknown is not enough. Never throws. */
  matches(view: MessageView, properties: Properties): boolean;
}

/** Throws a SelectorError (a BrokerError `invalid`) that says what is wrong and where. Blank text matches every message. */
export function compileSelector(text: string): Selector {
  const convert = text.startsWith(CONVERT_STRINGS);
  const expression = convert ? text.slice(CONVERT_STRINGS.length) : text;
  if (expression.trim() === '') return { text, readsProperties: false, matches: () => true };
  const { condition, readsProperties } = compileTree(parseSelector(expression), convert);
  return {
    text,
    readsProperties,
    matches: (view, properties) => condition(view, properties) === true,
  };
}
