/** A message that goes to many is written once a version and copied: never for another message, vhost or dialect. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { STOMP_DIALECT } from '../../../../protocols/stomp/mapping/properties.ts';
import type { Session } from '../../../../src/api/session.ts';
import type { Dialect } from '../../../../src/message/dialect.ts';
import { DOT, Draft, SLASH, type Spelling } from '../../../../src/message/message.ts';
import { OTHER_DIALECT, StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

/** The same bytes say something else in it. */
const THIRD_DIALECT: Dialect = { id: 201, name: 'third', decode: () => ({ type: 'third', headers: [] }) };

let harness: StompHarness;
beforeEach(async () => {
  const dialects = [STOMP_DIALECT, OTHER_DIALECT, THIRD_DIALECT];
  harness = await StompHarness.start({}, { dialects, vhosts: [{ name: '/' }, { name: 'two' }] });
});
afterEach(() => harness.stop());

function sessionIn(vhost: string): Promise<Session> {
  return new Promise((resolve, reject) => {
    const request = { client: 'test', loopback: true, user: undefined, password: undefined, vhost };
    harness.broker.open(request, { uncongested() {}, kicked() {} }, (result) => {
      if ('refused' in result) reject(new Error(result.reason));
      else resolve(result);
    });
  });
}

/** Publishes now, within this turn, to the topic `t` or another. */
function publish(
  session: Session,
  dialect: number,
  props: string,
  body: string,
  topic = 't',
  spelling: Spelling = DOT,
): void {
  const draft = new Draft();
  draft.dialect = dialect;
  draft.props = Buffer.from(props);
  draft.propsEnd = draft.props.length;
  draft.body = Buffer.from(body);
  draft.bodyEnd = draft.body.length;
  const key = Buffer.from(topic);
  session.publish(session.route('amq.topic', spelling, key, 0, key.length), draft);
}

async function subscribed(host: string, version = '1.2'): Promise<RawClient> {
  const client = await harness.open(version, { host });
  await client.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/t' });
  return client;
}

test('two vhosts number their messages alike, and each subscriber gets its own', async () => {
  const readers = [await subscribed('/'), await subscribed('two')];
  const sessions = [await sessionIn('/'), await sessionIn('two')];
  for (let i = 0; i < 3; i++) {
    sessions.forEach((session, at) => {
      publish(session, STOMP_DIALECT.id, `own:${at}\n`, `${at}-${i}`);
    });
    for (const [at, reader] of readers.entries()) {
      const message = await reader.next('MESSAGE');
      expect([message.body.toString(), header(message, 'own')]).toEqual([`${at}-${i}`, String(at)]);
    }
  }
});

test('subscribers of three versions get the same message, each in its version', async () => {
  const versions = ['1.0', '1.1', '1.2'];
  const readers = [];
  for (const version of [...versions, ...versions]) readers.push(await subscribed('/', version));
  const session = await sessionIn('/');
  publish(session, STOMP_DIALECT.id, 'a:b\\cc\\r\n', 'x');
  publish(session, STOMP_DIALECT.id, 'a:d\n', 'y');
  for (const [at, reader] of readers.entries()) {
    const [one, two] = [await reader.next('MESSAGE'), await reader.next('MESSAGE')];
    expect(header(one, 'a')).toBe(['b:c\r', 'b\\cc\r', 'b\\cc\\r'][at % 3]);
    expect([one.body.toString(), two.body.toString(), header(two, 'a')]).toEqual(['x', 'y', 'd']);
  }
});

test('bytes that mean something else in another dialect are read anew', async () => {
  const reader = await subscribed('/');
  const session = await sessionIn('/');
  const json = '{"type":"t","headers":[]}';
  publish(session, 200, json, 'other');
  publish(session, THIRD_DIALECT.id, json, 'third');
  publish(session, STOMP_DIALECT.id, `${json}\n`, 'own');
  publish(session, 200, json, 'other again');
  const types = [];
  for (let i = 0; i < 4; i++) types.push(header(await reader.next('MESSAGE'), 'type'));
  expect(types).toEqual(['t', 'third', undefined, 't']);
});

test('what a subscriber gets later is not read from where it has been written over since', async () => {
  const [first, second] = [await subscribed('/'), await harness.open()];
  await second.confirmed('SUBSCRIBE', {
    id: '1',
    destination: '/topic/t',
    ack: 'client-individual',
    'prefetch-count': '1',
  });
  const session = await sessionIn('/');
  for (let i = 0; i < 20; i++) {
    publish(session, STOMP_DIALECT.id, `own:${i}\n`, `body ${i}`);
    expect((await first.next('MESSAGE')).body.toString()).toBe(`body ${i}`);
  }
  for (let i = 0; i < 20; i++) {
    const message = await second.take('MESSAGE');
    expect([message.body.toString(), header(message, 'own')]).toEqual([`body ${i}`, String(i)]);
    await second.confirmed('ACK', { id: header(message, 'ack')! });
  }
});

test('keys of the same bytes that are spelled otherwise have destinations of their own', async () => {
  const reader = await harness.open();
  await reader.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/#' });
  const session = await sessionIn('/');
  for (const spelling of [DOT, SLASH, DOT] as const) publish(session, STOMP_DIALECT.id, '', 'x', 'a.b', spelling);
  const seen = [];
  for (let i = 0; i < 3; i++) seen.push(header(await reader.next('MESSAGE'), 'destination'));
  expect(seen).toEqual(['/topic/a.b', '/topic/a%2Fb', '/topic/a.b']);
});
