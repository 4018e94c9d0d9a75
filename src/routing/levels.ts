/**
 * Keys and filters as lists of levels. `a/b` and `a.b` are the same levels, for they are one key in two spellings
 * (`message/spelling.ts`): levels are those of the dotted one.
 */
import { DOT, type Spelling } from '../message/message.ts';
import { respelled } from '../message/spelling.ts';

/** Stands for exactly one level in a filter. No level can be equal to it: no bytes are read as this lone surrogate. */
export const ONE = '\ud800*';
/** Stands for any number of levels, none included. */
export const MANY = '\ud800#';

/** The levels of a dotted key. An empty one has none (as RabbitMQ has it). */
export function keyLevels(key: string): string[] {
  return key === '' ? [] : key.split('.');
}

/** The levels of a filter: `*` and `#` when dotted, `+` and `#` when slashed, become ONE and MANY. */
export function filterLevels(filter: string, spelling: Spelling): string[] {
  const one = spelling === DOT ? '*' : '+';
  const levels = keyLevels(spelling === DOT ? filter : respelled(filter));
  for (let i = 0; i < levels.length; i++) {
    if (levels[i] === one) levels[i] = ONE;
    else if (levels[i] === '#') levels[i] = MANY;
  }
  return levels;
}

export function isWild(level: string | undefined): boolean {
  return level === ONE || level === MANY;
}

/** Whether a filter that hides reserved topics must not see this key: it starts with a wildcard, the key with `$`. */
export function hiddenByReserve(filter: readonly string[], key: readonly string[]): boolean {
  return isWild(filter[0]) && key[0]?.charCodeAt(0) === 0x24;
}

/** Whether `filter` matches `key`. Linear in both but for filters with several MANY, where it is their product. */
export function matches(filter: readonly string[], key: readonly string[]): boolean {
  // The classic two-pointer walk: on a mismatch, the last MANY takes one level more.
  let f = 0;
  let k = 0;
  let lastMany = -1;
  let takenTo = 0;
  while (k < key.length) {
    if (f < filter.length && filter[f] === MANY) {
      lastMany = f++;
      takenTo = k;
    } else if (f < filter.length && (filter[f] === ONE || filter[f] === key[k])) {
      f++;
      k++;
    } else if (lastMany >= 0) {
      f = lastMany + 1;
      k = ++takenTo;
    } else {
      return false;
    }
  }
  while (f < filter.length && filter[f] === MANY) f++;
  return f === filter.length;
}

/** Whether a filter matches a key, both dotted: for who has but one of each. */
export function matchesFilter(filter: string, key: string): boolean {
  return matches(filterLevels(filter, DOT), keyLevels(key));
}
