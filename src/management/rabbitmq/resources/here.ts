/** The one node there is, where a path names another. */
import { notFound } from '../http/errors.ts';
import type { ApiRequest } from '../http/request.ts';
import { NODE } from '../node-name.ts';

/** @throws Failure 404 */
export function mustBeHere(request: ApiRequest): void {
  if (request.param('node') !== NODE) throw notFound();
}
