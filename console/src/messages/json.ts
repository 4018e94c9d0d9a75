/** JSON with its numbers as they are written: those that no double holds, too. */
import { Budget, type Node, text, Undecodable, word } from './node.ts';

/** @throws Undecodable */
export function json(source: string): Node {
  const budget = new Budget();
  const node = function (this: unknown, _: string, value: unknown, context?: { source?: string }): Node {
    budget.spend(0);
    if (typeof value === 'number') return { kind: 'value', of: 'number', text: context?.source ?? String(value) };
    if (typeof value === 'string') return text(value);
    if (typeof value === 'boolean' || value === null) return word(value);
    if (Array.isArray(value)) return { kind: 'list', items: value as Node[] };
    return { kind: 'map', entries: Object.entries(value as Record<string, Node>) };
  };
  try {
    return JSON.parse(source, node) as Node;
  } catch (thrown) {
    if (thrown instanceof Undecodable) throw thrown;
    throw new Undecodable(thrown instanceof Error ? thrown.message : 'it is no JSON');
  }
}
