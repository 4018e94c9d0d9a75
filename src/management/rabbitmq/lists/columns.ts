/**
 * `columns=a,b.c`: which parts of an object are shown. A dot goes into an object, or into each object of a list; what has nothing left
 * is shown as an empty list.
 */
import type { SortKey } from '../../../operator/listing/order.ts';

type Path = readonly string[];

/** What clients have made up themselves is shown as it is, or not at all. */
const WHOLE = 'arguments';

/** Undefined: all of them. */
export function columnsOf(query: URLSearchParams): readonly Path[] | undefined {
  const given = query.get('columns');
  return given === null ? undefined : given.split(',').map((column) => column.split('.'));
}

export function onlyColumns(value: unknown, columns: readonly Path[] | undefined): unknown {
  if (columns === undefined || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => onlyColumns(item, columns));
  const kept: Record<string, unknown> = {};
  let any = false;
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined) continue;
    const into = columns.filter(([first]) => first === key);
    if (into.length === 0) continue;
    any = true;
    kept[key] =
      key === WHOLE || into.some((path) => path.length === 1)
        ? part
        : onlyColumns(
            part,
            into.map((path) => path.slice(1)),
          );
  }
  return any ? kept : [];
}

/** What a list is sorted by: a column of an object, dotted. */
export function columnOf(value: unknown, column: string): SortKey {
  let at: unknown = value;
  for (const part of column.split('.')) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at === null || typeof at === 'object' ? undefined : (at as SortKey);
}
