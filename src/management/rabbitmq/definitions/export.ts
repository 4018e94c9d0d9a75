/**
 * Definitions as RabbitMQ exports them: all that is declared, in pieces of JSON, never there as a whole. In the order that an import
 * needs. Left out are exclusive queues with their bindings, what the broker itself declares, and the queues that adapters keep for
 * their clients' sessions, which come with these.
 */

import type { Operator } from '../../../operator/operator.ts';
import { PRODUCT, VERSION } from '../../../version.ts';
import { operatorPolicyParameter, vhostLimitsParameter } from '../resources/parameter-list.ts';
import { permissionsOf, topicPermissionsOf } from '../resources/permissions.ts';
import { policyShown } from '../resources/policies.ts';
import { userShown } from '../resources/users.ts';
import { argumentsJson } from '../shapes/arguments.ts';
import { VERSIONS } from '../shapes/versions.ts';

type Pieces = AsyncIterable<readonly object[]>;

/** @param vhost one vhost's; undefined: all, with users, vhosts and permissions */
export async function* exportDefinitions(operator: Operator, vhost?: string): AsyncGenerator<string> {
  const scope = vhost === undefined ? operator.vhosts.names : [vhost];
  const head: Record<string, unknown> = { rabbit_version: VERSIONS.rabbitmq_version };
  if (vhost === undefined) {
    head['rabbitmq_version'] = VERSIONS.rabbitmq_version;
    head['product_name'] = PRODUCT;
    head['product_version'] = VERSION;
  }
  yield JSON.stringify(head).slice(0, -1);
  for (const [name, pieces] of Object.entries(sections(operator, scope, vhost === undefined))) {
    yield* section(name, pieces());
  }
  yield '}';
}

function sections(operator: Operator, scope: readonly string[], whole: boolean): Record<string, () => Pieces> {
  const { userLists, vhosts, policies, globals } = operator;
  const inVhost = (object: object): object => {
    if (whole) return object;
    const { vhost: _, ...rest } = object as { vhost: string };
    return rest;
  };
  const parameters = async function* (): AsyncGenerator<readonly object[]> {
    yield scope.map((vhost) => vhostLimitsParameter(operator, vhost)).filter((limits) => limits !== undefined);
    for await (const piece of policies.list.pieces(scope)) {
      yield piece.filter(({ kind, configured }) => kind === 'operator' && !configured).map(operatorPolicyParameter);
    }
  };
  const ofVhosts: Record<string, () => Pieces> = {
    parameters,
    ...(whole && {
      global_parameters: () => once(globals.names().map((name) => ({ name, value: globals.get(name) }))),
    }),
    policies: () =>
      shown(policies.list.pieces(scope), (policy) =>
        policy.kind === 'policy' && !policy.configured ? policyShown(policy) : undefined,
      ),
    queues: () =>
      shown(operator.queues.list.pieces(scope), ({ name, vhost, options }) =>
        options.exclusive || options.ownUse !== undefined
          ? undefined
          : inVhost({
              ...{ name, vhost, durable: options.durable, auto_delete: options.autoDelete },
              arguments: argumentsJson(options.arguments),
            }),
      ),
    exchanges: () =>
      shown(operator.exchanges.list.pieces(scope), (exchange) => {
        if (exchange.predeclared) return undefined;
        const { name, vhost, type, durable, autoDelete, internal } = exchange;
        return inVhost({
          ...{ name, vhost, type, durable, auto_delete: autoDelete, internal },
          arguments: argumentsJson(exchange.arguments),
        });
      }),
    bindings: () =>
      shown(operator.bindings.list.pieces(scope), ({ source, vhost, destination, destinationType, ...rest }) => {
        if (source === '') return undefined;
        if (destinationType === 'queue') {
          const options = operator.queues.find(vhost, destination)?.options;
          if (options === undefined || options.exclusive || options.ownUse !== undefined) return undefined;
        }
        return inVhost({
          ...{ source, vhost, destination, destination_type: destinationType, routing_key: rest.key },
          arguments: argumentsJson(rest.arguments),
        });
      }),
  };
  if (!whole) return ofVhosts;
  return {
    // What the configuration sets comes with the configuration.
    users: () => shown(userLists.list.pieces([]), (user) => (user.configured ? undefined : userShown(operator, user))),
    vhosts: () => shown(vhosts.list.pieces(scope), ({ name, details }) => ({ name, ...details, metadata: details })),
    permissions: () => flat(userLists.list.pieces([]), (user) => (user.configured ? [] : permissionsOf(user))),
    topic_permissions: () =>
      flat(userLists.list.pieces([]), (user) => (user.configured ? [] : topicPermissionsOf(user))),
    ...ofVhosts,
  };
}

async function* once(items: readonly object[]): AsyncGenerator<readonly object[]> {
  yield items;
}

async function* shown<T>(
  pieces: AsyncIterable<readonly T[]>,
  show: (item: T) => object | undefined,
): AsyncGenerator<readonly object[]> {
  for await (const piece of pieces) yield piece.map(show).filter((item) => item !== undefined);
}

async function* flat<T>(
  pieces: AsyncIterable<readonly T[]>,
  rows: (item: T) => readonly object[],
): AsyncGenerator<readonly object[]> {
  for await (const piece of pieces) yield piece.flatMap(rows);
}

async function* section(name: string, pieces: Pieces): AsyncGenerator<string> {
  yield `,${JSON.stringify(name)}:[`;
  let begun = false;
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    const text = piece.map((item) => JSON.stringify(item)).join(',');
    yield begun ? `,${text}` : text;
    begun = true;
  }
  yield ']';
}
