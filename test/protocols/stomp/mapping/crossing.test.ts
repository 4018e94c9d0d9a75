/** Messages that come from another protocol, or go to one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { AT_LEAST_ONCE, DOT, Draft, SLASH, type Spelling } from '../../../../src/message/message.ts';
import type { Properties } from '../../../../src/message/properties.ts';
import { until } from '../../../support/until.ts';
import { OTHER_DIALECT, StompHarness } from '../harness.ts';
import { header, ownHeaders, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });

/** Publishes as another adapter would. */
function publish(
  session: Session,
  exchange: string,
  key: string,
  properties: Properties | null,
  body = 'x',
  spelling: Spelling = DOT,
): void {
  const draft = new Draft();
  draft.dialect = OTHER_DIALECT.id;
  draft.assurance = AT_LEAST_ONCE;
  draft.props = Buffer.from(properties === null ? '' : JSON.stringify(properties));
  draft.propsEnd = draft.props.length;
  draft.body = Buffer.from(body);
  draft.bodyEnd = draft.body.length;
  const keyBytes = Buffer.from(key);
  session.publish(session.route(exchange, spelling, keyBytes, 0, keyBytes.length), draft);
}

/** Consumes as another adapter would: the neutral form of each message. */
function listen(session: Session, queue: string): { properties: Properties; body: string; key: string }[] {
  const seen: { properties: Properties; body: string; key: string }[] = [];
  const options = { tag: 't', settled: true, exclusive: false, prefetch: 0, arguments: [] };
  const sink = {
    deliver: (view: Parameters<Session['properties']>[0]) => {
      const body = view.body.toString('utf8', view.bodyStart, view.bodyEnd);
      seen.push({ properties: session.properties(view), body, key: view.key() });
    },
    cancelled: () => {},
  };
  session.consume(queue, options, sink, { congested: false });
  return seen;
}

describe('between protocols', () => {
  test('properties of others become headers', async () => {
    const client = await harness.open();
    await subscribe(client, '/topic/#');
    const session = await harness.session();
    const properties: Properties = {
      messageId: 'm',
      replyTo: { exchange: 'amq.topic', key: 'x.y' },
      contentType: 'application/json',
      priority: 5,
      headers: [
        { name: 'destination', value: '/queue/evil' },
        { name: 'n', value: { type: 'int32', value: 7 } },
      ],
    };
    publish(session, 'amq.topic', 'a/b.c', properties, '{}', SLASH);
    publish(session, 'amq.topic', 'a/b.c', properties, '{}', SLASH);
    for (let i = 0; i < 2; i++) {
      const frame = await client.next('MESSAGE');
      expect(header(frame, 'destination')).toBe('/topic/a.b%2Fc');
      expect(ownHeaders(frame)).toEqual([
        ['persistent', 'true'],
        ['amqp-message-id', 'm'],
        ['reply-to', '/topic/x.y'],
        ['content-type', 'application/json'],
        ['priority', '5'],
        ['n', '7'],
      ]);
    }
    publish(session, 'amq.topic', 'a/b.c', { headers: [] }, '{}', SLASH);
    publish(session, 'amq.topic', 'a/b.c', null, '{}', SLASH);
    for (let i = 0; i < 2; i++) expect(ownHeaders(await client.next('MESSAGE'))).toEqual([['persistent', 'true']]);
    expect(harness.stats.lossyConversions).toBe(2);
  });

  test('headers become properties of others', async () => {
    const client = await harness.open();
    const session = await harness.session();
    session.declareQueue('q', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
    const seen = listen(session, 'q');
    client.send(
      'SEND',
      { destination: '/queue/q', 'content-type': 'a/b', 'correlation-id': 'c', 'reply-to': '/queue/back', x: 'y' },
      'text',
    );
    client.send('SEND', { destination: '/amq/queue/q', 'content-length': '3' }, 'bin');
    await until(() => seen.length === 2);
    expect(seen[0]).toEqual({
      body: 'text',
      key: 'q',
      properties: {
        text: true,
        contentType: 'a/b',
        correlationId: 'c',
        replyTo: { exchange: '', key: 'back' },
        headers: [{ name: 'x', value: 'y' }],
      },
    });
    expect(seen[1]).toMatchObject({ body: 'bin', properties: { headers: [] } });
  });

  test("a dead letter tells its story in flat headers, before the publisher's own", async () => {
    const client = await harness.open();
    const dead = { 'x-dead-letter-exchange': 'amq.topic', 'x-dead-letter-routing-key': 'dead' };
    await client.confirmed('SUBSCRIBE', { id: 'w', destination: '/queue/work', ack: 'client-individual', ...dead });
    await client.confirmed('SUBSCRIBE', { id: 'd', destination: '/topic/dead' });
    client.send('SEND', { destination: '/queue/work', 'x-first-death-queue': 'forged', a: 'b' }, 'x');
    const message = await client.next('MESSAGE');
    client.send('NACK', { id: header(message, 'ack')!, requeue: 'false' });
    const letter = await client.next('MESSAGE');
    expect(header(letter, 'subscription')).toBe('d');
    expect(Object.fromEntries([...ownHeaders(letter)].reverse())).toMatchObject({
      'x-first-death-queue': 'work',
      'x-first-death-reason': 'rejected',
      'x-last-death-queue': 'work',
      'x-death-count': '1',
      a: 'b',
    });
  });

  test("priority and expiry are the broker's to know, too", async () => {
    const client = await harness.open();
    const session = await harness.session();
    session.declareQueue('q', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
    const seen: [number, number][] = [];
    const sink = {
      deliver: (view: { priority: number; expiresAtMs: number; arrivedAtMs: number }) => {
        seen.push([view.priority, view.expiresAtMs === 0 ? 0 : view.expiresAtMs - view.arrivedAtMs]);
      },
      cancelled: () => {},
    };
    session.consume('q', { tag: 't', settled: true, exclusive: false, prefetch: 0, arguments: [] }, sink, {
      congested: false,
    });
    client.send('SEND', { destination: '/queue/q', priority: '9', expiration: '60000' }, 'x');
    client.send('SEND', { destination: '/queue/q', expires: String(Date.now() + 100_000) }, 'x');
    client.send('SEND', { destination: '/queue/q', expires: '0' }, 'x');
    await until(() => seen.length === 3);
    expect(seen[0]).toEqual([9, 60_000]);
    expect(seen[1]![1]).toBeGreaterThan(90_000);
    expect(seen[1]![1]).toBeLessThanOrEqual(100_000);
    expect(seen[2]).toEqual([-1, 0]);
  });
});
