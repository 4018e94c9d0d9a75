/** Replies: JSON whole, or nothing but a status; what is long comes in pieces (`lists/list-reply.ts`). */
import type { Failure } from './errors.ts';

const COMMON = { 'cache-control': 'no-cache', vary: 'accept, accept-encoding, origin' };
export const JSON_HEADERS = { ...COMMON, 'content-type': 'application/json' };
const encoder = new TextEncoder();

/** Undefined values are left out, as `JSON.stringify` has it. */
export function json(value: unknown, status = 200): Response {
  return jsonText(JSON.stringify(value), status);
}

/** JSON that has been written already. */
export function jsonText(text: string, status = 200): Response {
  const body = encoder.encode(text);
  return new Response(body, { status, headers: { ...JSON_HEADERS, 'content-length': String(body.length) } });
}

/** Something was made. @param location relative, where the thing has a name of its own */
export function created(location?: string): Response {
  const headers = { ...COMMON, 'content-length': '0' };
  return new Response(null, { status: 201, headers: location === undefined ? headers : { ...headers, location } });
}

/** It has been done, or was so already. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: COMMON });
}

/** A status alone. */
export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(null, { status, headers: { ...COMMON, 'content-length': '0', ...headers } });
}

export function failed({ status, body, headers }: Failure): Response {
  if (body === undefined) return empty(status, headers);
  const response = json(body, status);
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}
