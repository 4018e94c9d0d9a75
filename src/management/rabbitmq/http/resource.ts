/** What a path of the API answers to, and who may ask. */
import type { Resource as Routed } from '../../http/router.ts';
import type { Tag } from '../../http/tags.ts';
import type { ApiRequest } from './request.ts';

export interface Verb {
  /** The least tag that may; `none`: whoever has logged in; `anyone`: no login is asked. */
  readonly tag: Tag | 'none' | 'anyone';
  handle(request: ApiRequest): Response | Promise<Response>;
}

export type Resource = Routed<Verb>;
