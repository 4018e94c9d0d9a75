/**
 * cyrilgdn/rabbitmq, Terraform's provider (rabbitmq/resource_*.go): each kind of resource is created, read back as its state, updated, read
 * again and deleted, and then it is gone from the state. What refresh, plan and import ask is the same reads.
 */
import { z } from 'zod';
import { go } from '../decode.ts';
import { type HoleError, pathEscape, RabbitHole } from '../rabbit-hole.ts';
import type { Tool, World } from '../scenario.ts';

/** Tags and the like: a list, or text with commas. */
const tags = z.union([z.string().transform((text) => text.split(',')), z.array(z.string())]);
const USER = z.object({ name: go.text, password_hash: go.text, hashing_algorithm: go.text, tags });
const VHOST = z.object({ name: go.text, description: go.text, tags, tracing: go.truth, messages: go.whole });
const LIMITS = z.array(z.object({ vhost: go.text, value: z.record(z.string(), z.number().int()) }));
const PERMISSIONS = z.object({ user: go.text, vhost: go.text, configure: go.text, write: go.text, read: go.text });
const TOPIC_PERMISSIONS = z.array(
  z.object({ user: go.text, vhost: go.text, exchange: go.text, write: go.text, read: go.text }),
);
const EXCHANGE = z.object({
  ...{ name: go.text, vhost: go.text, type: go.text, durable: go.truth, internal: go.truth },
  auto_delete: z.union([z.boolean(), z.literal('undefined')]),
  arguments: go.map,
});
const RATE = z.object({ rate: go.number }).nullish();
/** All numbers and texts of it must be such, whatever is looked at. */
const QUEUE = z.object({
  ...{ name: go.text, vhost: go.text, type: go.text, durable: go.truth, exclusive: go.truth, arguments: go.map },
  auto_delete: z.union([z.boolean(), z.literal('undefined')]),
  ...{ node: go.text, state: go.text, policy: go.text, memory: go.whole, consumers: go.whole },
  ...{ consumer_utilisation: go.number, exclusive_consumer_tag: go.text, messages: go.whole, messages_details: RATE },
  ...{ messages_ready: go.whole, messages_unacknowledged: go.whole, message_bytes_ready: go.whole },
  garbage_collection: z.object({ fullsweep_after: go.whole, minor_gcs: go.whole }).nullish(),
});
const BINDINGS = z.array(
  z.object({
    ...{ source: go.text, vhost: go.text, destination: go.text, destination_type: go.text, routing_key: go.text },
    ...{ arguments: go.map, properties_key: go.text },
  }),
);
const POLICY = z.object({
  ...{ vhost: go.text, pattern: go.text, 'apply-to': go.text, name: go.text, priority: go.whole, definition: go.map },
});

/** A vhost of the scenario's own, in which `guest` may do everything. */
async function within(world: World): Promise<{ hole: RabbitHole; vhost: string; path: string }> {
  const hole = new RabbitHole(world);
  const vhost = `${world.own}/x`;
  const path = pathEscape(vhost);
  await hole.sent('PUT', `vhosts/${path}`, { description: '', tags: '', tracing: false });
  return { hole, vhost, path };
}

const gone = { gone: true };

const USER_SEEN = {
  statuses: [201, 204, 204, 404, 204],
  states: [
    [true, ['administrator', 'monitoring']],
    [true, ['policymaker']],
  ],
  ...{ hash: 'rabbit_password_hashing_sha256', newHash: true, logins: [200, 401, 200] },
  ...gone,
};

export const TERRAFORM: Tool = {
  name: 'terraform-provider-rabbitmq (2025-09, rabbit-hole 3.2.0)',
  scenarios: [
    {
      name: 'rabbitmq_user: created, its tags and password changed, deleted, and deleted once more',
      async run(world) {
        const hole = new RabbitHole(world);
        const name = `${world.own} é@home`;
        const path = `users/${pathEscape(name)}`;
        const can = async (password: string) =>
          (await world.send({ method: 'GET', path: '/api/whoami', login: `${world.own}:${password}` })).status;
        // Its login is tried under a name that Basic can carry as it is.
        const other = `users/${world.own}`;
        const made = await hole.sent('PUT', path, { name: '', tags: 'administrator,monitoring', password: 'one' });
        await hole.sent('PUT', other, { name: '', tags: 'management', password: 'one' });
        const first = await hole.get(path, USER);
        const logins = [await can('one')];
        const changed = await hole.sent('PUT', path, { name: '', tags: 'policymaker', password: 'two' });
        await hole.sent('PUT', other, { name: '', tags: 'management', password: 'two' });
        logins.push(await can('one'), await can('two'));
        const second = await hole.get(path, USER);
        const deleted = [
          await hole.sent('DELETE', path),
          await hole.sent('DELETE', path),
          await hole.sent('DELETE', other),
        ];
        return {
          statuses: [made.status, changed.status, ...deleted.map(({ status }) => status)],
          states: [first, second].map((state) => [state.name === name, state.tags]),
          hash: first.hashing_algorithm,
          newHash: first.password_hash !== second.password_hash,
          logins,
          ...((await hole.getIfThere(path, USER)) === undefined && gone),
        };
      },
      sees: USER_SEEN,
      but: {
        here: {
          sees: { ...USER_SEEN, hash: 'entrepot_password_hashing' },
          because:
            'passwords are kept as SCRAM has them, which takes far longer to guess than one round of SHA-256; no tool reads the name',
        },
      },
    },
    {
      name: 'rabbitmq_vhost: created with limits, described anew, its limits replaced, deleted',
      async run(world) {
        const hole = new RabbitHole(world);
        const [name, path] = [`${world.own}/é`, pathEscape(`${world.own}/é`)];
        const limit = (kind: string, value: number) => hole.sent('PUT', `vhost-limits/${path}/${kind}`, { value });
        const state = async () => {
          const vhost = await hole.getIfThere(`vhosts/${path}`, VHOST);
          if (vhost === undefined) return gone;
          const [limits] = await hole.get(`vhost-limits/${path}`, LIMITS);
          return {
            named: vhost.name === name,
            description: vhost.description,
            tracing: vhost.tracing,
            ...limits?.value,
          };
        };
        const settings = { description: 'of machines', tags: '', default_queue_type: 'quorum', tracing: false };
        const statuses = [(await hole.sent('PUT', `vhosts/${path}`, settings)).status];
        const states: unknown[] = [await state()];
        statuses.push((await limit('max-connections', 5)).status, (await limit('max-queues', 7)).status);
        states.push(await state());
        statuses.push((await hole.sent('PUT', `vhosts/${path}`, { ...settings, description: 'of people' })).status);
        for (const kind of ['max-connections', 'max-queues']) {
          statuses.push((await hole.sent('DELETE', `vhost-limits/${path}/${kind}`)).status);
        }
        states.push(await state());
        await limit('max-queues', 9);
        states.push(await state());
        statuses.push((await hole.sent('DELETE', `vhosts/${path}`)).status);
        states.push(await state());
        statuses.push((await hole.sent('DELETE', `vhosts/${path}`)).status);
        return { statuses, states };
      },
      sees: {
        statuses: [201, 204, 204, 204, 204, 204, 204, 404],
        states: [
          { named: true, description: 'of machines', tracing: false },
          { named: true, description: 'of machines', tracing: false, 'max-connections': 5, 'max-queues': 7 },
          { named: true, description: 'of people', tracing: false },
          { named: true, description: 'of people', tracing: false, 'max-queues': 9 },
          gone,
        ],
      },
    },
    {
      name: 'rabbitmq_permissions and rabbitmq_topic_permissions',
      async run(world) {
        const { hole, vhost, path } = await within(world);
        const user = world.own;
        await hole.sent('PUT', `users/${user}`, { name: '', tags: '', password: 'x' });
        const [permissions, topics] = [`permissions/${path}/${user}`, `topic-permissions/${path}/${user}`];
        const statuses: number[] = [];
        const put = async (to: string, body: object) => statuses.push((await hole.sent('PUT', to, body)).status);
        const states: unknown[] = [];
        const state = async () => {
          const one = await hole.getIfThere(permissions, PERMISSIONS);
          const many = await hole.getIfThere(topics, TOPIC_PERMISSIONS);
          states.push([
            one && [one.user === user, one.vhost === vhost, one.configure, one.write, one.read],
            many?.map(({ exchange, write, read }) => [exchange, write, read]).sort(),
          ]);
        };
        await state();
        await put(permissions, { configure: '.*', write: '^a', read: '' });
        await put(topics, { exchange: 'amq.topic', write: '^a', read: '.*' });
        await put(topics, { exchange: 'amq.direct', write: '.*', read: '^b' });
        await state();
        await put(permissions, { configure: '', write: '', read: '^c' });
        statuses.push((await hole.sent('DELETE', topics)).status);
        await put(topics, { exchange: 'amq.topic', write: '^d', read: '^d' });
        await state();
        for (const each of [permissions, topics, topics]) statuses.push((await hole.sent('DELETE', each)).status);
        await state();
        return { statuses, states };
      },
      sees: {
        statuses: [201, 201, 204, 204, 204, 201, 204, 204, 404],
        states: [
          [undefined, undefined],
          [
            [true, true, '.*', '^a', ''],
            [
              ['amq.direct', '.*', '^b'],
              ['amq.topic', '^a', '.*'],
            ],
          ],
          [[true, true, '', '', '^c'], [['amq.topic', '^d', '^d']]],
          [undefined, undefined],
        ],
      },
    },
    {
      name: 'rabbitmq_topic_permissions for somebody who is not there: the reason is told',
      async run(world) {
        const { hole, path } = await within(world);
        const body = { exchange: 'amq.topic', write: '', read: '' };
        const failed = (await hole
          .sent('PUT', `topic-permissions/${path}/nobody`, body)
          .catch((error: unknown) => error)) as HoleError;
        // Then it asks which version this is.
        const { rabbitmq_version: version } = await hole.get('overview', z.object({ rabbitmq_version: go.text }));
        return { status: failed.status, message: failed.message, version };
      },
      sees: { status: 400, message: 'bad_request', version: '3.10.8' },
    },
    {
      name: 'rabbitmq_exchange: created, read, and deleted',
      async run(world) {
        const { hole, path } = await within(world);
        const name = `exchanges/${path}/${pathEscape('my ex/é:1')}`;
        const body = {
          type: 'headers',
          durable: true,
          auto_delete: true,
          arguments: { 'alternate-exchange': 'amq.fanout' },
        };
        const made = await hole.sent('PUT', name, body);
        const { vhost: _, ...state } = await hole.get(name, EXCHANGE);
        const deleted = await hole.sent('DELETE', name);
        const left = await hole.getIfThere(name, EXCHANGE);
        return { statuses: [made.status, deleted.status], state, ...(left === undefined && gone) };
      },
      sees: {
        statuses: [201, 204],
        state: {
          ...{ name: 'my ex/é:1', type: 'headers', durable: true, internal: false, auto_delete: true },
          arguments: { 'alternate-exchange': 'amq.fanout' },
        },
        ...gone,
      },
    },
    {
      name: 'rabbitmq_queue: of each type, with arguments of every kind, created, read, and deleted with a bare question mark',
      async run(world) {
        const { hole, path } = await within(world);
        const states: unknown[] = [];
        const statuses: number[] = [];
        const settings = [
          { type: '', durable: true, arguments: {} },
          {
            type: '',
            durable: true,
            auto_delete: true,
            arguments: { 'x-max-length': 5, 'x-overflow': 'reject-publish' },
          },
          { type: '', durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 } },
          { type: '', durable: true, arguments: { 'x-queue-mode': 'lazy', 'x-max-priority': 5 } },
        ];
        for (const [n, body] of settings.entries()) {
          const name = `queues/${path}/${pathEscape(`q/${n} é`)}`;
          statuses.push((await hole.sent('PUT', name, body)).status);
          const state = await hole.get(name, QUEUE);
          states.push([state.name, state.durable, state.auto_delete, state.arguments]);
          statuses.push((await hole.sent('DELETE', `${name}?`)).status);
          if ((await hole.getIfThere(name, QUEUE)) !== undefined) states.push('is still there');
        }
        return { statuses, states };
      },
      sees: {
        statuses: [201, 204, 201, 204, 201, 204, 201, 204],
        states: [
          ['q/0 é', true, false, {}],
          ['q/1 é', true, true, { 'x-max-length': 5, 'x-overflow': 'reject-publish' }],
          ['q/2 é', true, false, { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 }],
          ['q/3 é', true, false, { 'x-queue-mode': 'lazy', 'x-max-priority': 5 }],
        ],
      },
    },
    {
      name: 'rabbitmq_queue that was declared with other settings: the plan fails with the reason',
      async run(world) {
        const { hole, path } = await within(world);
        await hole.sent('PUT', `queues/${path}/q`, { type: '', durable: true });
        const failed = (await hole
          .sent('PUT', `queues/${path}/q`, { type: '', durable: true, arguments: { 'x-max-length': 5 } })
          .catch((error: unknown) => error)) as HoleError;
        return { ...failed, reason: failed.reason.replace(world.own, 'OWN') };
      },
      sees: {
        ...{ status: 400, message: 'bad_request' },
        reason:
          "inequivalent arg 'x-max-length' for queue 'q' in vhost 'OWN/x': received the value '5' of type 'long' but current is none",
      },
    },
    {
      name: 'rabbitmq_binding: found again by the key of Location, and deleted by it',
      async run(world) {
        const { hole, vhost, path } = await within(world);
        await hole.sent('PUT', `queues/${path}/q`, { type: '', durable: true });
        await hole.sent('PUT', `exchanges/${path}/x`, { type: 'headers', durable: true, arguments: {} });
        const wanted = [
          { source: 'amq.topic', destination: 'q', destination_type: 'queue', routing_key: '#', arguments: {} },
          { source: 'amq.topic', destination: 'q', destination_type: 'queue', routing_key: 'a/b c+é%~', arguments: {} },
          { source: 'amq.topic', destination: 'q', destination_type: 'queue', routing_key: '', arguments: {} },
          {
            source: 'x',
            destination: 'q',
            destination_type: 'queue',
            routing_key: '',
            arguments: { 'x-match': 'all', n: 5 },
          },
          {
            source: 'amq.topic',
            destination: 'x',
            destination_type: 'exchange',
            routing_key: 'k.*',
            arguments: { a: 'b' },
          },
        ];
        const states: unknown[] = [];
        for (const info of wanted) {
          const kind = info.destination_type === 'queue' ? 'q' : 'e';
          const between = `bindings/${path}/e/${pathEscape(info.source)}/${kind}/${pathEscape(info.destination)}`;
          const { location } = await hole.sent('POST', between, { ...info, vhost });
          const key = decodeURIComponent(location.split('/').at(-1)!);
          const find = async () =>
            (await hole.get(between, BINDINGS)).filter(
              (one) =>
                one.source === info.source &&
                one.destination === info.destination &&
                one.destination_type === info.destination_type &&
                one.properties_key === key,
            );
          const found = await find();
          const { status } = await hole.sent('DELETE', `${between}/${pathEscape(key)}`);
          states.push([found.map((one) => [one.routing_key, one.arguments]), status, (await find()).length]);
          if (key.includes('/')) states.push(`${key} would part the resource's name`);
        }
        return states;
      },
      sees: [
        [[['#', {}]], 204, 0],
        [[['a/b c+é%~', {}]], 204, 0],
        [[['', {}]], 204, 0],
        [[['', { 'x-match': 'all', n: 5 }]], 204, 0],
        [[['k.*', { a: 'b' }]], 204, 0],
      ],
    },
    {
      name: 'rabbitmq_policy and rabbitmq_operator_policy: created, changed, deleted',
      async run(world) {
        const { hole, vhost, path } = await within(world);
        const statuses: number[] = [];
        const states: unknown[] = [];
        for (const kind of ['policies', 'operator-policies']) {
          const at = `${kind}/${path}/${pathEscape('my policy')}`;
          const body = { vhost, pattern: '^q\\.', 'apply-to': 'queues', name: 'my policy', priority: 3 };
          const definition = { 'max-length': 50, 'message-ttl': 60_000 };
          statuses.push((await hole.sent('PUT', at, { ...body, definition })).status);
          const first = await hole.get(at, POLICY);
          statuses.push((await hole.sent('PUT', at, { ...body, priority: 0, definition: { expires: 9_000 } })).status);
          const second = await hole.get(at, POLICY);
          for (const { name, pattern, priority, definition, ...rest } of [first, second]) {
            states.push([name, pattern, rest['apply-to'], priority, definition]);
          }
          statuses.push((await hole.sent('DELETE', at)).status, (await hole.sent('DELETE', at)).status);
          if ((await hole.getIfThere(at, POLICY)) !== undefined) states.push('is still there');
        }
        return { statuses, states };
      },
      sees: {
        statuses: [201, 204, 204, 404, 201, 204, 204, 404],
        states: [
          ['my policy', '^q\\.', 'queues', 3, { 'max-length': 50, 'message-ttl': 60_000 }],
          ['my policy', '^q\\.', 'queues', 0, { expires: 9_000 }],
          ['my policy', '^q\\.', 'queues', 3, { 'max-length': 50, 'message-ttl': 60_000 }],
          ['my policy', '^q\\.', 'queues', 0, { expires: 9_000 }],
        ],
      },
    },
    {
      name: 'rabbitmq_shovel and rabbitmq_federation_upstream, which neither broker has as it stands: refused in words, and not there',
      async run(world) {
        const { hole, path } = await within(world);
        const value = { 'src-uri': 'amqp://', 'src-queue': 'a', 'dest-uri': 'amqp://', 'dest-queue': 'b' };
        const seen: unknown[] = [];
        for (const [component, given] of [
          ['shovel', { ...value, 'src-protocol': 'amqp091', 'dest-protocol': 'amqp091', 'ack-mode': 'on-confirm' }],
          ['federation-upstream', { uri: 'amqp://elsewhere', expires: 0, 'trust-user-id': false }],
        ] as const) {
          const at = `parameters/${component}/${path}/one`;
          const failed = await hole.sent('PUT', at, { value: given }).catch((error: unknown) => error);
          const deleted = await hole.sent('DELETE', at);
          seen.push(failed, deleted.status, (await hole.getIfThere(at, z.unknown())) === undefined);
        }
        return seen;
      },
      sees: ['shovel', 'federation-upstream'].flatMap((component) => [
        { status: 400, message: 'bad_request', reason: `Validation failed\n\ncomponent ${component} not found\n` },
        404,
        true,
      ]),
    },
    {
      name: 'its data sources: a user, a vhost, an exchange, and who it is itself',
      async run(world) {
        const { hole, vhost, path } = await within(world);
        const me = await hole.get('whoami', z.object({ name: go.text, tags }));
        const user = await hole.get('users/guest', USER);
        const read = await hole.get(`vhosts/${path}`, VHOST);
        const exchange = await hole.get(`exchanges/${path}/amq.topic`, EXCHANGE);
        return [me.name, me.tags, user.name, user.tags, read.name === vhost, exchange.type, exchange.durable];
      },
      sees: ['guest', ['administrator'], 'guest', ['administrator'], true, 'topic', true],
    },
  ],
};
