/** What each call of a session asks the authenticator, in its order. A call without a row fails, so that none comes without a thought. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AccessRequest,
  AT_MOST_ONCE,
  type BindOptions,
  DOT,
  Draft,
  NO_BACKPRESSURE,
  type Session,
  SLASH,
} from '../../src/api/index.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { ClientSession } from '../../src/broker/session.ts';
import { openSession, send, startCore } from '../vhost/harness.ts';

let broker: Broker;
let session: Session;
let asked: string[];

/** The user has rules over topics. */
let judged: boolean;

beforeEach(async () => {
  asked = [];
  judged = false;
  broker = await startCore(null, {
    authenticator: {
      authenticate: (_credentials, done) => done({ user: 'u' }),
      permits: (_identity, { action, resource, name, routingKey }: AccessRequest) => {
        asked.push(`${action} ${resource} ${name}${routingKey === undefined ? '' : ` ${routingKey}`}`);
        return true;
      },
      topicRules: () =>
        judged
          ? {
              receives: (exchange, key) => asked.push(`receive ${exchange} ${key}`) > 0,
              mayUnsubscribe: (exchange, key) => asked.push(`give up ${exchange} ${key}`) > 0,
            }
          : undefined,
    },
  });
  session = openSession(broker);
  session.declareExchange('e', 'topic', EXCHANGE);
  session.declareExchange('f', 'fanout', EXCHANGE);
  session.declareQueue('q', QUEUE);
  session.declareQueue('own', { ...QUEUE, ownUse: true });
  session.declareQueue('shared', { ...QUEUE, ownUse: 'shared' });
  asked = [];
});

afterEach(() => broker.close());

const EXCHANGE = { durable: false, autoDelete: false, internal: false, arguments: [] };
const QUEUE = { durable: false, exclusive: false, autoDelete: false, arguments: [] };
const BIND: BindOptions = { spelling: DOT, arguments: [] };
const SINK = { deliver() {}, cancelled() {} };
const BROWSE_SINK = { show() {}, ended() {} };
const CONSUME = { tag: 't', settled: true, exclusive: false, prefetch: 0, arguments: [] };
const key = Buffer.from('a.b');

interface Row {
  readonly call: keyof Session;
  readonly about?: string;
  does(session: Session): unknown;
  readonly asks: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    call: 'declareExchange',
    does: (s) => s.declareExchange('x', 'direct', EXCHANGE),
    asks: ['configure exchange x'],
  },
  {
    call: 'declareExchange',
    about: 'with an alternate',
    does: (s) =>
      s.declareExchange('x', 'direct', { ...EXCHANGE, arguments: [{ name: 'alternate-exchange', value: 'f' }] }),
    asks: ['configure exchange x', 'read exchange x', 'write exchange f'],
  },
  { call: 'checkExchange', does: (s) => s.checkExchange('e'), asks: [] },
  { call: 'passiveExchange', does: (s) => s.passiveExchange('e'), asks: ['configure exchange e'] },
  { call: 'passiveExchange', about: 'that every vhost has', does: (s) => s.passiveExchange('amq.topic'), asks: [] },
  { call: 'deleteExchange', does: (s) => s.deleteExchange('f', false), asks: ['configure exchange f'] },
  {
    call: 'bindExchange',
    does: (s) => s.bindExchange('f', 'e', 'a.*', BIND),
    asks: ['write exchange f', 'read exchange e', 'read topic e a.*'],
  },
  {
    call: 'unbindExchange',
    does: (s) => s.unbindExchange('e', 'f', 'a', BIND),
    asks: ['write exchange e', 'read exchange f'],
  },
  { call: 'declareQueue', does: (s) => s.declareQueue('n', QUEUE), asks: ['configure queue n'] },
  {
    call: 'declareQueue',
    about: 'with dead letters',
    does: (s) => s.declareQueue('n', { ...QUEUE, arguments: [{ name: 'x-dead-letter-exchange', value: '' }] }),
    asks: ['configure queue n', 'read queue n', 'write exchange '],
  },
  {
    call: 'declareQueue',
    about: 'for own use',
    does: (s) => s.declareQueue('own', { ...QUEUE, ownUse: true }),
    asks: [],
  },
  { call: 'checkQueue', does: (s) => s.checkQueue('q'), asks: [] },
  { call: 'passiveQueue', does: (s) => s.passiveQueue('q'), asks: ['configure queue q'] },
  { call: 'passiveQueue', about: 'its own', does: (s) => s.passiveQueue('own'), asks: [] },
  { call: 'queueExists', does: (s) => s.queueExists('q'), asks: [] },
  { call: 'deleteQueue', does: (s) => s.deleteQueue('q', false, false), asks: ['configure queue q'] },
  { call: 'deleteQueue', about: 'its own', does: (s) => s.deleteQueue('own', false, false), asks: [] },
  { call: 'adoptQueue', does: (s) => s.adoptQueue('q'), asks: [] },
  {
    call: 'adoptConsumer',
    does: (s) => s.adoptConsumer(s.consume('own', CONSUME, SINK, NO_BACKPRESSURE)),
    asks: [],
  },
  { call: 'releaseQueue', does: (s) => s.releaseQueue('q'), asks: [] },
  { call: 'purgeQueue', does: (s) => s.purgeQueue('q'), asks: ['read queue q'] },
  {
    call: 'bindQueue',
    does: (s) => s.bindQueue('q', 'e', 'a.#', BIND),
    asks: ['write queue q', 'read exchange e', 'read topic e a.#'],
  },
  {
    call: 'bindQueue',
    about: 'its own, with slashes',
    does: (s) => s.bindQueue('own', 'e', 'a/+/b.c/#', { ...BIND, spelling: SLASH }),
    asks: ['read exchange e', 'read topic e a.*.b/c.#'],
  },
  {
    call: 'bindQueue',
    about: 'one that others use as well',
    does: (s) => s.bindQueue('shared', 'e', 'a', BIND),
    asks: ['read exchange e', 'read topic e a'],
  },
  {
    call: 'unbindQueue',
    does: (s) => s.unbindQueue('q', 'e', 'a', BIND),
    asks: ['write queue q', 'read exchange e', 'read topic e a'],
  },
  { call: 'unbindQueue', about: 'its own', does: (s) => s.unbindQueue('own', 'e', 'a', BIND), asks: [] },
  { call: 'bindings', does: (s) => s.bindings('q'), asks: [] },
  { call: 'route', does: (s) => s.route('e', DOT, key, 0, 3), asks: ['write exchange e', 'write topic e a.b'] },
  {
    call: 'route',
    about: 'to a queue',
    does: (s) => s.route('', DOT, Buffer.from('q'), 0, 1),
    asks: ['write exchange '],
  },
  { call: 'route', about: 'without topics', does: (s) => s.route('f', DOT, key, 0, 3), asks: ['write exchange f'] },
  {
    call: 'routeAll',
    does: (s) => s.routeAll('e', SLASH, ['a/b', 'c']),
    asks: ['write exchange e', 'write topic e a.b', 'write topic e c'],
  },
  {
    call: 'publish',
    does: (s) => {
      const route = s.route('e', DOT, key, 0, 3);
      asked = [];
      s.publish(route, new Draft());
    },
    asks: [],
  },
  {
    call: 'publish',
    about: 'once things have changed since the address was resolved',
    does: (s) => {
      const route = s.route('e', DOT, key, 0, 3);
      s.deleteExchange('f', false);
      asked = [];
      s.publish(route, new Draft());
    },
    asks: ['write exchange e', 'write topic e a.b'],
  },
  { call: 'consume', does: (s) => s.consume('q', CONSUME, SINK, NO_BACKPRESSURE), asks: ['read queue q'] },
  { call: 'consume', about: 'its own', does: (s) => s.consume('own', CONSUME, SINK, NO_BACKPRESSURE), asks: [] },
  { call: 'get', does: (s) => s.get('q', true, SINK, () => {}), asks: ['read queue q'] },
  { call: 'mayRead', does: (s) => s.mayRead('q'), asks: ['read queue q'] },
  {
    call: 'demandReading',
    does: (s) => s.demandReading('amq.topic', 'a.b'),
    asks: ['read exchange amq.topic', 'read topic amq.topic a.b'],
  },
  { call: 'browse', does: (s) => s.browse('q', undefined, BROWSE_SINK, NO_BACKPRESSURE), asks: ['read queue q'] },
  { call: 'attachDirect', does: (s) => s.attachDirect('q', null), asks: ['read queue q'] },
  { call: 'attachDirect', about: 'its own', does: (s) => s.attachDirect('own', null), asks: [] },
  {
    call: 'replayRetained',
    about: 'each topic by itself',
    does: (s) => {
      for (const topic of ['a.b', 'a.c']) send(s, topic, 'x', { exchange: 'e', retain: true });
      asked = [];
      s.replayRetained('own', 'e', 'a.*', { ...BIND, assurance: AT_MOST_ONCE });
      broker.turn.end();
    },
    asks: ['read exchange e', 'read topic e a.b', 'read exchange e', 'read topic e a.c'],
  },
  {
    call: 'replayRetained',
    about: 'each topic of who has rules over topics',
    does: (s) => {
      send(s, 'a.b', 'x', { exchange: 'e', retain: true });
      asked = [];
      judged = true;
      s.replayRetained('own', 'e', 'a.*', { ...BIND, assurance: AT_MOST_ONCE });
      broker.turn.end();
    },
    asks: ['receive e a.b'],
  },
  { call: 'replayHistory', does: (s) => s.replayHistory('own', 'q'), asks: ['read queue q'] },
  {
    call: 'mayUnsubscribe',
    does: (s) => {
      judged = true;
      s.mayUnsubscribe('e', 'a/+/#', SLASH);
    },
    asks: ['give up e a.*.#'],
  },
  {
    call: 'mayReceive',
    does: (s) => {
      judged = true;
      s.mayReceive('e', 'a.b');
    },
    asks: ['receive e a.b'],
  },
];

/** They name neither a queue nor an exchange, or speak of what was asked for before. */
const ASK_NOTHING: readonly (keyof ClientSession)[] = [
  'congested',
  'shortage',
  'openBody',
  'readBody',
  'properties',
  'matchProperties',
  'timeLeftMs',
  'transaction',
  'beginUnit',
  'endUnit',
  'confirms',
  'mark',
  'whenSafe',
  'sharedCredit',
  'directDrained',
  'retainedCount',
  // A user's own; what they publish is asked for each time: test/permissions/schedules.test.ts.
  'schedules',
  'retainedFull',
  // It asks for tags: test/permissions/advisories.test.ts.
  'mayKnowOf',
  'review',
  'identity',
  'expires',
  // It is asked of the broker's own users: test/permissions/administration.test.ts.
  'administration',
  'renewIdentity',
  'renewSecret',
  'ofBegun',
  'channelOpened',
  'channelClosed',
  'boundsSessions',
  'checkSessions',
  'limitsChanged',
  // It ends, by the broker's doing or an operator's.
  'end',
  'close',
];

describe('a session asks', () => {
  it.each(ROWS.map((row) => [`${row.call} ${row.about ?? ''}`, row] as const))('for %s', (_name, row) => {
    row.does(session);
    expect(asked).toEqual(row.asks);
  });

  it('for every call that there is, or it is said why not', () => {
    const names = Object.getOwnPropertyNames(ClientSession.prototype);
    const known = new Set<string>([
      ...ROWS.map(({ call }) => call),
      ...ASK_NOTHING,
      'constructor',
      'outOfMemory',
      'outOfRoom',
      'party',
      'channelCount',
      'consumers',
      'ending',
    ]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect([...known].filter((name) => !names.includes(name))).toEqual([]);
  });
});
