/** Global parameters: kept whatever they are called. */
import type { Operator } from '../../../operator/operator.ts';
import { notFound } from '../http/errors.ts';
import { demandKeys } from '../http/fields.ts';
import { plain } from '../http/plain.ts';
import { created, json, noContent } from '../http/replies.ts';
import type { Resource } from '../http/resource.ts';
import { CLUSTER_ID_PARAMETER, clusterId } from '../node-name.ts';

type Globals = Operator['globals'];

/** In their order. Which cluster this is, is one of them, though nobody has set it. */
function namesOf(globals: Globals): string[] {
  return [...new Set([...globals.names(), CLUSTER_ID_PARAMETER])].sort();
}

/** Undefined: there is none. */
function globalOf(globals: Globals, name: string): unknown {
  const value = globals.get(name);
  return value === undefined && name === CLUSTER_ID_PARAMETER ? clusterId({ globals }) : value;
}

export const GLOBAL_PARAMETERS: readonly Resource[] = [
  {
    path: '/global-parameters',
    verbs: {
      GET: {
        tag: 'policymaker',
        handle: ({ operator: { globals } }) =>
          json(namesOf(globals).map((name) => ({ name, value: globalOf(globals, name) }))),
      },
    },
  },
  {
    path: '/global-parameters/:name',
    verbs: {
      GET: {
        tag: 'policymaker',
        handle: (request) => {
          const name = request.param('name');
          const value = globalOf(request.operator.globals, name);
          if (value === undefined) throw notFound();
          return json({ name, value });
        },
      },
      PUT: {
        tag: 'policymaker',
        handle: async (request) => {
          const body = await request.body();
          demandKeys(body, ['value']);
          const name = request.param('name');
          const { globals } = request.operator;
          const existed = globalOf(globals, name) !== undefined;
          await globals.put(name, plain(body['value']));
          return existed ? noContent() : created();
        },
      },
      DELETE: {
        tag: 'policymaker',
        handle: async (request) => {
          const { globals } = request.operator;
          const name = request.param('name');
          if (!(await globals.delete(name)) && globalOf(globals, name) === undefined) throw notFound();
          return noContent();
        },
      },
    },
  },
];
