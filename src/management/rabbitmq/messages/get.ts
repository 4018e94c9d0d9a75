/**
 * Messages taken over HTTP: `count` of them, one after the other, and put back or not as `ackmode` says. What is put back is held
 * until all have been looked at, so that none comes twice.
 */
import {
  ACCEPTED,
  type Consumer,
  type DeliverySink,
  MODIFIED,
  type Outcome,
  REJECTED,
  RELEASED,
} from '../../../api/consume.ts';
import type { Session } from '../../../api/session.ts';
import { BrokerError } from '../../../message/errors.ts';
import { AT_MOST_ONCE, type MessageView } from '../../../message/message.ts';
import { dotted } from '../../../message/spelling.ts';
import { badRequest, Failure } from '../http/errors.ts';
import { type Body, demandKeys, wholeOf } from '../http/fields.ts';
import { type Carried, propertiesShown } from './properties.ts';

/** What one answer may hold: RabbitMQ knows no bound. */
const MESSAGES_MAX = 10_000;
const BYTES_MAX = 32 * 1024 * 1024;

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  ack_requeue_true: RELEASED,
  reject_requeue_true: MODIFIED,
  ack_requeue_false: ACCEPTED,
  reject_requeue_false: REJECTED,
};

interface Taken {
  readonly shown: Record<string, unknown>;
  readonly body: Buffer;
  readonly consumer: Consumer;
  readonly slot: number;
}

/** @throws Failure 400; BrokerError not-found, access-refused, resource-locked */
export async function get(session: Session, queue: string, given: Body): Promise<object[]> {
  demandKeys(given, ['ackmode', 'count', 'encoding']);
  const outcome = OUTCOMES[String(given['ackmode'])];
  if (outcome === undefined) throw badRequest(`ackmode is one of ${Object.keys(OUTCOMES).join(', ')}`);
  const encoding = given['encoding'];
  if (encoding !== 'auto' && encoding !== 'base64')
    throw badRequest('Unsupported encoding. Please use auto or base64.');
  const count = wholeOf(given, 'count') ?? 0;
  const truncate = wholeOf(given, 'truncate');
  const wanted = Math.min(count < 0 ? MESSAGES_MAX : count, MESSAGES_MAX);
  const taken: Taken[] = [];
  let bytes = 0;
  try {
    while (taken.length < wanted && bytes < BYTES_MAX) {
      const one = await takeOne(session, queue, truncate ?? Number.POSITIVE_INFINITY);
      if (one === undefined) break;
      taken.push(one);
      bytes += one.body.length;
    }
  } finally {
    for (const { consumer, slot } of taken) consumer.settle(slot, outcome);
  }
  return taken.map(({ shown, body }) => ({ ...shown, ...payload(body, encoding) }));
}

function payload(body: Buffer, encoding: 'auto' | 'base64'): object {
  if (encoding === 'auto') {
    const text = body.toString('utf8');
    if (Buffer.from(text).equals(body)) return { payload: text, payload_encoding: 'string' };
  }
  return { payload: body.toString('base64'), payload_encoding: 'base64' };
}

function takeOne(session: Session, queue: string, bytesMax: number): Promise<Taken | undefined> {
  return new Promise((resolve, reject) => {
    let delivered: { view: Omit<Taken, 'body' | 'consumer'>; body: Promise<Buffer> } | undefined;
    let tells = false;
    const sink: DeliverySink = {
      attached(consumer) {
        tells = consumer.tellsAttempts;
      },
      deliver(view, slot) {
        delivered = { view: { shown: shownOf(session, view, tells), slot }, body: bodyOf(session, view, bytesMax) };
      },
      cancelled() {},
    };
    getFrom(session, queue, sink, (result, consumer) => {
      if (result === undefined || delivered === undefined) {
        resolve(undefined);
        return;
      }
      const { shown, slot } = delivered.view;
      const told = { ...shown, message_count: result.remaining };
      delivered.body.then((body) => resolve({ shown: told, body, consumer, slot }), reject);
    });
  });
}

/** A queue that is not there is said in the words of AMQP. @throws Failure 404 */
function getFrom(session: Session, queue: string, ...rest: [DeliverySink, Parameters<Session['get']>[3]]): void {
  try {
    session.get(queue, false, ...rest);
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'not-found') throw error;
    throw new Failure(404, 'not_found', `NOT_FOUND - ${error.message}`);
  }
}

/** In RabbitMQ's order. @param tells its queue is one that tells how often a message has come back: with basic.get the first time too */
function shownOf(session: Session, view: MessageView, tells: boolean): Record<string, unknown> {
  const { headers } = session.matchProperties(view);
  const count = (name: string, times: number) => ({ name, value: { type: 'int64', value: BigInt(times) } as const });
  const counts = [
    ...(tells ? [count('x-delivery-count', view.attempts)] : []),
    ...(tells && view.acquired > 0 ? [count('x-acquired-count', view.acquired)] : []),
  ];
  const properties = { ...session.properties(view), headers: [...headers, ...counts] };
  const carried: Carried = {
    properties,
    persistent: view.assurance !== AT_MOST_ONCE,
    priority: view.priority,
    ttlMs: view.expiresAtMs === 0 ? -1 : Math.max(0, view.expiresAtMs - view.arrivedAtMs),
  };
  return {
    payload_bytes: view.large === null ? view.bodyEnd - view.bodyStart : view.bodyLength,
    redelivered: view.redelivered,
    exchange: view.exchange(),
    routing_key: dotted(view.key(), view.spelling),
    message_count: 0,
    properties: propertiesShown(carried),
  };
}

/** The first bytes of it. */
function bodyOf(session: Session, view: MessageView, bytesMax: number): Promise<Buffer> {
  if (view.large === null) {
    const end = Math.min(view.bodyEnd, view.bodyStart + Math.max(0, bytesMax));
    return Promise.resolve(Buffer.from(view.body.subarray(view.bodyStart, end)));
  }
  const reader = session.readBody(view.large);
  let left = Math.min(reader.length, Math.max(0, bytesMax));
  const pieces: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const read = (): void => {
      while (left > 0 && reader.next(left)) {
        const piece = Buffer.from(reader.buffer.subarray(reader.start, reader.end));
        pieces.push(piece);
        left -= piece.length;
      }
      if (left > 0) return; // the next range is being fetched
      reader.close();
      resolve(Buffer.concat(pieces));
    };
    reader.onReady = read;
    reader.onError = (error) => {
      reader.close();
      reject(error);
    };
    read();
  });
}
