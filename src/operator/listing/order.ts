/**
 * The order of values that a list can be sorted by, whatever their types: numbers, then truth values, then nothing at all, then
 * text; equals keep the list's own order.
 */
export type SortKey = number | boolean | string | null | undefined;

export function compareKeys(a: SortKey, b: SortKey): number {
  if (a === b) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : 1;
  const kinds = kindOf(a) - kindOf(b);
  if (kinds !== 0) return kinds;
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

function kindOf(key: SortKey): number {
  if (typeof key === 'number') return 0;
  if (typeof key === 'boolean') return 1;
  return typeof key === 'string' ? 3 : 2;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
