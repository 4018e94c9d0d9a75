/** The query of a list: which page, which names, in which order, which columns; checked as RabbitMQ checks it. */
import { BrokerError } from '../../../message/errors.ts';
import { NamePattern } from '../../../message/name-pattern.ts';
import { badRequest, Failure } from '../http/errors.ts';

const PAGE_SIZE = 100;
const PAGE_SIZE_MAX = 500;

export interface Pagination {
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
  /** Undefined: all. */
  readonly matches: ((name: string) => boolean) | undefined;
}

/** Undefined: no page is asked for. @throws Failure 400 */
export function pagination(query: URLSearchParams): Pagination | undefined {
  const given = query.get('page');
  if (given === null) return undefined;
  const page = whole(given);
  const size = query.get('page_size');
  const pageSize = size === null ? PAGE_SIZE : whole(size);
  if (page < 1 || pageSize < 1 || pageSize > PAGE_SIZE_MAX) {
    const reason = `Invalid pagination parameters: page number ${page}, page size ${size === null ? 'undefined' : pageSize}`;
    throw new Failure(400, 'invalid_pagination_parameters', reason);
  }
  return { page, pageSize, matches: nameFilter(query.get('name'), query.get('use_regex') === 'true') };
}

export function outOfRange({ page, pageSize }: Pagination, length: number): Failure {
  return new Failure(
    400,
    'page_out_of_range',
    `Page out of range, page: ${page} page size: ${pageSize}, len: ${length}`,
  );
}

function nameFilter(name: string | null, regex: boolean): Pagination['matches'] {
  if (name === null || name === '') return undefined;
  if (!regex) {
    const part = name.toLowerCase();
    return (text) => text.toLowerCase().includes(part);
  }
  try {
    const pattern = new NamePattern(`(?i)${name}`);
    return (text) => pattern.matches(text);
  } catch (error) {
    if (error instanceof BrokerError) throw invalid();
    throw error;
  }
}

function whole(text: string): number {
  if (!/^[+-]?\d{1,15}$/.test(text)) throw invalid();
  return Number(text);
}

function invalid(): Failure {
  return badRequest('Pagination parameters are invalid');
}

export interface Sorting {
  /** Dotted; undefined: the list's own order. */
  readonly column: string | undefined;
  readonly reverse: boolean;
}

/** @throws Failure 500, as RabbitMQ has it for what is neither true nor false */
export function sorting(query: URLSearchParams): Sorting {
  const reverse = query.get('sort_reverse');
  if (reverse !== null && reverse !== 'true' && reverse !== 'false') throw new Failure(500);
  return { column: query.get('sort') || undefined, reverse: reverse === 'true' };
}
