/**
 * The questions of RabbitMQ's authentication back end over HTTP (rabbitmq_auth_backend_http), and what may be answered: the same
 * parameters in the same order, so that a service made for the one serves the other.
 *
 *     user      username, password, vhost where the client has named it with its password, client_id
 *     vhost     username, vhost, ip, tags, client_id
 *     resource  username, vhost, resource (queue, exchange), name, permission (configure, write, read), tags, client_id
 *     topic     username, vhost, resource=topic, name, permission (write, read), tags, routing_key, variable_map.…
 *
 * An answer is `allow`, for a user with tags behind it, or `deny`, with a reason behind it; blanks around it do not count. Anything
 * else, or a status but 200 and 201, is a failure.
 */
import type { AccessRequest, Credentials, Identity } from '../../../api/identity.ts';
import type { Asked } from './request.ts';

const DEFAULT_EXCHANGE = 'amq.default';
const ANSWER = /^(allow|deny)(?:[\s,]+(\S[\s\S]*))?$/i;
const TAGS_MAX = 64;

/** Who asks, as far as questions say it. */
export interface Asker extends Identity {
  readonly address: string;
  readonly clientId: string | undefined;
}

type Fields = readonly (readonly [name: string, value: string | undefined])[];

export function userQuestion({ user = '', password, vhost, clientId }: Credentials): string {
  return form([
    ['username', user],
    ['password', password?.toString('utf8')],
    ['vhost', vhost],
    ['client_id', clientId],
  ]);
}

export function vhostQuestion({ user, tags, address, clientId }: Asker, vhost: string): string {
  return form([
    ['username', user],
    ['vhost', vhost],
    ['ip', address],
    ['tags', joined(tags)],
    ['client_id', clientId],
  ]);
}

export function resourceQuestion({ user, tags, clientId }: Asker, request: AccessRequest): string {
  const { vhost, resource, name, action } = request;
  return form([
    ['username', user],
    ['vhost', vhost],
    ['resource', resource],
    ['name', resource === 'exchange' && name === '' ? DEFAULT_EXCHANGE : name],
    ['permission', action],
    ['tags', joined(tags)],
    ['client_id', clientId],
  ]);
}

export function topicQuestion({ user, tags, clientId }: Asker, request: AccessRequest): string {
  const { vhost, name, action, routingKey = '' } = request;
  return form([
    ['username', user],
    ['vhost', vhost],
    ['resource', 'topic'],
    ['name', name],
    ['permission', action],
    ['tags', joined(tags)],
    ['routing_key', routingKey],
    ['variable_map.client_id', clientId],
    ['variable_map.username', user],
    ['variable_map.vhost', vhost],
  ]);
}

/** What a service has answered; `failed` says why it is no answer, without its words. */
export type Answer = { readonly allowed: boolean; readonly tags: readonly string[] } | { readonly failed: string };

export function answerOf({ status, body }: Asked): Answer {
  if (status !== 200 && status !== 201) return { failed: `it answered with status ${status}` };
  const [, word, rest = ''] = ANSWER.exec(body.trim()) ?? [];
  if (word === undefined) return { failed: 'it answered neither allow nor deny' };
  const allowed = word.toLowerCase() === 'allow';
  const tags = allowed ? rest.split(/[\s,]+/).filter((tag) => tag !== '') : [];
  if (tags.length > TAGS_MAX) return { failed: `it answered with more than ${TAGS_MAX} tags` };
  return { allowed, tags: tags.map((tag) => tag.toLowerCase()) };
}

function form(fields: Fields): string {
  const said = new URLSearchParams();
  for (const [name, value] of fields) if (value !== undefined) said.append(name, value);
  return said.toString();
}

function joined(tags: readonly string[] = []): string {
  return tags.join(' ');
}
