/**
 * What changes things over HTTP, family by family: each step with the status that RabbitMQ 3.10.8 gives, in the order in which they are
 * asked. Statuses and the answers' shapes are compared as those of what only reads are (`requests.ts`).
 */
import type { Asked } from './requests.ts';

export interface Change extends Asked {
  /** JSON; a text is sent as it is. */
  readonly body?: unknown;
  /** Of the body. Default: application/json. */
  readonly type?: string;
  /** What this broker answers instead, and why. */
  readonly here?: { readonly status: number; readonly because: string };
}

type Method = NonNullable<Asked['method']>;
type More = Partial<Omit<Change, 'path' | 'status' | 'method' | 'body'>>;

const step = (method: Method, path: string, status: number, body?: unknown, more: More = {}): Change => ({
  ...{ method, path, status, ...more },
  ...(body !== undefined && { body }),
});
const GET = (path: string, status = 200, more?: More): Change => step('GET', path, status, undefined, more);
const PUT = (path: string, body: unknown, status: number, more?: More): Change => step('PUT', path, status, body, more);
const POST = (path: string, body: unknown, status: number, more?: More): Change =>
  step('POST', path, status, body, more);
const DELETE = (path: string, status = 204, more?: More): Change => step('DELETE', path, status, undefined, more);

const FORM = 'application/x-www-form-urlencoded';
const ALL = { configure: '.*', write: '.*', read: '.*' };
const GET_ONE = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
const SAYS_NOTHING = {
  status: 204,
  because:
    'JSON is taken for JSON whatever is said of it, as by every other path there: curl -d says that it is a form',
};

const NO_VHOST = { status: 404, because: 'there is no such vhost, and so no list of what is in it' };
const FOR_ADMINISTRATORS = {
  status: 401,
  because:
    'what bounds other operators is not theirs to change, from whichever side: /operator-policies and /vhost-limits refuse it too',
};

export const CHANGES: Readonly<Record<string, readonly Change[]>> = {
  queues: [
    PUT('/queues/%2F/made', { durable: true, arguments: { 'x-max-length': 5 } }, 201),
    PUT('/queues/%2F/made', { durable: true, arguments: { 'x-max-length': 5 } }, 204),
    PUT('/queues/%2F/made', { durable: true }, 400),
    PUT('/queues/%2F/made', { durable: 'yes' }, 400),
    PUT('/queues/%2F/bad', { durable: true, arguments: { 'x-max-length': 'five' } }, 400),
    PUT('/queues/%2F/bad', { durable: true, arguments: { 'x-queue-type': 'nope' } }, 400),
    PUT('/queues/%2F/bad', { durable: false, arguments: { 'x-queue-type': 'quorum' } }, 400),
    PUT('/queues/%2F/bad', '[', 400),
    PUT('/queues/%2F/amq.mine', { durable: true }, 401),
    PUT('/queues/nov/made', {}, 404),
    POST('/exchanges/%2F/amq.default/publish', message('made'), 200),
    POST('/exchanges/%2F/amq.default/publish', message('nowhere'), 200),
    POST('/exchanges/%2F/nosuch/publish', message('made'), 400),
    POST('/exchanges/%2F/amq.default/publish', { routing_key: 'made' }, 400),
    POST('/exchanges/%2F/amq.default/publish', { ...message('made'), payload_encoding: 'odd' }, 400),
    POST('/queues/%2F/made/get', GET_ONE, 200),
    POST('/queues/%2F/made/get', { ...GET_ONE, truncate: 1 }, 200),
    POST('/queues/%2F/made/get', { count: 1 }, 400),
    POST('/queues/%2F/made/get', { ...GET_ONE, ackmode: 'odd' }, 500, {
      here: { status: 400, because: 'the client is told which there are' },
    }),
    POST('/queues/%2F/made/get', { ...GET_ONE, ackmode: 'reject_requeue_true' }, 200),
    POST('/queues/%2F/made/get', { ...GET_ONE, ackmode: 'reject_requeue_false' }, 200),
    POST('/exchanges/%2F/amq.default/publish', message('made'), 200),
    POST('/queues/%2F/made/get', { ...GET_ONE, ackmode: 'ack_requeue_false', count: -1 }, 200),
    POST('/queues/%2F/made/get', GET_ONE, 200),
    POST('/queues/%2F/nosuch/get', GET_ONE, 404),
    POST('/queues/%2F/made/actions', { action: 'sync' }, 204),
    POST('/queues/%2F/made/actions', { action: 'cancel_sync' }, 204),
    POST('/queues/%2F/made/actions', { action: 'odd' }, 400),
    POST('/queues/%2F/made/actions', {}, 400),
    POST('/queues/%2F/nosuch/actions', { action: 'sync' }, 500, {
      here: { status: 404, because: 'there is no such queue, which is no fault' },
    }),
    DELETE('/queues/%2F/made/contents'),
    DELETE('/queues/%2F/nosuch/contents', 404),
    POST('/exchanges/%2F/amq.default/publish', message('made'), 200),
    DELETE('/queues/%2F/made?if-empty=true', 400),
    DELETE('/queues/%2F/made?if-unused=true'),
    DELETE('/queues/%2F/made', 404),
    POST('/rebalance/queues', {}, 204, {
      here: {
        status: 400,
        because: 'there is one node: that nothing was moved is said rather than left to be believed',
      },
    }),
  ],
  connections: [
    GET('/connections/none', 404),
    GET('/connections/none/channels', 500, {
      here: { status: 404, because: 'there is no such connection, which is no fault' },
    }),
  ],
  exchanges: [
    PUT('/exchanges/%2F/xm', { type: 'topic', durable: true }, 201),
    PUT('/exchanges/%2F/xm', { type: 'topic', durable: true }, 204),
    PUT('/exchanges/%2F/xm', { type: 'fanout', durable: true }, 400),
    PUT('/exchanges/%2F/xbad', { type: 'nonsense' }, 400),
    PUT('/exchanges/%2F/amq.mine', { type: 'topic' }, 401),
    PUT('/queues/%2F/bound', { durable: true }, 201),
    POST('/bindings/%2F/e/xm/q/bound', { routing_key: 'a.#' }, 201),
    POST('/bindings/%2F/e/xm/q/bound', { routing_key: 'a.#' }, 201),
    POST('/bindings/%2F/e/xm/q/bound', { routing_key: 'b', arguments: { k: 1 } }, 201),
    POST('/bindings/%2F/e/xm/e/x2', { routing_key: 'c' }, 201),
    POST('/bindings/%2F/e/xm/q/nosuch', { routing_key: 'a' }, 404),
    POST('/bindings/%2F/e/nosuch/q/bound', { routing_key: 'a' }, 404),
    POST('/bindings/%2F/e/amq.default/q/bound', { routing_key: 'a' }, 401),
    GET('/bindings/%2F/e/xm/q/bound'),
    GET('/exchanges/%2F/xm/bindings/source'),
    DELETE('/exchanges/%2F/xm?if-unused=true', 400),
    DELETE('/bindings/%2F/e/xm/q/bound/a.%2523'),
    DELETE('/bindings/%2F/e/xm/q/bound/a.%2523', 404),
    DELETE('/bindings/%2F/e/xm/e/x2/c'),
    DELETE('/exchanges/%2F/xm'),
    DELETE('/exchanges/%2F/xm', 404),
    DELETE('/exchanges/%2F/amq.topic', 401),
    DELETE('/queues/%2F/bound'),
  ],
  vhosts: [
    PUT('/vhosts/vm', { description: 'd', tags: 'a,b' }, 201),
    PUT('/vhosts/vm', { description: 'e', tracing: false }, 204),
    PUT('/vhosts/vn', undefined, 201),
    GET('/vhosts/vm'),
    GET('/vhosts/vm/permissions'),
    GET('/vhosts/vm/topic-permissions'),
    GET('/vhosts/vm/connections'),
    GET('/vhosts/vm/channels'),
    PUT('/vhost-limits/vm/max-queues', { value: 1 }, 204),
    PUT('/vhost-limits/vm/max-connections', { value: -1 }, 204),
    PUT('/vhost-limits/vm/max-connections', { value: -1000 }, 204),
    PUT('/vhost-limits/vm/max-connections', { value: '5' }, 400),
    PUT('/vhost-limits/vm/max-connections', { value: null }, 400),
    PUT('/vhost-limits/vm/max-connections', { value: 1.5 }, 400),
    PUT('/vhost-limits/vm/odd', { value: 1 }, 400),
    PUT('/vhost-limits/vm/max-queues', {}, 400),
    PUT('/vhost-limits/nov/max-queues', { value: 1 }, 404),
    GET('/vhost-limits'),
    GET('/vhost-limits/vm'),
    PUT('/queues/vm/one', { durable: true }, 201),
    PUT('/queues/vm/two', { durable: true }, 400),
    GET('/parameters/vhost-limits'),
    GET('/parameters/vhost-limits/vm'),
    GET('/parameters/vhost-limits/vm/limits'),
    GET('/parameters/vhost-limits/vm/other', 404),
    PUT('/parameters/vhost-limits/vm/limits', { value: { 'max-queues': 2 } }, 204),
    PUT('/parameters/vhost-limits/vm/limits', { value: { odd: 2 } }, 400),
    GET('/vhost-limits/vm'),
    DELETE('/vhost-limits/vm/max-queues'),
    DELETE('/vhost-limits/vm/max-queues'),
    DELETE('/parameters/vhost-limits/nov/limits', 404),
    GET('/queues/nov/q/bindings', 200, { here: NO_VHOST }),
    GET('/bindings/nov/e/a/q/b', 200, { here: NO_VHOST }),
    POST('/vhosts/vm/start/NODE', undefined, 204),
    POST('/vhosts', {}, 405),
    DELETE('/vhosts/vm'),
    DELETE('/vhosts/vn'),
    DELETE('/vhosts/vm', 404),
  ],
  users: [
    PUT('/users/um', { password: 'pw', tags: 'management' }, 201),
    PUT('/users/um', { password: 'pw', tags: ['management', 'odd'] }, 204),
    PUT('/users/ubad', { password: 'pw' }, 400),
    PUT('/users/ubad', { password: 'pw', password_hash: 'aGk=', tags: '' }, 400),
    PUT('/users/ubad', { password_hash: '!!', tags: '' }, 400),
    PUT('/users/un', { tags: '' }, 201),
    GET('/users/um'),
    GET('/users'),
    GET('/users/without-permissions'),
    GET('/users/um/permissions'),
    GET('/users/um/topic-permissions'),
    PUT('/permissions/%2F/um', ALL, 201),
    PUT('/permissions/%2F/um', ALL, 204),
    PUT('/permissions/%2F/um', { configure: '.*' }, 400),
    PUT('/permissions/%2F/um', { ...ALL, read: '(' }, 400),
    PUT('/permissions/nov/um', ALL, 400),
    PUT('/permissions/%2F/nou', ALL, 400),
    GET('/permissions/%2F/um'),
    GET('/permissions'),
    PUT('/topic-permissions/%2F/um', { exchange: 'amq.topic', write: 'a', read: 'b' }, 201),
    PUT('/topic-permissions/%2F/um', { exchange: 'amq.topic', write: 'a', read: 'c' }, 204),
    GET('/topic-permissions/%2F/um'),
    GET('/topic-permissions'),
    DELETE('/topic-permissions/%2F/um'),
    GET('/topic-permissions/%2F/um', 404),
    PUT('/user-limits/um/max-connections', { value: 3 }, 204),
    PUT('/user-limits/um/max-connections', { value: -2 }, 204),
    PUT('/user-limits/um/max-connections', { value: 'x' }, 400),
    PUT('/user-limits/um/odd', { value: 3 }, 400),
    PUT('/user-limits/nou/max-connections', { value: 3 }, 400),
    GET('/user-limits/nou', 404),
    DELETE('/user-limits/nou/max-connections', 500, {
      here: { status: 404, because: 'there is no such user, which is no fault' },
    }),
    GET('/user-limits'),
    GET('/user-limits/um'),
    DELETE('/user-limits/um/max-connections'),
    DELETE('/permissions/%2F/um'),
    DELETE('/permissions/%2F/um', 404),
    DELETE('/connections/username/um'),
    POST('/users/bulk-delete', { users: ['nou', 'un'] }, 400),
    GET('/users/un'),
    POST('/users/bulk-delete', { users: ['un'] }, 204),
    DELETE('/users/um'),
    DELETE('/users/um', 404),
  ],
  policies: [
    PUT('/policies/%2F/pm', { pattern: '^pm', definition: { 'max-length': 5 }, 'apply-to': 'queues' }, 201),
    PUT('/policies/%2F/pm', { pattern: '^pm', definition: { 'max-length': 6 }, priority: 2 }, 204),
    PUT('/policies/%2F/pbad', { pattern: '(', definition: { 'max-length': 6 } }, 400),
    PUT('/policies/%2F/pbad', { pattern: '^p', definition: { odd: 6 } }, 400),
    PUT('/policies/%2F/pbad', { pattern: '^p', definition: {} }, 400),
    PUT('/policies/%2F/pbad', { definition: { 'max-length': 6 } }, 400),
    PUT('/policies/nov/pm', { pattern: '^pm', definition: { 'max-length': 5 } }, 404),
    PUT('/queues/%2F/pm1', { durable: true }, 201),
    GET('/policies'),
    GET('/policies/%2F'),
    GET('/policies/%2F/pm'),
    GET('/policies/%2F/nop', 404),
    PUT('/operator-policies/%2F/om', { pattern: '^pm', definition: { 'message-ttl': 5000 } }, 201),
    PUT('/operator-policies/%2F/om', { pattern: '^pm', definition: { 'message-ttl': 6000 } }, 204),
    PUT('/operator-policies/%2F/obad', { pattern: '^pm', definition: { 'dead-letter-exchange': 'x' } }, 400),
    GET('/operator-policies'),
    GET('/operator-policies/%2F'),
    GET('/operator-policies/%2F/om'),
    GET('/parameters'),
    GET('/parameters/operator_policy'),
    GET('/parameters/operator_policy/%2F'),
    GET('/parameters/operator_policy/%2F/om'),
    GET('/parameters/nosuch'),
    PUT('/parameters/nosuch/%2F/pa', { value: { a: 1 } }, 400),
    PUT('/parameters/policy/%2F/pa', { value: { pattern: 'a', definition: { 'max-length': 1 } } }, 400),
    PUT('/parameters/operator_policy/%2F/pa', {}, 400),
    PUT(
      '/parameters/operator_policy/%2F/om',
      { value: { pattern: 'a', definition: { 'max-length': 1 }, priority: 0, 'apply-to': 'all' } },
      204,
      {
        user: 'maker',
        here: FOR_ADMINISTRATORS,
      },
    ),
    PUT('/operator-policies/%2F/om', { pattern: 'a', definition: { 'max-length': 1 } }, 401, { user: 'maker' }),
    DELETE('/parameters/nosuch/%2F/pa', 404),
    DELETE('/operator-policies/%2F/om'),
    DELETE('/operator-policies/%2F/om', 404),
    DELETE('/policies/%2F/pm'),
    DELETE('/policies/%2F/pm', 404),
    DELETE('/queues/%2F/pm1'),
    GET('/policies'),
    GET('/parameters'),
  ],
  'the whole broker': [
    PUT('/global-parameters/gm', { value: { a: [1] } }, 201),
    PUT('/global-parameters/gm', { value: 7 }, 204),
    PUT('/global-parameters/gm', {}, 400),
    GET('/global-parameters'),
    GET('/global-parameters/gm'),
    GET('/global-parameters/internal_cluster_id'),
    DELETE('/global-parameters/gm'),
    DELETE('/global-parameters/gm', 404),
    PUT('/cluster-name', { name: 'named' }, 204),
    PUT('/cluster-name', {}, 400),
    GET('/cluster-name'),
    GET('/feature-flags'),
    PUT('/feature-flags/quorum_queue/enable', {}, 204),
    PUT('/feature-flags/nosuch/enable', {}, 400),
    PUT('/feature-flags/quorum_queue/enable', {}, 401, { user: 'watch' }),
    POST('/login', 'username=guest&password=guest', 200, { type: FORM, user: 'nobody' }),
    POST('/login', 'username=guest&password=wrong', 401, { type: FORM, user: 'nobody' }),
    POST('/login', 'username=guest', 401, { type: FORM, user: 'nobody' }),
    POST('/login', 'username=none&password=guest', 401, { type: FORM, user: 'nobody' }),
    POST('/login', { username: 'guest', password: 'guest' }, 401, { user: 'nobody' }),
  ],
  definitions: [
    POST(
      '/definitions',
      { queues: [{ name: 'dm', vhost: '/', durable: true, auto_delete: false, arguments: {} }] },
      204,
    ),
    POST('/definitions/%2F', { queues: [{ name: 'dm', durable: true, auto_delete: false, arguments: {} }] }, 204),
    POST('/all-configuration', {}, 204),
    POST('/definitions', form('file', '{}'), 204, { type: 'multipart/form-data; boundary=xx' }),
    POST('/definitions', '{}', 400, {
      type: 'multipart/form-data',
      here: { status: 400, because: 'what is wrong with the form is said, there nothing is' },
    }),
    POST('/definitions', '[', 400),
    POST('/definitions', [], 400),
    POST('/definitions/nov', {}, 404),
    POST('/definitions', { permissions: [{ user: 'nou', vhost: '/', ...ALL }] }, 400),
    POST('/definitions', { queues: [{ name: 'dn', vhost: 'nov', durable: true, arguments: {} }] }, 400),
    POST('/definitions', '{}', 415, { type: 'text/plain', here: SAYS_NOTHING }),
    POST('/definitions', '{}', 415, { type: FORM, here: SAYS_NOTHING }),
    PUT('/definitions', {}, 405),
    GET('/definitions'),
    GET('/definitions/%2F'),
    GET('/definitions/nov', 400),
    GET('/definitions?download=f.json'),
    GET('/all-configuration'),
    DELETE('/queues/%2F/dm'),
  ],
};

function message(queue: string): object {
  return { properties: { headers: { h: 1 } }, routing_key: queue, payload: 'hello', payload_encoding: 'string' };
}

function form(name: string, content: string): string {
  return `--xx\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${content}\r\n--xx--\r\n`;
}
