/**
 * Where one is: the part of the address behind `#`, so that the broker serves one page and a proxy may put it anywhere.
 * `#/queues/%2F/orders?tab=messages` is the path `['queues', '/', 'orders']` with the query `tab`.
 */
import { createStore, useStore } from './store.ts';

export interface Place {
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

export function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  return {
    path: path === '' ? [] : path.split('/').map(unescaped),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** Anybody may type an address: what is no escape is taken as it stands. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An address within the console: `href('queues', vhost, name)`. */
export const href = (...path: readonly string[]): string => `#/${path.map(encodeURIComponent).join('/')}`;

/** The same with a query; what is undefined or empty is left out. */
export function hrefWith(path: readonly string[], query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '');
  const text = new URLSearchParams(given).toString();
  return href(...path) + (text === '' ? '' : `?${text}`);
}

const place = createStore(placeOf(location.hash));
addEventListener('hashchange', () => place.set(placeOf(location.hash)));

export const usePlace = (): Place => useStore(place);
export const currentPlace = (): Place => place.get();

/** Goes there, as a link does. */
export function go(to: string): void {
  location.hash = to;
}

/** Changes the query where one is, without a step in the browser's history: what is typed into a search, the page of a list. */
export function setQuery(change: Readonly<Record<string, string | undefined>>): void {
  const { path, query } = place.get();
  const to = hrefWith(path, { ...query, ...change });
  history.replaceState(null, '', to);
  place.set(placeOf(to));
}
