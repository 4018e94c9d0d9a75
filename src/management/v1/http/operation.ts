/**
 * An operation of the API: a method and a path, what it takes and gives as schemas, and what it does. The schemas check requests and are
 * what the description is made of, so neither can say what the other does not.
 */
import type { z } from 'zod';
import type { Method } from '../../http/router.ts';
import type { Tag } from '../../http/tags.ts';
import type { Asked } from './asked.ts';

/** The least tag that may; `anyone`: no login is asked. */
export type Access = Tag | 'anyone';

export interface Operation {
  readonly method: Method;
  /** With parts in braces: `/vhosts/{vhost}/queues/{queue}`. */
  readonly path: string;
  /** Unique, in camelCase. */
  readonly id: string;
  /** The heading that it stands under. */
  readonly group: string;
  readonly summary: string;
  /** Sentences for people. */
  readonly description?: string;
  readonly access: Access;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Of a 200's JSON, or what else there is. */
  readonly answer: z.ZodType | { readonly contentType: string; readonly what: string } | 'nothing';
  handle(asked: Asked<never, never>): Response | Promise<Response>;
}

interface Typed<Q extends z.ZodObject, B extends z.ZodType> extends Omit<Operation, 'query' | 'body' | 'handle'> {
  readonly query?: Q;
  readonly body?: B;
  handle(asked: Asked<z.output<Q>, z.output<B>>): Response | Promise<Response>;
}

/** The handler gets what the schemas make of the request. */
export function operation<Q extends z.ZodObject, B extends z.ZodType>(typed: Typed<Q, B>): Operation {
  return typed as unknown as Operation;
}
