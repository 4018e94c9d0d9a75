/** A message's deaths, from its headers, in words. */

export interface Death {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
  readonly exchange: string;
  readonly keys: readonly string[];
  /** Epoch milliseconds of the first of them. */
  readonly atMs: number | undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  rejected: 'was rejected by a consumer',
  expired: 'waited longer than it may',
  maxlen: 'had to go, for the queue was full',
  delivery_limit: 'was tried as often as it may be',
};

/** Told by the message and not by whoever sends it again. */
export const DEATH_HEADER = /^x-(death|first-death-|last-death-)/;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The latest first, as the header has them. */
export function deathsOf(headers: Readonly<Record<string, unknown>>): Death[] {
  const given = headers['x-death'];
  if (!Array.isArray(given)) return [];
  return given
    .filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null)
    .map((one) => ({
      queue: text(one['queue']),
      reason: text(one['reason']),
      count: Number(one['count'] ?? 1),
      exchange: text(one['exchange']),
      keys: Array.isArray(one['routing-keys']) ? one['routing-keys'].map(String) : [],
      atMs: Number(one['time']) > 0 ? Number(one['time']) * 1000 : undefined,
    }));
}

/** «was rejected by a consumer in orders, 3 times» */
export function inWords({ reason, queue, count }: Death): string {
  const times = count > 1 ? `, ${count} times` : '';
  return `${Object.hasOwn(REASONS, reason) ? REASONS[reason] : reason} in ${queue}${times}`;
}

/** What consumers say of why, in the headers that they commonly use for it. */
export const ERROR_HEADERS = [
  'error',
  'x-error',
  'x-exception-message',
  'x-exception',
  'exception',
  'kafka_dlt-exception-message',
  'x-last-error',
  'reason',
] as const;

export function errorOf(headers: Readonly<Record<string, unknown>>, name: string | undefined): string {
  for (const one of name === undefined || name === '' ? ERROR_HEADERS : [name]) {
    const value = headers[one];
    if (value !== undefined && value !== null) return typeof value === 'string' ? value : JSON.stringify(value);
  }
  return '';
}
