/**
 * What every answer of the HTTP port says to browsers: it is what its type says and nothing else, it runs and loads nothing, it is shown in
 * no frame, and where one goes from there is not told. What a page needs besides it says itself.
 */
import type { MiddlewareHandler } from 'hono';
import { PRODUCT } from '../../version.ts';

const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  server: PRODUCT,
};

export const saysWhatItIs: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value);
};
