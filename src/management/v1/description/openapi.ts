/** The description of the API, OpenAPI 3.1, made of the table of operations: https://spec.openapis.org/oas/v3.1.0 */
import { z } from 'zod';
import { VERSION } from '../../../version.ts';
import type { Operation } from '../http/operation.ts';

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong, for people.' },
    code: { type: 'string', description: 'What is wrong, in one word for programs.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['where', 'what'],
        properties: { where: { type: 'string' }, what: { type: 'string' } },
      },
    },
  },
};

export function openapi(operations: readonly Operation[]): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = paths[`/v1${operation.path}`] ?? {};
    path[operation.method.toLowerCase()] = described(operation);
    paths[`/v1${operation.path}`] = path;
  }
  const groups = [...new Set(operations.map(({ group }) => group))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Entrepot',
      version: VERSION,
      description: 'What an operator sees and does. Errors are application/problem+json (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ basic: [] }, { bearer: [] }],
    tags: groups.map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: PROBLEM },
      responses: {
        Problem: {
          description: 'It was not done.',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

function described(operation: Operation): object {
  const { id, group, summary, description, access, body } = operation;
  const asks = access === 'anyone' ? 'No login is asked.' : `Asks for the tag \`${access}\`.`;
  return {
    operationId: id,
    tags: [group],
    summary,
    description: [description, asks].filter(Boolean).join(' '),
    parameters: [...pathParameters(operation), ...queryParameters(operation)],
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: { ...answer(operation), default: { $ref: '#/components/responses/Problem' } },
    ...(access === 'anyone' && { security: [] }),
  };
}

/** The parts of a path that are in braces. */
export function pathParameters({ path }: Operation): { readonly name: string }[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

interface Parameter {
  readonly name: string;
  readonly in: 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: { readonly type?: string; readonly description?: string; readonly default?: unknown };
}

export function queryParameters({ query }: Operation): Parameter[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, 'input') as {
    properties?: Record<string, Parameter['schema']>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function answer({ answer: what }: Operation): object {
  if (what === 'nothing') return { '204': { description: 'It has been done.' } };
  if ('what' in what) {
    return { '200': { description: what.what, content: { [what.contentType]: { schema: { type: 'string' } } } } };
  }
  return { '200': { description: 'OK', content: { 'application/json': { schema: schemaOf(what, 'output') } } } };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' });
  return rest;
}
