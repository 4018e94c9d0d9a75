/**
 * Which requests are told in the audit log, in what words, and what of their bodies: names, patterns and figures that are listed here and
 * nothing else, so that no password comes there. What only looks is not told. Each path that changes something is here: a test says so.
 */
export interface AuditWords {
  readonly what: string;
  /** Members of the body that are told. */
  readonly tells: readonly string[];
  /** Programs do it by the thousand. */
  readonly frequent: boolean;
}

const told = (what: string, ...tells: string[]): AuditWords => ({ what, tells, frequent: false });
const counted = (what: string, ...tells: string[]): AuditWords => ({ what, tells, frequent: true });

const POLICY = ['pattern', 'definition', 'apply-to', 'applyTo', 'priority'];
const RIGHTS = ['configure', 'write', 'read', 'exchange'];
const DECLARED = ['type', 'durable', 'auto_delete', 'internal', 'arguments'];
const BOUND = ['routing_key', 'arguments'];
const WHICH = ['to', 'selector', 'text', 'limit', 'rate', 'attempts'];

/** By method and path. Undefined: it changes nothing. */
export const AUDITED: Readonly<Record<string, AuditWords | undefined>> = {
  'GET /v1/backup': told('backup taken'),
  'GET /api/definitions': counted('definitions exported'),
  'GET /api/definitions/{vhost}': counted('definitions exported'),
  'GET /api/all-configuration': counted('definitions exported'),

  'POST /v1/access': undefined,
  'POST /v1/vhosts/{vhost}/queues/{queue}/pause': told('queue paused'),
  'POST /v1/vhosts/{vhost}/queues/{queue}/resume': told('queue resumed'),
  'POST /v1/vhosts/{vhost}/queues/{queue}/messages/move': told('messages moved', ...WHICH),
  'POST /v1/vhosts/{vhost}/queues/{queue}/messages/copy': told('messages copied', ...WHICH),
  'DELETE /v1/vhosts/{vhost}/queues/{queue}/messages': told('messages removed'),
  'POST /v1/vhosts/{vhost}/queues/{queue}/redrives': told('redrive begun', ...WHICH),
  'POST /v1/vhosts/{vhost}/queues/{queue}/redrives/count': undefined,
  'POST /v1/vhosts/{vhost}/redrives/{id}/stop': told('redrive stopped'),
  'POST /v1/vhosts/{vhost}/redrives/{id}/resume': told('redrive resumed'),
  'DELETE /v1/vhosts/{vhost}/redrives/{id}': told('redrive forgotten'),
  'POST /v1/vhosts/{vhost}/queues/{queue}/pull': counted('messages pulled'),
  'POST /v1/leases/ack': counted('pulled messages accepted'),
  'POST /v1/leases/nack': counted('pulled messages given back'),
  'POST /v1/leases/defer': counted('pulled messages put off'),
  'POST /v1/leases/renew': undefined,
  'POST /v1/vhosts/{vhost}/half-messages/{id}/commit': counted('half message committed'),
  'POST /v1/vhosts/{vhost}/half-messages/{id}/rollback': counted('half message rolled back'),
  'DELETE /v1/vhosts/{vhost}/delayed/{position}': told('delayed message dropped'),
  'DELETE /v1/vhosts/{vhost}/schedules/{id}': told('schedule deleted'),
  'POST /v1/subscriptions/{subscription}/received': undefined,
  'DELETE /v1/vhosts/{vhost}/sessions/{protocol}/{clientId}': told('session ended'),
  'DELETE /v1/vhosts/{vhost}/retained/{key}': told('retained message deleted'),
  'PUT /v1/vhosts/{vhost}/policies/{name}': told('policy set', ...POLICY),
  'DELETE /v1/vhosts/{vhost}/policies/{name}': told('policy deleted'),
  'PUT /v1/vhosts/{vhost}/limits': told('limits of a vhost set', 'connections', 'queues'),
  'PUT /v1/users/{user}/limits': told('limits of a user set', 'connections', 'channels'),

  'PUT /api/cluster-name': told('name of the cluster set', 'name'),
  'POST /api/rebalance/queues': undefined,
  'DELETE /api/auth/attempts/{node}': told('counts of logins forgotten'),
  'DELETE /api/auth/attempts/{node}/source': told('counts of logins forgotten'),
  'DELETE /api/reset': told('rates forgotten'),
  'DELETE /api/reset/{node}': told('rates forgotten'),
  'PUT /api/feature-flags/{name}/enable': told('feature flag enabled'),
  'DELETE /api/connections/{connection}': told('connection closed'),
  'DELETE /api/connections/username/{user}': told('connections of a user closed'),
  'POST /api/login': undefined,
  'POST /api/vhosts/{vhost}/start/{node}': told('vhost started'),
  'PUT /api/vhosts/{vhost}': told('vhost made', 'description', 'tags'),
  'DELETE /api/vhosts/{vhost}': told('vhost deleted'),
  'PUT /api/queues/{vhost}/{queue}': told('queue declared', ...DECLARED),
  'DELETE /api/queues/{vhost}/{queue}': told('queue deleted'),
  'DELETE /api/queues/{vhost}/{queue}/contents': told('queue purged'),
  'POST /api/queues/{vhost}/{queue}/actions': told('queue synchronised', 'action'),
  'POST /api/queues/{vhost}/{queue}/get': counted('messages got'),
  'PUT /api/exchanges/{vhost}/{exchange}': told('exchange declared', ...DECLARED),
  'DELETE /api/exchanges/{vhost}/{exchange}': told('exchange deleted'),
  'POST /api/exchanges/{vhost}/{exchange}/publish': counted('messages published'),
  'POST /api/bindings/{vhost}/e/{source}/q/{destination}': told('queue bound', ...BOUND),
  'POST /api/bindings/{vhost}/e/{source}/e/{destination}': told('exchange bound', ...BOUND),
  'DELETE /api/bindings/{vhost}/e/{source}/q/{destination}/{key}': told('queue unbound'),
  'DELETE /api/bindings/{vhost}/e/{source}/e/{destination}/{key}': told('exchange unbound'),
  'PUT /api/vhost-limits/{vhost}/{name}': told('limit of a vhost set', 'value'),
  'DELETE /api/vhost-limits/{vhost}/{name}': told('limit of a vhost taken back'),
  'PUT /api/user-limits/{user}/{name}': told('limit of a user set', 'value'),
  'DELETE /api/user-limits/{user}/{name}': told('limit of a user taken back'),
  'POST /api/definitions': told('definitions imported'),
  'POST /api/definitions/{vhost}': told('definitions imported'),
  'POST /api/all-configuration': told('definitions imported'),
  'POST /api/users/bulk-delete': told('users deleted', 'users'),
  'PUT /api/users/{user}': told('user set', 'tags'),
  'DELETE /api/users/{user}': told('user deleted'),
  'PUT /api/permissions/{vhost}/{user}': told('permissions set', ...RIGHTS),
  'DELETE /api/permissions/{vhost}/{user}': told('permissions taken back'),
  'PUT /api/topic-permissions/{vhost}/{user}': told('topic permissions set', ...RIGHTS),
  'DELETE /api/topic-permissions/{vhost}/{user}': told('topic permissions taken back'),
  'DELETE /api/topic-permissions/{vhost}/{user}/{exchange}': told('topic permissions taken back'),
  'PUT /api/policies/{vhost}/{policy}': told('policy set', ...POLICY),
  'DELETE /api/policies/{vhost}/{policy}': told('policy deleted'),
  'PUT /api/operator-policies/{vhost}/{policy}': told('operator’s policy set', ...POLICY),
  'DELETE /api/operator-policies/{vhost}/{policy}': told('operator’s policy deleted'),
  'PUT /api/parameters/{component}/{vhost}/{name}': told('parameter set'),
  'DELETE /api/parameters/{component}/{vhost}/{name}': told('parameter deleted'),
  'PUT /api/global-parameters/{name}': told('global parameter set'),
  'DELETE /api/global-parameters/{name}': told('global parameter deleted'),
};

/** What of a body is told. */
export function toldOf(body: unknown, { tells }: AuditWords): object {
  if (typeof body !== 'object' || body === null) return {};
  const given = body as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    tells.filter((name) => Object.hasOwn(given, name) && given[name] !== undefined).map((name) => [name, given[name]]),
  );
}
