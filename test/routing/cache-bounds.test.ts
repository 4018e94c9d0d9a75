/** The route cache is bounded, and what falls out of it says so. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Queue } from '../../src/queue/queue.ts';
import type { CompiledRoute } from '../../src/routing/route.ts';
import type { Router } from '../../src/routing/router.ts';
import type { Topology } from '../../src/vhost/topology/topology.ts';
import { makeTopology } from '../vhost/harness.ts';

const PLAIN = { durable: false, exclusive: false, autoDelete: false, arguments: [] };
let topology: Topology;
let router: Router<Queue>;

function start(targetsMax?: number): void {
  ({ topology, router } = makeTopology(targetsMax === undefined ? {} : { targetsMax }));
}

beforeEach(() => start());

function route(key: string, exchange = ''): CompiledRoute<Queue> {
  const bytes = Buffer.from(`..${key}.`);
  return router.route(exchange, 0, bytes, 2, bytes.length - 1, '/');
}

function fanout(name: string, queues: number): void {
  topology.declareExchange(name, 'fanout', { durable: false, autoDelete: false, internal: false, arguments: [] });
  for (let i = 0; i < queues; i++) {
    const { queue } = topology.declareQueue(`${name}-${i}`, PLAIN, null);
    topology.bind(name, queue, null, '', { spelling: 0, arguments: [] });
  }
}

describe('the cache of routes', () => {
  it('holds as many targets as it may, each route counted with one more, and then begins anew', () => {
    start(12);
    fanout('x', 3);
    const held = ['a', 'b', 'c'].map((key) => route(key, 'x')); // 4 each
    expect(router.size).toBe(3);
    expect(held.every(({ valid }) => valid)).toBe(true);
    expect(route('a', 'x')).toBe(held[0]);
    const next = route('d', 'x');
    expect(held.some(({ valid }) => valid)).toBe(false);
    expect([router.size, next.valid]).toEqual([1, true]);
    // And what was given up is not counted any more.
    route('e', 'x');
    route('f', 'x');
    expect([router.size, next.valid]).toEqual([3, true]);
  });

  it('has room again for what a change of bindings took out', () => {
    start(8);
    fanout('x', 3);
    const other = route('nowhere');
    for (let i = 0; i < 20; i++) {
      route('a', 'x');
      const queue = topology.queues.get('x-0')!;
      topology.unbind('x', queue, null, '', { spelling: 0, arguments: [] });
      topology.bind('x', queue, null, '', { spelling: 0, arguments: [] });
    }
    expect(other.valid).toBe(true);
  });

  it('keeps what a queue that comes or goes does not concern', () => {
    const [mine, other] = [route('mine'), route('other')];
    topology.declareQueue('mine', PLAIN, null);
    expect([mine.valid, other.valid]).toEqual([false, true]);
    const now = route('mine');
    expect(now.targets.map(({ name }) => name)).toEqual(['mine']);
    topology.deleteQueue(topology.queues.get('mine')!);
    expect([now.valid, other.valid]).toEqual([false, true]);
    expect(route('mine').targets).toEqual([]);
  });

  it('reads the key where it lies, and no further', () => {
    topology.declareQueue('key', PLAIN, null);
    expect(route('key')).toMatchObject({ key: 'key', valid: true });
    expect(route('key').targets.map(({ name }) => name)).toEqual(['key']);
  });
});

describe('routes over several keys', () => {
  it('are remembered, in this order of keys, and not mistaken for others', () => {
    for (const name of ['a', 'b', 'ab']) topology.declareQueue(name, PLAIN, null);
    const names = (...keys: string[]): string[] => router.routeAll('', 0, keys, '/').targets.map(({ name }) => name);
    expect(router.routeAll('', 0, ['a', 'b'], '/')).toBe(router.routeAll('', 0, ['a', 'b'], '/'));
    expect(names('a', 'b')).toEqual(['a', 'b']);
    expect(names('b', 'a')).toEqual(['b', 'a']);
    expect(names('ab')).toEqual(['ab']);
    expect(names('a', 'b', 'a')).toEqual(['a', 'b']);
    expect(names('1:a')).toEqual([]);
  });

  it.each([
    ['direct', ['a', 'b']],
    ['topic', ['a', 'b']],
    ['x-modulus-hash', 1],
    ['x-random', 1],
  ] as const)('through a %s exchange: by each of them, or by the first where one is chosen', (type, led) => {
    topology.declareExchange('x', type, { durable: false, autoDelete: false, internal: false, arguments: [] });
    for (const name of ['a', 'b', 'c']) {
      topology.declareQueue(name, PLAIN, null);
      topology.bind('x', topology.queues.get(name)!, null, name, { spelling: 0, arguments: [] });
    }
    const route = router.routeAll('x', 0, ['a', 'b'], '/');
    const { targets } = route.perMessage ? router.resolve(route, { headers: [] }) : route;
    if (typeof led === 'number') expect(targets.length).toBe(led);
    else expect(targets.map(({ name }) => name)).toEqual(led);
  });

  it('are bounded together: 16,384 targets and keys', () => {
    const first = router.routeAll('', 0, ['first', 'other'], '/');
    for (let i = 0; i < 8_191; i++) router.routeAll('', 0, [`k${i}`, 'other'], '/');
    expect(first.valid).toBe(true);
    router.routeAll('', 0, ['one more', 'other'], '/');
    expect(first.valid).toBe(false);
    const again = router.routeAll('', 0, ['first', 'other'], '/');
    for (let i = 0; i < 8_000; i++) router.routeAll('', 0, [`l${i}`, 'other'], '/');
    expect(again.valid).toBe(true);
  });

  it('go at any change of bindings or queues', () => {
    const held = router.routeAll('', 0, ['a', 'b'], '/');
    topology.declareQueue('z', PLAIN, null);
    expect(held.valid).toBe(false);
  });
});
