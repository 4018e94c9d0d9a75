/** What a request brings, checked by its operation's schemas: what is wrong is said part by part. */
import type { z } from 'zod';
import type { Pace } from '../../../operator/listing/pace.ts';
import { bodyText } from '../../http/body.ts';
import { pacedJson } from '../../http/paced-json.ts';
import type { Operation } from './operation.ts';
import { Problem, type RequestFault } from './problem.ts';

const BODY_BYTES_MAX = 1024 * 1024;

/** @throws Problem 400 */
export function queryOf({ query: schema }: Operation, query: URLSearchParams): unknown {
  const given: Record<string, string> = {};
  for (const [name, value] of query) {
    if (Object.hasOwn(given, name)) throw invalid([{ where: `query.${name}`, what: 'is given twice' }]);
    Object.defineProperty(given, name, { value, enumerable: true });
  }
  if (schema !== undefined) return checked(schema, given, 'query');
  const [first] = Object.keys(given);
  if (first !== undefined) throw invalid([{ where: `query.${first}`, what: 'there is no such parameter' }]);
  return {};
}

/** @throws Problem 400, 413, 415 */
export async function bodyOf({ body: schema }: Operation, request: Request, pace: Pace): Promise<unknown> {
  if (schema === undefined) return undefined;
  const type = request.headers.get('content-type');
  // A page of another site can send forms and plain text with somebody's password, but no JSON.
  if (type === null || !/^application\/json\s*(;|$)/i.test(type)) {
    throw new Problem(415, 'invalid', 'the body is sent as application/json');
  }
  let value: unknown;
  try {
    value = await pacedJson(await textOf(request, pace), pace);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw invalid([{ where: 'body', what: 'is no JSON' }]);
  }
  return checked(schema, value, 'body');
}

async function textOf(request: Request, pace: Pace): Promise<string> {
  const text = await bodyText(request, BODY_BYTES_MAX, pace);
  if (text === undefined) throw new Problem(413, 'invalid', `a body has at most ${BODY_BYTES_MAX} bytes here`);
  return text;
}

function checked(schema: z.ZodType, value: unknown, where: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(
    result.error.issues.slice(0, 20).map(({ path, message }) => ({ where: [where, ...path].join('.'), what: message })),
  );
}

function invalid(errors: readonly RequestFault[]): Problem {
  const detail = errors.map(({ where, what }) => `${where}: ${what}`).join('; ');
  return new Problem(400, 'invalid', detail, errors);
}
