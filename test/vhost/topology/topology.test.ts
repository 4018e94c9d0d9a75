/** What is declared, compared, deleted and written down of exchanges, queues and bindings. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { BindOptions, ExchangeOptions, QueueOptions } from '../../../src/api/index.ts';
import type { BrokerError } from '../../../src/message/errors.ts';
import type { Queue } from '../../../src/queue/queue.ts';
import type { TopologyLimits } from '../../../src/vhost/topology/limits.ts';
import type { PolicyJournal } from '../../../src/vhost/topology/policies.ts';
import type { Topology } from '../../../src/vhost/topology/topology.ts';
import type { TopologyJournal } from '../../../src/vhost/topology/topology-journal.ts';
import { makeTopology } from '../harness.ts';

const EXCHANGE: ExchangeOptions = { durable: true, autoDelete: false, internal: false, arguments: [] };
const QUEUE: QueueOptions = { durable: true, exclusive: false, autoDelete: false, arguments: [] };
const BIND: BindOptions = { spelling: 0, arguments: [] };

let topology: Topology;
let written: string[];

beforeEach(() => {
  open();
});

function open(limits: TopologyLimits = {}): void {
  written = [];
  const journal = new Proxy({} as TopologyJournal & PolicyJournal, {
    get: (_, name) => (about: { name?: string; key?: string } | string) => {
      const what = typeof about === 'string' ? about : (about.name ?? about.key ?? '');
      written.push(`${String(name)} ${what}`);
    },
  });
  ({ topology } = makeTopology({ journal, limits }));
}

function code(run: () => unknown): string {
  try {
    run();
    return 'fine';
  } catch (error) {
    return (error as BrokerError).code;
  }
}

const journal = (): string[] => written.splice(0);
const declare = (name: string, options: Partial<QueueOptions> = {}, session: object | null = null): Queue =>
  topology.declareQueue(name, { ...QUEUE, ...options }, session).queue;
const exchange = (name: string, options: Partial<ExchangeOptions> = {}, type = 'fanout'): boolean =>
  topology.declareExchange(name, type, { ...EXCHANGE, ...options });

describe('an exchange', () => {
  it('is there from the start where everybody expects one, and cannot be deleted', () => {
    const types = Object.fromEntries([...topology.exchanges.values()].map(({ name, type }) => [name, type]));
    expect(types).toEqual({
      'amq.direct': 'direct',
      'amq.fanout': 'fanout',
      'amq.topic': 'topic',
      'amq.headers': 'headers',
      'amq.match': 'headers',
      'amq.rabbitmq.trace': 'topic',
    });
    expect(topology.registry.exchange('amq.rabbitmq.trace').internal).toBe(true);
    expect(topology.registry.exchange('amq.topic').internal).toBe(false);
    expect(code(() => topology.deleteExchange('amq.topic', false))).toBe('access-refused');
  });

  it('is written down once where it is durable', () => {
    expect([exchange('x'), exchange('x'), exchange('y', { durable: false })]).toEqual([true, false, false]);
    expect(journal()).toEqual(['exchange x']);
    expect([topology.deleteExchange('x', false), topology.deleteExchange('y', false)]).toEqual([true, false]);
    expect(topology.deleteExchange('x', false)).toBe(false);
    expect(journal()).toEqual(['exchangeDeleted x']);
  });

  it('is declared again only as it is', () => {
    exchange('x', { arguments: [{ name: 'alternate-exchange', value: 'a' }] });
    const same = { arguments: [{ name: 'alternate-exchange', value: 'a' }] };
    expect(code(() => exchange('x', same))).toBe('fine');
    for (const other of [{ durable: false }, { autoDelete: true }, { internal: true }]) {
      expect(code(() => exchange('x', { ...same, ...other }))).toBe('precondition-failed');
    }
    expect(code(() => exchange('x', same, 'direct'))).toBe('precondition-failed');
    expect(code(() => exchange('x'))).toBe('precondition-failed');
  });

  it('has a name that is its own, neither reserved, nor empty, nor too long', () => {
    expect(code(() => exchange(''))).toBe('access-refused');
    expect(code(() => exchange('amq.mine'))).toBe('access-refused');
    expect(code(() => exchange('x'.repeat(255)))).toBe('fine');
    expect(code(() => exchange('x'.repeat(256)))).toBe('precondition-failed');
    expect(code(() => exchange('é'.repeat(128)))).toBe('precondition-failed');
    expect(code(() => exchange('y', { arguments: [{ name: 'alternate-exchange', value: true }] }))).toBe(
      'precondition-failed',
    );
    expect(code(() => topology.registry.exchange('nowhere'))).toBe('not-found');
  });

  it('that is in use is not deleted by who asks for that', () => {
    exchange('x');
    topology.bind('x', declare('q'), null, '', BIND);
    expect(code(() => topology.deleteExchange('x', true))).toBe('precondition-failed');
    topology.unbind('x', declare('q'), null, '', BIND);
    expect(code(() => topology.deleteExchange('x', true))).toBe('fine');
  });

  it('that goes takes its bindings both ways along', () => {
    for (const name of ['a', 'x', 'b']) exchange(name);
    const queue = declare('q');
    topology.bind('a', null, 'x', '', BIND);
    topology.bind('x', null, 'b', '', BIND);
    topology.bind('x', queue, null, '', BIND);
    topology.deleteExchange('x', false);
    expect(topology.registry.exchange('a').bindings.size).toBe(0);
    expect(topology.registry.exchange('b').incoming.size).toBe(0);
    expect(topology.bindingsOf(queue)).toEqual([]);
  });

  it('that goes when it leads nowhere any more goes with its last binding, and those before it, too', () => {
    exchange('first', { autoDelete: true });
    exchange('second', { autoDelete: true });
    exchange('stays');
    const [q, r] = [declare('q'), declare('r')];
    topology.bind('first', null, 'second', '', BIND);
    topology.bind('second', q, null, '', BIND);
    topology.bind('second', r, null, '', BIND);
    topology.bind('stays', q, null, '', BIND);
    topology.deleteQueue(q);
    expect(topology.exchanges.has('second')).toBe(true);
    topology.unbind('second', r, null, '', BIND);
    expect(['first', 'second', 'stays'].map((name) => topology.exchanges.has(name))).toEqual([false, false, true]);
  });
});

describe('a queue', () => {
  it('is written down where it outlives the broker', () => {
    declare('q');
    declare('t', { durable: false });
    declare('e', { exclusive: true }, {});
    expect(journal()).toEqual(['queue q']);
    for (const name of ['q', 't', 'e']) topology.deleteQueue(topology.queues.get(name)!);
    expect(journal()).toEqual(['queueDeleted q']);
    expect([topology.queues.size, topology.queuesById.size]).toEqual([0, 0]);
  });

  it('has a number of its own for good', () => {
    const first = declare('q').id;
    topology.deleteQueue(topology.queues.get('q')!);
    expect(declare('q').id).toBe(first + 1);
    expect(topology.registry.nextQueue).toBe(first + 2);
    topology.registry.expectQueue(1);
    expect(topology.registry.nextQueue).toBe(first + 2);
    topology.registry.expectQueue(100);
    expect(declare('r').id).toBe(100);
  });

  it('is declared again only as it is, and is the same then', () => {
    const queue = declare('q');
    journal();
    expect(topology.declareQueue('q', QUEUE, null)).toEqual({ queue, wrote: false, made: false });
    expect(journal()).toEqual([]);
    for (const other of [{ durable: false }, { autoDelete: true }]) {
      expect(code(() => declare('q', other))).toBe('precondition-failed');
    }
    expect(code(() => declare('q', { exclusive: true }))).toBe('resource-locked');
    expect(
      code(() => declare('q', { arguments: [{ name: 'x-max-length', value: { type: 'int32', value: 1 } }] })),
    ).toBe('precondition-failed');
  });

  it('that is somebody’s alone is locked to everybody else', () => {
    const [mine, yours] = [{}, {}];
    declare('q', { exclusive: true }, mine);
    expect(code(() => declare('q', { exclusive: true }, mine))).toBe('fine');
    expect(code(() => declare('q', { exclusive: true }, yours))).toBe('resource-locked');
    expect(code(() => topology.queue('q', mine))).toBe('fine');
    expect(code(() => topology.queue('q', yours))).toBe('resource-locked');
    expect(code(() => topology.queue('other', mine))).toBe('not-found');
  });

  it('without a name gets one, a reserved one; nobody else may choose such a name', () => {
    const [a, b] = [declare('').name, declare('').name];
    expect(a).toMatch(/^amq\.gen-[A-Za-z0-9_-]{22}$/);
    expect(a).not.toBe(b);
    expect(code(() => declare('amq.mine'))).toBe('access-refused');
    expect(code(() => declare('amq.own', { ownUse: true }))).toBe('fine');
    expect(code(() => declare('q'.repeat(65_535)))).toBe('fine');
    expect(code(() => declare('q'.repeat(65_536)))).toBe('precondition-failed');
  });
});

describe('a binding', () => {
  it('is written down where both its ends outlive the broker', () => {
    exchange('x');
    exchange('t', { durable: false });
    exchange('y');
    const [q, t, e] = [declare('q'), declare('t', { durable: false }), declare('e', { exclusive: true }, {})];
    journal();
    const wrote = (source: string, queue: Queue | null, to: string | null = null): boolean =>
      topology.bind(source, queue, to, 'k', BIND);
    expect([wrote('x', q), wrote('x', t), wrote('x', e), wrote('t', q)]).toEqual([true, false, false, false]);
    expect([wrote('x', null, 'y'), wrote('x', null, 't'), wrote('t', null, 'x')]).toEqual([true, false, false]);
    expect(journal()).toEqual(['bound k', 'bound k']);
    expect(topology.bindings.durable()).toHaveLength(2);
    expect([topology.unbind('x', q, null, 'k', BIND), topology.unbind('x', t, null, 'k', BIND)]).toEqual([true, false]);
    expect(topology.unbind('x', q, null, 'k', BIND)).toBe(false);
    expect(journal()).toEqual(['unbound k']);
  });

  it('that is there already is not written down again, unless what it asks for is another thing', () => {
    const queue = declare('q');
    const bind = (more: Partial<BindOptions> = {}): boolean =>
      topology.bind('amq.topic', queue, null, 'a', { ...BIND, ...more });
    expect([bind(), bind()]).toEqual([true, false]);
    const changes: Partial<BindOptions>[] = [
      { assurance: 1 },
      { hideReserved: true },
      { keepRetain: true },
      { notOwn: true },
      { data: 7 },
    ];
    for (const change of changes) {
      expect([change, bind(change), bind(change)]).toEqual([change, true, false]);
      expect(topology.bindingsOf(queue)).toHaveLength(1);
      expect(topology.bindingsOf(queue)[0]!.options).toMatchObject(change);
    }
    expect(bind({ assurance: 2, hideReserved: false, keepRetain: false, notOwn: false, data: 0 })).toBe(true);
    expect(bind()).toBe(false);
  });

  it('is one of several of its queue, told in the order in which they were made', () => {
    const queue = declare('q');
    for (const key of ['b', 'a', 'c']) topology.bind('amq.topic', queue, null, key, BIND);
    topology.bind('amq.direct', queue, null, 'd', BIND);
    expect(topology.bindingsOf(queue).map(({ exchange: source, key }) => `${source} ${key}`)).toEqual([
      'amq.topic b',
      'amq.topic a',
      'amq.topic c',
      'amq.direct d',
    ]);
    expect(topology.bindingsOf(declare('r'))).toEqual([]);
  });

  it('leads from and to what is there, and never from or to the default exchange', () => {
    const queue = declare('q');
    expect(code(() => topology.bind('', queue, null, 'k', BIND))).toBe('access-refused');
    expect(code(() => topology.bind('amq.topic', null, '', 'k', BIND))).toBe('access-refused');
    expect(code(() => topology.bind('nowhere', queue, null, 'k', BIND))).toBe('not-found');
    expect(code(() => topology.bind('amq.topic', null, 'nowhere', 'k', BIND))).toBe('not-found');
    expect(topology.unbind('nowhere', queue, null, 'k', BIND)).toBe(false);
    expect(topology.unbind('amq.topic', null, 'nowhere', 'k', BIND)).toBe(false);
    expect(code(() => topology.unbind('', queue, null, 'k', BIND))).toBe('access-refused');
  });

  it('is known as there until it goes, or its source does', () => {
    exchange('x');
    const queue = declare('q');
    topology.bind('x', queue, null, 'k', BIND);
    const [binding] = topology.bindings.durable();
    expect(topology.bindings.has(binding!)).toBe(true);
    topology.unbind('x', queue, null, 'k', BIND);
    expect(topology.bindings.has(binding!)).toBe(false);
    topology.bind('x', queue, null, 'k', BIND);
    expect(topology.bindings.has(binding!)).toBe(false); // another one
    const [again] = topology.bindings.durable();
    topology.deleteExchange('x', false);
    exchange('x');
    expect(topology.bindings.has(again!)).toBe(false);
  });
});

describe('a checkpoint', () => {
  it('has what outlives the broker, and what is there by itself is left out', () => {
    exchange('x');
    exchange('t', { durable: false });
    declare('q');
    declare('s', { durable: false });
    declare('e', { exclusive: true }, {});
    expect(topology.registry.durableExchanges().map(({ name }) => name)).toEqual(['x']);
    expect(topology.registry.durableQueues().map(({ name }) => name)).toEqual(['q']);
  });
});

it('limits bound what is declared, not what is there', () => {
  open({ queues: 2, exchanges: 1, bindingsPerQueue: 1 });
  const queue = declare('a');
  declare('b');
  expect(code(() => declare('c'))).not.toBe('fine');
  expect(code(() => declare('a'))).toBe('fine');
  exchange('x');
  expect(code(() => exchange('y'))).not.toBe('fine');
  expect(code(() => exchange('x'))).toBe('fine');
  topology.bind('x', queue, null, 'k', BIND);
  expect(code(() => topology.bind('x', queue, null, 'l', BIND))).not.toBe('fine');
  expect(code(() => topology.bind('x', queue, null, 'k', { ...BIND, data: 3 }))).toBe('fine');
});
