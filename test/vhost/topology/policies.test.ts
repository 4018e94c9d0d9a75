import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MODIFIED, type Policy, REJECTED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { type Logger, NO_LOGGER } from '../../../src/logger.ts';
import { Policies } from '../../../src/vhost/topology/policies.ts';
import { mergeDefinitions } from '../../../src/vhost/topology/policy-definition.ts';
import { consume, DURABLE, openSession, send, startCore } from '../harness.ts';

let broker: Broker;
let session: Session;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'entrepot-policies-'));
  await start();
});

afterEach(async () => {
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

async function start(options: Partial<StartOptions> = {}): Promise<void> {
  broker = await startCore(join(directory, 'data'), options);
  session = openSession(broker);
}

async function restart(options: Partial<StartOptions> = {}): Promise<void> {
  await broker.close();
  await start(options);
}

const EXCHANGE = { durable: true, autoDelete: false, internal: false, arguments: [] };

function policy(name: string, pattern: string, definition: Policy['definition'], more: Partial<Policy> = {}): Policy {
  return { name, pattern, definition, ...more };
}

/** Fails one message in `queue` for good and returns how many dead letters lie in `dead`. */
function dead(queue: string): number {
  send(session, queue, 'm');
  const consumer = consume(session, queue);
  broker.turn.end();
  for (const { slot } of consumer.seen) consumer.consumer.settle(slot, REJECTED);
  consumer.consumer.cancel();
  broker.turn.end();
  return session.checkQueue('dead').messages;
}

describe('a policy', () => {
  beforeEach(() => {
    session.declareQueue('dead', DURABLE);
  });

  const toDead = { 'dead-letter-exchange': '', 'dead-letter-routing-key': 'dead' };

  it('applies to queues that are there, to those that come, and no longer once it is cleared', async () => {
    session.declareQueue('app.one', DURABLE);
    session.declareQueue('other', DURABLE);
    await broker.policies.set('/', policy('dlx', '^app\\.', toDead));
    session.declareQueue('app.two', DURABLE);
    expect(dead('app.one')).toBe(1);
    expect(dead('app.two')).toBe(2);
    expect(dead('other')).toBe(2);
    expect(await broker.policies.clear('/', 'dlx')).toBe(true);
    expect(await broker.policies.clear('/', 'dlx')).toBe(false);
    expect(dead('app.one')).toBe(2);
  });

  it('counts alone: the highest priority, among equals the first name', async () => {
    session.declareQueue('q', DURABLE);
    await broker.policies.set('/', policy('low', 'q', { ...toDead, 'delivery-limit': 1 }));
    await broker.policies.set('/', policy('high', 'q', { 'delivery-limit': 3 }, { priority: 5 }));
    expect(dead('q')).toBe(0);
    await broker.policies.clear('/', 'high');
    expect(dead('q')).toBe(1);
  });

  it('gives way to the queue where the queue says something itself, but for the lower of two numbers', async () => {
    const limit = { name: 'x-delivery-limit', value: { type: 'int32', value: 2 } } as const;
    session.declareQueue('q', { ...DURABLE, arguments: [limit] });
    await broker.policies.set('/', policy('p', 'q', { ...toDead, 'delivery-limit': 0 }));
    send(session, 'q', 'm');
    const consumer = consume(session, 'q');
    broker.turn.end();
    consumer.consumer.settle(consumer.seen[0]!.slot, MODIFIED);
    broker.turn.end();
    expect(session.checkQueue('dead').messages).toBe(1);
  });

  it('bounds a queue that is there already, with what it holds', async () => {
    session.declareQueue('q', DURABLE);
    for (let i = 0; i < 5; i++) send(session, 'q', `${i}`);
    await broker.policies.set('/', policy('short', 'q', { 'max-length': 3 }));
    broker.turn.end();
    expect(session.checkQueue('q').messages).toBe(3);
    await broker.policies.set('/', policy('ceiling', 'q', { 'max-length': 2 }, { kind: 'operator' }));
    await broker.policies.set('/', policy('short', 'q', { 'max-length': 100 }));
    broker.turn.end();
    expect(session.checkQueue('q').messages).toBe(2);
    await broker.policies.clear('/', 'ceiling', 'operator');
    send(session, 'q', 'm');
    broker.turn.end();
    expect(session.checkQueue('q').messages).toBe(3);
  });

  it('applies to what it says it applies to', async () => {
    session.declareExchange('x', 'direct', EXCHANGE);
    session.declareExchange('rest', 'fanout', EXCHANGE);
    session.bindQueue('dead', 'rest', '', { spelling: 0, arguments: [] });
    await broker.policies.set('/', policy('ae', '^x$', { 'alternate-exchange': 'rest' }, { applyTo: 'queues' }));
    expect(send(session, 'k', 'm', { exchange: 'x' }).routed).toBe(0);
    await broker.policies.set('/', policy('ae', '^x$', { 'alternate-exchange': 'rest' }, { applyTo: 'exchanges' }));
    expect(send(session, 'k', 'm', { exchange: 'x' }).routed).toBe(1);
    await broker.policies.clear('/', 'ae');
    expect(send(session, 'k', 'm', { exchange: 'x' }).routed).toBe(0);
  });

  it('is there again after a restart, and after another', async () => {
    await broker.policies.set('/', policy('kept', '^q$', toDead, { priority: 2 }));
    await broker.policies.set('/', policy('gone', '.*', toDead));
    await broker.policies.clear('/', 'gone');
    for (let i = 0; i < 2; i++) {
      await restart();
      expect(broker.policies.list('/')).toEqual([
        {
          name: 'kept',
          pattern: '^q$',
          applyTo: 'all',
          priority: 2,
          kind: 'policy',
          definition: toDead,
          configured: false,
        },
      ]);
    }
    session.declareQueue('q', DURABLE);
    expect(dead('q')).toBe(1);
  });

  it('is in force for each of very many queues when the first client comes after a start', async () => {
    const many = 20_000;
    for (let i = 0; i < many; i++) session.declareQueue(`many${i}`, DURABLE);
    await broker.policies.set('/', policy('short', '^many', { 'max-length': 1 }));
    await restart();
    for (const body of ['a', 'b', 'c']) send(session, `many${many - 1}`, body);
    expect(session.checkQueue(`many${many - 1}`).messages).toBe(1);
  });

  it('of the configuration is there while the configuration has it, and changed only there', async () => {
    await restart({ vhosts: [{ name: '/', policies: [policy('p', '^q$', toDead)] }] });
    session.declareQueue('q', DURABLE);
    expect(dead('q')).toBe(1);
    await expect(broker.policies.set('/', policy('p', 'x', toDead))).rejects.toThrow('set by the configuration');
    await expect(broker.policies.clear('/', 'p')).rejects.toThrow('set by the configuration');
    await restart();
    expect(broker.policies.list('/')).toEqual([]);
    expect(dead('q')).toBe(1);
  });

  it('is refused when it means nothing', async () => {
    const refused = (one: Policy, text: string) => expect(broker.policies.set('/', one)).rejects.toThrow(text);
    await refused(policy('p', '.*', { 'max-lenght': 5 }), 'not recognised policy settings');
    await refused(policy('p', '.*', { 'message-ttl': -1 }), '-1 is not a valid message TTL');
    await refused(policy('p', '(', { 'message-ttl': 1 }), 'not a valid regular expression');
    await refused(policy('p', 'x'.repeat(2_000), { 'message-ttl': 1 }), 'longer than 1024');
    await refused(policy('p', '.*', {}), 'the definition is empty');
    await refused(policy('p', '.*', { 'dead-letter-exchange': 'x' }, { kind: 'operator' }), 'of an operator policy');
    await expect(broker.policies.set('/none', policy('p', '.*', { expires: 1 }))).rejects.toThrow("vhost '/none'");
    expect(broker.policies.list('/')).toEqual([]);
  });
});

describe('definitions', () => {
  it('of an operator lower numbers and win otherwise', () => {
    const merged = mergeDefinitions(
      { 'message-ttl': 100, 'max-length': 5, overflow: 'drop-head' },
      { 'message-ttl': 50, 'max-length': 10, overflow: 'reject-publish', expires: 7 },
    );
    expect(merged).toEqual({ 'message-ttl': 50, 'max-length': 5, overflow: 'reject-publish', expires: 7 });
  });
});

describe('a pattern', () => {
  it('that the log has from before, and that is not taken any more, matches nothing and is reported', () => {
    const told: object[] = [];
    const logger = { ...NO_LOGGER, warn: (fields: object) => told.push(fields) };
    const policies = new Policies({ policy() {}, policyCleared() {} }, logger as Logger, '/');
    const one = policy('old', '^(?!x)', { 'max-length': 1 });
    expect(() => policies.set(one)).toThrow('not a valid regular expression');
    policies.restore([one]);
    expect(policies.list()).toMatchObject([{ name: 'old', pattern: '^(?!x)' }]);
    expect(policies.forQueue('y', []).policy).toBe(undefined);
    expect(told).toMatchObject([{ vhost: '/', policy: 'old' }]);
  });
});
