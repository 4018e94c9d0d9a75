/** Rules that change: each session loses what it may not have any more, in parts, however much it has. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BindingInfo, DOT, NO_BACKPRESSURE, type Session, type SessionClient } from '../../src/api/index.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { CreepingClock } from '../support/creeping-clock.ts';
import { openSession, startCore } from '../vhost/harness.ts';
import { RulesByUser } from './harness.ts';

let clock: CreepingClock;
let rules: RulesByUser;
let broker: Broker;

beforeEach(async () => {
  clock = new CreepingClock();
  rules = new RulesByUser();
  rules.set('u', {});
  const authenticator = Object.assign(rules, {
    authenticate: (_c: unknown, done: (identity: { user: string }) => void) => done({ user: 'u' }),
  });
  broker = await startCore(null, { authenticator, clock });
});

afterEach(() => broker.close());

const QUEUE = { durable: false, exclusive: false, autoDelete: false, arguments: [] };
const BIND = { spelling: DOT, arguments: [] } as const;
const CONSUME = { tag: 't', settled: true, exclusive: false, prefetch: 0, arguments: [] };

function consumers(session: Session, count: number, ended: string[]): void {
  for (let i = 0; i < count; i++) {
    const sink = { deliver() {}, cancelled: (reason: string) => ended.push(reason) };
    session.consume('q', CONSUME, sink, NO_BACKPRESSURE);
  }
}

describe('rules that change', () => {
  it('end consumers in parts, each once', () => {
    const session = openSession(broker);
    session.declareQueue('q', QUEUE);
    const ended: string[] = [];
    consumers(session, 2_000, ended);
    clock.stepMs = 0.5;
    broker.turn.end();
    rules.set('u', { read: '^other' });
    const atOnce = ended.length;
    expect(atOnce).toBeLessThan(2_000);
    for (let turns = 0; ended.length < 2_000; turns++) {
      if (turns > 5_000) throw new Error(`${ended.length} of 2,000 after 5,000 turns`);
      clock.advance(5);
      broker.turn.end();
    }
    for (let turns = 0; turns < 10; turns++) broker.turn.end();
    expect(new Set(ended)).toEqual(new Set(['access-refused']));
    expect(ended.length).toBe(2_000);
  });

  it('that come while others are looked at count as well', () => {
    const session = openSession(broker);
    session.declareQueue('q', QUEUE);
    const ended: string[] = [];
    consumers(session, 500, ended);
    clock.stepMs = 0.5;
    broker.turn.end();
    rules.set('u', { configure: '' });
    rules.set('u', { read: '' });
    for (let turns = 0; turns < 2_000; turns++) {
      clock.advance(5);
      broker.turn.end();
    }
    expect(ended.length).toBe(500);
  });

  it('leave alone what may stay', () => {
    const session = openSession(broker);
    session.declareQueue('q', QUEUE);
    const ended: string[] = [];
    consumers(session, 3, ended);
    rules.set('u', { read: '^q$', configure: '', write: '' });
    broker.turn.end();
    expect(ended).toEqual([]);
  });

  it('take bindings from a queue of its own, and tell which', () => {
    const lost: (readonly [string, readonly BindingInfo[]])[] = [];
    const client: SessionClient = {
      uncongested() {},
      kicked() {},
      accessLost: (queue, bindings) => lost.push([queue, bindings]),
    };
    const session = openSession(broker, client);
    session.declareQueue('own', { ...QUEUE, ownUse: true });
    session.bindQueue('own', 'amq.topic', 'a.#', BIND);
    session.bindQueue('own', 'amq.topic', 'b.#', BIND);
    rules.set('u', { topics: [{ exchange: 'amq.topic', write: '', read: '^a' }] });
    expect(lost).toMatchObject([['own', [{ exchange: 'amq.topic', key: 'b.#' }]]]);
    expect(session.bindings('own').map(({ key }) => key)).toEqual(['a.#']);
  });

  it('end the consumers of an exclusive queue that has lost what it was bound to', () => {
    const session = openSession(broker);
    session.declareQueue('q', { ...QUEUE, exclusive: true });
    session.bindQueue('q', 'amq.topic', 'b.#', BIND);
    const ended: string[] = [];
    consumers(session, 1, ended);
    rules.set('u', { topics: [{ exchange: 'amq.topic', write: '', read: '^a' }] });
    expect(session.bindings('q')).toEqual([]);
    expect(ended).toEqual(['access-refused']);
  });

  it('leave the session of an adapter alone', () => {
    const entered = broker.enterAsAdapter('adapter', '/', { uncongested() {}, kicked() {} });
    if ('refused' in entered) throw new Error(entered.reason);
    entered.declareQueue('q', QUEUE);
    const ended: string[] = [];
    consumers(entered, 1, ended);
    rules.set('adapter', undefined);
    broker.turn.end();
    expect(ended).toEqual([]);
  });
});
