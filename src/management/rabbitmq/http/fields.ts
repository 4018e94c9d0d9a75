/** Fields of a request's body, taken as RabbitMQ takes them: what is missing or of another kind is said in its words. */
import type { Headers } from '../../../message/properties.ts';
import { valueFromJson } from '../../../message/values.ts';
import { badRequest } from './errors.ts';

export type Body = Readonly<Record<string, unknown>>;

/** How deep arguments may nest. */
const DEPTH_MAX = 32;

/** All of these are there. @throws Failure 400 `[{key_missing,a},{key_missing,b}]` */
export function demandKeys(body: Body, keys: readonly string[]): void {
  const missing = keys.filter((key) => body[key] === undefined);
  if (missing.length > 0) throw badRequest(`[${missing.map((key) => `{key_missing,${key}}`).join(',')}]`);
}

/** True, false, or one of these words as text; nothing is `fallback`. @throws Failure 400 */
export function booleanOf(body: Body, key: string, fallback = false): boolean {
  const value = body[key];
  if (value === undefined || value === null) return fallback;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw badRequest(['not_boolean', value]);
}

/** Text, or a number as text; nothing is `fallback`. @throws Failure 400 */
export function textOf(body: Body, key: string, fallback = ''): string {
  const value = body[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw badRequest(['not_string', value]);
}

/** A whole number, or its digits as text; undefined for nothing. @throws Failure 400 */
export function wholeOf(body: Body, key: string): number | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return Number(value);
  throw badRequest(['not_int', value]);
}

/** A list of text, or a text with commas, blanks trimmed; undefined for nothing. @throws Failure 400 */
export function wordsOf(body: Body, key: string): readonly string[] | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  const list = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(list) || list.some((word) => typeof word !== 'string')) throw badRequest(`${key}_invalid`);
  return (list as string[]).map((word) => word.trim()).filter((word) => word !== '');
}

/**
 * An object of arguments or headers; nothing, and an empty list, is none.
 * @param nulls they may be in it: an export has some where clients have said so
 * @throws Failure 400 `null_not_allowed`
 */
export function headersOf(body: Body, key: string, nulls = false): Headers {
  const given = body[key];
  if (given === undefined || given === null) return [];
  if (typeof given !== 'object' || (Array.isArray(given) && given.length > 0)) throw badRequest(`${key}_invalid`);
  if (!nulls && hasNull(given)) throw badRequest('null_not_allowed');
  const value = valueFromJson(given, DEPTH_MAX);
  if (value === undefined) throw badRequest(`${key} nest deeper than ${DEPTH_MAX} levels, or are too many`);
  return typeof value === 'object' && value !== null && value.type === 'map' ? value.value : [];
}

function hasNull(value: object, depth = 0): boolean {
  if (depth > DEPTH_MAX) return false;
  return Object.values(value).some(
    (part) => part === null || (typeof part === 'object' && hasNull(part as object, depth + 1)),
  );
}
