/** One message published over HTTP, with the permissions of who asks; answered once it is safe. */
import { MARK_REFUSED } from '../../../api/confirms.ts';
import type { Session } from '../../../api/session.ts';
import { BrokerError } from '../../../message/errors.ts';
import { AT_LEAST_ONCE, AT_MOST_ONCE, DOT, Draft, INLINE_BODY_BYTES } from '../../../message/message.ts';
import { encodeNeutral, NEUTRAL_DIALECT } from '../../../message/neutral-dialect.ts';
import { takeHints } from '../../../message/publish-hints.ts';
import { whenSafe } from '../../http/safe.ts';
import { badRequest } from '../http/errors.ts';
import { type Body, demandKeys, textOf } from '../http/fields.ts';
import { carriedFrom } from './properties.ts';

export interface Published {
  readonly routed: boolean;
  /** It was taken before, and has not been taken again. Ours. */
  readonly duplicate?: true;
}

/** @returns whether a queue took it, or had taken it before @throws Failure 400; BrokerError not-found, access-refused, unavailable */
export async function publish(session: Session, exchange: string, body: Body): Promise<Published> {
  demandKeys(body, ['properties', 'routing_key', 'payload', 'payload_encoding']);
  const given = body['properties'];
  if (typeof given !== 'object' || given === null) throw badRequest('properties is no object');
  const { properties, persistent, priority, ttlMs } = carriedFrom(given as Body, session.user);
  const payload = payloadOf(body);
  const key = Buffer.from(textOf(body, 'routing_key'));
  const draft = new Draft();
  const props = encodeNeutral(properties);
  draft.dialect = NEUTRAL_DIALECT.id;
  draft.assurance = persistent ? AT_LEAST_ONCE : AT_MOST_ONCE;
  draft.userChecked = properties.userId !== undefined;
  draft.grouped = properties.groupId !== undefined;
  draft.priority = priority;
  draft.ttlMs = ttlMs;
  takeHints(draft, properties.headers, session.user);
  Object.assign(draft, { props, propsStart: 0, propsEnd: props.length });
  const route = routeTo(session, exchange, key);
  if (payload.length > INLINE_BODY_BYTES) {
    const writer = session.openBody(payload.length, draft.outlives);
    writer.append(payload, 0, payload.length);
    draft.large = writer;
  } else Object.assign(draft, { body: payload, bodyStart: 0, bodyEnd: payload.length });
  const mark = session.publish(route, draft);
  if (mark === MARK_REFUSED) throw new BrokerError('unavailable', 'the message was refused: there is no room for it');
  await whenSafe(session, mark);
  return draft.duplicate ? { routed: true, duplicate: true } : { routed: draft.routed > 0 };
}

/** The words and statuses of RabbitMQ, where an exchange that is not there makes a bad request. */
function routeTo(session: Session, exchange: string, key: Buffer): ReturnType<Session['route']> {
  try {
    return session.route(exchange, DOT, key, 0, key.length);
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'not-found')
      throw badRequest(`404 NOT_FOUND - ${error.message}`);
    throw error;
  }
}

function payloadOf(body: Body): Buffer {
  const { payload, payload_encoding: encoding } = body;
  if (typeof payload !== 'string') throw badRequest('payload_not_string');
  if (encoding === 'string') return Buffer.from(payload);
  if (encoding !== 'base64') throw badRequest(['unsupported_encoding', encoding]);
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(payload)) throw badRequest(['not_base64', payload.slice(0, 100)]);
  return Buffer.from(payload, 'base64');
}
